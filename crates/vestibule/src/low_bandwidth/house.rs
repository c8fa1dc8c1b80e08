//! What the clients of one thread have in common.

use std::{
    cell::{Cell, RefCell},
    net::SocketAddr,
    rc::Rc,
    sync::Arc,
    time::{Duration, Instant},
};

use tokio::task::spawn_local;
use vestibule_lowband::{
    gateway::{Gateway, HttpAnswer, Settings, Shared},
    mapping::{paths::Prefix, server::HttpRequest},
    sync::PollFailure,
};

use super::{
    Spec,
    message::Message,
    meters::Meters,
    upstream::{self, Homeserver, watch_versions},
};
use crate::{coaps::Messages, log::access};

/// How often access records are handed over.
const FLUSH: Duration = Duration::from_millis(100);

/// What the clients of one thread have in common.
pub(super) struct House {
    pub(super) worker: usize,
    pub(super) shared: Arc<Shared>,
    pub(super) upstream: upstream::Client,
    pub(super) meters: Arc<Meters>,
    pub(super) access: access::Buffer,
    pub(super) tells_addresses: bool,
    /// Silence after which a client goes that observes nothing, and one that does.
    pub(super) lifetimes: [Duration; 2],
    spec: RefCell<Arc<Spec>>,
    settings: RefCell<Arc<Settings>>,
    prefix: Cell<Prefix>,
    port: Cell<u16>,
}

/// What the threads of a gateway have in common.
#[derive(Clone)]
pub(super) struct Common {
    pub(super) spec: Arc<Spec>,
    pub(super) homeserver: Arc<Homeserver>,
    pub(super) shared: Arc<Shared>,
    pub(super) meters: Arc<Meters>,
    pub(super) port: u16,
}

/// A request at the homeserver of whose end nothing is known. It counts as cancelled when it is dropped.
struct Asking<'a> {
    house: &'a House,
    /// Bytes of its body.
    len: usize,
}

impl House {
    /// On the thread of this number.
    pub(super) fn new(common: &Common, worker: usize, access: access::Buffer) -> Rc<Self> {
        let tells_addresses = common.spec.config.tells_addresses();
        Self::telling(common, worker, access, tells_addresses)
    }

    /// Of clients on this machine without DTLS. The homeserver is not told of them: it would take their
    /// addresses, which are of loopback, for its own.
    pub(super) fn beside(common: &Common, worker: usize, access: access::Buffer) -> Rc<Self> {
        Self::telling(common, worker, access, false)
    }

    fn telling(
        common: &Common,
        worker: usize,
        access: access::Buffer,
        tells_addresses: bool,
    ) -> Rc<Self> {
        let Common { spec, port, .. } = common;
        let limits = &spec.config.limits;
        let prefix = Prefix::default();
        Rc::new(Self {
            worker,
            shared: Arc::clone(&common.shared),
            upstream: upstream::Client::new(Arc::clone(&common.homeserver)),
            meters: Arc::clone(&common.meters),
            access,
            tells_addresses,
            lifetimes: [limits.idle_timeout, limits.observe_idle_timeout],
            spec: RefCell::new(Arc::clone(spec)),
            settings: RefCell::new(Arc::new(spec.settings(prefix, *port))),
            prefix: Cell::new(prefix),
            port: Cell::new(*port),
        })
    }

    /// How clients are served.
    pub(super) fn settings(&self) -> Arc<Settings> {
        Arc::clone(&self.settings.borrow())
    }

    /// Serves as `spec` has it from now on.
    pub(super) fn configure(&self, spec: Arc<Spec>, port: u16) {
        self.port.set(port);
        *self.spec.borrow_mut() = spec;
        self.settle();
    }

    /// Asks the homeserver by this version of its API from now on.
    pub(super) fn learn(&self, prefix: Prefix) {
        self.prefix.set(prefix);
        self.settle();
    }

    /// Begins to do what is done again and again on this thread, which `messages` tell something.
    pub(super) fn begin<K: Copy + 'static>(self: &Rc<Self>, messages: &Messages<Message<K>>) {
        let house = Rc::downgrade(self);
        spawn_local(async move {
            while let Some(house) = house.upgrade() {
                house.access.flush();
                drop(house);
                tokio::time::sleep(FLUSH).await;
            }
        });
        let messages = messages.clone();
        let found = move |prefix| {
            let messages = messages.clone();
            spawn_local(async move {
                // Without the thread, nobody asks.
                let _ = messages.send(Message::Learned(prefix)).await;
            });
        };
        spawn_local(watch_versions(self.upstream.clone(), found));
    }

    /// For a client that asks for something for the first time.
    pub(super) fn gateway(&self) -> Box<Gateway> {
        let shared = Arc::clone(&self.shared);
        Box::new(Gateway::new(self.settings(), shared, rand::random()))
    }

    /// Asks the homeserver, and counts what comes of it.
    pub(super) async fn ask(
        &self,
        request: &HttpRequest,
        client: SocketAddr,
        timeout: Duration,
    ) -> Result<HttpAnswer, PollFailure> {
        let begun = Instant::now();
        let client = self.tells_addresses.then(|| client.ip().to_canonical());
        let asking = Asking {
            house: self,
            len: request.body.len(),
        };
        let answer = self.upstream.send(request, client, timeout).await;
        std::mem::forget(asking);
        let result = answer.as_ref().map(|it| it.status).map_err(|it| *it);
        let down = answer.as_ref().map_or(0, |answer| answer.body.len());
        self.meters.upstream(
            self.worker,
            result,
            begun.elapsed(),
            request.body.len(),
            down,
        );
        answer
    }

    fn settle(&self) {
        let settings = self
            .spec
            .borrow()
            .settings(self.prefix.get(), self.port.get());
        self.settings.replace(Arc::new(settings));
    }
}

impl Drop for Asking<'_> {
    fn drop(&mut self) {
        self.house
            .meters
            .upstream_cancelled(self.house.worker, self.len);
    }
}

impl Drop for House {
    fn drop(&mut self) {
        self.access.flush();
    }
}
