use std::io::{self, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::thread;

use super::FILLER;
use crate::tls::Server;

/// Large enough that the cost per system call vanishes, small enough for the processor's cache.
const BLOCK: usize = 128 * 1024;

/// Sends without end on each connection, one thread for each, over TLS if there is a `tls`.
pub(super) fn serve(listener: &TcpListener, tls: Option<&Server>) -> io::Result<()> {
    loop {
        let (socket, _) = listener.accept()?;
        let tls = tls.cloned();
        thread::spawn(move || start(socket, tls));
    }
}

fn start(socket: TcpStream, tls: Option<Server>) {
    let Some(server) = tls else {
        return send(socket);
    };
    // A connection that fails is simply closed: the client notices what it misses.
    if let Ok(stream) = server.accept(socket) {
        send(stream);
    }
}

/// Ends when the other side closes, which the next write notices.
fn send(mut stream: impl Read + Write) {
    let mut request = [0; 4096];
    if !matches!(stream.read(&mut request), Ok(length) if length > 0) {
        return;
    }
    let block = vec![FILLER; BLOCK];
    while stream.write_all(&block).is_ok() {}
}
