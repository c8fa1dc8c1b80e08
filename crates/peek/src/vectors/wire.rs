//! ClientHellos made of their parts, right or wrong.

/// Suite of [`hello`] when nothing depends on it: TLS_AES_128_GCM_SHA256.
const SUITE: u16 = 0x1301;

/// A ClientHello with its type and length: of TLS 1.2, with a session id of 32 bytes and
/// `extensions` one after the other. Without `suites` there is one suite.
///
/// # Panics
///
/// If a length does not fit in its field.
pub fn hello(suites: &[u16], extensions: &[Vec<u8>]) -> Vec<u8> {
    let suites = if suites.is_empty() { &[SUITE] } else { suites };
    let body = [
        &[3, 3][..],
        &[0x52; 32],
        &list_u8(&[0x1D; 32]),
        &list_u16(&u16s(suites)),
        &list_u8(&[0]),
        &list_u16(&extensions.concat()),
    ]
    .concat();
    message(1, &body)
}

/// A handshake message of a type and with a body (RFC 8446 section 4).
///
/// # Panics
///
/// If `body` is longer than 4,294,967,295 bytes.
pub(crate) fn message(kind: u8, body: &[u8]) -> Vec<u8> {
    let len = u32::try_from(body.len())
        .expect("a body that fits")
        .to_be_bytes();
    [&[kind][..], &len[1..], body].concat()
}

/// The extension server_name with one name.
pub fn sni(name: &str) -> Vec<u8> {
    extension(
        0,
        &list_u16(&[&[0][..], &list_u16(name.as_bytes())].concat()),
    )
}

/// An extension.
///
/// # Panics
///
/// If `value` is longer than 65,535 bytes.
pub fn extension(kind: u16, value: &[u8]) -> Vec<u8> {
    [&kind.to_be_bytes()[..], &list_u16(value)].concat()
}

/// Code points as bytes.
pub fn u16s(values: &[u16]) -> Vec<u8> {
    values
        .iter()
        .flat_map(|value| value.to_be_bytes())
        .collect()
}

/// Bytes after their length in one byte.
///
/// # Panics
///
/// If there are more than 255.
pub fn list_u8(bytes: &[u8]) -> Vec<u8> {
    let len = u8::try_from(bytes.len()).expect("a list that fits");
    [&[len][..], bytes].concat()
}

/// Bytes after their length in two bytes.
///
/// # Panics
///
/// If there are more than 65,535.
pub fn list_u16(bytes: &[u8]) -> Vec<u8> {
    let len = u16::try_from(bytes.len()).expect("a list that fits");
    [&len.to_be_bytes()[..], bytes].concat()
}

/// `message` in handshake records whose payloads have the lengths `payloads`, used again and again.
///
/// # Panics
///
/// If one of them is 0 or does not fit in its field.
pub fn records(message: &[u8], payloads: &[usize]) -> Vec<u8> {
    let (mut wire, mut rest) = (Vec::new(), message);
    for len in payloads.iter().cycle() {
        if rest.is_empty() {
            break;
        }
        let (payload, after) = rest.split_at((*len).min(rest.len()));
        assert!(!payload.is_empty());
        wire.extend_from_slice(&[22, 3, 1]);
        wire.extend_from_slice(&list_u16(payload));
        rest = after;
    }
    wire
}
