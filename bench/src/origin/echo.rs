use std::io::{self, Read, Write};
use std::net::TcpStream;

use super::Serve;

/// Sends back what it gets. Messages are short, so that a write never has to wait.
pub(super) struct Connection;

impl Serve for Connection {
    fn handle_readable(&mut self, socket: &mut TcpStream) -> io::Result<bool> {
        let mut buffer = [0; 4096];
        let length = socket.read(&mut buffer)?;
        socket.write_all(&buffer[..length])?;
        Ok(length > 0)
    }
}
