use proptest::{collection::vec, prelude::*, sample::select};
use serde_json::Value;
use vestibule_proxy_protocol::{
    ClientFlags, SslInfo, Transport, V2Builder, encode_v1, encode_v1_unknown, kind,
};

use super::*;
use crate::cli::hex::to_hex;

const SOURCE: &str = "192.0.2.1:56324";
const DESTINATION: &str = "198.51.100.1:5222";

/// 192.0.2.1:56324 → 198.51.100.1:5222, with TLVs.
fn with_tlvs() -> Vec<u8> {
    let mut bytes = Vec::new();
    V2Builder::new(SOURCE.parse().unwrap(), DESTINATION.parse().unwrap())
        .start(&mut bytes)
        .alpn(b"xmpp-client")
        .authority("chat.example.org")
        .ssl(&SslInfo {
            client: ClientFlags(ClientFlags::SSL.0 | ClientFlags::CERT_CONN.0 | 0x40),
            cn: Some(b"alice"),
            version: Some(b"TLSv1.3"),
            ..SslInfo::default()
        })
        .tlv(0xE0, b"abc")
        .crc32c()
        .finish()
        .unwrap();
    bytes
}

fn decoded_value(input: &[u8]) -> Value {
    let json = decoded(input, Form::Unknown, false).unwrap();
    serde_json::from_str(&json).unwrap()
}

fn json(text: &str) -> Result<String, String> {
    encoded(text.as_bytes()).map(|bytes| to_hex(&bytes))
}

fn flags(line: &str) -> Result<Vec<u8>, String> {
    #[derive(clap::Parser)]
    struct Line {
        #[command(flatten)]
        encode: Encode,
    }
    let words = ["encode"].into_iter().chain(line.split(' '));
    let line: Line = clap::Parser::try_parse_from(words).map_err(|error| error.to_string())?;
    let header = line.encode.header.ok_or("no flags")?;
    Description::try_from(header)
        .and_then(|header| header.to_bytes())
        .map_err(|mistake| mistake.to_string())
}

#[test]
fn everything_is_shown_by_its_type() {
    let mut input = with_tlvs();
    let length = input.len();
    let crc32c = format!("0x{}", to_hex(&input[length - 4..]));
    input.extend_from_slice(b"<stream");
    let expected = serde_json::json!({
        "version": "v2",
        "command": "proxy",
        "family": "inet",
        "transport": "stream",
        "source": SOURCE,
        "destination": DESTINATION,
        "tlvs": [
            { "type": "alpn", "value": "xmpp-client" },
            { "type": "authority", "value": "chat.example.org" },
            {
                "type": "ssl",
                "client": ["ssl", "cert_conn", "0x40"],
                "verify": 0,
                "verified": true,
                "tlvs": [
                    { "type": "version", "value": "TLSv1.3" },
                    { "type": "cn", "value": "alice" },
                ],
            },
            { "type": "0xE0", "value": "hex:616263" },
            { "type": "crc32c", "value": crc32c, "verified": true },
        ],
        "length": length,
        "payload_bytes": 7,
    });
    assert_eq!(decoded_value(&input), expected);

    let with_payload = decoded(&input, Form::Raw, true).unwrap();
    assert!(with_payload.contains("\"payload\": \"<stream\""));
    assert_eq!(encoded(with_payload.as_bytes()).unwrap(), input);
}

#[test]
fn hexadecimal_input_is_recognised_however_it_is_written() {
    let bytes = with_tlvs();
    let expected = decoded(&bytes, Form::Raw, false).unwrap();
    let joined = |prefix: &str, separator: &str| {
        let digits: Vec<_> = bytes.iter().map(|b| format!("{prefix}{b:02X}")).collect();
        digits.join(separator)
    };
    for text in [
        joined("", ""),
        joined("", " "),
        joined("0x", ", "),
        joined("\\x", ""),
        joined("", ":\n"),
    ] {
        assert_eq!(
            decoded(text.as_bytes(), Form::Unknown, false).unwrap(),
            expected
        );
        assert_eq!(
            decoded(text.as_bytes(), Form::Hex, false).unwrap(),
            expected
        );
        assert!(
            decoded(text.as_bytes(), Form::Raw, false).is_err(),
            "{text}"
        );
    }
    let line = b"PROXY TCP4 192.0.2.1 198.51.100.1 56324 5222\r\n";
    assert_eq!(decoded_value(line)["source"], SOURCE);
    assert_eq!(
        decoded(b"0d0a0", Form::Unknown, false).unwrap_err(),
        "an odd number of hexadecimal digits (5), from byte 0 of the digits on; a byte has two"
    );
    assert_eq!(
        decoded(b"PROXY", Form::Hex, false).unwrap_err(),
        "'P' is not a hexadecimal digit, at byte 0 of the digits"
    );
}

#[test]
fn what_is_no_header_is_explained() {
    let mut damaged = with_tlvs();
    damaged[17] ^= 1;
    let refused = |input: &[u8]| decoded(input, Form::Raw, false).unwrap_err();
    assert!(refused(&damaged).starts_with("v2_crc32c_mismatch: the CRC32C TLV does not match"));
    assert!(refused(b"GET / HTTP/1.1\r\n").starts_with("no_signature: "));
    assert!(
        refused(b"PROXY TCP4 192.0.2.1 198.51.100.1 056324 5222\r\n")
            .starts_with("v1_leading_zero: ")
    );
    let whole = with_tlvs();
    assert_eq!(
        refused(&whole[..40]),
        format!(
            "the header is not complete: 40 bytes are there, at least {} more are missing",
            whole.len() - 40
        )
    );
    assert!(refused(b"").starts_with("the header is not complete: 0 bytes are there"));
}

#[test]
fn flags_write_what_they_say() {
    let header = flags(
        "--source 192.0.2.1:56324 --destination 198.51.100.1:5222 --authority chat.example.org \
         --alpn h2 --unique-id hex:0001 --tlv 0xE0=hex:01,02 --tlv netns=blue --crc32c",
    )
    .unwrap();
    let mut expected = Vec::new();
    V2Builder::new(SOURCE.parse().unwrap(), DESTINATION.parse().unwrap())
        .start(&mut expected)
        .alpn(b"h2")
        .authority("chat.example.org")
        .unique_id(&[0, 1])
        .tlv(0xE0, &[1, 2])
        .netns("blue")
        .crc32c()
        .finish()
        .unwrap();
    assert_eq!(header, expected);

    let v1 = "--version v1 --source [2001:db8::1]:1 --destination [2001:db8::2]:2";
    assert_eq!(
        flags(v1).unwrap(),
        b"PROXY TCP6 2001:db8::1 2001:db8::2 1 2\r\n"
    );
    assert_eq!(
        flags("--version v1 --unknown").unwrap(),
        b"PROXY UNKNOWN\r\n"
    );
    assert_eq!(
        to_hex(&flags("--local").unwrap()),
        "0d0a0d0a000d0a515549540a20000000"
    );
    assert_eq!(
        to_hex(&flags("--unknown").unwrap()),
        "0d0a0d0a000d0a515549540a21000000"
    );
    let unix = flags("--source unix:/run/a --destination unix:hex:0061 --dgram").unwrap();
    assert_eq!(decoded_value(&unix)["source"], "unix:/run/a");
    assert_eq!(decoded_value(&unix)["destination"], "unix:hex:0061");
    assert_eq!(decoded_value(&unix)["transport"], "dgram");
}

#[test]
fn flags_that_no_header_can_say_are_named() {
    let ends = "--source 192.0.2.1:1 --destination 198.51.100.1:2";
    let refused = |line: String| flags(&line).unwrap_err();
    for (line, message) in [
        (
            format!("{ends} --tlv 0xE0"),
            "\"0xE0\" is no TLV; KIND=VALUE",
        ),
        (
            format!("{ends} --tlv authorty=x"),
            "\"authorty\" is no TLV type; one of alpn, ",
        ),
        (format!("{ends} --tlv 0x100=x"), "\"0x100\" is no TLV type"),
        (format!("{ends} --tlv 0xE0=hex:1"), "odd number"),
        (
            format!("{ends} --version v1 --crc32c"),
            "version 1 has no TLVs",
        ),
        (
            format!("{ends} --unique-id {}", "x".repeat(129)),
            "UNIQUE_ID TLV is longer",
        ),
        (format!("{ends} --tlv ssl=x"), "the SSL TLV is too short"),
        (
            format!("{ends} --crc32c --tlv crc32c="),
            "v2_crc32c_repeated",
        ),
        (format!("{ends} --local"), "cannot be used with"),
        ("--version v1 --local".into(), "version 1 has no LOCAL"),
        ("--authority x".into(), "--source and --destination"),
        ("--source 192.0.2.1:1".into(), "--destination"),
        (
            "--source 192.0.2.1 --destination 192.0.2.2:1".into(),
            "`source` is \"192.0.2.1\"",
        ),
        (
            "--source [::1]:1 --destination 192.0.2.2:1".into(),
            "same address family",
        ),
        ("--local header.json".into(), "cannot be used with"),
    ] {
        let error = refused(line.clone());
        assert!(error.contains(message), "{line}: {error}");
    }
}

#[test]
fn json_that_no_header_can_say_is_explained() {
    let ends = r#""version":"v2","source":"192.0.2.1:1","destination":"192.0.2.2:2""#;
    for (text, message) in [
        ("[]", "this is not the JSON of a header"),
        (r#"{"version":"v3"}"#, "unknown variant `v3`"),
        (&format!(r#"{{{ends},"sorce":1}}"#), "unknown field `sorce`"),
        (
            &format!(r#"{{{ends},"family":"inet6"}}"#),
            "`family` is inet6, but the addresses say inet",
        ),
        (
            &format!(r#"{{{ends},"ignored":"x"}}"#),
            "`ignored` is all that follows",
        ),
        (
            &format!(r#"{{{ends},"command":"local"}}"#),
            "the command is local",
        ),
        (
            &format!(r#"{{{ends},"transport":"udp"}}"#),
            "\"udp\" is no transport; one of unspec",
        ),
        (
            &format!(r#"{{{ends},"tlvs":[{{"type":"alpn"}}]}}"#),
            "the TLV alpn needs a `value`",
        ),
        (
            &format!(r#"{{{ends},"tlvs":[{{"type":"alpn","value":"h2","verify":1}}]}}"#),
            "the TLV alpn has no `verify`",
        ),
        (
            r#"{"version":"v2","family":"inet","transport":"stream"}"#,
            "v2_address_length",
        ),
        (r#"{"version":"v2","family":"0x4"}"#, "v2_family"),
        (
            r#"{"version":"v2","source":"192.0.2.1:1"}"#,
            "both `source` and `destination`",
        ),
        (r#"{"version":"v1","ignored":"\r\nGET"}"#, "v1_extra_field"),
        (
            r#"{"version":"v1","source":"unix:a","destination":"unix:b"}"#,
            "no UNIX addresses",
        ),
    ] {
        let error = json(text).unwrap_err();
        assert!(error.contains(message), "{text}: {error}");
    }
}

#[test]
fn an_edited_description_gets_its_own_length_and_checksum() {
    let before = decoded(&with_tlvs(), Form::Raw, false).unwrap();
    let after = encoded(before.replace("chat.example.org", "example.net").as_bytes()).unwrap();
    let after = decoded_value(&after);
    assert_eq!(after["tlvs"][1]["value"], "example.net");
    assert_eq!(after["length"], with_tlvs().len() - 5);
}

#[test]
fn what_receivers_skip_is_kept() {
    for bytes in [
        b"PROXY UNKNOWN\r\n".to_vec(),
        b"PROXY UNKNOWN ffff::1 ffff::2 1 65535\r\n".to_vec(),
        b"\r\n\r\n\0\r\nQUIT\n\x20\xFF\0\x03abc".to_vec(),
        b"\r\n\r\n\0\r\nQUIT\n\x21\x10\0\x01a".to_vec(),
    ] {
        let json = decoded(&bytes, Form::Raw, false).unwrap();
        assert_eq!(encoded(json.as_bytes()).unwrap(), bytes, "{json}");
    }
}

proptest! {
    #[test]
    fn every_header_that_can_be_written_comes_back_byte_by_byte(bytes in header()) {
        let json = decoded(&bytes, Form::Raw, true).unwrap();
        prop_assert_eq!(encoded(json.as_bytes()).unwrap(), bytes, "{}", json);
    }
}

/// Headers of both versions, of every kind that the encoder can write, and what follows them.
fn header() -> impl Strategy<Value = Vec<u8>> {
    let v1 = (ends(), any::<bool>()).prop_map(|((source, destination), known)| {
        let mut line = Vec::new();
        match known {
            true => encode_v1(source, destination, &mut line).unwrap(),
            false => encode_v1_unknown(&mut line),
        }
        line
    });
    let transport = select(vec![
        Transport::Datagram,
        Transport::Stream,
        Transport::Unspecified,
    ]);
    let name = || vec(any::<u8>(), 0..=108);
    let v2 = (0..4, ends(), (name(), name()), transport, vec(tlv(), 0..5));
    let v2 = v2.prop_map(|(shape, (source, destination), names, transport, tlvs)| {
        let builder = match shape {
            0 => V2Builder::local(),
            1 => V2Builder::unspecified(),
            2 => V2Builder::unix(&names.0, &names.1),
            _ => V2Builder::new(source, destination),
        };
        let mut bytes = Vec::new();
        let mut writer = builder.transport(transport).start(&mut bytes);
        for (kind, value) in &tlvs {
            match *kind {
                kind::CRC32C => writer.crc32c(),
                kind => writer.tlv(kind, value),
            };
        }
        writer.finish().unwrap();
        bytes
    });
    (prop_oneof![v1, v2], vec(any::<u8>(), 0..8))
        .prop_map(|(header, payload)| [header, payload].concat())
}

fn ends() -> impl Strategy<Value = (std::net::SocketAddr, std::net::SocketAddr)> {
    let v4 = || any::<([u8; 4], u16)>().prop_map(std::net::SocketAddr::from);
    let v6 = || any::<([u8; 16], u16)>().prop_map(std::net::SocketAddr::from);
    prop_oneof![(v4(), v4()), (v6(), v6())]
}

/// A TLV that keeps the rules of its kind.
fn tlv() -> impl Strategy<Value = (u8, Vec<u8>)> {
    let bytes = || vec(any::<u8>(), 0..20);
    let sub = (any::<u8>(), bytes())
        .prop_map(|(kind, value)| [&[kind, 0, value.len() as u8], value.as_slice()].concat());
    let ssl = (any::<[u8; 5]>(), vec(sub, 0..4))
        .prop_map(|(fixed, subs)| (kind::SSL, [&fixed[..], &subs.concat()].concat()));
    let text = prop_oneof![Just("hex:zz".to_owned()), "\\PC{0,9}", ".{0,9}"];
    let free = (
        select(vec![
            kind::ALPN,
            kind::NOOP,
            kind::UNIQUE_ID,
            0x06,
            0xE0,
            0xFF,
        ]),
        bytes(),
    );
    prop_oneof![
        free,
        ssl,
        text.prop_map(|text| (kind::AUTHORITY, text.into_bytes())),
        "[ -~\\x00]{0,9}".prop_map(|text| (kind::NETNS, text.into_bytes())),
        Just((kind::CRC32C, Vec::new())),
    ]
}
