//! What happens to datagrams on the way: they are lost, repeated, bent and forged.

use std::time::Duration;

use super::{
    pair::{Pair, VERSIONS, Way, only},
    scripted::{NAME, good_server, usual},
};
use crate::{
    client::{
        Closed, Config, Event, Fingerprint, Trust, Versions,
        testing::{Authority, Issued},
    },
    session::{SendError, Version},
    wire::{fatal_alert, server_random_advertises_13},
};

const MINUTE: Duration = Duration::from_secs(60);

fn setting() -> (Authority, Issued) {
    let authority = Authority::new("authority");
    let server = good_server(&authority);
    (authority, server)
}

fn timed_out(pair: &Pair) -> &Closed {
    match &pair.events[..] {
        [Event::Closed(closed @ Closed::TimedOut(_))] => closed,
        events => panic!("{events:?}"),
    }
}

#[test]
fn any_datagram_may_be_lost() {
    let (authority, server) = setting();
    for version in VERSIONS {
        for lost in 0..10 {
            let mut pair = Pair::new(&server, only(version, &usual(&authority)));
            pair.line = Box::new(move |_, at, datagram| match at {
                at if at == lost => vec![],
                _ => vec![datagram],
            });
            pair.run(MINUTE / 2);
            pair.line = Box::new(|_, _, datagram| vec![datagram]);
            pair.talk();
        }
    }
}

#[test]
fn datagrams_may_come_twice() {
    let (authority, server) = setting();
    for version in VERSIONS {
        let mut pair = Pair::new(&server, only(version, &usual(&authority)));
        pair.line = Box::new(|way, _, datagram| match way {
            Way::Up => vec![datagram],
            Way::Down => vec![datagram.clone(), datagram],
        });
        pair.exchange();
        pair.talk();
        let payloads = |event: &&Event| matches!(event, Event::Received(_));
        assert_eq!(pair.events.iter().filter(payloads).count(), 1);
    }
}

#[test]
fn a_road_that_ends() {
    let (authority, server) = setting();
    for version in VERSIONS {
        let mut pair = Pair::new(&server, only(version, &usual(&authority)));
        pair.line = Box::new(|_, _, _| vec![]);
        pair.run(MINUTE);
        let text = timed_out(&pair).to_string();
        assert!(text.starts_with("no answer within 60 s"), "{text}");
        assert!(pair.client.poll_timeout().is_none());

        // Only the answer that carries the cookie passes.
        pair.line = Box::new(|_, at, datagram| if at < 2 { vec![datagram] } else { vec![] });
        pair.reconnect(only(version, &usual(&authority)));
        pair.run(MINUTE);
        let text = timed_out(&pair).to_string();
        assert!(text.starts_with("the server answers, but"), "{text}");
    }
}

#[test]
fn forged_alerts_end_nothing() {
    let (authority, server) = setting();
    for version in VERSIONS {
        let mut pair = Pair::new(&server, only(version, &usual(&authority)));
        let mut number = 0;
        pair.line = Box::new(move |way, _, datagram| {
            let mut arrives = vec![datagram];
            if way == Way::Down {
                for alert in [0, 20, 40, 70, 90] {
                    number += 1;
                    // Also with the number that the server uses next.
                    arrives.insert(0, fatal_alert(alert, number).to_vec());
                    arrives.push(fatal_alert(alert, number).to_vec());
                }
            }
            arrives
        });
        pair.exchange();
        assert_eq!(pair.connected(), Some(false));
        pair.talk();
        assert_eq!(pair.events.len(), 2);
    }
}

#[test]
fn versions_that_do_not_meet() {
    let (authority, server) = setting();
    let config = only(Version::Dtls13, &usual(&authority));
    let mut pair = Pair::with_versions(&server, config, &[Version::Dtls12]);
    pair.line = Box::new(|way, _, datagram| match way {
        Way::Up => vec![datagram],
        Way::Down => vec![datagram, fatal_alert(70, 0).to_vec()],
    });
    pair.run(MINUTE);
    timed_out(&pair);
}

#[test]
fn a_key_that_does_not_belong_to_the_certificate() {
    let (authority, good) = setting();
    // Somebody shows the certificate of the server, which is public, and signs with a key of their own.
    let liar = Issued {
        chain: good.chain.clone(),
        pkcs8: good_server(&authority).pkcs8,
    };
    let pin = Fingerprint::of(&good.chain[0]);
    for version in VERSIONS {
        for trust in [authority.trust(), Trust::Fingerprint(pin), Trust::Insecure] {
            let config = Config::new(NAME.parse().unwrap(), 5684, trust);
            let mut pair = Pair::new(&liar, only(version, &config));
            pair.run(MINUTE);
            assert!(pair.at_server.is_empty());
            let [Event::Closed(Closed::TimedOut(_) | Closed::Fault(_))] = pair.events[..] else {
                panic!("{:?}", pair.events)
            };
            assert_eq!(pair.client.send(b"hello"), Err(SendError::Closed));
            assert!(pair.client.peer_certificates().is_empty());
        }
    }
}

#[test]
fn both_sides_say_goodbye() {
    let (authority, server) = setting();
    for version in VERSIONS {
        let config = only(version, &usual(&authority));
        let mut pair = Pair::new(&server, config.clone());
        pair.exchange();
        pair.client.send(b"last").unwrap();
        pair.client.close(pair.now);
        pair.exchange();
        assert_eq!(pair.at_server, [b"last"]);
        assert!(pair.server.as_ref().unwrap().is_closed_by_peer());
        assert_eq!(pair.events.last(), Some(&Event::Closed(Closed::ByUs)));

        pair.reconnect(config);
        let server = pair.server.as_mut().unwrap();
        server.send(b"last").unwrap();
        server.close();
        pair.exchange();
        assert_eq!(
            pair.events[1..],
            [
                Event::Received(b"last"[..].into()),
                Event::Closed(Closed::ByPeer)
            ]
        );
        assert!(pair.server.as_ref().unwrap().is_closed_by_peer());
        pair.run(MINUTE);
        assert_eq!(pair.events.len(), 3);
    }
}

#[test]
fn closed_before_the_handshake_is_over() {
    let (authority, server) = setting();
    for version in VERSIONS {
        for passing in 0..6 {
            let mut pair = Pair::new(&server, only(version, &usual(&authority)));
            pair.line = Box::new(
                move |_, at, datagram| {
                    if at < passing { vec![datagram] } else { vec![] }
                },
            );
            pair.exchange();
            pair.client.close(pair.now);
            // In 1.3, when only the last flight was lost, it goes on for a while.
            pair.run(Duration::from_secs(5));
            assert_eq!(pair.events.last(), Some(&Event::Closed(Closed::ByUs)));
            assert_eq!(pair.client.poll_timeout(), None);
        }
    }
}

#[test]
fn a_goodbye_waits_until_it_can_be_understood() {
    let (authority, server) = setting();
    let trust = Authority::new("other").trust();
    let refusing = Config::new(NAME.parse().unwrap(), 5684, trust);
    for config in [refusing, usual(&authority)] {
        // What comes before the goodbye: our Finished, and what follows it.
        for lost in 4..7 {
            let mut pair = Pair::new(&server, only(Version::Dtls13, &config));
            pair.line = Box::new(move |_, at, datagram| match at {
                at if at == lost => vec![],
                _ => vec![datagram],
            });
            pair.exchange();
            pair.client.close(pair.now);
            pair.run(Duration::from_secs(5));
            let closed = |event: &&Event| matches!(event, Event::Closed(_));
            assert_eq!(pair.events.iter().filter(closed).count(), 1);
            let server = pair.server.as_ref().unwrap();
            assert!(server.is_closed_by_peer(), "{lost}");
            assert_eq!(pair.client.poll_timeout(), None);
        }
    }
}

#[test]
fn the_server_says_that_it_can_do_1_3() {
    let (authority, server) = setting();
    let mut pair = Pair::new(&server, usual(&authority));
    let version = |pair: &Pair| pair.client.agreement().unwrap().version;
    pair.exchange();
    assert_eq!(version(&pair), Version::Dtls12);
    pair.talk();
    for resumed in [false, true, true] {
        pair.reconnect(usual(&authority));
        assert_eq!(version(&pair), Version::Dtls13);
        assert_eq!(pair.connected(), Some(resumed));
        pair.talk();
    }
    // Somebody lets 1.2 pass only.
    pair.line = Box::new(|way, at, datagram| match way {
        Way::Up if at == 0 => vec![],
        Way::Up | Way::Down => vec![datagram],
    });
    let fallback = Config {
        versions: Versions::Fallback,
        ..usual(&authority)
    };
    pair.reconnect(fallback.clone());
    pair.run(MINUTE);
    assert_eq!(pair.events, [Event::Closed(Closed::Downgraded)]);
    assert!(pair.server.as_ref().unwrap().is_closed_by_peer());
    assert!(pair.at_server.is_empty());

    // The server is set to 1.2 only.
    pair.line = Box::new(|_, _, datagram| vec![datagram]);
    pair.replace_server(&server, &[Version::Dtls12]);
    pair.reconnect(usual(&authority));
    pair.run(MINUTE);
    timed_out(&pair);
    for config in [fallback, usual(&authority)] {
        pair.reconnect(config);
        assert_eq!(version(&pair), Version::Dtls12);
        pair.talk();
    }
}

#[test]
fn who_takes_the_mark_away_gets_nowhere() {
    let (authority, server) = setting();
    let fallback = Config {
        versions: Versions::Fallback,
        ..usual(&authority)
    };
    // Each time the ServerHello comes it has lost the mark, or comes in pieces, or another comes first.
    type Change = fn(&[u8]) -> Vec<Vec<u8>>;
    let changes: [Change; 3] = [
        |hello| vec![unmarked(hello)],
        |hello| in_pieces(hello).into(),
        |hello| vec![unmarked(hello), hello.to_vec()],
    ];
    for change in changes {
        let mut pair = Pair::new(&server, fallback.clone());
        pair.line = Box::new(move |way, _, datagram| {
            if way == Way::Up {
                return vec![datagram];
            }
            crate::wire::records_without_id(&datagram)
                .flat_map(|record| match server_random_advertises_13(record.bytes) {
                    Some(_) => change(record.bytes),
                    None => vec![record.bytes.to_vec()],
                })
                .collect()
        });
        pair.run(MINUTE);
        assert!(pair.connected().is_none());
        assert!(pair.at_server.is_empty());
    }
}

/// A ServerHello without the mark.
fn unmarked(hello: &[u8]) -> Vec<u8> {
    let mut hello = hello.to_vec();
    hello[13 + 12 + 26..][..8].copy_from_slice(b"anything");
    hello
}

/// A ServerHello in two pieces, cut in the mark.
fn in_pieces(hello: &[u8]) -> [Vec<u8>; 2] {
    let (header, body) = hello.split_at(13 + 12);
    let cut = 30;
    let piece = |number: u8, offset: usize, part: &[u8]| {
        let mut piece = header.to_vec();
        piece[10] = piece[10].wrapping_add(number);
        let bytes = |length: usize| u16::try_from(length).unwrap().to_be_bytes();
        piece[11..13].copy_from_slice(&bytes(12 + part.len()));
        piece[20..22].copy_from_slice(&bytes(offset));
        piece[23..25].copy_from_slice(&bytes(part.len()));
        piece.extend(part);
        piece
    };
    [piece(0, 0, &body[..cut]), piece(100, cut, &body[cut..])]
}

#[test]
fn bent_datagrams_bring_no_payload_that_was_not_sent() {
    let (authority, server) = setting();
    for version in VERSIONS {
        for seed in 0..60usize {
            let mut pair = Pair::new(&server, only(version, &usual(&authority)));
            pair.line = Box::new(move |way, at, mut datagram| {
                if way == Way::Down && at % 3 == seed % 3 {
                    let length = datagram.len();
                    datagram[(seed * 31 + at * 7) % length] ^= 1 << (seed % 8);
                }
                vec![datagram]
            });
            pair.run(MINUTE);
            if let Some(server) = &mut pair.server {
                let _ = server.send(b"answer");
            }
            pair.run(MINUTE);
            for event in &pair.events {
                if let Event::Received(payload) = event {
                    assert_eq!(payload, &b"answer"[..]);
                }
            }
        }
    }
}
