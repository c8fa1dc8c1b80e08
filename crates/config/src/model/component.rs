//! What the configuration says of XMPP components.

use vestibule_xmpp::component::Settings;

use super::{FileRef, Secret, Upstream, UpstreamTls};

/// `[[component]]`: a component of an XMPP server (XEP-0114), whose requests are carried to the
/// resources of accounts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Component {
    /// What it does. At least one target, each once; none of them in the domain of a component of
    /// this file.
    pub settings: Settings,
    /// Where the server takes components: [`Upstream::Address`], [`Upstream::Name`] or
    /// [`Upstream::Unix`]. Default `127.0.0.1:5347`.
    pub server: Upstream,
    /// TLS towards the server; `None`: none. Its ALPN is always empty, and with a unix socket it has
    /// a server name.
    pub tls: Option<UpstreamTls>,
    /// What the server knows the component by. Never empty, except in a file.
    pub secret: Secret,
    /// The keys of its tokens: one a line, 64 hexadecimal digits; the first makes new tokens, all are
    /// accepted. `None`: it has none, as the addresses that it makes are not opaque.
    pub key_file: Option<FileRef>,
    /// Whether `/readyz` tells of a process that is not ready while the link is down. Default false.
    pub required: bool,
}
