//! A gateway that runs.

use std::{
    cell::{Cell, RefCell},
    fmt, io,
    net::SocketAddr,
    rc::Rc,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use tokio::{
    sync::{oneshot, watch},
    task::spawn_local,
};
use vestibule_dtls::server::AssociationId;

use super::{
    Holdings, Prepared, Spec, application::Gateway, house::Common, message::Message,
    meters::AssociationView, plain::Plain,
};
use crate::{
    coaps::{self, Messages, Server},
    log::access,
    metrics,
    supervisor::Unanswered,
    sys::TcpOptions,
};

/// How long a thread may take to describe its associations.
const PATIENCE: Duration = Duration::from_secs(2);

/// A gateway that runs.
pub(crate) struct Running {
    spec: RefCell<Arc<Spec>>,
    holdings: Holdings,
    /// `None`: it ends.
    server: RefCell<Option<Server>>,
    plain: RefCell<Option<Plain>>,
    common: Common,
    workers: Workers,
    /// Which certificate the server shows.
    identity: Cell<u64>,
    /// Whether it is to end at once.
    hurry: watch::Sender<bool>,
    is_over: watch::Sender<bool>,
}

/// How the applications of all workers are told something.
type Workers = Arc<Mutex<Vec<Messages<Message<AssociationId>>>>>;

/// Why a gateway does not run.
#[derive(Debug)]
pub(crate) enum StartError {
    /// Its server of CoAP over DTLS cannot be started.
    Coaps(coaps::Error),
    /// Nor can that of CoAP without DTLS.
    Plain(io::Error),
}

impl Running {
    /// Starts a gateway, with so many workers.
    ///
    /// # Errors
    ///
    /// When the system refuses something.
    pub(crate) fn start(
        prepared: Prepared,
        workers: usize,
        access: &access::Writer,
        tcp: TcpOptions,
    ) -> Result<Self, StartError> {
        let Prepared { spec, holdings, .. } = prepared;
        let addresses = holdings.sockets.local_addrs();
        let common = Common {
            spec: Arc::clone(&spec),
            homeserver: Arc::new(spec.homeserver(tcp)),
            shared: Arc::clone(&holdings.readout.shared),
            meters: Arc::clone(&holdings.readout.meters),
            port: addresses.first().map_or(0, SocketAddr::port),
        };
        let identity = spec.material.identity.changes();
        let config = spec.coaps(workers, holdings.ticket_key());
        let plain = holdings.plain.sockets.first();
        let plain = plain.map(|it| Plain::start(&common, it, workers, access.buffer()));
        let plain = plain.transpose().map_err(StartError::Plain)?;
        let told = Workers::default();
        let buffer = Mutex::new(access.buffer());
        let make = {
            let (common, told) = (common.clone(), Arc::clone(&told));
            move |setup: coaps::Setup<Message<AssociationId>>| {
                let buffer = buffer.lock().unwrap_or_else(PoisonError::into_inner);
                let buffer = buffer.another();
                let mut told = told.lock().unwrap_or_else(PoisonError::into_inner);
                told.push(setup.messages.clone());
                drop(told);
                Gateway::new(&common, setup, buffer)
            }
        };
        let readout = holdings.readout.dtls.clone();
        let server = Server::start_as(readout, &holdings.sockets, config, make)
            .map_err(StartError::Coaps)?;
        Ok(Self {
            spec: RefCell::new(spec),
            holdings,
            server: RefCell::new(Some(server)),
            plain: RefCell::new(plain),
            common,
            workers: told,
            identity: Cell::new(identity),
            hurry: watch::Sender::new(false),
            is_over: watch::Sender::new(false),
        })
    }

    /// Its name.
    pub(crate) fn name(&self) -> &str {
        self.common.spec.name()
    }

    /// What it holds.
    pub(crate) fn holdings(&self) -> &Holdings {
        &self.holdings
    }

    /// Where it listens for DTLS.
    pub(crate) fn local_addrs(&self) -> Vec<SocketAddr> {
        self.holdings.local_addrs()
    }

    /// Where it serves CoAP without DTLS.
    pub(crate) fn plain_addr(&self) -> Option<SocketAddr> {
        self.holdings.plain_addr()
    }

    /// Serves as this one would from now on. Whether it can; otherwise nothing has changed, and the other
    /// one must be started when this has ended.
    pub(crate) fn reconfigure(&self, prepared: &Prepared, tcp: TcpOptions) -> bool {
        let Prepared { spec, holdings, .. } = prepared;
        let has_key = holdings.ticket_key() == self.holdings.ticket_key();
        if !has_key || !spec.has_server_of(&self.spec.borrow()) {
            return false;
        }
        self.spec.replace(Arc::clone(spec));
        self.show_identity();
        self.common
            .homeserver
            .replace_tls(spec.material.tls.clone());
        self.common.homeserver.replace_tcp(tcp);
        let port = self.common.port;
        for worker in self.workers() {
            tell(worker, Message::Configure(Arc::clone(spec), port));
        }
        if let Some(plain) = &*self.plain.borrow() {
            let message = Message::Configure(Arc::clone(spec), port);
            tell(plain.messages().clone(), message);
        }
        true
    }

    /// Shows the certificate that was read again, if it was.
    pub(crate) fn look_at_identity(&self) {
        let changes = self.spec.borrow().material.identity.changes();
        if self.identity.get() != changes {
            self.show_identity();
        }
    }

    /// Its associations.
    ///
    /// # Errors
    ///
    /// When one of their threads does not answer.
    pub(crate) async fn associations(&self) -> Result<Vec<AssociationView>, Unanswered> {
        let mut asked = Vec::new();
        for worker in self.workers() {
            let (answer, asks) = oneshot::channel();
            worker
                .try_send(Message::Show(answer))
                .map_err(|_| Unanswered)?;
            asked.push(asks);
        }
        if let Some(plain) = &*self.plain.borrow() {
            let (answer, asks) = oneshot::channel();
            let sent = plain.messages().try_send(Message::Show(answer));
            sent.map_err(|_| Unanswered)?;
            asked.push(asks);
        }
        let mut views = Vec::new();
        for answer in asked {
            let answered = tokio::time::timeout(PATIENCE, answer).await;
            let some = answered.map_err(|_| Unanswered)?;
            views.extend(some.map_err(|_| Unanswered)?);
        }
        Ok(views)
    }

    /// What it counts, also when it has ended.
    pub(crate) fn readout(&self) -> &metrics::Gateway {
        &self.holdings.readout
    }

    /// Takes no new clients from now on: nothing is answered to their hellos.
    pub(crate) fn refuse_handshakes(&self) {
        self.holdings.readout.dtls.shared.refuse_handshakes();
    }

    /// Whether it was told to end.
    pub(crate) fn is_ending(&self) -> bool {
        self.server.borrow().is_none()
    }

    /// Ends it: who waits for news is sent away, other requests are waited for so long, and all are
    /// told good-bye. Called again without patience, it is over sooner.
    pub(crate) async fn shut_down(self: &Rc<Self>, patience: Duration) {
        match self.server.take() {
            Some(server) => {
                let gateway = Rc::clone(self);
                // A task of its own: it is not to be left halfway when nobody waits for it any more.
                spawn_local(async move {
                    gateway.end(server, patience).await;
                    gateway.is_over.send_replace(true);
                });
            }
            None if patience.is_zero() => drop(self.hurry.send_replace(true)),
            None => {}
        }
        // The sender is ours.
        let _ = self.is_over.subscribe().wait_for(|is_over| *is_over).await;
    }

    async fn end(&self, server: Server, patience: Duration) {
        let hurry = || async {
            // The sender is ours.
            let _ = self.hurry.subscribe().wait_for(|is_set| *is_set).await;
        };
        let plain = self.plain.take();
        let plain = async {
            if let Some(plain) = plain {
                plain.shut_down(patience, hurry()).await;
            }
        };
        tokio::join!(server.leave_until(patience, hurry()), plain);
    }

    fn show_identity(&self) {
        let spec = self.spec.borrow();
        let identity = &spec.material.identity;
        self.identity.set(identity.changes());
        if let Some(server) = &mut *self.server.borrow_mut() {
            server.replace_identity(identity.current());
        }
    }

    fn workers(&self) -> Vec<Messages<Message<AssociationId>>> {
        let told = self.workers.lock().unwrap_or_else(PoisonError::into_inner);
        told.clone()
    }
}

/// Tells a thread something, as soon as there is room for it.
fn tell<K: 'static>(thread: Messages<Message<K>>, message: Message<K>) {
    spawn_local(async move {
        // One that has ended has nobody to serve.
        let _ = thread.send(message).await;
    });
}

impl fmt::Display for StartError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Coaps(error) => error.fmt(f),
            Self::Plain(error) => write!(f, "cannot start the thread of plain CoAP: {error}"),
        }
    }
}
