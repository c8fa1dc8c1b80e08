//! One end of a TLS connection without input or output: ciphertext in, plaintext and ciphertext
//! out. Holds no buffer while nothing is under way, so that an idle connection costs only its keys.

use std::sync::Arc;

use rustls::{
    ClientConfig, CommonState, Error, ServerConfig,
    client::UnbufferedClientConnection,
    pki_types::ServerName,
    server::UnbufferedServerConnection,
    unbuffered::{ConnectionState, EncodeError, EncryptError, UnbufferedStatus, WriteTraffic},
};

use super::names;

/// More than is added to one record: header, content type, tag, explicit nonce (RFC 5246 section
/// 6.2.3, RFC 8446 section 5.2).
const RECORD_OVERHEAD: usize = 64;

/// The most plaintext of one record (RFC 8446 section 5.1).
const RECORD: usize = 16 * 1024;

/// Room for what goes out beside application data: an alert, or an answer to KeyUpdate.
const CONTROL: usize = 512;

/// One end of a TLS connection.
pub(crate) struct Session {
    role: Role,
    /// Ciphertext that has come and is not a whole message yet. rustls remembers places in it, so
    /// it has to be there whenever rustls is asked for anything.
    partial: Vec<u8>,
    peer_closed: bool,
    /// What broke it. rustls is not asked for anything any more then: it remembers places in
    /// bytes that are gone.
    failure: Option<Error>,
    /// Whether nothing more can be sent.
    over: bool,
}

// Boxed: they are large, and a session is moved while it is made.
enum Role {
    Client(Box<UnbufferedClientConnection>),
    Server(Box<UnbufferedServerConnection>),
}

impl Session {
    /// The client's end. Offers `alpn`, and sends the server's name when `config` says so.
    ///
    /// # Errors
    ///
    /// When `config` cannot be used.
    pub(crate) fn client(
        config: Arc<ClientConfig>,
        server_name: ServerName<'static>,
        alpn: Vec<Vec<u8>>,
    ) -> Result<Self, Error> {
        let connection = UnbufferedClientConnection::new_with_alpn(config, server_name, alpn)?;
        Ok(Self::new(Role::Client(Box::new(connection))))
    }

    /// The server's end.
    ///
    /// # Errors
    ///
    /// When `config` cannot be used.
    pub(crate) fn server(config: Arc<ServerConfig>) -> Result<Self, Error> {
        let connection = UnbufferedServerConnection::new(config)?;
        Ok(Self::new(Role::Server(Box::new(connection))))
    }

    fn new(role: Role) -> Self {
        Self {
            role,
            partial: Vec::new(),
            peer_closed: false,
            failure: None,
            over: false,
        }
    }

    /// Ciphertext that is not a whole message yet: [`Self::receive`] wants it again, in front of
    /// what comes next.
    pub(crate) fn partial(&self) -> &[u8] {
        &self.partial
    }

    /// Takes `incoming`, which is [`Self::partial`] and what has come since, and goes on until it
    /// needs more. Calls `deliver` with each piece of plaintext, and appends what the peer must be
    /// sent to `ciphertext`: also when it fails, for that is an alert.
    ///
    /// # Errors
    ///
    /// When the peer breaks the protocol or says in an alert that it has failed. The session is
    /// over.
    pub(crate) fn receive(
        &mut self,
        incoming: &mut [u8],
        deliver: &mut dyn FnMut(&[u8]),
        ciphertext: &mut Vec<u8>,
    ) -> Result<(), Error> {
        if let Some(failure) = &self.failure {
            return Err(failure.clone());
        }
        let unsent = ciphertext.len();
        let mut rest = incoming;
        loop {
            let (discard, step) = self.role.step(rest, deliver, ciphertext);
            rest = &mut rest[discard..];
            match step {
                Ok(Step::Again) => {}
                Ok(Step::PeerClosed) => self.peer_closed = true,
                Ok(Step::Blocked) => break,
                Err(error) => {
                    // An alert. What came is not looked at again before that is taken.
                    while self.state().wants_write() {
                        let _ = self.role.step(rest, deliver, ciphertext);
                    }
                    if self.over {
                        // Nothing follows close_notify.
                        ciphertext.truncate(unsent);
                    }
                    self.partial = Vec::new();
                    self.over = true;
                    self.failure = Some(error.clone());
                    return Err(error);
                }
            }
        }
        if self.over {
            ciphertext.truncate(unsent);
        }
        // Nothing that follows the peer's close_notify counts.
        if rest.is_empty() || self.peer_closed {
            self.partial = Vec::new();
        } else {
            self.partial.clear();
            self.partial.extend_from_slice(rest);
        }
        Ok(())
    }

    /// Appends what must be sent before anything else to `ciphertext`: nothing most of the time.
    pub(crate) fn queued(&mut self, ciphertext: &mut Vec<u8>) {
        if self.failure.is_some() {
            return;
        }
        // Nothing is received here: all that came was looked at.
        let Self { role, partial, .. } = self;
        while let (0, Ok(Step::Again)) = role.step(partial, &mut |_| {}, ciphertext) {}
    }

    /// Encrypts `plaintext` into `room`, which has [`room_for`] it; answers how many bytes that
    /// takes. Only after the handshake, not after [`Self::close`], and when nothing is
    /// [`Self::queued`].
    ///
    /// # Errors
    ///
    /// When the session is over, or the keys are used up, which they are after 2²⁴ records in
    /// TLS 1.2 (RFC 8446 section 5.5).
    pub(crate) fn encrypt(&mut self, plaintext: &[u8], room: &mut [u8]) -> Result<usize, Error> {
        if self.over {
            return Err(Error::General("the session is over".to_owned()));
        }
        self.write(|traffic| traffic.encrypt(plaintext, room))
    }

    /// Appends close_notify to `ciphertext`, unless the session is over.
    ///
    /// # Errors
    ///
    /// When the handshake is not complete.
    pub(crate) fn close(&mut self, ciphertext: &mut Vec<u8>) -> Result<(), Error> {
        if std::mem::replace(&mut self.over, true) {
            return Ok(());
        }
        self.queued(ciphertext);
        let mut alert = [0; CONTROL];
        let written = self.write(|traffic| traffic.queue_close_notify(&mut alert))?;
        ciphertext.extend_from_slice(&alert[..written]);
        Ok(())
    }

    /// Whether the handshake is not complete yet.
    pub(crate) fn is_handshaking(&self) -> bool {
        self.state().is_handshaking()
    }

    /// Whether the peer has sent close_notify: it will send nothing more.
    pub(crate) fn peer_closed(&self) -> bool {
        self.peer_closed
    }

    /// The version that was negotiated, such as `TLSv1.3`.
    pub(crate) fn version(&self) -> Option<&'static str> {
        self.state().protocol_version().map(names::version)
    }

    /// The protocol that was agreed on by ALPN.
    pub(crate) fn alpn(&self) -> Option<&[u8]> {
        self.state().alpn_protocol()
    }

    /// What was negotiated.
    pub(super) fn state(&self) -> &CommonState {
        match &self.role {
            Role::Client(client) => client,
            Role::Server(server) => server,
        }
    }

    fn write(
        &mut self,
        operation: impl FnOnce(&mut dyn Traffic) -> Result<usize, EncryptError>,
    ) -> Result<usize, Error> {
        let Self { role, partial, .. } = self;
        let written = match role {
            Role::Client(client) => match client.process_tls_records(partial).state {
                Ok(ConnectionState::WriteTraffic(mut traffic)) => operation(&mut traffic),
                _ => Err(EncryptError::EncryptExhausted),
            },
            Role::Server(server) => match server.process_tls_records(partial).state {
                Ok(ConnectionState::WriteTraffic(mut traffic)) => operation(&mut traffic),
                _ => Err(EncryptError::EncryptExhausted),
            },
        };
        written.map_err(|error| Error::General(error.to_string()))
    }
}

/// How much room `plaintext` bytes need at most once they are encrypted.
pub(crate) const fn room_for(plaintext: usize) -> usize {
    plaintext + plaintext.div_ceil(RECORD) * RECORD_OVERHEAD + CONTROL
}

impl Role {
    fn step(
        &mut self,
        incoming: &mut [u8],
        deliver: &mut dyn FnMut(&[u8]),
        ciphertext: &mut Vec<u8>,
    ) -> (usize, Result<Step, Error>) {
        match self {
            Self::Client(client) => take(client.process_tls_records(incoming), deliver, ciphertext),
            Self::Server(server) => take(server.process_tls_records(incoming), deliver, ciphertext),
        }
    }
}

impl std::fmt::Debug for Session {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Session")
            .field("peer_closed", &self.peer_closed)
            .finish_non_exhaustive()
    }
}

/// What follows a step.
enum Step {
    Again,
    Blocked,
    PeerClosed,
}

/// Does what `status` asks for; answers how many incoming bytes were consumed, and what follows.
fn take<Data>(
    status: UnbufferedStatus<'_, '_, Data>,
    deliver: &mut dyn FnMut(&[u8]),
    ciphertext: &mut Vec<u8>,
) -> (usize, Result<Step, Error>) {
    let UnbufferedStatus { mut discard, state } = status;
    let step = match state {
        Err(error) => Err(error),
        Ok(ConnectionState::ReadTraffic(mut traffic)) => loop {
            match traffic.next_record() {
                Some(Ok(record)) => {
                    discard += record.discard;
                    deliver(record.payload);
                }
                Some(Err(error)) => break Err(error),
                None => break Ok(Step::Again),
            }
        },
        Ok(ConnectionState::EncodeTlsData(mut data)) => {
            let start = ciphertext.len();
            ciphertext.resize(start + CONTROL, 0);
            let mut encoded = data.encode(&mut ciphertext[start..]);
            if let Err(EncodeError::InsufficientSize(wanted)) = encoded {
                ciphertext.resize(start + wanted.required_size, 0);
                encoded = data.encode(&mut ciphertext[start..]);
            }
            ciphertext.truncate(start + encoded.as_ref().map_or(0, |n| *n));
            encoded
                .map(|_| Step::Again)
                .map_err(|error| Error::General(error.to_string()))
        }
        // The caller sends it before anything that comes later.
        Ok(ConnectionState::TransmitTlsData(data)) => {
            data.done();
            Ok(Step::Again)
        }
        Ok(ConnectionState::PeerClosed) => Ok(Step::PeerClosed),
        // Early data is refused by never offering any.
        Ok(_) => Ok(Step::Blocked),
    };
    (discard, step)
}

/// [`WriteTraffic`] of either role.
trait Traffic {
    fn encrypt(&mut self, plaintext: &[u8], room: &mut [u8]) -> Result<usize, EncryptError>;
    fn queue_close_notify(&mut self, room: &mut [u8]) -> Result<usize, EncryptError>;
}

impl<Data> Traffic for WriteTraffic<'_, Data> {
    fn encrypt(&mut self, plaintext: &[u8], room: &mut [u8]) -> Result<usize, EncryptError> {
        Self::encrypt(self, plaintext, room)
    }

    fn queue_close_notify(&mut self, room: &mut [u8]) -> Result<usize, EncryptError> {
        Self::queue_close_notify(self, room)
    }
}

#[cfg(test)]
mod tests;
