//! File descriptors: how many there may be, and how many connections that makes.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use vestibule_config::Config;

/// Descriptors of one connection: the client's and the upstream's.
const PER_CONNECTION: usize = 2;

/// Descriptors of a worker: the event queue, its waker and what a library may need.
const PER_WORKER: usize = 8;

/// Descriptors of a listening address for each worker: the socket, held by the worker and by the
/// supervisor, and a connection that was accepted but waits for a place.
const PER_ADDRESS: usize = 3;

/// Descriptors of the process: standard streams, logs, name look-ups, control connections.
const PROCESS: usize = 64;

/// Connections of the admin listener at once; for further ones the oldest give way.
pub(crate) const ADMIN_CONNECTIONS: usize = 64;

/// What is counted with where there is no limit.
const UNLIMITED: usize = 1 << 20;

/// Raises the soft limit to the hard one, and answers how many connections fit, or as many as the
/// configuration asks for if those fit.
///
/// # Errors
///
/// The arithmetic, when those asked for do not fit.
pub(super) fn connections(config: &Config, workers: usize) -> Result<usize, String> {
    let descriptors = raise();
    let listening: usize = config.listeners.iter().map(|l| l.bind.len()).sum();
    let checked = config.services.iter().filter(|s| s.health.is_some());
    let checks: usize = checked.map(|service| service.upstreams.len()).sum();
    let admin = config.admin.listen.map_or(0, |_| ADMIN_CONNECTIONS);
    let components = match config.components.len() {
        0 => 0,
        n => n + PER_WORKER,
    };
    let overhead =
        PROCESS + admin + checks + components + workers * (PER_WORKER + PER_ADDRESS * listening);
    let fit = descriptors.saturating_sub(overhead) / PER_CONNECTION;
    match config.limits.connections.map(usize::from) {
        Some(wanted) if wanted > fit => Err(format!(
            "limits.connections = {wanted} needs {} file descriptors ({PER_CONNECTION} for each \
             connection and {overhead} for {workers} workers, {listening} addresses and the \
             process), but the limit is {descriptors} (RLIMIT_NOFILE): raise it, for example by \
             LimitNOFILE= in the systemd unit, or set limits.connections to {fit} or less",
            wanted * PER_CONNECTION + overhead,
        )),
        Some(wanted) => Ok(wanted),
        None if fit == 0 => Err(format!(
            "the limit of {descriptors} file descriptors (RLIMIT_NOFILE) leaves none for \
             connections: {overhead} are needed for {workers} workers, {listening} addresses and \
             the process"
        )),
        None => Ok(fit),
    }
}

fn raise() -> usize {
    let limit = getrlimit(Resource::Nofile);
    let _ = setrlimit(
        Resource::Nofile,
        Rlimit {
            current: limit.maximum,
            maximum: limit.maximum,
        },
    );
    getrlimit(Resource::Nofile)
        .current
        .map_or(UNLIMITED, |n| usize::try_from(n).unwrap_or(UNLIMITED))
}
