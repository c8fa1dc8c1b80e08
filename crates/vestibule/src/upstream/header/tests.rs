use vestibule_proxy_protocol::{Command, Header, Transport, Version};

use super::*;

const CLIENT: &str = "192.0.2.1:40000";
const DESTINATION: &str = "198.51.100.1:5222";

fn addr(text: &str) -> Option<SocketAddr> {
    (!text.is_empty()).then(|| text.parse().unwrap())
}

fn send(version: ProxyVersion, tlvs: &[SendTlv], pass_tlvs: &[u8]) -> SendProxy {
    SendProxy {
        version,
        tlvs: tlvs.to_vec(),
        pass_tlvs: pass_tlvs.to_vec(),
    }
}

fn header(bytes: &[u8]) -> Header<'_> {
    match decode(bytes, V2_MAX_LEN) {
        Ok(Decoded::Header(header)) => header,
        other => panic!("{other:?}"),
    }
}

fn written(send: &SendProxy, client: &str, destination: &str, incoming: Option<&[u8]>) -> Vec<u8> {
    let own = (addr("127.0.0.1:50000"), addr("127.0.0.1:5222"));
    let mut out = Vec::new();
    let introduction = Introduction {
        client: addr(client),
        destination: addr(destination),
        own,
        incoming,
        unique_id: "0badcafe-0-1",
        tls: KnownTls::default(),
    };
    outgoing_header(send, &introduction, &mut out).unwrap();
    out
}

fn nobody() -> Introduction<'static> {
    Introduction {
        client: None,
        destination: None,
        own: (None, None),
        incoming: None,
        unique_id: "id",
        tls: KnownTls::default(),
    }
}

#[test]
fn what_ended_here_goes_before_what_a_proxy_says() {
    let mut incoming = Vec::new();
    let mut writer =
        V2Builder::new(addr(CLIENT).unwrap(), addr(DESTINATION).unwrap()).start(&mut incoming);
    writer
        .alpn(b"h2")
        .authority("proxy.example.org")
        .ssl(&SslInfo::default());
    writer.finish().unwrap();
    let tls = [SendTlv::Alpn, SendTlv::Authority, SendTlv::Ssl];
    let send = send(ProxyVersion::V2, &tls, &[]);
    let written = |tls| {
        let introduction = Introduction {
            client: addr(CLIENT),
            destination: addr(DESTINATION),
            incoming: Some(&incoming),
            tls,
            ..nobody()
        };
        let mut out = Vec::new();
        outgoing_header(&send, &introduction, &mut out).unwrap();
        out
    };
    // Only peeked at: the name is known.
    let peeked = written(KnownTls {
        authority: Some("chat.example.org"),
        ..KnownTls::default()
    });
    let peeked = header(&peeked);
    assert_eq!(peeked.tlv(kind::AUTHORITY), Some(&b"chat.example.org"[..]));
    assert_eq!(peeked.tlv(kind::ALPN), Some(&b"h2"[..]));
    // Ended here, where the client sent no name.
    let ended = written(KnownTls {
        alpn: Some(b"xmpp-client"),
        authority: None,
        ssl: Some(SslInfo {
            version: Some(b"TLSv1.3"),
            ..SslInfo::default()
        }),
    });
    let ended = header(&ended);
    assert_eq!(ended.tlv(kind::AUTHORITY), None);
    assert_eq!(ended.tlv(kind::ALPN), Some(&b"xmpp-client"[..]));
    let ssl = ended.ssl().unwrap();
    assert_eq!(ssl.sub(kind::SSL_VERSION), Some(&b"TLSv1.3"[..]));
}

#[test]
fn v1_and_v2_carry_the_clients_addresses() {
    let v1 = written(&send(ProxyVersion::V1, &[], &[]), CLIENT, DESTINATION, None);
    assert_eq!(v1, b"PROXY TCP4 192.0.2.1 198.51.100.1 40000 5222\r\n");
    let v2 = written(&send(ProxyVersion::V2, &[], &[]), CLIENT, DESTINATION, None);
    assert_eq!(v2.len(), 28);
    assert_eq!(
        header(&v2).stream_addresses(),
        addr(CLIENT).zip(addr(DESTINATION))
    );
}

#[test]
fn families_are_never_mixed_and_mapped_addresses_are_ipv4() {
    for (client, destination, wanted) in [
        (
            "[::ffff:192.0.2.1]:1",
            "[::ffff:198.51.100.1]:2",
            ("192.0.2.1:1", "198.51.100.1:2"),
        ),
        (
            "192.0.2.1:1",
            "[2001:db8::1]:2",
            ("192.0.2.1:1", "0.0.0.0:2"),
        ),
        (
            "[2001:db8::1]:1",
            "192.0.2.1:2",
            ("[2001:db8::1]:1", "[::]:2"),
        ),
        (
            "[2001:db8::1]:1",
            "[2001:db8::2]:2",
            ("[2001:db8::1]:1", "[2001:db8::2]:2"),
        ),
        ("", DESTINATION, ("127.0.0.1:50000", DESTINATION)),
        ("", "", ("127.0.0.1:50000", "127.0.0.1:5222")),
    ] {
        for version in [ProxyVersion::V1, ProxyVersion::V2] {
            let bytes = written(&send(version, &[], &[]), client, destination, None);
            let header = header(&bytes);
            assert_eq!(header.command(), Command::Proxy);
            assert_eq!(header.transport(), Transport::Stream);
            assert_eq!(
                header.stream_addresses(),
                addr(wanted.0).zip(addr(wanted.1)),
                "{client} {destination}"
            );
        }
    }
}

#[test]
fn unix_on_both_sides_is_loopback() {
    let mut out = Vec::new();
    let v1 = send(ProxyVersion::V1, &[], &[]);
    outgoing_header(&v1, &nobody(), &mut out).unwrap();
    assert_eq!(out, b"PROXY TCP4 127.0.0.1 127.0.0.1 0 0\r\n");
    assert_eq!(header(&out).version(), Version::V1);
}

#[test]
fn chosen_and_passed_tlvs_are_written_once_and_sealed() {
    let mut incoming = Vec::new();
    let mut writer =
        V2Builder::new(addr(CLIENT).unwrap(), addr(DESTINATION).unwrap()).start(&mut incoming);
    writer
        .alpn(b"xmpp-client")
        .authority("chat.example.org")
        .unique_id(b"from-the-first-proxy")
        .noop(5)
        .tlv(0xE0, b"one")
        .tlv(0xE0, b"two")
        .tlv(0xE1, b"secret")
        .crc32c();
    writer.finish().unwrap();
    let all = [
        SendTlv::Alpn,
        SendTlv::Authority,
        SendTlv::Ssl,
        SendTlv::UniqueId,
        SendTlv::Crc32c,
    ];
    let pass = [kind::ALPN, kind::CRC32C, kind::NOOP, 0xE0];
    let out = written(
        &send(ProxyVersion::V2, &all, &pass),
        CLIENT,
        DESTINATION,
        Some(&incoming),
    );
    let header = header(&out);
    let kinds: Vec<u8> = header.raw_tlvs().map(|tlv| tlv.kind).collect();
    assert_eq!(
        kinds,
        [
            kind::ALPN,
            kind::AUTHORITY,
            kind::UNIQUE_ID,
            0xE0,
            0xE0,
            kind::CRC32C
        ]
    );
    assert_eq!(
        header.tlv(kind::UNIQUE_ID),
        Some(&b"from-the-first-proxy"[..])
    );
    assert_eq!(header.tlv(kind::AUTHORITY), Some(&b"chat.example.org"[..]));
}

#[test]
fn without_an_incoming_header_only_what_is_ours_is_written() {
    let all = [SendTlv::Alpn, SendTlv::Authority, SendTlv::UniqueId];
    let out = written(
        &send(ProxyVersion::V2, &all, &[0xE0]),
        CLIENT,
        DESTINATION,
        None,
    );
    let header = header(&out);
    assert_eq!(header.raw_tlvs().count(), 1);
    assert_eq!(header.tlv(kind::UNIQUE_ID), Some(&b"0badcafe-0-1"[..]));
}

#[test]
fn tlvs_that_do_not_fit_are_an_error_and_leave_nothing() {
    let mut incoming = Vec::new();
    let mut writer =
        V2Builder::new(addr(CLIENT).unwrap(), addr(DESTINATION).unwrap()).start(&mut incoming);
    writer.tlv(0xE0, &vec![0; 65_535 - 12 - 3]);
    writer.finish().unwrap();
    let mut out = b"kept".to_vec();
    let send = send(ProxyVersion::V2, &[SendTlv::UniqueId], &[0xE0]);
    let introduction = Introduction {
        client: addr(CLIENT),
        destination: addr(DESTINATION),
        incoming: Some(&incoming),
        ..nobody()
    };
    let error = outgoing_header(&send, &introduction, &mut out);
    assert_eq!(error, Err(EncodeError::HeaderTooLong));
    assert_eq!(out, b"kept");
}
