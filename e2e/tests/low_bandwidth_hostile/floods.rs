//! More of everything.

use std::time::{Duration, Instant};

use serde_json::json;
use vestibule_coap::{Code, OptionNumber};
use vestibule_e2e::dtls::proportional_memory;
use vestibule_e2e::lowband::{Asking, LowbandGateway, StubHomeserver, SyncFeed};
use vestibule_e2e::{Random, eventually};
use vestibule_miniature_homeserver::{Homeserver, Options};

use crate::stage::{ALICE, BOB, TOKEN, assert_fine, get, post};

/// 1,000 bodies that are begun and never finished, each of which claims as much as is allowed.
#[test]
fn a_thousand_half_uploads() {
    const ASSOCIATIONS: usize = 50;
    const EACH: usize = 20;
    // Of an association that does what it can: four uploads of 128 KiB.
    const ROOM: usize = 24 << 20;
    let homeserver = StubHomeserver::saying(json!({}));
    let mut gateway = LowbandGateway::before(homeserver.address());
    assert_fine(&mut gateway);
    let before = proportional_memory(gateway.vestibule().process().id());
    let mut scripts: Vec<_> = (0..ASSOCIATIONS).map(|_| gateway.script()).collect();
    let size = (128_u32 << 10).to_be_bytes();
    for number in 0..EACH {
        let name = format!("room {number}");
        for script in &mut scripts {
            for block in [0x0e_u8, 0x1e] {
                let block = [block];
                let options = [
                    ALICE[0],
                    (OptionNumber::BLOCK1, &block[..]),
                    (OptionNumber::SIZE1, &size[..]),
                ];
                let answer = script.requests(&Asking {
                    options: &options,
                    ..post(&["L", &name], &[b'x'; 1024])
                });
                assert_eq!(answer.header.code, Code::CONTINUE, "{answer:?}");
            }
        }
    }
    let grown = proportional_memory(gateway.vestibule().process().id()).saturating_sub(before);
    println!(
        "{} half uploads: {} KiB more",
        ASSOCIATIONS * EACH,
        grown / 1024
    );
    assert!(grown < ROOM, "{grown} bytes");
    assert!(homeserver.asked().is_empty());
    // Others are served, and so are they.
    assert_fine(&mut gateway);
    for script in &mut scripts {
        let answer = script.requests(&get(&["I"], ALICE));
        assert_eq!(answer.header.code, Code::CONTENT);
    }
}

/// One association registers again and again, for the same and for other users. The homeserver is
/// asked for as many at a time as may be observed, and others do not notice.
#[test]
fn a_flood_of_observations() {
    const REGISTERS: usize = 250;
    let homeserver = Homeserver::start(Options::default()).expect("a homeserver");
    let alice = homeserver.register("alice", "wonderland");
    let tokens: Vec<_> = (0..5)
        .map(|_| homeserver.log_in(&alice).expect("an account"))
        .collect();
    let bob = homeserver.register("bob", "builder");
    let bob = homeserver.log_in(&bob).expect("an account");
    let mut gateway = LowbandGateway::before(homeserver.address());
    let mut script = gateway.script();
    let mut other = gateway.script();
    let bob = [(TOKEN, bob.as_bytes())];
    let mut slowest = Duration::ZERO;
    for number in 0..REGISTERS {
        let token = &tokens[number % tokens.len()];
        let options = [(OptionNumber::OBSERVE, &b""[..]), (TOKEN, token.as_bytes())];
        script.begins(&get(&["7"], &options));
        if number % 25 == 0 {
            let start = Instant::now();
            let answer = other.requests(&get(&["I"], &bob));
            assert_eq!(answer.header.code, Code::CONTENT, "{answer:?}");
            slowest = slowest.max(start.elapsed());
        }
    }
    println!("the slowest request of another one: {slowest:?}");
    // As many requests as these are, one after the other, would take longer.
    assert!(slowest < Duration::from_secs(20), "{slowest:?}");
    // Two users of two observations each, as far as the homeserver is concerned.
    eventually("few polls", || homeserver.waiting() <= 4);
    while script.hears_within(Duration::from_millis(500)).is_some() {}
    assert!(homeserver.waiting() <= 4, "{}", homeserver.waiting());
    assert!(homeserver.requests() < 2 * REGISTERS as u64);
    drop(script);
    assert_fine(&mut gateway);
}

/// What is asked for every second costs the homeserver one poll at a time, also when it answers each
/// at once.
#[test]
fn a_homeserver_that_does_not_wait() {
    let homeserver = StubHomeserver::saying(json!({"next_batch": "s1"}));
    let mut gateway = LowbandGateway::before(homeserver.address());
    let mut script = gateway.script();
    let options = [(OptionNumber::OBSERVE, &b""[..]), ALICE[0]];
    let answer = script.requests(&get(&["7"], &options));
    assert_eq!(answer.header.code, Code::CONTENT);
    script.is_silent_for(Duration::from_secs(10));
    // At 0, 1, 3, 7 s and so on, with what was asked to answer the register.
    let asked = homeserver.asked().len();
    assert!((3..=7).contains(&asked), "{asked} polls in 10 s");
    assert_fine(&mut gateway);
}

/// Nothing that is not CoAP, and nothing that is, disturbs anybody but who has sent it.
#[test]
fn noise() {
    const DATAGRAMS: usize = 3_000;
    let feed = SyncFeed::new();
    let homeserver = StubHomeserver::feeding(&feed);
    let mut gateway = LowbandGateway::setup(homeserver.address())
        .limits("requests_per_minute = 0")
        .start();
    let mut other = gateway.script();
    let register = [(OptionNumber::OBSERVE, &b""[..]), BOB[0]];
    other.requests(&get(&["7"], &register));
    let mut random = Random::new(7);
    for round in 0..3 {
        let mut script = gateway.script();
        let model = script
            .request(&get(&["_matrix", "client", "v3", "joined_rooms"], ALICE))
            .1;
        for number in 0..DATAGRAMS / 3 {
            let mut datagram = model.clone();
            if number % 2 == 0 {
                datagram = vec![0; random.size(10)];
                random.fill(&mut datagram);
            } else {
                for _ in 0..=random.below(4) {
                    let at = random.below(datagram.len() as u64) as usize;
                    datagram[at] = random.number() as u8;
                }
            }
            // A close_notify would be its own end; nothing is lost that way.
            script.sends(&datagram);
            if number % 50 == 0 {
                script.hears_within(Duration::from_millis(1));
            }
        }
        feed.push(&format!("message {round}"), 0);
        let heard = other.hears("a notification");
        assert!(heard.observe().is_some());
        other.acknowledges(&heard);
    }
    assert_fine(&mut gateway);
}
