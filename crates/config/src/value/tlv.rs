//! `"authority=chat.example.org"`: a TLV of a PROXY header (proxy-protocol.txt, section 2.2).

use crate::{
    Code, TlvKind, TlvMatch,
    diagnostic::{Problem, quote},
    suggest,
};

/// What a route can name. The numbers are those of the specification.
const NAMES: [(&str, TlvKind); 12] = [
    ("alpn", TlvKind::Top(0x01)),
    ("authority", TlvKind::Top(0x02)),
    ("unique_id", TlvKind::Top(0x05)),
    ("netns", TlvKind::Top(0x30)),
    ("ssl", TlvKind::Top(0x20)),
    ("ssl.version", TlvKind::Ssl(0x21)),
    ("ssl.cn", TlvKind::Ssl(0x22)),
    ("ssl.cipher", TlvKind::Ssl(0x23)),
    ("ssl.sig_alg", TlvKind::Ssl(0x24)),
    ("ssl.key_alg", TlvKind::Ssl(0x25)),
    ("ssl.group", TlvKind::Ssl(0x26)),
    ("ssl.sig_scheme", TlvKind::Ssl(0x27)),
];

/// The type of AUTHORITY, a host name, whose case does not count.
pub(crate) const AUTHORITY: TlvKind = TlvKind::Top(0x02);

/// One entry of `proxy_tlv`.
pub(crate) fn parse(text: &str) -> Result<TlvMatch, Problem> {
    let (name, value) = match text.split_once('=') {
        Some((name, value)) => (name, Some(value)),
        None => (text, None),
    };
    let kind = kind(name)?;
    let value = match value.map(|value| (value, value.strip_prefix("hex:"))) {
        None => None,
        Some((_, Some(digits))) => Some(hex(digits)?),
        Some(_) if kind == TlvKind::Top(0x20) => {
            return Err(invalid(text).help(
                "`ssl` can only be asked for as a whole; for its parts write `ssl.cn=…` and the like",
            ));
        }
        Some((value, None)) => Some(value.as_bytes().to_vec()),
    };
    Ok(TlvMatch { kind, value })
}

/// As it is written in a file.
pub(crate) fn show(tlv: &TlvMatch) -> String {
    let named = NAMES
        .iter()
        .find(|(_, kind)| *kind == tlv.kind)
        .map(|(name, _)| (*name).to_owned());
    let name = named.unwrap_or_else(|| match tlv.kind {
        TlvKind::Ssl(number) | TlvKind::Top(number) => format!("0x{number:02X}"),
    });
    match &tlv.value {
        None => name,
        Some(value) => match std::str::from_utf8(value) {
            Ok(text) if !text.chars().any(char::is_control) => format!("{name}={text}"),
            _ => {
                let digits: String = value.iter().map(|byte| format!("{byte:02x}")).collect();
                format!("{name}=hex:{digits}")
            }
        },
    }
}

fn kind(name: &str) -> Result<TlvKind, Problem> {
    if let Some((_, kind)) = NAMES.iter().find(|(known, _)| *known == name) {
        return Ok(*kind);
    }
    let number = match name.strip_prefix("0x").or_else(|| name.strip_prefix("0X")) {
        Some(digits) if digits.bytes().all(|b| b.is_ascii_hexdigit()) => {
            u8::from_str_radix(digits, 16).ok()
        }
        None if name.bytes().all(|b| b.is_ascii_digit()) => name.parse().ok(),
        _ => None,
    };
    number.map(TlvKind::Top).ok_or_else(|| {
        let problem = invalid(name);
        match suggest::nearest(name, NAMES.iter().map(|(known, _)| *known)) {
            Some(known) => problem.help(format!("did you mean `{known}`?")),
            None => problem.help(format!(
                "write one of {}, or a number from 0x00 to 0xFF",
                suggest::listed(NAMES.iter().map(|(known, _)| *known))
            )),
        }
    })
}

fn hex(digits: &str) -> Result<Vec<u8>, Problem> {
    let bytes = digits.as_bytes().chunks(2).map(|pair| match pair {
        [high, low] => {
            let value = |digit: u8| char::from(digit).to_digit(16);
            // Two hexadecimal digits are below 256.
            Some((value(*high)? * 16 + value(*low)?) as u8)
        }
        _ => None,
    });
    bytes.collect::<Option<Vec<_>>>().ok_or_else(|| {
        invalid(digits).help("behind `hex:` stand pairs of hexadecimal digits, such as `hex:0a1b`")
    })
}

fn invalid(text: &str) -> Problem {
    Problem::new(
        Code::InvalidTlv,
        format!("{} is not a TLV to match", quote(text)),
    )
}
