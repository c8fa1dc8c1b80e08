//! The server behind the proxies: threads that live as long as the program.

mod answer;
mod echo;
mod stream;

use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::thread;
use std::time::Duration;

use crate::error::Error;
use crate::system::Poller;

/// What the origin does with a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Behaviour {
    /// Reads one message, answers it and closes.
    Answer,
    /// The same behind a PROXY header, without which there is no answer.
    AnswerBehindHeader,
    /// Sends back what it gets.
    Echo,
    /// Reads something, then sends until the other side closes.
    Stream,
}

/// The addresses of the running origin.
#[derive(Debug)]
pub(crate) struct Origin {
    answer: SocketAddr,
    answer_behind_header: SocketAddr,
    echo: SocketAddr,
    stream: SocketAddr,
}

impl Origin {
    /// Starts one server per behaviour, on loopback ports that the kernel chooses.
    ///
    /// # Errors
    ///
    /// [`Error::Io`] when a socket cannot be opened.
    pub(crate) fn start() -> Result<Self, Error> {
        Ok(Self {
            answer: serve(|listener| poll(&listener, || answer::Connection::new(false)))?,
            answer_behind_header: serve(|listener| {
                poll(&listener, || answer::Connection::new(true))
            })?,
            echo: serve(|listener| poll(&listener, || echo::Connection))?,
            stream: serve(|listener| stream::serve(&listener))?,
        })
    }

    pub(crate) fn address(&self, behaviour: Behaviour) -> SocketAddr {
        match behaviour {
            Behaviour::Answer => self.answer,
            Behaviour::AnswerBehindHeader => self.answer_behind_header,
            Behaviour::Echo => self.echo,
            Behaviour::Stream => self.stream,
        }
    }
}

/// One connection of a server that serves many in one thread.
trait Serve {
    /// Called when the socket is readable; false closes it.
    fn handle_readable(&mut self, socket: &mut TcpStream) -> io::Result<bool>;
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

fn poll<S: Serve>(listener: &TcpListener, connection: impl Fn() -> S) -> io::Result<()> {
    const LISTENER: usize = usize::MAX;
    let mut poller = Poller::new()?;
    poller.add(listener, LISTENER)?;
    let mut connections: Vec<Option<(TcpStream, S)>> = Vec::new();
    let mut free = Vec::new();
    let mut ready = Vec::new();
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
                connections[token] = Some((socket, connection()));
            } else if let Some((socket, state)) = &mut connections[token] {
                // A connection that fails is simply closed: the client notices what it misses.
                if !state.handle_readable(socket).unwrap_or(false) {
                    connections[token] = None;
                    free.push(token);
                }
            }
        }
    }
}
