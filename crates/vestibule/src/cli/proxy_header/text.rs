//! Bytes as one string: text where it is text, else hexadecimal digits.

use crate::cli::hex::{HexError, from_hex, to_hex};

/// Bytes as one string, the way that `proxy_tlv` of the configuration writes them: text where it is
/// text, else `hex:` and digits. [`from_text`] gives back the same bytes.
pub(super) fn to_text(bytes: &[u8]) -> String {
    match std::str::from_utf8(bytes) {
        Ok(text) if !text.chars().any(char::is_control) && !text.starts_with(HEX) => {
            text.to_owned()
        }
        _ => format!("{HEX}{}", to_hex(bytes)),
    }
}

/// The bytes of a string that [`to_text`] or a person wrote.
///
/// # Errors
///
/// Where the digits after `hex:` go wrong.
pub(super) fn from_text(text: &str) -> Result<Vec<u8>, HexError> {
    match text.strip_prefix(HEX) {
        Some(digits) => from_hex(digits.as_bytes()),
        None => Ok(text.as_bytes().to_vec()),
    }
}

const HEX: &str = "hex:";
