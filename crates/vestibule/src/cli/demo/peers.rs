//! TLS as the clients and upstreams of the demo speak it.

use std::{
    fs,
    io::{self, ErrorKind},
    net::SocketAddr,
    path::Path,
    pin::Pin,
    rc::Rc,
    sync::Arc,
    task::{Context, Poll, ready},
};

use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadBuf, split},
    net::TcpStream,
};
use vestibule_config::Config;

use crate::{
    material,
    relay::{Leg, Stream},
    tls::{
        Buffers, ClientPolicy, HandshakeError, ServerPolicy, Session, Shaken, Terminated,
        TlsStream, Turns, client_session, shake,
    },
};

/// What the clients and upstreams speak, and whom they believe.
pub(super) struct Peers {
    buffers: Rc<Buffers>,
    known: Arc<ClientPolicy>,
    modern: Arc<ClientPolicy>,
    old: Arc<ClientPolicy>,
    server: Arc<ServerPolicy>,
    turns: Turns,
}

/// What a client speaks.
#[derive(Clone, Copy, Debug)]
pub(super) enum Speaks {
    /// Everything, and it has a certificate.
    Known,
    /// Everything.
    Modern,
    /// TLS 1.2 only.
    Old,
}

/// What a client has of its connection in the end.
#[derive(Debug)]
pub(super) struct Said {
    /// The client's own end.
    pub(super) local: SocketAddr,
    /// All that came back, up to close_notify.
    pub(super) answer: Vec<u8>,
    /// The common name of the server's certificate, which is good.
    pub(super) certificate: String,
    pub(super) terms: Terminated,
}

/// What clients offer by ALPN.
pub(super) const ALPN: &[u8] = b"xmpp-client";

/// The peers are configured like everything else; nobody listens there.
const PEERS: &str = r#"
[[certificate]]
chain = "upstream.pem"
key = "upstream.key"

[[listener]]
name = "upstream"
bind = "127.0.0.1:1"
service = "modern"
[listener.tls]
mode = "terminate"

[service.known]
upstreams = "127.0.0.1:2"
tls = { ca = "ca.pem", certificate = { chain = "alice.pem", key = "alice.key" } }

[service.modern]
upstreams = "127.0.0.1:2"
tls = { ca = "ca.pem" }

[service.old]
upstreams = "127.0.0.1:2"
tls = { ca = "ca.pem", max_version = "1.2" }
"#;

impl Peers {
    /// Peers whose certificates are in `directory`.
    ///
    /// # Errors
    ///
    /// What is wrong with those, in sentences.
    pub(super) fn new(directory: &Path) -> Result<Rc<Self>, String> {
        let path = directory.join("peers.toml");
        fs::write(&path, PEERS)
            .map_err(|error| format!("cannot write {}: {error}", path.display()))?;
        let (loaded, material) = material::load(&path, None);
        let (Some(config), Some(material)) = (loaded.config, material) else {
            return Err(loaded.report.render(false));
        };
        let tls = &material.tls;
        let client = |name: &str| tls.service(service(&config, name)?);
        let (Some(known), Some(modern), Some(old), Some(server)) = (
            client("known"),
            client("modern"),
            client("old"),
            tls.listener(0),
        ) else {
            return Err("a peer speaks no TLS".to_owned());
        };
        Ok(Rc::new(Self {
            buffers: Buffers::new(),
            known,
            modern,
            old,
            server,
            turns: Turns::new(),
        }))
    }

    /// Connects to `address`, sends `header` in clear, and asks for the server `name`.
    ///
    /// # Errors
    ///
    /// Why there is no connection.
    pub(super) async fn connect(
        &self,
        address: SocketAddr,
        header: &[u8],
        speaks: Speaks,
        name: &str,
    ) -> Result<Secured, HandshakeError> {
        let stream = TcpStream::connect(address)
            .await
            .map_err(HandshakeError::Io)?;
        let session = self.session(speaks, name).map_err(HandshakeError::Io)?;
        self.shake(stream, session, Vec::new(), header.to_vec())
            .await
    }

    /// Takes a client's TLS, of which `received` was read already.
    ///
    /// # Errors
    ///
    /// Why there is no connection.
    pub(super) async fn accept(
        &self,
        stream: TcpStream,
        received: Vec<u8>,
    ) -> Result<Secured, HandshakeError> {
        let session = Session::server(self.server.config()).map_err(HandshakeError::Tls)?;
        self.shake(stream, session, received, Vec::new()).await
    }

    /// As [`Self::connect`]; then sends `payload` and the end, and takes everything that comes back
    /// meanwhile.
    ///
    /// # Errors
    ///
    /// Why it came to nothing.
    pub(super) async fn exchange(
        &self,
        address: SocketAddr,
        header: &[u8],
        speaks: Speaks,
        name: &str,
        payload: &[u8],
    ) -> io::Result<Said> {
        let stream = self.connect(address, header, speaks, name).await?;
        let (local, certificate) = (stream.local_addr()?, stream.certificate());
        let terms = stream.terms();
        let (mut reader, mut writer) = split(stream);
        let send = async {
            writer.write_all(payload).await?;
            writer.shutdown().await
        };
        let mut answer = Vec::new();
        let receive = reader.read_to_end(&mut answer);
        tokio::try_join!(send, receive)?;
        Ok(Said {
            local,
            answer,
            certificate,
            terms,
        })
    }

    /// The hello of a client that asks for the server `name`, in its record.
    ///
    /// # Errors
    ///
    /// When there is no such name.
    pub(super) fn hello(&self, name: &str) -> io::Result<Vec<u8>> {
        let mut session = self.session(Speaks::Modern, name)?;
        let mut hello = Vec::new();
        session
            .receive(&mut [], &mut |_| (), &mut hello)
            .map_err(io::Error::other)?;
        Ok(hello)
    }

    fn session(&self, speaks: Speaks, name: &str) -> io::Result<Session> {
        let policy = match speaks {
            Speaks::Known => &self.known,
            Speaks::Modern => &self.modern,
            Speaks::Old => &self.old,
        };
        client_session(policy, name, Some(ALPN))
    }

    async fn shake(
        &self,
        stream: TcpStream,
        session: Session,
        received: Vec<u8>,
        preface: Vec<u8>,
    ) -> Result<Secured, HandshakeError> {
        let _ = stream.set_nodelay(true);
        let stream = Leg::Plain(Stream::Tcp(stream));
        let buffers = Rc::clone(&self.buffers);
        let shaken = shake(stream, session, received, preface, buffers, &self.turns).await;
        let Shaken {
            mut stream,
            plaintext,
            ..
        } = shaken.map_err(|(error, _)| error)?;
        stream.unread(plaintext);
        Ok(Secured {
            stream,
            room: Vec::new(),
            taken: 0,
        })
    }
}

fn service(config: &Config, name: &str) -> Option<usize> {
    config
        .services
        .iter()
        .position(|service| service.name == name)
}

/// A connection with TLS.
pub(super) struct Secured {
    stream: Box<TlsStream>,
    /// What was read, of which the first `taken` bytes are delivered.
    room: Vec<u8>,
    taken: usize,
}

/// Room for any record.
const ROOM: usize = 32 * 1024;

impl Secured {
    /// What was negotiated.
    pub(super) fn terms(&self) -> Terminated {
        Terminated::new(self.stream.session(), None)
    }

    /// The common name of the other side's certificate.
    pub(super) fn certificate(&self) -> String {
        let shown = self.stream.peer_certificate();
        shown
            .and_then(|shown| shown.common_name)
            .unwrap_or_default()
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        match self.stream.socket() {
            Stream::Tcp(stream) => stream.local_addr(),
            Stream::Unix(_) => Err(ErrorKind::Unsupported.into()),
        }
    }
}

impl AsyncRead for Secured {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        out: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = &mut *self;
        if this.taken == this.room.len() {
            let mut room = std::mem::take(&mut this.room);
            this.taken = 0;
            room.resize(ROOM, 0);
            let read = ready!(this.stream.poll_read(cx, &mut room))?;
            room.truncate(read);
            this.room = room;
        }
        let rest = &this.room[this.taken..];
        let piece = &rest[..rest.len().min(out.remaining())];
        out.put_slice(piece);
        this.taken += piece.len();
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Secured {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.stream.poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.stream.poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.stream.poll_shut_down(cx)
    }
}
