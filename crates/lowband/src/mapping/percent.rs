//! Percent-encoding (RFC 3986 section 2.1), of one segment or one part of a query at a time.

use std::borrow::Cow;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};

/// All but the characters of a path segment (RFC 3986 section 3.3).
const SEGMENT: &AsciiSet = &UNRESERVED
    .remove(b'!')
    .remove(b'$')
    .remove(b'&')
    .remove(b'\'')
    .remove(b'(')
    .remove(b')')
    .remove(b'*')
    .remove(b'+')
    .remove(b',')
    .remove(b';')
    .remove(b'=')
    .remove(b':')
    .remove(b'@');

/// All but the characters of a query that nobody takes for a separator or for a space.
const QUERY: &AsciiSet = &UNRESERVED
    .remove(b'!')
    .remove(b'$')
    .remove(b'\'')
    .remove(b'(')
    .remove(b')')
    .remove(b'*')
    .remove(b',')
    .remove(b'/')
    .remove(b':')
    .remove(b'?')
    .remove(b'@');

/// All but the unreserved characters (RFC 3986 section 2.3).
const UNRESERVED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

/// A segment of a path, escaped, in pieces.
pub(super) fn segment(text: &str) -> impl Iterator<Item = &str> {
    utf8_percent_encode(text, SEGMENT)
}

/// A key or a value of a query, escaped, in pieces.
pub(super) fn query(text: &str) -> impl Iterator<Item = &str> {
    utf8_percent_encode(text, QUERY)
}

/// What `text` says without its escapes; `None` when one is broken or they are not UTF-8.
pub(super) fn decode(text: &str) -> Option<Cow<'_, str>> {
    let is_whole = |rest: &str| match rest.as_bytes() {
        [first, second, ..] => first.is_ascii_hexdigit() && second.is_ascii_hexdigit(),
        _ => false,
    };
    if !text.split('%').skip(1).all(is_whole) {
        return None;
    }
    percent_decode_str(text).decode_utf8().ok()
}

/// The same for a part of a query, where `+` is a space.
pub(super) fn decode_query(text: &str) -> Option<Cow<'_, str>> {
    match text.contains('+') {
        true => decode(&text.replace('+', " ")).map(|text| Cow::Owned(text.into_owned())),
        false => decode(text),
    }
}
