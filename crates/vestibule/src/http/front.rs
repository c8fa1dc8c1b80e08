//! What the requests of one client connection share.

use std::{
    cell::{Cell, RefCell},
    rc::Rc,
    sync::Arc,
};

use hyper::header::HeaderValue;
use vestibule_config::Http;
use vestibule_peek::Host;

use super::{
    answer::Answer,
    forwarded::{ForHost, Forwarded},
    head::parse_host,
    io::Flow,
    link::{Pool, Share},
    upgrade::Upgrade,
};
use crate::{
    low_bandwidth::tcp::Side,
    plan::{Asked, AskedByTls, Next, Service, choose, first_match},
    relay::Leg,
    worker::{Connection, Tick, Worker},
};

/// A client that has asked for more and got less than this has its connection closed.
const MOST_ABANDONED: u32 = 200;

/// The connection of a client, as its requests see it.
pub(super) struct Front {
    pub(super) worker: Rc<Worker>,
    pub(super) connection: Rc<Connection>,
    pub(super) service: Arc<Service>,
    pub(super) flow: Rc<Flow>,
    pub(super) forwarded: Forwarded,
    /// The client's, in DER, when it has shown a good one.
    pub(super) certificate: Option<Box<[u8]>>,
    /// Connections to servers that wait for the next request.
    pub(super) pool: Pool,
    /// Held by the connection to a server that the client's own place counts.
    own_share: Rc<()>,
    /// What a server has agreed to, once it has.
    pub(super) upgrade: RefCell<Option<Upgrade>>,
    /// The last valid host, and what is said of requests for it.
    known: RefCell<Option<(HeaderValue, Rc<ForHost>)>>,
    /// Requests whose responses have not gone yet.
    requests: Cell<u32>,
    /// Bodies that come from the client.
    uploads: Cell<u32>,
    /// Bodies that go to the client.
    responses: Cell<u32>,
    /// When a part of a body has moved last.
    moved: Cell<Tick>,
    /// When the last request has ended.
    idle_since: Cell<Tick>,
    /// Bytes that had come from the client then.
    idle_got: Cell<u64>,
    /// When the head of the next request has begun.
    head_since: Cell<Option<Tick>>,
    /// Whether the client was told that its request has not come in time.
    gave_up: Cell<bool>,
    /// Requests that the client has given up, less those that it has not.
    abandoned: Cell<u32>,
}

/// What a client is waited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wait {
    /// A body that it sends or takes.
    Body,
    /// The rest of a head.
    Head,
    /// Nothing: a server is.
    Nothing,
    /// The next request.
    Request,
}

impl Front {
    /// Of the client at `leg`, which speaks HTTP/2 if `flow` is of that.
    pub(super) fn new(
        worker: &Rc<Worker>,
        connection: &Rc<Connection>,
        service: Arc<Service>,
        config: &Http,
        leg: &Leg,
        flow: Rc<Flow>,
    ) -> Self {
        let address = connection
            .client()
            .0
            .socket_addr()
            .map(|client| client.ip());
        let trusted = address.is_some_and(|address| {
            let networks = &config.trusted_proxies;
            networks.iter().any(|network| network.contains(&address))
        });
        let proto = if leg.is_tls() { "https" } else { "http" };
        Self {
            worker: Rc::clone(worker),
            connection: Rc::clone(connection),
            forwarded: Forwarded::new(address, proto, trusted),
            certificate: leg.client_certificate().map(|shown| shown.der.into()),
            pool: Pool::default(),
            own_share: Rc::default(),
            upgrade: RefCell::default(),
            known: RefCell::default(),
            requests: Cell::new(0),
            uploads: Cell::new(0),
            responses: Cell::new(0),
            moved: Cell::new(worker.timers.now()),
            idle_since: Cell::new(worker.timers.now()),
            idle_got: Cell::new(0),
            head_since: Cell::new(None),
            gave_up: Cell::new(false),
            abandoned: Cell::new(0),
            service,
            flow,
        }
    }

    /// The share of a connection to a server that is about to be dialed. The first one of a client
    /// has one, each further one needs a place; `None`: there is none.
    pub(super) fn share(&self) -> Option<Share> {
        // What the only request of a client had before is on its way out.
        if Rc::strong_count(&self.own_share) == 1 || self.requests.get() <= 1 {
            let _share = Rc::clone(&self.own_share);
            return Some(Share::Own { _share });
        }
        let _place = self.worker.limits.try_place()?;
        Some(Share::Further { _place })
    }

    /// What is said of requests for `host`.
    ///
    /// # Errors
    ///
    /// What the client is told when that is no host, or not one of this connection's service.
    pub(super) fn for_host(&self, host: &HeaderValue) -> Result<Rc<ForHost>, Answer> {
        if let Some((named, known)) = &*self.known.borrow()
            && named == host
        {
            return Ok(Rc::clone(known));
        }
        let name = parse_host(host).map_err(Answer::Invalid)?;
        if self.connection.listener().routes_by_name() {
            let named = matches!(name, Some(Host::Name(_)));
            let host = name.map(|name| name.to_string());
            if !self.leads_here(host.as_deref(), named) {
                return Err(Answer::Misdirected);
            }
        }
        let side = self.service.side.as_deref();
        let said = side.map_or(host, Side::public_host);
        let known = Rc::new(self.forwarded.for_host(said));
        *self.known.borrow_mut() = Some((host.clone(), Rc::clone(&known)));
        Ok(known)
    }

    /// Whether a connection whose first request is for this host would be carried by the same
    /// service. `is_name`: it is no address, so that it could be asked for in a TLS hello.
    fn leads_here(&self, http_host: Option<&str>, is_name: bool) -> bool {
        let connection = &self.connection;
        let listener = connection.listener();
        let Some(identity) = connection.identity() else {
            return false;
        };
        let hello = connection.hello.get();
        let tls = hello.map(|hello| AskedByTls {
            alpn: &hello.asked_alpn,
            // Clients use one connection for all names of a certificate.
            server_name: http_host.filter(|_| is_name).or(hello.server_name()),
        });
        let header = connection.header.borrow();
        let asked = Asked { http_host, tls };
        let is_it = |service: &Arc<Service>| Arc::ptr_eq(service, &self.service);
        // Without TLS there is no default where others speak TLS.
        if listener.tls.is_some() && tls.is_none() {
            return first_match(listener, identity, header.as_deref(), asked)
                .is_some_and(|route| is_it(&route.service));
        }
        match choose(listener, identity, header.as_deref(), asked) {
            Next::Service(service) => is_it(&service),
            Next::Missing | Next::Refuse => false,
        }
    }

    /// A request has come, and its body may.
    pub(super) fn request_begins(&self) {
        self.requests.set(self.requests.get() + 1);
        self.head_since.set(None);
        self.flow.hold_end(true);
    }

    /// A request has come to its end; `abandoned` by the client, or not.
    pub(super) fn request_ends(&self, abandoned: bool) {
        let left = self.requests.get().saturating_sub(1);
        self.requests.set(left);
        self.abandoned.set(match abandoned {
            true => self.abandoned.get() + 1,
            false => self.abandoned.get().saturating_sub(1),
        });
        if left == 0 {
            self.idle_since.set(self.worker.timers.now());
            self.idle_got.set(self.flow.got());
            if self.uploads.get() > 0 {
                self.flow.lose_heads();
            }
            self.flow.watch_next_head();
            self.flow.hold_end(false);
        }
    }

    /// A body comes from the client from now on.
    pub(super) fn upload_begins(&self) {
        self.uploads.set(self.uploads.get() + 1);
        self.flow.touch();
        self.body_moves();
    }

    /// It does not any more; `is_whole`: all of it has come.
    pub(super) fn upload_ends(&self, is_whole: bool) {
        self.uploads.set(self.uploads.get().saturating_sub(1));
        self.flow.hold_end(is_whole && self.is_busy());
        if !is_whole {
            self.flow.lose_heads();
        }
    }

    /// A body goes to the client from now on.
    pub(super) fn response_begins(&self) {
        self.responses.set(self.responses.get() + 1);
        self.flow.touch();
        self.body_moves();
    }

    /// It does not any more.
    pub(super) fn response_ends(&self) {
        self.responses.set(self.responses.get().saturating_sub(1));
    }

    /// A part of a body has moved. With HTTP/2, other frames say nothing about that.
    pub(super) fn body_moves(&self) {
        self.moved.set(self.worker.timers.now());
    }

    /// Whether the client still owes the body of a request, and has got nothing in return.
    pub(super) fn waits_for_upload(&self) -> bool {
        self.uploads.get() > 0 && self.responses.get() == 0 && self.flow.is_flushed()
    }

    /// The client is told that the body of its request has not come in time.
    pub(super) fn gives_up(&self) {
        self.gave_up.set(true);
    }

    /// Whether the client was told so.
    pub(super) fn gave_up(&self) -> bool {
        self.gave_up.get()
    }

    /// Whether responses are still due.
    pub(super) fn is_busy(&self) -> bool {
        self.requests.get() > 0
    }

    /// Whether the client asks only to give up again.
    pub(super) fn is_flooded(&self) -> bool {
        self.abandoned.get() > MOST_ABANDONED
    }

    /// What the client is waited for, and until when. With HTTP/2 heads have no time of their own:
    /// the next request has to come in time.
    pub(super) fn wait(&self, config: &Http, is_h2: bool) -> (Wait, Tick) {
        let idle = self.service.config.idle_timeout.client;
        if self.is_busy() {
            let active = match is_h2 {
                true => self.moved.get(),
                false => self.flow.active(),
            };
            // With HTTP/2 the connection to the server looks after each upload by itself.
            let uploads = if is_h2 { 0 } else { self.uploads.get() };
            return match uploads + self.responses.get() {
                0 => (Wait::Nothing, Tick::NEVER),
                _ => (Wait::Body, active.after(idle)),
            };
        }
        if !self.flow.is_flushed() {
            return (Wait::Body, self.flow.active().after(idle));
        }
        if !is_h2 && self.flow.got() > self.idle_got.get() {
            let since = self.head_since.get().unwrap_or_else(|| {
                let now = self.worker.timers.now();
                self.head_since.set(Some(now));
                now
            });
            return (Wait::Head, since.after(config.request_timeout));
        }
        let since = self.idle_since.get();
        (Wait::Request, since.after(config.keep_alive_timeout))
    }
}
