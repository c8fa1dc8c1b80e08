//! References to characters (XML 1.0 sections 4.1 and 4.6).

use std::borrow::Cow;

use memchr::memchr;

use crate::Malformed;

/// The text that `raw` stands for. Nothing is allocated where there are no references.
///
/// # Errors
///
/// [`Malformed::Entity`].
pub fn unescape(raw: &str) -> Result<Cow<'_, str>, Malformed> {
    let Some(first) = memchr(b'&', raw.as_bytes()) else {
        return Ok(Cow::Borrowed(raw));
    };
    let mut text = String::with_capacity(raw.len());
    text.push_str(&raw[..first]);
    let mut rest = &raw[first..];
    while let Some(reference) = rest.strip_prefix('&') {
        let (name, behind) = reference.split_once(';').ok_or(Malformed::Entity)?;
        text.push(character(name).ok_or(Malformed::Entity)?);
        let next = memchr(b'&', behind.as_bytes()).unwrap_or(behind.len());
        text.push_str(&behind[..next]);
        rest = &behind[next..];
    }
    Ok(Cow::Owned(text))
}

/// The character that a reference names.
fn character(name: &str) -> Option<char> {
    let digits = |digits: &str, radix| {
        // The standard library would take a sign.
        let is_number = digits.bytes().all(|byte| byte.is_ascii_alphanumeric());
        let number = is_number.then(|| u32::from_str_radix(digits, radix).ok())??;
        char::from_u32(number).filter(|c| is_character(*c))
    };
    match name {
        "amp" => Some('&'),
        "apos" => Some('\''),
        "gt" => Some('>'),
        "lt" => Some('<'),
        "quot" => Some('"'),
        _ => match name.strip_prefix("#x") {
            Some(hex) => digits(hex, 16),
            None => digits(name.strip_prefix('#')?, 10),
        },
    }
}

/// XML 1.0 section 2.2.
fn is_character(c: char) -> bool {
    !matches!(c, '\0'..='\x08' | '\x0b' | '\x0c' | '\x0e'..='\x1f' | '\u{fffe}' | '\u{ffff}')
}

/// Appends `text` so that it can stand between quotes of either kind, and between tags. What XML
/// does not have is left out.
pub fn escape_into(text: &str, out: &mut Vec<u8>) {
    let mut rest = text;
    // All at once, which is faster than one by one: most addresses have nothing of it.
    if !text
        .bytes()
        .fold(false, |any, byte| any | may_be_special(byte))
    {
        return out.extend_from_slice(text.as_bytes());
    }
    while let Some(at) = rest.bytes().position(may_be_special) {
        let (plain, special) = rest.split_at(at);
        out.extend_from_slice(plain.as_bytes());
        let mut characters = special.chars();
        let written = match characters.next() {
            Some('&') => "&amp;",
            Some('<') => "&lt;",
            Some('>') => "&gt;",
            Some('"') => "&quot;",
            Some('\'') => "&apos;",
            // In values they would become spaces (XML 1.0 section 3.3.3).
            Some('\t') => "&#9;",
            Some('\n') => "&#10;",
            Some('\r') => "&#13;",
            Some(c) if is_character(c) => &special[..c.len_utf8()],
            _ => "",
        };
        out.extend_from_slice(written.as_bytes());
        rest = characters.as_str();
    }
    out.extend_from_slice(rest.as_bytes());
}

/// Whether a character that begins so may need more than to be copied: those that XML does not have
/// begin with the last.
fn may_be_special(byte: u8) -> bool {
    let is = |other| byte == other;
    (byte < 0x20) | is(b'&') | is(b'<') | is(b'>') | is(b'"') | is(b'\'') | is(0xef)
}

/// Appends an attribute, ` name='value'`.
pub fn write_attribute(name: &str, value: &str, out: &mut Vec<u8>) {
    out.push(b' ');
    out.extend_from_slice(name.as_bytes());
    out.extend_from_slice(b"='");
    escape_into(value, out);
    out.push(b'\'');
}
