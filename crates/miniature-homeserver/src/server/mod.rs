//! Connections, and what all of them share.

mod answer;
mod body;
mod service;

use std::{
    convert::Infallible,
    net::SocketAddr,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use hyper::{
    Request,
    body::Incoming,
    rt::Executor,
    server::conn::{http1, http2},
    service::service_fn,
};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};

use crate::{
    fault::Faults,
    journal::Journal,
    options::{Io, Options, Protocol},
    state::State,
};

pub(crate) use answer::Answer;
pub use body::MAX_BODY;

/// What all connections share.
pub(crate) struct Shared {
    options: Options,
    base_url: String,
    state: Mutex<State>,
    faults: Mutex<Faults>,
    journal: Mutex<Journal>,
    pub(crate) counters: Counters,
}

/// What is counted.
#[derive(Debug, Default)]
pub(crate) struct Counters {
    pub(crate) accepted: AtomicU64,
    pub(crate) connections: AtomicU64,
    pub(crate) requests: AtomicU64,
    pub(crate) waiting: AtomicU64,
}

impl Shared {
    /// A homeserver at this address that knows nobody.
    pub(crate) fn new(options: Options, address: SocketAddr) -> Self {
        let own = || format!("http://{address}");
        Self {
            base_url: options.base_url.clone().unwrap_or_else(own),
            state: Mutex::new(State::new(&options.server_name)),
            faults: Mutex::default(),
            journal: Mutex::new(Journal::new(options.journal)),
            counters: Counters::default(),
            options,
        }
    }

    /// Where clients shall find the homeserver.
    pub(crate) fn base_url(&self) -> &str {
        &self.base_url
    }

    /// What the homeserver knows. Not to be held while anything is waited for.
    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn faults(&self) -> MutexGuard<'_, Faults> {
        self.faults.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn journal(&self) -> MutexGuard<'_, Journal> {
        self.journal.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Counts one more for as long as it lives.
pub(crate) struct Present<'a>(&'a AtomicU64);

impl<'a> Present<'a> {
    pub(crate) fn new(counter: &'a AtomicU64) -> Self {
        counter.fetch_add(1, Ordering::Relaxed);
        Self(counter)
    }
}

impl Drop for Present<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// How long after a failed accept the next is tried: descriptors may have run out.
const PAUSE: Duration = Duration::from_millis(50);

/// Accepts connections and serves them, for ever.
pub(crate) async fn serve(listener: TcpListener, shared: Arc<Shared>) {
    loop {
        let Ok((stream, peer)) = listener.accept().await else {
            tokio::time::sleep(PAUSE).await;
            continue;
        };
        let shared = Arc::clone(&shared);
        tokio::task::spawn_local(async move {
            shared.counters.accepted.fetch_add(1, Ordering::Relaxed);
            let _present = Present::new(&shared.counters.connections);
            connection(stream, peer, &shared).await;
        });
    }
}

async fn connection(stream: TcpStream, peer: SocketAddr, shared: &Arc<Shared>) {
    let _ = stream.set_nodelay(true);
    match &shared.options.accept {
        None => converse(stream, shared.options.protocol, peer, shared).await,
        Some(accept) => {
            if let Ok((io, protocol)) = accept(stream).await {
                converse(io, protocol, peer, shared).await;
            }
        }
    }
}

/// How the conversation ends is not of interest: the client knows.
async fn converse(
    io: impl Io + 'static,
    protocol: Protocol,
    peer: SocketAddr,
    shared: &Arc<Shared>,
) {
    let shared = Arc::clone(shared);
    let answer = move |request: Request<Incoming>| {
        let shared = Arc::clone(&shared);
        async move { service::answer(request, peer, &shared).await }
    };
    let io = TokioIo::new(io);
    let _ = match protocol {
        Protocol::Http1 => {
            http1::Builder::new()
                .serve_connection(io, service_fn(answer))
                .await
        }
        Protocol::Http2 => {
            http2::Builder::new(Local)
                .timer(TokioTimer::new())
                .max_concurrent_streams(100)
                .serve_connection(io, service_fn(answer))
                .await
        }
    };
}

/// Runs the streams of HTTP/2 on the thread of their connection.
#[derive(Clone)]
struct Local;

impl<F: Future<Output = ()> + 'static> Executor<F> for Local {
    fn execute(&self, future: F) {
        tokio::task::spawn_local(future);
    }
}

/// That the connection is to end without an answer.
#[derive(Debug)]
pub(crate) struct Closed;

impl std::fmt::Display for Closed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("closed on demand")
    }
}

impl std::error::Error for Closed {}

impl From<Infallible> for Closed {
    fn from(never: Infallible) -> Self {
        match never {}
    }
}
