use super::{
    Malformed, OptionFormat, OptionList, OptionNumber, OptionTooLong, Options, uint_from_bytes,
    uint_to_bytes,
};
use crate::vectors::{check_options, unhex};

/// Values on both sides of each edge of the extended form (RFC 7252 section 3.1).
const EDGES: [usize; 11] = [0, 1, 12, 13, 14, 268, 269, 270, 65_534, 65_535, 65_804];

fn split(bytes: &[u8]) -> Result<Options<'_>, Malformed> {
    Options::split(bytes).map(|(options, _)| options)
}

/// One option as it stands on the wire.
fn wire(delta: usize, length: usize) -> Vec<u8> {
    let parts = |value: usize| match value {
        0..=12 => (value as u8, vec![]),
        13..=268 => (13, vec![(value - 13) as u8]),
        _ => (14, ((value - 269) as u16).to_be_bytes().to_vec()),
    };
    let ((delta, delta_rest), (length, length_rest)) = (parts(delta), parts(length));
    [vec![delta << 4 | length], delta_rest, length_rest].concat()
}

#[test]
fn deltas_and_lengths_at_every_edge() {
    for delta in EDGES {
        for length in EDGES {
            let mut bytes = wire(delta, length);
            bytes.resize(bytes.len() + length, 7);
            if delta > 65_535 {
                assert_eq!(split(&bytes).unwrap_err(), Malformed::Number);
                continue;
            }
            let number = OptionNumber(delta as u16);
            let value = vec![7; length];
            let options = split(&bytes).unwrap();
            assert!(options.iter().eq([(number, &*value)]));
            let mut list = OptionList::new();
            list.push(number, &value).unwrap();
            assert_eq!(list, options.into());

            for end in (1..bytes.len())
                .rev()
                .take(40)
                .chain(1..bytes.len().min(40))
            {
                assert_eq!(split(&bytes[..end]).unwrap_err(), Malformed::Truncated);
            }
        }
    }
}

#[test]
fn numbers_add_up_to_at_most_65_535() {
    for first in EDGES {
        let Some(rest) = 65_535_usize.checked_sub(first) else {
            continue;
        };
        let whole = [wire(first, 0), wire(rest, 0)].concat();
        let numbers: Vec<usize> = split(&whole)
            .unwrap()
            .iter()
            .map(|(number, _)| usize::from(number.0))
            .collect();
        assert_eq!(numbers, [first, 65_535]);
        let beyond = [wire(first, 0), wire(rest + 1, 0)].concat();
        assert_eq!(split(&beyond).unwrap_err(), Malformed::Number);
    }
    let highest = [wire(65_535, 0), wire(0, 0), wire(0, 1), vec![9]].concat();
    assert_eq!(
        split(&highest).unwrap().all(OptionNumber(65_535)).count(),
        3
    );
    let beyond = [wire(65_535, 0), wire(0, 0), wire(1, 0)].concat();
    assert_eq!(split(&beyond).unwrap_err(), Malformed::Number);
}

#[test]
fn fifteen_is_reserved() {
    for other in 0..15_u8 {
        for first in [0xf0 | other, other << 4 | 15] {
            let mut bytes = vec![first];
            bytes.resize(100, 0);
            assert_eq!(
                split(&bytes).unwrap_err(),
                Malformed::Reserved,
                "{first:02x}"
            );
            // Also where it is the last byte and not all of its extensions are there.
            let alone = split(&[first]).unwrap_err();
            assert!(matches!(alone, Malformed::Reserved | Malformed::Truncated));
        }
    }
}

#[test]
fn options_end_at_the_marker() {
    let bytes = unhex("b1 61 01 62 ff 01 02");
    let (options, payload) = Options::split(&bytes).unwrap();
    assert!(options.all(OptionNumber::URI_PATH).eq([b"a", b"b"]));
    assert_eq!(payload, Some(&[1, 2][..]));
    assert_eq!(Options::split(&[0xff]).unwrap().1, Some(&[][..]));
    let (options, payload) = Options::split(&[]).unwrap();
    assert!(options.is_empty() && payload.is_none());
}

#[test]
fn options_are_found_by_number() {
    let bytes = unhex("48 0102030405060708 71 61 00 01 62 10 d1 01 00");
    let options = split(&bytes).unwrap();
    assert_eq!(options.first(OptionNumber::ETAG), Some(&bytes[1..9]));
    assert!(
        options
            .all(OptionNumber::URI_PATH)
            .eq([&b"a"[..], b"", b"b"])
    );
    assert_eq!(
        options.uint(OptionNumber::ETAG),
        Some(0x0102_0304_0506_0708)
    );
    assert_eq!(options.uint(OptionNumber::CONTENT_FORMAT), Some(0));
    assert_eq!(options.uint(OptionNumber(26)), Some(0));
    for missing in [0, 3, 5, 13, 25, 27, 65_535].map(OptionNumber) {
        assert_eq!(options.first(missing), None);
        assert_eq!(options.uint(missing), None);
        assert_eq!(options.all(missing).count(), 0);
    }
    assert_eq!(
        format!("{options:?}"),
        "{OptionNumber(4): 8, OptionNumber(11): 1, OptionNumber(11): 0, OptionNumber(11): 1, \
         OptionNumber(12): 0, OptionNumber(26): 1}"
    );
}

#[test]
fn uints() {
    for (value, bytes) in [
        (0, &[][..]),
        (1, &[1]),
        (255, &[255]),
        (256, &[1, 0]),
        (65_535, &[255, 255]),
        (65_536, &[1, 0, 0]),
        (1 << 32, &[1, 0, 0, 0, 0]),
        (u64::MAX, &[255; 8]),
    ] {
        let (array, length) = uint_to_bytes(value);
        assert_eq!(&array[..length], bytes);
        assert_eq!(uint_from_bytes(bytes), Some(value));
        let padded = [&[0], bytes].concat();
        assert_eq!(uint_from_bytes(&padded), (bytes.len() < 8).then_some(value));
        let mut list = OptionList::new();
        list.push_uint(OptionNumber::SIZE1, value);
        assert_eq!(list.first(OptionNumber::SIZE1), Some(bytes));
        assert_eq!(list.uint(OptionNumber::SIZE1), Some(value));
    }
    assert_eq!(uint_from_bytes(&[0; 9]), None);
}

#[test]
fn a_list_is_in_order_however_it_was_made() {
    let mut list = OptionList::new();
    list.push(OptionNumber::URI_QUERY, "q").unwrap();
    list.push(OptionNumber::URI_PATH, "first").unwrap();
    list.push_uint(OptionNumber::SIZE1, 700);
    list.push(OptionNumber::URI_PATH, "second").unwrap();
    list.push_empty(OptionNumber::OBSERVE);
    let expected = [
        (OptionNumber::OBSERVE, &b""[..]),
        (OptionNumber::URI_PATH, b"first"),
        (OptionNumber::URI_PATH, b"second"),
        (OptionNumber::URI_QUERY, b"q"),
        (OptionNumber::SIZE1, &[2, 188]),
    ];
    assert!(list.iter().eq(expected));

    let mut other = OptionList::new();
    for (number, value) in expected {
        other.push(number, value).unwrap();
    }
    assert_eq!(list, other);
    other.set_uint(OptionNumber::OBSERVE, 1);
    assert_ne!(list, other);
}

#[test]
fn options_are_removed_and_replaced() {
    let mut list = OptionList::new();
    assert!(list.is_empty());
    list.remove(OptionNumber::BLOCK2);
    for value in ["a", "b"] {
        list.push(OptionNumber::URI_PATH, value).unwrap();
    }
    list.push_uint(OptionNumber::BLOCK2, 6);
    list.push(OptionNumber::ETAG, "tag").unwrap();
    list.remove(OptionNumber::URI_PATH);
    assert!(list.iter().eq([
        (OptionNumber::ETAG, &b"tag"[..]),
        (OptionNumber::BLOCK2, &[6])
    ]));
    list.set_uint(OptionNumber::BLOCK2, 0x0123_4567);
    assert_eq!(list.uint(OptionNumber::BLOCK2), Some(0x0123_4567));
    assert_eq!(list.first(OptionNumber::ETAG), Some(&b"tag"[..]));
    list.remove(OptionNumber::ETAG);
    list.remove(OptionNumber::BLOCK2);
    assert!(list.is_empty());
    assert_eq!(list, OptionList::new());
}

/// A block transfer sets the same option again and again.
#[test]
fn replacing_takes_no_more_memory() {
    let mut list = OptionList::new();
    list.push(OptionNumber::URI_PATH, "path").unwrap();
    for value in 0..10_000 {
        list.set_uint(OptionNumber::BLOCK2, value << 4);
    }
    assert!(list.footprint() < 128, "{}", list.footprint());
}

#[test]
fn a_value_that_is_too_long() {
    let mut list = OptionList::new();
    assert_eq!(
        list.push(OptionNumber::URI_PATH, vec![0; 65_805]),
        Err(OptionTooLong)
    );
    assert!(list.is_empty());
    assert_eq!(
        OptionTooLong.to_string(),
        "the value of an option has at most 65,804 bytes"
    );
}

/// The classes of numbers: table 4 of RFC 7252 with those that came later.
#[test]
fn what_numbers_say() {
    let critical = [1, 3, 5, 7, 11, 15, 17, 23, 27, 35, 39];
    let elective = [4, 6, 8, 12, 14, 20, 28, 60, 252, 258, 292];
    let unsafe_to_forward = [3, 6, 7, 11, 14, 15, 23, 27, 35, 39, 258];
    let no_cache_key = [28, 60, 252];
    for number in critical.into_iter().chain(elective) {
        let option = OptionNumber(number);
        assert!(option.definition().is_some(), "{option}");
        assert_eq!(option.is_critical(), critical.contains(&number), "{option}");
        assert_eq!(
            option.is_unsafe_to_forward(),
            unsafe_to_forward.contains(&number),
            "{option}"
        );
        assert_eq!(
            option.is_no_cache_key(),
            no_cache_key.contains(&number),
            "{option}"
        );
    }
    let known = (0..=u16::MAX).filter(|&number| OptionNumber(number).definition().is_some());
    assert_eq!(known.count(), critical.len() + elective.len());
}

#[test]
fn definitions() {
    let uri_path = OptionNumber::URI_PATH.definition().unwrap();
    assert_eq!(uri_path.format, OptionFormat::String);
    assert!(uri_path.repeatable);
    assert_eq!((uri_path.min, uri_path.max), (0, 255));
    let block = OptionNumber::BLOCK1.definition().unwrap();
    assert_eq!(block.format, OptionFormat::Uint);
    assert!(!block.repeatable);
    assert_eq!(block.max, 3);
    assert_eq!(
        OptionNumber::IF_NONE_MATCH.definition().unwrap().format,
        OptionFormat::Empty
    );
    assert_eq!(OptionNumber::REQUEST_TAG.to_string(), "Request-Tag");
    assert_eq!(OptionNumber(256).to_string(), "option 256");
}

#[test]
fn any_plan_of_any_step() {
    for step in 0..=8 {
        for number in [0_u16, 12, 13, 268, 269, 65_535] {
            let [high, low] = number.to_be_bytes();
            for length in [0_u8, 6, 128, 129, 255] {
                check_options(&[
                    step, high, low, length, 7, 9, 4, 0, 11, step, high, low, 128, 141,
                ]);
            }
        }
    }
}
