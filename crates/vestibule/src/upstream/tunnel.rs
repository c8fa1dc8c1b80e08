//! Through other proxies to a target: one HTTP CONNECT after the other (RFC 9110 section 9.3.6).

use std::{fmt, future::poll_fn, io, net::SocketAddr, rc::Rc, sync::Arc};

use vestibule_peek::{
    Host,
    http::{connect::write_request, response},
};

use super::{
    Destination, Lookups,
    attempt::Reached,
    connect::{Outgoing, connected},
};
use crate::{
    material::Authorization,
    relay::{Leg, Stream},
    tls::{Buffers, ClientPolicy, Turns, client_session, shake},
};

/// How much is read at once while a proxy answers.
const CHUNK: usize = 4 * 1024;

/// A proxy on the way to the targets of a service.
#[derive(Debug)]
pub(crate) struct Hop {
    /// As people write it, without credentials: `https://proxy.example:443`.
    pub(crate) label: String,
    pub(crate) place: Destination,
    /// TLS towards it; `None`: it is spoken to in clear.
    pub(crate) tls: Option<Arc<ClientPolicy>>,
    /// Who we are to it.
    pub(crate) authorization: Option<Arc<Authorization>>,
}

/// A way through `hops`, of which there is at least one, to `target`.
pub(super) struct Tunnel<'a> {
    pub(super) hops: &'a [Hop],
    pub(super) target: &'a Destination,
    pub(super) lookups: &'a Rc<Lookups>,
    pub(super) outgoing: Outgoing<'a>,
    pub(super) buffers: &'a Rc<Buffers>,
    pub(super) turns: &'a Turns,
    /// At which address of the first proxy is begun: each attempt at the next one, so that one that
    /// never answers does not take the time of all.
    pub(super) turn: usize,
}

/// Why a proxy does not carry us on.
#[derive(Debug)]
struct Refused<'a> {
    hop: &'a Hop,
    why: Why,
}

#[derive(Debug)]
enum Why {
    Answered { status: u16, reason: String },
    Closed,
    Malformed(response::Malformed),
}

impl Hop {
    /// What `config` says, with what was read for it.
    pub(crate) fn new(
        config: &vestibule_config::Hop,
        tls: Option<Arc<ClientPolicy>>,
        authorization: Option<Arc<Authorization>>,
    ) -> Option<Self> {
        let place = Destination::new(&config.host, config.port)?;
        let scheme = match config.tls {
            Some(_) => "https",
            None => "http",
        };
        Some(Self {
            label: format!("{scheme}://{place}"),
            place,
            tls,
            authorization,
        })
    }

    /// An error that says which proxy it is of. It is not the target's, whatever its kind.
    fn blame(&self, error: &io::Error) -> io::Error {
        io::Error::other(format!("proxy {}: {error}", self.label))
    }
}

impl Tunnel<'_> {
    /// Opens it. Time is not limited here.
    ///
    /// # Errors
    ///
    /// Why the first proxy is not reached, or which one does not carry us on.
    pub(super) async fn open(&self) -> io::Result<Reached> {
        let mut reached = self.connect().await?;
        let places = self.hops.iter().skip(1).map(|hop| &hop.place);
        for (hop, next) in self.hops.iter().zip(places.chain([self.target])) {
            if let Some(policy) = &hop.tls {
                reached = self.secure(hop, policy, reached).await?;
            }
            reached = ask(hop, next, reached).await?;
        }
        Ok(reached)
    }

    /// Connects to the first proxy, at the first of its addresses, from that of this turn on, that
    /// takes us.
    async fn connect(&self) -> io::Result<Reached> {
        let [hop, ..] = self.hops else {
            return Err(io::ErrorKind::NotFound.into());
        };
        let mut addresses = match &hop.place.host {
            Host::Ip(ip) => vec![*ip],
            Host::Name(name) => self
                .lookups
                .addresses(name)
                .await
                .map_err(|error| hop.blame(&error))?,
        };
        let first = self.turn % addresses.len().max(1);
        addresses.rotate_left(first);
        let mut last_error = io::Error::from(io::ErrorKind::NotFound);
        for ip in addresses {
            match self.connect_to(SocketAddr::new(ip, hop.place.port)).await {
                Ok(stream) => {
                    return Ok(Reached {
                        leg: Leg::Plain(stream),
                        early: Vec::new(),
                    });
                }
                Err(error) => last_error = error,
            }
        }
        Err(hop.blame(&last_error))
    }

    async fn connect_to(&self, address: SocketAddr) -> io::Result<Stream> {
        match self.outgoing.begin(address)? {
            (stream, true) => Ok(Stream::Tcp(stream)),
            (stream, false) => connected(stream).await,
        }
    }

    async fn secure(
        &self,
        hop: &Hop,
        policy: &ClientPolicy,
        reached: Reached,
    ) -> io::Result<Reached> {
        let session = client_session(policy, &hop.place.host.to_string(), None)?;
        let Reached { leg, early } = reached;
        let buffers = Rc::clone(self.buffers);
        let shaken = shake(leg, session, early, Vec::new(), buffers, self.turns).await;
        match shaken {
            Ok(shaken) => Ok(Reached {
                leg: Leg::Tls(shaken.stream),
                early: shaken.plaintext,
            }),
            Err((error, _)) => Err(hop.blame(&error.into())),
        }
    }
}

/// Asks `hop`, at the other end of `reached`, to carry us on to `next`.
async fn ask(hop: &Hop, next: &Destination, reached: Reached) -> io::Result<Reached> {
    let Reached { mut leg, early } = reached;
    let mut request = Vec::with_capacity(256);
    let authorization = hop.authorization.as_ref().map(|known| known.value());
    let authorization = authorization.as_ref().map(|value| value.as_str());
    write_request(&mut request, &next.host, next.port, authorization);
    let asked = leg.write_all(&request).await;
    asked.map_err(|error| hop.blame(&error))?;
    let mut received = early;
    let mut looked_at = 0;
    loop {
        // Only a line feed can complete the head.
        if received[looked_at..].contains(&b'\n') || received.len() >= response::MAX_HEAD_LEN {
            let refused = |why| io::Error::other(Refused { hop, why }.to_string());
            match response::head(&received) {
                Ok(response::Progress::NeedMore) => {}
                Ok(response::Progress::Head(head)) if (200..300).contains(&head.status) => {
                    received.drain(..head.len);
                    return Ok(Reached {
                        leg,
                        early: received,
                    });
                }
                Ok(response::Progress::Head(head)) => {
                    let (status, reason) = (head.status, head.reason.to_string());
                    return Err(refused(Why::Answered { status, reason }));
                }
                Err(malformed) => return Err(refused(Why::Malformed(malformed))),
            }
        }
        looked_at = received.len();
        let mut chunk = [0; CHUNK];
        let read = poll_fn(|cx| leg.poll_read(cx, &mut chunk)).await;
        match read {
            Ok(0) => {
                let why = Why::Closed;
                return Err(io::Error::other(Refused { hop, why }.to_string()));
            }
            Ok(n) => received.extend_from_slice(&chunk[..n]),
            Err(error) => return Err(hop.blame(&error)),
        }
    }
}

impl fmt::Display for Refused<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let label = &self.hop.label;
        match &self.why {
            Why::Answered { status, reason } => {
                write!(f, "proxy {label} answered {status} {reason}")
            }
            Why::Closed => write!(f, "proxy {label} closed without an answer"),
            Why::Malformed(malformed) => {
                write!(f, "proxy {label} does not speak HTTP: {malformed}")
            }
        }
    }
}

#[cfg(test)]
mod tests;
