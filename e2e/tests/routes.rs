//! Which service a connection goes to, and what the PROXY header says on the way out.

use std::io::Write;
use std::net::{SocketAddr, TcpStream};

use vestibule_e2e::{Origin, ProxyOrigin, Vestibule, connect, exchange, read_to_end};
use vestibule_proxy_protocol::vectors::{tlv, v2};
use vestibule_proxy_protocol::{V2Builder, Version, kind};

fn address(text: &str) -> SocketAddr {
    text.parse().expect("an address")
}

/// A connection that begins with this header.
fn with_header(vestibule: &Vestibule, header: &[u8]) -> TcpStream {
    let mut stream = connect(vestibule.address("in"));
    stream.write_all(header).expect("a header");
    stream
}

fn line(source: &str, destination: &str) -> Vec<u8> {
    let (source, destination) = (address(source), address(destination));
    let family = if source.is_ipv4() { "TCP4" } else { "TCP6" };
    format!(
        "PROXY {family} {} {} {} {}\r\n",
        source.ip(),
        destination.ip(),
        source.port(),
        destination.port()
    )
    .into()
}

/// A version 2 header with these TLVs.
fn with_tlvs(tlvs: &[Vec<u8>]) -> Vec<u8> {
    let block = [192, 0, 2, 1, 198, 51, 100, 1, 0x0F, 0xA0, 0x14, 0x66];
    v2(0x21, 0x11, &[&block[..], &tlvs.concat()].concat())
}

#[test]
fn routes_are_tried_from_top_to_bottom() {
    let origin = Origin::echo();
    let services: String = ["both", "client", "network", "port", "tlv", "value", "rest"]
        .map(|name| format!("[service.{name}]\nupstreams = [\"{}\"]\n", origin.address()))
        .concat();
    let vestibule = Vestibule::start(format!(
        "[[listener]]\nname = \"in\"\nbind = \"127.0.0.1:0\"\nservice = \"rest\"\n\
         routes = [\n\
         {{ client = [\"192.0.2.0/24\"], destination = [\":5269\"], service = \"both\" }},\n\
         {{ client = [\"192.0.2.0/25\", \"2001:db8:1::/48\"], service = \"client\" }},\n\
         {{ destination = [\"198.51.100.0/24\", \"[2001:db8:2::]/48\"], service = \"network\" }},\n\
         {{ destination = [\":443\", \"203.0.113.9:80\"], service = \"port\" }},\n\
         {{ proxy_tlv = [\"authority=chat.example.org\"], service = \"value\" }},\n\
         {{ proxy_tlv = [\"0xE7\", \"alpn\"], service = \"tlv\" }},\n\
         ]\n[listener.proxy_protocol]\n{services}"
    ));
    let elsewhere = "203.0.113.1:5222";
    let with_tlv = |kind: u8, value: &[u8]| {
        let mut header = Vec::new();
        V2Builder::new(address("203.0.113.2:1"), address(elsewhere))
            .start(&mut header)
            .tlv(kind, value)
            .finish()
            .expect("a header");
        header
    };
    for (header, service) in [
        (line("192.0.2.200:1", "203.0.113.1:5269"), "both"),
        (line("192.0.2.1:1", "203.0.113.1:5269"), "both"),
        (line("192.0.2.1:1", elsewhere), "client"),
        (line("192.0.2.200:1", elsewhere), "rest"),
        (line("[2001:db8:1::7]:1", "[2001:db8::1]:5222"), "client"),
        (line("203.0.113.2:1", "198.51.100.200:1"), "network"),
        (line("[2001:db8::7]:1", "[2001:db8:2::1]:5222"), "network"),
        (line("[2001:db8::7]:1", "[2001:db8::1]:443"), "port"),
        (line("203.0.113.2:1", "203.0.113.9:80"), "port"),
        (line("203.0.113.2:1", "203.0.113.8:80"), "rest"),
        (with_tlv(kind::AUTHORITY, b"Chat.Example.ORG"), "value"),
        (with_tlv(kind::AUTHORITY, b"example.org"), "rest"),
        (with_tlv(kind::ALPN, b"h2"), "tlv"),
        (with_tlv(0xE7, b""), "tlv"),
        (with_tlv(0xE8, b""), "rest"),
        (b"PROXY UNKNOWN\r\n".to_vec(), "rest"),
    ] {
        let mut stream = with_header(&vestibule, &header);
        exchange(&mut stream, b"where to?");
        let own = stream.local_addr().expect("an address");
        drop(stream);
        vestibule.record_of(own).assert(&[("service", service)]);
    }
}

#[test]
fn what_no_route_takes_is_refused() {
    let origin = Origin::echo();
    let vestibule = Vestibule::start(format!(
        "[[listener]]\nname = \"in\"\nbind = \"127.0.0.1:0\"\n\
         routes = [{{ client = [\"192.0.2.0/24\"], service = \"s\" }}]\n\
         [listener.proxy_protocol]\n\
         [service.s]\nupstreams = [\"{}\"]\n",
        origin.address()
    ));
    let mut stream = with_header(&vestibule, &line("203.0.113.1:1", "198.51.100.1:1"));
    assert_eq!(read_to_end(&mut stream).0, b"");
    let record = vestibule.record_of(stream.local_addr().expect("an address"));
    record.assert(&[
        ("client", "203.0.113.1:1"),
        ("end", "refused"),
        ("ended_by", "vestibule"),
        ("service", ""),
    ]);
    let labels = [("listener", "in"), ("reason", "refused")];
    let refused = vestibule
        .metrics()
        .value("vestibule_connections_refused_total", &labels);
    assert_eq!(refused, 1);
    exchange(
        &mut with_header(&vestibule, &line("192.0.2.1:1", "198.51.100.1:1")),
        b"in",
    );
    assert_eq!(origin.accepted(), 1);
}

/// In `mixed` mode the address of the peer decides, before a byte is read: what a stranger sends
/// is payload, whatever it looks like.
#[test]
fn a_strangers_header_is_payload_where_both_may_come() {
    let origin = Origin::echo();
    let vestibule = Vestibule::start(format!(
        "[[listener]]\nname = \"in\"\nbind = \"127.0.0.1:0\"\nservice = \"s\"\n\
         [listener.proxy_protocol]\nmode = \"mixed\"\ntrusted = [\"192.0.2.0/24\"]\n\
         [service.s]\nupstreams = [\"{}\"]\n",
        origin.address()
    ));
    let forged = line("10.0.0.1:1", "198.51.100.1:1");
    let mut stream = connect(vestibule.address("in"));
    exchange(&mut stream, &forged);
    let own = stream.local_addr().expect("an address");
    drop(stream);
    let record = vestibule.record_of(own);
    record.assert(&[("client", &own.to_string()), ("proxy_version", "")]);
    assert_eq!(record.number("bytes_in"), forged.len() as u64);
}

fn sending(origin: &ProxyOrigin, listener: &str, send_proxy: &str) -> Vestibule {
    Vestibule::start(format!(
        "[[listener]]\nname = \"in\"\nbind = \"127.0.0.1:0\"\nservice = \"s\"\n{listener}\n\
         [service.s]\nupstreams = [\"{}\"]\nsend_proxy = {send_proxy}\n",
        origin.address()
    ))
}

/// A header from nobody: the client is the socket's, and the header is sent before the client has
/// said a word.
#[test]
fn a_plain_client_is_introduced_at_once() {
    for (name, version, length) in [("v1", Version::V1, 0), ("v2", Version::V2, 28)] {
        let origin = ProxyOrigin::echo();
        let vestibule = sending(&origin, "", &format!("\"{name}\""));
        let silent = connect(vestibule.address("in"));
        let told = origin.told();
        assert_eq!(told.version, version);
        assert_eq!(told.source, silent.local_addr().ok());
        assert_eq!(told.destination, Some(vestibule.address("in")));
        assert_eq!(told.first_read, told.header.len());
        assert!(length == 0 || told.header.len() == length);
    }
}

/// What the client has sent by then shares the segment with the header.
#[test]
fn the_header_and_the_first_bytes_leave_together() {
    let origin = ProxyOrigin::echo();
    let vestibule = sending(&origin, "[listener.proxy_protocol]", "\"v2\"");
    let mut stream = connect(vestibule.address("in"));
    let header = line("192.0.2.1:1", "198.51.100.1:5222");
    let first = [header.as_slice(), b"<stream:stream>"].concat();
    stream.write_all(&first).expect("a header and more");
    let told = origin.told();
    assert_eq!(told.first_read, told.header.len() + 15);
}

/// Two Vestibules, one behind the other: what the first proxy knew arrives at the end, and each
/// writes its own checksum.
#[test]
fn tlvs_are_passed_along_a_chain() {
    let origin = ProxyOrigin::echo();
    let send = "{ version = \"v2\", tlvs = [\"alpn\", \"authority\", \"ssl\", \"unique_id\", \
                \"crc32c\"], pass_tlvs = [0xE0, 0x30] }";
    let inner = sending(&origin, "[listener.proxy_protocol]", send);
    let outer = Vestibule::start(format!(
        "[[listener]]\nname = \"in\"\nbind = \"127.0.0.1:0\"\nservice = \"s\"\n\
         [listener.proxy_protocol]\n\
         [service.s]\nupstreams = [\"{}\"]\nsend_proxy = {send}\n",
        inner.address("in")
    ));
    // SSL: the client used TLS, nothing verified; the version as a sub-TLV.
    let ssl = [&[0x01, 0, 0, 0, 1][..], &tlv(0x21, b"TLSv1.3")].concat();
    let sent = [
        tlv(kind::ALPN, b"xmpp-client"),
        tlv(kind::AUTHORITY, b"chat.example.org"),
        tlv(kind::SSL, &ssl),
        tlv(0xE0, b"of an application"),
        tlv(0xE1, b"not to be passed on"),
    ];
    let mut stream = with_header(&outer, &with_tlvs(&sent));
    exchange(&mut stream, b"hello");
    let told = origin.told();
    assert_eq!(told.source, Some(address("192.0.2.1:4000")));
    assert_eq!(told.destination, Some(address("198.51.100.1:5222")));
    assert_eq!(told.tlv(kind::ALPN), Some(&b"xmpp-client"[..]));
    assert_eq!(told.tlv(kind::AUTHORITY), Some(&b"chat.example.org"[..]));
    assert_eq!(told.tlv(kind::SSL), Some(&ssl[..]));
    assert_eq!(told.tlv(0xE0), Some(&b"of an application"[..]));
    assert_eq!(told.tlv(0xE1), None);
    assert_eq!(told.tlv(kind::CRC32C).map(<[u8]>::len), Some(4));
    // The id that the first of the two has given.
    let id = told.tlv(kind::UNIQUE_ID).expect("an id").to_vec();
    drop(stream);
    let record = outer.record("the client", |r| r.text("client") == "192.0.2.1:4000");
    let id = String::from_utf8(id).expect("text");
    assert!(id.ends_with(record.text("id")), "{id}: {record:?}");
    inner.record("the client", |r| r.text("client") == "192.0.2.1:4000");
    let mut again = with_header(&outer, &with_tlvs(&[]));
    exchange(&mut again, b"hello");
    let other = origin.told().tlv(kind::UNIQUE_ID).map(<[u8]>::to_vec);
    assert_ne!(other, Some(id.into_bytes()));
    assert_ne!(other, None);
}

/// Servers that misread headers are many: they get TCP of one family, and nothing else.
#[test]
fn what_is_sent_is_always_tcp_of_one_family() {
    let own = |stream: &TcpStream| stream.local_addr().expect("an address");
    let mapped = "PROXY TCP6 ::ffff:192.0.2.7 ::ffff:198.51.100.7 4000 5222\r\n";
    let mixed = "PROXY TCP6 ::ffff:192.0.2.7 2001:db8::1 4000 5222\r\n";
    let unix = v2(0x21, 0x31, &[b'/'; 216]);
    for name in ["v1", "v2"] {
        let origin = ProxyOrigin::echo();
        let vestibule = sending(&origin, "[listener.proxy_protocol]", &format!("\"{name}\""));
        for (header, source, destination) in [
            (mapped.as_bytes(), "192.0.2.7:4000", "198.51.100.7:5222"),
            (mixed.as_bytes(), "192.0.2.7:4000", "0.0.0.0:5222"),
            (b"PROXY UNKNOWN\r\n", "", ""),
            (&v2(0x20, 0x00, &[]), "", ""),
            (&v2(0x21, 0x00, &[]), "", ""),
            (&unix, "", ""),
        ] {
            let mut stream = with_header(&vestibule, header);
            exchange(&mut stream, b"hello");
            let told = origin.told();
            match source {
                "" => {
                    assert_eq!(told.source, Some(own(&stream)));
                    assert_eq!(told.destination, Some(vestibule.address("in")));
                }
                source => {
                    assert_eq!(told.source, Some(address(source)));
                    assert_eq!(told.destination, Some(address(destination)));
                }
            }
            match told.version {
                Version::V1 => assert!(told.header.starts_with(b"PROXY TCP4 ")),
                // PROXY, INET over STREAM, 12 bytes.
                Version::V2 => assert_eq!(told.header[12..16], [0x21, 0x11, 0, 12]),
            }
        }
    }
}
