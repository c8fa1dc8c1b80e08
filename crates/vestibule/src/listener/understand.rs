//! Understanding what a client wants from its first bytes: its TLS hello, which may end here, and
//! its HTTP request.

use std::{future::poll_fn, io, pin::pin, rc::Rc, sync::Arc};

use vestibule_peek::{
    http,
    tls::{HelloReader, Progress},
};

use super::{
    connection::{route, route_without_default},
    farewell::{Alert, farewell},
    header::Opening,
    peeked::Share,
};
use crate::{
    ending::{Ending, Party, Refusal},
    plan::{Asked, AskedByTls, ListenerTls, Service},
    relay::{Leg, Stream},
    tls::{ClientHello, HandshakeError, ServerPolicy, Session, Shaken, Terminated, shake},
    worker::{Connection, Interrupt, Tick, Worker},
};

/// A client that is understood.
pub(super) struct Understood {
    /// The client, without the TLS that ends here.
    pub(super) leg: Leg,
    /// What it has sent, without the TLS that ends here.
    pub(super) opening: Opening,
    /// Who carries it.
    pub(super) service: Arc<Service>,
}

/// Reads as much of what the client sends as the listener's policy needs, ends its TLS if that is
/// the policy, and picks the service.
///
/// # Errors
///
/// How the connection ends when it is not carried. The client has been told then.
pub(super) async fn understand(
    worker: &Worker,
    connection: &Connection,
    stream: Stream,
    mut opening: Opening,
) -> Result<Understood, Ending> {
    let mut client = Client {
        worker,
        connection,
        leg: Some(Leg::Plain(stream)),
        received: std::mem::take(&mut opening.payload),
        share: worker.peeked.share(),
    };
    match (client.understand().await, client.leg) {
        (Ok(service), Some(leg)) => {
            opening.payload = client.received;
            Ok(Understood {
                leg,
                opening,
                service,
            })
        }
        (Err(Dismissal { ending, alert }), Some(mut leg)) => {
            connection.account(worker, &ending);
            let record = alert.map(Alert::record);
            let last_words = record.as_ref().map_or(&[][..], |record| record);
            farewell(worker, connection, &mut leg, last_words).await;
            Err(ending)
        }
        (Err(Dismissal { ending, .. }), None) => Err(ending),
        (Ok(_), None) => Err(Ending::InternalError),
    }
}

/// A client that is being understood.
struct Client<'a> {
    worker: &'a Worker,
    connection: &'a Connection,
    /// `None` once it is gone.
    leg: Option<Leg>,
    /// What it has sent, as `leg` delivers it.
    received: Vec<u8>,
    share: Share<'a>,
}

/// Why a client is not carried, and what it is told.
struct Dismissal {
    ending: Ending,
    alert: Option<Alert>,
}

/// What a client's first bytes are.
enum First {
    /// A TLS hello, which offers these of the protocols that a route asks for.
    Hello(Vec<Vec<u8>>),
    /// None came in time.
    Nothing,
    /// Something else.
    Other,
}

impl Client<'_> {
    async fn understand(&mut self) -> Result<Arc<Service>, Dismissal> {
        let listener = self.connection.listener();
        let Some(mode) = &listener.tls else {
            let host = self.http_host().await?;
            return self.choose(None, host.as_deref());
        };
        let (first, deadline) = self.hello(mode).await?;
        match (first, mode) {
            (First::Hello(alpn), ListenerTls::Peek) => self.choose(Some(&alpn), None),
            (First::Hello(alpn), ListenerTls::Terminate(policy)) => {
                self.must_be_known(policy)?;
                if listener.peeks_http {
                    self.terminate(policy, deadline).await?;
                    let host = self.http_host().await?;
                    return self.choose(Some(&alpn), host.as_deref());
                }
                let service = self.choose(Some(&alpn), None)?;
                self.terminate(policy, deadline).await?;
                Ok(service)
            }
            (First::Other, ListenerTls::Peek) => {
                let host = self.http_host().await?;
                self.choose_without_tls(host.as_deref(), Refusal::NotTls)
            }
            // The server may speak first.
            (First::Nothing, ListenerTls::Peek) => {
                self.choose_without_tls(None, Refusal::PeekTimeout)
            }
            (First::Other, ListenerTls::Terminate(_)) => Err(Refusal::NotTls.into()),
            (First::Nothing, ListenerTls::Terminate(_)) => Err(Refusal::PeekTimeout.into()),
        }
    }

    /// Reads the TLS hello, and answers when the time for a handshake is over.
    async fn hello(&mut self, mode: &ListenerTls) -> Result<(First, Tick), Dismissal> {
        let after = |limit| self.worker.timers.now().after(limit);
        let terminates = matches!(mode, ListenerTls::Terminate(_));
        let mut deadline = after(self.worker.peek_timeout.get());
        let mut late = Refusal::PeekTimeout;
        let mut reader = HelloReader::new();
        loop {
            if terminates && late == Refusal::PeekTimeout && !self.received.is_empty() {
                // A handshake begins with the first byte.
                deadline = after(self.worker.handshake_timeout.get());
                late = Refusal::HandshakeTimeout;
            }
            match reader.advance(&self.received).map_err(malformed)? {
                Progress::Complete => break,
                Progress::NotTls => return Ok((First::Other, deadline)),
                Progress::NeedMore => {}
            }
            match self.read(deadline).await {
                Ok(0) if self.received.is_empty() => return Err(Ending::Empty.into()),
                Ok(0) => return Err(Refusal::ClientHelloTruncated.into()),
                Ok(_) => {}
                Err(Stopped::Timeout) if self.received.is_empty() => {
                    return Ok((First::Nothing, deadline));
                }
                Err(Stopped::Timeout) => return Err(late.into()),
                Err(Stopped::By(ending)) => return Err(ending.into()),
            }
        }
        let mut scratch = match reader.in_one_record() {
            true => Vec::new(),
            false => vec![0; reader.message_len()],
        };
        let hello = reader
            .hello(&self.received, &mut scratch)
            .map_err(malformed)?;
        let mut facts = ClientHello::new(&hello, self.worker.access.enabled());
        let listener = self.connection.listener();
        let mut alpn: Vec<Vec<u8>> = Vec::new();
        for protocol in hello
            .alpn()
            .filter(|protocol| listener.asks_for_alpn(protocol))
        {
            if !alpn.iter().any(|known| known == protocol) {
                alpn.push(protocol.to_vec());
            }
        }
        if listener.peeks_http {
            facts.asked_alpn.clone_from(&alpn);
        }
        let _ = self.connection.hello.set(Box::new(facts));
        Ok((First::Hello(alpn), deadline))
    }

    /// With `strict_sni`, the name must be one of a certificate's.
    fn must_be_known(&self, policy: &ServerPolicy) -> Result<(), Dismissal> {
        let known = !policy.is_strict() || policy.has_certificate_for(self.server_name());
        match known {
            true => Ok(()),
            false => Err(self.unrecognized(Refusal::UnrecognizedName)),
        }
    }

    /// Carries out the handshake, of which the hello has come: from then on the leg is without TLS.
    async fn terminate(&mut self, policy: &ServerPolicy, deadline: Tick) -> Result<(), Dismissal> {
        let (worker, connection) = (self.worker, self.connection);
        let session = Session::server(policy.config());
        let (Ok(session), Some(stream)) = (session, self.leg.take()) else {
            return Err(Ending::InternalError.into());
        };
        let received = std::mem::take(&mut self.received);
        let buffers = Rc::clone(&worker.tls_buffers);
        let shaking = shake(
            stream,
            session,
            received,
            Vec::new(),
            buffers,
            &worker.handshake_turns,
        );
        match connection.until(worker, deadline, pin!(shaking)).await {
            Ok(Ok(Shaken {
                stream,
                plaintext,
                chosen,
            })) => {
                let terminated = Terminated::new(stream.session(), chosen);
                let stats = &connection.listener().stats;
                stats
                    .handshakes(terminated.version, terminated.resumed)
                    .add(worker.id, 1);
                // Certificates are verified in full handshakes only.
                let expired = terminated.resumed && stream.peer_has_expired();
                let _ = connection.terminated.set(Box::new(terminated));
                self.leg = Some(Leg::Tls(stream));
                if expired {
                    return Err(Ending::Handshake(HandshakeError::Expired).into());
                }
                self.received = plaintext;
                Ok(())
            }
            Ok(Err((error, stream))) => {
                self.leg = Some(stream);
                Err(Ending::Handshake(error).into())
            }
            Err(Interrupt::Timeout) => Err(Refusal::HandshakeTimeout.into()),
            Err(Interrupt::Stop(stop)) => Err(Ending::Stopped(stop).into()),
        }
    }

    /// Reads the head of an HTTP request, if a route looks at that; answers its host. What is no
    /// HTTP request, or comes too late, has none.
    async fn http_host(&mut self) -> Result<Option<String>, Dismissal> {
        if !self.connection.listener().peeks_http {
            return Ok(None);
        }
        let timeout = self.worker.peek_timeout.get();
        let deadline = self.worker.timers.now().after(timeout);
        let mut seen = 0;
        loop {
            // Lines make a difference, and at the very beginning each byte; and so does the length.
            let received = &self.received;
            let decides = seen < FIRST_LINE
                || received[seen..].contains(&b'\n')
                || received.len() >= http::MAX_HEAD_LEN;
            if decides {
                match http::request(received) {
                    Ok(http::Progress::NeedMore) => {}
                    Ok(http::Progress::Head(request)) => {
                        return Ok(request.host.map(|host| host.to_string()));
                    }
                    Ok(_) | Err(_) => return Ok(None),
                }
            }
            seen = received.len();
            // Payload, whatever becomes of it.
            self.connection.received.set(seen as u64);
            match self.read(deadline).await {
                Ok(0) if self.received.is_empty() => return Err(Ending::Empty.into()),
                Ok(0) | Err(Stopped::Timeout) => return Ok(None),
                Ok(_) => {}
                Err(Stopped::By(ending)) => return Err(ending.into()),
            }
        }
    }

    /// Reads what comes next; 0 is the end.
    async fn read(&mut self, deadline: Tick) -> Result<usize, Stopped> {
        let Some(leg) = &mut self.leg else {
            return Ok(0);
        };
        let (worker, received) = (self.worker, &mut self.received);
        let reading = pin!(poll_fn(|cx| {
            worker.with_scratch(|scratch| {
                leg.poll_read(cx, scratch).map_ok(|n| {
                    received.extend_from_slice(&scratch[..n]);
                    n
                })
            })
        }));
        match self.connection.until(worker, deadline, reading).await {
            Ok(Ok(_)) if !self.share.set(self.received.len()) => {
                Err(Stopped::By(Ending::Refused(Refusal::Overloaded)))
            }
            Ok(Ok(n)) => Ok(n),
            // A client that leaves before it has said anything.
            Ok(Err(error)) if self.received.is_empty() && error.kind() != INVALID => Ok(0),
            Ok(Err(error)) => Err(Stopped::By(Ending::Reset(Party::Client, error))),
            Err(Interrupt::Timeout) => Err(Stopped::Timeout),
            Err(Interrupt::Stop(stop)) => Err(Stopped::By(Ending::Stopped(stop))),
        }
    }

    fn server_name(&self) -> Option<&str> {
        self.connection
            .hello
            .get()
            .and_then(|hello| hello.server_name())
    }

    /// Picks the service. `alpn` is what a TLS hello offers.
    fn choose(
        &self,
        alpn: Option<&[Vec<u8>]>,
        http_host: Option<&str>,
    ) -> Result<Arc<Service>, Dismissal> {
        let tls = alpn.map(|alpn| AskedByTls {
            alpn,
            server_name: self.server_name(),
        });
        let service = match route(self.connection, Asked { http_host, tls }) {
            Ok(service) => service,
            Err(Ending::Refused(Refusal::Refused)) if tls.is_some() => {
                return Err(self.unrecognized(Refusal::UnrecognizedName));
            }
            Err(ending) => return Err(ending.into()),
        };
        if service.follows_sni() {
            match self.server_name() {
                None => return Err(self.unrecognized(Refusal::UnrecognizedName)),
                Some(name) if service.refuses_name(name) => {
                    return Err(self.unrecognized(Refusal::ForbiddenDestination));
                }
                Some(_) => {}
            }
        }
        Ok(service)
    }

    /// Nobody here goes by the name that the client asks for. It is told so by an alert, unless its
    /// handshake is over.
    fn unrecognized(&self, refusal: Refusal) -> Dismissal {
        let in_clear = matches!(self.leg, Some(Leg::Plain(_)));
        Dismissal {
            ending: Ending::Refused(refusal),
            alert: in_clear.then_some(Alert::UnrecognizedName),
        }
    }

    /// Picks the service for a client that does not speak TLS where others do: only a route that
    /// does not ask for TLS takes it, and no default.
    fn choose_without_tls(
        &self,
        http_host: Option<&str>,
        otherwise: Refusal,
    ) -> Result<Arc<Service>, Dismissal> {
        let asked = Asked {
            http_host,
            tls: None,
        };
        route_without_default(self.connection, asked, otherwise).map_err(Dismissal::from)
    }
}

/// How a peer that breaks the rules of TLS is told of.
const INVALID: io::ErrorKind = io::ErrorKind::InvalidData;

/// Why reading has ended.
enum Stopped {
    By(Ending),
    Timeout,
}

/// Longer than a request line may be before it is clear whether it is one.
const FIRST_LINE: usize = 64;

fn malformed(why: vestibule_peek::tls::Malformed) -> Dismissal {
    Dismissal {
        ending: Ending::MalformedHello(why),
        alert: Some(Alert::DecodeError),
    }
}

impl From<Ending> for Dismissal {
    fn from(ending: Ending) -> Self {
        Self {
            ending,
            alert: None,
        }
    }
}

impl From<Refusal> for Dismissal {
    fn from(refusal: Refusal) -> Self {
        Ending::Refused(refusal).into()
    }
}
