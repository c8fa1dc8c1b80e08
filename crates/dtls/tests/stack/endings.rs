//! How associations end.

use std::time::Duration;

use vestibule_dtls::{
    Session,
    session::{Fault, SendError, Version},
    vectors::{Pair, Way, client_settings},
    wire::{bump_epoch0, fatal_alert},
};

use crate::setup::{MOMENT, VERSIONS, check_payloads, ecdsa, established, resumed};

#[test]
fn a_client_closes() {
    for version in VERSIONS {
        for mut pair in [established(version), resumed(version).0] {
            pair.run(MOMENT * 10);
            pair.client.close();
            pair.run(MOMENT);
            let server = pair.server.as_mut().unwrap();
            assert!(server.is_closed_by_peer());
            assert!(!pair.client.is_closed_by_peer());
            assert_eq!(pair.client.send(b"x"), Err(SendError::Closed));
            // The answer is ours to give.
            server.close();
            pair.run(MOMENT);
            assert!(pair.client.is_closed_by_peer());
            let server = pair.server.as_mut().unwrap();
            assert_eq!(server.send(b"x"), Err(SendError::Closed));
        }
    }
}

#[test]
fn a_server_closes() {
    for version in VERSIONS {
        for mut pair in [established(version), resumed(version).0] {
            // Who has heard nothing from a client repeats the end of the handshake first.
            check_payloads(&mut pair);
            pair.run(MOMENT * 10);
            pair.forget();
            pair.server.as_mut().unwrap().close();
            pair.run(MOMENT);
            assert!(pair.client.is_closed_by_peer());
            assert_eq!(pair.down.datagrams, 1);
            assert!(pair.down.bytes < 60);
        }
    }
}

/// Data that was under way comes in although we have closed.
#[test]
fn what_crosses_a_close() {
    for version in VERSIONS {
        let mut pair = established(version);
        check_payloads(&mut pair);
        pair.at_server.clear();
        pair.server.as_mut().unwrap().close();
        pair.client.send(b"late").unwrap();
        pair.run(MOMENT);
        assert_eq!(pair.at_server, [b"late"]);
        assert!(pair.client.is_closed_by_peer());
    }
}

/// Closing what is not open says nothing.
#[test]
fn a_close_before_there_are_keys() {
    for version in VERSIONS {
        let mut pair = Pair::new(&ecdsa(), &client_settings(version));
        pair.client.close();
        let mut datagram = Vec::new();
        assert!(pair.client.poll_transmit(&mut datagram, 1200));
        assert!(!pair.client.poll_transmit(&mut datagram, 1200));
        assert_eq!(datagram[0], 22);
    }
}

/// Nobody is believed who says in the open that it is over.
#[test]
fn alerts_without_protection() {
    for version in VERSIONS {
        let mut half_open = Pair::new(&ecdsa(), &client_settings(version));
        for description in [0, 40, 70] {
            for sequence in 0..20 {
                half_open.deliver_down(&fatal_alert(description, sequence));
            }
        }
        assert_eq!(half_open.replies, 0);
        half_open.run(MOMENT);
        assert!(half_open.is_established());

        let mut pair = established(version);
        for description in [0, 10, 40] {
            let alert = fatal_alert(description, 99);
            assert_eq!(pair.client.handle_record(pair.now, &alert), Ok(()));
            let server = pair.server.as_mut().unwrap();
            assert_eq!(server.handle_record(pair.now, &alert), Ok(()));
            assert!(!server.is_closed_by_peer());
        }
        assert!(!pair.client.is_closed_by_peer());
        check_payloads(&mut pair);
    }
}

/// A server that is gone is repeated to for two minutes, with pauses that double.
#[test]
fn a_server_that_does_not_answer() {
    for version in VERSIONS {
        let mut pair = Pair::new(&ecdsa(), &client_settings(version));
        pair.line = Box::new(|_, _, _| Vec::new());
        let began = pair.now;
        let mut times = Vec::new();
        while let Some(time) = pair.client.poll_timeout() {
            times.push((time - began).as_secs());
            pair.exchange();
            pair.now = time;
            pair.client.handle_timeout(time);
        }
        assert_eq!(times, [1, 3, 7, 15, 31, 63, 123]);
        assert!(!pair.client.is_established());
        assert!(!pair.client.poll_transmit(&mut Vec::new(), 1200));
    }
}

/// Each side may be the one that is gone in the middle.
#[test]
fn a_client_that_is_gone() {
    for version in VERSIONS {
        let mut pair = Pair::new(&ecdsa(), &client_settings(version));
        pair.line = Box::new(|way, number, datagram| match way {
            Way::Up if number > 2 => Vec::new(),
            Way::Up | Way::Down => vec![datagram],
        });
        pair.run(Duration::from_secs(200));
        let server = pair.server.as_ref().unwrap();
        assert!(!server.is_established());
        assert_eq!(server.poll_timeout(), None);
    }
}

#[test]
fn payloads_that_do_not_fit() {
    for version in VERSIONS {
        let mut pair = established(version);
        assert_eq!(pair.client.send(&vec![0; 16_385]), Err(SendError::TooLong));
        let server = pair.server.as_mut().unwrap();
        assert_eq!(server.send(&vec![0; 16_385]), Err(SendError::TooLong));
        server.send(&vec![1; 16_384]).unwrap();
        // Up there is a Connection ID.
        let most = match version {
            Version::Dtls12 => 16_383,
            Version::Dtls13 => 16_384,
        };
        if version == Version::Dtls12 {
            assert_eq!(pair.client.send(&vec![1; 16_384]), Err(SendError::TooLong));
        }
        pair.client.send(&vec![1; most]).unwrap();
        pair.exchange();
        assert_eq!(pair.at_server, [vec![1; most]]);
        assert_eq!(pair.at_client, [vec![1; 16_384]]);
    }
}

/// An established association does not mind a new hello, whatever the address.
#[test]
fn a_hello_in_an_association() {
    for version in VERSIONS {
        let mut pair = established(version);
        let other = established(version);
        for (_, datagram) in &other.sent[..3] {
            pair.deliver_up(datagram);
            pair.deliver_down(datagram);
        }
        check_payloads(&mut pair);
        let mut bumped = other.sent[0].1.clone();
        bump_epoch0(&mut bumped);
        pair.deliver_up(&bumped);
        check_payloads(&mut pair);
    }
}

#[test]
fn faults_have_words() {
    for fault in [Fault::Alert(40), Fault::PeerMisbehaved, Fault::Internal] {
        assert!(!fault.to_string().is_empty());
    }
    for error in [
        SendError::NotEstablished,
        SendError::Closed,
        SendError::TooLong,
        SendError::Exhausted,
    ] {
        assert!(!error.to_string().is_empty());
    }
    assert_eq!(Version::Dtls12.name(), "1.2");
}
