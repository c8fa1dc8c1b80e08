//! The right to act in the name of others: CAP_NET_ADMIN, for interception, source addresses of
//! clients and firewall marks.

use std::io;

use rustix::thread::{
    CapabilitySet, CapabilitySets, capabilities, set_capabilities, set_keep_capabilities,
};
use socket2::{Domain, Protocol, Socket, Type};
use vestibule_config::{Config, Interception, SourceAddress};

/// The least that is needed (ip(7): IP_TRANSPARENT; socket(7): SO_MARK).
const NEEDED: CapabilitySet = CapabilitySet::NET_ADMIN;

/// Whether `config` asks for anything that an ordinary user may not do.
pub(super) fn are_needed(config: &Config) -> bool {
    let intercepts = |interception: Option<Interception>| {
        matches!(interception, Some(Interception::Any | Interception::Tproxy))
    };
    marks(config).is_some()
        || poses(config).is_some()
        || config.listeners.iter().any(|l| intercepts(l.transparent))
}

/// Makes a coming change of the user leave the rights alone. They have to be taken up again by
/// [`take_up`].
///
/// # Errors
///
/// When the system refuses.
pub(super) fn keep() -> io::Result<()> {
    Ok(set_keep_capabilities(true)?)
}

/// After the user was changed: takes the rights up again, and lets go of all others.
///
/// # Errors
///
/// When the system refuses.
pub(super) fn take_up() -> io::Result<()> {
    let kept = capabilities(None)?.permitted & NEEDED;
    set_capabilities(
        None,
        CapabilitySets {
            effective: kept,
            permitted: kept,
            inheritable: CapabilitySet::empty(),
        },
    )?;
    Ok(set_keep_capabilities(false)?)
}

/// Whether the process may do what `config` asks for.
///
/// # Errors
///
/// A sentence that says what it may not, and what would help.
pub(super) fn check(config: &Config) -> Result<(), String> {
    if let Some((key, mark)) = marks(config) {
        let tried = socket().and_then(|socket| socket.set_mark(mark));
        tried.map_err(|error| refused(&key, &error))?;
    }
    if let Some(service) = poses(config) {
        let tried = socket().and_then(|socket| socket.set_ip_transparent_v4(true));
        let key = format!("source = \"client\" of service \"{service}\"");
        tried.map_err(|error| refused(&key, &error))?;
    }
    Ok(())
}

/// What is to be marked first, and how.
fn marks(config: &Config) -> Option<(String, u32)> {
    let of_tcp = config.tcp.mark.map(|mark| ("tcp.mark".to_owned(), mark));
    let mut services = config.services.iter();
    let of_service = || {
        services.find_map(|service| {
            let key = format!("mark of service \"{}\"", service.name);
            Some((key, service.mark?))
        })
    };
    let (key, mark) = of_tcp.or_else(of_service)?;
    Some((key, mark.get()))
}

/// The first service whose connections come from the addresses of clients.
fn poses(config: &Config) -> Option<&str> {
    let mut services = config.services.iter();
    let service = services.find(|service| service.source == SourceAddress::Client)?;
    Some(&service.name)
}

fn socket() -> io::Result<Socket> {
    Socket::new(Domain::IPV4, Type::STREAM, Some(Protocol::TCP))
}

fn refused(key: &str, error: &io::Error) -> String {
    format!(
        "{key}: {error}: this needs CAP_NET_ADMIN, from the start on: start as root, or with \
         AmbientCapabilities=CAP_NET_ADMIN in the systemd unit"
    )
}
