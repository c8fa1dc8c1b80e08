//! Debian's HAProxy in front: what it says of its clients reaches our records and the upstreams.

use std::net::SocketAddr;
use std::process::Command;

use vestibule_e2e::{
    Haproxy, Nginx, Process, ProxyOrigin, ReservedPort, Vestibule, certificate, connect,
    eventually, exchange,
};
use vestibule_proxy_protocol::{Version, kind};

/// HAProxy on `front`, with these words on its `bind` line, these lines in its frontend, and this
/// `server` line.
fn haproxy(front: &ReservedPort, bind: &str, frontend: &str, server: &str) -> Haproxy {
    let address = front.address();
    let config = format!(
        "defaults\n\tmode tcp\n\tlog global\n\ttimeout connect 30s\n\ttimeout client 1m\n\t\
         timeout server 1m\n\ttimeout check 30s\n\
         frontend f\n\tbind {address} {bind}\n{frontend}\n\tdefault_backend b\n\
         backend b\n\tserver vestibule {server}\n"
    );
    Haproxy::start(&config, front.port())
}

fn behind_proxy(upstream: SocketAddr, keys: &str) -> Vestibule {
    Vestibule::start(format!(
        "[[listener]]\nname = \"in\"\nbind = \"127.0.0.1:0\"\nservice = \"s\"\n\
         [listener.proxy_protocol]\n\
         [service.s]\nupstreams = [\"{upstream}\"]\n{keys}\n"
    ))
}

#[test]
fn both_versions_name_the_client_to_us_and_to_the_upstream() {
    for (option, version, name) in [
        ("send-proxy", Version::V1, "v1"),
        ("send-proxy-v2", Version::V2, "v2"),
    ] {
        let origin = ProxyOrigin::echo();
        let vestibule = behind_proxy(origin.address(), &format!("send_proxy = \"{name}\""));
        let front = ReservedPort::new();
        let _haproxy = haproxy(
            &front,
            "",
            "",
            &format!("{} {option}", vestibule.address("in")),
        );
        let mut client = connect(front.address());
        exchange(&mut client, b"who am I?");
        let address = client.local_addr().expect("an address");
        let told = origin.told();
        assert_eq!(told.version, version);
        assert_eq!(told.source, Some(address));
        assert_eq!(told.destination, Some(front.address()));
        drop(client);
        let record = vestibule.record_of(address);
        record.assert(&[
            ("client", &address.to_string()),
            ("destination", &front.address().to_string()),
            ("proxy_version", name),
            ("upstream", &origin.address().to_string()),
            ("end", "eof"),
        ]);
        // HAProxy's own socket spoke for the client.
        let peer: SocketAddr = record.text("peer").parse().expect("an address");
        assert_ne!(peer, address);
        let labels = [("listener", "in"), ("version", name)];
        let headers = vestibule
            .metrics()
            .value("vestibule_proxy_headers_total", &labels);
        assert_eq!(headers, 1);
    }
}

/// TLS ends in HAProxy; with every option that this version has, it tells us of it, we route by
/// what it tells, and pass it on.
#[test]
fn the_options_of_version_2_are_routed_by_and_passed_on() {
    let (chosen, other) = (ProxyOrigin::echo(), ProxyOrigin::echo());
    let vestibule = Vestibule::start(format!(
        "[[listener]]\nname = \"in\"\nbind = \"127.0.0.1:0\"\nservice = \"other\"\n\
         routes = [{{ proxy_tlv = [\"authority=chat.example.org\"], service = \"chosen\" }}]\n\
         [listener.proxy_protocol]\n\
         [service.chosen]\nupstreams = [\"{}\"]\n\
         send_proxy = {{ version = \"v2\", tlvs = [\"alpn\", \"authority\", \"ssl\", \
         \"unique_id\", \"crc32c\"] }}\n\
         [service.other]\nupstreams = [\"{}\"]\nsend_proxy = \"v2\"\n",
        chosen.address(),
        other.address(),
    ));
    let directory = tempfile::tempdir().expect("a temporary directory");
    let [.., both] = certificate(directory.path(), "chat.example.org");
    let front = ReservedPort::new();
    let _haproxy = haproxy(
        &front,
        &format!("ssl crt {} alpn xmpp-client", both.display()),
        "\tunique-id-format e2e-%[src_port]",
        &format!(
            "{} send-proxy-v2 proxy-v2-options \
             ssl,cert-cn,ssl-cipher,cert-sig,cert-key,authority,crc32c,unique-id",
            vestibule.address("in")
        ),
    );
    let talk = |name: &str| {
        let mut client = Process::start(
            "openssl",
            Command::new("openssl")
                .args([
                    "s_client",
                    "-quiet",
                    "-verify_quiet",
                    "-alpn",
                    "xmpp-client",
                ])
                .args([
                    "-servername",
                    name,
                    "-connect",
                    &front.address().to_string(),
                ]),
        );
        client.say(name);
        client.wait_for_line(name);
        client
    };
    let client = talk("chat.example.org");
    let told = chosen.told();
    let source = told.source.expect("a client");
    assert_eq!(told.tlv(kind::ALPN), Some(&b"xmpp-client"[..]));
    assert_eq!(told.tlv(kind::AUTHORITY), Some(&b"chat.example.org"[..]));
    let unique_id = format!("e2e-{}", source.port());
    assert_eq!(told.tlv(kind::UNIQUE_ID), Some(unique_id.as_bytes()));
    // The decoder has checked it.
    assert!(told.tlv(kind::CRC32C).is_some());
    let ssl = told.tlv(kind::SSL).expect("the SSL TLV");
    assert_eq!(ssl[0] & 0x01, 0x01, "the client used TLS");
    let version = b"TLSv1.3";
    assert!(ssl.windows(version.len()).any(|window| window == version));
    let cipher = b"TLS_AES_";
    assert!(ssl.windows(cipher.len()).any(|window| window == cipher));
    let _other_client = talk("elsewhere.example.org");
    assert_eq!(other.told().tlvs, []);
    assert_eq!((chosen.accepted(), other.accepted()), (1, 1));
    drop(client);
    let record = vestibule.record("the client", |r| r.text("client") == source.to_string());
    record.assert(&[("service", "chosen"), ("proxy_version", "v2")]);
    let rejected = vestibule.metrics().sum(
        "vestibule_proxy_headers_rejected_total",
        &[("listener", "in")],
    );
    assert_eq!(rejected, 0);
}

/// HAProxy's checks come all the time. They dial nothing, are not in the access log, and a client
/// that comes meanwhile is carried at once.
#[test]
fn checks_are_counted_and_neither_carried_nor_logged() {
    for option in ["send-proxy", "send-proxy-v2"] {
        let origin = ProxyOrigin::echo();
        let vestibule = behind_proxy(origin.address(), "send_proxy = \"v2\"");
        let front = ReservedPort::new();
        let haproxy = haproxy(
            &front,
            "",
            "",
            &format!(
                "{} {option} check inter 50ms fall 100",
                vestibule.address("in")
            ),
        );
        let labels = [("listener", "in")];
        let empty = || {
            let metrics = vestibule.metrics();
            metrics.value("vestibule_connections_empty_total", &labels)
        };
        eventually("ten checks", || empty() >= 10);
        assert_eq!(origin.accepted(), 0, "{option}");
        let mut client = connect(front.address());
        exchange(&mut client, b"while it checks");
        let address = client.local_addr().expect("an address");
        assert_eq!(origin.told().source, Some(address));
        drop(client);
        vestibule.record_of(address).assert(&[("end", "eof")]);
        let before = empty();
        eventually("five more checks", || empty() >= before + 5);
        assert_eq!(vestibule.records().len(), 1, "only the client is logged");
        assert_eq!(origin.accepted(), 1);
        let down = haproxy.process().stderr().join("\n") + &haproxy.process().stdout().join("\n");
        assert!(!down.contains("DOWN"), "{down}");
        let metrics = vestibule.metrics();
        let refused = metrics.sum("vestibule_connections_refused_total", &labels);
        assert_eq!(refused, 0);
    }
}

/// HAProxy sends version 2, Vestibule version 1, and nginx logs the client that curl is.
#[test]
fn nginx_behind_logs_the_real_client() {
    let nginx = Nginx::start();
    let vestibule = behind_proxy(nginx.address(), "send_proxy = \"v1\"");
    let front = ReservedPort::new();
    let _haproxy = haproxy(
        &front,
        "",
        "",
        &format!("{} send-proxy-v2", vestibule.address("in")),
    );
    let curl = Command::new("curl")
        .args(["--silent", "--show-error", "--max-time", "60"])
        .args(["--write-out", "%{local_ip}:%{local_port}"])
        .arg(format!("http://{}/through-both", front.address()))
        .output()
        .expect("curl; `cargo xtask setup` gets it");
    let output = String::from_utf8_lossy(&curl.stdout).into_owned();
    let (seen, own) = output
        .split_once('\n')
        .unwrap_or_else(|| panic!("{curl:?}"));
    assert_eq!(seen, own, "nginx answers with the client's address");
    let logged = nginx.logged("/through-both");
    assert_eq!(logged, format!("{own} {}", front.address()));
    let record = vestibule.record("curl", |record| record.text("client") == own);
    record.assert(&[("upstream", &nginx.address().to_string()), ("end", "eof")]);
}

/// While Vestibule is away HAProxy says so, and finds it again.
#[test]
fn haproxy_notices_when_vestibule_ends_and_comes_back() {
    let origin = ProxyOrigin::echo();
    let port = ReservedPort::new();
    let tables = format!(
        "[[listener]]\nname = \"in\"\nbind = \"{}\"\nservice = \"s\"\n\
         [listener.proxy_protocol]\n\
         [service.s]\nupstreams = [\"{}\"]\nsend_proxy = \"v2\"\n",
        port.address(),
        origin.address()
    );
    let mut vestibule = Vestibule::start(tables.clone());
    let front = ReservedPort::new();
    let haproxy = haproxy(
        &front,
        "",
        "",
        &format!("{} send-proxy-v2 check inter 50ms", port.address()),
    );
    exchange(&mut connect(front.address()), b"up");
    vestibule.terminate();
    haproxy.process().wait_for_line("is DOWN");
    let _again = Vestibule::start(tables);
    haproxy.process().wait_for_line("is UP");
    exchange(&mut connect(front.address()), b"again");
}
