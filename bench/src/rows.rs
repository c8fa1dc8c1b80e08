//! The rows of the table: one kind of work each.

mod bulk;
mod coaps_exchange;
mod component;
mod component_memory;
mod connect;
mod dialogue;
mod dtls_flood;
mod dtls_handshake;
mod dtls_idle;
mod exchange;
mod http;
mod idle;
mod lowband_observing;
mod lowband_requests;
mod short;
mod tls_handshake;
mod window;

pub(crate) use self::window::Window;

use std::net::SocketAddr;

use vestibule_miniature_homeserver::Homeserver;

use crate::error::Error;
use crate::origin::Behaviour;
use crate::peers::{Service, TlsRole};
use crate::process::Process;
use crate::xmpp;

/// One kind of work that proxies are measured with.
pub(crate) trait Row {
    /// Does the work against the target and measures it.
    ///
    /// # Errors
    ///
    /// [`Error::Stalled`] or [`Error::Truncated`] when the work is not done right, [`Error::Io`].
    fn measure(&self, target: &Target<'_>, window: &Window) -> Result<Sample, Error>;

    /// The name that `--only` takes.
    fn id(&self) -> &'static str;

    /// The work in a few words.
    fn title(&self) -> &'static str;

    /// The unit of [`Sample::cost`].
    fn cost_unit(&self) -> &'static str;

    /// The unit of [`Sample::beside`].
    fn beside_unit(&self) -> &'static str;

    /// What the origin has to do; `direct` when there is no proxy in between. With a
    /// [`server`](Self::server) it has nothing to do.
    fn behaviour(&self, _direct: bool) -> Behaviour {
        Behaviour::Echo
    }

    /// The XMPP server that is used instead of the origin, the same in all rounds.
    fn server(&self) -> Option<xmpp::Kind> {
        None
    }

    /// A homeserver is used instead of the origin, the same in all rounds.
    fn has_homeserver(&self) -> bool {
        false
    }

    /// The work can be done without a proxy.
    fn has_direct(&self) -> bool {
        true
    }

    /// What [`Sample::failures`] counts.
    fn failures(&self) -> &'static str {
        "connections, which are not in the figures"
    }

    /// The rate beside the cost tells how much a proxy slows down what goes through it.
    fn compares_rates(&self) -> bool {
        false
    }

    /// Clients send a PROXY header.
    fn accepts_proxy(&self) -> bool {
        false
    }

    /// The origin gets a PROXY header.
    fn sends_proxy(&self) -> bool {
        false
    }

    /// How the proxy serves the clients.
    fn service(&self) -> Service {
        Service::Tcp
    }

    /// What the proxy does with TLS.
    fn tls(&self) -> TlsRole {
        TlsRole::None
    }

    /// The proxy must know a post-quantum group.
    fn needs_post_quantum(&self) -> bool {
        false
    }
}

/// Where the clients connect to.
pub(crate) struct Target<'a> {
    /// With a server, that of its clients.
    pub(crate) address: SocketAddr,
    /// Where the origin is, which is the address if there is no proxy.
    pub(crate) origin: SocketAddr,
    /// The proxy; absent when clients connect to the origin.
    pub(crate) process: Option<&'a Process>,
    pub(crate) server: Option<&'a xmpp::Server>,
    pub(crate) homeserver: Option<&'a Homeserver>,
}

/// The outcome of one measurement.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sample {
    /// What a unit of work costs the proxy; none without a proxy.
    pub(crate) cost: Option<f64>,
    /// A figure that helps to understand the cost, such as the rate.
    pub(crate) beside: f64,
    /// How many access records the proxy owes: of connections that were carried and closed, or of
    /// requests.
    pub(crate) records: u64,
    /// How many connections failed, or what else [`Row::failures`] says.
    pub(crate) failures: u64,
    /// The share of the proxy's core that something else used, from 0 to 1.
    pub(crate) foreign: f64,
}

/// All rows in the order in which they run. Idle memory comes first, because closed connections
/// stay in the kernel's memory for a minute.
pub(crate) fn all() -> Vec<Box<dyn Row>> {
    vec![
        Box::new(idle::Idle::PLAIN),
        Box::new(idle::Idle::TLS),
        Box::new(dtls_idle::DtlsIdle::DTLS12),
        Box::new(dtls_idle::DtlsIdle::DTLS13),
        Box::new(lowband_observing::LowbandObserving::DTLS12),
        Box::new(lowband_observing::LowbandObserving::DTLS13),
        Box::new(component_memory::ComponentMemory),
        Box::new(bulk::Bulk::ONE_STREAM),
        Box::new(bulk::Bulk::EIGHT_STREAMS),
        Box::new(exchange::Exchange),
        Box::new(short::Short::PLAIN),
        Box::new(short::Short::PROXY_IN),
        Box::new(short::Short::PROXY_OUT),
        Box::new(connect::Connect),
        Box::new(http::Http::KEPT),
        Box::new(http::Http::SHORT),
        Box::new(short::Short::SNI_PASSTHROUGH),
        Box::new(tls_handshake::TlsHandshake::FULL),
        Box::new(tls_handshake::TlsHandshake::RESUMED),
        Box::new(tls_handshake::TlsHandshake::POST_QUANTUM),
        Box::new(short::Short::TLS_ORIGINATE),
        Box::new(bulk::Bulk::TLS_ONE_STREAM),
        Box::new(bulk::Bulk::TLS_EIGHT_STREAMS),
        Box::new(component::Component::PROSODY),
        Box::new(component::Component::EJABBERD),
        Box::new(dtls_handshake::DtlsHandshake::DTLS12),
        Box::new(dtls_handshake::DtlsHandshake::DTLS12_RSA),
        Box::new(dtls_handshake::DtlsHandshake::DTLS12_RESUMED),
        Box::new(dtls_handshake::DtlsHandshake::DTLS13),
        Box::new(dtls_handshake::DtlsHandshake::DTLS13_RSA),
        Box::new(dtls_handshake::DtlsHandshake::DTLS13_RESUMED),
        Box::new(coaps_exchange::CoapsExchange),
        Box::new(lowband_requests::LowbandRequests),
        Box::new(dtls_flood::DtlsFlood),
    ]
}
