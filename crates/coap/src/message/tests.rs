use super::{Header, Message, ParseError, ParseErrorKind, Type, encode};
use crate::vectors::{CAPTURES, EXAMPLES, check_message, unhex};
use crate::{Code, OptionList, OptionNumber, Token};

const KINDS: [Type; 4] = [
    Type::Confirmable,
    Type::NonConfirmable,
    Type::Acknowledgement,
    Type::Reset,
];

fn kind_of_error(datagram: &[u8]) -> ParseErrorKind {
    Message::parse(datagram).unwrap_err().kind
}

#[test]
fn captures_and_examples() {
    for vector in CAPTURES.iter().chain(EXAMPLES) {
        vector.check();
        check_message(&vector.datagram());
    }
}

#[test]
fn no_prefix_and_no_flipped_bit_breaks_the_invariants() {
    for vector in CAPTURES.iter().chain(EXAMPLES) {
        let datagram = vector.datagram();
        for end in 0..datagram.len() {
            check_message(&datagram[..end]);
        }
        let mut changed = datagram;
        for bit in 0..changed.len() * 8 {
            changed[bit / 8] ^= 1 << (bit % 8);
            check_message(&changed);
            changed[bit / 8] ^= 1 << (bit % 8);
        }
    }
}

#[test]
fn every_type_and_code() {
    for kind in KINDS {
        for code in 1..=255 {
            let datagram = [1 << 6 | kind.bits() << 4, code, 0x12, 0x34];
            let message = Message::parse(&datagram).unwrap();
            assert_eq!(message.header.kind, kind);
            assert_eq!(message.header.code, Code(code));
            assert_eq!(message.header.id, 0x1234);
            assert_eq!(message.header.token, Token::EMPTY);
            assert!(message.options.is_empty() && message.payload.is_empty() && !message.bent);
        }
    }
}

#[test]
fn every_first_byte() {
    for first in 0..=255_u8 {
        let mut datagram = vec![first, 0x45, 0, 1];
        datagram.extend([7; 15]);
        let (version, token_length) = (first >> 6, first & 15);
        match Message::parse(&datagram[..4 + usize::from(token_length)]) {
            Ok(message) => {
                assert!(version == 1 && token_length <= 8);
                assert_eq!(
                    message.header.token.as_bytes().len(),
                    usize::from(token_length)
                );
            }
            Err(ParseError { kind, header: None }) => {
                assert!(version != 1);
                assert_eq!(kind, ParseErrorKind::Version(version));
            }
            Err(ParseError {
                kind,
                header: Some(header),
            }) => {
                assert_eq!(kind, ParseErrorKind::TokenLength(token_length));
                assert_eq!(header.id, 1);
                assert_eq!(header.token, Token::EMPTY);
            }
        }
    }
}

#[test]
fn fewer_than_four_bytes() {
    for length in 0..4 {
        let error = Message::parse(&[0x40, 1, 0, 1][..length]).unwrap_err();
        assert_eq!(error.kind, ParseErrorKind::TooShort);
        assert_eq!(error.header, None);
    }
}

#[test]
fn a_token_that_is_cut_off() {
    for token_length in 1..=8_u8 {
        let mut datagram = vec![0x40 | token_length, 1, 0, 1];
        for _ in 0..token_length {
            let error = Message::parse(&datagram).unwrap_err();
            assert_eq!(error.kind, ParseErrorKind::Truncated);
            assert_eq!(error.header.unwrap().token, Token::EMPTY);
            datagram.push(9);
        }
        let token = Message::parse(&datagram).unwrap().header.token;
        assert_eq!(token.as_bytes(), &vec![9; usize::from(token_length)]);
    }
}

#[test]
fn a_broken_option_leaves_the_token() {
    let error = Message::parse(&unhex("42 01 0001 abcd f0")).unwrap_err();
    assert_eq!(error.kind, ParseErrorKind::OptionReserved);
    assert_eq!(error.header.unwrap().token.as_bytes(), [0xab, 0xcd]);
    assert_eq!(
        error.to_string(),
        "not a CoAP message: an option with a reserved delta or length"
    );
}

#[test]
fn the_payload_marker() {
    for (hex, payload) in [
        ("40 45 0001", &b""[..]),
        ("40 45 0001 ff 00", b"\0"),
        ("40 45 0001 ff ff", b"\xff"),
        ("40 45 0001 c1 3c ff ff ff", b"\xff\xff"),
        // A marker inside of a value is none, a marker inside of a token neither.
        ("40 45 0001 c1 ff", b""),
        ("41 45 0001 ff", b""),
    ] {
        let datagram = unhex(hex);
        assert_eq!(Message::parse(&datagram).unwrap().payload, payload, "{hex}");
    }
    for hex in ["40 45 0001 ff", "41 45 0001 ff ff", "40 45 0001 c1 3c ff"] {
        assert_eq!(
            kind_of_error(&unhex(hex)),
            ParseErrorKind::NoPayload,
            "{hex}"
        );
    }
}

#[test]
fn empty_messages_have_four_bytes() {
    for kind in KINDS {
        let first = 1 << 6 | kind.bits() << 4;
        let message = Message::parse(&[first, 0, 0, 1]).map(|message| message.bent);
        assert_eq!(message, Ok(false));
        for longer in [
            &[first, 0, 0, 1, 0xb0][..],
            &[first | 1, 0, 0, 1],
            &[first | 1, 0, 0, 1, 7],
        ] {
            let bent = Message::parse(longer).map(|message| message.bent);
            if kind == Type::Acknowledgement {
                assert_eq!(bent, Ok(true));
            } else {
                let error = bent.unwrap_err();
                assert_eq!(error.kind, ParseErrorKind::NotEmpty);
                assert_eq!(error.header.unwrap().id, 1);
            }
        }
    }
}

/// An acknowledgement is one, whatever stands behind it.
#[test]
fn acknowledgements_with_a_tail() {
    let datagram = unhex("6800 0000 4a93f3fa44aa928b");
    let message = Message::parse(&datagram).unwrap();
    assert!(message.bent);
    assert_eq!(message.header.token.as_bytes(), &datagram[4..]);

    for hex in [
        "6800 0007 4a93f3fa44aa92",
        "6f00 0007 4a93f3fa44aa928b 00",
        "6000 0007 ff",
        "6000 0007 f1",
        "6100 0007 01 e1",
    ] {
        let datagram = unhex(hex);
        let message = Message::parse(&datagram).unwrap();
        assert!(message.bent, "{hex}");
        assert_eq!(message.header.id, 7);
        assert_eq!(message.header.token, Token::EMPTY);
        assert!(message.options.is_empty() && message.payload.is_empty());
    }
}

/// What is longer than a datagram of UDP can be is no trouble either.
#[test]
fn options_and_payload_of_any_length() {
    let header = Header {
        kind: Type::Confirmable,
        code: Code::POST,
        id: 1,
        token: Token::EMPTY,
    };
    let payload = vec![1; 100_000];
    let mut options = OptionList::new();
    options
        .push(OptionNumber(u16::MAX), vec![2; 65_804])
        .unwrap();
    options.push(OptionNumber(0), vec![3; 65_535]).unwrap();
    let mut datagram = Vec::new();
    encode(header, &options, &payload, &mut datagram);
    check_message(&datagram);
    let message = Message::parse(&datagram).unwrap();
    assert_eq!(OptionList::from(message.options), options);
    assert_eq!(message.payload, payload);
}

#[test]
fn a_message_is_appended() {
    let header = Header {
        kind: Type::Reset,
        code: Code::EMPTY,
        id: 0x04d6,
        token: Token::EMPTY,
    };
    let mut out = vec![1, 2];
    encode(header, &OptionList::new(), &[], &mut out);
    assert_eq!(out, [1, 2, 0x70, 0, 0x04, 0xd6]);
}

#[test]
fn what_is_wrong_is_said() {
    for (kind, text) in [
        (
            ParseErrorKind::NoPayload,
            "a payload marker without a payload",
        ),
        (
            ParseErrorKind::NotEmpty,
            "an empty message of more than four bytes",
        ),
        (
            ParseErrorKind::OptionNumber,
            "an option number beyond 65535",
        ),
        (
            ParseErrorKind::TokenLength(9),
            "a token length of 9, at most 8 are allowed",
        ),
        (ParseErrorKind::TooShort, "fewer than four bytes"),
        (
            ParseErrorKind::Truncated,
            "it ends in the middle of its token or of an option",
        ),
        (ParseErrorKind::Version(2), "CoAP version 2, not 1"),
    ] {
        assert_eq!(kind.to_string(), text);
    }
}
