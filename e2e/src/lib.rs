//! Shared harness of the end-to-end tests: the program under test and its peers as real processes,
//! origins and clients on real sockets.
//!
//! Everything here panics, and says why, when something is not as a test needs it: a test has no
//! use for an error.

mod access;
pub mod coap;
pub mod dtls;
mod http_origin;
pub mod lowband;
pub mod matrix;
mod metrics;
mod name_server;
mod namespace;
mod neighbour;
mod net;
mod origin;
mod peer;
mod port;
mod process;
mod proxy_origin;
mod random;
mod router;
mod tls;
mod tunnel;
mod vestibule;
mod volume;
mod wait;
pub mod xmpp;

pub use access::Record;
pub use http_origin::{HttpOrigin, field, read_body};
pub use metrics::{Metrics, http_get};
pub use name_server::NameServer;
pub use namespace::{Namespace, in_network_namespace};
pub use neighbour::Neighbour;
pub use net::{End, PATIENCE, connect, exchange, linger_zero, read_to_end, try_connect};
pub use origin::{Connections, Origin};
pub use peer::{Haproxy, Nginx, Prosody, ProsodyPorts, Squid, Tinyproxy, certificate};
pub use port::{ReservedPort, free_ports};
pub use process::Process;
pub use proxy_origin::{ProxyOrigin, Told};
pub use random::Random;
pub use router::{CLIENT, ROUTER, Router, SERVER};
pub use tls::{
    Authority, Facts, Hello, Leaf, TlsClient, TlsConnections, TlsEnd, TlsOrigin, TlsServer,
    TlsStream, alert, alert_of, curl, gnutls_client, in_records, openssl_client,
};
pub use tunnel::{Answer, answer, request, tunnel};
pub use vestibule::{Setup, Vestibule, check, program};
pub use volume::{Sum, receive, send_random, write_random};
pub use wait::{eventually, wait_at_most, wait_for, within};
