//! Accepting connections of one listening socket on one worker.

use std::{
    cell::RefCell,
    io,
    rc::Rc,
    sync::Arc,
    task::{Context, Poll, ready},
    time::Duration,
};

use socket2::SockRef;
use tokio::{
    net::{TcpListener, TcpStream, UnixListener, UnixStream},
    sync::Notify,
    task::{JoinHandle, spawn_local},
};

use crate::{
    addr::{Endpoint, PeerAddr},
    plan::Listener,
    relay::Stream,
    worker::{AbortOnPanic, Socket, SocketId, Worker},
};

/// How long nothing is accepted after the process has run out of descriptors or memory.
const EXHAUSTED: Duration = Duration::from_millis(250);

/// A socket on which this worker accepts, and the policy for what comes in by it.
#[derive(Debug)]
pub(crate) struct Binding {
    id: SocketId,
    state: Rc<State>,
    accepting: JoinHandle<()>,
}

#[derive(Debug)]
struct State {
    /// Told when the socket is to be closed.
    close: Notify,
    listener: RefCell<Arc<Listener>>,
    /// The address that every accepted socket has, when it is one.
    local: Option<Endpoint>,
}

#[derive(Debug)]
enum Acceptor {
    Tcp(TcpListener),
    Unix(UnixListener),
}

impl Binding {
    /// Begins to accept.
    ///
    /// # Errors
    ///
    /// When the runtime cannot watch the socket.
    pub(crate) fn open(
        worker: &Rc<Worker>,
        id: SocketId,
        socket: Socket,
        listener: Arc<Listener>,
    ) -> io::Result<Self> {
        let acceptor = match socket {
            Socket::Tcp(socket) => Acceptor::Tcp(TcpListener::from_std(socket)?),
            Socket::Unix(socket) => Acceptor::Unix(UnixListener::from_std(socket)?),
        };
        let state = Rc::new(State {
            close: Notify::new(),
            listener: RefCell::new(listener),
            local: acceptor.local(),
        });
        let accepting = spawn_local(accept(Rc::clone(worker), acceptor, Rc::clone(&state)));
        Ok(Self {
            id,
            state,
            accepting,
        })
    }

    /// The socket's name.
    pub(crate) fn id(&self) -> SocketId {
        self.id
    }

    /// Sets the policy for connections that come in from now on.
    pub(crate) fn set_listener(&self, listener: Arc<Listener>) {
        *self.state.listener.borrow_mut() = listener;
    }

    /// Accepts what the kernel has already established, then closes the socket.
    pub(crate) fn close(&self) {
        self.state.close.notify_one();
    }

    /// Waits until the socket is closed, after [`Self::close`].
    pub(crate) async fn closed(self) {
        let _ = self.accepting.await;
    }
}

async fn accept(worker: Rc<Worker>, acceptor: Acceptor, state: Rc<State>) {
    let _guard = AbortOnPanic;
    let mut exhausted = false;
    loop {
        let accepted = tokio::select! {
            biased;
            accepted = std::future::poll_fn(|cx| acceptor.poll_accept(cx)) => accepted,
            () = state.close.notified() => return drain(&worker, &acceptor, &state).await,
        };
        match accepted {
            Ok((stream, peer)) => {
                if exhausted {
                    exhausted = false;
                    tracing::info!("accepting again");
                }
                carry(&worker, &state, stream, peer).await;
            }
            Err(error) if is_exhaustion(&error) => {
                if !exhausted {
                    tracing::error!(%error, "cannot accept: waiting for connections to end");
                }
                exhausted = true;
                tokio::time::sleep(EXHAUSTED).await;
            }
            // Of one connection, which is gone already (accept(2), "Error handling").
            Err(error) => tracing::debug!(%error, "a connection was lost before it was accepted"),
        }
    }
}

/// Accepts until the queue is empty.
async fn drain(worker: &Rc<Worker>, acceptor: &Acceptor, state: &State) {
    loop {
        match acceptor.accept_now() {
            Ok((stream, peer)) => carry(worker, state, stream, peer).await,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return,
            Err(error) if is_exhaustion(&error) => tokio::time::sleep(EXHAUSTED).await,
            Err(error) => tracing::debug!(%error, "a connection was lost before it was accepted"),
        }
    }
}

/// Carries a connection in a task of its own. While the process holds as many connections as it
/// may, this one waits, and further ones wait in the kernel's queue.
async fn carry(worker: &Rc<Worker>, state: &State, stream: Stream, peer: PeerAddr) {
    let place = match worker.limits.try_place() {
        Some(place) => place,
        None => worker.limits.place().await,
    };
    let listener = Arc::clone(&state.listener.borrow());
    // What is intercepted comes with the addresses of others.
    let local = state.local.filter(|_| listener.transparent.is_none());
    spawn_local(super::connection::serve(
        Rc::clone(worker),
        listener,
        stream,
        peer,
        local,
        place,
    ));
}

impl Acceptor {
    /// The address of every socket that it accepts, unless it listens on all of the machine's.
    fn local(&self) -> Option<Endpoint> {
        match self {
            Self::Tcp(listener) => {
                let address = listener.local_addr().ok()?;
                (!address.ip().is_unspecified()).then(|| Endpoint::ip(address))
            }
            Self::Unix(_) => Some(Endpoint::Unix),
        }
    }

    fn poll_accept(&self, cx: &mut Context<'_>) -> Poll<io::Result<(Stream, PeerAddr)>> {
        Poll::Ready(match self {
            Self::Tcp(listener) => {
                let (stream, peer) = ready!(listener.poll_accept(cx))?;
                Ok((Stream::Tcp(stream), PeerAddr(Endpoint::ip(peer))))
            }
            Self::Unix(listener) => {
                let (stream, _) = ready!(listener.poll_accept(cx))?;
                Ok((Stream::Unix(stream), PeerAddr(Endpoint::Unix)))
            }
        })
    }

    /// A connection that waits in the kernel's queue now, asked without the reactor.
    fn accept_now(&self) -> io::Result<(Stream, PeerAddr)> {
        match self {
            Self::Tcp(listener) => {
                let (socket, peer) = SockRef::from(listener).accept()?;
                socket.set_nonblocking(true)?;
                let stream = TcpStream::from_std(socket.into())?;
                let peer = peer.as_socket().map_or(Endpoint::Unix, Endpoint::ip);
                Ok((Stream::Tcp(stream), PeerAddr(peer)))
            }
            Self::Unix(listener) => {
                let (socket, _) = SockRef::from(listener).accept()?;
                socket.set_nonblocking(true)?;
                let stream = UnixStream::from_std(socket.into())?;
                Ok((Stream::Unix(stream), PeerAddr(Endpoint::Unix)))
            }
        }
    }
}

/// Whether accepting failed for want of descriptors or memory, which time may give back.
fn is_exhaustion(error: &io::Error) -> bool {
    matches!(
        error.raw_os_error(),
        Some(libc::EMFILE | libc::ENFILE | libc::ENOBUFS | libc::ENOMEM)
    )
}
