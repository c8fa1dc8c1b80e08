use std::collections::VecDeque;
use std::fmt;
use std::net::{SocketAddr, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use vestibule_coap::Endpoint;
use vestibule_coap::endpoint::{self, Acknowledge, Budget, Failure, Request, RequestId, Response};
use vestibule_dtls::client::{Closed, Config, Memory, PeerName, Roots, Trust};
use vestibule_dtls::session::Agreement;

use super::{Association, Trace};
use crate::{Authority, PATIENCE, Random};

/// A CoAP client by our DTLS client and our endpoint. It acts while one of its methods runs, and
/// only then.
pub struct CoapsClient {
    association: Association,
    coap: Endpoint,
    events: VecDeque<endpoint::Event>,
}

/// How much it keeps for its server, in bytes.
const BUDGET: usize = 4 << 20;

/// Trusts this authority and expects a certificate for `name`.
pub fn client_config(authority: &Authority, name: &str) -> Config {
    let name: PeerName = name.parse().expect("a name or an address");
    Config::new(name, 5684, Trust::Roots(roots(authority)))
}

/// The root of this authority.
pub fn roots(authority: &Authority) -> Arc<Roots> {
    let root = CertificateDer::from_pem_file(authority.root()).expect("a certificate in PEM");
    Arc::new(Roots::new([root.as_ref()]).expect("a certificate"))
}

impl CoapsClient {
    /// Does the handshake over this socket.
    #[track_caller]
    pub fn connect(socket: UdpSocket, server: SocketAddr, config: Config, memory: Memory) -> Self {
        Self::try_connect(socket, server, config, memory)
            .unwrap_or_else(|why| panic!("no association with {server}: {why}"))
    }

    /// As [`Self::connect`].
    ///
    /// # Errors
    /// Why the handshake came to nothing.
    pub fn try_connect(
        socket: UdpSocket,
        server: SocketAddr,
        config: Config,
        memory: Memory,
    ) -> Result<Self, Closed> {
        static MADE: AtomicU64 = AtomicU64::new(0);
        let mut seed = [0; 32];
        Random::new(MADE.fetch_add(1, Ordering::Relaxed)).fill(&mut seed);
        Ok(Self {
            association: Association::connect(socket, server, config, memory)?,
            coap: Endpoint::new(Arc::default(), Budget::new(BUDGET), seed),
            events: VecDeque::new(),
        })
    }

    /// What was agreed on.
    pub fn agreement(&self) -> &Agreement {
        self.association.agreement()
    }

    /// Sends a request and waits for the answer.
    #[track_caller]
    pub fn request(&mut self, request: Request) -> Response {
        let id = self.begin(request);
        self.answer(id)
    }

    /// Sends a request.
    pub fn begin(&mut self, request: Request) -> RequestId {
        let id = self.coap.request(Instant::now(), request);
        self.transmit();
        id.expect("few requests")
    }

    /// Waits for the answer to a request.
    #[track_caller]
    pub fn answer(&mut self, id: RequestId) -> Response {
        self.try_answer(id)
            .unwrap_or_else(|failure| panic!("no answer: {failure:?}"))
    }

    /// As [`Self::answer`].
    ///
    /// # Errors
    /// Why there is none.
    pub fn try_answer(&mut self, id: RequestId) -> Result<Response, Failure> {
        self.event("an answer", |event| match event {
            endpoint::Event::Response {
                request, response, ..
            } if *request == id => Some(Ok(response.clone())),
            endpoint::Event::RequestFailed(request, failure) if *request == id => {
                Some(Err(*failure))
            }
            _ => None,
        })
    }

    /// Registers, and waits for the first answer, which must allow it.
    #[track_caller]
    pub fn observe(&mut self, request: Request) -> (RequestId, Response) {
        let (id, response, observed) = self.register(request, Acknowledge::AtOnce);
        assert!(observed, "not observed: {response:?}");
        (id, response)
    }

    /// Registers, and waits for the first answer; whether it allows it.
    #[track_caller]
    pub fn register(
        &mut self,
        request: Request,
        acknowledge: Acknowledge,
    ) -> (RequestId, Response, bool) {
        let id = self
            .coap
            .observe(Instant::now(), request, acknowledge)
            .expect("few requests");
        let (response, observed) = self.event("a first answer", |event| match event {
            endpoint::Event::Response {
                request,
                response,
                observed,
            } if *request == id => Some((response.clone(), *observed)),
            _ => None,
        });
        (id, response, observed)
    }

    /// Waits for a notification.
    #[track_caller]
    pub fn notification(&mut self, id: RequestId) -> Response {
        self.notification_within(id, PATIENCE)
            .expect("a notification")
    }

    /// As [`Self::notification`], for this long.
    pub fn notification_within(&mut self, id: RequestId, time: Duration) -> Option<Response> {
        let start = Instant::now();
        loop {
            let found = self.take_event(|event| match event {
                endpoint::Event::Notification { request, response } if *request == id => {
                    Some(response.clone())
                }
                _ => None,
            });
            if found.is_some() || start.elapsed() >= time {
                return found;
            }
            self.turn();
        }
    }

    /// Waits until the server ends an observation, by this answer.
    #[track_caller]
    pub fn last_answer(&mut self, id: RequestId) -> Response {
        self.event("the end of an observation", |event| match event {
            endpoint::Event::ObservationRefused { request, response } if *request == id => {
                Some(response.clone())
            }
            _ => None,
        })
    }

    /// Acknowledges what was notified last.
    pub fn acknowledge(&mut self, id: RequestId) {
        self.coap.acknowledge(id);
        self.transmit();
    }

    /// Ends a request or an observation.
    pub fn cancel(&mut self, id: RequestId) {
        self.coap.cancel(Instant::now(), id);
        self.transmit();
    }

    /// Forgets the notifications that have come.
    pub fn forget_events(&mut self) {
        self.events.clear();
    }

    /// Asks for a sign of life; how long it took.
    #[track_caller]
    pub fn ping(&mut self) -> Duration {
        self.coap.ping(Instant::now());
        self.event("a pong", |event| match event {
            endpoint::Event::Pong(time) => Some(*time),
            _ => None,
        })
    }

    /// Keeps what it would send from now on.
    pub fn withhold(&mut self) {
        self.association.withhold();
    }

    /// What it has kept, which it will not send itself. From now on it sends.
    pub fn take_withheld(&mut self) -> Vec<Vec<u8>> {
        self.association.take_withheld()
    }

    /// Sends a datagram as it is.
    pub fn inject(&self, datagram: &[u8]) {
        self.association.inject(datagram);
    }

    /// Drops what has come and was not looked at, as if nobody had been there.
    pub fn drop_received(&mut self) {
        self.association.drop_received();
    }

    /// Acts for this long.
    pub fn run_for(&mut self, time: Duration) {
        let start = Instant::now();
        while start.elapsed() < time {
            self.turn();
        }
    }

    /// Waits until the association is over; why.
    #[track_caller]
    pub fn wait_for_end(&mut self) -> Closed {
        self.until("the end of the association", |it| {
            it.association.closed().cloned()
        })
    }

    /// Says close_notify.
    pub fn close(mut self) {
        self.association.close();
    }

    /// Every datagram so far.
    pub fn trace(&self) -> &Trace {
        self.association.trace()
    }

    /// Waits for the first event that `look` likes, and takes it.
    #[track_caller]
    fn event<T>(&mut self, what: &str, look: impl Fn(&endpoint::Event) -> Option<T>) -> T {
        self.until(what, |it| it.take_event(&look))
    }

    /// The first event that `look` likes.
    fn take_event<T>(&mut self, look: impl Fn(&endpoint::Event) -> Option<T>) -> Option<T> {
        let mut events = self.events.iter().enumerate();
        let (at, found) = events.find_map(|(at, event)| Some((at, look(event)?)))?;
        self.events.remove(at);
        Some(found)
    }

    #[track_caller]
    fn until<T>(&mut self, what: &str, mut look: impl FnMut(&mut Self) -> Option<T>) -> T {
        let start = Instant::now();
        loop {
            if let Some(found) = look(self) {
                return found;
            }
            assert!(
                start.elapsed() < PATIENCE,
                "waited in vain for {what}; closed: {:?}",
                self.association.closed()
            );
            self.turn();
        }
    }

    /// Sends what is ready, and waits a little for a datagram or a time.
    fn turn(&mut self) {
        self.transmit();
        self.association.turn();
        let now = Instant::now();
        if self.coap.poll_timeout().is_some_and(|at| at <= now) {
            self.coap.handle_timeout(now);
        }
        while let Some(payload) = self.association.poll() {
            self.coap
                .handle_datagram(now, &payload)
                .expect("a CoAP message");
        }
        self.transmit();
    }

    fn transmit(&mut self) {
        while let Some(message) = self.coap.poll_transmit() {
            self.association.send(&message);
        }
        while let Some(event) = self.coap.poll_event() {
            self.events.push_back(event);
        }
    }
}

impl fmt::Debug for CoapsClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CoapsClient")
            .field("association", &self.association)
            .finish_non_exhaustive()
    }
}
