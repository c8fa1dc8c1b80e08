//! One association with one peer.
//!
//! Nothing here opens a socket, reads a clock or waits. The application feeds [`Endpoint::handle_datagram`] with what
//! has come and the time at which it came, sends what [`Endpoint::poll_transmit`] gives, acts on what
//! [`Endpoint::poll_event`] says, and calls [`Endpoint::handle_timeout`] at the time of [`Endpoint::poll_timeout`].
//! After each call of any other method these three are to be asked again.

mod budget;
mod client;
mod config;
mod counts;
mod event;
mod ids;
mod link;
mod outbox;
mod presence;
mod receive;
mod received;
mod refusal;
mod rtt;
mod server;
#[cfg(test)]
mod tests;
mod understood;

use std::{
    fmt,
    sync::Arc,
    time::{Duration, Instant},
};

use bytes::Bytes;

pub use self::{
    budget::Budget,
    client::RequestError,
    config::{Config, Dialect, EXCHANGE_LIFETIME, MAX_TRANSMIT_SPAN, Timing, Tokens},
    counts::Counted,
    event::{
        Acknowledge, Assurance, Event, ExchangeId, Failure, IncomingRequest, ObservationEnd,
        ObservationId, Observe, Owner, PartialRequest, Request, RequestId, Response, Undelivered,
    },
    refusal::{Explanation, Refusal},
    server::NotifyError,
};
use self::{
    client::Client,
    link::Link,
    outbox::Purpose,
    received::{Received, Reply},
    rtt::earliest,
    server::Server,
};
use crate::{Message, OptionList, ParseError, Type};

/// One association with one peer: client and server at once, as both sides of CoAP are.
pub struct Endpoint {
    link: Link,
    received: Received,
    server: Server,
    client: Client,
}

/// What an endpoint holds.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Footprint {
    /// Messages that wait for an acknowledgement.
    pub unsettled: usize,
    /// Ids of received messages that are remembered.
    pub received: usize,
    /// Requests of the peer without an answer.
    pub exchanges: usize,
    /// Requests of the peer that are not whole.
    pub uploads: usize,
    /// Bodies kept for the peer to fetch.
    pub snapshots: usize,
    /// Observations of the peer.
    pub observations: usize,
    /// Requests of ours without an answer, and observations of ours.
    pub requests: usize,
    /// All of it, in bytes: about what the allocator was asked for.
    pub bytes: usize,
}

impl Endpoint {
    /// An endpoint for a peer that nothing is known of. `budget` is shared by all endpoints of a listener; the `seed`
    /// must be random, and other than that of any endpoint before: ids, tokens and times come from it.
    #[must_use]
    pub fn new(config: Arc<Config>, budget: Budget, seed: [u8; 32]) -> Self {
        let [high, low, tag, ..] = seed;
        Self {
            link: Link::new(config, budget.clone(), seed),
            received: Received::default(),
            server: Server::new(budget, u16::from_be_bytes([high, low])),
            client: Client::new(tag),
        }
    }

    /// Takes a datagram of the peer.
    ///
    /// What it should have acknowledged long ago, and was sent last while nothing was heard of it, it has missed because
    /// it was away. That is sent again out of turn, when the timeout of the path, and a second, are over since its last
    /// transmission; each further time waits twice as long. One message for each datagram, and no second one within such a
    /// timeout until something is acknowledged. Its repetitions go on as they were.
    ///
    /// # Errors
    /// It is no CoAP message. Whatever is to be answered to that is ready to be transmitted; the error is for logs.
    pub fn handle_datagram(&mut self, now: Instant, datagram: &[u8]) -> Result<(), ParseError> {
        self.received.forget(now);
        let result = Message::parse(datagram);
        match &result {
            Ok(message) => self.handle_message(now, message, datagram),
            Err(error) => {
                let header = error.header.filter(|it| it.kind == Type::Confirmable);
                if let Some(header) = header {
                    self.link.send_empty(Type::Reset, header.id);
                }
            }
        }
        self.link.hear(now);
        self.finish(now);
        result.map(|_| ())
    }

    /// The peer has sent something from another address than before: to be called when it was taken. What it has not acknowledged went to where it is
    /// not any more, so it is sent again now, and not only when its wait is over; once a second at most, and then when
    /// the second is over. It has all its repetitions again, and the first wait is [`Timing::initial`] at least: what the
    /// path before has taught says nothing of this one. So it may be given up later than without the change, but is never
    /// sent later than [`MAX_TRANSMIT_SPAN`] after its first transmission.
    pub fn path_changed(&mut self, now: Instant) {
        self.link.path_changed(now);
    }

    /// Does what is due: repeats messages, gives them up, acknowledges slow requests, forgets what is over.
    pub fn handle_timeout(&mut self, now: Instant) {
        self.received.forget(now);
        self.link.forget(now);
        self.link.hurry(now);
        self.link.prompt(now);
        while let Some(purpose) = self.link.repeat(now) {
            self.server.given_up(&mut self.link, purpose);
            self.client.given_up(&mut self.link, purpose);
            if purpose == Purpose::Ping {
                self.link.events.push_back(Event::PingFailed);
            }
        }
        self.server
            .handle_timeout(now, &mut self.link, &mut self.received);
        self.client.handle_timeout(now, &mut self.link);
        self.finish(now);
    }

    /// The next datagram to be sent to the peer.
    pub fn poll_transmit(&mut self) -> Option<Bytes> {
        self.link.transmits.pop_front()
    }

    /// What has happened next.
    pub fn poll_event(&mut self) -> Option<Event> {
        self.link.events.pop_front()
    }

    /// When [`Self::handle_timeout`] is to be called. `None`: nothing is waited for.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        earliest([
            self.link.next_timeout(),
            self.server.next_timeout(&self.link),
            self.client.next_timeout(),
            self.received.next_timeout(),
        ])
    }

    /// Sends a request. It waits when [`Config::nstart`] others are not acknowledged.
    ///
    /// # Errors
    /// [`Config::max_requests`] are open, or the body has more blocks than can be counted.
    pub fn request(&mut self, now: Instant, request: Request) -> Result<RequestId, RequestError> {
        let id = self.client.request(now, &mut self.link, request, None);
        self.finish(now);
        id
    }

    /// Sends a request that registers for notifications (RFC 7641). [`Event::Response`] says whether they follow.
    ///
    /// # Errors
    /// [`Config::max_requests`] are open, or the body has more blocks than can be counted.
    pub fn observe(
        &mut self,
        now: Instant,
        request: Request,
        acknowledge: Acknowledge,
    ) -> Result<RequestId, RequestError> {
        let link = &mut self.link;
        let id = self.client.request(now, link, request, Some(acknowledge));
        self.finish(now);
        id
    }

    /// Registers an observation again, with these options in place of the earlier ones. It is answered like a new one,
    /// and the peer has to forget the earlier one: what it still sends for that is rejected. Whether there is such an
    /// observation.
    pub fn renew(&mut self, now: Instant, request: RequestId, options: OptionList) -> bool {
        let renewed = self.client.renew(now, &mut self.link, request, options);
        self.finish(now);
        renewed
    }

    /// Forgets a request. If it has registered, the peer is told to notify no more, and what was not
    /// [acknowledged](Self::acknowledge) is rejected.
    pub fn cancel(&mut self, now: Instant, request: RequestId) {
        self.client.cancel(now, &mut self.link, request);
        self.finish(now);
    }

    /// Acknowledges what was notified last: with [`Acknowledge::ByCaller`], the peer repeats it until then.
    pub fn acknowledge(&mut self, request: RequestId) {
        self.client
            .acknowledge(&mut self.link, &mut self.received, request);
    }

    /// Asks for a sign of life: [`Event::Pong`] or [`Event::PingFailed`].
    pub fn ping(&mut self, now: Instant) {
        self.link.ping();
        self.finish(now);
    }

    /// A message id for a confirmable message that the caller sends itself: random, so that only who gets the message
    /// knows it, not used by the endpoint in the last [`EXCHANGE_LIFETIME`] (RFC 7252 section 4.4), and left out by it for
    /// as long. What the peer answers to it does not concern the endpoint. `None` when more than half of the ids were
    /// used in that time, which would make it easier to guess, or when 64 are reserved.
    pub fn reserve_id(&mut self, now: Instant) -> Option<u16> {
        self.link.reserve_id(now)
    }

    /// Acknowledges a request of the peer whose answer will take long, so that it is not repeated.
    pub fn accept(&mut self, exchange: ExchangeId) {
        self.server
            .accept(&mut self.link, &mut self.received, exchange);
    }

    /// Says whose a request of the peer is, before it is answered. A request for a further block of the answer, or of a
    /// notification, is not served if it says that it is somebody else's ([`Config::owner`]).
    pub fn set_owner(&mut self, exchange: ExchangeId, owner: Owner) {
        self.server.set_owner(exchange, owner);
    }

    /// Answers a request of the peer, once. A body of more than a block is kept, and fetched by the peer.
    pub fn respond(&mut self, now: Instant, exchange: ExchangeId, response: Response) {
        let (link, received) = (&mut self.link, &mut self.received);
        self.server
            .respond(now, link, received, exchange, response, None);
        self.finish(now);
    }

    /// Answers a request that registers, and allows what it asks for. `None` if the answer is no success, if the
    /// request does not register, or if [`Config::max_observations`] are there already.
    pub fn respond_observed(
        &mut self,
        now: Instant,
        exchange: ExchangeId,
        response: Response,
        assurance: Assurance,
    ) -> Option<ObservationId> {
        let (link, received) = (&mut self.link, &mut self.received);
        let observation =
            self.server
                .respond(now, link, received, exchange, response, Some(assurance));
        self.finish(now);
        observation
    }

    /// Sends a new state to the peer, which must be a success. [`Event::NotificationDelivered`] or
    /// [`Event::NotificationFailed`] follows, if the observation does not end before.
    ///
    /// # Errors
    /// The observation is gone, the state before is not delivered yet, or there is no room for the body.
    pub fn notify(
        &mut self,
        now: Instant,
        observation: ObservationId,
        response: Response,
    ) -> Result<(), NotifyError> {
        let result = self
            .server
            .notify(now, &mut self.link, observation, response);
        self.finish(now);
        result
    }

    /// Ends an observation of the peer with an answer that says why, in place of a state that is on its way.
    /// [`Event::ObservationEnded`] follows when it is acknowledged. If it is not, [`Event::NotificationFailed`] does, and
    /// the observation is there to be refused again, or to be [forgotten](Self::forget_observation).
    pub fn refuse_observation(
        &mut self,
        now: Instant,
        observation: ObservationId,
        response: Response,
    ) {
        self.server
            .refuse_observation(now, &mut self.link, observation, response);
        self.finish(now);
    }

    /// Ends an observation of the peer without a word.
    pub fn forget_observation(&mut self, now: Instant, observation: ObservationId) {
        self.server.forget(&mut self.link, observation);
        self.finish(now);
    }

    /// The timeout that the path has taught so far.
    #[must_use]
    pub fn path_timeout(&self) -> Duration {
        self.link.path_timeout()
    }

    /// Forgets a request of the peer without answering it: for who cannot, or must not. It is acknowledged if it waits
    /// for that, because the peer would repeat it.
    pub fn drop_exchange(&mut self, exchange: ExchangeId) {
        self.accept(exchange);
        self.server.drop_exchange(exchange);
    }

    /// Whether the peer waits for an answer: one that was not given yet, one that it has not acknowledged, or one that
    /// it is fetching in blocks. Notifications and pings do not count, nor does what we have asked. Who fetches nothing
    /// for five times [`Timing::initial`] is taken to have given up. It costs little when there is nothing.
    #[must_use]
    pub fn is_answering(&self, now: Instant) -> bool {
        self.link.answers() > 0 || self.server.is_answering(now, &self.link.config)
    }

    /// What is held at present.
    #[must_use]
    pub fn footprint(&self) -> Footprint {
        let [exchanges, uploads, snapshots, observations] = self.server.len();
        let received = self.received.footprint();
        Footprint {
            unsettled: self.link.unsettled(),
            received: self.received.len(),
            exchanges,
            uploads,
            snapshots,
            observations,
            requests: self.client.len(),
            bytes: self.link.footprint()
                + received
                + self.server.footprint()
                + self.client.footprint(),
        }
    }

    /// What is to be done after every call: rejects what was held, and starts what may start.
    fn finish(&mut self, now: Instant) {
        for key in std::mem::take(&mut self.link.rejected) {
            self.received
                .set_reply(key, Reply::Reset, &self.link.config);
            self.link.send_empty(Type::Reset, key.id());
        }
        self.link.start(now);
    }
}

/// What is held may be secret, and is shown by its amount only.
impl fmt::Debug for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Endpoint")
            .field("footprint", &self.footprint())
            .finish_non_exhaustive()
    }
}
