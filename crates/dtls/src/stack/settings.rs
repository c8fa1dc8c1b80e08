//! What both sides can be set to.

use std::sync::Arc;

use super::Resumption;
use crate::{identity::Identity, session::Version};

/// Takes the secrets of handshakes, for those who must look into traffic of their own. Whoever has them reads all of
/// it.
pub trait KeyLog: Send + Sync {
    /// One secret: a line in a file of the format that NSS gave its name to has `label`, then the two others in hex.
    fn log(&self, label: &str, client_random: &[u8; 32], secret: &[u8]);
}

/// Settings of a server.
#[derive(Clone)]
pub struct ServerSettings {
    /// Who it is.
    pub identity: Identity,
    /// Seals tickets. A ticket of another key costs a full handshake, no more.
    pub ticket_key: [u8; 32],
    /// Where secrets go.
    pub key_log: Option<Arc<dyn KeyLog>>,
    /// Accepts X25519MLKEM768 in DTLS 1.3, where the client has it. Hellos then take two datagrams.
    pub post_quantum: bool,
    /// The versions it speaks.
    pub versions: &'static [Version],
}

/// Settings of a client, for one association.
#[derive(Clone)]
pub struct ClientSettings {
    /// The version that is offered, and no other.
    pub version: Version,
    /// The name of the server, or its address as text, which is not sent then. Without a name to send an association of
    /// 1.3 is not resumed.
    pub server_name: String,
    /// The association to resume. One of another version or name is not offered.
    pub session: Option<Resumption>,
    /// Where secrets go.
    pub key_log: Option<Arc<dyn KeyLog>>,
    /// Offers X25519MLKEM768 in DTLS 1.3: the hello then takes two datagrams.
    pub post_quantum: bool,
}
