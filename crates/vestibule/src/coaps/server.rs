//! A running server.

use std::{
    fmt,
    future::Future,
    io,
    net::SocketAddr,
    sync::Arc,
    time::{Duration, Instant},
};

use tokio::runtime::{LocalOptions, LocalRuntime};
use vestibule_coap::endpoint::Budget;
use vestibule_dtls::{
    Accept, Bound, ContainedAccept, CookieSecrets, Identity,
    server::{self, View},
    stack::{Acceptor, ServerSettings},
};

use super::{
    Application, Associations, Config, Error, MAX_WORKERS, Setup, Sockets,
    application::messages,
    calm::Calm,
    core::{Core, Place},
    drive::{self, Inlets, Order},
    handover::{self, Inbox},
};
use crate::{
    mailbox,
    metrics::{self, DtlsServer, DtlsServers},
    sys,
    udp::Receiver,
    worker::AbortOnPanic,
};

/// The most bytes that a session may keep, if the program has a
/// [`CountingAllocator`](super::CountingAllocator): some times what one needs whose peer sends the
/// longest datagrams.
const MOST_KEPT: usize = 96 * 1024;

/// How many copies of the certificates may be in that, beside.
const MOST_COPIES: usize = 8;

/// A CoAP server over DTLS, which runs on threads of its own. When it is dropped, they say good-bye to
/// all peers and end, whatever is asked at that time; [`Self::shutdown`] waits for requests, and for
/// the threads.
pub struct Server {
    workers: Vec<mailbox::Handle<Order>>,
    security: Security,
    local_addrs: Vec<SocketAddr>,
    /// What is counted, and what is under way.
    readout: DtlsServer,
}

/// What associations begin with.
pub(super) struct Security {
    pub(super) settings: ServerSettings,
    pub(super) cookies: CookieSecrets,
    pub(super) epoch: Instant,
}

/// What the thread of a worker begins with.
struct Start {
    config: Arc<Config>,
    place: Place,
    accept: Box<dyn Accept>,
    budget: Budget,
    orders: mailbox::Inbox<Order>,
    inbox: Inbox,
}

impl Server {
    /// Binds the addresses and starts the workers. `make_application` is called once on the thread of
    /// each worker. A program without a [`CountingAllocator`](super::CountingAllocator) gets a warning
    /// in the event log: what a session keeps has no bound then.
    ///
    /// # Errors
    ///
    /// When an address is in use, the system refuses something else, or `make_application` panics;
    /// nothing is left then: the same can be tried again at once.
    pub fn start<A, F>(config: Config, make_application: F) -> Result<Self, Error>
    where
        A: Application,
        F: Fn(Setup<A::Message>) -> A + Send + Sync + 'static,
    {
        let sockets = Sockets::bind(&config.bind)?;
        Self::start_on(&sockets, config, make_application)
    }

    /// As [`Self::start`], on sockets that are bound already, instead of [`Config::bind`]. Of several
    /// servers on the same sockets, all but one must have ended.
    ///
    /// # Errors
    ///
    /// As there.
    pub fn start_on<A, F>(
        sockets: &Sockets,
        config: Config,
        make_application: F,
    ) -> Result<Self, Error>
    where
        A: Application,
        F: Fn(Setup<A::Message>) -> A + Send + Sync + 'static,
    {
        let (limits, workers) = (config.limits.clone(), config.workers);
        let readout = DtlsServer::new("", workers, limits, config.max_bodies);
        Self::start_as(readout, sockets, config, make_application)
    }

    /// As [`Self::start_on`], as the server that is told of so.
    ///
    /// # Errors
    ///
    /// As there.
    pub(crate) fn start_as<A, F>(
        readout: DtlsServer,
        sockets: &Sockets,
        config: Config,
        make_application: F,
    ) -> Result<Self, Error>
    where
        A: Application,
        F: Fn(Setup<A::Message>) -> A + Send + Sync + 'static,
    {
        if !(1..=MAX_WORKERS).contains(&config.workers) {
            return Err(Error::Workers(config.workers));
        }
        let mut server = Self {
            workers: Vec::new(),
            security: Security {
                settings: config.security.clone(),
                cookies: CookieSecrets::new(rand::random()),
                epoch: Instant::now(),
            },
            local_addrs: sockets.local_addrs(),
            readout,
        };
        let (chutes, inboxes): (Vec<_>, Vec<_>) =
            (0..config.workers).map(|_| handover::channel()).unzip();
        let chutes = Arc::from(chutes);
        let calm = Arc::new(Calm::new(config.workers));
        let config = Arc::new(config);
        let make_application = Arc::new(make_application);
        for (worker, inbox) in inboxes.into_iter().enumerate() {
            let (handle, orders) = mailbox::channel();
            let start = Start {
                config: Arc::clone(&config),
                place: Place {
                    worker,
                    chutes: Arc::clone(&chutes),
                    sockets: Arc::clone(&sockets.sockets),
                    shared: Arc::clone(&server.readout.shared),
                    counters: Arc::clone(&server.readout.counters),
                    calm: Arc::clone(&calm),
                },
                accept: server.security.accept(),
                budget: server.readout.bodies.clone(),
                orders,
                inbox,
            };
            let make_application = Arc::clone(&make_application);
            match start.launch(move |setup| make_application(setup)) {
                Ok(thread) => server.workers.push(handle.with_thread(thread)),
                Err(error) => {
                    // They share the sockets: until all are gone, nobody else can have the addresses.
                    server.workers.into_iter().for_each(mailbox::Handle::end);
                    return Err(Error::Thread(error));
                }
            }
        }
        if !sys::allocator::is_counting() {
            tracing::warn!(
                "the program has another allocator than CountingAllocator: \
                 nothing bounds what a peer makes its session keep"
            );
        }
        Ok(server)
    }

    /// Where it listens: an address for each of [`Config::bind`], in its order, with its port.
    #[must_use]
    pub fn local_addrs(&self) -> &[SocketAddr] {
        &self.local_addrs
    }

    /// Shows another certificate from now on. Associations that are there keep theirs.
    pub fn replace_identity(&mut self, identity: Identity) {
        self.security.settings.identity = identity;
        for worker in &self.workers {
            worker.send(Order::ReplaceAccept(self.security.accept()));
        }
    }

    /// All associations.
    pub async fn associations(&self) -> Vec<View> {
        let asked = self.workers.iter().map(|worker| worker.ask(Order::Show));
        let asked: Vec<_> = asked.collect();
        let mut views = Vec::new();
        for answer in asked {
            views.extend(answer.await.unwrap_or_default());
        }
        views
    }

    /// How many handshakes are not over, and how many associations there are with them.
    #[must_use]
    pub fn present(&self) -> (usize, usize) {
        self.readout.shared.present()
    }

    /// What is counted, as Prometheus reads it (OpenMetrics 1.0). The label `server` is `name`.
    #[must_use]
    pub fn metrics(&self, name: &str) -> String {
        let mut readout = self.readout.clone();
        name.clone_into(&mut readout.name);
        metrics::render(DtlsServers(vec![readout]))
    }

    /// What is counted.
    #[cfg(test)]
    pub(super) fn counters(&self) -> Arc<super::counters::Counters> {
        Arc::clone(&self.readout.counters)
    }

    /// Ends the server: begins no handshake any more, tells its applications, waits for `patience` at most
    /// until every request is answered, by any worker, and every answer acknowledged, and says good-bye to
    /// all peers.
    pub async fn shutdown(self, patience: Duration) {
        self.shutdown_until(patience, std::future::pending()).await;
    }

    /// As [`Self::shutdown`], but waits no longer when `now` completes.
    pub async fn shutdown_until(self, patience: Duration, now: impl Future<Output = ()>) {
        self.readout.shared.refuse_handshakes();
        self.leave_until(patience, now).await;
    }

    /// As [`Self::shutdown_until`], for a server whose sockets another one is to take over: handshakes are
    /// begun to the end, so that nobody is kept waiting for that.
    pub(crate) async fn leave_until(self, patience: Duration, now: impl Future<Output = ()>) {
        let by = Instant::now().checked_add(patience);
        let end = |worker: &mailbox::Handle<Order>| worker.ask(|done| Order::End { by, done });
        let ended: Vec<_> = self.workers.iter().map(end).collect();
        let ended = async {
            for end in ended {
                // One that is gone has ended.
                let _ = end.await;
            }
        };
        tokio::select! {
            () = ended => {}
            () = now => {}
        }
        // They leave when nobody can say anything to them any more.
        let (senders, threads): (Vec<_>, Vec<_>) =
            self.workers.into_iter().map(mailbox::Handle::split).unzip();
        drop(senders);
        for thread in threads.into_iter().flatten() {
            let _ = thread.join();
        }
    }
}

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Server")
            .field("local_addrs", &self.local_addrs)
            .field("workers", &self.workers.len())
            .finish_non_exhaustive()
    }
}

impl Security {
    /// What makes the sessions of a worker.
    pub(super) fn accept(&self) -> Box<dyn Accept> {
        let cookies = self.cookies.clone();
        let accept = Acceptor::new(&self.settings, cookies, self.epoch);
        let certificates: usize = self.settings.identity.chain().iter().map(Vec::len).sum();
        let bound = Bound {
            held: sys::allocator::held,
            most: MOST_KEPT + MOST_COPIES * certificates,
        };
        Box::new(ContainedAccept::new(Box::new(accept), bound))
    }
}

impl Start {
    /// Starts the thread; it is ready to receive when this returns.
    fn launch<A: Application>(
        self,
        make_application: impl FnOnce(Setup<A::Message>) -> A + Send + 'static,
    ) -> io::Result<std::thread::JoinHandle<()>> {
        let (started, wait) = std::sync::mpsc::channel();
        let thread = std::thread::Builder::new()
            .name(format!("coaps-{}", self.place.worker))
            .spawn(move || {
                let runtime = match runtime() {
                    Ok(runtime) => runtime,
                    Err(error) => return drop(started.send(Err(error))),
                };
                runtime.block_on(async {
                    match self.prepare(make_application) {
                        Ok((core, inlets)) => {
                            let _ = started.send(Ok(()));
                            let _guard = AbortOnPanic;
                            drive::run(core, inlets).await;
                        }
                        Err(error) => drop(started.send(Err(error))),
                    }
                });
                // What an application has begun must not hold up the end.
                runtime.shutdown_background();
            })?;
        let started = wait.recv();
        match started.unwrap_or_else(|_| Err(io::Error::other("the thread ended at once"))) {
            Ok(()) => Ok(thread),
            Err(error) => {
                let _ = thread.join();
                Err(error)
            }
        }
    }

    /// On the thread.
    fn prepare<A: Application>(
        self,
        make_application: impl FnOnce(Setup<A::Message>) -> A,
    ) -> io::Result<(Core<A>, Inlets<A::Message>)> {
        let Self { config, place, .. } = self;
        let worker = place.worker;
        let ours = (0_u16..)
            .zip(&*place.sockets)
            .filter(|(number, _)| usize::from(*number) % config.workers == worker);
        let receivers = ours
            .map(|(number, socket)| Ok((number, Receiver::new(Arc::clone(socket))?)))
            .collect::<io::Result<_>>()?;
        let (sender, messages) = messages();
        let application = make_application(Setup {
            worker,
            messages: sender,
        });
        let dtls = server::Server::new(
            Arc::new(config.dtls.clone()),
            Arc::clone(&place.shared),
            self.accept,
            // There are no more workers than a byte can name.
            worker as u8,
            rand::random(),
        );
        let associations = Associations::new(dtls, Arc::clone(&config.coap), self.budget);
        let inlets = Inlets {
            orders: self.orders,
            inbox: self.inbox,
            messages,
            receivers,
        };
        Ok((Core::new(application, associations, place), inlets))
    }
}

fn runtime() -> io::Result<LocalRuntime> {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build_local(LocalOptions::default())
}
