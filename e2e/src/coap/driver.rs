use std::collections::BTreeMap;
use std::net::{SocketAddr, UdpSocket};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use vestibule_coap::Endpoint;
use vestibule_coap::endpoint::{Budget, Config, Event};

use super::trace::Traced;
use crate::Random;

/// Drives endpoints over a UDP socket of 127.0.0.1, in a thread of its own: one for each peer
/// address, up to a few.
pub(super) struct Driver<A: Application> {
    shared: Arc<Shared<A>>,
    thread: Option<JoinHandle<()>>,
}

/// What acts on what happens to endpoints.
pub(super) trait Application: Send + 'static {
    /// Something has happened to the endpoint of this peer.
    fn handle_event(
        &mut self,
        now: Instant,
        peer: SocketAddr,
        endpoint: &mut Endpoint,
        event: Event,
    );

    /// Does what is due. Called every few milliseconds.
    fn handle_timeout(&mut self, now: Instant, endpoints: &mut Endpoints);
}

/// The endpoints by their peers.
pub(super) struct Endpoints {
    endpoints: BTreeMap<SocketAddr, Endpoint>,
    config: Arc<Config>,
    budget: Budget,
    seeds: Random,
}

struct Shared<A> {
    socket: UdpSocket,
    core: Mutex<Core<A>>,
    ends: AtomicBool,
}

struct Core<A> {
    application: A,
    endpoints: Endpoints,
    trace: Vec<Traced>,
}

/// How many peers a driver has at most.
const PEERS: usize = 16;

/// How much all endpoints of a driver may keep for their peers, in bytes.
const BUDGET: usize = 64 << 20;

/// How many datagrams the trace has at most.
const TRACE: usize = 100_000;

/// The longest datagram that is received, in bytes.
const DATAGRAM: usize = 64 << 10;

/// How long the thread sleeps at most.
const TICK: Duration = Duration::from_millis(5);

impl<A: Application> Driver<A> {
    /// Binds a free port.
    pub(super) fn start(application: A, config: Config) -> Self {
        let socket = UdpSocket::bind("127.0.0.1:0").expect("a free port");
        let port = socket.local_addr().expect("a bound socket").port();
        let endpoints = Endpoints {
            endpoints: BTreeMap::new(),
            config: Arc::new(config),
            budget: Budget::new(BUDGET),
            seeds: Random::new(u64::from(port)),
        };
        let shared = Arc::new(Shared {
            socket,
            core: Mutex::new(Core {
                application,
                endpoints,
                trace: Vec::new(),
            }),
            ends: AtomicBool::new(false),
        });
        let thread = thread::spawn({
            let shared = Arc::clone(&shared);
            move || shared.run()
        });
        Self {
            shared,
            thread: Some(thread),
        }
    }

    /// Where it receives.
    pub(super) fn address(&self) -> SocketAddr {
        self.shared.socket.local_addr().expect("a bound socket")
    }

    /// Does something with the application and the endpoints, and sends what comes of it.
    pub(super) fn with<R>(&self, act: impl FnOnce(Instant, &mut A, &mut Endpoints) -> R) -> R {
        let mut core = self.shared.core();
        let now = Instant::now();
        let Core {
            application,
            endpoints,
            ..
        } = &mut *core;
        let result = act(now, application, endpoints);
        core.settle(now, &self.shared.socket);
        result
    }

    /// Every datagram so far.
    pub(super) fn trace(&self) -> Vec<Traced> {
        self.shared.core().trace.clone()
    }
}

impl<A: Application> Drop for Driver<A> {
    fn drop(&mut self) {
        self.shared.ends.store(true, Ordering::SeqCst);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
        if thread::panicking() {
            let trace = self.trace();
            eprintln!("--- {}, the last datagrams:", self.address());
            for traced in &trace[trace.len().saturating_sub(60)..] {
                eprintln!("{traced}");
            }
        }
    }
}

impl Endpoints {
    /// The endpoint of this peer, which is made if there is none; `None` if there are too many.
    pub(super) fn of(&mut self, peer: SocketAddr) -> Option<&mut Endpoint> {
        if !self.endpoints.contains_key(&peer) {
            if self.endpoints.len() >= PEERS {
                return None;
            }
            let mut seed = [0; 32];
            self.seeds.fill(&mut seed);
            let (config, budget) = (Arc::clone(&self.config), self.budget.clone());
            self.endpoints
                .insert(peer, Endpoint::new(config, budget, seed));
        }
        self.endpoints.get_mut(&peer)
    }

    /// All of them.
    pub(super) fn iter_mut(&mut self) -> impl Iterator<Item = (SocketAddr, &mut Endpoint)> {
        self.endpoints
            .iter_mut()
            .map(|(&peer, endpoint)| (peer, endpoint))
    }
}

impl<A: Application> Shared<A> {
    fn run(&self) {
        let mut buffer = vec![0; DATAGRAM];
        while !self.ends.load(Ordering::SeqCst) {
            let wait = self.core().tick(&self.socket);
            let timeout = self.socket.set_read_timeout(Some(wait));
            timeout.expect("a timeout that is not zero");
            if let Ok((length, peer)) = self.socket.recv_from(&mut buffer) {
                self.core().receive(&self.socket, peer, &buffer[..length]);
            }
        }
    }

    fn core(&self) -> MutexGuard<'_, Core<A>> {
        self.core.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<A: Application> Core<A> {
    fn receive(&mut self, socket: &UdpSocket, peer: SocketAddr, datagram: &[u8]) {
        let now = Instant::now();
        let Some(endpoint) = self.endpoints.of(peer) else {
            return;
        };
        let read = endpoint.handle_datagram(now, datagram);
        self.note(Traced::received(peer, datagram, read.err()));
        self.settle(now, socket);
    }

    /// Does what is due; for how long there is nothing to do.
    fn tick(&mut self, socket: &UdpSocket) -> Duration {
        let now = Instant::now();
        let mut next = now + TICK;
        for (_, endpoint) in self.endpoints.iter_mut() {
            if endpoint.poll_timeout().is_some_and(|at| at <= now) {
                endpoint.handle_timeout(now);
            }
        }
        self.application.handle_timeout(now, &mut self.endpoints);
        self.settle(now, socket);
        for (_, endpoint) in self.endpoints.iter_mut() {
            next = next.min(endpoint.poll_timeout().unwrap_or(next));
        }
        (next.saturating_duration_since(now)).max(Duration::from_millis(1))
    }

    /// Lets the application act on all events, then sends everything.
    fn settle(&mut self, now: Instant, socket: &UdpSocket) {
        let mut sent = Vec::new();
        for (peer, endpoint) in self.endpoints.iter_mut() {
            while let Some(event) = endpoint.poll_event() {
                self.application.handle_event(now, peer, endpoint, event);
            }
            while let Some(datagram) = endpoint.poll_transmit() {
                // The peer may be gone.
                let _ = socket.send_to(&datagram, peer);
                sent.push(Traced::sent(peer, &datagram));
            }
        }
        sent.into_iter().for_each(|traced| self.note(traced));
    }

    fn note(&mut self, traced: Traced) {
        if self.trace.len() < TRACE {
            self.trace.push(traced);
        }
    }
}
