use std::fmt;
use std::net::SocketAddr;

use bytes::Bytes;
use vestibule_coap::endpoint::{Config, Footprint, ObservationEnd, Response, Undelivered};

use super::driver::Driver;
use super::site::{Asked, Site};
use super::trace::Traced;
use crate::eventually;

/// A server by our endpoint, which serves:
///
/// - `/echo`: the body of the request;
/// - `/large?n=`: [`super::pattern`] of this length;
/// - `/slow?ms=`: an answer after this time;
/// - `/count`: how often it was asked before, by any method;
/// - `/error?code=`: this code (404 for 4.04) with a text;
/// - `/formats`: CBOR, or JSON where that is accepted;
/// - `/state`: what was published last, observable; with `?assured` the first answer is to be
///   acknowledged.
pub struct CoapServer {
    driver: Driver<Site>,
}

impl CoapServer {
    /// Starts one on a free port of 127.0.0.1.
    pub fn start(config: Config) -> Self {
        Self {
            driver: Driver::start(Site::default(), config),
        }
    }

    /// Where it is reached.
    pub fn address(&self) -> SocketAddr {
        self.driver.address()
    }

    /// A URL of it.
    pub fn url(&self, path: &str) -> String {
        format!("coap://{}{path}", self.address())
    }

    /// All requests that it has executed.
    pub fn asked(&self) -> Vec<Asked> {
        self.driver.with(|_, site, _| site.asked.clone())
    }

    /// The one request that it has executed with this path.
    #[track_caller]
    pub fn asked_once(&self, path: &str) -> Asked {
        let mut asked = self.asked();
        asked.retain(|asked| asked.path == path);
        assert_eq!(asked.len(), 1, "{asked:?}");
        asked.remove(0)
    }

    /// Sets a new state; each observer is told each state, in order.
    pub fn publish(&self, state: impl Into<Bytes>) {
        let state = state.into();
        self.driver.with(|_, site, _| site.states.push(state));
    }

    /// Waits until this many observations are there.
    pub fn wait_for_observers(&self, count: usize) {
        eventually(&format!("{count} observers"), || self.observers() == count);
    }

    /// How many observations there are.
    pub fn observers(&self) -> usize {
        self.driver.with(|_, site, _| site.observers.len())
    }

    /// How many notifications were acknowledged.
    pub fn deliveries(&self) -> usize {
        self.driver.with(|_, site, _| site.delivered)
    }

    /// Waits until this many notifications were acknowledged.
    pub fn wait_for_deliveries(&self, count: usize) {
        eventually(&format!("{count} deliveries"), || {
            self.deliveries() >= count
        });
    }

    /// How observations have ended.
    pub fn ended(&self) -> Vec<ObservationEnd> {
        self.driver.with(|_, site, _| site.ended.clone())
    }

    /// Why notifications were not delivered; they are sent again.
    pub fn undelivered(&self) -> Vec<Undelivered> {
        self.driver.with(|_, site, _| site.undelivered.clone())
    }

    /// Ends all observations with this answer.
    pub fn refuse_observers(&self, response: &Response) {
        self.driver.with(|now, site, endpoints| {
            for observer in site.observers.drain(..) {
                if let Some(endpoint) = endpoints.of(observer.peer()) {
                    endpoint.refuse_observation(now, observer.id(), response.clone());
                }
            }
        });
    }

    /// What the endpoints hold, each.
    pub fn footprints(&self) -> Vec<Footprint> {
        self.driver.with(|_, _, endpoints| {
            let endpoints = endpoints.iter_mut();
            endpoints
                .map(|(_, endpoint)| endpoint.footprint())
                .collect()
        })
    }

    /// Every datagram so far.
    pub fn trace(&self) -> Vec<Traced> {
        self.driver.trace()
    }
}

impl fmt::Debug for CoapServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("CoapServer").field(&self.address()).finish()
    }
}
