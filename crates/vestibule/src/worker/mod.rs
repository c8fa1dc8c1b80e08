//! A worker: one thread with a current-thread runtime. A connection is accepted, carried and
//! closed on the same worker, so nothing here is shared or locked.

mod connection;
mod inbox;
mod registry;
mod timers;

use std::{
    cell::{Cell, RefCell},
    rc::Rc,
    sync::Arc,
    time::{Duration, Instant},
};

use tokio::{runtime::LocalRuntime, sync::Notify};

pub(crate) use connection::{Connection, ConnectionView, Interrupt, Live};
pub(crate) use inbox::{Handle, Inbox, Message, Socket, SocketId};
pub(crate) use registry::{ConnId, Registry, Selection};
pub(crate) use timers::{TICK, Tick, TimerKey, Wheel};

use crate::{
    limits::Limits,
    listener::{Binding, Peeked},
    log::access,
    mailbox,
    sys::TcpOptions,
    tls::{Buffers, Turns},
    upstream::{Lookups, OwnAddresses},
};

/// Bytes of the buffer that all connections of a worker read into, one after the other.
const SCRATCH: usize = 32 * 1024;

/// What the connections of one worker share.
#[derive(Debug)]
pub(crate) struct Worker {
    /// Its number, from 0.
    pub(crate) id: usize,
    /// Where access records are written.
    pub(crate) access: access::Buffer,
    /// The process's limits.
    pub(crate) limits: Arc<Limits>,
    /// Live connections.
    pub(crate) connections: Registry,
    /// Deadlines of live connections.
    pub(crate) timers: Wheel,
    /// Socket options of the upstream leg; accepted sockets inherit theirs.
    pub(crate) tcp_options: RefCell<TcpOptions>,
    /// What TLS streams work in.
    pub(crate) tls_buffers: Rc<Buffers>,
    /// Bounds the work for TLS handshakes.
    pub(crate) handshake_turns: Turns,
    /// Names that clients have asked for.
    pub(crate) lookups: Rc<Lookups>,
    /// Where the process itself waits.
    pub(crate) own: Arc<OwnAddresses>,
    /// Whether the process ends.
    leaving: Cell<bool>,
    scratch: RefCell<Box<[u8]>>,
    started: Instant,
    timers_needed: Notify,
    /// Bytes of clients that are being understood.
    pub(crate) peeked: Peeked,
    /// How long a silent client is waited for where its first bytes decide.
    pub(crate) peek_timeout: Cell<Duration>,
    /// For a TLS handshake with a client, from its first byte.
    pub(crate) handshake_timeout: Cell<Duration>,
}

impl Worker {
    /// Lends the scratch buffer to `f`. Never across an await, which the closure cannot contain.
    pub(crate) fn with_scratch<T>(&self, f: impl FnOnce(&mut [u8]) -> T) -> T {
        f(&mut self.scratch.borrow_mut())
    }

    /// Whether the process ends: connections that wait for another request end, others afterwards.
    /// Tasks that poll their connection's deadline are woken when it begins to.
    pub(crate) fn is_leaving(&self) -> bool {
        self.leaving.get()
    }

    /// Before the first timer is inserted: sets the wheel to the present, for it stands still
    /// while it is empty, and has it turn.
    pub(crate) fn start_timers(&self) {
        self.timers.advance(self.started.elapsed());
        self.timers_needed.notify_one();
    }

    /// Turns the wheel and hands access records over, each tick while there is a connection.
    async fn tick(&self) {
        let _guard = AbortOnPanic;
        loop {
            if self.timers.is_empty() {
                self.access.flush();
                self.timers_needed.notified().await;
            } else {
                tokio::time::sleep(TICK).await;
                self.access.flush();
            }
            self.timers.advance(self.started.elapsed());
        }
    }
}

/// Starts worker `id` on a thread of its own.
///
/// # Errors
///
/// When the thread or its runtime cannot be made.
pub(crate) fn start(
    id: usize,
    access: access::Buffer,
    limits: Arc<Limits>,
    own: Arc<OwnAddresses>,
    tcp: TcpOptions,
    boot: u32,
) -> std::io::Result<Handle> {
    let (handle, inbox) = mailbox::channel();
    let runtime = move || -> std::io::Result<LocalRuntime> {
        tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build_local(tokio::runtime::LocalOptions::default())
    };
    let (started, wait) = std::sync::mpsc::channel();
    let thread = std::thread::Builder::new()
        .name(format!("worker-{id}"))
        .spawn(move || match runtime() {
            Err(error) => {
                let _ = started.send(Err(error));
            }
            Ok(runtime) => {
                let _ = started.send(Ok(()));
                drop(started);
                let _guard = AbortOnPanic;
                let worker = Rc::new(Worker {
                    id,
                    access,
                    limits,
                    connections: Registry::new(id, boot),
                    timers: Wheel::new(),
                    tcp_options: RefCell::new(tcp),
                    tls_buffers: Buffers::new(),
                    handshake_turns: Turns::new(),
                    lookups: Lookups::new(),
                    own,
                    leaving: Cell::new(false),
                    scratch: RefCell::new(vec![0; SCRATCH].into()),
                    started: Instant::now(),
                    timers_needed: Notify::new(),
                    peeked: Peeked::default(),
                    peek_timeout: Cell::new(Duration::from_secs(5)),
                    handshake_timeout: Cell::new(Duration::from_secs(10)),
                });
                runtime.block_on(run(&worker, inbox));
                // Connections that are left write their records now. A name that is being looked up
                // must not hold up the end.
                runtime.shutdown_background();
                worker.access.flush();
            }
        })?;
    match wait.recv() {
        Ok(Ok(())) => Ok(handle.with_thread(thread)),
        Ok(Err(error)) => Err(error),
        Err(_) => Err(std::io::Error::other("the worker's thread ended at once")),
    }
}

/// Ends the process when a worker's thread panics. (A panic in the task of a connection ends only
/// that.) Its sockets would go on taking connections that nobody accepts.
pub(crate) struct AbortOnPanic;

impl Drop for AbortOnPanic {
    fn drop(&mut self) {
        if std::thread::panicking() {
            tracing::error!("a worker has failed; the process ends so that it can be restarted");
            std::process::abort();
        }
    }
}

/// Carries out what the supervisor says, until it says to end.
async fn run(worker: &Rc<Worker>, mut inbox: Inbox) {
    let ticking = {
        let worker = Rc::clone(worker);
        tokio::task::spawn_local(async move { worker.tick().await })
    };
    let mut bindings: Vec<Binding> = Vec::new();
    while let Some(message) = inbox.recv().await {
        match message {
            Message::Apply {
                keep,
                add,
                peek_timeout,
                handshake_timeout,
                tcp,
            } => {
                worker.handshake_timeout.set(handshake_timeout);
                worker.peek_timeout.set(peek_timeout);
                *worker.tcp_options.borrow_mut() = tcp;
                bindings.retain(|binding| match keep.get(&binding.id()) {
                    Some(listener) => {
                        binding.set_listener(Arc::clone(listener));
                        true
                    }
                    None => {
                        binding.close();
                        false
                    }
                });
                for (id, socket, listener) in add {
                    match Binding::open(worker, id, socket, listener) {
                        Ok(binding) => bindings.push(binding),
                        Err(error) => {
                            tracing::error!(%error, worker = worker.id, "cannot listen");
                        }
                    }
                }
            }
            Message::Show(answer) => {
                let _ = answer.send(worker.connections.view());
            }
            Message::Stop {
                which,
                stop,
                answer,
            } => {
                let _ = answer.send(worker.connections.stop(worker, &which, stop));
            }
            Message::StopListening(done) => {
                let closing = std::mem::take(&mut bindings);
                closing.iter().for_each(Binding::close);
                worker.leaving.set(true);
                worker.connections.wake(worker);
                tokio::task::spawn_local(async move {
                    for binding in closing {
                        binding.closed().await;
                    }
                    let _ = done.send(());
                });
            }
            Message::Finish(done) => {
                worker.access.flush();
                let _ = done.send(());
                break;
            }
        }
    }
    ticking.abort();
}
