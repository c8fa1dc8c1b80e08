use std::time::Instant;

use vestibule_dtls::client::{Client, Config, Memory, UnixTime, Versions};
use vestibule_dtls::session::Version;

/// Where the random is in a datagram that begins with a ClientHello: after the headers of the
/// record and of the handshake message, and the version (RFC 6347 sections 4.1, 4.2.2 and 4.2.1).
const RANDOM: usize = 13 + 12 + 2;

/// The first datagram of a client: a whole hello without a cookie.
pub fn first_hello(config: &Config, version: Version) -> Vec<u8> {
    let mut config = config.clone();
    config.versions = Versions::Only(version);
    let client = Client::new(config, Memory::default(), Instant::now(), UnixTime::now());
    let hello = client.ok().and_then(|mut client| client.poll_transmit());
    hello.expect("a hello")
}

/// The same hello with another random, so that nobody takes it for a repetition.
pub fn with_random(hello: &mut [u8], number: u64) {
    hello[RANDOM..RANDOM + 8].copy_from_slice(&number.to_be_bytes());
}

/// Whether a datagram begins with a record of a handshake that is not protected, as the first
/// flight of every handshake does, in any version.
pub fn is_handshake(datagram: &[u8]) -> bool {
    const HANDSHAKE: u8 = 22;
    datagram.first() == Some(&HANDSHAKE)
}
