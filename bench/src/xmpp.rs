//! XMPP servers that components connect to, and clients of them.

mod client;
mod ejabberd;
mod prosody;

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::Path;

use tempfile::TempDir;

use crate::error::Error;
use crate::process::Process;

pub(crate) use self::client::{Client, malformed};

/// The domain of the accounts.
pub(crate) const DOMAIN: &str = "bench.example";

/// The domain of the component.
pub(crate) const COMPONENT: &str = "component.bench.example";

/// What the component and the server both know.
pub(crate) const SECRET: &str = "of the bench";

/// The account that answers.
pub(crate) const BOT: &str = "bot";

/// The account that asks.
pub(crate) const USER: &str = "user";

/// The password of both.
const PASSWORD: &str = "of the bench, too";

/// The resource of both.
pub(crate) const RESOURCE: &str = "r";

/// Which server it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Ejabberd,
    /// The row plays it.
    Own,
    Prosody,
}

/// A server that is ready, with both accounts.
pub(crate) struct Server {
    /// Where clients connect to.
    pub(crate) clients: SocketAddr,
    /// Where the component connects to.
    pub(crate) component: SocketAddr,
    /// Where a row that plays the server listens for the component.
    pub(crate) listener: Option<TcpListener>,
    /// Ended before its directory goes.
    _process: Option<Process>,
    _directory: Option<TempDir>,
}

impl Server {
    /// Starts it on `core`, in a directory of its own.
    ///
    /// # Errors
    ///
    /// [`Error::Ended`] or [`Error::NotReady`] with what it said, [`Error::Io`].
    pub(crate) fn start(kind: Kind, core: usize) -> Result<Self, Error> {
        if kind == Kind::Own {
            return Self::own();
        }
        let directory = tempfile::Builder::new()
            .prefix("vestibule-bench-")
            .tempdir()
            .map_err(Error::io("make a directory for the server's files"))?;
        let ports = Ports::find()?;
        let process = match kind {
            Kind::Ejabberd => ejabberd::start(ports, directory.path(), core)?,
            Kind::Own | Kind::Prosody => prosody::start(ports, directory.path(), core)?,
        };
        let address = |port| SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        Ok(Self {
            clients: address(ports.clients),
            component: address(ports.component),
            listener: None,
            _process: Some(process),
            _directory: Some(directory),
        })
    }

    fn own() -> Result<Self, Error> {
        let (listener, address) = listen()?;
        Ok(Self {
            clients: address,
            component: address,
            listener: Some(listener),
            _process: None,
            _directory: None,
        })
    }
}

/// Loopback ports that were free a moment ago.
#[derive(Clone, Copy, Debug)]
struct Ports {
    clients: u16,
    component: u16,
    /// For ejabberd's interface of commands.
    http: u16,
}

impl Ports {
    fn find() -> Result<Self, Error> {
        // All at once, so that no two are the same.
        let (clients, component, http) = (listen()?, listen()?, listen()?);
        Ok(Self {
            clients: clients.1.port(),
            component: component.1.port(),
            http: http.1.port(),
        })
    }
}

fn listen() -> Result<(TcpListener, SocketAddr), Error> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0));
    let listener = listener.map_err(Error::io("open a listener"))?;
    let address = listener.local_addr();
    let address = address.map_err(Error::io("read a listener's address"))?;
    Ok((listener, address))
}

fn write(path: &Path, text: &str) -> Result<(), Error> {
    std::fs::write(path, text).map_err(Error::io(format!("write {}", path.display())))
}
