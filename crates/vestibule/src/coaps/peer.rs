//! One association as an application sees it.

use std::time::{Duration, Instant};

use vestibule_coap::{
    Endpoint, OptionList,
    endpoint::{
        Acknowledge, Assurance, ExchangeId, Footprint, NotifyError, ObservationId, Owner, Request,
        RequestError, RequestId, Response,
    },
};
use vestibule_dtls::{
    server::{AssociationId, Meter, View},
    session::SendError,
};

use super::{Associations, associations::Slot};

/// An application is not woken sooner.
const SOONEST: Duration = Duration::from_millis(1);

/// The peer of an association. Most methods are those of [`Endpoint`]; what they send leaves when the
/// method of the application has returned.
#[derive(Debug)]
pub struct Peer<'a> {
    associations: &'a mut Associations,
    id: AssociationId,
}

impl<'a> Peer<'a> {
    /// The association must be there.
    pub(super) fn new(associations: &'a mut Associations, id: AssociationId) -> Self {
        Self { associations, id }
    }
}

impl Peer<'_> {
    /// The association.
    #[must_use]
    pub fn id(&self) -> AssociationId {
        self.id
    }

    /// The time.
    #[must_use]
    pub fn now(&self) -> Instant {
        self.associations.now
    }

    /// What was agreed, where the peer is, and what the association has carried. `None` when it was
    /// closed just now.
    #[must_use]
    pub fn view(&self) -> Option<View> {
        self.associations.dtls.association(self.id)
    }

    /// What the association has carried.
    #[must_use]
    pub fn meter(&self) -> Option<Meter> {
        self.associations.dtls.meter(self.id)
    }

    /// All associations of this worker.
    pub fn associations(&mut self) -> &mut Associations {
        self.associations
    }

    /// See [`Endpoint::respond`].
    pub fn respond(&mut self, exchange: ExchangeId, response: Response) {
        let now = self.now();
        self.endpoint().respond(now, exchange, response);
    }

    /// See [`Endpoint::respond_observed`].
    pub fn respond_observed(
        &mut self,
        exchange: ExchangeId,
        response: Response,
        assurance: Assurance,
    ) -> Option<ObservationId> {
        let now = self.now();
        self.endpoint()
            .respond_observed(now, exchange, response, assurance)
    }

    /// See [`Endpoint::set_owner`].
    pub fn set_owner(&mut self, exchange: ExchangeId, owner: Owner) {
        self.endpoint().set_owner(exchange, owner);
    }

    /// See [`Endpoint::accept`].
    pub fn accept(&mut self, exchange: ExchangeId) {
        self.endpoint().accept(exchange);
    }

    /// See [`Endpoint::drop_exchange`].
    pub fn drop_exchange(&mut self, exchange: ExchangeId) {
        self.endpoint().drop_exchange(exchange);
    }

    /// See [`Endpoint::notify`].
    ///
    /// # Errors
    ///
    /// As there.
    pub fn notify(
        &mut self,
        observation: ObservationId,
        response: Response,
    ) -> Result<(), NotifyError> {
        let now = self.now();
        self.endpoint().notify(now, observation, response)
    }

    /// See [`Endpoint::refuse_observation`].
    pub fn refuse_observation(&mut self, observation: ObservationId, response: Response) {
        let now = self.now();
        self.endpoint()
            .refuse_observation(now, observation, response);
    }

    /// See [`Endpoint::forget_observation`].
    pub fn forget_observation(&mut self, observation: ObservationId) {
        let now = self.now();
        self.endpoint().forget_observation(now, observation);
    }

    /// See [`Endpoint::request`].
    ///
    /// # Errors
    ///
    /// As there.
    pub fn request(&mut self, request: Request) -> Result<RequestId, RequestError> {
        let now = self.now();
        self.endpoint().request(now, request)
    }

    /// See [`Endpoint::observe`].
    ///
    /// # Errors
    ///
    /// As there.
    pub fn observe(
        &mut self,
        request: Request,
        acknowledge: Acknowledge,
    ) -> Result<RequestId, RequestError> {
        let now = self.now();
        self.endpoint().observe(now, request, acknowledge)
    }

    /// See [`Endpoint::renew`].
    pub fn renew(&mut self, request: RequestId, options: OptionList) -> bool {
        let now = self.now();
        self.endpoint().renew(now, request, options)
    }

    /// See [`Endpoint::cancel`].
    pub fn cancel(&mut self, request: RequestId) {
        let now = self.now();
        self.endpoint().cancel(now, request);
    }

    /// See [`Endpoint::acknowledge`].
    pub fn acknowledge(&mut self, request: RequestId) {
        self.endpoint().acknowledge(request);
    }

    /// See [`Endpoint::ping`].
    pub fn ping(&mut self) {
        let now = self.now();
        self.endpoint().ping(now);
    }

    /// See [`Endpoint::path_timeout`]. `None` before the first message.
    #[must_use]
    pub fn path_timeout(&self) -> Option<Duration> {
        Some(self.slot()?.endpoint.as_ref()?.path_timeout())
    }

    /// See [`Endpoint::footprint`].
    #[must_use]
    pub fn footprint(&self) -> Footprint {
        let endpoint = self.slot().and_then(|slot| slot.endpoint.as_ref());
        endpoint.map_or_else(Footprint::default, |it| it.footprint())
    }

    /// Sends a payload as it is, which need not be a CoAP message.
    ///
    /// # Errors
    ///
    /// When the association is closed, or the payload too long.
    pub fn send_payload(&mut self, payload: &[u8]) -> Result<(), SendError> {
        let now = self.now();
        self.associations.dtls.send(now, self.id, payload)
    }

    /// Sets how long the association lives without a payload from its peer.
    pub fn set_lifetime(&mut self, lifetime: Duration) {
        let now = self.now();
        self.associations.dtls.set_lifetime(now, self.id, lifetime);
    }

    /// Has [`Event::Woken`] told at this time, once, instead of at the one that was set before. `None`:
    /// never.
    pub fn wake_at(&mut self, at: Option<Instant>) {
        let now = self.now();
        if let Some(slot) = self.associations.slots.get_mut(&self.id)
            && let at = at.map(|at| not_too_soon(at, slot.wake_at, now))
            && slot.wake_at != at
        {
            slot.wake_at = at;
            self.associations.arm(self.id);
        }
    }

    /// Ends the association, with close_notify. What was to be sent before is still sent.
    pub fn close(&mut self) {
        let associations = &mut *self.associations;
        associations.transmit(self.id);
        associations.dtls.close(associations.now, self.id);
    }

    fn endpoint(&mut self) -> &mut Endpoint {
        self.associations.touch(self.id);
        self.associations.endpoint(self.id)
    }

    fn slot(&self) -> Option<&Slot> {
        self.associations.slots.get(&self.id)
    }
}

/// When who wants to be woken at `at` is, who was to be at `before`. One that wants it in the past again and
/// again must not keep the others waiting, nor put itself off.
fn not_too_soon(at: Instant, before: Option<Instant>, now: Instant) -> Instant {
    let soonest = now + SOONEST;
    at.max(before.map_or(soonest, |before| before.min(soonest)))
}

#[cfg(test)]
mod tests;
