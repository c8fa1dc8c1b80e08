use std::io::{self, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::thread;

/// Large enough that the cost per system call vanishes, small enough for the processor's cache.
const BLOCK: usize = 128 * 1024;

/// Sends without end on each connection, one thread for each.
pub(super) fn serve(listener: &TcpListener) -> io::Result<()> {
    loop {
        let (socket, _) = listener.accept()?;
        thread::spawn(move || send(socket));
    }
}

/// Ends when the other side closes, which the next write notices.
fn send(mut socket: TcpStream) {
    let mut request = [0; 4096];
    if !matches!(socket.read(&mut request), Ok(length) if length > 0) {
        return;
    }
    let block = vec![b'a'; BLOCK];
    while socket.write_all(&block).is_ok() {}
}
