//! Passwords in the text of a file: hidden wherever the text is shown, also where it could not be
//! read.

#[cfg(test)]
mod tests;

use std::{borrow::Cow, ops::Range};

/// `text` with something else in the place of its passwords: the values of keys that have such a
/// name, and those in URLs. As long as `text`, in bytes and in characters, so that places in it stay
/// where they are. Goes by words and quotes alone and hides rather too much, also in comments.
pub(crate) fn hidden(text: &str) -> Cow<'_, str> {
    let mut hidden = Cow::Borrowed(text);
    for range in passwords(text) {
        let replaced: String = text[range.clone()].chars().map(stand_in).collect();
        hidden.to_mut().replace_range(range, &replaced);
    }
    hidden
}

/// Whether there may be a password in a piece of text of which it is not known what it was meant
/// to be.
pub(crate) fn suspected(text: &str) -> bool {
    let mut words = text.split(|c: char| !(c.is_alphanumeric() || c == '_'));
    text.contains('@') || words.any(is_secret)
}

/// A character that takes as many bytes in UTF-8.
fn stand_in(c: char) -> char {
    match c.len_utf8() {
        _ if matches!(c, '\r' | '\n') => c,
        1 => '*',
        2 => '·',
        3 => '•',
        _ => '\u{10100}',
    }
}

/// Where the passwords are, in order.
fn passwords(text: &str) -> Vec<Range<usize>> {
    let bytes = text.as_bytes();
    let mut found = Vec::new();
    let (mut at, mut last_word) = (0, 0..0);
    // Behind `=` and such a key; and how many lists are open there.
    let (mut is_value_secret, mut open) = (false, 0_usize);
    while let Some(byte) = bytes.get(at) {
        match byte {
            b'=' => (is_value_secret, open) = (is_secret(&text[last_word.clone()]), 0),
            b'[' => open += 1,
            b']' => open = open.saturating_sub(1),
            b'\n' => is_value_secret &= open > 0,
            b'#' | b'}' => is_value_secret = false,
            byte if is_delimiter(*byte) && !matches!(byte, b'"' | b'\'') => {}
            _ => {
                let (inside, end) = word(text, at);
                let is_key = text[end..].trim_start_matches([' ', '\t']).starts_with('=');
                match is_value_secret && !is_key {
                    true => found.push(inside.clone()),
                    false => found.extend(in_url(text, &inside)),
                }
                (at, last_word) = (end, inside);
                continue;
            }
        }
        at += 1;
    }
    found
}

/// What is inside the quotes of the string that begins at `start`, or the bare word, and where it
/// ends.
fn word(text: &str, start: usize) -> (Range<usize>, usize) {
    let rest = &text.as_bytes()[start..];
    if matches!(rest[0], b'"' | b'\'') {
        return string(text, start);
    }
    let end = rest.iter().position(|byte| is_delimiter(*byte));
    let end = start + end.unwrap_or(rest.len());
    (start..end, end)
}

fn is_delimiter(byte: u8) -> bool {
    byte.is_ascii_whitespace() || b"\"'=,[]{}".contains(&byte)
}

/// What is inside the quotes of the string that begins at `start`, and where it ends. One that is
/// not closed ends with its line, or with the text when it may have several lines.
fn string(text: &str, start: usize) -> (Range<usize>, usize) {
    let bytes = text.as_bytes();
    let quote = bytes[start];
    let triple = [quote; 3];
    let is_long = bytes[start..].starts_with(&triple);
    let marks = if is_long { 3 } else { 1 };
    let mut at = start + marks;
    while let Some(byte) = bytes.get(at) {
        match byte {
            b'\\' if quote == b'"' => at += 1,
            b'\n' if !is_long => return (start + marks..at, at),
            _ if bytes[at..].starts_with(&triple[..marks]) => {
                return (start + marks..at, at + marks);
            }
            _ => {}
        }
        at += 1;
    }
    (start + marks..text.len(), text.len())
}

/// Where the password is in `scheme://user:password@host`; the scheme may be absent.
fn in_url(text: &str, word: &Range<usize>) -> Option<Range<usize>> {
    let url = &text[word.clone()];
    let scheme = url.find("://");
    if let Some(scheme) = scheme.filter(|_| url.contains('\\')) {
        // An escape may stand for any character.
        return Some(word.start + scheme + 3..word.end);
    }
    let host = url.rfind('@')?;
    let user = scheme.map_or(0, |at| at + 3);
    let user = if user > host { 0 } else { user };
    let password = user + url[user..host].find(':')? + 1;
    Some(word.start + password..word.start + host)
}

/// Whether a key has this name whose value is a password. Names that are meant to be one, too.
fn is_secret(key: &str) -> bool {
    let name = key.rsplit('.').next().unwrap_or_default();
    let name = name.to_ascii_lowercase();
    let like = ["pass", "pasw", "pwd", "secret"];
    name != "pass_tlvs" && like.iter().any(|like| name.contains(like))
}
