use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::thread;
use std::time::Duration;

use super::{Row, Sample, Target, Window};
use crate::error::Error;
use crate::load::{MESSAGE, REQUEST, STALL, client_error};
use crate::origin::Behaviour;
use crate::peers::TlsRole;
use crate::system;
use crate::tls::{Client, Group};

const CONNECTIONS: usize = 2000;

/// The time in which memory settles before it is read.
const SETTLE: Duration = Duration::from_millis(500);

/// The memory that a connection keeps when nothing happens on it: a fresh process carries one
/// exchange on each of 2,000 connections, which then stay open.
pub(super) struct Idle {
    id: &'static str,
    title: &'static str,
    /// The proxy terminates the clients' TLS.
    tls: bool,
}

impl Idle {
    pub(super) const PLAIN: Self = Self {
        id: "idle",
        title: "idle memory, 2,000 connections",
        tls: false,
    };
    pub(super) const TLS: Self = Self {
        id: "tls-idle",
        title: "idle memory, 2,000 TLS connections",
        tls: true,
    };
}

impl Row for Idle {
    fn measure(&self, target: &Target<'_>, _window: &Window) -> Result<Sample, Error> {
        let tls = if self.tls {
            Some(Client::new(Group::X25519, false)?)
        } else {
            None
        };
        let before = Memory::read(target)?;
        let clients = (0..CONNECTIONS)
            .map(|_| exchange_once(target.address, tls.as_ref()))
            .collect::<Result<Vec<_>, _>>()?;
        let after = Memory::read(target)?;
        let per_connection =
            |after: u64, before: u64| (after as f64 - before as f64) / 1e3 / clients.len() as f64;
        Ok(Sample {
            cost: target
                .process
                .map(|_| per_connection(after.process, before.process)),
            beside: per_connection(after.slab, before.slab),
            records: clients.len() as u64,
            failures: 0,
            foreign: 0.0,
        })
    }

    fn id(&self) -> &'static str {
        self.id
    }

    fn title(&self) -> &'static str {
        self.title
    }

    fn cost_unit(&self) -> &'static str {
        "PSS kB/connection"
    }

    fn beside_unit(&self) -> &'static str {
        "slab kB/connection, all ends"
    }

    fn behaviour(&self, direct: bool) -> Behaviour {
        if self.tls && direct {
            Behaviour::EchoTls
        } else {
            Behaviour::Echo
        }
    }

    fn tls(&self) -> TlsRole {
        if self.tls {
            TlsRole::Terminate
        } else {
            TlsRole::None
        }
    }
}

/// Memory in bytes.
struct Memory {
    process: u64,
    slab: u64,
}

impl Memory {
    fn read(target: &Target<'_>) -> Result<Self, Error> {
        thread::sleep(SETTLE);
        let process = target.process.map_or(Ok(0), crate::process::Process::pss)?;
        Ok(Self {
            process,
            slab: system::slab()?,
        })
    }
}

/// A client's connection, with or without TLS.
trait Connection: Read + Write {}

impl<T: Read + Write> Connection for T {}

fn exchange_once(address: SocketAddr, tls: Option<&Client>) -> Result<Box<dyn Connection>, Error> {
    let mut connection: Box<dyn Connection> = match tls {
        Some(client) => Box::new(client.connect_blocking(address)?),
        None => {
            let socket = TcpStream::connect(address).map_err(client_error)?;
            socket.set_read_timeout(Some(STALL)).map_err(client_error)?;
            Box::new(socket)
        }
    };
    connection.write_all(&REQUEST).map_err(client_error)?;
    let mut answer = [0; MESSAGE];
    connection.read_exact(&mut answer).map_err(client_error)?;
    if answer != REQUEST {
        return Err(Error::WrongAnswer);
    }
    Ok(connection)
}
