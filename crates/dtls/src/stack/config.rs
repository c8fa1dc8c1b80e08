//! What the stack is set to.

use std::{net::IpAddr, sync::Arc};

use purecrypto::tls::{self, Config, ConfigBuilder, NamedGroup, ProtocolVersion, SigningKey};

use super::{ClientSettings, KeyLog, ServerSettings, entropy::Entropy};
use crate::session::{MAX_DATAGRAM, Version};

/// Suites in the order we prefer. ChaCha20-Poly1305 comes first in 1.2 because its records are eight bytes shorter: RFC
/// 7905 section 2 has no explicit nonce. In 1.3 all have the same length.
const SUITES_12: &[u16] = &[0xcca9, 0xcca8, 0xc02b, 0xc02f, 0xc02c, 0xc030];
const SUITES_13: &[u16] = &[0x1301, 0x1303, 0x1302];

/// Groups whose shares fit a datagram beside all that a hello has.
const GROUPS: &[NamedGroup] = &[NamedGroup::X25519, NamedGroup::Secp256r1];
const POST_QUANTUM_GROUPS: &[NamedGroup] = &[
    NamedGroup::X25519MlKem768,
    NamedGroup::X25519,
    NamedGroup::Secp256r1,
];

/// For sessions of a server.
pub(super) fn server(version: Version, settings: &ServerSettings) -> Config {
    let config = common(version, settings.post_quantum, settings.key_log.as_ref())
        .identity(settings.identity.chain().to_vec(), signing_key(settings));
    config.ticket_key(settings.ticket_key).build()
}

/// For the answer to a hello without cookie, of which nothing is kept. It has no certificate to send, and no key for
/// tickets, with which the stack would go on without a cookie.
pub(super) fn cookie(version: Version, settings: &ServerSettings) -> Config {
    common(version, settings.post_quantum, None)
        .identity(Vec::new(), signing_key(settings))
        .build()
}

/// For the session of a client.
pub(super) fn client(settings: &ClientSettings) -> Config {
    let (version, post_quantum) = (settings.version, settings.post_quantum);
    let shares = match post_quantum {
        true => &POST_QUANTUM_GROUPS[..2],
        false => &GROUPS[..1],
    };
    let mut config = common(version, post_quantum, settings.key_log.as_ref())
        .key_shares(shares)
        .server_name(sent_name(settings))
        // The stack still checks that the server has the key of its certificate. The chain is for webpki.
        .verify_certificates(false)
        // None for records to us, and whatever the server wants for records from us.
        .connection_id(Vec::new());
    if let Some(resumption) = &settings.session
        && *resumption.server_name == *settings.server_name
    {
        config = config.resumption_session(resumption.session.clone());
    }
    config.build()
}

/// An address is no name to be sent (RFC 6066 section 3). The stack would send it, and does not resume associations of
/// 1.3 without name.
fn sent_name(settings: &ClientSettings) -> &str {
    match settings.server_name.parse::<IpAddr>() {
        Ok(_) => "",
        Err(_) => &settings.server_name,
    }
}

fn common(
    version: Version,
    post_quantum: bool,
    key_log: Option<&Arc<dyn KeyLog>>,
) -> ConfigBuilder {
    let (version, suites) = match version {
        Version::Dtls12 => (ProtocolVersion::DTLSv1_2, SUITES_12),
        Version::Dtls13 => (ProtocolVersion::DTLSv1_3, SUITES_13),
    };
    let groups = match version {
        ProtocolVersion::DTLSv1_3 if post_quantum => POST_QUANTUM_GROUPS,
        _ => GROUPS,
    };
    let config = Config::builder()
        .versions(version, version)
        .rng(Arc::new(Entropy))
        .cipher_suites(suites)
        .key_exchange_groups(groups)
        .max_record_size(MAX_DATAGRAM);
    match key_log {
        Some(log) => config.key_log(Arc::new(Log(log.clone()))),
        None => config,
    }
}

fn signing_key(settings: &ServerSettings) -> SigningKey {
    SigningKey::External {
        schemes: settings.identity.schemes(),
    }
}

struct Log(Arc<dyn KeyLog>);

impl tls::KeyLog for Log {
    fn log(&self, label: &str, client_random: &[u8; 32], secret: &[u8]) {
        self.0.log(label, client_random, secret);
    }
}
