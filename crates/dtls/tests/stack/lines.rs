//! Lines that lose, repeat, reorder and damage.

use std::time::Duration;

use rand::{Rng, SeedableRng, rngs::SmallRng};
use vestibule_dtls::{
    Session,
    session::Version,
    stack::ServerSettings,
    vectors::{Pair, Way, client_settings},
};

use crate::setup::{MOMENT, VERSIONS, check_payloads, ecdsa, established, resuming, rsa};

/// A new association of each kind: full, resumed, and resumed without a cookie.
fn each(server: &ServerSettings, mut check: impl FnMut(&str, &dyn Fn() -> Pair)) {
    for version in VERSIONS {
        let settings = client_settings(version);
        check(&format!("{version:?}, full"), &|| {
            Pair::new(server, &settings)
        });
        let mut pair = Pair::new(server, &settings);
        pair.run(MOMENT);
        let resuming = resuming(&mut pair, version);
        check(&format!("{version:?}, resumed"), &|| {
            Pair::new(server, &resuming)
        });
        if version == Version::Dtls13 {
            check("no cookie", &|| {
                let mut pair = Pair::new(server, &resuming);
                pair.skip_cookie = true;
                pair
            });
        }
    }
}

#[test]
fn one_datagram_is_lost() {
    for server in [ecdsa(), rsa()] {
        each(&server, |name, pair| {
            let mut undisturbed = pair();
            undisturbed.run(MOMENT);
            for lost in 0..undisturbed.sent.len() {
                let mut pair = pair();
                pair.line = Box::new(move |_, number, datagram| match number == lost {
                    true => Vec::new(),
                    false => vec![datagram],
                });
                let began = pair.now;
                while !pair.is_established() {
                    pair.run(Duration::from_millis(50));
                    assert!(pair.now - began < Duration::from_secs(3), "{name}: {lost}");
                }
                check_payloads(&mut pair);
            }
        });
    }
}

#[test]
fn two_datagrams_are_lost() {
    each(&ecdsa(), |name, pair| {
        for first in 0..7 {
            for second in first + 1..10 {
                let mut pair = pair();
                pair.line =
                    Box::new(
                        move |_, number, datagram| match [first, second].contains(&number) {
                            true => Vec::new(),
                            false => vec![datagram],
                        },
                    );
                pair.run(Duration::from_secs(8));
                assert!(pair.is_established(), "{name}: {first}, {second}, {pair:?}");
                pair.line = Box::new(|_, _, datagram| vec![datagram]);
                check_payloads(&mut pair);
            }
        }
    });
}

#[test]
fn every_datagram_comes_twice() {
    each(&ecdsa(), |name, pair| {
        let mut pair = pair();
        pair.line = Box::new(|_, _, datagram| vec![datagram.clone(), datagram]);
        pair.run(MOMENT);
        assert!(pair.is_established(), "{name}");
        check_payloads(&mut pair);
        pair.run(Duration::from_secs(10));
        // Repetitions are no reason to repeat forever.
        assert!(pair.sent.len() < 60, "{name}: {}", pair.sent.len());
    });
}

#[test]
fn neighbours_change_places() {
    each(&ecdsa(), |name, pair| {
        for offset in 0..3 {
            let mut pair = pair();
            let mut held: [Option<Vec<u8>>; 2] = [None, None];
            let mut count = offset;
            pair.line = Box::new(move |way, _, datagram| {
                count += 1;
                let held = &mut held[usize::from(way == Way::Up)];
                match held.take() {
                    Some(before) => vec![datagram, before],
                    None if count % 3 == 0 => {
                        *held = Some(datagram);
                        Vec::new()
                    }
                    None => vec![datagram],
                }
            });
            pair.run(Duration::from_secs(20));
            assert!(pair.is_established(), "{name} {pair:?}");
            pair.line = Box::new(|_, _, datagram| vec![datagram]);
            check_payloads(&mut pair);
        }
    });
}

/// Records of one datagram that come in the other order.
#[test]
fn records_change_places() {
    each(&ecdsa(), |name, pair| {
        let mut pair = pair();
        pair.line = Box::new(|way, _, datagram| {
            let records: Vec<Vec<u8>> = match way {
                Way::Up => vestibule_dtls::wire::records(&datagram)
                    .map(|record| record.bytes.to_vec())
                    .collect(),
                Way::Down => vestibule_dtls::wire::records_without_id(&datagram)
                    .map(|record| record.bytes.to_vec())
                    .collect(),
            };
            records.into_iter().rev().collect()
        });
        pair.run(Duration::from_secs(8));
        assert!(pair.is_established(), "{name} {pair:?}");
        check_payloads(&mut pair);
    });
}

/// What a line loses, repeats and holds back is made up for.
#[test]
fn a_bad_line() {
    let (established, all) = bad_lines(0);
    assert_eq!(established, all);
}

/// Damage that nothing finds out, as a checksum of UDP would, may end a handshake: a hello and its cookie have no other
/// protection. But both sides agree on what comes of it.
#[test]
fn a_line_that_damages() {
    let (established, all) = bad_lines(12);
    assert!(2 * established > all, "{established} of {all}");
}

/// How many associations were established over lines that damage this many percent of datagrams, and of how many.
fn bad_lines(damaged: u32) -> (usize, usize) {
    let (mut established, mut all) = (0, 0);
    for seed in 0..60 {
        each(&ecdsa(), |name, pair| {
            let mut random = SmallRng::seed_from_u64(seed);
            let mut pair = pair();
            let mut held: Vec<(Way, Vec<u8>)> = Vec::new();
            pair.line = Box::new(move |way, _, mut datagram| {
                let mut arrives = Vec::new();
                let what = random.random_range(0..100);
                match what {
                    0..12 => {}
                    12..24 => arrives.extend([datagram.clone(), datagram]),
                    24..36 => held.push((way, datagram)),
                    _ if what < 36 + damaged => {
                        let at = random.random_range(0..datagram.len());
                        if random.random_ratio(1, 3) {
                            datagram.truncate(at);
                        } else {
                            datagram[at] ^= 1 << random.random_range(0..8);
                        }
                        arrives.push(datagram);
                    }
                    _ => arrives.push(datagram),
                }
                if let Some(at) = held.iter().position(|held| held.0 == way)
                    && random.random_ratio(1, 2)
                {
                    arrives.push(held.remove(at).1);
                }
                arrives
            });
            pair.run(Duration::from_secs(110));
            all += 1;
            let agreements = (
                pair.client.agreement(),
                pair.server.as_ref().and_then(|server| server.agreement()),
            );
            if let (Some(client), Some(server)) = agreements {
                assert_eq!(client, server, "{name} {seed}");
                established += 1;
                pair.line = Box::new(|_, _, datagram| vec![datagram]);
                check_payloads(&mut pair);
            }
        });
    }
    (established, all)
}

/// Old records, and those of the handshake, are nothing new, and do not make anybody move.
#[test]
fn records_that_were_there_already() {
    for version in VERSIONS {
        let mut pair = established(version);
        for number in 0..5 {
            pair.client.send(&[number; 20]).unwrap();
            pair.exchange();
            pair.server.as_mut().unwrap().send(&[number; 20]).unwrap();
            pair.exchange();
        }
        let all = pair.sent.clone();
        pair.forget();
        for (way, datagram) in all {
            match way {
                Way::Up => {
                    pair.newest = false;
                    pair.deliver_up(&datagram);
                    assert!(!pair.newest);
                }
                Way::Down => pair.deliver_down(&datagram),
            }
        }
        assert!(pair.at_server.is_empty() && pair.at_client.is_empty());
        check_payloads(&mut pair);
    }
}

/// Records that arrive late are taken, once, as long as they are in the window, and are not the newest.
#[test]
fn records_that_are_late() {
    for version in VERSIONS {
        let mut pair = established(version);
        let mut datagrams = Vec::new();
        for number in 0..100 {
            pair.client.send(&[number]).unwrap();
            let mut datagram = Vec::new();
            pair.client.poll_transmit(&mut datagram, 1200);
            datagrams.push(datagram);
        }
        pair.deliver_up(&datagrams[99]);
        assert!(pair.newest);
        for datagram in &datagrams[40..99] {
            pair.deliver_up(datagram);
            assert!(!pair.newest);
        }
        pair.deliver_up(&datagrams[0]);
        assert_eq!(pair.at_server.len(), 60);
        assert!(pair.at_server[1..].iter().map(|it| it[0]).eq(40..99));
    }
}

/// A changed bit anywhere in a record makes it nothing.
#[test]
fn forged_records() {
    for version in VERSIONS {
        let mut pair = established(version);
        pair.client.send(&[9; 20]).unwrap();
        let mut datagram = Vec::new();
        pair.client.poll_transmit(&mut datagram, 1200);
        for at in 0..datagram.len() * 8 {
            let mut forged = datagram.clone();
            forged[at / 8] ^= 1 << (at % 8);
            pair.deliver_up(&forged);
            assert!(!pair.newest, "{at}");
            assert!(pair.at_server.is_empty(), "{at}");
        }
        pair.deliver_up(&datagram);
        assert_eq!(pair.at_server, [[9; 20]]);
        assert!(pair.newest);
    }
}
