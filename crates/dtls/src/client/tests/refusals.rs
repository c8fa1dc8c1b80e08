//! Servers that are not who they should be: each at first, and when they resume.

use super::{
    pair::{Pair, VERSIONS, only},
    scripted::{NAME, good_server, usual},
};
use crate::{
    client::{
        Config, Event, Fingerprint, Refusal, Trust,
        testing::{AFTER, Authority, BEFORE, PRESENT, server_params, trust},
    },
    session::Version,
};

fn named(name: &str, trust: Trust, version: Version) -> Config {
    only(version, &Config::new(name.parse().unwrap(), 5684, trust))
}

/// The client of `config` refuses the server of `pair` at a full handshake, even though there is a session that was
/// made with `before`.
fn refused(pair: &mut Pair, before: &Config, config: Config) -> Refusal {
    pair.reconnect(config.clone());
    let refusal = pair.refusal();
    // The session is there still, for those it is for, at their time.
    let time = std::mem::replace(&mut pair.time, PRESENT);
    pair.resume(before.clone());
    pair.time = time;
    pair.reconnect(config);
    assert_eq!(pair.refusal(), refusal);
    refusal
}

/// What a client of `config` says to a server that one of `good` has connected to.
fn refusals(good: impl Fn(Version) -> Config, bad: impl Fn(Version) -> Config) -> Vec<Refusal> {
    let server = good_server(&authority());
    VERSIONS
        .map(|version| {
            let mut pair = Pair::new(&server, good(version));
            pair.exchange();
            assert_eq!(pair.connected(), Some(false));
            pair.talk();
            refused(&mut pair, &good(version), bad(version))
        })
        .into()
}

/// The same one for all tests.
fn authority() -> std::sync::Arc<Authority> {
    use std::sync::{Arc, LazyLock};
    static AUTHORITY: LazyLock<Arc<Authority>> =
        LazyLock::new(|| Arc::new(Authority::new("authority")));
    Arc::clone(&AUTHORITY)
}

fn good(version: Version) -> Config {
    only(version, &usual(&authority()))
}

#[test]
fn another_name() {
    let bad = |version| named("other.example.org", authority().trust(), version);
    for refusal in refusals(good, bad) {
        assert!(matches!(refusal, Refusal::WrongName { names, .. } if names == [NAME]));
    }
}

#[test]
fn an_address_instead_of_the_name() {
    for address in ["192.0.2.7", "2001:db8::7"] {
        let bad = |version| named(address, authority().trust(), version);
        for refusal in refusals(good, bad) {
            assert!(matches!(refusal, Refusal::WrongName { .. }));
        }
    }
}

#[test]
fn an_address_in_the_certificate() {
    let server = authority().issue(&server_params(&["192.0.2.7", "2001:db8::7"]));
    for version in VERSIONS {
        for address in ["192.0.2.7", "2001:db8::7"] {
            let config = named(address, authority().trust(), version);
            let mut pair = Pair::new(&server, config.clone());
            pair.exchange();
            pair.talk();
            // Without a name to send, the stack resumes in 1.2 only.
            if version == Version::Dtls12 {
                pair.resume(config);
            }
            pair.reconnect(named("192.0.2.8", authority().trust(), version));
            assert!(matches!(pair.refusal(), Refusal::WrongName { .. }));
        }
    }
}

#[test]
fn another_authority() {
    let other = Authority::new("other");
    let bad = |version| named(NAME, other.trust(), version);
    for refusal in refusals(good, bad) {
        assert_eq!(refusal, Refusal::UnknownIssuer);
    }
}

#[test]
fn a_session_that_was_made_with_anybody_is_not_for_those_who_verify() {
    let other = Authority::new("other");
    let insecure = |version| named(NAME, Trust::Insecure, version);
    let bad = |version| named(NAME, other.trust(), version);
    for refusal in refusals(insecure, bad) {
        assert_eq!(refusal, Refusal::UnknownIssuer);
    }
    // Nor is one that was verified for those who would take anybody, nor one under more authorities.
    let server = good_server(&authority());
    for version in VERSIONS {
        let mut pair = Pair::new(&server, good(version));
        pair.exchange();
        let more = trust([authority().der.as_slice(), &other.der]);
        for trust in [Trust::Insecure, more] {
            pair.reconnect(named(NAME, trust, version));
            assert_eq!(pair.connected(), Some(false));
        }
        pair.resume(good(version));
    }
}

#[test]
fn another_fingerprint() {
    let server = good_server(&authority());
    let presented = Fingerprint::of(&server.chain[0]);
    let expected = Fingerprint([3; 32]);
    for version in VERSIONS {
        let pinned = |pin| named(NAME, Trust::Fingerprint(pin), version);
        let mut pair = Pair::new(&server, pinned(presented));
        pair.exchange();
        assert_eq!(pair.connected(), Some(false));
        let refusal = refused(&mut pair, &pinned(presented), pinned(expected));
        assert_eq!(
            refusal,
            Refusal::WrongFingerprint {
                expected,
                presented
            }
        );
    }
}

#[test]
fn a_time_that_is_over() {
    let server = good_server(&authority());
    for version in VERSIONS {
        for (time, expired) in [(AFTER, true), (BEFORE, false)] {
            let mut pair = Pair::new(&server, good(version));
            pair.exchange();
            assert_eq!(pair.connected(), Some(false));
            pair.resume(good(version));
            // Since the session was made, the time of its certificate has ended. The server shows the same again.
            pair.time = time;
            pair.reconnect(good(version));
            let refusal = pair.refusal();
            assert_eq!(matches!(refusal, Refusal::Expired { .. }), expired);
            assert_eq!(matches!(refusal, Refusal::NotYetValid { .. }), !expired);
            // The session is gone.
            pair.time = PRESENT;
            pair.reconnect(good(version));
            assert_eq!(pair.connected(), Some(false));
        }
    }
}

#[test]
fn a_time_that_ends_while_a_session_is_resumed() {
    let mut params = server_params(&[NAME]);
    let end = PRESENT.as_secs() + 20;
    params.not_after = (std::time::UNIX_EPOCH + std::time::Duration::from_secs(end)).into();
    let server = authority().issue(&params);
    for version in VERSIONS {
        let mut pair = Pair::new(&server, good(version));
        pair.exchange();
        pair.resume(good(version));
        pair.server = None;
        pair.begin(good(version));
        // The session is offered at a time when it is good, but the answers take long.
        pair.now += std::time::Duration::from_secs(21);
        pair.exchange();
        assert!(matches!(pair.refusal(), Refusal::Expired { .. }));
    }
}

#[test]
fn a_server_with_a_new_certificate_is_connected_to_again() {
    let old = good_server(&authority());
    for version in VERSIONS {
        let mut pair = Pair::new(&old, good(version));
        pair.exchange();
        let mut params = server_params(&[NAME]);
        params.not_after = rcgen::date_time_ymd(2034, 1, 1);
        let new = authority().issue(&params);
        pair.replace_server(&new, &VERSIONS);
        // The old certificate is over: its session is not offered.
        pair.time = AFTER;
        pair.reconnect(good(version));
        assert_eq!(pair.connected(), Some(false));
        assert_eq!(pair.client.peer_certificates(), new.chain);
        pair.resume(good(version));
        assert_eq!(pair.client.peer_certificates(), new.chain);
    }
}

#[test]
fn a_certificate_that_is_trusted_by_itself() {
    let mut params = server_params(&[NAME]);
    params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    let server = crate::client::testing::self_signed(&params);
    for version in VERSIONS {
        let config = named(NAME, trust([server.chain[0].as_slice()]), version);
        let mut pair = Pair::new(&server, config.clone());
        pair.exchange();
        pair.talk();
        pair.resume(config);
        let other = authority();
        pair.reconnect(named(NAME, other.trust(), version));
        assert_eq!(pair.refusal(), Refusal::IsAuthority);
    }
}

#[test]
fn the_certificates_of_a_resumed_association_are_those_it_was_made_with() {
    let server = good_server(&authority());
    for version in VERSIONS {
        let mut pair = Pair::new(&server, good(version));
        pair.exchange();
        for _ in 0..3 {
            pair.reconnect(good(version));
            assert_eq!(pair.connected(), Some(true));
            assert_eq!(pair.client.peer_certificates(), server.chain);
            pair.talk();
            let closed = |event: &Event| matches!(event, Event::Closed(_));
            assert!(!pair.events.iter().any(closed));
        }
    }
}
