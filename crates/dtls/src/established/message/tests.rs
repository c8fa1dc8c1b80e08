use super::{Inbox, Taken, immediate_id};
use crate::wire::Fragment;

/// Parts are taken in order, again if they come again, and only such as fit together.
#[test]
fn messages_in_parts() {
    let fragment = |seq: u16, length: u8, offset: u8, body: &[u8]| {
        let mut bytes = vec![10, 0, 0, length];
        bytes.extend(seq.to_be_bytes());
        bytes.extend([0, 0, offset, 0, 0, body.len() as u8]);
        bytes.extend(body);
        bytes
    };
    let take = |inbox: &mut Inbox, bytes: &[u8]| match inbox.take(&Fragment::next(bytes).unwrap()) {
        Taken::Whole(kind, body) => format!("{kind} {body:?}"),
        Taken::Kept => "kept".to_owned(),
        Taken::Early => "early".to_owned(),
        Taken::Senseless => "senseless".to_owned(),
    };
    let mut inbox = Inbox::new(7);
    for (bytes, becomes) in [
        (fragment(6, 1, 0, b"x"), "kept"),
        (fragment(8, 1, 0, b"x"), "early"),
        (fragment(7, 5, 2, b"cd"), "early"),
        (fragment(7, 5, 0, b"ab"), "kept"),
        (fragment(7, 5, 0, b"a"), "kept"),
        (fragment(7, 5, 3, b"de"), "early"),
        (fragment(7, 5, 1, b"bcd"), "kept"),
        (fragment(7, 6, 4, b"ef"), "senseless"),
        (fragment(7, 5, 2, b"cde"), "10 [97, 98, 99, 100, 101]"),
        (fragment(7, 5, 2, b"cde"), "kept"),
        (fragment(8, 0, 0, b""), "10 []"),
    ] {
        assert_eq!(take(&mut inbox, &bytes), becomes);
    }
    let mut last = Inbox::new(u16::MAX);
    assert_eq!(take(&mut last, &fragment(u16::MAX, 0, 0, b"")), "senseless");
}

#[test]
fn lists_of_connection_ids() {
    for (body, id) in [
        (&[0, 0, 1][..], Some(None)),
        (&[0, 3, 2, 7, 8, 0], Some(Some(&[7, 8][..]))),
        (&[0, 5, 2, 7, 8, 1, 9, 0], Some(Some(&[7, 8]))),
        (&[0, 3, 2, 7, 8, 1], Some(None)),
        (&[0, 0, 0], None),
        (&[0, 3, 2, 7, 8, 2], None),
        (&[0, 3, 2, 7, 8], None),
        (&[0, 3, 3, 7, 8, 0], None),
        (&[0, 1, 0, 0], None),
        (&[0, 9, 2, 7, 8, 0], None),
        (&[0], None),
    ] {
        assert_eq!(immediate_id(body), id, "{body:?}");
    }
}
