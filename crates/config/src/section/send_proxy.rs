//! `send_proxy` of a service.

use toml::de::DeValue;

use crate::{
    ProxyVersion, SendProxy, SendTlv,
    code::Code,
    diagnostic::{Problem, quote},
    reader::{Reader, Table, choose, wrong_type},
    schema,
};

const VERSIONS: [(&str, ProxyVersion); 2] = [("v1", ProxyVersion::V1), ("v2", ProxyVersion::V2)];

const TLVS: [(&str, SendTlv); 5] = [
    ("alpn", SendTlv::Alpn),
    ("authority", SendTlv::Authority),
    ("crc32c", SendTlv::Crc32c),
    ("ssl", SendTlv::Ssl),
    ("unique_id", SendTlv::UniqueId),
];

/// PP2_TYPE_CRC32C: right for one header only.
const CRC32C: u8 = 0x03;
/// PP2_TYPE_NOOP: padding.
const NOOP: u8 = 0x04;

pub(super) fn send_proxy(r: &mut Reader<'_>, service: &Table<'_>) -> Option<SendProxy> {
    let value = service.value("send_proxy")?;
    match value.get_ref() {
        DeValue::String(text) => {
            let version = r.accept(value, choose(text, "send_proxy", &VERSIONS))?;
            Some(SendProxy {
                version,
                tlvs: Vec::new(),
                pass_tlvs: Vec::new(),
            })
        }
        DeValue::Table(_) => r
            .table(value, &schema::SEND_PROXY)
            .map(|table| from_table(r, &table)),
        other => {
            let problem = wrong_type("a string or a table", other);
            r.error(
                value.span(),
                problem.help("write \"v1\" or \"v2\", or leave it out for no header"),
            );
            None
        }
    }
}

/// As it is written in a file.
pub(crate) fn tlv_name(tlv: SendTlv) -> &'static str {
    TLVS.iter()
        .find(|(_, known)| *known == tlv)
        .map_or("", |(name, _)| name)
}

fn from_table(r: &mut Reader<'_>, table: &Table<'_>) -> SendProxy {
    let version = r
        .choice(table, "version", &VERSIONS)
        .unwrap_or(ProxyVersion::V2);
    let tlvs = own(r, table);
    let pass_tlvs = passed(r, table, &tlvs);
    if version == ProxyVersion::V1 {
        for key in ["pass_tlvs", "tlvs"] {
            if let Some(span) = table.key_span(key) {
                let message = format!("`{key}` needs version 2 of the PROXY protocol");
                let problem = Problem::new(Code::TlvNeedsV2, message);
                r.error(
                    span,
                    problem.help("write `version = \"v2\"`, or leave the TLVs out"),
                );
            }
        }
    }
    SendProxy {
        version,
        tlvs,
        pass_tlvs,
    }
}

fn own(r: &mut Reader<'_>, table: &Table<'_>) -> Vec<SendTlv> {
    let items = r
        .texts(table, "tlvs", |text| choose(text, "tlvs", &TLVS))
        .unwrap_or_default();
    let mut tlvs = Vec::with_capacity(items.len());
    for item in items {
        if tlvs.contains(item.get_ref()) {
            r.error(item.span(), twice(tlv_name(*item.get_ref())));
        } else {
            tlvs.push(*item.get_ref());
        }
    }
    tlvs
}

fn passed(r: &mut Reader<'_>, table: &Table<'_>, own: &[SendTlv]) -> Vec<u8> {
    let Some(value) = table.value("pass_tlvs") else {
        return Vec::new();
    };
    let Some(items) = value.get_ref().as_array() else {
        r.error(
            value.span(),
            wrong_type("a list of integers", value.get_ref()),
        );
        return Vec::new();
    };
    let mut types = Vec::with_capacity(items.len());
    for item in items {
        if let Some(text) = item
            .get_ref()
            .as_str()
            .filter(|text| text.starts_with("0x"))
        {
            let problem = wrong_type("an integer", item.get_ref());
            r.error(
                item.span(),
                problem.help(format!("write {} without quotes", quote(text))),
            );
            continue;
        }
        let number = r.number(item, "pass_tlvs", 0..=255);
        let Some(number) = number.and_then(|number| u8::try_from(number).ok()) else {
            continue;
        };
        let own = own.iter().find(|tlv| tlv_type(**tlv) == number);
        if types.contains(&number) {
            r.error(item.span(), twice(&format!("0x{number:02X}")));
        } else if let Some(own) = own {
            let problem = twice(tlv_name(*own));
            r.error(
                item.span(),
                problem.help("it stands in `tlvs` too: keep one of them"),
            );
        } else if number == CRC32C || number == NOOP {
            let message = format!("the TLV 0x{number:02X} cannot be passed on");
            let help = "a checksum or padding belongs to one header: write `tlvs = [\"crc32c\"]` \
                        for a checksum of ours";
            r.error(
                item.span(),
                Problem::new(Code::InvalidTlv, message).help(help),
            );
        } else {
            types.push(number);
        }
    }
    types
}

/// The number of the specification (proxy-protocol.txt, section 2.2).
fn tlv_type(tlv: SendTlv) -> u8 {
    match tlv {
        SendTlv::Alpn => 0x01,
        SendTlv::Authority => 0x02,
        SendTlv::Crc32c => CRC32C,
        SendTlv::Ssl => 0x20,
        SendTlv::UniqueId => 0x05,
    }
}

fn twice(name: &str) -> Problem {
    Problem::new(
        Code::DuplicateValue,
        format!("the TLV `{name}` would be sent twice"),
    )
    .help("each TLV stands once")
}
