//! Watching and steering the running process: read-only HTTP, and a unix socket for everything
//! that changes state or shows client addresses.

pub(crate) mod control;
mod http;
mod patient;

use std::{io::ErrorKind, net::SocketAddr, rc::Rc};

use vestibule_config::Admin;

use crate::supervisor::Supervisor;

/// What `[admin]` asks for, bound but not served yet. The control socket's file is removed when
/// this is dropped.
pub(crate) struct Endpoints {
    http: Option<std::net::TcpListener>,
    control: Option<control::Socket>,
}

/// Where `[admin]` is served. Removes the control socket's file when dropped.
pub(crate) struct Served {
    /// The address of the HTTP listener.
    pub(crate) http: Option<SocketAddr>,
    _control: Option<crate::sys::SocketFile>,
}

/// Binds what `config` asks for. Before privileges are dropped and before anything is accepted, so
/// that what cannot be had costs nobody a connection.
///
/// # Errors
///
/// A sentence that says what cannot be bound.
pub(crate) fn bind(config: &Admin) -> Result<Endpoints, String> {
    let http = match config.listen {
        None => None,
        Some(address) => Some(
            http::bind(address)
                .map_err(|error| format!("admin.listen = \"{address}\": {error}"))?,
        ),
    };
    let control = match &config.control {
        None => None,
        Some(path) => Some(control::bind(path).map_err(|error| match path.parent() {
            Some(directory) if error.kind() == ErrorKind::NotFound => format!(
                "admin.control = \"{}\": there is no directory {}",
                path.display(),
                directory.display()
            ),
            _ => format!("admin.control = \"{}\": {error}", path.display()),
        })?),
    };
    Ok(Endpoints { http, control })
}

/// Serves `endpoints` for `supervisor` until the runtime ends.
///
/// # Errors
///
/// A sentence, when the runtime cannot watch a socket.
pub(crate) fn serve(supervisor: &Rc<Supervisor>, endpoints: Endpoints) -> Result<Served, String> {
    let failed = |error| format!("cannot watch the admin sockets: {error}");
    let http = match endpoints.http {
        None => None,
        Some(socket) => Some(http::serve(Rc::clone(supervisor), socket).map_err(failed)?),
    };
    if let Some(address) = http {
        supervisor.set_admin_address(address);
    }
    let control = match endpoints.control {
        None => None,
        Some(socket) => Some(control::serve(Rc::clone(supervisor), socket).map_err(failed)?),
    };
    Ok(Served {
        http,
        _control: control,
    })
}
