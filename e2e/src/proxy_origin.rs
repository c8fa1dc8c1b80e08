use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::mpsc::{Receiver, channel};

use vestibule_proxy_protocol::{Decoded, V2_MAX_LEN, Version, decode};

use crate::PATIENCE;
use crate::origin::{Origin, echo};

/// An echo that requires a PROXY header and tells the test what it said.
#[derive(Debug)]
pub struct ProxyOrigin {
    origin: Origin,
    told: Receiver<Told>,
}

/// What a PROXY header said.
#[derive(Clone, Debug)]
pub struct Told {
    /// The header itself.
    pub header: Vec<u8>,
    /// Version 1 or 2.
    pub version: Version,
    /// The client; `None` when the header names none.
    pub source: Option<SocketAddr>,
    /// Where the client connected to.
    pub destination: Option<SocketAddr>,
    /// The TLVs, with their types, in order.
    pub tlvs: Vec<(u8, Vec<u8>)>,
    /// Bytes that the first read gave.
    pub first_read: usize,
}

impl ProxyOrigin {
    /// Listens on a port of loopback.
    pub fn echo() -> Self {
        let (sender, told) = channel();
        let origin = Origin::serve(move |mut stream| {
            let Some((heard, rest)) = listen(&mut stream) else {
                return;
            };
            let _ = sender.send(heard);
            if stream.write_all(&rest).is_ok() {
                echo(&mut stream);
            }
        });
        Self { origin, told }
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.origin.address()
    }

    /// Connections accepted so far.
    pub fn accepted(&self) -> usize {
        self.origin.accepted()
    }

    /// What the next connection's header said.
    #[track_caller]
    pub fn told(&self) -> Told {
        self.told
            .recv_timeout(PATIENCE)
            .expect("a connection with a PROXY header to come")
    }
}

impl Told {
    /// The value of the first TLV of this type.
    pub fn tlv(&self, kind: u8) -> Option<&[u8]> {
        self.tlvs
            .iter()
            .find(|(found, _)| *found == kind)
            .map(|(_, value)| value.as_slice())
    }
}

/// The header, and what came with it. `None` when there is none.
fn listen(stream: &mut TcpStream) -> Option<(Told, Vec<u8>)> {
    let mut received = Vec::new();
    let mut buffer = vec![0; 64 * 1024];
    let mut first_read = 0;
    loop {
        let n = stream.read(&mut buffer).ok().filter(|n| *n > 0)?;
        if first_read == 0 {
            first_read = n;
        }
        received.extend_from_slice(&buffer[..n]);
        match decode(&received, V2_MAX_LEN).ok()? {
            Decoded::NeedMore(_) => {}
            Decoded::Header(header) => {
                let addresses = header.stream_addresses();
                let told = Told {
                    header: header.as_bytes().to_vec(),
                    version: header.version(),
                    source: addresses.map(|(source, _)| source),
                    destination: addresses.map(|(_, destination)| destination),
                    tlvs: header
                        .raw_tlvs()
                        .map(|tlv| (tlv.kind, tlv.value.to_vec()))
                        .collect(),
                    first_read,
                };
                let rest = received[header.len()..].to_vec();
                return Some((told, rest));
            }
        }
    }
}
