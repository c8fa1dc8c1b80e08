//! The names of Prosody's mod_net_proxy behave and log as the module documents them.

use std::io::Write;
use std::net::SocketAddr;

use vestibule_e2e::{
    Origin, ReservedPort, Setup, Vestibule, connect, exchange, linger_zero, read_to_end,
};

const LINE: &[u8] = b"PROXY TCP4 192.0.2.1 198.51.100.1 40000 5222\r\n";

/// The shorthand `top` before a service `c2s` that leads to `origin`.
fn with(top: &str, origin: &Origin) -> Vestibule {
    Setup::new(format!(
        "[service.c2s]\nupstreams = [\"{}\"]\n",
        origin.address()
    ))
    .top(format!("proxy_interfaces = [\"127.0.0.1\"]\n{top}"))
    .start()
}

/// Warnings that were written at the start and contain `text`.
fn warnings(vestibule: &Vestibule, text: &str) -> usize {
    let is_it = |event: &&serde_json::Value| {
        let message = event["message"].as_str().unwrap_or_default();
        event["level"] == "WARN" && message.contains(text)
    };
    vestibule.all_events().iter().filter(is_it).count()
}

fn refused(vestibule: &Vestibule, port: u16, reason: &str) -> u64 {
    let listener = format!("proxy-{port}");
    let labels = [("listener", listener.as_str()), ("reason", reason)];
    vestibule
        .metrics()
        .value("vestibule_connections_refused_total", &labels)
}

/// A peer that is closed with these bytes sent and none received; answers its address.
fn turned_away(address: SocketAddr, bytes: &[u8]) -> SocketAddr {
    let mut stream = connect(address);
    let own = stream.local_addr().expect("an address");
    let _ = stream.write_all(bytes);
    assert_eq!(read_to_end(&mut stream).0, b"");
    own
}

#[test]
fn an_untrusted_proxy_is_closed_unread() {
    let (origin, port) = (Origin::echo(), ReservedPort::new());
    let vestibule = with(
        &format!(
            "proxy_port_mappings = {{ {} = \"c2s\" }}\n\
             proxy_trusted_proxies = [\"192.0.2.0/24\", \"::1\"]\n",
            port.port()
        ),
        &origin,
    );
    // Not even a silent one is waited for.
    for bytes in [LINE, b""] {
        let peer = turned_away(port.address(), bytes);
        vestibule.record_of(peer).assert(&[
            ("client", &peer.to_string()),
            ("end", "untrusted_proxy"),
            ("ended_by", "vestibule"),
            ("proxy_version", ""),
            ("service", ""),
        ]);
    }
    assert_eq!(refused(&vestibule, port.port(), "untrusted_proxy"), 2);
    assert_eq!(origin.accepted(), 0);
}

#[test]
fn loopback_is_trusted_by_default() {
    let (origin, port) = (Origin::echo(), ReservedPort::new());
    let mapping = format!("proxy_port_mappings = {{ {} = \"c2s\" }}\n", port.port());
    let vestibule = with(&mapping, &origin);
    assert_eq!(warnings(&vestibule, ""), 0);
    let mut stream = connect(port.address());
    stream.write_all(LINE).expect("a header");
    exchange(&mut stream, b"trusted");
}

#[test]
fn an_empty_list_trusts_everyone_with_a_warning() {
    let (origin, port) = (Origin::echo(), ReservedPort::new());
    let vestibule = with(
        &format!(
            "proxy_port_mappings = {{ {} = \"c2s\" }}\nproxy_trusted_proxies = []\n",
            port.port()
        ),
        &origin,
    );
    assert_eq!(warnings(&vestibule, "every peer is trusted"), 1);
    let mut stream = connect(port.address());
    let own = stream.local_addr().expect("an address");
    stream.write_all(LINE).expect("a header");
    exchange(&mut stream, b"trusted");
    drop(stream);
    let record = vestibule.record_of(own);
    record.assert(&[("client", "192.0.2.1:40000"), ("service", "c2s")]);
}

/// As in the module: a warning at the start, and the connection is dropped after its header.
#[test]
fn a_port_without_mapping_drops_connections_after_their_header() {
    let (origin, mapped, unmapped) = (Origin::echo(), ReservedPort::new(), ReservedPort::new());
    let vestibule = with(
        &format!(
            "proxy_port_mappings = {{ {0} = \"c2s\" }}\nproxy_ports = [{0}, {1}]\n",
            mapped.port(),
            unmapped.port()
        ),
        &origin,
    );
    assert_eq!(warnings(&vestibule, "has no mapping"), 1);
    assert_dropped_after_header(&vestibule, &unmapped);
    let mut stream = connect(mapped.address());
    stream.write_all(LINE).expect("a header");
    exchange(&mut stream, b"the mapped port");
    assert_eq!(origin.accepted(), 1);
}

#[test]
fn a_mapping_to_no_service_drops_connections_after_their_header() {
    let (origin, mapped, astray) = (Origin::echo(), ReservedPort::new(), ReservedPort::new());
    let vestibule = with(
        &format!(
            "proxy_port_mappings = {{ {} = \"c2s\", {} = \"c2z\" }}\n",
            mapped.port(),
            astray.port()
        ),
        &origin,
    );
    assert_eq!(warnings(&vestibule, "c2z"), 1);
    assert_dropped_after_header(&vestibule, &astray);
    let mut stream = connect(mapped.address());
    stream.write_all(LINE).expect("a header");
    exchange(&mut stream, b"the mapped port");
    assert_eq!(origin.accepted(), 1);
}

/// A whole header is wanted first, so that the record can name the client.
fn assert_dropped_after_header(vestibule: &Vestibule, port: &ReservedPort) {
    let half = connect(port.address());
    (&half).write_all(&LINE[..20]).expect("half a header");
    let peer = turned_away(port.address(), &[LINE, b"<stream:stream>"].concat());
    vestibule.record_of(peer).assert(&[
        ("client", "192.0.2.1:40000"),
        ("peer", &peer.to_string()),
        ("proxy_version", "v1"),
        ("service", ""),
        ("upstream", ""),
        ("end", "no_service"),
    ]);
    assert_eq!(refused(vestibule, port.port(), "no_service"), 1);
    // The other one is still being waited for.
    assert_eq!(vestibule.records().len(), 1);
    linger_zero(&half);
}

/// Ports that are mapped but not listed are not listened on.
#[test]
fn only_the_ports_of_the_list_are_listened_on() {
    let (origin, listed, other) = (Origin::echo(), ReservedPort::new(), ReservedPort::new());
    let vestibule = with(
        &format!(
            "proxy_port_mappings = {{ {0} = \"c2s\", {1} = \"c2s\" }}\nproxy_ports = [{0}]\n",
            listed.port(),
            other.port()
        ),
        &origin,
    );
    assert_eq!(warnings(&vestibule, "not listened on"), 1);
    let expected = [listed.address().to_string()];
    assert_eq!(
        vestibule.addresses(&format!("proxy-{}", listed.port())),
        expected
    );
    assert_eq!(vestibule.events("listening").len(), 1);
}
