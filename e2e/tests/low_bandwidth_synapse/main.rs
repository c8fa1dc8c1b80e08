//! The gateway in front of Synapse, a real homeserver, with others' clients and with ours.

mod aiocoap;
mod errors;
mod homeserver;
mod libcoap;
mod lossy;
mod peers;
mod stories;
mod tool;

use std::net::SocketAddr;

use vestibule_e2e::matrix::Synapse;
use vestibule_e2e::{Authority, Vestibule, wait_for};

/// A gateway in front of a homeserver.
struct Site {
    _authority: Authority,
    vestibule: Vestibule,
}

impl Site {
    /// In front of the Synapse that all tests share.
    fn new() -> Self {
        Self::with(Synapse::shared(), "")
    }

    /// As [`Self::new`], for libcoap. Its client loses an answer in blocks that is not on the
    /// acknowledgement of its request (mended in 2025), and Synapse may be slow where much is going on.
    fn for_libcoap() -> Self {
        Self::with(Synapse::shared(), "ack_window = \"5s\"")
    }

    /// In front of this one, with these further keys.
    fn with(synapse: &Synapse, keys: &str) -> Self {
        let authority = Authority::new();
        let leaf = authority.server(&["localhost", "127.0.0.1"]);
        let vestibule = Vestibule::start(format!(
            "[[low_bandwidth]]\n\
             name = \"gateway\"\n\
             bind = \"127.0.0.1:0\"\n\
             plain_debug_bind = \"127.0.0.1:0\"\n\
             homeserver = \"{}\"\n\
             certificate = {{ chain = \"{}\", key = \"{}\" }}\n\
             {keys}\n",
            synapse.url(),
            leaf.chain.display(),
            leaf.key.display()
        ));
        Self {
            _authority: authority,
            vestibule,
        }
    }

    /// Where DTLS is spoken.
    fn dtls(&self) -> SocketAddr {
        self.address("listening for DTLS")
    }

    /// Where CoAP is spoken without DTLS.
    fn plain(&self) -> SocketAddr {
        self.address("listening for CoAP without DTLS")
    }

    /// The address that this event names.
    fn address(&self, message: &str) -> SocketAddr {
        let event = wait_for(message, || {
            self.vestibule.events(message).into_iter().next()
        });
        let address = event["address"].as_str().unwrap_or_default();
        address.parse().expect("an address")
    }
}
