use proptest::prelude::*;

use super::{Header, Keys, Secret, Suite, Window};
use crate::vectors::dtls13;

const SUITES: [(u16, usize); 3] = [(0x1301, 32), (0x1302, 48), (0x1303, 32)];

fn suite(number: u16) -> Suite {
    Suite::from_number(number).unwrap()
}

/// What is sealed is what another implementation opens, and the other way round.
#[test]
fn another_implementation() {
    for (number, length) in SUITES {
        let raw = vec![7; length];
        let secret = Secret::new(suite(number), &raw).unwrap();
        let keys = Keys::new(&secret).unwrap();
        let other = dtls13::Direction::new(number, &raw);
        for (epoch, sequence, id, content) in [
            (3, 0, &b""[..], &b""[..]),
            (4, 65_537, b"id", b"content"),
            (6, (1 << 48) - 1, &[9; 255], &[1; 16_384]),
        ] {
            let record = keys.seal((epoch, sequence), id, 23, content).unwrap();
            let (header, inner) = other.open(&record, id.len(), sequence).unwrap();
            assert_eq!(header.id, id);
            assert_eq!(u64::from(header.first & 3), epoch & 3);
            assert_eq!(inner, [content, &[23]].concat());

            let header = dtls13::Header::new(
                epoch as u8,
                (!id.is_empty()).then_some(id),
                sequence,
                true,
                None,
            );
            let record = other.seal(&header, sequence, &[content, &[23, 0, 0]].concat());
            let header = Header::parse(&record, id.len()).unwrap();
            assert_eq!(header.id().unwrap_or_default(), id);
            assert!(header.may_be_of(epoch) && !header.may_be_of(epoch + 1));
            assert_eq!(keys.number(&header, sequence), Some(sequence));
            let opened = keys.open(&header, sequence).unwrap();
            assert_eq!((opened.kind, opened.content()), (Some(23), content));
            assert!(keys.open(&header, sequence ^ 1).is_none());
        }
    }
}

#[test]
fn secrets_have_the_length_of_their_hash() {
    for (number, length) in SUITES {
        for wrong in [0, 32, 48, 64] {
            let secret = Secret::new(suite(number), &vec![1; wrong]);
            assert_eq!(secret.is_some(), wrong == length);
        }
    }
    assert_eq!(Suite::from_number(0x1304), None);
}

#[test]
fn records_that_are_too_long() {
    let secret = Secret::new(Suite::Aes128, &[1; 32]).unwrap();
    let keys = Keys::new(&secret).unwrap();
    assert!(keys.seal((3, 0), b"", 23, &[0; 65_518]).is_some());
    assert!(keys.seal((3, 0), b"", 23, &[0; 65_519]).is_none());
    assert!(secret.export(b"label", b"", &mut vec![0; 70_000]).is_none());
    assert!(secret.export(&[1; 250], b"", &mut [0; 32]).is_none());
}

/// With two bytes of it there, a number is found that is up to half as far away as they reach.
#[test]
fn numbers() {
    let secret = Secret::new(Suite::Aes128, &[1; 32]).unwrap();
    let keys = Keys::new(&secret).unwrap();
    for number in [0, 1, 40_000, 65_535, 65_536, 1 << 40, (1 << 48) - 1] {
        let record = keys.seal((3, number), b"", 23, b"x").unwrap();
        let header = Header::parse(&record, 0).unwrap();
        for next in [
            number.saturating_sub(32_700),
            number,
            number + 1,
            number + 32_700,
        ] {
            assert_eq!(keys.number(&header, next), Some(number), "{next}");
        }
        assert_ne!(keys.number(&header, number + 32_800), Some(number));
    }
    let record = keys.seal((3, 1 << 48), b"", 23, b"x").unwrap();
    let header = Header::parse(&record, 0).unwrap();
    assert_eq!(keys.number(&header, 1 << 48), None);
}

/// Bytes that are no record, or end before it does.
#[test]
fn headers_that_are_none() {
    let secret = Secret::new(Suite::Aes128, &[1; 32]).unwrap();
    let keys = Keys::new(&secret).unwrap();
    let record = keys.seal((3, 5), b"", 23, b"x").unwrap();
    for length in 0..record.len() {
        assert!(Header::parse(&record[..length], 0).is_none(), "{length}");
    }
    assert!(Header::parse(&[22; 40], 0).is_none());
    // One with a Connection ID, to who has none.
    assert!(Header::parse(&[0x30; 40], 0).is_none());
    // One that is too short for what authenticates it.
    let header = Header::parse(&[0x20, 1, 2, 3], 0).unwrap();
    assert_eq!(keys.number(&header, 0), None);
    assert!(keys.open(&header, 0).is_none());
}

proptest! {
    /// Each number is new once, unless it is too old.
    #[test]
    fn each_number_once(numbers in prop::collection::vec(0..300_u64, 0..200)) {
        let mut window = Window::default();
        let mut seen = std::collections::HashSet::new();
        for number in numbers {
            let old = number + 64 < window.next();
            prop_assert_eq!(window.is_new(number), !seen.contains(&number) && !old);
            if window.is_new(number) {
                window.mark(number);
                seen.insert(number);
            }
            prop_assert_eq!(window.next(), seen.iter().max().map_or(0, |it| it + 1));
        }
    }

    #[test]
    fn any_header(bytes: Vec<u8>, id in 0..6_usize) {
        let secret = Secret::new(Suite::ChaCha20, &[1; 32]).unwrap();
        let keys = Keys::new(&secret).unwrap();
        if let Some(header) = Header::parse(&bytes, id) {
            prop_assert!(header.len() <= bytes.len());
            keys.number(&header, 1000);
            prop_assert!(keys.open(&header, 1000).is_none());
        }
    }
}
