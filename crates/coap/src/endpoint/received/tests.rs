use std::time::Duration;

use super::*;

fn key(id: u16) -> MessageKey {
    MessageKey::new(id, b"datagram")
}

fn datagram(length: usize) -> Reply {
    Reply::Datagram(Bytes::from(vec![0; length]))
}

#[test]
fn messages_are_known_again_until_they_cannot_come_again() {
    let config = Config::default();
    let mut received = Received::default();
    let now = Instant::now();
    assert!(received.reply(key(1)).is_none());
    received.insert(now, key(1), &config).unwrap();
    assert!(matches!(received.reply(key(1)), Some(Reply::Nothing)));
    received.set_reply(key(1), datagram(10), &config);
    assert!(matches!(received.reply(key(1)), Some(Reply::Datagram(_))));
    received.forget(now + EXCHANGE_LIFETIME - Duration::from_millis(1));
    assert_eq!(received.len(), 1);
    assert_eq!(received.next_timeout(), Some(now + EXCHANGE_LIFETIME));
    received.forget(now + EXCHANGE_LIFETIME);
    assert_eq!((received.len(), received.footprint()), (0, 0));
    assert_eq!(received.next_timeout(), None);
}

#[test]
fn messages_with_the_id_0_are_known_by_their_bytes() {
    let config = Config::default();
    let mut received = Received::default();
    let one = MessageKey::new(0, b"one");
    received.insert(Instant::now(), one, &config).unwrap();
    assert!(received.reply(MessageKey::new(0, b"one")).is_some());
    assert!(received.reply(MessageKey::new(0, b"two")).is_none());
    assert_eq!(MessageKey::new(1, b"one"), MessageKey::new(1, b"two"));
}

#[test]
fn the_oldest_answers_go_first_and_their_messages_stay() {
    let config = Config {
        max_reply_bytes: 100,
        ..Config::default()
    };
    let mut received = Received::default();
    let now = Instant::now();
    for id in 1..=5 {
        received.insert(now, key(id), &config).unwrap();
        received.set_reply(key(id), datagram(30), &config);
    }
    let held = |id| matches!(received.reply(key(id)), Some(Reply::Datagram(_)));
    assert_eq!(
        (1..=5).map(held).collect::<Vec<_>>(),
        [false, false, true, true, true]
    );
    assert_eq!(received.len(), 5);
    received.forget(now + EXCHANGE_LIFETIME);
    assert_eq!(received.footprint(), 0);
}

#[test]
fn there_is_an_end_to_what_is_remembered() {
    let config = Config {
        max_received: 3,
        ..Config::default()
    };
    let mut received = Received::default();
    let now = Instant::now();
    for id in 1..=3 {
        received.insert(now, key(id), &config).unwrap();
    }
    assert!(received.insert(now, key(4), &config).is_err());
    let later = now + EXCHANGE_LIFETIME;
    assert!(received.insert(later, key(4), &config).is_ok());
    assert_eq!(received.len(), 1);
}

#[test]
fn forgotten_messages_have_no_answers() {
    let config = Config::default();
    let mut received = Received::default();
    received.set_reply(key(1), datagram(30), &config);
    assert_eq!(received.footprint(), 0);
    assert!(received.reply(key(1)).is_none());
}
