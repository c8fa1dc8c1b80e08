//! One live connection: what is known of it, its deadline, and how it is told to end.

use std::{
    cell::{Cell, OnceCell, RefCell},
    future::{Future, poll_fn},
    pin::Pin,
    rc::Rc,
    sync::Arc,
    task::{Context, Poll},
    time::{Duration, Instant},
};

use serde::{Deserialize, Serialize};

use super::{ConnId, Tick, Worker, timers::TimerKey};
use crate::{
    addr::{ClientAddr, Endpoint, PeerAddr},
    ending::{Ending, Party, Refusal, Stop},
    identity::Identity,
    log::access::{Event, Record},
    plan::{Listener, Service},
    relay::Stream,
    upstream::Target,
};

/// Why waiting was cut short.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Interrupt {
    /// The operator ends the connection.
    Stop(Stop),
    /// The time allowed is over.
    Timeout,
}

/// What is known of a connection. It is registered with its worker while its [`Live`] exists.
#[derive(Debug)]
pub(crate) struct Connection {
    pub(crate) id: ConnId,
    /// Bytes from the client, those before routing included, PROXY headers not.
    pub(crate) received: Cell<u64>,
    /// Bytes to the client.
    pub(crate) sent: Cell<u64>,
    /// The PROXY header, kept while its TLVs may be needed.
    pub(crate) header: RefCell<Option<Box<[u8]>>>,
    identity: OnceCell<Identity>,
    listener: Arc<Listener>,
    local: Option<Endpoint>,
    opened: Instant,
    peer: PeerAddr,
    service: OnceCell<Arc<Service>>,
    stop: Cell<Option<Stop>>,
    accounted: Cell<bool>,
    /// Whether there is an "open" record.
    announced: Cell<bool>,
    target: RefCell<Option<Arc<Target>>>,
    timer: TimerKey,
}

/// What `show connections` says of a connection.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct ConnectionView {
    pub(crate) id: String,
    pub(crate) listener: String,
    pub(crate) client: String,
    pub(crate) peer: Option<String>,
    pub(crate) service: Option<String>,
    pub(crate) upstream: Option<String>,
    pub(crate) bytes_in: u64,
    pub(crate) bytes_out: u64,
    pub(crate) seconds: f64,
}

/// A live connection, from accept to close, whichever way its task ends.
#[derive(Debug)]
pub(crate) struct Live {
    pub(crate) worker: Rc<Worker>,
    pub(crate) connection: Rc<Connection>,
    key: usize,
}

impl Live {
    /// A new connection, registered with `worker`. `local` is the accepted socket's own address,
    /// if that is known without asking the kernel.
    pub(crate) fn open(
        worker: Rc<Worker>,
        listener: Arc<Listener>,
        peer: PeerAddr,
        local: Option<Endpoint>,
    ) -> Self {
        listener.stats.total.add(worker.id, 1);
        listener.stats.active.add(worker.id, 1);
        if worker.timers.is_empty() {
            worker.start_timers();
        }
        let connection = Rc::new(Connection {
            id: worker.connections.next_id(),
            received: Cell::new(0),
            sent: Cell::new(0),
            header: RefCell::default(),
            identity: OnceCell::new(),
            listener,
            local,
            opened: Instant::now(),
            peer,
            service: OnceCell::new(),
            stop: Cell::new(None),
            accounted: Cell::new(false),
            announced: Cell::new(false),
            target: RefCell::default(),
            timer: worker.timers.insert(),
        });
        let key = worker.connections.insert(Rc::clone(&connection));
        Self {
            worker,
            connection,
            key,
        }
    }

    /// Says how it ended.
    pub(crate) fn close(self, ending: &Ending) {
        self.connection.account(&self.worker, ending);
    }
}

impl Drop for Live {
    fn drop(&mut self) {
        let (worker, connection) = (&self.worker, &self.connection);
        // Its task was dropped, because the worker ends or a bug made it panic.
        connection.account(
            worker,
            &match std::thread::panicking() {
                true => Ending::InternalError,
                false => Ending::Stopped(connection.stopped().unwrap_or(Stop::Shutdown)),
            },
        );
        worker.timers.remove(connection.timer);
        worker.connections.remove(self.key);
        connection.listener.stats.active.subtract(worker.id, 1);
    }
}

impl Connection {
    /// Says how it ended: counts that, and writes the access record. Only the first time, so that
    /// saying goodbye to the peers does not count as a part of the connection.
    pub(crate) fn account(&self, worker: &Worker, ending: &Ending) {
        if self.accounted.replace(true) {
            return;
        }
        let stats = &self.listener.stats;
        match ending {
            Ending::Refused(refusal) => stats.refused(*refusal).add(worker.id, 1),
            Ending::Rejected(reject) => {
                stats.refused(Refusal::ProxyHeaderInvalid).add(worker.id, 1);
                stats.rejected(*reject).add(worker.id, 1);
            }
            _ => {}
        }
        if self.was_empty(ending) && !self.announced.get() {
            stats.empty.add(worker.id, 1);
        } else {
            self.record(worker, Event::Close(ending));
        }
    }

    /// Whether it has not ended yet. It may still be saying goodbye to its peers when it has.
    pub(crate) fn is_live(&self) -> bool {
        !self.accounted.get()
    }

    /// Whether it came and went without a byte, as checks do: such connections are counted, not
    /// logged.
    fn was_empty(&self, ending: &Ending) -> bool {
        match ending {
            Ending::Empty => true,
            // The end came only after the upstream was dialed.
            Ending::Eof(Party::Client) | Ending::Reset(Party::Client, _) => {
                self.received.get() == 0 && self.sent.get() == 0
            }
            _ => false,
        }
    }

    /// Writes an access record.
    pub(crate) fn record(&self, worker: &Worker, event: Event<'_>) {
        if !worker.access.enabled() {
            return;
        }
        if let Event::Open = event {
            self.announced.set(true);
        }
        let target = self.target.borrow();
        worker.access.write(&Record {
            event,
            id: self.id,
            listener: &self.listener.name,
            client: self.client(),
            peer: self.peer,
            destination: self.identity.get().map(|known| known.destination),
            header: self.identity.get().and_then(|known| known.header),
            service: self.service().map(|service| service.name()),
            upstream: target.as_deref().map(|target| &*target.label),
            bytes_in: self.received.get(),
            bytes_out: self.sent.get(),
            duration: self.opened.elapsed(),
        });
    }

    /// The real client, or the peer while only that is known.
    pub(crate) fn client(&self) -> ClientAddr {
        self.identity
            .get()
            .map_or(ClientAddr(self.peer.0), |known| known.client)
    }

    /// Who the client is, once known.
    pub(crate) fn identity(&self) -> Option<&Identity> {
        self.identity.get()
    }

    /// The policy that the connection came in by.
    pub(crate) fn listener(&self) -> &Listener {
        &self.listener
    }

    /// This end of the accepted socket, which is `stream`.
    pub(crate) fn local(&self, stream: &Stream) -> Endpoint {
        self.local.unwrap_or_else(|| stream.local_endpoint())
    }

    /// The other end of the accepted socket.
    pub(crate) fn peer(&self) -> PeerAddr {
        self.peer
    }

    /// The service, once routed.
    pub(crate) fn service(&self) -> Option<&Arc<Service>> {
        self.service.get()
    }

    /// Says who the client is. Once.
    pub(crate) fn identify(&self, identity: Identity) {
        let _ = self.identity.set(identity);
    }

    /// Says which service carries it. Once.
    pub(crate) fn routed(&self, service: Arc<Service>) {
        let _ = self.service.set(service);
    }

    /// Says which target it is carried to.
    pub(crate) fn dialed(&self, target: Arc<Target>) {
        *self.target.borrow_mut() = Some(target);
    }

    /// Tells the connection to end.
    pub(crate) fn stop(&self, worker: &Worker, stop: Stop) {
        self.stop.set(Some(stop));
        worker.timers.wake(self.timer);
    }

    /// Whether it was told to end.
    pub(crate) fn stopped(&self) -> Option<Stop> {
        self.stop.get()
    }

    /// Sets the deadline that [`Self::poll_deadline`] waits for.
    pub(crate) fn set_deadline(&self, worker: &Worker, deadline: Tick) {
        worker.timers.set(self.timer, deadline);
    }

    /// Whether the deadline has come. The task is also woken by [`Self::stop`].
    pub(crate) fn poll_deadline(&self, worker: &Worker, cx: &mut Context<'_>) -> Poll<()> {
        worker.timers.poll_expired(self.timer, cx)
    }

    /// Waits for `future`, but not longer than `limit`, and not once the connection was told to
    /// end.
    pub(crate) async fn within<F: Future>(
        &self,
        worker: &Worker,
        limit: Duration,
        mut future: Pin<&mut F>,
    ) -> Result<F::Output, Interrupt> {
        self.set_deadline(worker, worker.timers.now().after(limit));
        let outcome = poll_fn(|cx| {
            if let Some(stop) = self.stop.get() {
                return Poll::Ready(Err(Interrupt::Stop(stop)));
            }
            if let Poll::Ready(output) = future.as_mut().poll(cx) {
                return Poll::Ready(Ok(output));
            }
            self.poll_deadline(worker, cx)
                .map(|()| Err(Interrupt::Timeout))
        })
        .await;
        self.set_deadline(worker, Tick::NEVER);
        outcome
    }

    /// What `show connections` says.
    pub(crate) fn view(&self) -> ConnectionView {
        ConnectionView {
            id: self.id.to_string(),
            listener: self.listener.name.clone(),
            client: self.client().to_string(),
            peer: (self.client().0 != self.peer.0).then(|| self.peer.to_string()),
            service: self.service().map(|service| service.name().to_owned()),
            upstream: self.target.borrow().as_ref().map(|t| t.label.clone()),
            bytes_in: self.received.get(),
            bytes_out: self.sent.get(),
            seconds: self.opened.elapsed().as_secs_f64(),
        }
    }
}
