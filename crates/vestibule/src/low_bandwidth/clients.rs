//! The clients of one thread, and what is under way for them at the homeserver.

use std::{
    collections::HashMap,
    fmt::Display,
    hash::Hash,
    net::SocketAddr,
    rc::Rc,
    sync::Arc,
    time::{Duration, Instant},
};

use tokio::task::{AbortHandle, spawn_local};
use vestibule_coap::endpoint::Event;
use vestibule_dtls::server::{Closed, Meter};
use vestibule_lowband::{
    gateway::{Ask, AskId, Gateway, HttpAnswer, Replies, TokenDigest},
    mapping::paths::Prefix,
    sync::PollFailure,
};

use super::{
    Spec,
    house::House,
    message::{Message, Reply},
    meters::{AssociationView, Transport},
};
use crate::{
    coaps::Messages,
    log::access::{AssociationRecord, ExchangeRecord},
};

/// The clients of one thread. Each is known by a `K` that no other one will have.
pub(super) struct Clients<K> {
    house: Rc<House>,
    messages: Messages<Message<K>>,
    clients: HashMap<K, Client>,
    /// Whether nobody may wait for news any more.
    is_leaving: bool,
}

/// One client, for as long as its association lives.
struct Client {
    introduction: Introduction,
    remote: SocketAddr,
    opened: Instant,
    heard: Instant,
    /// As whom it has asked last.
    user: Option<TokenDigest>,
    /// What has come and gone.
    meter: Meter,
    /// The part of it that no user was known for.
    unclaimed: Meter,
    exchanges: u64,
    /// Made for the first request, and kept to the end: it knows the token.
    gateway: Option<Box<Gateway>>,
    /// At the homeserver. They are few.
    under_way: Vec<(AskId, AbortHandle)>,
    observes: bool,
}

/// How an association has begun.
#[derive(Clone, Copy, Debug)]
pub(super) struct Introduction {
    /// What is between.
    pub(super) version: Transport,
    /// Whether the handshake was short.
    pub(super) is_resumed: bool,
    /// Whether it has a Connection ID.
    pub(super) has_connection_id: bool,
    /// Bytes that the handshake took.
    pub(super) handshake_bytes: u64,
}

/// What is to be done for a client, after it was told something.
#[derive(Clone, Copy, Debug)]
pub(super) struct After {
    /// When it is to be woken.
    pub(super) wake_at: Option<Instant>,
    /// How long it may be silent from now on; `None`: that has not changed.
    pub(super) lifetime: Option<Duration>,
}

impl<K: Copy + Display + Eq + Hash + 'static> Clients<K> {
    /// Nobody is there yet.
    pub(super) fn new(house: Rc<House>, messages: Messages<Message<K>>) -> Self {
        Self {
            house,
            messages,
            clients: HashMap::new(),
            is_leaving: false,
        }
    }

    /// A new association.
    pub(super) fn open(
        &mut self,
        id: K,
        now: Instant,
        introduction: Introduction,
        remote: SocketAddr,
    ) {
        let client = Client {
            introduction,
            remote,
            opened: now,
            heard: now,
            user: None,
            meter: Meter::default(),
            unclaimed: Meter::default(),
            exchanges: 0,
            gateway: None,
            under_way: Vec::new(),
            observes: false,
        };
        self.clients.insert(id, client);
    }

    /// A client is somewhere else now.
    pub(super) fn moved(&mut self, id: K, remote: SocketAddr) {
        if let Some(client) = self.clients.get_mut(&id) {
            client.remote = remote;
        }
    }

    /// The endpoint of a client says something.
    pub(super) fn handle_event(
        &mut self,
        id: K,
        now: Instant,
        replies: &mut dyn Replies,
        event: Event,
    ) -> Option<After> {
        let client = self.clients.get_mut(&id)?;
        let gateway = match (&mut client.gateway, &event) {
            (Some(gateway), _) => gateway,
            (none, Event::Request(_) | Event::Partial(_)) => {
                let gateway = none.insert(self.house.gateway());
                if self.is_leaving {
                    gateway.handle_shutdown(now, replies);
                }
                gateway
            }
            (None, _) => return None,
        };
        gateway.handle_event(now, replies, event);
        self.settle(id)
    }

    /// Something has come from a client, whatever it was.
    pub(super) fn handle_alive(
        &mut self,
        id: K,
        now: Instant,
        replies: &mut dyn Replies,
    ) -> Option<After> {
        let client = self.clients.get_mut(&id)?;
        client.heard = now;
        client.gateway.as_mut()?.handle_peer_alive(now, replies);
        self.settle(id)
    }

    /// The time has come for which a client was to be woken.
    pub(super) fn handle_timeout(
        &mut self,
        id: K,
        now: Instant,
        replies: &mut dyn Replies,
    ) -> Option<After> {
        let client = self.clients.get_mut(&id)?;
        client.gateway.as_mut()?.handle_timeout(now, replies);
        self.settle(id)
    }

    /// The homeserver has answered a client, or has not.
    pub(super) fn handle_answer(
        &mut self,
        id: K,
        now: Instant,
        replies: &mut dyn Replies,
        ask: AskId,
        answer: &Result<HttpAnswer, PollFailure>,
    ) -> Option<After> {
        let client = self.clients.get_mut(&id)?;
        client.under_way.retain(|(other, _)| *other != ask);
        if client.under_way.is_empty() {
            // Most clients have nothing under way for most of the time.
            client.under_way = Vec::new();
        }
        let gateway = client.gateway.as_mut()?;
        gateway.handle_answer(now, replies, ask, answer);
        self.settle(id)
    }

    /// The gateway is about to end: from now on, nobody begins to wait for news. Those who are there are
    /// [told](Self::handle_shutdown) one by one.
    pub(super) fn leave(&mut self) {
        self.is_leaving = true;
    }

    /// The gateway is about to end: a client that waits for news is answered.
    pub(super) fn handle_shutdown(
        &mut self,
        id: K,
        now: Instant,
        replies: &mut dyn Replies,
    ) -> Option<After> {
        let client = self.clients.get_mut(&id)?;
        client.gateway.as_mut()?.handle_shutdown(now, replies);
        self.settle(id)
    }

    /// An association is over.
    pub(super) fn close(&mut self, id: K, now: Instant, meter: Meter, why: Closed) {
        self.carried(id, meter);
        // It goes, whatever becomes of what follows.
        let Some(mut client) = self.clients.remove(&id) else {
            return;
        };
        if let Some(gateway) = &mut client.gateway {
            gateway.handle_closed(now);
        }
        client.settle(id, &self.house, &self.messages);
        let house = &self.house;
        if house.access.enabled() {
            house.access.write_association(&AssociationRecord {
                gateway: house.meters.name(),
                association: &id.to_string(),
                client: client.remote,
                version: client.introduction.version,
                resumed: client.introduction.is_resumed,
                connection_id: client.introduction.has_connection_id,
                user: client.user,
                meter,
                handshake_bytes: client.introduction.handshake_bytes,
                exchanges: client.exchanges,
                duration: now.saturating_duration_since(client.opened),
                why,
            });
        }
    }

    /// An association has carried so much since it has begun.
    pub(super) fn carried(&mut self, id: K, meter: Meter) {
        let Some(client) = self.clients.get_mut(&id) else {
            return;
        };
        let House { meters, worker, .. } = &*self.house;
        let before = std::mem::replace(&mut client.meter, meter);
        let received = meter.bytes_in.saturating_sub(before.bytes_in);
        let sent = meter.bytes_out.saturating_sub(before.bytes_out);
        meters.carried(*worker, client.user, received, sent);
        match client.user {
            None => client.unclaimed = meter,
            // What it cost to become known: the handshake, and the first request.
            Some(user) => {
                let Meter {
                    bytes_in,
                    bytes_out,
                    ..
                } = std::mem::take(&mut client.unclaimed);
                if bytes_in + bytes_out > 0 {
                    meters.claimed(*worker, user, bytes_in, bytes_out);
                }
            }
        }
    }

    /// Serves everybody as `spec` has it from now on, with DTLS at this port.
    pub(super) fn configure(&mut self, spec: Arc<Spec>, port: u16) {
        self.house.configure(spec, port);
        self.replace_settings();
    }

    /// Asks the homeserver by this version of its API from now on.
    pub(super) fn learn(&mut self, prefix: Prefix) {
        self.house.learn(prefix);
        self.replace_settings();
    }

    fn replace_settings(&mut self) {
        for client in self.clients.values_mut() {
            if let Some(gateway) = &mut client.gateway {
                gateway.replace_settings(self.house.settings());
            }
        }
    }

    /// Those of this thread.
    pub(super) fn house(&self) -> &Rc<House> {
        &self.house
    }

    /// What is shown of one of them.
    pub(super) fn view(&self, id: K, now: Instant) -> Option<AssociationView> {
        let client = self.clients.get(&id)?;
        let footprint = client.gateway.as_ref().map(|it| it.footprint());
        let footprint = footprint.unwrap_or_default();
        let since = |then| now.saturating_duration_since(then).as_secs_f64();
        Some(AssociationView {
            gateway: self.house.meters.name().to_owned(),
            id: id.to_string(),
            client: client.remote,
            version: client.introduction.version,
            resumed: client.introduction.is_resumed,
            connection_id: client.introduction.has_connection_id,
            seconds: since(client.opened),
            idle_seconds: since(client.heard),
            bytes_in: client.meter.bytes_in,
            bytes_out: client.meter.bytes_out,
            handshake_bytes: client.introduction.handshake_bytes,
            requests: footprint.requests,
            observations: footprint.observations,
            held_bytes: footprint.bytes,
            user: client.user.map(|user| user.to_string()),
        })
    }

    /// All of them, in no order.
    pub(super) fn ids(&self) -> Vec<K> {
        self.clients.keys().copied().collect()
    }

    /// Does what a gateway asks for, and tells what it has done.
    fn settle(&mut self, id: K) -> Option<After> {
        let client = self.clients.get_mut(&id)?;
        client.settle(id, &self.house, &self.messages)
    }
}

impl Client {
    /// Does what its gateway asks for, and tells what it has done.
    fn settle<K: Copy + Display + 'static>(
        &mut self,
        id: K,
        house: &Rc<House>,
        messages: &Messages<Message<K>>,
    ) -> Option<After> {
        let gateway = self.gateway.as_mut()?;
        while let Some(ask) = gateway.poll_ask() {
            match ask {
                Ask::Cancel(ask) => {
                    let is_it = |under_way: &mut (AskId, AbortHandle)| under_way.0 == ask;
                    for (_, task) in self.under_way.extract_if(.., is_it) {
                        task.abort();
                    }
                }
                Ask::Request {
                    id: ask,
                    request,
                    timeout,
                } => {
                    let reply = Reply {
                        client: id,
                        ask,
                        messages: messages.clone(),
                    };
                    let house = Rc::clone(house);
                    let remote = self.remote;
                    let task = spawn_local(async move {
                        reply.tell(house.ask(&request, remote, timeout)).await;
                    });
                    self.under_way.push((ask, task.abort_handle()));
                }
            }
        }
        while let Some(finished) = gateway.poll_record() {
            self.exchanges += 1;
            // Somebody whose token is worth nothing is nobody.
            if house.meters.finished(house.worker, &finished) {
                self.user = finished.token;
            }
            if house.access.enabled() {
                house.access.write_exchange(&ExchangeRecord {
                    gateway: house.meters.name(),
                    association: &id.to_string(),
                    client: self.remote,
                    finished: &finished,
                });
            }
        }
        let observes = gateway.observations() > 0;
        let changed = std::mem::replace(&mut self.observes, observes) != observes;
        let wake_at = gateway.poll_timeout();
        Some(After {
            wake_at,
            lifetime: changed.then(|| house.lifetimes[usize::from(observes)]),
        })
    }
}

impl Introduction {
    /// Without DTLS.
    pub(super) const PLAIN: Self = Self {
        version: Transport::Plain,
        is_resumed: false,
        has_connection_id: false,
        handshake_bytes: 0,
    };
}

impl Drop for Client {
    fn drop(&mut self) {
        for (_, task) in &self.under_way {
            task.abort();
        }
    }
}
