use std::io::Write;
use std::net::{SocketAddr, TcpStream};

use rustix::net::{RecvFlags, recv};

use super::{Row, Sample, Target, Window};
use crate::error::Error;
use crate::load::{Load, Meter, REQUEST, STALL, client_error};
use crate::origin::Behaviour;

/// The origin sends as much as goes through, to one client or several at once.
pub(super) struct Bulk {
    streams: usize,
    id: &'static str,
    title: &'static str,
}

impl Bulk {
    pub(super) const EIGHT_STREAMS: Self = Self {
        streams: 8,
        id: "bulk-8",
        title: "bulk, 8 streams",
    };
    pub(super) const ONE_STREAM: Self = Self {
        streams: 1,
        id: "bulk-1",
        title: "bulk, 1 stream",
    };
}

impl Row for Bulk {
    fn measure(&self, target: &Target<'_>, window: &Window) -> Result<Sample, Error> {
        let address = target.address;
        let load = Load::start(self.streams, move |meter| receive(address, meter));
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

    fn behaviour(&self, _direct: bool) -> Behaviour {
        Behaviour::Stream
    }
}

/// Counts what arrives. The kernel throws it away (`MSG_TRUNC`, tcp(7)), so that the core of the
/// load has time for the origin.
fn receive(address: SocketAddr, meter: &Meter) -> Result<(), Error> {
    let mut socket = TcpStream::connect(address).map_err(client_error)?;
    socket.set_read_timeout(Some(STALL)).map_err(client_error)?;
    socket.write_all(&REQUEST).map_err(client_error)?;
    let mut buffer = vec![0; 256 * 1024];
    while !meter.is_stopped() {
        let (_, length) = recv(&socket, buffer.as_mut_slice(), RecvFlags::TRUNC)
            .map_err(|errno| client_error(errno.into()))?;
        if length == 0 {
            return Err(Error::Truncated);
        }
        meter.add(length as u64);
    }
    Ok(())
}
