//! The clients of plain CoAP, on their thread.

use std::{
    collections::HashMap,
    future::{pending, poll_fn},
    io,
    net::SocketAddr,
    rc::Rc,
    sync::Arc,
    time::{Duration, Instant},
};

use tokio::{sync::mpsc, time::sleep_until};
use vestibule_coap::{Endpoint, endpoint};
use vestibule_dtls::server::{Closed, Meter};
use vestibule_lowband::gateway::EndpointAt;

use super::{End, PlainId};
use crate::{
    coaps::Messages,
    low_bandwidth::{
        Spec,
        clients::{After, Clients, Introduction},
        house::House,
        message::Message,
    },
    mailbox,
    udp::{Batch, Receiver, Socket},
};

/// How many clients there may be. One more takes the place of the one that was silent for longest.
const MOST_CLIENTS: usize = 64;

/// Bytes of bodies that travel in blocks, of all clients.
const MAX_BODIES: usize = 64 << 20;

/// How often it is looked whether all requests are answered, when it is to end.
const LOOK: Duration = Duration::from_millis(20);

/// The listener, on its thread.
pub(super) struct Listener {
    clients: Clients<PlainId>,
    peers: HashMap<SocketAddr, Peer>,
    socket: Arc<Socket>,
    receiver: Receiver,
    coap: Arc<endpoint::Config>,
    budget: endpoint::Budget,
    last_id: u64,
}

/// What is kept for a client beside what all clients have.
struct Peer {
    id: PlainId,
    endpoint: Endpoint,
    wake_at: Option<Instant>,
    lifetime: Duration,
    heard: Instant,
    meter: Meter,
}

impl Listener {
    /// Listens at `socket`, for a house that `messages` tell something.
    ///
    /// # Errors
    ///
    /// When the system cannot watch the socket.
    pub(super) fn new(
        house: Rc<House>,
        messages: Messages<Message<PlainId>>,
        socket: Arc<Socket>,
        spec: &Spec,
    ) -> io::Result<Self> {
        let receiver = Receiver::new(Arc::clone(&socket))?;
        house.begin(&messages);
        Ok(Self {
            clients: Clients::new(house, messages),
            peers: HashMap::new(),
            socket,
            receiver,
            coap: Arc::new(spec.coap()),
            budget: endpoint::Budget::new(MAX_BODIES),
            last_id: 0,
        })
    }

    /// Serves until it is told to end, or nobody can tell it any more.
    pub(super) async fn run(
        mut self,
        mut orders: mailbox::Inbox<End>,
        mut inbox: mpsc::Receiver<Message<PlainId>>,
    ) {
        let mut batch = Batch::new();
        let mut ending: Option<End> = None;
        loop {
            let mut next = self.next_timeout();
            if let Some(End { by, .. }) = ending {
                let now = Instant::now();
                if by.is_some_and(|by| by <= now) || self.is_quiet(now) {
                    break;
                }
                next = [next, by, Some(now + LOOK)].into_iter().flatten().min();
            }
            let time = async {
                match next {
                    Some(at) => sleep_until(at.into()).await,
                    None => pending().await,
                }
            };
            tokio::select! {
                order = orders.recv() => match order {
                    Some(end) => {
                        self.handle_shutdown();
                        ending = Some(end);
                    }
                    None => break,
                },
                Some(message) = inbox.recv() => self.handle_message(message),
                received = poll_fn(|cx| self.receiver.poll_receive(cx, &mut batch)) => {
                    if let Err(error) = received {
                        tracing::warn!(%error, "plain CoAP: cannot receive");
                    }
                    for datagram in batch.iter() {
                        if let Some(bytes) = datagram.bytes {
                            self.handle_datagram(datagram.remote, bytes);
                        }
                    }
                }
                () = time => {}
            }
            self.handle_timeouts();
        }
        self.leave();
        if let Some(End { done, .. }) = ending {
            let _ = done.send(());
        }
    }

    fn handle_datagram(&mut self, from: SocketAddr, datagram: &[u8]) {
        let now = Instant::now();
        if !self.peers.contains_key(&from) {
            self.open(from, now);
        }
        let Some(peer) = self.peers.get_mut(&from) else {
            return;
        };
        peer.heard = now;
        peer.meter.datagrams_in += 1;
        peer.meter.bytes_in += datagram.len() as u64;
        // One that is malformed is not answered.
        let _ = peer.endpoint.handle_datagram(now, datagram);
        let (id, endpoint) = (peer.id, &mut peer.endpoint);
        let after = self
            .clients
            .handle_alive(id, now, &mut EndpointAt { endpoint, now });
        peer.follow(after);
        self.settle(from, now);
    }

    fn handle_message(&mut self, message: Message<PlainId>) {
        let now = Instant::now();
        match message {
            Message::Answered {
                client,
                ask,
                answer,
            } => {
                let found = self.peers.iter_mut().find(|(_, peer)| peer.id == client);
                let Some((&from, peer)) = found else {
                    return;
                };
                let endpoint = &mut peer.endpoint;
                let mut replies = EndpointAt { endpoint, now };
                let clients = &mut self.clients;
                let after = clients.handle_answer(client, now, &mut replies, ask, &answer);
                peer.follow(after);
                self.settle(from, now);
            }
            Message::Configure(spec, port) => self.clients.configure(spec, port),
            Message::Learned(prefix) => self.clients.learn(prefix),
            Message::Show(answer) => {
                let peers = self.peers.values();
                let views = peers.filter_map(|peer| self.clients.view(peer.id, now));
                let _ = answer.send(views.collect());
            }
        }
    }

    fn handle_timeouts(&mut self) {
        let now = Instant::now();
        let is_due = |peer: &Peer| peer.next_timeout().is_some_and(|at| at <= now);
        let due = self.peers.iter().filter(|(_, peer)| is_due(peer));
        let due: Vec<SocketAddr> = due.map(|(&from, _)| from).collect();
        for from in due {
            let Some(peer) = self.peers.get_mut(&from) else {
                continue;
            };
            if peer.heard + peer.lifetime <= now {
                self.close(from, now, Closed::Idle);
                continue;
            }
            peer.endpoint.handle_timeout(now);
            if peer.wake_at.take_if(|at| *at <= now).is_some() {
                let (id, endpoint) = (peer.id, &mut peer.endpoint);
                let mut replies = EndpointAt { endpoint, now };
                let after = self.clients.handle_timeout(id, now, &mut replies);
                peer.follow(after);
            }
            self.settle(from, now);
        }
    }

    /// Has what an endpoint says handled, and sends what it has.
    fn settle(&mut self, from: SocketAddr, now: Instant) {
        let Some(peer) = self.peers.get_mut(&from) else {
            return;
        };
        while let Some(event) = peer.endpoint.poll_event() {
            let (id, endpoint) = (peer.id, &mut peer.endpoint);
            let mut replies = EndpointAt { endpoint, now };
            let after = self.clients.handle_event(id, now, &mut replies, event);
            peer.follow(after);
        }
        while let Some(datagram) = peer.endpoint.poll_transmit() {
            // What is lost on the way is repeated, and so is this.
            if self.socket.send(None, from, &datagram).is_ok() {
                peer.meter.datagrams_out += 1;
                peer.meter.bytes_out += datagram.len() as u64;
            }
        }
        self.clients.carried(peer.id, peer.meter);
    }

    fn open(&mut self, from: SocketAddr, now: Instant) {
        if self.peers.len() >= MOST_CLIENTS {
            let silent = self.peers.iter().min_by_key(|(_, peer)| peer.heard);
            if let Some((&silent, _)) = silent {
                self.close(silent, now, Closed::Replaced);
            }
        }
        self.last_id += 1;
        let peer = Peer {
            id: PlainId(self.last_id),
            endpoint: Endpoint::new(Arc::clone(&self.coap), self.budget.clone(), rand::random()),
            wake_at: None,
            lifetime: self.clients.house().lifetimes[0],
            heard: now,
            meter: Meter::default(),
        };
        let introduction = Introduction::PLAIN;
        self.clients.open(peer.id, now, introduction, from);
        self.peers.insert(from, peer);
    }

    fn close(&mut self, from: SocketAddr, now: Instant, why: Closed) {
        if let Some(peer) = self.peers.remove(&from) {
            self.clients.close(peer.id, now, peer.meter, why);
        }
    }

    /// Tells everybody that there will be no news.
    fn handle_shutdown(&mut self) {
        self.clients.leave();
        let now = Instant::now();
        for from in self.peers.keys().copied().collect::<Vec<_>>() {
            let Some(peer) = self.peers.get_mut(&from) else {
                continue;
            };
            let (id, endpoint) = (peer.id, &mut peer.endpoint);
            let mut replies = EndpointAt { endpoint, now };
            let after = self.clients.handle_shutdown(id, now, &mut replies);
            peer.follow(after);
            self.settle(from, now);
        }
    }

    /// Whether every request is answered, and every answer acknowledged.
    fn is_quiet(&self, now: Instant) -> bool {
        let mut peers = self.peers.values();
        !peers.any(|peer| peer.endpoint.is_answering(now))
    }

    fn leave(&mut self) {
        let now = Instant::now();
        for from in self.peers.keys().copied().collect::<Vec<_>>() {
            self.close(from, now, Closed::ByUs);
        }
    }

    fn next_timeout(&self) -> Option<Instant> {
        self.peers.values().filter_map(Peer::next_timeout).min()
    }
}

impl Peer {
    fn next_timeout(&self) -> Option<Instant> {
        let idle = self.heard.checked_add(self.lifetime);
        let times = [self.endpoint.poll_timeout(), self.wake_at, idle];
        times.into_iter().flatten().min()
    }

    fn follow(&mut self, after: Option<After>) {
        if let Some(After { wake_at, lifetime }) = after {
            self.wake_at = wake_at;
            self.lifetime = lifetime.unwrap_or(self.lifetime);
        }
    }
}
