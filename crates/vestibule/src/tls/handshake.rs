//! Handshakes, in both roles.

use std::{
    cell::Cell,
    fmt,
    future::poll_fn,
    io,
    rc::Rc,
    time::{Duration, Instant},
};

use tokio::sync::{Semaphore, SemaphorePermit};

use super::{
    Buffers, ClientPolicy, Session, TlsStream,
    certificates::{Chosen, take_chosen},
    stream::Owed,
    tickets,
};
use crate::relay::Leg;

/// The most ciphertext that a message of the handshake may keep waiting for, after the hello: a
/// certificate of 64 KiB, in not too many records.
const MOST_INCOMING: usize = 128 * 1024;

/// How long handshakes may compute in one turn of a worker's reactor.
const SHARE: Duration = Duration::from_millis(1);

/// Whose turn it is to compute. A step of a handshake costs as much as carrying a hundred messages,
/// so that all of them together get [`SHARE`] of each turn of a worker's reactor, one after the
/// other.
#[derive(Debug)]
pub(crate) struct Turns {
    one: Semaphore,
    /// What was computed in this turn of the reactor.
    spent: Cell<Duration>,
}

/// The turn of one handshake, from when it was taken.
struct Turn<'a> {
    turns: &'a Turns,
    start: Instant,
    _permit: Option<SemaphorePermit<'a>>,
}

impl Turns {
    /// Nobody's turn yet.
    pub(crate) fn new() -> Self {
        Self {
            one: Semaphore::new(1),
            spent: Cell::default(),
        }
    }

    /// Waits for the turn. When handshakes have had their share, everybody else who has something
    /// to do comes first.
    async fn take(&self) -> Turn<'_> {
        // Never closed.
        let permit = self.one.acquire().await.ok();
        if self.spent.get() >= SHARE {
            tokio::task::yield_now().await;
            self.spent.set(Duration::ZERO);
        }
        Turn {
            turns: self,
            start: Instant::now(),
            _permit: permit,
        }
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        let spent = self.turns.spent.get() + self.start.elapsed();
        self.turns.spent.set(spent);
    }
}

/// Why there is no TLS connection.
#[derive(Debug)]
pub(crate) enum HandshakeError {
    /// The peer said FIN in the middle.
    Closed,
    /// The session was resumed, and the certificate that the client had shown when it began is out
    /// of date by now.
    Expired,
    /// The socket failed.
    Io(io::Error),
    /// The two cannot agree, or the peer breaks the protocol. An alert was sent, or came.
    Tls(rustls::Error),
}

impl HandshakeError {
    /// Whether the peer does not know any of the protocols that it was offered (RFC 7301 section
    /// 3.2).
    pub(crate) fn is_about_alpn(&self) -> bool {
        let alert = rustls::AlertDescription::NoApplicationProtocol;
        matches!(self, Self::Tls(rustls::Error::AlertReceived(received)) if *received == alert)
    }

    /// Whether the peer ended it, and not we.
    pub(crate) fn is_of_the_peer(&self) -> bool {
        match self {
            Self::Closed | Self::Io(_) | Self::Tls(rustls::Error::AlertReceived(_)) => true,
            Self::Expired | Self::Tls(_) => false,
        }
    }
}

impl fmt::Display for HandshakeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Closed => f.write_str("closed during the handshake"),
            Self::Expired => f.write_str("the client's certificate has expired"),
            Self::Io(error) => error.fmt(f),
            Self::Tls(error) => match certificate_advice(error) {
                Some(advice) => f.write_str(advice),
                None => error.fmt(f),
            },
        }
    }
}

/// Says in words what its library has no words for, where those who write certificates themselves
/// go wrong most.
fn certificate_advice(error: &rustls::Error) -> Option<&'static str> {
    let rustls::Error::InvalidCertificate(rustls::CertificateError::Other(other)) = error else {
        return None;
    };
    match other.0.downcast_ref()? {
        webpki::Error::CaUsedAsEndEntity => Some(
            "the peer's certificate is that of a CA (CA:TRUE), which cannot be a server's or \
             client's as well",
        ),
        _ => None,
    }
}

impl From<HandshakeError> for io::Error {
    fn from(error: HandshakeError) -> Self {
        match error {
            HandshakeError::Io(error) => error,
            other => Self::other(format!("TLS: {other}")),
        }
    }
}

/// The client's end of a connection to `host`, which may be empty when `policy` has a name for it.
/// `negotiated` is the protocol that was agreed on with our own client.
///
/// # Errors
///
/// When there is no name to verify, or nothing that can be offered.
pub(crate) fn client_session(
    policy: &ClientPolicy,
    host: &str,
    negotiated: Option<&[u8]>,
) -> io::Result<Session> {
    let name = policy
        .server_name(host)
        .ok_or_else(|| io::Error::other("TLS: there is no server name to verify"))?;
    Session::client(policy.config(), name, policy.alpn(negotiated)).map_err(io::Error::other)
}

/// What comes of a handshake.
pub(crate) struct Shaken {
    pub(crate) stream: Box<TlsStream>,
    /// What the peer sent behind its last message of the handshake.
    pub(crate) plaintext: Vec<u8>,
    /// The certificate that it was shown.
    pub(crate) chosen: Option<Chosen>,
}

/// Carries out the handshake of `session` on `stream`, of which `received` was read already.
/// `preface` is sent first, in clear.
///
/// # Errors
///
/// Why it came to nothing, and the stream, so that the peer can be told goodbye. Time is not
/// limited here.
pub(crate) async fn shake(
    mut stream: Leg,
    mut session: Session,
    received: Vec<u8>,
    preface: Vec<u8>,
    buffers: Rc<Buffers>,
    turns: &Turns,
) -> Result<Shaken, (HandshakeError, Leg)> {
    let buffers = buffers.on(&stream);
    let mut incoming = received;
    let mut owed = Owed::from(preface);
    let mut plaintext = Vec::new();
    let (mut chosen, mut authenticated) = (None, None);
    loop {
        let turn = turns.take().await;
        let mut deliver = |piece: &[u8]| plaintext.extend_from_slice(piece);
        tickets::authenticated(authenticated);
        let result = session.receive(&mut incoming, &mut deliver, owed.bytes());
        authenticated = tickets::authenticated(None);
        incoming.clear();
        incoming.extend_from_slice(session.partial());
        chosen = take_chosen().or(chosen);
        drop(turn);
        let flushed = poll_fn(|cx| owed.poll_flush(&mut stream, cx)).await;
        match (result, flushed) {
            (Err(error), _) => return Err((HandshakeError::Tls(error), stream)),
            (_, Err(error)) => return Err((HandshakeError::Io(error), stream)),
            (Ok(()), Ok(())) => {}
        }
        if !session.is_handshaking() {
            break;
        }
        let read = poll_fn(|cx| {
            let mut buffer = buffers.incoming.borrow_mut();
            let read = stream.poll_read(cx, &mut buffer);
            read.map_ok(|n| {
                incoming.extend_from_slice(&buffer[..n]);
                n
            })
        });
        match read.await {
            Ok(0) => return Err((HandshakeError::Closed, stream)),
            Ok(_) if incoming.len() > MOST_INCOMING => {
                let error = rustls::Error::General("a message is too long".to_owned());
                return Err((HandshakeError::Tls(error), stream));
            }
            Ok(_) => {}
            Err(error) => return Err((HandshakeError::Io(error), stream)),
        }
    }
    Ok(Shaken {
        stream: TlsStream::new(stream, session, buffers, owed),
        plaintext,
        chosen,
    })
}
