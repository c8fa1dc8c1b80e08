//! What associations hold, and what hellos leave behind.

#![allow(unsafe_code)]

use std::{
    alloc::{GlobalAlloc, Layout, System},
    cell::Cell,
    net::SocketAddr,
    time::{Duration, Instant},
};

use vestibule_dtls::{
    Accept, Answer, Bound, ContainedAccept, CookieSecrets, Session,
    session::{MAX_DATAGRAM, Version},
    stack::{Acceptor, ClientSession, connect},
    vectors::{Kind, Pair, client_settings, identity, server_settings},
    wire,
};

/// Counts the bytes that a thread allocates. The harness of the tests has one of its own.
struct Counting;

thread_local! {
    // Far from zero, because it also frees what others have allocated.
    static HELD: Cell<usize> = const { Cell::new(1 << 40) };
}

// SAFETY: all is done by the allocator of the system, as it was asked for.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        HELD.set(held().wrapping_add(layout.size()));
        // SAFETY: the caller's promises are those that this wants.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        HELD.set(held().wrapping_sub(layout.size()));
        // SAFETY: as above.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

fn held() -> usize {
    HELD.get()
}

/// A session that is measured, with its client.
struct Measured {
    client: ClientSession,
    server: Box<dyn Session>,
    now: Instant,
}

/// More than a session needs, and less than it can be made to keep.
const MOST: usize = 64 * 1024;

impl Measured {
    /// Up to the hello with the cookie.
    fn half_open(version: Version) -> Self {
        let settings = server_settings(&identity(Kind::P256));
        let now = Instant::now();
        let acceptor = Acceptor::new(&settings, CookieSecrets::new([9; 32]), now);
        let bound = Bound {
            held: || held() as i64,
            most: MOST,
        };
        let mut acceptor = ContainedAccept::new(Box::new(acceptor), bound);
        let mut client = connect(&client_settings(version), now).expect("a client");
        let from = SocketAddr::from(([192, 0, 2, 1], 9));
        loop {
            let mut hello = Vec::new();
            client.poll_transmit(&mut hello, MAX_DATAGRAM);
            match acceptor.handle_hello(now, from, &hello, [0; 4], false) {
                Answer::Reply(reply) => client.handle_record(now, &reply).expect("a cookie"),
                Answer::Session(server) => {
                    return Self {
                        client,
                        server,
                        now,
                    };
                }
                Answer::Nothing => panic!("no answer"),
            }
        }
    }

    /// A payload of this length each way.
    fn talk(&mut self, length: usize) {
        self.client.send(&vec![1; length]).expect("sent");
        self.exchange();
        self.server.send(&vec![2; length]).expect("sent");
        self.exchange();
    }

    /// Carries everything both ways, and forgets the payloads.
    fn exchange(&mut self) {
        loop {
            let (mut up, mut down, mut payload) = (Vec::new(), Vec::new(), Vec::new());
            let sends = self.client.poll_transmit(&mut up, MAX_DATAGRAM);
            let answers = self.server.poll_transmit(&mut down, MAX_DATAGRAM);
            for record in wire::records(&up) {
                self.server
                    .handle_record(self.now, record.bytes)
                    .expect("no fault");
                self.server.receive(&mut payload);
            }
            for record in wire::records_without_id(&down) {
                self.client
                    .handle_record(self.now, record.bytes)
                    .expect("no fault");
                self.client.receive(&mut payload);
            }
            if !sends && !answers {
                return;
            }
        }
    }
}

/// Traffic of any length changes nothing in what is measured.
#[test]
fn what_is_measured_stays_the_same() {
    for version in [Version::Dtls12, Version::Dtls13] {
        let mut measured = Measured::half_open(version);
        measured.exchange();
        assert!(measured.server.is_established());
        for length in [1, 1000, 16_000] {
            measured.talk(length);
        }
        let before = measured.server.footprint();
        // The stack keeps its buffers as long as the longest record was.
        let least = match version {
            Version::Dtls12 => 7_000,
            Version::Dtls13 => 1_000,
        };
        assert!((least..50_000).contains(&before), "{before}");
        for length in (0..3000).map(|number| number * 7 % 16_000) {
            measured.talk(length);
        }
        let after = measured.server.footprint();
        assert!(after <= before + 500, "{version:?}: {before}, then {after}");
        let session = measured.server;
        let with_it = held();
        drop(session);
        let freed = with_it - held();
        assert!(freed.abs_diff(after) < 1000, "{freed} {after}");
    }
}

/// A few bytes of messages that claim to be long, as anybody can send them before there are keys.
#[test]
fn a_session_that_keeps_too_much_is_over() {
    let mut measured = Measured::half_open(Version::Dtls12);
    let claim = |number: u8, length: u32| {
        let mut record = vec![22, 0xfe, 0xfd, 0, 0, 0, 0, 0, 0, 1, number, 0, 13, 16];
        record.extend(&length.to_be_bytes()[1..]);
        record.extend([0, number, 0, 0, 0, 0, 0, 1, 7]);
        record
    };
    let server = &mut measured.server;
    let results = (2..9).map(|number| {
        let result = server.handle_record(measured.now, &claim(number, 20_000));
        (result.is_ok(), server.footprint())
    });
    let results: Vec<_> = results.collect();
    assert!(results[0].0, "{results:?}");
    let first_refused = results.iter().find(|(taken, _)| !taken);
    let (_, kept) = first_refused.expect("too much at last");
    assert!((MOST..MOST + 30_000).contains(kept), "{results:?}");
}

/// First hellos from many addresses, and second ones with cookies that are not theirs.
#[test]
fn hellos_leave_nothing() {
    let settings = server_settings(&identity(Kind::P256));
    let epoch = Instant::now();
    let now = epoch + Duration::from_secs(600);
    for version in [Version::Dtls12, Version::Dtls13] {
        let mut acceptor = Acceptor::new(&settings, CookieSecrets::new([9; 32]), epoch);
        let mut client = connect(&client_settings(version), now).expect("a client");
        let mut first = Vec::new();
        client.poll_transmit(&mut first, MAX_DATAGRAM);
        let home = SocketAddr::from(([192, 0, 2, 1], 9));
        let reply = match acceptor.handle_hello(now, home, &first, [0; 4], false) {
            Answer::Reply(reply) => reply,
            other => panic!("{other:?}"),
        };
        client.handle_record(now, &reply).expect("a cookie");
        let mut second = Vec::new();
        client.poll_transmit(&mut second, MAX_DATAGRAM);
        let mut before = 0;
        for number in 0..3000_u32 {
            let [a, b, c, d] = number.to_be_bytes();
            let from = SocketAddr::from(([10, b, c, d], 1000));
            let id = [a, b, c, d];
            let answer = acceptor.handle_hello(now, from, &first, id, true);
            assert!(matches!(answer, Answer::Reply(_)));
            let answer = acceptor.handle_hello(now, from, &second, id, true);
            assert!(matches!(answer, Answer::Nothing));
            drop(answer);
            // Buffers of the first time are kept for the next.
            if number == 0 {
                before = held();
            }
        }
        assert!(held() <= before, "{version:?}");
    }
}

#[test]
fn idle_associations_hold_what_they_say() {
    for kind in [Kind::P256, Kind::Rsa] {
        let settings = server_settings(&identity(kind));
        for version in [Version::Dtls12, Version::Dtls13] {
            let mut pair = Pair::new(&settings, &client_settings(version));
            pair.run(Duration::from_secs(5));
            pair.client.send(&[1; 94]).expect("sent");
            pair.exchange();
            pair.server
                .as_mut()
                .expect("a session")
                .send(&[2; 57])
                .expect("sent");
            pair.run(Duration::from_secs(5));
            let server = pair.server.take().expect("a session");
            let says = server.footprint();
            let before = held();
            drop(server);
            let held = before - held();
            println!("{version:?}, {kind:?}: {held} bytes, and says {says}");
            assert!(held < says + says / 10 && says < held + held / 10);
            // Without the stack, but with two keys of AWS-LC, which has an allocator of its own.
            let most = match version {
                Version::Dtls12 => 10_000,
                Version::Dtls13 => 2_000,
            };
            assert!(held <= most);
        }
    }
}
