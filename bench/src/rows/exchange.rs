use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use super::{Row, Sample, Target, Window};
use crate::error::Error;
use crate::load::{Load, MESSAGE, Meter, Progress, REQUEST, client_error};
use crate::system::Poller;

const CONNECTIONS: usize = 64;

/// On each of 64 kept connections a message of 64 bytes goes to the origin and back, again and
/// again.
pub(super) struct Exchange;

impl Row for Exchange {
    fn measure(&self, target: &Target<'_>, window: &Window) -> Result<Sample, Error> {
        let address = target.address;
        let load = Load::start(1, move |meter| exchange(address, meter));
        let observed = window.observe(load, target)?;
        Ok(observed.sample(1e6, 1.0, CONNECTIONS as u64))
    }

    fn id(&self) -> &'static str {
        "exchange-64"
    }

    fn title(&self) -> &'static str {
        "64-byte exchanges, 64 kept connections"
    }

    fn cost_unit(&self) -> &'static str {
        "CPU µs/exchange"
    }

    fn beside_unit(&self) -> &'static str {
        "exchanges/s"
    }
}

fn exchange(address: SocketAddr, meter: &Meter) -> Result<(), Error> {
    let mut poller = Poller::new().map_err(client_error)?;
    let mut clients = Vec::with_capacity(CONNECTIONS);
    for token in 0..CONNECTIONS {
        let mut socket = TcpStream::connect(address).map_err(client_error)?;
        poller.add(&socket, token).map_err(client_error)?;
        socket.write_all(&REQUEST).map_err(client_error)?;
        clients.push((socket, 0));
    }

    let mut ready = Vec::new();
    let mut progress = Progress::new();
    let mut buffer = [0; MESSAGE];
    while !meter.is_stopped() {
        ready.clear();
        poller
            .wait(&mut ready, Duration::from_millis(100))
            .map_err(client_error)?;
        progress.check(!ready.is_empty())?;
        for &token in &ready {
            let (socket, received) = &mut clients[token];
            let length = socket
                .read(&mut buffer[*received..])
                .map_err(client_error)?;
            if length == 0 {
                return Err(Error::Truncated);
            }
            *received += length;
            if *received == MESSAGE {
                *received = 0;
                meter.add(1);
                socket.write_all(&REQUEST).map_err(client_error)?;
            }
        }
    }
    Ok(())
}
