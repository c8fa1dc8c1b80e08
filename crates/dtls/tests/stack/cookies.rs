//! Before the address of a peer is shown to be its own.

use std::{
    net::SocketAddr,
    time::{Duration, Instant},
};

use vestibule_dtls::{
    Accept, Answer, CookieSecrets, Session,
    session::{MAX_DATAGRAM, Version},
    stack::{Acceptor, ClientSession, connect},
    vectors::{Pair, Way, client_settings},
    wire::{self, Hello},
};

use crate::setup::{MOMENT, VERSIONS, ecdsa, established, resuming, settle};

const MINUTE: Duration = Duration::from_secs(60);

/// A server and one who has its first hello answered.
struct Asked {
    acceptor: Acceptor,
    client: ClientSession,
    from: SocketAddr,
    now: Instant,
}

/// What was answered.
#[derive(Debug, Eq, PartialEq)]
enum Said {
    Reply,
    Session,
    Nothing,
}

fn first_datagram(client: &mut ClientSession) -> Vec<u8> {
    let mut datagram = Vec::new();
    assert!(client.poll_transmit(&mut datagram, MAX_DATAGRAM));
    datagram
}

impl Asked {
    fn new(version: Version, age: Duration) -> Self {
        let epoch = Instant::now();
        let now = epoch + age;
        let mut it = Self {
            acceptor: Acceptor::new(&ecdsa(), CookieSecrets::new([9; 32]), epoch),
            client: connect(&client_settings(version), now).expect("a client"),
            from: SocketAddr::from(([192, 0, 2, 1], 1000)),
            now,
        };
        let hello = first_datagram(&mut it.client);
        match it
            .acceptor
            .handle_hello(now, it.from, &hello, [1; 4], false)
        {
            Answer::Reply(reply) => {
                assert!(reply.len() <= hello.len());
                it.client.handle_record(now, &reply).expect("a cookie");
            }
            other => panic!("{other:?}"),
        }
        it
    }

    /// The second hello comes from `from`.
    fn says(&mut self, after: Duration, from: SocketAddr) -> Said {
        let hello = first_datagram(&mut self.client);
        assert!(Hello::peek(&hello).expect("a hello").cookie);
        let now = self.now + after;
        match self.acceptor.handle_hello(now, from, &hello, [1; 4], false) {
            Answer::Reply(_) => Said::Reply,
            Answer::Session(_) => Said::Session,
            Answer::Nothing => Said::Nothing,
        }
    }
}

#[test]
fn cookies_are_good_where_they_were_sent() {
    for version in VERSIONS {
        for (from, said) in [
            (([192, 0, 2, 1], 1000), Said::Session),
            (([192, 0, 2, 2], 1000), Said::Nothing),
            (([192, 0, 2, 1], 1001), Said::Nothing),
        ] {
            let mut asked = Asked::new(version, MINUTE);
            assert_eq!(asked.says(Duration::ZERO, SocketAddr::from(from)), said);
        }
        // The same address, as a socket for both families has it.
        let mapped: SocketAddr = "[::ffff:192.0.2.1]:1000".parse().unwrap();
        assert_eq!(
            Asked::new(version, MINUTE).says(Duration::ZERO, mapped),
            Said::Session
        );
    }
}

#[test]
fn cookies_age() {
    for version in VERSIONS {
        for (age, said) in [
            (Duration::ZERO, Said::Session),
            (9 * MINUTE, Said::Session),
            (12 * MINUTE, Said::Nothing),
            (60 * MINUTE, Said::Nothing),
        ] {
            let mut asked = Asked::new(version, MINUTE);
            let from = asked.from;
            assert_eq!(asked.says(age, from), said, "{version:?} {age:?}");
        }
    }
}

/// A cookie that was made just before the secret changed is good after it.
#[test]
fn secrets_change_under_way() {
    for version in VERSIONS {
        for hours in 1..4 {
            let mut asked = Asked::new(version, hours * 60 * MINUTE - MINUTE);
            let from = asked.from;
            assert_eq!(asked.says(5 * MINUTE, from), Said::Session);
        }
    }
}

/// All workers take the cookies of each, but no other process does.
#[test]
fn cookies_of_others() {
    for version in VERSIONS {
        for (seed, said) in [([9; 32], Said::Session), ([8; 32], Said::Nothing)] {
            let mut asked = Asked::new(version, MINUTE);
            let epoch = asked.now - MINUTE;
            asked.acceptor = Acceptor::new(&ecdsa(), CookieSecrets::new(seed), epoch);
            let from = asked.from;
            assert_eq!(asked.says(Duration::ZERO, from), said);
        }
    }
}

#[test]
fn a_changed_cookie_is_none() {
    for version in VERSIONS {
        let mut asked = Asked::new(version, MINUTE);
        let hello = first_datagram(&mut asked.client);
        let marks = (0..hello.len())
            .filter(|&at| {
                let mut forged = hello.clone();
                forged[at] ^= 0x10;
                let peeked = Hello::peek(&forged).filter(|hello| hello.whole && hello.cookie);
                let random = peeked.and_then(|hello| hello.random);
                // Other bytes are not bound to the cookie; the handshake finds them out.
                random.is_some() && random == Hello::peek(&hello).and_then(|hello| hello.random)
            })
            .filter(|&at| {
                let mut forged = hello.clone();
                forged[at] ^= 0x10;
                let (now, from) = (asked.now, asked.from);
                let answer = asked
                    .acceptor
                    .handle_hello(now, from, &forged, [1; 4], false);
                matches!(answer, Answer::Nothing)
            })
            .count();
        // At least the bytes of the cookie: 32 in 1.2, more in 1.3.
        assert!(marks >= 32, "{version:?} {marks}");
    }
}

/// Nothing is kept of a first hello, what is answered is not longer, and has no certificate in it.
#[test]
fn the_first_answer() {
    for version in VERSIONS {
        let mut pair = Pair::new(&ecdsa(), &client_settings(version));
        pair.line = Box::new(|way, _, datagram| match way {
            Way::Up => vec![datagram.clone(), datagram.clone(), datagram],
            Way::Down => Vec::new(),
        });
        pair.run(Duration::from_secs(30));
        assert!(pair.server.is_none());
        assert!(pair.replies > 9);
        assert!(pair.down.bytes <= 3 * pair.up.bytes);
        for (way, datagram) in &pair.sent {
            let message = (*way == Way::Down).then(|| datagram[13]);
            match version {
                // HelloVerifyRequest, and HelloRetryRequest.
                Version::Dtls12 => assert!(message.is_none_or(|message| message == 3)),
                Version::Dtls13 => assert!(message.is_none() || wire::is_retry(datagram)),
            }
            assert!(datagram.len() < 300);
        }
    }
}

#[test]
fn an_answer_is_never_longer_than_the_hello() {
    // In 1.3 a hello without name is still longer than what is answered to it, but not by much.
    for version in VERSIONS {
        let settings = vestibule_dtls::stack::ClientSettings {
            server_name: "192.0.2.1".to_owned(),
            ..client_settings(version)
        };
        let mut pair = Pair::new(&ecdsa(), &settings);
        pair.reconnect_offering(&settings, &crate::setup::PLAIN);
        settle(&mut pair);
        let (hello, answer) = (pair.sent[0].1.len(), pair.sent[1].1.len());
        assert!(answer <= hello, "{version:?} {hello} {answer}");
        println!("{version:?}: {hello} bytes are answered with {answer}");
    }
}

/// A ticket stands for a cookie in 1.3, if we allow that, and where it was given only.
#[test]
fn tickets_instead_of_cookies() {
    for version in VERSIONS {
        let mut pair = established(version);
        let settings = resuming(&mut pair, version);
        for (allowed, ip, replies) in [
            (true, [192, 0, 2, 1], 0),
            (true, [192, 0, 2, 2], 1),
            (false, [192, 0, 2, 1], 1),
        ] {
            let replies = if version == Version::Dtls13 {
                replies
            } else {
                1
            };
            pair.reconnect(&settings);
            pair.skip_cookie = allowed;
            // The port does not matter.
            pair.address = SocketAddr::from((ip, 999));
            settle(&mut pair);
            assert!(pair.client.agreement().unwrap().resumed);
            assert_eq!(pair.replies, replies, "{version:?} {allowed} {ip:?}");
            let server = pair.server.as_ref().unwrap();
            assert!(server.agreement().unwrap().resumed);
            if replies == 0 {
                // It has no certificate in it, and is shorter than what was sent.
                assert!(pair.sent[1].1.len() < pair.sent[0].1.len());
            }
        }
    }
}

/// What a peer that is not there can make a session without cookie send: nothing beyond what it has sent itself, each
/// time.
#[test]
fn a_session_without_cookie_whose_peer_is_silent() {
    let mut pair = established(Version::Dtls13);
    let settings = resuming(&mut pair, Version::Dtls13);
    pair.reconnect(&settings);
    pair.skip_cookie = true;
    pair.line = Box::new(|way, number, datagram| match (way, number) {
        (Way::Up, 0) => vec![datagram],
        _ => Vec::new(),
    });
    pair.run(MOMENT);
    assert!(
        pair.server
            .as_ref()
            .is_some_and(|server| !server.is_established())
    );
    let hello = pair.sent[0].1.len();
    for (way, datagram) in &pair.sent {
        assert!(*way == Way::Up || datagram.len() < hello);
    }
}

/// A hello in parts, with something else beside it, or of something that cannot be, is nobody's.
#[test]
fn hellos_that_are_not_alone() {
    for version in VERSIONS {
        let mut asked = Asked::new(version, MINUTE);
        let hello = first_datagram(&mut asked.client);
        let mut says = |record: &[u8]| {
            let (now, from) = (asked.now, asked.from);
            let answer = asked.acceptor.handle_hello(now, from, record, [1; 4], true);
            matches!(answer, Answer::Nothing)
        };
        let mut long = hello.clone();
        long.push(0);
        assert!(says(&long));
        for cut in 0..hello.len() {
            assert!(says(&hello[..cut]), "{cut}");
        }
        assert!(says(&[]) && says(&[22; 100]));
        assert!(!says(&hello));
    }
}
