//! Any datagram.

use crate::{
    session::ConnectionId,
    wire::{
        Hello, Kind, Record, bump_epoch0, is_retry, records, records_without_id,
        server_random_advertises_13,
    },
};

/// Takes `input` apart as a datagram, towards a server and towards a client, and checks what must hold for any bytes.
///
/// # Panics
/// If something does not hold.
pub fn check_wire(input: &[u8]) {
    check_all(input, records(input), |bytes| records(bytes).next());
    check_all(input, records_without_id(input), |bytes| {
        records_without_id(bytes).next()
    });
    for record in records_without_id(input) {
        assert_eq!(record.connection_id(), None);
    }
    check_peeks(input);
}

/// Records are what the datagram begins with, one after the other, and each is the same by itself.
fn check_all<'a>(
    input: &'a [u8],
    all: impl Iterator<Item = Record<'a>>,
    first: fn(&'a [u8]) -> Option<Record<'a>>,
) {
    let mut rest = input;
    for record in all {
        assert!(!record.bytes.is_empty());
        assert_eq!(record.bytes, &rest[..record.bytes.len()]);
        rest = &rest[record.bytes.len()..];
        assert_eq!(first(record.bytes), Some(record));
        check_record(&record);
    }
    assert_eq!(first(rest), None);
}

fn check_record(record: &Record<'_>) {
    let id: Option<ConnectionId> = match record.kind {
        Kind::Plain { .. } | Kind::Unified { cid: None } => None,
        Kind::Cid12(id) | Kind::Unified { cid: Some(id) } => id.try_into().ok(),
    };
    assert_eq!(record.connection_id(), id);
    assert!(id.is_none_or(|id| record.bytes.windows(id.len()).any(|window| window == id)));
    let peeked = Hello::peek(record.bytes);
    assert!(record.is_hello() || peeked.is_none());
    check_peeks(record.bytes);

    let mut bumped = record.bytes.to_vec();
    bump_epoch0(&mut bumped);
    assert_eq!(
        bumped != record.bytes,
        matches!(record.kind, Kind::Plain { epoch: 0, .. })
    );
    assert_eq!(Hello::peek(&bumped), peeked);
}

/// What is made of bytes that may be anything.
fn check_peeks(bytes: &[u8]) {
    if let Some(hello) = Hello::peek(bytes) {
        assert!(hello.offset <= hello.length);
        assert!(!hello.whole || hello.offset == 0 && hello.random.is_some());
        let known = hello.offers_13 || hello.cookie || hello.ticket || hello.offers_id;
        assert!(hello.whole || !known);
        assert!(!hello.whole || bytes.len() == 25 + hello.length);
    }
    if let Some(name) = Hello::server_name(bytes) {
        // Lengths that contradict each other in other extensions are not looked for here.
        assert!(Hello::peek(bytes).is_none_or(|hello| hello.whole));
        assert!((1..=255).contains(&name.len()));
        assert!(name.bytes().all(|byte| byte.is_ascii_graphic()));
    }
    // The random of a retry does not end like the mark.
    assert!(!is_retry(bytes) || server_random_advertises_13(bytes) == Some(false));
}
