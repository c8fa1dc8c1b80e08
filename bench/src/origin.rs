//! The server behind the proxies: threads that live as long as the program.

mod answer;
mod echo;
mod http;
mod stream;
mod transport;

use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::thread;
use std::time::Duration;

use self::transport::Transport;
use crate::error::Error;
use crate::system::Poller;
use crate::tls::{Identity, Server};

/// What the origin does with a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Behaviour {
    /// Reads one message, answers it and closes.
    Answer,
    /// The same behind a PROXY header, without which there is no answer.
    AnswerBehindHeader,
    /// The same for a whole ClientHello, which it does not understand.
    AnswerHello,
    /// Answers HTTP requests until one says that it is the last.
    AnswerHttp,
    /// The same, only with X-Forwarded-For.
    AnswerHttpForwarded,
    /// [`Answer`](Self::Answer) over TLS, with session tickets.
    AnswerTls,
    /// [`Answer`](Self::Answer) over TLS, without tickets and sessions.
    AnswerTlsFull,
    /// Sends back what it gets.
    Echo,
    /// The same over TLS.
    EchoTls,
    /// Reads something, then sends until the other side closes.
    Stream,
    /// The same over TLS.
    StreamTls,
}

/// Every byte that the origin makes up.
pub(crate) const FILLER: u8 = b'a';

/// The addresses of the running origin.
#[derive(Debug)]
pub(crate) struct Origin {
    answer: SocketAddr,
    answer_behind_header: SocketAddr,
    answer_hello: SocketAddr,
    answer_http: SocketAddr,
    answer_http_forwarded: SocketAddr,
    answer_tls: SocketAddr,
    answer_tls_full: SocketAddr,
    echo: SocketAddr,
    echo_tls: SocketAddr,
    stream: SocketAddr,
    stream_tls: SocketAddr,
}

impl Origin {
    /// Starts one server per behaviour, on loopback ports that the kernel chooses.
    ///
    /// # Errors
    ///
    /// [`Error::Io`] when a socket cannot be opened, [`Error::Tls`].
    pub(crate) fn start(identity: &Identity) -> Result<Self, Error> {
        let tls = Server::with_tickets(identity)?;
        let tls_full = Server::without_resumption(identity)?;
        let message = || answer::Connection::new(answer::Question::Message);
        Ok(Self {
            answer: poll(None, message)?,
            answer_behind_header: poll(None, || {
                answer::Connection::new(answer::Question::MessageBehindHeader)
            })?,
            answer_hello: poll(None, || {
                answer::Connection::new(answer::Question::ClientHello)
            })?,
            answer_http: poll(None, || http::Connection::new(false))?,
            answer_http_forwarded: poll(None, || http::Connection::new(true))?,
            answer_tls: poll(Some(tls.clone()), message)?,
            answer_tls_full: poll(Some(tls_full), message)?,
            echo: poll(None, || echo::Connection)?,
            echo_tls: poll(Some(tls.clone()), || echo::Connection)?,
            stream: serve(|listener| stream::serve(&listener, None))?,
            stream_tls: serve(move |listener| stream::serve(&listener, Some(&tls)))?,
        })
    }

    pub(crate) fn address(&self, behaviour: Behaviour) -> SocketAddr {
        match behaviour {
            Behaviour::Answer => self.answer,
            Behaviour::AnswerBehindHeader => self.answer_behind_header,
            Behaviour::AnswerHello => self.answer_hello,
            Behaviour::AnswerHttp => self.answer_http,
            Behaviour::AnswerHttpForwarded => self.answer_http_forwarded,
            Behaviour::AnswerTls => self.answer_tls,
            Behaviour::AnswerTlsFull => self.answer_tls_full,
            Behaviour::Echo => self.echo,
            Behaviour::EchoTls => self.echo_tls,
            Behaviour::Stream => self.stream,
            Behaviour::StreamTls => self.stream_tls,
        }
    }
}

/// One connection of a server that serves many in one thread.
trait Serve {
    /// Takes what has arrived and appends what is to be sent.
    fn handle_bytes(&mut self, received: &[u8], answer: &mut Vec<u8>) -> Next;
}

/// What becomes of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Next {
    Close,
    KeepOpen,
}

fn serve(
    run: impl FnOnce(TcpListener) -> io::Result<()> + Send + 'static,
) -> Result<SocketAddr, Error> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
        .map_err(Error::io("open the origin's listener"))?;
    let address = listener
        .local_addr()
        .map_err(Error::io("read the origin's address"))?;
    thread::spawn(move || {
        if let Err(error) = run(listener) {
            eprintln!("origin: {error}");
        }
    });
    Ok(address)
}

/// Serves all connections in one thread, over TLS if there is a `tls`.
fn poll<S: Serve>(
    tls: Option<Server>,
    connection: impl Fn() -> S + Send + 'static,
) -> Result<SocketAddr, Error> {
    serve(move |listener| poll_listener(&listener, tls.as_ref(), connection))
}

fn poll_listener<S: Serve>(
    listener: &TcpListener,
    tls: Option<&Server>,
    connection: impl Fn() -> S,
) -> io::Result<()> {
    const LISTENER: usize = usize::MAX;
    let mut poller = Poller::new()?;
    poller.add(listener, LISTENER)?;
    let mut connections: Vec<Option<(Transport, S)>> = Vec::new();
    let mut free = Vec::new();
    let mut ready = Vec::new();
    let mut buffers = Buffers::default();
    loop {
        ready.clear();
        poller.wait(&mut ready, Duration::from_secs(60))?;
        for &token in &ready {
            if token == LISTENER {
                let (socket, _) = listener.accept()?;
                let token = free.pop().unwrap_or_else(|| {
                    connections.push(None);
                    connections.len() - 1
                });
                poller.add(&socket, token)?;
                connections[token] = Some((transport(socket, tls)?, connection()));
            } else if let Some((transport, state)) = &mut connections[token] {
                // A connection that fails is simply closed: the client notices what it misses.
                let next = handle_readable(transport, state, &mut buffers);
                if next.unwrap_or(Next::Close) == Next::Close {
                    connections[token] = None;
                    free.push(token);
                }
            }
        }
    }
}

fn transport(socket: TcpStream, tls: Option<&Server>) -> io::Result<Transport> {
    let Some(server) = tls else {
        return Ok(Transport::Plain(socket));
    };
    let stream = server.accept(socket).map_err(io::Error::other)?;
    Ok(Transport::Tls(Box::new(stream)))
}

/// Used again for every event.
#[derive(Default)]
struct Buffers {
    answer: Vec<u8>,
    received: Vec<u8>,
}

fn handle_readable(
    transport: &mut Transport,
    state: &mut impl Serve,
    buffers: &mut Buffers,
) -> io::Result<Next> {
    let Buffers { answer, received } = buffers;
    received.clear();
    if transport.receive(received)? == Next::Close {
        return Ok(Next::Close);
    }
    if received.is_empty() {
        return Ok(Next::KeepOpen);
    }
    answer.clear();
    let next = state.handle_bytes(received, answer);
    transport.send(answer, next)?;
    Ok(next)
}
