//! One module for each kind of table: from the tree to the types of [`crate::Config`].

pub(crate) mod certificate;
pub(crate) mod component;
mod destinations;
pub(crate) mod globals;
mod kind;
pub(crate) mod listener;
pub(crate) mod low_bandwidth;
pub(crate) mod proxy_protocol;
pub(crate) mod route;
mod secret;
pub(crate) mod send_proxy;
pub(crate) mod service;
pub(crate) mod shorthand;
mod tls;
mod tls_parameters;
mod upstream_tls;
mod via;
mod way;

use crate::{Bind, reader::Span};

/// An address that this program listens on, and where the file says so.
#[derive(Clone, Debug)]
pub(crate) struct Endpoint {
    /// Of datagrams, the address alone.
    pub(crate) bind: Bind,
    pub(crate) span: Span,
    /// Whose it is, in words.
    pub(crate) owner: String,
    /// Whether it is the TCP side of a gateway, where its datagrams are taken because nothing else was
    /// said. Of two of these, the datagrams are in the way as well.
    pub(crate) is_beside_datagrams: bool,
}
