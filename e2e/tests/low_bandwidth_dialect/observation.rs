//! Observation of sync.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::json;
use vestibule_coap::{Code, OptionNumber, Type};
use vestibule_e2e::lowband::{
    Heard, LowbandGateway, Script, StubHomeserver, SyncFeed, from_cbor, read_sync,
};
use vestibule_e2e::{eventually, wait_for};

use super::TOKEN;

/// The id is 0, as of each registration and of each notification of the proxy.
const REGISTRATION: &str = r#"48 01 0000 4a93f3fa44aa928b 60 51 "7" 48 "since=s1" 0d00 "timeout=30000"
    dde416 "syt_YWxpY2U_abcdefghijklmnop_1a2b3c""#;

const OBSERVATION: &[u8] = &[0x4a, 0x93, 0xf3, 0xfa, 0x44, 0xaa, 0x92, 0x8b];

/// The token of the requests for blocks.
const FETCH: &[u8] = &[0xc5, 0xb0, 0x86, 0xde, 0xb9, 0x49, 0x4e, 0x68];

/// Asks for the next block in the acknowledgement of a message.
fn acknowledging_request(of: &Heard, block: &str) -> String {
    let id = of.header.id;
    format!(
        r#"68 01 {id:04x} c5b086deb9494e68 b1 "7" 48 "since=s1" 0d00 "timeout=30000"
        81 {block} dddc16 "{TOKEN}""#
    )
}

struct Site {
    feed: Arc<SyncFeed>,
    homeserver: StubHomeserver,
    _gateway: LowbandGateway,
    client: Script,
    /// The ids of what was heard. It comes again where an acknowledgement is late.
    heard: BTreeSet<u16>,
}

/// A client that is at `s1` and has registered.
fn site() -> Site {
    let feed = SyncFeed::new();
    feed.push("before", 0);
    let homeserver = StubHomeserver::feeding(&feed);
    let gateway = LowbandGateway::before(homeserver.address());
    let mut client = gateway.script();
    let answer = client.asks(REGISTRATION);
    assert_eq!(answer.header.code, Code::CONTENT);
    assert_eq!(answer.map(), json!({"next_batch": "s1"}));
    // At once, whatever the client says of its patience.
    let asked = homeserver.wait_for_asked(1);
    assert_eq!(asked.query_value("timeout"), Some("0"));
    assert_eq!(asked.query_value("since"), Some("s1"));
    assert_eq!(asked.token(), Some(TOKEN));
    Site {
        feed,
        homeserver,
        _gateway: gateway,
        client,
        heard: BTreeSet::new(),
    }
}

impl Site {
    /// The next notification, or a block of one, with this token.
    #[track_caller]
    fn notification(&mut self, token: &[u8]) -> Heard {
        let heard = loop {
            let heard = self.client.hears("a notification");
            if self.heard.insert(heard.header.id) {
                break heard;
            }
        };
        assert_eq!(heard.header.kind, Type::Confirmable, "{heard:?}");
        assert_eq!(heard.header.token.as_bytes(), token, "{heard:?}");
        assert_eq!(heard.header.code, Code::CONTENT);
        // Clients take a second message with an id for a repetition of the first.
        assert_ne!(heard.header.id, 0);
        assert_eq!(heard.options.uint(OptionNumber::CONTENT_FORMAT), Some(60));
        heard
    }

    /// The same message once more.
    #[track_caller]
    fn repetition(&mut self, of: &Heard) -> Heard {
        loop {
            let heard = self.client.hears("a repetition");
            if heard.header.id == of.header.id {
                return heard;
            }
            assert!(self.heard.contains(&heard.header.id), "{heard:?}");
        }
    }

    /// That nothing new comes for this long.
    #[track_caller]
    fn is_silent_for(&mut self, time: Duration) {
        let start = Instant::now();
        while let Some(left) = time.checked_sub(start.elapsed()) {
            if let Some(heard) = self.client.hears_within(left) {
                assert!(self.heard.contains(&heard.header.id), "{heard:?}");
            }
        }
    }
}

#[test]
fn notifications_have_ids_of_their_own() {
    let mut site = site();
    let mut ids = BTreeSet::new();
    let mut sequence = 1;
    for number in 0..5 {
        let text = format!("message {number}");
        site.feed.push(&text, 0);
        let heard = site.notification(OBSERVATION);
        assert!(ids.insert(heard.header.id));
        // The client rejects an unknown token only where the number is above 1.
        let observe = heard.observe().expect("a number");
        assert!(observe > sequence, "{observe} after {sequence}");
        sequence = observe;
        let (next_batch, texts) = read_sync(&heard.map());
        assert_eq!(
            (next_batch, texts),
            (format!("s{}", number + 2), vec![text])
        );
        // An empty acknowledgement with a token behind it, which is malformed and sent now and then.
        let [high, low] = heard.header.id.to_be_bytes();
        let bent = [&[0x68, 0, high, low], OBSERVATION].concat();
        site.client.sends(&bent);
    }
    site.is_silent_for(Duration::from_secs(1));
    // Each body was asked for once, from behind the one that was delivered before.
    let expected: Vec<_> = (1..=6).map(|at| format!("s{at}")).collect();
    wait_for("a poll behind the last one", || {
        let asked = site.homeserver.asked();
        let since = asked.iter().filter_map(|it| it.query_value("since"));
        let mut since: Vec<_> = since.map(str::to_owned).collect();
        since.dedup();
        (since == expected).then_some(())
    });
}

/// Each further block is asked for in the acknowledgement of the one before, with the id of that, a
/// token of its own, all queries and the flag for more blocks; the last one is acknowledged with four
/// bytes.
#[test]
fn a_large_notification() {
    let mut site = site();
    site.feed.push("large", 2_700);
    let first = site.notification(OBSERVATION);
    let block = first.block2().expect("a block");
    assert_eq!((block.number, block.more), (0, true));
    // Something else happens before it is fetched, and must wait.
    site.feed.push("behind", 2_700);
    let asked = site.homeserver.asked().len();

    site.client.says(&acknowledging_request(&first, "1e"));
    let second = site.notification(FETCH);
    assert_eq!(
        second.block2().map(|it| (it.number, it.more)),
        Some((1, true))
    );
    // It comes again: the block is on its way.
    site.client.says(&acknowledging_request(&first, "1e"));
    site.client.says(&acknowledging_request(&second, "2e"));
    let third = site.notification(FETCH);
    assert_eq!(
        third.block2().map(|it| (it.number, it.more)),
        Some((2, false))
    );
    let ids = BTreeSet::from([&first, &second, &third].map(|heard| heard.header.id));
    assert_eq!(ids.len(), 3);
    let tags: Vec<_> = [&first, &second, &third]
        .into_iter()
        .filter_map(|heard| heard.options.first(OptionNumber::ETAG))
        .collect();
    assert!(
        tags.len() == 3 && tags.iter().all(|tag| tag == &tags[0]),
        "{tags:?}"
    );
    let whole = [&first.payload[..], &second.payload, &third.payload].concat();
    let (next_batch, texts) = read_sync(&from_cbor(&whole));
    assert_eq!((&*next_batch, &*texts), ("s2", &["large".to_owned()][..]));
    // Nothing is asked for, and nothing is replaced, before it is delivered.
    assert_eq!(site.homeserver.asked().len(), asked);
    site.client.acknowledges(&third);

    // The next one, whose blocks must not be mixed up with those of before.
    let first = site.notification(OBSERVATION);
    site.client.says(&acknowledging_request(&third, "1e"));
    site.client.says(&acknowledging_request(&first, "1e"));
    let second = site.notification(FETCH);
    site.client.says(&acknowledging_request(&second, "2e"));
    let third = site.notification(FETCH);
    site.client.acknowledges(&third);
    let whole = [first.payload, second.payload, third.payload].concat();
    let (next_batch, texts) = read_sync(&from_cbor(&whole));
    assert_eq!((&*next_batch, &*texts), ("s3", &["behind".to_owned()][..]));
    eventually("a poll behind what was delivered", || {
        let asked = site.homeserver.asked();
        asked
            .iter()
            .any(|asked| asked.query_value("since") == Some("s3"))
    });
}

/// A block that is lost comes again, and so does an acknowledgement that is: what is delivered is the
/// same.
#[test]
fn a_large_notification_with_losses() {
    let mut site = site();
    site.feed.push("large", 1_900);
    let first = site.notification(OBSERVATION);
    let again = site.repetition(&first);
    assert_eq!(again.datagram, first.datagram, "not acknowledged");
    site.client.says(&acknowledging_request(&first, "1e"));
    let second = site.notification(FETCH);
    let again = site.repetition(&second);
    assert_eq!(again.datagram, second.datagram);
    site.client.acknowledges(&second);
    let whole = [first.payload, second.payload].concat();
    assert_eq!(read_sync(&from_cbor(&whole)).1, ["large"]);
}

/// The same again is a repetition although the id is 0, and another one is another one.
#[test]
fn registrations_with_the_id_0() {
    let mut site = site();
    let again = site.client.asks(REGISTRATION);
    assert_eq!(again.map(), json!({"next_batch": "s1"}));
    let registers = |site: &Site| {
        let asked = site.homeserver.asked();
        let at_once = asked
            .iter()
            .filter(|it| it.query_value("timeout") == Some("0"));
        at_once.count()
    };
    assert_eq!(registers(&site), 1);
    let other = site.client.asks(&format!(
        r#"48 01 0000 0102030405060708 60 51 "7" 48 "since=s1" 0d00 "timeout=30000" dde416 "{TOKEN}""#
    ));
    assert_eq!(other.map(), json!({"next_batch": "s1"}));
    assert_eq!(registers(&site), 2);
    site.feed.push("once", 0);
    // By the later one only.
    let heard = site.notification(&[1, 2, 3, 4, 5, 6, 7, 8]);
    assert_eq!(read_sync(&heard.map()).1, ["once"]);
    site.client.acknowledges(&heard);
    site.is_silent_for(Duration::from_secs(2));
}

/// A client that does not know the token of a notification any more resets it; so does one that is
/// told to stop.
#[test]
fn the_end_of_an_observation() {
    let mut site = site();
    site.feed.push("for nobody", 0);
    let heard = site.notification(OBSERVATION);
    site.client.resets(&heard);
    site.feed.push("for nobody either", 0);
    site.is_silent_for(Duration::from_secs(2));

    let again = REGISTRATION.replace("since=s1", "since=s3");
    assert_eq!(site.client.asks(&again).map(), json!({"next_batch": "s3"}));
    let end = again.replacen(" 60 51", " 61 01 51", 1);
    let answer = site.client.asks(&end);
    assert_eq!(answer.header.code, Code::CONTENT);
    answer.map();
    assert_eq!(answer.observe(), None);
    site.feed.push("nor this", 0);
    site.is_silent_for(Duration::from_secs(2));
}
