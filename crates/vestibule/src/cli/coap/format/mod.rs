//! Content formats by name, and what bodies look like.

#[cfg(test)]
mod tests;

use vestibule_coap::ContentFormat;

/// The formats with a name here. The first name of a number is the one shown.
const NAMES: [(&str, ContentFormat); 11] = [
    ("text/plain", ContentFormat::TEXT),
    ("application/link-format", ContentFormat::LINK_FORMAT),
    ("application/xml", ContentFormat::XML),
    ("application/octet-stream", ContentFormat::OCTET_STREAM),
    ("application/exi", ContentFormat::EXI),
    ("application/json", ContentFormat::JSON),
    ("application/cbor", ContentFormat::CBOR),
    ("text", ContentFormat::TEXT),
    ("json", ContentFormat::JSON),
    ("cbor", ContentFormat::CBOR),
    ("octets", ContentFormat::OCTET_STREAM),
];

/// The format that a media type, a short name or a number names. Parameters of a media type do not
/// count.
pub(super) fn by_name(text: &str) -> Option<ContentFormat> {
    let name = text.split(';').next().unwrap_or_default().trim();
    let known = NAMES
        .iter()
        .find(|(known, _)| known.eq_ignore_ascii_case(name));
    known
        .map(|&(_, format)| format)
        .or_else(|| name.parse().ok().map(ContentFormat))
}

/// Its media type, where it has one here.
pub(super) fn name(format: ContentFormat) -> Option<&'static str> {
    let known = NAMES.iter().find(|(_, known)| *known == format);
    known.map(|(name, _)| *name)
}

/// The media types, for messages.
pub(super) fn names() -> String {
    let names = NAMES.iter().map(|(name, _)| *name);
    names.collect::<Vec<_>>().join(", ")
}

/// What a body is whose sender has not said it: JSON or CBOR when it begins as an object or an array
/// of one of them.
pub(super) fn guess(body: &[u8]) -> Option<ContentFormat> {
    match body.trim_ascii_start().first() {
        // In CBOR these begin texts of more than 2^56 bytes.
        Some(b'{' | b'[') => Some(ContentFormat::JSON),
        _ if is_container(body) => Some(ContentFormat::CBOR),
        _ => None,
    }
}

/// Whether a body begins as an array or a map of CBOR, or with the tag that says that it is CBOR. Text
/// in UTF-8 does not.
pub(super) fn is_container(body: &[u8]) -> bool {
    matches!(body, [0x80..=0xbf, ..] | [0xd9, 0xd9, 0xf7, ..])
}
