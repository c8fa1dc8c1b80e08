use std::io::{self, ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::{Mutex, MutexGuard, PoisonError};

use rustls::{AlertDescription, Connection, Error, HandshakeKind, ProtocolVersion};

/// One end of a TLS connection. Two threads may use it: one reads, one writes, as with a
/// [`TcpStream`].
#[derive(Debug)]
pub struct TlsStream {
    socket: TcpStream,
    connection: Mutex<Connection>,
    /// What was received and does not fit into `connection` before more is read from it.
    received: Mutex<Vec<u8>>,
    /// Held while bytes are encrypted and sent, so that records keep their order.
    sending: Mutex<()>,
}

/// What two ends have agreed on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Facts {
    /// `TLSv1.2` or `TLSv1.3`.
    pub version: &'static str,
    /// The cipher suite, in rustls' words.
    pub cipher: String,
    /// The group of the key exchange, in rustls' words; empty when there was none.
    pub group: String,
    /// The protocol; empty when there is none.
    pub alpn: String,
    /// The server's name, where the client has sent one. Known to servers only.
    pub sni: Option<String>,
    /// Whether it began with a ticket.
    pub resumed: bool,
    /// The certificate of the other end, DER.
    pub peer: Option<Vec<u8>>,
}

/// How the other end said that it has finished.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TlsEnd {
    /// With this alert.
    Alert(AlertDescription),
    /// With close_notify, then FIN.
    CloseNotify,
    /// With FIN only: the end may have been cut off.
    Fin,
    /// With a reset.
    Reset,
}

impl TlsStream {
    /// Does the handshake. Each piece that `cut` makes of the first flight is a segment of its own.
    pub(super) fn handshake(
        socket: TcpStream,
        mut connection: Connection,
        cut: impl Fn(&[u8]) -> Vec<Vec<u8>>,
    ) -> io::Result<Self> {
        if connection.wants_write() {
            let mut flight = Vec::new();
            connection.write_tls(&mut flight)?;
            for piece in cut(&flight) {
                (&socket).write_all(&piece)?;
            }
        }
        while connection.is_handshaking() {
            connection.complete_io(&mut &socket)?;
        }
        while connection.wants_write() {
            connection.write_tls(&mut &socket)?;
        }
        Ok(Self {
            socket,
            connection: Mutex::new(connection),
            received: Mutex::default(),
            sending: Mutex::new(()),
        })
    }

    /// The connection below.
    pub fn socket(&self) -> &TcpStream {
        &self.socket
    }

    /// Our own address.
    pub fn local_addr(&self) -> SocketAddr {
        self.socket.local_addr().expect("an address")
    }

    /// What was agreed on.
    pub fn facts(&self) -> Facts {
        let connection = self.connection();
        let suite = connection.negotiated_cipher_suite().expect("a suite");
        Facts {
            version: match connection.protocol_version() {
                Some(ProtocolVersion::TLSv1_2) => "TLSv1.2",
                Some(ProtocolVersion::TLSv1_3) => "TLSv1.3",
                other => panic!("{other:?}"),
            },
            cipher: format!("{:?}", suite.suite()),
            group: connection
                .negotiated_key_exchange_group()
                .map(|group| format!("{:?}", group.name()))
                .unwrap_or_default(),
            alpn: connection
                .alpn_protocol()
                .map(|alpn| String::from_utf8_lossy(alpn).into_owned())
                .unwrap_or_default(),
            sni: match &*connection {
                Connection::Client(_) => None,
                Connection::Server(server) => server.server_name().map(str::to_owned),
            },
            resumed: connection.handshake_kind() == Some(HandshakeKind::Resumed),
            peer: connection
                .peer_certificates()
                .map(|chain| chain[0].to_vec()),
        }
    }

    /// Says close_notify; the connection below stays as it is.
    pub fn close_notify(&self) {
        let _sending = self.sending();
        self.connection().send_close_notify();
        self.flush_records().expect("the connection takes bytes");
    }

    /// Sends `bytes` and reads as many, which must be the same: the other end is an echo.
    #[track_caller]
    pub fn exchange(&self, bytes: &[u8]) {
        let mut stream = self;
        stream.write_all(bytes).expect("the connection takes bytes");
        let mut answer = vec![0; bytes.len()];
        stream
            .read_exact(&mut answer)
            .expect("an answer of the echo");
        assert!(answer == bytes, "the echo is not what was sent");
    }

    /// Reads until the end.
    #[track_caller]
    pub fn read_to_end(&self) -> (Vec<u8>, TlsEnd) {
        let mut bytes = Vec::new();
        let mut stream = self;
        let end = match Read::read_to_end(&mut stream, &mut bytes) {
            Ok(_) => {
                let after = (&self.socket).read(&mut [0; 1]);
                assert_eq!(after.expect("FIN"), 0, "bytes after close_notify");
                TlsEnd::CloseNotify
            }
            Err(error) => match (alert_of(&error), error.kind()) {
                (Some(alert), _) => TlsEnd::Alert(alert),
                (None, ErrorKind::UnexpectedEof) => TlsEnd::Fin,
                (None, ErrorKind::ConnectionReset) => TlsEnd::Reset,
                _ => panic!("no end after {} bytes: {error}", bytes.len()),
            },
        };
        (bytes, end)
    }

    fn connection(&self) -> MutexGuard<'_, Connection> {
        self.connection
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    fn sending(&self) -> MutexGuard<'_, ()> {
        self.sending.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sends what is encrypted already. The caller holds `sending`.
    fn flush_records(&self) -> io::Result<()> {
        let mut records = Vec::new();
        let mut connection = self.connection();
        while connection.wants_write() {
            connection.write_tls(&mut records)?;
        }
        drop(connection);
        (&self.socket).write_all(&records)
    }
}

impl Read for &TlsStream {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let mut received = self.received.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            match self.connection().reader().read(buffer) {
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                result => return result,
            }
            if received.is_empty() {
                received.resize(32 * 1024, 0);
                let n = (&self.socket).read(&mut received);
                received.truncate(*n.as_ref().unwrap_or(&0));
                n?;
            }
            let mut connection = self.connection();
            let taken = connection.read_tls(&mut &received[..])?;
            received.drain(..taken);
            let outcome = connection.process_new_packets();
            drop(connection);
            if outcome.is_err() || self.connection().wants_write() {
                // Also the alert that tells the other end what was wrong.
                let _sending = self.sending();
                let sent = self.flush_records();
                outcome.map_err(|error| io::Error::new(ErrorKind::InvalidData, error))?;
                sent?;
            }
        }
    }
}

impl Write for &TlsStream {
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        let _sending = self.sending();
        let n = self.connection().writer().write(buffer)?;
        self.flush_records()?;
        Ok(n)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The alert that `error` tells of, if it is one that the other end has sent.
pub fn alert_of(error: &io::Error) -> Option<AlertDescription> {
    match error.get_ref()?.downcast_ref::<Error>()? {
        Error::AlertReceived(alert) => Some(*alert),
        _ => None,
    }
}
