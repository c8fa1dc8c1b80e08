//! The gateway as the application of CoAP over DTLS, for the associations of one worker.

use vestibule_coap::endpoint::{
    Assurance, ExchangeId, NotifyError, ObservationId, Owner, Response,
};
use vestibule_dtls::server::AssociationId;
use vestibule_lowband::gateway::Replies;

use super::{
    clients::{After, Clients, Introduction},
    house::{Common, House},
    message::Message,
};
use crate::{
    coaps::{Application, Associations, Ended, Event, Peer, Setup},
    log::access,
};

/// The clients of one worker.
pub(super) struct Gateway {
    clients: Clients<AssociationId>,
}

impl Gateway {
    /// On the thread of a worker.
    pub(super) fn new(
        common: &Common,
        setup: Setup<Message<AssociationId>>,
        access: access::Buffer,
    ) -> Self {
        let house = House::new(common, setup.worker, access);
        house.begin(&setup.messages);
        Self {
            clients: Clients::new(house, setup.messages),
        }
    }

    /// Counts what the association has carried, and sets its times.
    fn follow_up(&mut self, peer: &mut Peer<'_>, after: Option<After>) {
        let Some(After { wake_at, lifetime }) = after else {
            return;
        };
        peer.wake_at(wake_at);
        if let Some(lifetime) = lifetime {
            peer.set_lifetime(lifetime);
        }
        if let Some(meter) = peer.meter() {
            self.clients.carried(peer.id(), meter);
        }
    }
}

impl Application for Gateway {
    type Message = Message<AssociationId>;

    fn concerns(message: &Self::Message) -> Option<AssociationId> {
        match message {
            Message::Answered { client, .. } => Some(*client),
            Message::Configure(..) | Message::Learned(_) | Message::Show(_) => None,
        }
    }

    fn handle_event(&mut self, peer: &mut Peer<'_>, event: Event) {
        let (id, now) = (peer.id(), peer.now());
        let after = match event {
            Event::Opened { agreement, path } => {
                let introduction = Introduction {
                    version: agreement.version.into(),
                    is_resumed: agreement.resumed,
                    handshake_bytes: peer.meter().map_or(0, |it| it.bytes_in + it.bytes_out),
                    has_connection_id: peer.view().is_some_and(|it| it.connection_id.is_some()),
                };
                self.clients.open(id, now, introduction, path.remote);
                None
            }
            Event::Moved { path } => {
                self.clients.moved(id, path.remote);
                None
            }
            Event::Coap(event) => self.clients.handle_event(id, now, peer, event),
            Event::Heard => self.clients.handle_alive(id, now, peer),
            Event::Woken => self.clients.handle_timeout(id, now, peer),
        };
        self.follow_up(peer, after);
    }

    fn handle_closed(&mut self, associations: &mut Associations, ended: Ended) {
        let Ended { id, why, meter } = ended;
        self.clients.close(id, associations.now(), meter, why);
    }

    fn handle_message(&mut self, associations: &mut Associations, message: Self::Message) {
        match message {
            Message::Answered {
                client,
                ask,
                answer,
            } => {
                let now = associations.now();
                if let Some(mut peer) = associations.peer(client) {
                    let peer = &mut peer;
                    let after = self.clients.handle_answer(client, now, peer, ask, &answer);
                    self.follow_up(peer, after);
                }
            }
            Message::Configure(spec, port) => self.clients.configure(spec, port),
            Message::Learned(prefix) => self.clients.learn(prefix),
            Message::Show(answer) => {
                let now = associations.now();
                let ids = self.clients.ids();
                for &id in &ids {
                    let peer = associations.peer(id);
                    if let Some(meter) = peer.and_then(|peer| peer.meter()) {
                        self.clients.carried(id, meter);
                    }
                }
                let views = ids.iter().filter_map(|id| self.clients.view(*id, now));
                let _ = answer.send(views.collect());
            }
        }
    }

    fn handle_shutdown(&mut self, associations: &mut Associations) {
        let _ = associations;
        self.clients.leave();
    }

    fn handle_shutdown_of(&mut self, peer: &mut Peer<'_>) {
        let (id, now) = (peer.id(), peer.now());
        let after = self.clients.handle_shutdown(id, now, peer);
        self.follow_up(peer, after);
    }
}

impl Replies for Peer<'_> {
    fn accept(&mut self, exchange: ExchangeId) {
        Peer::accept(self, exchange);
    }

    fn drop_exchange(&mut self, exchange: ExchangeId) {
        Peer::drop_exchange(self, exchange);
    }

    fn set_owner(&mut self, exchange: ExchangeId, owner: Owner) {
        Peer::set_owner(self, exchange, owner);
    }

    fn respond(&mut self, exchange: ExchangeId, response: Response) {
        Peer::respond(self, exchange, response);
    }

    fn respond_observed(
        &mut self,
        exchange: ExchangeId,
        response: Response,
        assurance: Assurance,
    ) -> Option<ObservationId> {
        Peer::respond_observed(self, exchange, response, assurance)
    }

    fn notify(
        &mut self,
        observation: ObservationId,
        response: Response,
    ) -> Result<(), NotifyError> {
        Peer::notify(self, observation, response)
    }

    fn refuse_observation(&mut self, observation: ObservationId, response: Response) {
        Peer::refuse_observation(self, observation, response);
    }

    fn forget_observation(&mut self, observation: ObservationId) {
        Peer::forget_observation(self, observation);
    }
}
