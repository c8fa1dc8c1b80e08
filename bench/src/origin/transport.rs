use std::io::{self, Read, Write};
use std::net::TcpStream;

use rustls::{HandshakeKind, ServerConnection, StreamOwned};

use super::Next;

/// A connection to a client, in blocking mode.
pub(super) enum Transport {
    Plain(TcpStream),
    Tls(Box<StreamOwned<ServerConnection, TcpStream>>),
}

impl Transport {
    /// Reads once and appends what came: of TLS, perhaps nothing but a part of the handshake.
    ///
    /// # Errors
    ///
    /// Of the socket, and of a handshake that fails or takes more round trips than it must.
    pub(super) fn receive(&mut self, received: &mut Vec<u8>) -> io::Result<Next> {
        let mut buffer = [0; 4096];
        match self {
            Self::Plain(socket) => {
                let length = socket.read(&mut buffer)?;
                received.extend_from_slice(&buffer[..length]);
                Ok(if length == 0 {
                    Next::Close
                } else {
                    Next::KeepOpen
                })
            }
            Self::Tls(stream) => receive_tls(stream, received),
        }
    }

    /// Sends everything, and says over TLS when it was the last.
    ///
    /// # Errors
    ///
    /// Of the socket.
    pub(super) fn send(&mut self, bytes: &[u8], next: Next) -> io::Result<()> {
        match self {
            Self::Plain(socket) => socket.write_all(bytes),
            Self::Tls(stream) => {
                stream.conn.writer().write_all(bytes)?;
                if next == Next::Close {
                    stream.conn.send_close_notify();
                }
                flush(stream)
            }
        }
    }
}

fn receive_tls(
    stream: &mut StreamOwned<ServerConnection, TcpStream>,
    received: &mut Vec<u8>,
) -> io::Result<Next> {
    let StreamOwned { conn, sock } = stream;
    if conn.read_tls(sock)? == 0 {
        return Ok(Next::Close);
    }
    let processed = conn.process_new_packets();
    if conn.handshake_kind() == Some(HandshakeKind::FullWithHelloRetryRequest) {
        return Err(io::ErrorKind::InvalidData.into());
    }
    // Also the alert that says why it failed.
    flush(stream)?;
    let state = processed.map_err(io::Error::other)?;
    let already = received.len();
    received.resize(already + state.plaintext_bytes_to_read(), 0);
    stream.conn.reader().read_exact(&mut received[already..])?;
    Ok(if state.peer_has_closed() {
        Next::Close
    } else {
        Next::KeepOpen
    })
}

fn flush(stream: &mut StreamOwned<ServerConnection, TcpStream>) -> io::Result<()> {
    while stream.conn.wants_write() {
        stream.conn.write_tls(&mut stream.sock)?;
    }
    Ok(())
}
