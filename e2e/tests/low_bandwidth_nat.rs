//! Clients whose address changes on the way, in the middle of what they fetch and of what they are
//! pushed: three machines, of which the one in the middle translates addresses and forgets how.

use std::collections::BTreeSet;
use std::fs::File;
use std::net::SocketAddr;
use std::os::fd::AsFd;
use std::thread;
use std::time::{Duration, Instant};

use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};
use vestibule_coap::{Code, Type};
use vestibule_dtls::session::Version;
use vestibule_e2e::dtls::{Nat, udp_in};
use vestibule_e2e::lowband::{
    Heard, LowbandGateway, MatrixClient, Script, Watcher, from_cbor, read_sync,
};
use vestibule_e2e::{PATIENCE, in_network_namespace};
use vestibule_miniature_homeserver::{Homeserver, Options};

const VERSIONS: [Version; 2] = [Version::Dtls12, Version::Dtls13];

/// A path that works carries an answer in much less. Longer than this it takes what waits until it is
/// sent again, and now and then something else on a machine that does much else.
const AT_ONCE: Duration = Duration::from_secs(2);

/// The three machines, with a gateway and a homeserver on one.
struct Site {
    nat: Nat,
    gateway: LowbandGateway,
    homeserver: Homeserver,
    room: String,
    alice: String,
    token: String,
}

impl Site {
    fn new() -> Self {
        let nat = Nat::new();
        let there = File::open(nat.server().path()).expect("the namespace of a process of ours");
        // What a thread starts is where it is.
        let starting = thread::spawn(move || {
            move_into_link_name_space(there.as_fd(), Some(LinkNameSpaceType::Network))
                .expect("a namespace of ours");
            Homeserver::start(Options::default()).expect("a homeserver")
        });
        let homeserver = starting.join().expect("a thread that does not panic");
        let alice = homeserver.register("alice", "wonderland");
        let bob = homeserver.register("bob", "builder");
        let room = homeserver.create_room(&alice, &[&bob]);
        let token = homeserver.log_in(&bob).expect("an account");
        let gateway = LowbandGateway::setup(homeserver.address())
            .there(nat.server(), "10.2.0.2:5684")
            .start();
        Self {
            nat,
            gateway,
            homeserver,
            room,
            alice,
            token,
        }
    }

    fn say(&self, text: &str) {
        let sent = self.homeserver.send_text(&self.room, &self.alice, text);
        assert!(sent.is_some());
    }

    /// Bob, on the client's machine.
    fn watcher(&self, version: Version) -> Watcher {
        let socket = udp_in(self.nat.client(), any());
        let coaps = self.gateway.coaps_over(socket, version);
        Watcher::new(MatrixClient::new(coaps, &self.token))
    }

    /// Bob, byte by byte.
    fn script(&self, version: Version) -> Script {
        let socket = udp_in(self.nat.client(), any());
        self.gateway.script_over(socket, version)
    }

    /// The token as an option behind that of this number.
    fn token_behind(&self, number: usize) -> String {
        let (delta, length) = (256 - number - 13, self.token.len() - 13);
        assert!(length < 256);
        format!(r#"dd {delta:02x} {length:02x} "{}""#, self.token)
    }
}

fn any() -> SocketAddr {
    "0.0.0.0:0".parse().expect("an address")
}

/// Text of so many bytes that begins with this.
fn long(text: &str, length: usize) -> String {
    format!("{text} {}", "x".repeat(length))
}

/// Fetches the rest of a body, block by block, from another address each time.
#[track_caller]
fn fetch_moving(
    site: &Site,
    script: &mut Script,
    first: &Heard,
    request: impl Fn(u32) -> (String, Vec<u8>),
) -> Vec<u8> {
    let mut whole = first.payload.clone();
    let mut more = first.block2().is_some_and(|block| block.more);
    let mut times = Vec::new();
    for number in 1.. {
        if !more {
            break;
        }
        site.nat.forget();
        let start = Instant::now();
        let (datagram, token) = request(number);
        script.says(&datagram);
        let heard = script.answer(&token);
        times.push(start.elapsed());
        assert_eq!(heard.header.code, Code::CONTENT, "{heard:?}");
        let block = heard.block2().expect("a block");
        assert_eq!(block.number, number);
        more = block.more;
        whole.extend(&heard.payload);
    }
    let late = times.iter().filter(|time| **time >= AT_ONCE).count();
    assert!(late == 0 || 2 * late < times.len(), "{times:?}");
    whole
}

#[test]
fn a_sync_in_blocks_goes_on_wherever_the_client_is() {
    if !in_network_namespace("a_sync_in_blocks_goes_on_wherever_the_client_is") {
        return;
    }
    let site = Site::new();
    site.say(&long("first", 3_000));
    site.say(&long("second", 3_000));
    for version in VERSIONS {
        let mut script = site.script(version);
        let token = site.token_behind(11);
        let first = script.asks(&format!(r#"41 01 0101 01 b1 "7" {token}"#));
        let handshakes = site.nat.handshakes();
        let asked = site.homeserver.requests();
        let whole = fetch_moving(&site, &mut script, &first, |number| {
            let block = number << 4 | 6;
            let request = format!(r#"41 01 {:04x} 01 b1 "7" c1 {block:02x}"#, 0x0101 + number);
            (request, vec![1])
        });
        let (_, texts) = read_sync(&from_cbor(&whole));
        assert!(whole.len() > 6_000);
        assert_eq!(texts.len(), 2, "{version:?}");
        assert!(texts[0].starts_with("first") && texts[1].starts_with("second"));
        assert_eq!(site.nat.handshakes(), handshakes);
        // Nothing was asked for again. The gateway may ask for the versions.
        assert!(site.homeserver.requests() <= asked + 1);
    }
}

/// Each message is at the client after its next datagram, which is a ping, at the latest, and none is
/// skipped.
#[test]
fn an_observation_goes_on_wherever_the_client_is() {
    if !in_network_namespace("an_observation_goes_on_wherever_the_client_is") {
        return;
    }
    const CHANGES: usize = 4;
    let site = Site::new();
    for version in VERSIONS {
        let mut watcher = site.watcher(version);
        let mut expected = watcher.texts().to_vec();
        let handshakes = site.nat.handshakes();
        for change in 0..CHANGES {
            // What is sent to the old address ends at the router.
            site.nat.forget();
            for part in 0..=change {
                // Some of them need several blocks.
                let text = format!("{version:?} {change}.{part}");
                let text = long(&text, (change % 2) * 1_500);
                site.say(&text);
                expected.push(text);
            }
            watcher.run_for(Duration::from_millis(1_500));
            assert_ne!(watcher.texts(), expected, "the router has not forgotten");
            let start = Instant::now();
            watcher.client().coaps().ping();
            watcher.wait_for(expected.len(), PATIENCE);
            let time = start.elapsed();
            println!("{version:?}, change {change}: all there after {time:?}");
            assert_eq!(watcher.texts(), expected);
        }
        // At home, nobody has to ask.
        site.say("at last");
        expected.push("at last".to_owned());
        watcher.wait_for(expected.len(), PATIENCE);
        assert_eq!(watcher.texts(), expected);
        assert_eq!(site.nat.handshakes(), handshakes);
    }
}

/// A notification of several blocks, each of which is fetched from another address, while more
/// happens.
#[test]
fn a_notification_in_blocks_goes_on_wherever_the_client_is() {
    if !in_network_namespace("a_notification_in_blocks_goes_on_wherever_the_client_is") {
        return;
    }
    let site = Site::new();
    for version in VERSIONS {
        let mut script = site.script(version);
        let token = site.token_behind(11);
        let first = script.asks(&format!(r#"41 01 0101 01 60 51 "7" {token}"#));
        assert_eq!(first.header.code, Code::CONTENT);
        assert!(first.observe().is_some());
        let whole = fetch_moving(&site, &mut script, &first, |number| rest(9, number));
        let (mut next_batch, _) = read_sync(&from_cbor(&whole));
        let handshakes = site.nat.handshakes();
        let mut known = BTreeSet::new();
        for round in 0..2_u32 {
            let text = long(&format!("{version:?} {round}"), 4_000);
            site.say(&text);
            let notified = notification(&mut script, &mut known);
            site.say("meanwhile");
            let whole = fetch_moving(&site, &mut script, &notified, |number| rest(round, number));
            assert!(whole.len() > 4_000);
            let (after, texts) = read_sync(&from_cbor(&whole));
            assert_eq!(texts, [text]);
            assert_ne!(after, next_batch);
            let behind = notification(&mut script, &mut known);
            let (after, texts) = read_sync(&behind.map());
            assert_eq!(texts, ["meanwhile"]);
            next_batch = after;
        }
        assert_eq!(site.nat.handshakes(), handshakes);
    }
}

/// The next notification, acknowledged. What comes twice, because the path has changed meanwhile or the
/// acknowledgement was late, is acknowledged twice; its id is known.
#[track_caller]
fn notification(script: &mut Script, known: &mut BTreeSet<u16>) -> Heard {
    loop {
        let heard = script.hears("a notification");
        if heard.header.kind == Type::Confirmable {
            script.acknowledges(&heard);
            let is_new = known.insert(heard.header.id);
            if is_new && heard.header.token.as_bytes() == [1] {
                return heard;
            }
        }
    }
}

/// Asks for a block of a notification, with a token of its own, and that token.
fn rest(round: u32, number: u32) -> (String, Vec<u8>) {
    let block = number << 4 | 6;
    let id = 0x0200 + (round << 6) + number;
    let token = vec![2, round as u8, number as u8];
    let request = format!(r#"43 01 {id:04x} 02{round:02x}{number:02x} b1 "7" c1 {block:02x}"#);
    (request, token)
}
