//! Servers that the process itself talks to, for as long as it can.

use std::{io, net::SocketAddr, rc::Rc};

use vestibule_config::Upstream;

use super::{
    Lookups,
    connect::{Outgoing, connect_unix, connected},
};
use crate::{relay::Stream, sys::TcpOptions};

/// Connects to `server`, an address, a name or a unix socket; of a name to the first of its addresses,
/// from that of this `turn` on, that takes us. Time is not limited here.
///
/// # Errors
///
/// Why it is not reached, at the address that was tried last.
pub(crate) async fn reach_server(
    server: &Upstream,
    options: &TcpOptions,
    lookups: &Rc<Lookups>,
    turn: usize,
) -> io::Result<Stream> {
    let outgoing = Outgoing {
        options,
        mark: None,
        source: None,
        lasts: true,
    };
    match server {
        Upstream::Address(address) => connect(&outgoing, *address).await,
        Upstream::Unix(path) => connect_unix(path).await,
        Upstream::Name(name, port) => {
            let mut addresses = lookups.addresses(name).await?;
            let first = turn % addresses.len().max(1);
            addresses.rotate_left(first);
            let mut last_error = io::Error::from(io::ErrorKind::NotFound);
            for ip in addresses {
                match connect(&outgoing, SocketAddr::new(ip, *port)).await {
                    Ok(stream) => return Ok(stream),
                    Err(error) => last_error = error,
                }
            }
            Err(last_error)
        }
        // These depend on a client.
        Upstream::Asked | Upstream::Original | Upstream::Sni(_) => {
            Err(io::ErrorKind::Unsupported.into())
        }
    }
}

async fn connect(outgoing: &Outgoing<'_>, address: SocketAddr) -> io::Result<Stream> {
    match outgoing.begin(address)? {
        (stream, true) => Ok(Stream::Tcp(stream)),
        (stream, false) => connected(stream).await,
    }
}
