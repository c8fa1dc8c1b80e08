//! Clients, and proxies that speak for clients.

use std::{
    io,
    net::{IpAddr, SocketAddr},
};

use rand::{RngCore, SeedableRng, rngs::StdRng};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpSocket, TcpStream},
    task::spawn_local,
};

/// What a client has of its connection in the end.
#[derive(Debug)]
pub(super) struct Exchanged {
    /// The client's own end.
    pub(super) local: SocketAddr,
    /// All that came back, up to FIN.
    pub(super) answer: Vec<u8>,
}

/// Sends `header` and `payload`, then FIN, and takes everything that comes back meanwhile.
///
/// # Errors
///
/// When the connection cannot be made or is reset.
pub(super) async fn exchange(
    address: SocketAddr,
    header: &[u8],
    payload: &[u8],
) -> io::Result<Exchanged> {
    converse(TcpStream::connect(address).await?, header, payload).await
}

/// Sends `bytes` without FIN, and takes everything that comes back until the other side has ended.
///
/// # Errors
///
/// When the connection cannot be made or is reset.
pub(super) async fn ask(address: SocketAddr, bytes: &[u8]) -> io::Result<Vec<u8>> {
    let mut stream = TcpStream::connect(address).await?;
    stream.write_all(bytes).await?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await?;
    Ok(answer)
}

/// As [`exchange`], from a certain address.
///
/// # Errors
///
/// As for [`exchange`], and when this machine does not have the address.
pub(super) async fn exchange_from(
    from: IpAddr,
    address: SocketAddr,
    payload: &[u8],
) -> io::Result<Exchanged> {
    let socket = TcpSocket::new_v4()?;
    socket.bind(SocketAddr::new(from, 0))?;
    converse(socket.connect(address).await?, b"", payload).await
}

/// Sends `bytes` without FIN and waits for the other side to close. Answers how much came back
/// before it did.
///
/// # Errors
///
/// When the connection cannot be made.
pub(super) async fn closed_on(address: SocketAddr, bytes: &[u8]) -> io::Result<usize> {
    let mut stream = TcpStream::connect(address).await?;
    // The other side may have closed already: then it is the reading that tells.
    let _ = stream.write_all(bytes).await;
    let mut answer = Vec::new();
    match stream.read_to_end(&mut answer).await {
        Ok(_) => Ok(answer.len()),
        Err(error) if error.kind() == io::ErrorKind::ConnectionReset => Ok(answer.len()),
        Err(error) => Err(error),
    }
}

/// Bytes that no two places have in common; the same each time.
pub(super) fn noise(len: usize, seed: u64) -> Vec<u8> {
    let mut bytes = vec![0; len];
    StdRng::seed_from_u64(seed).fill_bytes(&mut bytes);
    bytes
}

/// Answers an address whose first connection leads to `address`, with its first TLS record cut into
/// records of one byte each, and each of those in a write of its own.
///
/// # Errors
///
/// When there is no such address to be had.
pub(super) async fn cut_hello(address: SocketAddr) -> io::Result<SocketAddr> {
    let listener = TcpListener::bind((address.ip(), 0)).await?;
    let own = listener.local_addr()?;
    spawn_local(async move {
        let (mut client, _) = listener.accept().await?;
        let mut server = TcpStream::connect(address).await?;
        server.set_nodelay(true)?;
        let mut record = [0; RECORD_HEADER];
        client.read_exact(&mut record).await?;
        let [kind, major, minor, high, low] = record;
        let mut hello = vec![0; u16::from_be_bytes([high, low]).into()];
        client.read_exact(&mut hello).await?;
        for byte in hello {
            let piece = [kind, major, minor, 0, 1, byte];
            server.write_all(&piece).await?;
        }
        tokio::io::copy_bidirectional(&mut client, &mut server).await
    });
    Ok(own)
}

/// Type, version and length (RFC 8446 section 5.1).
const RECORD_HEADER: usize = 5;

async fn converse(stream: TcpStream, header: &[u8], payload: &[u8]) -> io::Result<Exchanged> {
    let local = stream.local_addr()?;
    let (mut reader, mut writer) = stream.into_split();
    let first = [header, payload].concat();
    let send = async {
        writer.write_all(&first).await?;
        writer.shutdown().await
    };
    let mut answer = Vec::new();
    let receive = reader.read_to_end(&mut answer);
    tokio::try_join!(send, receive)?;
    Ok(Exchanged { local, answer })
}
