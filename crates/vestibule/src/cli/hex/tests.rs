use proptest::prelude::*;

use super::*;

fn odd(digits: usize, offset: usize) -> Result<Vec<u8>, HexError> {
    Err(HexError::Odd { digits, offset })
}

fn no_digit(character: char, offset: usize) -> Result<Vec<u8>, HexError> {
    Err(HexError::Digit { character, offset })
}

#[test]
fn what_may_stand_around_digits_is_skipped() {
    for text in [
        "0a1B",
        " 0a 1b\n",
        "0x0a,0X1b",
        "\\x0a\\x1b",
        "0x0a1b",
        "0a:1b",
        "0a0x1b",
        "0x 0a1b",
    ] {
        assert_eq!(from_hex(text.as_bytes()), Ok(vec![0x0a, 0x1b]), "{text}");
    }
    assert_eq!(from_hex(b""), Ok(vec![]));
    assert_eq!(from_hex(b"0x00"), Ok(vec![0]));
}

#[test]
fn mistakes_have_their_place() {
    assert_eq!(from_hex(b"a161610xg"), no_digit('g', 8));
    assert_eq!(from_hex(b"00 0g"), no_digit('g', 4));
    assert_eq!(from_hex("00é0".as_bytes()), no_digit('é', 2));
    assert_eq!(from_hex(b"00\xff"), no_digit('\u{fffd}', 2));
    assert_eq!(from_hex(b"00\xc3"), no_digit('\u{fffd}', 2));
    assert_eq!(from_hex(b"a 00"), odd(1, 0));
    assert_eq!(from_hex(b"00 0x123"), odd(3, 3));
    assert_eq!(from_hex(b"0x1 0x2"), odd(1, 0));
}

#[test]
fn a_message_is_short_however_long_the_input_is() {
    let error = from_hex(&[b'a'; 2_000_001]).unwrap_err();
    assert_eq!(
        error.to_string(),
        "an odd number of hexadecimal digits (2000001), from byte 0 of the digits on; a byte has two"
    );
}

#[test]
fn digits_are_told_from_bytes() {
    assert!(looks_like_hex(b"0x18, 64\n"));
    for other in [&b""[..], b" ,", b"18g", b"\x8118", "18é".as_bytes()] {
        assert!(!looks_like_hex(other));
    }
}

proptest! {
    #[test]
    fn bytes_come_back(bytes in proptest::collection::vec(any::<u8>(), 0..9000)) {
        let mut written = Vec::new();
        write_hex(&bytes, &mut written).unwrap();
        prop_assert_eq!(to_hex(&bytes).into_bytes(), written.clone());
        prop_assert_eq!(from_hex(&written).unwrap(), bytes);
    }

    #[test]
    fn any_input_has_a_result(input in "[0-9a-gxX\\\\ ,é]{0,20}") {
        if let Err(HexError::Digit { offset, .. } | HexError::Odd { offset, .. }) = from_hex(input.as_bytes()) {
            prop_assert!(offset < input.len());
        }
    }
}
