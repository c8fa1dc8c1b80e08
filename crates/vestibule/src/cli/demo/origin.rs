//! The upstreams of the demo: they echo, answer after the end, or speak a little HTTP, and tell
//! what PROXY header they were sent and what TLS they were spoken to with.

use std::{fmt::Write, io, net::SocketAddr, rc::Rc};

use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    net::{TcpListener, TcpStream, UnixListener},
    sync::mpsc::UnboundedSender,
    task::spawn_local,
};
use vestibule_proxy_protocol::{Decoded, Header, Ssl, V2_MAX_LEN, Version, decode, kind};

use super::{client::noise, peers::Peers};
use crate::tls::Terminated;

/// An upstream.
#[derive(Debug)]
pub(super) struct Origin {
    /// As the table names it.
    pub(super) name: &'static str,
    pub(super) manner: Manner,
    /// Whether each connection begins with a PROXY header.
    pub(super) takes_header: bool,
    /// Where it tells of each connection.
    pub(super) tells: UnboundedSender<Seen>,
}

/// How an upstream answers. A request that begins with `GET ` is answered over HTTP in any case; one
/// that asks for another protocol gets it, which is the upstream's manner.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Manner {
    /// [`long_answer`], but only once the client has ended.
    AnswersAfterEnd,
    /// Every byte comes back.
    Echoes,
}

/// One connection as the upstream saw it.
#[derive(Debug)]
pub(super) struct Seen {
    pub(super) origin: &'static str,
    /// `None`: it expects none.
    pub(super) header: Option<SeenHeader>,
    /// Bytes that came after the header, without TLS.
    pub(super) bytes: usize,
    /// What was negotiated; `None`: there was no TLS.
    pub(super) tls: Option<Terminated>,
}

/// A PROXY header as the upstream saw it.
#[derive(Debug)]
pub(super) struct SeenHeader {
    pub(super) version: Version,
    /// The client.
    pub(super) source: Option<SocketAddr>,
    /// What the client connected to.
    pub(super) destination: Option<SocketAddr>,
    tlvs: Vec<(u8, Vec<u8>)>,
}

impl Origin {
    /// Serves every connection to `listener`, in the background.
    pub(super) fn serve_tcp(self, listener: TcpListener) {
        let origin = Rc::new(self);
        spawn_local(async move {
            while let Ok((stream, _)) = listener.accept().await {
                // What is small and written last must not wait.
                let _ = stream.set_nodelay(true);
                let origin = Rc::clone(&origin);
                spawn_local(async move { origin.converse(stream).await });
            }
        });
    }

    /// As [`Self::serve_tcp`], with TLS behind the PROXY header.
    pub(super) fn serve_tls(self, listener: TcpListener, peers: Rc<Peers>) {
        let origin = Rc::new(self);
        spawn_local(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (origin, peers) = (Rc::clone(&origin), Rc::clone(&peers));
                spawn_local(async move { origin.converse_by_tls(stream, &peers).await });
            }
        });
    }

    /// As [`Self::serve_tcp`], on a unix socket.
    pub(super) fn serve_unix(self, listener: UnixListener) {
        let origin = Rc::new(self);
        spawn_local(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let origin = Rc::clone(&origin);
                spawn_local(async move { origin.converse(stream).await });
            }
        });
    }

    async fn converse(&self, mut stream: impl AsyncRead + AsyncWrite + Unpin) -> io::Result<()> {
        let mut received = Vec::new();
        let header = self.header(&mut stream, &mut received).await?;
        self.serve(stream, received, header, None).await
    }

    async fn converse_by_tls(&self, mut stream: TcpStream, peers: &Peers) -> io::Result<()> {
        let mut received = Vec::new();
        let header = self.header(&mut stream, &mut received).await?;
        let stream = peers.accept(stream, received).await?;
        let tls = stream.terms();
        self.serve(stream, Vec::new(), header, Some(tls)).await
    }

    /// Reads the header, if there must be one; what came behind it stays in `received`.
    async fn header(
        &self,
        stream: &mut (impl AsyncRead + Unpin),
        received: &mut Vec<u8>,
    ) -> io::Result<Option<SeenHeader>> {
        match self.takes_header {
            true => read_header(stream, received).await.map(Some),
            false => Ok(None),
        }
    }

    /// Answers in the way of this upstream. `received` was read already.
    async fn serve(
        &self,
        mut stream: impl AsyncRead + AsyncWrite + Unpin,
        mut received: Vec<u8>,
        header: Option<SeenHeader>,
        tls: Option<Terminated>,
    ) -> io::Result<()> {
        while GET.starts_with(&received) && received.len() < GET.len() {
            if stream.read_buf(&mut received).await? == 0 {
                break;
            }
        }
        let bytes = if received.starts_with(GET) {
            let rest = read_head(&mut stream, &mut received).await?;
            let fields = String::from_utf8_lossy(&received);
            if has_field(&fields, "upgrade:") {
                stream.write_all(SWITCHING).await?;
                self.carry(&mut stream, rest).await?
            } else {
                let body = self.told(header.as_ref(), tls.as_ref(), &fields);
                answer_http(&mut stream, &body).await?;
                received.len()
            }
        } else {
            self.carry(&mut stream, received).await?
        };
        // Told before the end, so that who sees the end can know.
        let _ = self.tells.send(Seen {
            origin: self.name,
            header,
            bytes,
            tls,
        });
        stream.shutdown().await
    }

    /// Takes everything up to the client's FIN, answers, and counts what came.
    async fn carry(
        &self,
        stream: &mut (impl AsyncRead + AsyncWrite + Unpin),
        mut received: Vec<u8>,
    ) -> io::Result<usize> {
        let mut bytes = 0;
        loop {
            bytes += received.len();
            if self.manner == Manner::Echoes {
                stream.write_all(&received).await?;
            }
            received.clear();
            received.reserve(64 * 1024);
            if stream.read_buf(&mut received).await? == 0 {
                break;
            }
        }
        if self.manner == Manner::AnswersAfterEnd {
            stream.write_all(&long_answer()).await?;
        }
        Ok(bytes)
    }

    /// What an HTTP client is told of its connection, and of what was said of it in the request.
    fn told(&self, header: Option<&SeenHeader>, tls: Option<&Terminated>, head: &str) -> String {
        let mut body = format!("This is the upstream \"{}\".\n", self.name);
        if let Some(tls) = tls {
            // Writing to a string does not fail.
            let _ = writeln!(body, "TLS           {} {}", tls.version, tls.cipher);
        }
        for line in head.lines().filter(|line| is_of_the_client(line)) {
            let _ = writeln!(body, "{line}");
        }
        let Some(header) = header else {
            body.push_str("It was sent no PROXY header.\n");
            return body;
        };
        let shown = |address: Option<SocketAddr>| address.map_or("-".to_owned(), |a| a.to_string());
        let _ = writeln!(
            body,
            "PROXY header  {:?}\nclient        {}\ndestination   {}\nTLVs          {}",
            header.version,
            shown(header.source),
            shown(header.destination),
            header.tlv_names(),
        );
        body
    }
}

impl SeenHeader {
    /// The value of the first TLV of this kind.
    pub(super) fn tlv(&self, kind: u8) -> Option<&[u8]> {
        let (_, value) = self.tlvs.iter().find(|(known, _)| *known == kind)?;
        Some(value)
    }

    /// What TLVs there are, in words.
    pub(super) fn tlv_names(&self) -> String {
        let name = |(kind, value): &(u8, Vec<u8>)| match *kind {
            kind::ALPN => format!("alpn {}", value.escape_ascii()),
            kind::AUTHORITY => format!("authority {}", value.escape_ascii()),
            kind::CRC32C => "crc32c".to_owned(),
            kind::SSL => format!("ssl {}", ssl_words(value)),
            kind::UNIQUE_ID => format!("unique_id {}", value.escape_ascii()),
            kind => format!("0x{kind:02X}"),
        };
        self.tlvs.iter().map(name).collect::<Vec<_>>().join(", ")
    }
}

impl From<&Header<'_>> for SeenHeader {
    fn from(header: &Header<'_>) -> Self {
        let (source, destination) = header.stream_addresses().unzip();
        Self {
            version: header.version(),
            source,
            destination,
            tlvs: header
                .raw_tlvs()
                .map(|tlv| (tlv.kind, tlv.value.to_vec()))
                .collect(),
        }
    }
}

/// The version and cipher suite of an SSL TLV, and who the client's certificate says it is.
fn ssl_words(value: &[u8]) -> String {
    let Ok(ssl) = Ssl::parse(value) else {
        return "that is broken".to_owned();
    };
    let said = [kind::SSL_VERSION, kind::SSL_CIPHER, kind::SSL_CN];
    let words = said.iter().filter_map(|kind| ssl.sub(*kind));
    words
        .map(|word| word.escape_ascii().to_string())
        .collect::<Vec<_>>()
        .join(" ")
}

/// What [`Manner::AnswersAfterEnd`] answers: more than the buffers of one socket hold.
pub(super) fn long_answer() -> Vec<u8> {
    noise(2 << 20, 1)
}

const GET: &[u8] = b"GET ";

/// The longest head of an HTTP request that is read, in bytes.
const LONGEST_HEAD: usize = 16 * 1024;

/// The answer to a request for another protocol (RFC 9110 section 15.2.2).
const SWITCHING: &[u8] =
    b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n";

/// Reads the rest of the head of a request, of which `received` was read already. Answers what came
/// behind it.
async fn read_head(
    stream: &mut (impl AsyncRead + Unpin),
    received: &mut Vec<u8>,
) -> io::Result<Vec<u8>> {
    loop {
        let end = received.windows(4).position(|end| end == b"\r\n\r\n");
        if let Some(end) = end {
            return Ok(received.split_off(end + 4));
        }
        if received.len() >= LONGEST_HEAD || stream.read_buf(received).await? == 0 {
            return Err(io::ErrorKind::InvalidData.into());
        }
    }
}

/// Whether a line of `head` begins like this, in lower case.
fn has_field(head: &str, name: &str) -> bool {
    head.lines()
        .any(|line| line.to_ascii_lowercase().starts_with(name))
}

/// Whether a line of a head says who the client is.
fn is_of_the_client(line: &str) -> bool {
    let line = line.to_ascii_lowercase();
    line.starts_with("x-forwarded-") || line.starts_with("forwarded:")
}

/// Answers `body`.
async fn answer_http(stream: &mut (impl AsyncWrite + Unpin), body: &str) -> io::Result<()> {
    let answer = format!(
        "HTTP/1.1 200 OK\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: {}\r\n\
         Connection: close\r\n\r\n{body}",
        body.len()
    );
    stream.write_all(answer.as_bytes()).await
}

/// Reads a header; what came behind it stays in `received`.
async fn read_header(
    stream: &mut (impl AsyncRead + Unpin),
    received: &mut Vec<u8>,
) -> io::Result<SeenHeader> {
    loop {
        match decode(received, V2_MAX_LEN) {
            Ok(Decoded::Header(header)) => {
                let (seen, len) = (SeenHeader::from(&header), header.len());
                received.drain(..len);
                return Ok(seen);
            }
            Ok(Decoded::NeedMore(_)) => {}
            Err(reject) => return Err(io::Error::new(io::ErrorKind::InvalidData, reject)),
        }
        if stream.read_buf(received).await? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
    }
}
