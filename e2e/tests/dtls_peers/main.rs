//! Our DTLS server and the clients of others: OpenSSL, GnuTLS, libcoap over both, dimpl; and ours.

mod dimpl;
mod endings;
mod gnutls;
mod key_log;
mod libcoap;
mod lossy;
mod openssl;
mod ours;

use vestibule_e2e::dtls::{CoapsServer, RawProcess};
use vestibule_e2e::{Authority, Leaf};

const PROGRAM: &str = env!("CARGO_BIN_EXE_coaps-server");

/// Whom the certificates are for.
const NAME: &str = "matrix.example.org";

/// The kinds of keys that a server has.
const KINDS: [Kind; 2] = [Kind::Ecdsa, Kind::Rsa];

#[derive(Clone, Copy, Debug, PartialEq)]
enum Kind {
    Ecdsa,
    Rsa,
}

/// A server and who vouches for it.
struct Site {
    authority: Authority,
    leaf: Leaf,
    server: CoapsServer,
}

impl Site {
    fn new(kind: Kind, arguments: &str) -> Self {
        let authority = Authority::new();
        let names = [NAME, "127.0.0.1"];
        let leaf = match kind {
            Kind::Ecdsa => authority.server(&names),
            Kind::Rsa => authority.rsa_server(&names),
        };
        let arguments = format!("--workers 2 {arguments}");
        let server = CoapsServer::start(PROGRAM, &leaf, &arguments);
        Self {
            authority,
            leaf,
            server,
        }
    }

    fn root(&self) -> String {
        self.authority.root().display().to_string()
    }
}

/// A CoAP ping, as bytes, is answered with a reset (RFC 7252 section 4.3), and a body comes back.
#[track_caller]
fn assert_talks(client: &mut RawProcess) {
    client.send(b"\x40\x00\x12\x34");
    client.wait_for(b"\x70\x00\x12\x34");
    // A confirmable POST to /echo.
    client.send(b"\x40\x02\x12\x35\xb4echo\xffsome body");
    client.wait_for(b"\xffsome body");
}
