use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};

use rustix::net::{RecvFlags, recv};

use super::{Row, Sample, Target, Window};
use crate::error::Error;
use crate::load::{Load, Meter, REQUEST, STALL, client_error};
use crate::origin::{Behaviour, FILLER};
use crate::peers::TlsRole;
use crate::tls::{Client, Group};

/// So many bytes of an answer over TLS are decrypted.
const CHECKED: usize = 1 << 20;

/// The origin sends as much as goes through, to one client or several at once. Over TLS the bytes
/// of the records are counted, of which 22 in 16,406 carry no data.
pub(super) struct Bulk {
    streams: usize,
    id: &'static str,
    title: &'static str,
    /// The proxy terminates the clients' TLS.
    tls: bool,
}

impl Bulk {
    pub(super) const EIGHT_STREAMS: Self = Self {
        streams: 8,
        id: "bulk-8",
        title: "bulk, 8 streams",
        tls: false,
    };
    pub(super) const ONE_STREAM: Self = Self {
        streams: 1,
        id: "bulk-1",
        title: "bulk, 1 stream",
        tls: false,
    };
    pub(super) const TLS_EIGHT_STREAMS: Self = Self {
        streams: 8,
        id: "tls-bulk-8",
        title: "TLS bulk, 8 streams",
        tls: true,
    };
    pub(super) const TLS_ONE_STREAM: Self = Self {
        streams: 1,
        id: "tls-bulk-1",
        title: "TLS bulk, 1 stream",
        tls: true,
    };
}

impl Row for Bulk {
    fn measure(&self, target: &Target<'_>, window: &Window) -> Result<Sample, Error> {
        let address = target.address;
        let client = if self.tls {
            Some(Client::new(Group::X25519, false)?)
        } else {
            None
        };
        let load = Load::start(self.streams, move |meter| {
            let socket = match &client {
                Some(client) => request_over_tls(client, address)?,
                None => request(address)?,
            };
            receive(&socket, meter)
        });
        let observed = window.observe(load, target)?;
        Ok(observed.sample(1e9, 8e-9, self.streams as u64))
    }

    fn id(&self) -> &'static str {
        self.id
    }

    fn title(&self) -> &'static str {
        self.title
    }

    fn cost_unit(&self) -> &'static str {
        "CPU s/GB"
    }

    fn beside_unit(&self) -> &'static str {
        "Gbit/s"
    }

    fn behaviour(&self, direct: bool) -> Behaviour {
        if self.tls && direct {
            Behaviour::StreamTls
        } else {
            Behaviour::Stream
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

fn request(address: SocketAddr) -> Result<TcpStream, Error> {
    let mut socket = TcpStream::connect(address).map_err(client_error)?;
    socket.set_read_timeout(Some(STALL)).map_err(client_error)?;
    socket.write_all(&REQUEST).map_err(client_error)?;
    Ok(socket)
}

/// Decrypts the beginning of the answer, to see that it is right. The rest stays encrypted.
fn request_over_tls(client: &Client, address: SocketAddr) -> Result<TcpStream, Error> {
    let mut stream = client.connect_blocking(address)?;
    stream.write_all(&REQUEST).map_err(client_error)?;
    let mut beginning = vec![0; CHECKED];
    stream.read_exact(&mut beginning).map_err(client_error)?;
    if beginning.iter().any(|byte| *byte != FILLER) {
        return Err(Error::WrongAnswer);
    }
    Ok(stream.sock)
}

/// Counts what arrives. The kernel throws it away (`MSG_TRUNC`, tcp(7)), so that the core of the
/// load has time for the origin.
fn receive(socket: &TcpStream, meter: &Meter) -> Result<(), Error> {
    let mut buffer = vec![0; 256 * 1024];
    while !meter.is_stopped() {
        let (_, length) = recv(socket, buffer.as_mut_slice(), RecvFlags::TRUNC)
            .map_err(|errno| client_error(errno.into()))?;
        if length == 0 {
            return Err(Error::Truncated);
        }
        meter.add(length as u64);
    }
    Ok(())
}
