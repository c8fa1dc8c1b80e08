//! The two ends of a world.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use vestibule_coap::Endpoint;
use vestibule_coap::endpoint::{Budget, Config, Event, Footprint};

use crate::world::Clock;
use vestibule_test_network::Direction;
use vestibule_test_network::Ladder;

/// What sends and receives datagrams.
pub(crate) trait Side {
    fn handle_datagram(&mut self, clock: Clock, datagram: &[u8]);

    /// Does all that is due.
    fn handle_timeout(&mut self, clock: Clock);

    /// When something is due.
    fn next_time(&self, clock: Clock) -> Option<Duration>;

    /// The next datagram to be sent, after all that has happened was dealt with.
    fn poll_transmit(&mut self, clock: Clock, ladder: &mut Ladder) -> Option<Bytes>;
}

/// What an endpoint is used by.
pub(crate) trait Application {
    fn handle_event(&mut self, clock: Clock, endpoint: &mut Endpoint, event: Event);

    fn handle_timer(&mut self, clock: Clock, endpoint: &mut Endpoint);

    fn next_timer(&self) -> Option<Duration>;
}

/// An endpoint with its application.
pub(crate) struct Ours<A> {
    pub(crate) endpoint: Endpoint,
    pub(crate) application: A,
    /// Where its datagrams go.
    direction: Direction,
    budget: Budget,
}

impl<A> Ours<A> {
    pub(crate) fn new(
        direction: Direction,
        config: Config,
        budget: usize,
        seed: [u8; 32],
        application: A,
    ) -> Self {
        let budget = Budget::new(budget);
        Self {
            endpoint: Endpoint::new(Arc::new(config), budget.clone(), seed),
            application,
            direction,
            budget,
        }
    }

    /// Memory has returned to zero.
    pub(crate) fn assert_empty(&self) {
        assert_eq!(self.endpoint.footprint(), Footprint::default());
        assert_eq!(self.budget.used(), 0);
    }
}

impl<A: Application> Side for Ours<A> {
    fn handle_datagram(&mut self, clock: Clock, datagram: &[u8]) {
        let taken = self.endpoint.handle_datagram(clock.instant(), datagram);
        assert!(taken.is_ok(), "{taken:?}");
    }

    fn handle_timeout(&mut self, clock: Clock) {
        let now = clock.instant();
        if self.endpoint.poll_timeout().is_some_and(|at| at <= now) {
            self.endpoint.handle_timeout(now);
            let next = self.endpoint.poll_timeout();
            assert!(next.is_none_or(|at| at > now), "still due");
        }
        self.application.handle_timer(clock, &mut self.endpoint);
    }

    fn next_time(&self, clock: Clock) -> Option<Duration> {
        let timeout = self.endpoint.poll_timeout();
        let times = [
            timeout.map(|at| clock.since_begin(at)),
            self.application.next_timer(),
        ];
        times.into_iter().flatten().min()
    }

    fn poll_transmit(&mut self, clock: Clock, ladder: &mut Ladder) -> Option<Bytes> {
        while let Some(event) = self.endpoint.poll_event() {
            ladder.note(clock.now, self.direction, event.clone());
            self.application
                .handle_event(clock, &mut self.endpoint, event);
        }
        self.endpoint.poll_transmit()
    }
}
