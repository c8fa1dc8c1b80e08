//! A component (XEP-0114) that does nothing but change addresses: a measure of what a component has
//! to cost.
//!
//! A request to the component goes to one client, with the sender as the resource of `from`. What
//! that client sends to such an address goes back to the sender. Nothing is remembered, checked,
//! counted or written down.

mod stanza;

use std::io::{self, Read, Write};
use std::net::TcpStream;

use sha1::{Digest, Sha1};

fn main() -> io::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [server, domain, secret, target] = &arguments[..] else {
        return Err(io::Error::other("arguments: SERVER DOMAIN SECRET TARGET"));
    };
    let socket = TcpStream::connect(server)?;
    socket.set_nodelay(true)?;
    let mut stream = Stream {
        socket,
        buffer: vec![0; 65_536].into(),
        received: Vec::new(),
    };
    stream.shake_hands(domain, secret)?;
    let mut out = Vec::new();
    loop {
        let mut rest = &stream.received[..];
        while let Some(len) = stanza::len(rest) {
            let (stanza, later) = rest.split_at(len);
            stanza::pass_on(stanza, domain.as_bytes(), target.as_bytes(), &mut out);
            rest = later;
        }
        let used = stream.received.len() - rest.len();
        stream.received.drain(..used);
        stream.socket.write_all(&out)?;
        out.clear();
        stream.receive()?;
    }
}

struct Stream {
    socket: TcpStream,
    buffer: Box<[u8]>,
    received: Vec<u8>,
}

impl Stream {
    /// Reads once.
    fn receive(&mut self) -> io::Result<()> {
        match self.socket.read(&mut self.buffer)? {
            0 => Err(io::ErrorKind::UnexpectedEof.into()),
            length => {
                self.received.extend_from_slice(&self.buffer[..length]);
                Ok(())
            }
        }
    }

    /// Reads until `end` has come and takes what is before it.
    fn take_until(&mut self, end: &[u8]) -> io::Result<Vec<u8>> {
        loop {
            let mut windows = self.received.windows(end.len());
            if let Some(at) = windows.position(|window| window == end) {
                let taken = self.received[..at].to_vec();
                self.received.drain(..at + end.len());
                return Ok(taken);
            }
            self.receive()?;
        }
    }

    fn shake_hands(&mut self, domain: &str, secret: &str) -> io::Result<()> {
        write!(
            self.socket,
            "<stream:stream xmlns='jabber:component:accept' \
             xmlns:stream='http://etherx.jabber.org/streams' to='{domain}'>"
        )?;
        self.take_until(b"<stream:stream")?;
        let header = self.take_until(b">")?;
        let id = stanza::attribute(&header, b" id=").map(|range| &header[range]);
        let digest = Sha1::new_with_prefix(id.unwrap_or_default());
        let digest = digest.chain_update(secret).finalize();
        let digest: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
        self.socket
            .write_all(format!("<handshake>{digest}</handshake>").as_bytes())?;
        let answer = self.take_until(b">")?;
        match &answer[..] {
            b"<handshake/" => Ok(()),
            b"<handshake" => self.take_until(b"</handshake>").map(drop),
            _ => Err(io::Error::other(String::from_utf8_lossy(&answer))),
        }
    }
}
