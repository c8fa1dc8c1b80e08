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
    let mut from = 0;
    for (at, c) in text.char_indices() {
        let written = match c {
            '&' => "&amp;",
            '<' => "&lt;",
            '>' => "&gt;",
            '"' => "&quot;",
            '\'' => "&apos;",
            // In values they would become spaces (XML 1.0 section 3.3.3).
            '\t' => "&#9;",
            '\n' => "&#10;",
            '\r' => "&#13;",
            c if !is_character(c) => "",
            _ => continue,
        };
        out.extend_from_slice(&text.as_bytes()[from..at]);
        out.extend_from_slice(written.as_bytes());
        from = at + c.len_utf8();
    }
    out.extend_from_slice(&text.as_bytes()[from..]);
}

/// Appends an attribute, ` name='value'`.
pub fn write_attribute(name: &str, value: &str, out: &mut Vec<u8>) {
    out.push(b' ');
    out.extend_from_slice(name.as_bytes());
    out.extend_from_slice(b"='");
    escape_into(value, out);
    out.push(b'\'');
}
