//! A stream with TLS on it: of a socket, or of another TLS stream.

use std::{
    cell::{OnceCell, RefCell},
    io,
    rc::Rc,
    task::{Context, Poll, ready},
};

use super::{ClientCertificate, Session, certificates::has_expired, session::room_for};
use crate::relay::{Leg, Stream};

/// How much ciphertext is read at once, and so the most that a record may keep waiting for.
const INCOMING: usize = 32 * 1024;

/// The most plaintext that is encrypted at once.
const OUTGOING: usize = 32 * 1024;

/// What all TLS streams of a worker work in, one after the other, so that none needs a buffer of
/// its own while nothing is under way.
#[derive(Debug)]
pub(crate) struct Buffers {
    pub(super) incoming: RefCell<Box<[u8]>>,
    outgoing: RefCell<Box<[u8]>>,
    /// For streams on top of those that work in these.
    above: OnceCell<Rc<Self>>,
}

impl Buffers {
    /// New buffers.
    pub(crate) fn new() -> Rc<Self> {
        Rc::new(Self {
            incoming: RefCell::new(vec![0; INCOMING].into()),
            outgoing: RefCell::new(vec![0; room_for(OUTGOING)].into()),
            above: OnceCell::new(),
        })
    }

    /// What a stream on top of `leg` works in: not what `leg` itself does, which is called meanwhile.
    pub(super) fn on(self: &Rc<Self>, leg: &Leg) -> Rc<Self> {
        match leg {
            Leg::Plain(_) => Rc::clone(self),
            Leg::Tls(inner) => Rc::clone(inner.buffers.above.get_or_init(Self::new)),
        }
    }
}

/// A stream with TLS on it, whose handshake is complete: plaintext in and out.
#[derive(Debug)]
pub(crate) struct TlsStream {
    stream: Leg,
    session: Session,
    buffers: Rc<Buffers>,
    owed: Owed,
    /// Plaintext that came with the end of the handshake, or was more than a reader had room for.
    early: Vec<u8>,
    /// What broke the session after the last plaintext that was delivered.
    failure: Option<rustls::Error>,
}

/// Ciphertext that the socket has not taken yet. Holds no memory while there is none.
#[derive(Debug, Default)]
pub(super) struct Owed {
    bytes: Vec<u8>,
    sent: usize,
}

impl From<Vec<u8>> for Owed {
    fn from(bytes: Vec<u8>) -> Self {
        Self { bytes, sent: 0 }
    }
}

impl Owed {
    /// Writes what is owed; ready when nothing is left.
    pub(super) fn poll_flush(
        &mut self,
        stream: &mut Leg,
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<()>> {
        if !self.bytes.is_empty() {
            while self.sent < self.bytes.len() {
                self.sent += ready!(stream.poll_write(cx, &self.bytes[self.sent..]))?;
            }
            *self = Self::default();
        }
        stream.poll_flush(cx)
    }

    /// Where to append what is to be sent.
    pub(super) fn bytes(&mut self) -> &mut Vec<u8> {
        &mut self.bytes
    }

    fn len(&self) -> usize {
        self.bytes.len() - self.sent
    }
}

impl TlsStream {
    /// `session`, whose handshake is complete, on `stream`. `owed` is still to be sent.
    pub(super) fn new(
        stream: Leg,
        session: Session,
        buffers: Rc<Buffers>,
        owed: Owed,
    ) -> Box<Self> {
        Box::new(Self {
            stream,
            session,
            buffers,
            owed,
            early: Vec::new(),
            failure: None,
        })
    }

    /// The socket.
    pub(crate) fn socket(&self) -> &Stream {
        self.stream.socket()
    }

    /// What was negotiated.
    pub(crate) fn session(&self) -> &Session {
        &self.session
    }

    /// The certificate that the peer has shown and that was verified.
    pub(crate) fn peer_certificate(&self) -> Option<ClientCertificate<'_>> {
        let chain = self.session.state().peer_certificates()?;
        chain.first().map(|der| ClientCertificate::new(der))
    }

    /// Whether a certificate that the peer has shown is out of date.
    pub(crate) fn peer_has_expired(&self) -> bool {
        let chain = self.session.state().peer_certificates().unwrap_or_default();
        chain.iter().any(has_expired)
    }

    /// Gives back plaintext that came with the end of the handshake: it is read first.
    pub(crate) fn unread(&mut self, plaintext: Vec<u8>) {
        self.early = plaintext;
    }

    /// Reads plaintext into `buffer`; 0 is close_notify.
    ///
    /// # Errors
    ///
    /// Those of the socket; `UnexpectedEof` when the peer says FIN without close_notify, so that
    /// what came may be cut short; `InvalidData` when it breaks the protocol.
    pub(crate) fn poll_read(
        &mut self,
        cx: &mut Context<'_>,
        buffer: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        if !self.early.is_empty() {
            let n = self.early.len().min(buffer.len());
            buffer[..n].copy_from_slice(&self.early[..n]);
            self.early.drain(..n);
            self.early.shrink_to_fit();
            return Poll::Ready(Ok(n));
        }
        let buffers = Rc::clone(&self.buffers);
        let mut incoming = buffers.incoming.borrow_mut();
        loop {
            if let Some(failure) = &self.failure {
                return Poll::Ready(Err(invalid(failure.clone())));
            }
            if self.session.peer_closed() {
                return Poll::Ready(Ok(0));
            }
            let start = self.session.partial().len();
            if start >= incoming.len() {
                return Poll::Ready(Err(invalid("a message of the handshake is too long")));
            }
            let read = ready!(self.stream.poll_read(cx, &mut incoming[start..]))?;
            if read == 0 {
                return Poll::Ready(Err(io::ErrorKind::UnexpectedEof.into()));
            }
            incoming[..start].copy_from_slice(self.session.partial());
            let mut delivered = 0;
            let early = &mut self.early;
            let mut deliver = |plaintext: &[u8]| {
                let (fits, rest) =
                    plaintext.split_at(plaintext.len().min(buffer.len() - delivered));
                buffer[delivered..delivered + fits.len()].copy_from_slice(fits);
                delivered += fits.len();
                early.extend_from_slice(rest);
            };
            let all = &mut incoming[..start + read];
            let received = self.session.receive(all, &mut deliver, self.owed.bytes());
            if self.owed.len() > 0 {
                // An answer to KeyUpdate, or an alert. The other direction goes on with it.
                let _ = self.owed.poll_flush(&mut self.stream, cx);
            }
            if let Err(error) = received {
                self.failure = Some(error);
            }
            if delivered > 0 {
                return Poll::Ready(Ok(delivered));
            }
        }
    }

    /// Writes some of `bytes`: takes them when nothing is owed from before.
    ///
    /// # Errors
    ///
    /// Those of the socket, and when the session is over.
    pub(crate) fn poll_write(
        &mut self,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        ready!(self.poll_flush(cx))?;
        self.session.queued(self.owed.bytes());
        ready!(self.poll_flush(cx))?;
        let bytes = &bytes[..bytes.len().min(OUTGOING)];
        let buffers = Rc::clone(&self.buffers);
        let mut outgoing = buffers.outgoing.borrow_mut();
        let written = self.session.encrypt(bytes, &mut outgoing);
        let outgoing = &outgoing[..written.map_err(invalid)?];
        let sent = match self.stream.poll_write(cx, outgoing) {
            Poll::Pending => 0,
            Poll::Ready(sent) => sent?,
        };
        if sent < outgoing.len() {
            self.owed.bytes().extend_from_slice(&outgoing[sent..]);
        }
        Poll::Ready(Ok(bytes.len()))
    }

    /// Writes what is owed; ready when nothing is left.
    ///
    /// # Errors
    ///
    /// Those of the socket.
    pub(crate) fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.owed.poll_flush(&mut self.stream, cx)
    }

    /// Sends close_notify, then FIN: nothing more will be written.
    ///
    /// # Errors
    ///
    /// Those of the socket.
    pub(crate) fn poll_shut_down(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        // Fails only before the handshake is complete.
        let _ = self.session.close(self.owed.bytes());
        ready!(self.poll_flush(cx))?;
        self.stream.poll_shut_down(cx)
    }

    /// Ciphertext that the socket has not taken yet, in bytes.
    pub(crate) fn owed(&self) -> usize {
        self.owed.len() + self.stream.owed()
    }

    /// Bytes written that the peer has not taken yet, in ciphertext.
    pub(crate) fn unacknowledged(&self) -> usize {
        self.owed.len() + self.stream.unacknowledged()
    }
}

fn invalid(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, error)
}

#[cfg(test)]
mod tests;
