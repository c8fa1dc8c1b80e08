//! The way back to the client.

use std::time::Instant;

use vestibule_coap::Endpoint;
use vestibule_coap::endpoint::{
    Assurance, ExchangeId, NotifyError, ObservationId, Owner, Response,
};

/// What a gateway needs of the endpoint of its association, at the time that it is told. Each method
/// is the one of [`Endpoint`] with the same name.
pub trait Replies {
    /// See [`Endpoint::accept`].
    fn accept(&mut self, exchange: ExchangeId);

    /// See [`Endpoint::drop_exchange`].
    fn drop_exchange(&mut self, exchange: ExchangeId);

    /// See [`Endpoint::set_owner`].
    fn set_owner(&mut self, exchange: ExchangeId, owner: Owner);

    /// See [`Endpoint::respond`].
    fn respond(&mut self, exchange: ExchangeId, response: Response);

    /// See [`Endpoint::respond_observed`].
    fn respond_observed(
        &mut self,
        exchange: ExchangeId,
        response: Response,
        assurance: Assurance,
    ) -> Option<ObservationId>;

    /// See [`Endpoint::notify`].
    ///
    /// # Errors
    ///
    /// As there.
    fn notify(&mut self, observation: ObservationId, response: Response)
    -> Result<(), NotifyError>;

    /// See [`Endpoint::refuse_observation`].
    fn refuse_observation(&mut self, observation: ObservationId, response: Response);

    /// See [`Endpoint::forget_observation`].
    fn forget_observation(&mut self, observation: ObservationId);
}

/// An endpoint, and the time.
#[derive(Debug)]
pub struct EndpointAt<'a> {
    /// The endpoint of the association.
    pub endpoint: &'a mut Endpoint,
    /// The time at which it is told.
    pub now: Instant,
}

impl Replies for EndpointAt<'_> {
    fn accept(&mut self, exchange: ExchangeId) {
        self.endpoint.accept(exchange);
    }

    fn drop_exchange(&mut self, exchange: ExchangeId) {
        self.endpoint.drop_exchange(exchange);
    }

    fn set_owner(&mut self, exchange: ExchangeId, owner: Owner) {
        self.endpoint.set_owner(exchange, owner);
    }

    fn respond(&mut self, exchange: ExchangeId, response: Response) {
        self.endpoint.respond(self.now, exchange, response);
    }

    fn respond_observed(
        &mut self,
        exchange: ExchangeId,
        response: Response,
        assurance: Assurance,
    ) -> Option<ObservationId> {
        self.endpoint
            .respond_observed(self.now, exchange, response, assurance)
    }

    fn notify(
        &mut self,
        observation: ObservationId,
        response: Response,
    ) -> Result<(), NotifyError> {
        self.endpoint.notify(self.now, observation, response)
    }

    fn refuse_observation(&mut self, observation: ObservationId, response: Response) {
        self.endpoint
            .refuse_observation(self.now, observation, response);
    }

    fn forget_observation(&mut self, observation: ObservationId) {
        self.endpoint.forget_observation(self.now, observation);
    }
}
