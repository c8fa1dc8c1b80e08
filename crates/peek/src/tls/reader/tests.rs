use crate::HostName;
use crate::tls::{
    HelloReader, MAX_BODY_LEN, MAX_MESSAGE_LEN, MAX_RECEIVED_LEN, Malformed, Progress,
};
use crate::vectors::{CAPTURES, check_hello, extension, hello, message, records, sni};

const NEED_MORE: Result<Progress, Malformed> = Ok(Progress::NeedMore);
const NOT_TLS: Result<Progress, Malformed> = Ok(Progress::NotTls);
const COMPLETE: Result<Progress, Malformed> = Ok(Progress::Complete);

#[test]
fn other_protocols_are_seen_by_their_first_byte() {
    for input in [
        &b"<?xml version='1.0'?>"[..],
        b"GET / HTTP/1.1\r\n",
        b"\x00",
        b"\x15\x03\x01\x00\x02\x01\x00",
        // A hello of SSL 2.0 that offers TLS 1.0.
        b"\x80\x2E\x01\x03\x01\x00\x15",
        b"\x16\x02",
        b"\x16\x04\x01",
        b"\x16\x16",
    ] {
        assert_eq!(advance(input), NOT_TLS, "{input:?}");
        check_hello(input);
    }
    for input in [
        &b""[..],
        b"\x16",
        b"\x16\x03",
        b"\x16\x03\x03\x40",
        b"\x16\x03\xFF",
    ] {
        assert_eq!(advance(input), NEED_MORE, "{input:?}");
    }
}

#[test]
fn wrong_framing_is_refused_at_its_first_byte() {
    let cases: [(&[u8], Malformed); 9] = [
        (b"\x16\x03\x01\x00\x00", Malformed::RecordLength),
        (b"\x16\x03\x01\x40\x01", Malformed::RecordLength),
        (b"\x16\x03\x01\x00\x01\x02", Malformed::HandshakeType),
        (b"\x16\x03\x01\x00\x01\x00", Malformed::HandshakeType),
        (
            b"\x16\x03\x01\x00\x01\x01\x17",
            Malformed::RecordInterleaved,
        ),
        (
            b"\x16\x03\x01\x00\x01\x01\x16\x02",
            Malformed::RecordVersion,
        ),
        (
            b"\x16\x03\x01\x00\x01\x01\x16\x03\x01\x00\x00",
            Malformed::RecordLength,
        ),
        (b"\x16\x03\x01\x00\x04\x01\x01\x00\x01", Malformed::TooLarge),
        (b"\x16\x03\x01\x00\x04\x01\xFF\xFF\xFF", Malformed::TooLarge),
    ];
    for (input, reason) in cases {
        assert_eq!(advance(&input[..input.len() - 1]), NEED_MORE, "{input:?}");
        assert_eq!(advance(input), Err(reason), "{input:?}");
        check_hello(input);
    }
}

#[test]
fn a_hello_may_end_nowhere_but_at_its_end() {
    for capture in CAPTURES {
        let mut reader = HelloReader::new();
        for end in 0..capture.bytes.len() {
            assert_eq!(
                advance(&capture.bytes[..end]),
                NEED_MORE,
                "{} at {end}",
                capture.name
            );
            assert_eq!(reader.advance(&capture.bytes[..end]), NEED_MORE);
        }
        assert_eq!(reader.advance(capture.bytes), COMPLETE);
        assert_eq!(reader.message_len() + 5, capture.bytes.len());
    }
}

#[test]
fn what_follows_the_hello_is_ignored() {
    let message = hello(&[], &[sni("example.org")]);
    let wire = records(&message, &[16_384]);
    let mut with_early_data = wire.clone();
    with_early_data.extend_from_slice(b"\x17\x03\x03\x00\x05early");
    let mut with_another_message = records(&[&message[..], b"\x01\x00"].concat(), &[16_384]);
    with_another_message.extend_from_slice(b"\x00\x00\x00");
    for input in [with_early_data, with_another_message] {
        let mut reader = HelloReader::new();
        assert_eq!(reader.advance(&input), COMPLETE);
        assert_eq!(reader.message_len(), message.len());
        let hello = reader.hello(&input, &mut []).unwrap();
        assert_eq!(
            hello.sni().name().map(HostName::as_str),
            Some("example.org")
        );
        check_hello(&input);
    }
}

#[test]
fn the_length_is_known_after_four_bytes() {
    let wire = records(&hello(&[], &[]), &[1]);
    let mut reader = HelloReader::new();
    for (end, len) in [(0, 0), (6, 0), (23, 0), (24, 79)] {
        assert_eq!(reader.advance(&wire[..end]), NEED_MORE);
        assert_eq!(reader.message_len(), len, "after {end} bytes");
    }
    assert!(!reader.in_one_record());
}

#[test]
fn one_byte_records_of_the_longest_hello_are_read_once() {
    let message = padded(MAX_BODY_LEN);
    assert_eq!(message.len(), MAX_MESSAGE_LEN);
    let wire = records(&message, &[1]);
    assert_eq!(wire.len(), MAX_RECEIVED_LEN);

    // One byte at a time: if each call began anew this would take 77 billion steps.
    let mut reader = HelloReader::new();
    for end in 0..wire.len() {
        assert_eq!(reader.advance(&wire[..end]), NEED_MORE);
    }
    assert_eq!(reader.advance(&wire), COMPLETE);
    let mut scratch = vec![0; MAX_MESSAGE_LEN];
    let hello = reader.hello(&wire, &mut scratch).unwrap();
    assert_eq!(
        hello.sni().name().map(HostName::as_str),
        Some("example.org")
    );
}

#[test]
fn hellos_of_many_lengths_are_read_up_to_the_limit() {
    for body in [
        15_000,
        16_380,
        16_381,
        40_000,
        MAX_BODY_LEN - 1,
        MAX_BODY_LEN,
    ] {
        let message = padded(body);
        check_hello(&records(&message, &[16_384]));
        assert_eq!(advance(&records(&message, &[16_384])), COMPLETE);
    }
    let too_large = message(1, &vec![0; MAX_BODY_LEN + 1]);
    assert_eq!(
        advance(&records(&too_large, &[16_384])[..9]),
        Err(Malformed::TooLarge)
    );
    assert_eq!(
        advance(&records(&too_large, &[1])),
        Err(Malformed::TooLarge)
    );
}

#[test]
#[should_panic(expected = "not complete")]
fn an_incomplete_hello_cannot_be_shown() {
    let wire = records(&hello(&[], &[]), &[16_384]);
    let mut reader = HelloReader::new();
    assert_eq!(reader.advance(&wire[..20]), NEED_MORE);
    let _shown = reader.hello(&wire, &mut []);
}

/// A hello with a body of `len` bytes.
fn padded(len: usize) -> Vec<u8> {
    let sni = sni("example.org");
    let fixed = hello(&[], &[sni.clone(), extension(21, &[])]).len() - 4;
    // An extension goes up to 65,535 bytes, and so do all of them together: the rest of the
    // longest hello is cipher suites.
    let padding = (len - fixed).min(60_000);
    let suites = vec![0x1301; 1 + (len - fixed - padding) / 2];
    let padding = len - fixed - 2 * (suites.len() - 1);
    hello(&suites, &[sni, extension(21, &vec![0; padding])])
}

fn advance(input: &[u8]) -> Result<Progress, Malformed> {
    HelloReader::new().advance(input)
}
