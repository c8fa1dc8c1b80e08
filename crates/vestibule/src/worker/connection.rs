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
use vestibule_config::Upstream;
use vestibule_proxy_protocol::{ClientFlags, SslInfo};

use super::{ConnId, Tick, Worker, timers::TimerKey};
use crate::{
    addr::{ClientAddr, Endpoint, PeerAddr},
    ending::{Ending, Party, Stop},
    explicit,
    identity::Identity,
    log::access::{Event, Record, protocol},
    plan::{Listener, Service},
    relay::Stream,
    tls::{Chosen, ClientCertificate, ClientHello, Terminated},
    upstream::{Destination, KnownTls, Target},
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
    /// What the client said in its TLS hello.
    pub(crate) hello: OnceCell<Box<ClientHello>>,
    /// What was negotiated, where the client's TLS ends here.
    pub(crate) terminated: OnceCell<Box<Terminated>>,
    /// What it asks of the explicit proxy.
    pub(crate) request: OnceCell<Box<explicit::Request>>,
    /// The version of TLS towards the target.
    pub(crate) upstream_tls: Cell<Option<&'static str>>,
    identity: OnceCell<Identity>,
    listener: Arc<Listener>,
    local: Option<Endpoint>,
    opened: Instant,
    peer: PeerAddr,
    service: OnceCell<Arc<Service>>,
    stop: Cell<Option<Stop>>,
    accounted: Cell<bool>,
    /// The status code that its request was answered with; 0: none.
    status: Cell<u16>,
    /// Whether there is an "open" record.
    announced: Cell<bool>,
    target: RefCell<Option<Arc<Target>>>,
    /// What was dialed, where the target is whatever the client names.
    destination_name: RefCell<Option<Box<str>>>,
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
    pub(crate) sni: Option<String>,
    pub(crate) alpn: Option<String>,
    pub(crate) tls: Option<String>,
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
            hello: OnceCell::new(),
            terminated: OnceCell::new(),
            request: OnceCell::new(),
            upstream_tls: Cell::new(None),
            identity: OnceCell::new(),
            listener,
            local,
            opened: Instant::now(),
            peer,
            service: OnceCell::new(),
            stop: Cell::new(None),
            accounted: Cell::new(false),
            status: Cell::new(0),
            announced: Cell::new(false),
            target: RefCell::default(),
            destination_name: RefCell::default(),
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
        if let Some(refusal) = ending.refusal() {
            stats.refused(refusal).add(worker.id, 1);
        }
        if let Ending::Rejected(reject) = ending {
            stats.rejected(*reject).add(worker.id, 1);
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
            // Whoever says hello, or asks for something, is no check.
            _ if self.hello.get().is_some() || self.request.get().is_some() => false,
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
        let (hello, terminated) = (self.hello.get(), self.terminated.get());
        let (target, named) = (self.target.borrow(), self.destination_name.borrow());
        let label = target.as_deref().map(|target| &*target.label);
        worker.access.write(&Record {
            event,
            id: self.id,
            listener: &self.listener.name,
            client: self.client(),
            peer: self.peer,
            user: self.request.get().and_then(|asked| asked.user.as_deref()),
            destination: self.identity.get().map(|known| known.destination),
            header: self.identity.get().and_then(|known| known.header),
            service: self.service().map(|service| service.name()),
            upstream: named.as_deref().or(label),
            via: self
                .service()
                .and_then(|service| Some(&*service.via.first()?.label)),
            status: Some(self.status.get()).filter(|status| *status != 0),
            sni: hello.and_then(|hello| hello.sni()),
            alpn: self.alpn(),
            ja4: hello.and_then(|hello| hello.ja4),
            tls: terminated.map(|terminated| terminated.version),
            cipher: terminated.map(|terminated| terminated.cipher),
            client_cn: terminated.and_then(|terminated| terminated.client_cn.as_deref()),
            upstream_tls: self.upstream_tls.get(),
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

    /// Says what it asks of the explicit proxy. Once.
    pub(crate) fn asks(&self, request: explicit::Request) {
        let _ = self.request.set(Box::new(request));
    }

    /// Says which status code its request was answered with.
    pub(crate) fn answered(&self, status: u16) {
        self.status.set(status);
    }

    /// Where it wants to be carried, when that is what `upstream` leaves to it.
    pub(crate) fn destination(&self, upstream: &Upstream) -> Option<Destination> {
        match upstream {
            Upstream::Address(_) | Upstream::Name(..) | Upstream::Unix(_) => None,
            Upstream::Asked => Some(self.request.get()?.destination.clone()),
            Upstream::Original => {
                let destination = self.identity()?.destination.0.socket_addr()?;
                Some(destination.into())
            }
            Upstream::Sni(port) => Destination::new(self.hello.get()?.server_name()?, *port),
        }
    }

    /// Says which target it is carried to.
    pub(crate) fn dialed(&self, target: Arc<Target>) {
        *self.target.borrow_mut() = Some(target);
    }

    /// Says what is dialed, where the target is whatever the client names.
    pub(crate) fn names_destination(&self, name: &str) {
        *self.destination_name.borrow_mut() = Some(name.into());
    }

    /// The protocol inside TLS: what was negotiated where it ends here, else what the client likes
    /// best.
    pub(crate) fn alpn(&self) -> Option<&[u8]> {
        match self.terminated.get() {
            Some(terminated) => terminated.alpn.as_deref(),
            None => self.hello.get().and_then(|hello| hello.alpn.as_deref()),
        }
    }

    /// What we know of the client's TLS, for upstreams. `certificate` is the client's, if it has
    /// shown one that is good.
    pub(crate) fn known_tls<'a>(
        &'a self,
        certificate: Option<&'a ClientCertificate<'a>>,
    ) -> KnownTls<'a> {
        let terminated = self.terminated.get();
        let own = terminated.and_then(|terminated| terminated.own.as_ref());
        let ssl = terminated.map(|terminated| SslInfo {
            cipher: Some(terminated.cipher.as_bytes()),
            client: match certificate {
                Some(_) if terminated.resumed => {
                    ClientFlags(ClientFlags::SSL.0 | ClientFlags::CERT_SESS.0)
                }
                Some(_) => ClientFlags(
                    ClientFlags::SSL.0 | ClientFlags::CERT_CONN.0 | ClientFlags::CERT_SESS.0,
                ),
                None => ClientFlags::SSL,
            },
            client_cert: certificate.map(|certificate| certificate.der),
            cn: certificate.and_then(|c| c.common_name.as_deref().map(str::as_bytes)),
            group: terminated.group.map(str::as_bytes),
            key_alg: own.and_then(Chosen::key_algorithm).map(str::as_bytes),
            sig_alg: own.map(|own| own.signature_algorithm().as_bytes()),
            sig_scheme: None,
            verify: u32::from(certificate.is_none()),
            version: Some(terminated.version.as_bytes()),
        });
        KnownTls {
            alpn: terminated.and_then(|terminated| terminated.alpn.as_deref()),
            authority: self.hello.get().and_then(|hello| hello.server_name()),
            ssl,
        }
    }

    /// Where it is carried to, for people.
    fn upstream(&self) -> Option<String> {
        let named = self.destination_name.borrow();
        let target = || self.target.borrow().as_ref().map(|t| t.label.clone());
        named.as_deref().map(ToOwned::to_owned).or_else(target)
    }

    /// Tells the connection to end.
    pub(crate) fn stop(&self, worker: &Worker, stop: Stop) {
        self.stop.set(Some(stop));
        worker.timers.wake(self.timer);
    }

    /// Wakes its task, if that polls the deadline.
    pub(super) fn wake(&self, worker: &Worker) {
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
        future: Pin<&mut F>,
    ) -> Result<F::Output, Interrupt> {
        let deadline = worker.timers.now().after(limit);
        self.until(worker, deadline, future).await
    }

    /// Waits for `future`, but not beyond `deadline`, and not once the connection was told to end.
    pub(crate) async fn until<F: Future>(
        &self,
        worker: &Worker,
        deadline: Tick,
        mut future: Pin<&mut F>,
    ) -> Result<F::Output, Interrupt> {
        self.set_deadline(worker, deadline);
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
            upstream: self.upstream(),
            sni: self
                .hello
                .get()
                .and_then(|hello| hello.sni())
                .map(ToOwned::to_owned),
            alpn: self.alpn().map(protocol),
            tls: self
                .terminated
                .get()
                .map(|terminated| terminated.version.to_owned()),
            bytes_in: self.received.get(),
            bytes_out: self.sent.get(),
            seconds: self.opened.elapsed().as_secs_f64(),
        }
    }
}
