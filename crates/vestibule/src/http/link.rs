//! One connection to a server, which carries one request after the other.

use std::{
    cell::{Cell, RefCell},
    future::{Future, poll_fn},
    rc::Rc,
    sync::Arc,
    task::{Context, Poll, Waker},
    time::Duration,
};

use hyper::{
    Request, Response,
    body::Incoming,
    client::conn::{TrySendError, http1},
};
use tokio::task::{AbortHandle, spawn_local};
use vestibule_config::ServiceKind;

use super::{
    MAX_HEAD,
    body::RequestBody,
    drive::say_end,
    front::Front,
    io::{Flow, Io},
};
use crate::{
    ending::Party,
    limits::Place,
    plan::Service,
    relay::Leg,
    upstream::{Active, Dialed, Target},
    worker::{Tick, TimerKey, Worker},
};

/// How long a connection is kept for the next request.
const KEPT: Duration = Duration::from_secs(30);

/// A connection to a server. It is closed when this is dropped.
pub(super) struct Link {
    sender: http1::SendRequest<RequestBody>,
    pub(super) state: Rc<LinkState>,
    task: AbortHandle,
}

/// What is known of a connection to a server.
pub(super) struct LinkState {
    worker: Rc<Worker>,
    service: Arc<Service>,
    flow: Rc<Flow>,
    pub(super) target: Arc<Target>,
    timer: TimerKey,
    phase: Cell<Phase>,
    /// When the phase began, or the server was waited for again.
    since: Cell<Tick>,
    /// Whether the server waits for more of a request that the client has not sent.
    starves: Cell<bool>,
    /// Whether one body that does not come is this connection's concern. By HTTP/1.1 it is the
    /// client connection's, on which there is no other.
    times_upload: bool,
    /// Whether it was closed because the client has sent no more for too long.
    starved: Cell<bool>,
    /// Whether nobody wants it any more.
    unwanted: Cell<bool>,
    /// Whether more of a response is wanted. The client may not take as much as there is.
    wanted: Cell<bool>,
    timed_out: Cell<bool>,
    /// Whether a request was sent on it before.
    used: Cell<bool>,
    /// Counts it among the target's connections.
    active: RefCell<Option<Active>>,
    /// Counts its descriptor.
    _share: Share,
    /// The leg and what was read beyond the last head, once hyper has given it back.
    released: RefCell<Option<(Leg, Vec<u8>)>>,
    waits_for_release: RefCell<Option<Waker>>,
}

/// A connection's share of `limits.connections`.
pub(super) enum Share {
    /// A place of its own: the client has another one.
    Further { _place: Place },
    /// What the client's connection is counted with anyway.
    Own { _share: Rc<()> },
}

/// What a connection to a server is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// Nothing; the next request may come.
    Kept,
    /// The head of the response has come, and its body comes. That of the request may still go.
    Receiving,
    /// The request goes, and no head of a response has come.
    Sending,
    /// The whole request was sent, and no head of a response has come.
    Waiting,
}

impl Link {
    /// Speaks HTTP on what was `dialed`, which is counted by `share`.
    ///
    /// # Errors
    ///
    /// hyper knows none.
    pub(super) async fn open(front: &Front, dialed: Dialed, share: Share) -> hyper::Result<Self> {
        let Dialed {
            leg,
            active,
            early,
            first,
        } = dialed;
        let (worker, service) = (&front.worker, &front.service);
        let flow = Flow::new(worker, &front.connection, service, Party::Upstream);
        let io = Io::new(leg, Rc::clone(&flow), early, first);
        let (sender, connection) = http1::Builder::new()
            .max_buf_size(MAX_HEAD)
            .max_header_size(MAX_HEAD)
            .handshake::<_, RequestBody>(io)
            .await?;
        let now = worker.timers.now();
        let state = Rc::new(LinkState {
            worker: Rc::clone(worker),
            service: Arc::clone(service),
            flow,
            target: Arc::clone(active.target()),
            timer: worker.timers.insert(),
            phase: Cell::new(Phase::Sending),
            since: Cell::new(now),
            starves: Cell::new(false),
            times_upload: !front.flow.is_http1(),
            starved: Cell::new(false),
            unwanted: Cell::new(false),
            wanted: Cell::new(true),
            timed_out: Cell::new(false),
            used: Cell::new(false),
            active: RefCell::new(Some(active)),
            _share: share,
            released: RefCell::default(),
            waits_for_release: RefCell::default(),
        });
        let task = spawn_local(drive(Rc::clone(&state), connection)).abort_handle();
        Ok(Self {
            sender,
            state,
            task,
        })
    }

    /// Sends a request, and answers its response. The body of the request may still be going then.
    ///
    /// # Errors
    ///
    /// When there is none. A request of which nothing was sent is given back.
    pub(super) fn send(
        &mut self,
        request: Request<RequestBody>,
        has_body: bool,
    ) -> impl Future<Output = Result<Response<Incoming>, TrySendError<Request<RequestBody>>>> + use<>
    {
        self.state.used.set(true);
        self.state.enter(match has_body {
            true => Phase::Sending,
            false => Phase::Waiting,
        });
        self.sender.try_send_request(request)
    }

    /// Waits until the next request can be sent; whether that will be possible.
    pub(super) async fn is_ready(&mut self) -> bool {
        self.sender.ready().await.is_ok()
    }

    /// Whether it is closed, or about to be.
    pub(super) fn is_closed(&self) -> bool {
        self.sender.is_closed()
    }

    /// Takes the leg back after a response that switched protocols, with what has come behind that.
    /// `None` if the server has closed.
    pub(super) async fn release(self) -> Option<(Leg, Vec<u8>, Active)> {
        let state = &self.state;
        let (leg, early) = poll_fn(|cx| match state.released.take() {
            Some(released) => Poll::Ready(Some(released)),
            None if self.task.is_finished() => Poll::Ready(None),
            None => {
                *state.waits_for_release.borrow_mut() = Some(cx.waker().clone());
                Poll::Pending
            }
        })
        .await?;
        Some((leg, early, state.active.take()?))
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        match self.state.phase.get() {
            // Its task tells the server the end.
            Phase::Kept => {
                self.state.unwanted.set(true);
                self.state.worker.timers.wake(self.state.timer);
            }
            Phase::Receiving | Phase::Sending | Phase::Waiting => self.task.abort(),
        }
    }
}

impl LinkState {
    /// The whole request was sent.
    pub(super) fn request_ended(&self) {
        if self.phase.get() == Phase::Sending {
            self.enter(Phase::Waiting);
        }
    }

    /// The server waits for more of the request, or not: then it is the client that is silent.
    pub(super) fn starves(&self, starves: bool) {
        let changed = self.starves.replace(starves) != starves;
        if changed && (!starves || self.times_upload) {
            self.is_waited_for();
        }
    }

    /// More of the response is wanted, or the client has to take first what has come.
    pub(super) fn is_wanted(&self, wanted: bool) {
        if !self.wanted.replace(wanted) && wanted {
            self.is_waited_for();
        }
    }

    fn is_waited_for(&self) {
        self.since.set(self.worker.timers.now());
        self.worker.timers.set(self.timer, self.deadline());
    }

    /// The head of the response has come.
    pub(super) fn responds(&self) {
        self.wanted.set(true);
        self.enter(Phase::Receiving);
    }

    /// Nothing is under way any more.
    pub(super) fn rests(&self) {
        self.enter(Phase::Kept);
    }

    /// Whether it was closed because it was silent for too long.
    pub(super) fn has_timed_out(&self) -> bool {
        self.timed_out.get()
    }

    /// Whether it was closed because the client has sent no more of a request for too long.
    pub(super) fn has_starved(&self) -> bool {
        self.starved.get()
    }

    /// Whether a request was sent on it before.
    pub(super) fn was_used(&self) -> bool {
        self.used.get()
    }

    /// How many bytes have come.
    pub(super) fn got(&self) -> u64 {
        self.flow.got()
    }

    fn enter(&self, phase: Phase) {
        self.phase.set(phase);
        self.is_waited_for();
    }

    fn deadline(&self) -> Tick {
        let since = self.since.get();
        match self.phase.get() {
            Phase::Sending if self.starves.get() => match self.times_upload {
                true => since.after(self.service.config.idle_timeout.client),
                false => Tick::NEVER,
            },
            Phase::Receiving if !self.wanted.get() => Tick::NEVER,
            Phase::Sending | Phase::Receiving => {
                let limit = self.service.config.idle_timeout.upstream;
                since.max(self.flow.active()).after(limit)
            }
            Phase::Kept => since.after(KEPT),
            Phase::Waiting => match &self.service.config.kind {
                ServiceKind::Http(http) => since.after(http.response_timeout),
                ServiceKind::Connect(_) | ServiceKind::Tcp => Tick::NEVER,
            },
        }
    }

    /// Whether it has been silent for too long, or is unwanted. Moving bytes costs no timer
    /// operation.
    fn poll_silence(&self, cx: &mut Context<'_>) -> Poll<()> {
        let timers = &self.worker.timers;
        if self.unwanted.get() {
            return Poll::Ready(());
        }
        while timers.poll_expired(self.timer, cx).is_ready() {
            let deadline = self.deadline();
            if deadline <= timers.now() {
                return Poll::Ready(());
            }
            timers.set(self.timer, deadline);
        }
        Poll::Pending
    }
}

impl Drop for LinkState {
    fn drop(&mut self) {
        self.worker.timers.remove(self.timer);
    }
}

/// Has hyper carry requests until it has nothing more to do.
async fn drive(state: Rc<LinkState>, connection: http1::Connection<Io, RequestBody>) {
    let mut connection = connection;
    let orderly = poll_fn(|cx| {
        if let Poll::Ready(result) = connection.poll_without_shutdown(cx) {
            return Poll::Ready(result.is_ok());
        }
        state.poll_silence(cx).map(|()| {
            let starves = state.phase.get() == Phase::Sending && state.starves.get();
            state.starved.set(starves);
            state
                .timed_out
                .set(!starves && state.phase.get() != Phase::Kept);
            false
        })
    })
    .await;
    if state.phase.get() == Phase::Kept {
        // Servers with TLS take an end that is not told for an attack (RFC 8446 section 6.1).
        let (mut leg, _) = connection.into_parts().io.into_leg();
        return say_end(&mut leg).await;
    }
    // Whoever waits for a response wants the leg only when that has switched protocols, and that is
    // the only way in which hyper ends then without an error.
    if orderly {
        let parts = connection.into_parts();
        let (leg, unread) = parts.io.into_leg();
        let mut early = Vec::from(parts.read_buf);
        early.extend_from_slice(&unread);
        state.released.replace(Some((leg, early)));
    }
    if let Some(waker) = state.waits_for_release.take() {
        waker.wake();
    }
}

/// Connections to servers that wait for the next request.
#[derive(Default)]
pub(super) struct Pool(RefCell<Vec<Link>>);

/// How many connections wait for one client.
const MOST: usize = 16;

impl Pool {
    /// Keeps `link` for the next request.
    pub(super) fn put(&self, link: Link) {
        let mut links = self.0.borrow_mut();
        links.retain(|link| !link.is_closed());
        if links.len() < MOST && !link.is_closed() {
            link.state.rests();
            links.push(link);
        }
    }

    /// The connection that has rested for the shortest time. A server that has answered early and
    /// does not take the rest of its request is not waited for.
    pub(super) async fn take(&self) -> Option<Link> {
        loop {
            let mut link = {
                let mut links = self.0.borrow_mut();
                let at = links
                    .iter()
                    .rposition(|link| link.state.flow.is_flushed())?;
                links.remove(at)
            };
            if link.is_ready().await {
                return Some(link);
            }
        }
    }
}
