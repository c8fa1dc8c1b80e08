//! A header as JSON.

use serde::{Deserialize, Serialize};
use vestibule_proxy_protocol::{
    Addresses, Decoded, Header, RawTlv, Ssl, V2_MAX_LEN, Version as HeaderVersion, decode, kind,
};

use super::{
    mistake::Refusal,
    names::{CLIENT_FLAGS, FAMILIES, SSL_TLVS, TLVS},
    names::{Names, TRANSPORTS},
    text::to_text,
};
use crate::cli::hex::to_hex;

/// What a header says. Every header that can be decoded is described in full: written again, it has
/// the same bytes. (One exception: version 1 has many ways to write an IPv6 address.)
///
/// Values are strings: text where it is text, else `hex:` and hexadecimal digits.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Description {
    pub(super) version: Version,
    #[serde(default)]
    pub(super) command: Command,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) family: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) transport: Option<String>,
    /// `IP:port`, or `unix:` and the name of the socket as a value.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) source: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) destination: Option<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) tlvs: Vec<TlvDescription>,
    /// What receivers have to skip: all that follows the fixed part where there are no addresses.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) ignored: Option<String>,
    /// Bytes of the header. Only shown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) length: Option<usize>,
    /// Bytes that follow the header. Only shown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) payload_bytes: Option<usize>,
    /// What follows the header.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) payload: Option<String>,
}

/// `version`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Version {
    /// The line of text
    V1,
    /// The binary header
    #[default]
    V2,
}

/// `command`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Command {
    Local,
    #[default]
    Proxy,
}

/// A TLV, or a TLV inside of an SSL TLV.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct TlvDescription {
    #[serde(rename = "type")]
    pub(super) kind: String,
    /// Of a CRC32C it is only shown: it is computed anew.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) value: Option<String>,
    /// SSL: flags of the client.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) client: Option<Vec<String>>,
    /// SSL: 0, or why the client's certificate was not found good.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) verify: Option<u32>,
    /// SSL: whether there was a certificate that was found good. CRC32C: true, because a header
    /// with a wrong one is refused. Only shown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    verified: Option<bool>,
    /// SSL: what is inside.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) tlvs: Option<Vec<Self>>,
}

impl Description {
    /// Describes the header at the beginning of `input`, with what follows it if asked for.
    ///
    /// # Errors
    ///
    /// Why there is none.
    pub(super) fn of(input: &[u8], with_payload: bool) -> Result<Self, Refusal> {
        let header = match decode(input, V2_MAX_LEN) {
            Ok(Decoded::Header(header)) => header,
            Ok(Decoded::NeedMore(missing)) => {
                return Err(Refusal::Incomplete {
                    received: input.len(),
                    missing,
                });
            }
            Err(reject) => return Err(Refusal::Rejected(reject)),
        };
        let payload = &input[header.len()..];
        let description = match header.version() {
            HeaderVersion::V1 => v1(&header),
            HeaderVersion::V2 => v2(&header),
        };
        Ok(Self {
            length: Some(header.len()),
            payload_bytes: Some(payload.len()),
            payload: with_payload.then(|| to_text(payload)),
            ..description.with_addresses(header.addresses())
        })
    }

    fn with_addresses(self, addresses: Addresses<'_>) -> Self {
        let (source, destination) = match addresses {
            Addresses::Inet {
                source,
                destination,
            } => (source.to_string(), destination.to_string()),
            Addresses::Inet6 {
                source,
                destination,
            } => (source.to_string(), destination.to_string()),
            Addresses::Unix {
                source,
                destination,
            } => {
                let shown = |name| format!("unix:{}", to_text(name));
                (shown(source), shown(destination))
            }
            Addresses::Unspecified => return self,
        };
        Self {
            source: Some(source),
            destination: Some(destination),
            ..self
        }
    }
}

impl TlvDescription {
    /// A TLV with a value only.
    pub(super) fn new(kind: impl Into<String>, value: impl Into<String>) -> Self {
        Self {
            kind: kind.into(),
            value: Some(value.into()),
            ..Self::default()
        }
    }
}

fn v1(header: &Header<'_>) -> Description {
    let (family, transport) = match header.addresses() {
        Addresses::Inet { .. } => (1, 1),
        Addresses::Inet6 { .. } => (2, 1),
        Addresses::Unix { .. } | Addresses::Unspecified => (0, 0),
    };
    let line = header.as_bytes();
    let ignored = line
        .strip_prefix(b"PROXY UNKNOWN")
        .and_then(|rest| rest.strip_suffix(b"\r\n"))
        .filter(|rest| !rest.is_empty());
    Description {
        version: Version::V1,
        family: Some(FAMILIES.name(family)),
        transport: Some(TRANSPORTS.name(transport)),
        ignored: ignored.map(to_text),
        ..Description::default()
    }
}

fn v2(header: &Header<'_>) -> Description {
    // A header of version 2 has 16 bytes at least.
    let (fixed, rest) = header.as_bytes().split_at(16);
    let skipped = header.addresses() == Addresses::Unspecified && !rest.is_empty();
    Description {
        version: Version::V2,
        command: match header.command() {
            vestibule_proxy_protocol::Command::Local => Command::Local,
            vestibule_proxy_protocol::Command::Proxy => Command::Proxy,
        },
        family: Some(FAMILIES.name(fixed[13] >> 4)),
        transport: Some(TRANSPORTS.name(fixed[13] & 0x0F)),
        ignored: skipped.then(|| format!("hex:{}", to_hex(rest))),
        tlvs: header.raw_tlvs().map(tlv).collect(),
        ..Description::default()
    }
}

fn tlv(raw: RawTlv<'_>) -> TlvDescription {
    let kind = TLVS.name(raw.kind);
    match (raw.kind, Ssl::parse(raw.value)) {
        (kind::CRC32C, _) => TlvDescription {
            verified: Some(true),
            ..TlvDescription::new(kind, format!("0x{}", to_hex(raw.value)))
        },
        (kind::SSL, Ok(ssl)) => TlvDescription {
            kind,
            client: Some(flags(ssl.client().0)),
            verify: Some(ssl.verify()),
            verified: Some(ssl.verified()),
            tlvs: Some(ssl.raw_tlvs().map(|sub| plain(&SSL_TLVS, sub)).collect()),
            ..TlvDescription::default()
        },
        _ => plain(&TLVS, raw),
    }
}

/// Kind and value. What has no registered meaning is never taken for text.
fn plain(names: &Names, raw: RawTlv<'_>) -> TlvDescription {
    let kind = names.name(raw.kind);
    let value = match kind.starts_with("0x") {
        true => format!("hex:{}", to_hex(raw.value)),
        false => to_text(raw.value),
    };
    TlvDescription::new(kind, value)
}

fn flags(byte: u8) -> Vec<String> {
    (0..8)
        .map(|bit| byte & (1 << bit))
        .filter(|flag| *flag != 0)
        .map(|flag| CLIENT_FLAGS.name(flag))
        .collect()
}
