use std::io::{self, ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use socket2::SockRef;

/// How long anything may take that should happen at once: on a machine that does much else, too.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// How a peer ended a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// Properly.
    Fin,
    /// With a reset.
    Reset,
}

/// Connects, without delaying small segments; reads wait up to [`PATIENCE`].
pub fn connect(address: SocketAddr) -> TcpStream {
    try_connect(address).unwrap_or_else(|error| panic!("cannot connect to {address}: {error}"))
}

/// As [`connect`].
///
/// # Errors
///
/// When nobody accepts.
pub fn try_connect(address: SocketAddr) -> io::Result<TcpStream> {
    let stream = TcpStream::connect_timeout(&address, PATIENCE)?;
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    Ok(stream)
}

/// Writes `bytes` and reads as many, which must be the same: the other end is an echo.
#[track_caller]
pub fn exchange(stream: &mut TcpStream, bytes: &[u8]) {
    stream.write_all(bytes).expect("the connection takes bytes");
    let mut answer = vec![0; bytes.len()];
    stream
        .read_exact(&mut answer)
        .expect("an answer of the echo");
    assert!(answer == bytes, "the echo is not what was sent");
}

/// Reads until the end.
#[track_caller]
pub fn read_to_end(stream: &mut TcpStream) -> (Vec<u8>, End) {
    let mut bytes = Vec::new();
    match stream.read_to_end(&mut bytes) {
        Ok(_) => (bytes, End::Fin),
        Err(error) if error.kind() == ErrorKind::ConnectionReset => (bytes, End::Reset),
        Err(error) => panic!("neither FIN nor reset after {} bytes: {error}", bytes.len()),
    }
}

/// Makes closing `stream` send RST.
pub fn linger_zero(stream: &TcpStream) {
    SockRef::from(stream)
        .set_linger(Some(Duration::ZERO))
        .expect("SO_LINGER on a TCP socket");
}
