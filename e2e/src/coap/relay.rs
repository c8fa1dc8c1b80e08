use std::collections::VecDeque;
use std::net::{SocketAddr, UdpSocket};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use crate::Random;

/// Carries the datagrams of one client to a server and back, and does to some of them what bad
/// paths do. Which ones, a seed says: the same datagrams of each direction in each run.
#[derive(Debug)]
pub struct LossyRelay {
    shared: Arc<Shared>,
    address: SocketAddr,
    threads: Vec<JoinHandle<()>>,
}

/// What happens to datagrams, in both directions.
#[derive(Clone, Copy, Debug, Default)]
pub struct Faults {
    /// How many are lost, in percent.
    pub lost: u64,
    /// How many come twice, in percent.
    pub doubled: u64,
    /// How many come after the next one, or a little later if there is none, in percent.
    pub late: u64,
    /// How long each takes: half of a round trip.
    pub delay: Duration,
}

#[derive(Debug)]
struct Shared {
    /// Towards the client.
    front: UdpSocket,
    /// Towards the server.
    back: UdpSocket,
    client: Mutex<Option<SocketAddr>>,
    faults: Faults,
    lost: AtomicUsize,
    ends: AtomicBool,
}

/// A datagram that is not sent on at once.
struct Held {
    until: Instant,
    datagram: Vec<u8>,
}

/// What is on its way in one direction, in the order of their times.
#[derive(Default)]
struct Line(VecDeque<Held>);

/// For how long a datagram is held back if nothing follows it.
const LATE: Duration = Duration::from_millis(40);

/// The longest datagram that is carried, in bytes.
const DATAGRAM: usize = 64 << 10;

/// How long a thread sleeps at most.
const TICK: Duration = Duration::from_millis(5);

impl LossyRelay {
    /// Stands in front of this server.
    pub fn to(server: SocketAddr, seed: u64, faults: Faults) -> Self {
        let bind = || {
            let socket = UdpSocket::bind("127.0.0.1:0").expect("a free port");
            let timeout = socket.set_read_timeout(Some(TICK));
            timeout.expect("a timeout that is not zero");
            socket
        };
        let (front, back) = (bind(), bind());
        back.connect(server).expect("an address of this machine");
        let address = front.local_addr().expect("a bound socket");
        let shared = Arc::new(Shared {
            front,
            back,
            client: Mutex::default(),
            faults,
            lost: AtomicUsize::new(0),
            ends: AtomicBool::new(false),
        });
        let threads = [true, false].map(|up| {
            let shared = Arc::clone(&shared);
            let random = Random::new(seed * 2 + u64::from(up));
            thread::spawn(move || shared.carry(up, random))
        });
        Self {
            shared,
            address,
            threads: threads.into(),
        }
    }

    /// Where the client sends to.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// How many datagrams were lost.
    pub fn lost(&self) -> usize {
        self.shared.lost.load(Ordering::SeqCst)
    }
}

impl Drop for LossyRelay {
    fn drop(&mut self) {
        self.shared.ends.store(true, Ordering::SeqCst);
        for thread in self.threads.drain(..) {
            let _ = thread.join();
        }
    }
}

impl Faults {
    /// A tenth is lost, a tenth comes twice, a tenth comes late.
    pub const TENTH: Self = Self {
        lost: 10,
        doubled: 10,
        late: 10,
        delay: Duration::ZERO,
    };
}

impl Shared {
    fn carry(&self, up: bool, mut random: Random) {
        let mut buffer = vec![0; DATAGRAM];
        let mut line = Line::default();
        let mut held: Option<Held> = None;
        while !self.ends.load(Ordering::SeqCst) {
            if let Some(length) = self.receive(up, &mut buffer) {
                let datagram = &buffer[..length];
                let mut falls = |percent| random.below(100) < percent;
                let (lost, doubled, late) = (
                    falls(self.faults.lost),
                    falls(self.faults.doubled),
                    falls(self.faults.late),
                );
                if lost {
                    self.lost.fetch_add(1, Ordering::SeqCst);
                } else if late && held.is_none() {
                    let (until, datagram) = (Instant::now() + LATE, datagram.to_vec());
                    held = Some(Held { until, datagram });
                    continue;
                } else {
                    for _ in 0..=usize::from(doubled) {
                        line.push(self.faults.delay, datagram.to_vec());
                    }
                }
                if let Some(held) = held.take() {
                    line.push(self.faults.delay, held.datagram);
                }
            }
            if let Some(due) = held.take_if(|held| held.until <= Instant::now()) {
                line.push(self.faults.delay, due.datagram);
            }
            while let Some(datagram) = line.pop() {
                self.send(up, &datagram);
            }
        }
    }

    fn receive(&self, up: bool, buffer: &mut [u8]) -> Option<usize> {
        if !up {
            return self.back.recv(buffer).ok();
        }
        let (length, client) = self.front.recv_from(buffer).ok()?;
        *self.client.lock().unwrap_or_else(PoisonError::into_inner) = Some(client);
        Some(length)
    }

    /// Sends a datagram on. The receiver may be gone.
    fn send(&self, up: bool, datagram: &[u8]) {
        let client = *self.client.lock().unwrap_or_else(PoisonError::into_inner);
        if up {
            let _ = self.back.send(datagram);
        } else if let Some(client) = client {
            let _ = self.front.send_to(datagram, client);
        }
    }
}

impl Line {
    fn push(&mut self, delay: Duration, datagram: Vec<u8>) {
        let until = Instant::now() + delay;
        self.0.push_back(Held { until, datagram });
    }

    /// The next datagram that has arrived.
    fn pop(&mut self) -> Option<Vec<u8>> {
        let has_arrived = |first: &mut Held| first.until <= Instant::now();
        let first = self.0.pop_front_if(has_arrived)?;
        Some(first.datagram)
    }
}
