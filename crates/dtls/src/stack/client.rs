//! Associations with servers.

use std::{fmt, time::Instant};

use purecrypto::tls::{Config, Connection, ResumptionSession};

use super::{ClientSettings, config, session::StackSession};
use crate::session::Fault;

/// An association with a server. Its certificates are not checked: only that it has the key of the first one.
pub type ClientSession = StackSession;

/// Begins an association. Its first flight is ready to be sent.
///
/// # Errors
/// [`Fault::Internal`] if the name is not one to 255 visible ASCII characters.
pub fn connect(settings: &ClientSettings, now: Instant) -> Result<ClientSession, Fault> {
    begin(settings, &config::client(settings), now)
}

fn begin(settings: &ClientSettings, config: &Config, now: Instant) -> Result<ClientSession, Fault> {
    let (version, name) = (settings.version, settings.server_name.as_str());
    // The stack writes a name of any length.
    if !(1..=255).contains(&name.len()) || !name.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(Fault::Internal);
    }
    let connection = Connection::client(config).map_err(|_| Fault::Internal)?;
    // The stack sets the first timer before it knows of any time, so that its clock must begin here.
    Ok(StackSession::client(connection, version, now, name))
}

/// What other clients offer: for tests.
#[cfg(feature = "test-vectors")]
#[derive(Clone, Copy, Debug)]
pub struct Offer {
    /// Suites, by their numbers in the registry.
    pub suites: &'static [u16],
    /// Whether it can send Connection IDs.
    pub connection_id: bool,
    /// Whether it insists on P-256, and in DTLS 1.3 has no share for another group.
    pub p256: bool,
}

/// As [`connect`], with another offer.
///
/// # Errors
/// As [`connect`].
#[cfg(feature = "test-vectors")]
pub fn connect_offering(
    settings: &ClientSettings,
    offer: &Offer,
    now: Instant,
) -> Result<ClientSession, Fault> {
    let mut config = config::client(settings);
    config.cipher_suites = Some(offer.suites.to_vec());
    if !offer.connection_id {
        config.connection_id = None;
    }
    if offer.p256 {
        let groups = vec![purecrypto::tls::NamedGroup::Secp256r1];
        config.key_exchange_groups = Some(groups.clone());
        config.key_shares = Some(groups);
    }
    begin(settings, &config, now)
}

impl ClientSession {
    /// What is needed to resume this association, if the server has given a ticket since the last call.
    pub fn take_resumption(&mut self) -> Option<Resumption> {
        let server_name = self.server_name()?.into();
        let session = self.connection.take_session()?;
        Some(Resumption {
            session,
            server_name,
        })
    }
}

/// What is needed to resume an association with the same server. It is secret.
#[derive(Clone)]
pub struct Resumption {
    pub(super) session: ResumptionSession,
    /// The name, or address, under which the association was made.
    pub(super) server_name: Box<str>,
}

impl fmt::Debug for Resumption {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Resumption")
    }
}
