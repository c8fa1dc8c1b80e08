use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::thread;
use std::time::Duration;

use super::{Row, Sample, Target, Window};
use crate::error::Error;
use crate::load::{MESSAGE, REQUEST, STALL, client_error};
use crate::origin::Behaviour;
use crate::system;

const CONNECTIONS: usize = 2000;

/// The time in which memory settles before it is read.
const SETTLE: Duration = Duration::from_millis(500);

/// The memory that a connection keeps when nothing happens on it: a fresh process carries one
/// exchange on each of 2,000 connections, which then stay open.
pub(super) struct Idle;

impl Row for Idle {
    fn measure(&self, target: &Target<'_>, _window: &Window) -> Result<Sample, Error> {
        let before = Memory::read(target)?;
        let clients = (0..CONNECTIONS)
            .map(|_| exchange_once(target.address))
            .collect::<Result<Vec<_>, _>>()?;
        let after = Memory::read(target)?;
        let per_connection =
            |after: u64, before: u64| (after as f64 - before as f64) / 1e3 / clients.len() as f64;
        Ok(Sample {
            cost: target
                .process
                .map(|_| per_connection(after.process, before.process)),
            beside: per_connection(after.slab, before.slab),
            connections: clients.len() as u64,
            foreign: 0.0,
        })
    }

    fn id(&self) -> &'static str {
        "idle"
    }

    fn title(&self) -> &'static str {
        "idle memory, 2,000 connections"
    }

    fn cost_unit(&self) -> &'static str {
        "PSS kB/connection"
    }

    fn beside_unit(&self) -> &'static str {
        "slab kB/connection, all ends"
    }

    fn behaviour(&self, _direct: bool) -> Behaviour {
        Behaviour::Echo
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

fn exchange_once(address: SocketAddr) -> Result<TcpStream, Error> {
    let mut socket = TcpStream::connect(address).map_err(client_error)?;
    socket.set_read_timeout(Some(STALL)).map_err(client_error)?;
    socket.write_all(&REQUEST).map_err(client_error)?;
    socket.read_exact(&mut [0; MESSAGE]).map_err(client_error)?;
    Ok(socket)
}
