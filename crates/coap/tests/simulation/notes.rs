//! What the two applications say to each other.

use bytes::Bytes;
use vestibule_coap::{
    BlockValue, Code, Header, Message, OptionList, OptionNumber, Token, Type, encode,
};

/// Bytes that are known by what they belong to.
pub(crate) fn pattern(nonce: u64, length: usize) -> Vec<u8> {
    (0..length)
        .map(|at| (nonce as usize * 31 + at * 7 + (at >> 8) * 13) as u8)
        .collect()
}

/// Options that carry numbers by name.
pub(crate) fn options(path: &str, numbers: &[(&str, u64)]) -> OptionList {
    let mut options = OptionList::new();
    options
        .push(OptionNumber::URI_PATH, path)
        .expect("a short value");
    for (name, number) in numbers {
        options
            .push(OptionNumber::URI_QUERY, format!("{name}={number}"))
            .expect("a short value");
    }
    options
}

/// The number with this name.
pub(crate) fn number(options: &OptionList, name: &str) -> u64 {
    find_number(options, name).unwrap_or_else(|| panic!("no {name} in {options:?}"))
}

/// The number with this name, if there is one.
pub(crate) fn find_number(options: &OptionList, name: &str) -> Option<u64> {
    let value = options.all(OptionNumber::URI_QUERY).find_map(|query| {
        let (key, value) = std::str::from_utf8(query).ok()?.split_once('=')?;
        (key == name).then_some(value)
    });
    Some(value?.parse().expect("a number"))
}

/// The states after `from` up to `to`, in at least `length` bytes.
pub(crate) fn states(from: u64, to: u64, length: usize) -> Vec<u8> {
    let mut body = format!("{from} {to} ").into_bytes();
    let rest = length.saturating_sub(body.len());
    body.extend(pattern(to, rest));
    body
}

/// Where the states begin and end that a body describes.
pub(crate) fn read_states(body: &[u8]) -> (u64, u64) {
    let mut parts = body.splitn(3, |&byte| byte == b' ');
    let mut number = || {
        let part = parts.next().expect("a number");
        std::str::from_utf8(part)
            .expect("digits")
            .parse()
            .expect("a number")
    };
    let (from, to) = (number(), number());
    assert_eq!(body, states(from, to, body.len()), "a body of two bodies");
    (from, to)
}

/// A message as it is sent.
pub(crate) fn datagram(header: Header, options: &OptionList, payload: &[u8]) -> Bytes {
    let mut out = Vec::new();
    encode(header, options, payload, &mut out);
    Bytes::from(out)
}

/// An acknowledgement or a reset without anything.
pub(crate) fn empty(kind: Type, id: u16) -> Bytes {
    let header = Header {
        kind,
        code: Code::EMPTY,
        id,
        token: Token::EMPTY,
    };
    datagram(header, &OptionList::new(), &[])
}

/// A block option of a message, if it has it.
pub(crate) fn block(message: &Message<'_>, number: OptionNumber) -> Option<BlockValue> {
    let value = message.options.first(number)?;
    Some(BlockValue::parse(value).expect("a block"))
}
