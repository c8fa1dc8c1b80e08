//! Against coap-lite: every disagreement has the clause that decides it.

use coap_lite::{MessageType, Packet};
use proptest::prelude::*;
use vestibule_coap::vectors::{CAPTURES, EXAMPLES};
use vestibule_coap::{Code, Message, OptionNumber, ParseErrorKind, Type};

use crate::generator;

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4_000))]

    #[test]
    fn reading_any_input(input in generator::input()) {
        compare(&input);
    }

    #[test]
    fn writing_any_message(sent in generator::sent()) {
        let theirs = their_packet(&sent);
        prop_assert_eq!(theirs.to_bytes_unlimited().unwrap(), sent.datagram());
        compare(&sent.datagram());
    }
}

#[test]
fn reading_captures_and_examples() {
    for vector in CAPTURES.iter().chain(EXAMPLES) {
        compare(&vector.datagram());
    }
}

/// Values of lengths that they cannot count.
#[test]
fn reading_the_longest_values() {
    for length in [65_535, 65_536, 65_804] {
        let mut sent = generator::Sent {
            header: Message::parse(&[0x40, 1, 0, 1]).unwrap().header,
            options: Default::default(),
            payload: Vec::new(),
        };
        sent.options.push(OptionNumber(1), vec![0; length]).unwrap();
        compare(&sent.datagram());
    }
}

fn compare(input: &[u8]) {
    let (ours, theirs) = (Message::parse(input), Packet::from_bytes(input));
    let context = || format!("{ours:?} but {theirs:?}: {input:02x?}");
    match (&ours, &theirs) {
        (Ok(message), Ok(packet)) => assert!(agree(message, packet), "{}", context()),
        (Ok(message), Err(_)) => assert!(why_only_we_accept(message).is_some(), "{}", context()),
        (Err(error), Ok(_)) => assert!(why_only_we_refuse(error.kind).is_some(), "{}", context()),
        (Err(_), Err(_)) => {}
    }
}

fn agree(message: &Message<'_>, packet: &Packet) -> bool {
    let header = message.header;
    let options = packet
        .options()
        .flat_map(|(&number, values)| values.iter().map(move |value| (number, &**value)));
    let same_header = their_kind(header.kind) == packet.header.get_type()
        && header.code.0 == u8::from(packet.header.code)
        && header.id == packet.header.message_id
        && header.code.to_string() == packet.header.get_code();
    // Both see the same rest, or we make nothing of it.
    let unread = message.bent && header.token.as_bytes().is_empty() && message.options.is_empty();
    same_header
        && (unread
            || header.token.as_bytes() == packet.get_token()
                && message
                    .options
                    .iter()
                    .map(|(number, value)| (number.0, value))
                    .eq(options)
                && message.payload == packet.payload)
}

/// The clause by which a message is right that they refuse.
fn why_only_we_accept(message: &Message<'_>) -> Option<&'static str> {
    if message.bent {
        // RFC 7252 would have it ignored; then the request it acknowledges were sent four times more.
        return Some("Go peers put a tail behind empty acknowledgements");
    }
    let mut lengths = message.options.iter().map(|(_, value)| value.len());
    lengths
        .any(|length| length > 65_535)
        .then_some("RFC 7252 section 3.1: a length is 269 more than sixteen bits")
}

/// The clause by which a message is wrong that they take.
fn why_only_we_refuse(kind: ParseErrorKind) -> Option<&'static str> {
    match kind {
        ParseErrorKind::Version(_) => {
            Some("RFC 7252 section 3: messages with unknown version numbers are ignored")
        }
        ParseErrorKind::NoPayload => {
            Some("RFC 7252 section 3: a marker followed by no payload is a format error")
        }
        ParseErrorKind::NotEmpty => Some(
            "RFC 7252 section 4.1: bytes after the message id of an empty message are an error",
        ),
        _ => None,
    }
}

fn their_packet(sent: &generator::Sent) -> Packet {
    let mut packet = Packet::new();
    packet.header.set_version(1);
    packet.header.set_type(their_kind(sent.header.kind));
    packet.header.code = sent.header.code.0.into();
    packet.header.message_id = sent.header.id;
    packet.set_token(sent.header.token.as_bytes().to_vec());
    for (number, value) in sent.options.iter() {
        packet.add_option(number.0.into(), value.to_vec());
    }
    packet.payload.clone_from(&sent.payload);
    assert_ne!(sent.header.code, Code::EMPTY);
    packet
}

fn their_kind(kind: Type) -> MessageType {
    match kind {
        Type::Acknowledgement => MessageType::Acknowledgement,
        Type::Confirmable => MessageType::Confirmable,
        Type::NonConfirmable => MessageType::NonConfirmable,
        Type::Reset => MessageType::Reset,
    }
}
