//! What right files mean.

use std::{net::SocketAddr, path::PathBuf, time::Duration};

use super::{flawless, usable};
use crate::*;

const PLAIN: &str = r#"
[[listener]]
name = "c2s"
bind = "127.0.0.1:15222"
service = "c2s"

[service.c2s]
upstreams = "127.0.0.1:5222"
"#;

const EVERYTHING: &str = r#"
[runtime]
workers = 2
user = "vestibule"
group = "1000"

[limits]
connections = 8000
connections_per_client = 20
peek_timeout = "1s"
drain_timeout = "0s"

[tcp]
keepalive_idle = "1m30s"
keepalive_interval = "10s"
user_timeout = "off"

[admin]
listen = "127.0.0.1:0"
control = "/run/vestibule/control.sock"

[log]
format = "json"
access = "/var/log/vestibule/access.log"
level = "debug"

[[listener]]
name = "in"
bind = ["0.0.0.0:443", "[::]:443", "unix:/run/vestibule/in.sock"]
service = "c2s"
transparent = false
routes = [
  { client = ["192.0.2.0/24", "2001:db8::1"], destination = [":5269", "[2001:db8::]/32:443"], service = "s2s" },
  { proxy_tlv = ["authority=Chat.example.org", "ssl.cn", "0xE0=hex:00fF"], service = "s2s" },
]
[listener.proxy_protocol]
trusted = ["::ffff:192.0.2.0/120", "10.0.0.1"]
mode = "mixed"
timeout = "500ms"
max_header = "4KiB"

[service.s2s]
kind = "tcp"
upstreams = ["XMPP.example.org.:5269", "unix:s2s.sock", "[2001:db8::1]:5269", "10.0.0.2:1"]
balance = "source_hash"
send_proxy = { version = "v2", tlvs = ["alpn", "crc32c"], pass_tlvs = [0xE0, 5] }
health = { interval = "10s", timeout = "1s", rise = 1, fall = 5 }
connect_timeout = "100ms"
retries = 0
idle_timeout = { client = "1h", upstream = "2d" }
half_close_timeout = "5s"

[service.c2s]
upstreams = ["10.0.0.3:5222"]
send_proxy = "v1"
health = true
idle_timeout = "5m"
"#;

#[test]
fn defaults_are_those_of_the_reference() {
    let config = flawless(PLAIN);
    assert_eq!(config.runtime, Runtime::default());
    assert_eq!(config.admin, Admin::default());
    let log = Log {
        format: LogFormat::Text,
        access: AccessLog::Stdout,
        level: LogLevel::Info,
    };
    assert_eq!(config.log, log);
    let limits = Limits {
        connections: None,
        connections_per_client: 0,
        handshake_timeout: Duration::from_secs(10),
        peek_timeout: Duration::from_secs(5),
        drain_timeout: Duration::from_secs(30),
    };
    assert_eq!(config.limits, limits);
    let tcp = Tcp {
        keepalive_idle: Some(Duration::from_secs(120)),
        keepalive_interval: Duration::from_secs(30),
        user_timeout: Some(Duration::from_secs(300)),
        mark: None,
    };
    assert_eq!(config.tcp, tcp);
    let listener = Listener {
        name: "c2s".to_owned(),
        bind: vec![Bind::Tcp(address("127.0.0.1:15222"))],
        routes: Vec::new(),
        default: Destination::Service(0),
        proxy_protocol: None,
        tls: None,
        transparent: None,
    };
    assert_eq!(config.listeners, [listener]);
    let day = Duration::from_secs(86_400);
    let service = Service {
        name: "c2s".to_owned(),
        kind: ServiceKind::Tcp,
        upstreams: vec![Upstream::Address(address("127.0.0.1:5222"))],
        allow: Vec::new(),
        allow_networks: Vec::new(),
        deny: Vec::new(),
        source: SourceAddress::Own,
        mark: None,
        via: Vec::new(),
        balance: Balance::RoundRobin,
        send_proxy: None,
        tls: None,
        health: None,
        connect_timeout: Duration::from_secs(5),
        retries: 2,
        idle_timeout: IdleTimeout {
            client: day,
            upstream: day,
        },
        half_close_timeout: Duration::from_secs(60),
    };
    assert_eq!(config.services, [service]);
    assert_eq!(config.certificates, []);
}

#[test]
fn proxy_protocol_defaults_to_loopback_and_require() {
    let text = PLAIN.replace("[service", "[listener.proxy_protocol]\n[service");
    let expected = ProxyProtocol {
        trusted: vec!["127.0.0.1/32".parse().unwrap(), "::1/128".parse().unwrap()],
        mode: ProxyProtocolMode::Require,
        timeout: Duration::from_secs(3),
        max_header: 65_551,
    };
    assert_eq!(flawless(&text).listeners[0].proxy_protocol, Some(expected));
}

#[test]
fn global_tables_are_read() {
    let config = flawless(EVERYTHING);
    assert_eq!(config.runtime.workers.map(usize::from), Some(2));
    assert_eq!(config.runtime.user.as_deref(), Some("vestibule"));
    assert_eq!(config.runtime.group.as_deref(), Some("1000"));
    assert_eq!(config.limits.connections.map(usize::from), Some(8000));
    assert_eq!(config.limits.connections_per_client, 20);
    assert_eq!(config.limits.peek_timeout, Duration::from_secs(1));
    assert_eq!(config.limits.drain_timeout, Duration::ZERO);
    assert_eq!(config.tcp.keepalive_idle, Some(Duration::from_secs(90)));
    assert_eq!(config.tcp.keepalive_interval, Duration::from_secs(10));
    assert_eq!(config.tcp.user_timeout, None);
    assert_eq!(config.admin.listen, Some(address("127.0.0.1:0")));
    assert_eq!(
        config.admin.control,
        Some(PathBuf::from("/run/vestibule/control.sock"))
    );
    let file = AccessLog::File(PathBuf::from("/var/log/vestibule/access.log"));
    let log = Log {
        format: LogFormat::Json,
        access: file,
        level: LogLevel::Debug,
    };
    assert_eq!(config.log, log);
}

#[test]
fn listeners_are_read() {
    let listener = &flawless(EVERYTHING).listeners[0];
    let bind = [
        Bind::Tcp(address("0.0.0.0:443")),
        Bind::Tcp(address("[::]:443")),
        Bind::Unix(PathBuf::from("/run/vestibule/in.sock")),
    ];
    assert_eq!(listener.bind, bind);
    assert_eq!(listener.default, Destination::Service(1));
    let first = Route {
        alpn: Vec::new(),
        http_host: Vec::new(),
        sni: Vec::new(),
        client: vec![
            "192.0.2.0/24".parse().unwrap(),
            "2001:db8::1/128".parse().unwrap(),
        ],
        destination: vec![
            DestinationMatch {
                network: None,
                port: Some(5269),
            },
            DestinationMatch {
                network: "2001:db8::/32".parse().ok(),
                port: Some(443),
            },
        ],
        proxy_tlv: Vec::new(),
        service: 0,
    };
    let tlv = |kind, value: Option<&[u8]>| TlvMatch {
        kind,
        value: value.map(<[u8]>::to_vec),
    };
    let second = Route {
        alpn: Vec::new(),
        http_host: Vec::new(),
        sni: Vec::new(),
        client: Vec::new(),
        destination: Vec::new(),
        proxy_tlv: vec![
            tlv(TlvKind::Top(2), Some(b"Chat.example.org")),
            tlv(TlvKind::Ssl(0x22), None),
            tlv(TlvKind::Top(0xE0), Some(&[0x00, 0xFF])),
        ],
        service: 0,
    };
    assert_eq!(listener.routes, [first, second]);
    let policy = ProxyProtocol {
        trusted: vec![
            "192.0.2.0/24".parse().unwrap(),
            "10.0.0.1/32".parse().unwrap(),
        ],
        mode: ProxyProtocolMode::Mixed,
        timeout: Duration::from_millis(500),
        max_header: 4096,
    };
    assert_eq!(listener.proxy_protocol, Some(policy));
}

#[test]
fn services_are_read_in_the_order_of_the_file() {
    let config = flawless(EVERYTHING);
    let [s2s, c2s] = &config.services[..] else {
        panic!("{:?}", config.services)
    };
    let upstreams = [
        Upstream::Name("xmpp.example.org".to_owned(), 5269),
        Upstream::Unix(PathBuf::from("s2s.sock")),
        Upstream::Address(address("[2001:db8::1]:5269")),
        Upstream::Address(address("10.0.0.2:1")),
    ];
    assert_eq!(
        (s2s.name.as_str(), &s2s.upstreams[..]),
        ("s2s", &upstreams[..])
    );
    assert_eq!(s2s.balance, Balance::SourceHash);
    let tlvs = vec![SendTlv::Alpn, SendTlv::Crc32c];
    let send = SendProxy {
        version: ProxyVersion::V2,
        tlvs,
        pass_tlvs: vec![0xE0, 5],
    };
    assert_eq!(s2s.send_proxy, Some(send));
    let seconds = Duration::from_secs;
    let health = Health {
        interval: seconds(10),
        timeout: seconds(1),
        rise: 1,
        fall: 5,
    };
    assert_eq!(s2s.health, Some(health));
    assert_eq!(s2s.connect_timeout, Duration::from_millis(100));
    assert_eq!(s2s.retries, 0);
    assert_eq!(s2s.idle_timeout.client, seconds(3600));
    assert_eq!(s2s.idle_timeout.upstream, seconds(172_800));
    assert_eq!(s2s.half_close_timeout, seconds(5));

    assert_eq!(c2s.name, "c2s");
    let send = SendProxy {
        version: ProxyVersion::V1,
        tlvs: Vec::new(),
        pass_tlvs: Vec::new(),
    };
    assert_eq!(c2s.send_proxy, Some(send));
    let health = Health {
        interval: seconds(5),
        timeout: seconds(2),
        rise: 2,
        fall: 3,
    };
    assert_eq!(c2s.health, Some(health));
    assert_eq!(
        c2s.idle_timeout,
        IdleTimeout {
            client: seconds(300),
            upstream: seconds(300)
        }
    );
}

#[test]
fn what_is_off_is_as_if_it_were_absent() {
    let listener = "transparent = false\n[service";
    let off = "source = \"own\"\nhealth = false\ntls = false\nkind = \"tcp\"\n";
    let text = PLAIN.replace("[service", listener) + off;
    assert_eq!(flawless(&text), flawless(PLAIN));
}

#[test]
fn port_zero_never_collides() {
    let more = "[[listener]]\nname = \"b\"\nbind = [\"127.0.0.1:0\", \"127.0.0.1:0\"]\nservice = \"c2s\"\n";
    let text = PLAIN.replace("127.0.0.1:15222", "127.0.0.1:0") + more;
    assert_eq!(flawless(&text).listeners.len(), 2);
}

#[test]
fn ipv6_wildcard_is_ipv6_only_and_does_not_collide_with_ipv4() {
    let text = PLAIN.replace("\"127.0.0.1:15222\"", "[\"[::]:15222\", \"0.0.0.0:15222\"]");
    assert_eq!(flawless(&text).listeners[0].bind.len(), 2);
}

#[test]
fn a_warning_leaves_the_file_usable() {
    let (config, report) = usable(&(PLAIN.to_owned() + "[service.web]\nupstreams = \"a:1\"\n"));
    assert_eq!(config.services.len(), 2);
    assert_eq!(report.warnings().count(), 1);
    assert_eq!(report.errors().count(), 0);
}

#[test]
fn routes_that_are_narrower_first_are_fine() {
    let routes = r#"routes = [
  { client = "10.1.0.0/16", service = "c2s" },
  { client = "10.0.0.0/8", destination = "127.0.0.1", service = "c2s" },
  { client = "10.0.0.0/8", service = "c2s" },
  { destination = "127.0.0.1:15222", service = "c2s" },
]
[service"#;
    assert_eq!(
        flawless(&PLAIN.replace("[service", routes)).listeners[0]
            .routes
            .len(),
        4
    );
}

fn address(text: &str) -> SocketAddr {
    text.parse().unwrap()
}

#[test]
fn a_file_of_the_end_to_end_tests_is_right() {
    let text = r#"
[runtime]
workers = 1
[log]
format = "json"
access = "/tmp/access.log"
[admin]
listen = "127.0.0.1:0"
control = "/tmp/control.sock"
[[listener]]
name = "in"
bind = "127.0.0.1:0"
service = "echo"
[listener.proxy_protocol]
trusted = ["127.0.0.1", "::1"]
[service.echo]
upstreams = ["127.0.0.1:7000"]
send_proxy = "v2"
"#;
    assert_eq!(flawless(text).listeners.len(), 1);
}
