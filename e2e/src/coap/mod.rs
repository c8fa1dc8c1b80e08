//! CoAP: our endpoint as a server and as a client on real sockets, a path that loses datagrams, and
//! the peers, libcoap and aiocoap.

mod aiocoap;
mod client;
mod driver;
mod libcoap;
mod program;
mod relay;
mod server;
mod site;
mod trace;

pub use aiocoap::{AiocoapClient, AiocoapServer, Told};
pub use client::{CoapClient, coap_request};
pub use libcoap::{LibcoapClient, LibcoapServer, Printed, is_complaint};
pub use relay::{Faults, LossyRelay};
pub use server::CoapServer;
pub use site::{Asked, pattern};
pub use trace::Traced;
