//! Gateways: what the file means, and what `check` prints of them.

mod messages;
mod reference;

use std::{net::SocketAddr, time::Duration};

use vestibule_lowband::mapping::{policy::Policy, server::CborKeys};

use super::{flawless, summary, usable};
use crate::*;

const LEAST: &str = r#"
[[low_bandwidth]]
bind = ":8008"
homeserver = "http://127.0.0.1:8008"
certificate = { chain = "lb.pem", key = "lb.key" }
"#;

/// As the design has them.
const DESIGN: &str = r#"
[[low_bandwidth]]                            # beside a homeserver on the same machine
bind = ["0.0.0.0:8008", "[::]:8008"]         # UDP
homeserver = "http://127.0.0.1:8008"
certificate = { chain = "lb.pem", key = "lb.key" }

[[low_bandwidth]]                            # in front of a remote one
bind = ["0.0.0.0:8448", "[::]:8448"]         # UDP, and TCP because of advertise (tcp_bind to say otherwise)
homeserver = "https://matrix-client.matrix.org"
advertise = "https://lb.example.org:8448"
certificate = { chain = "lb.pem", key = "lb.key" }
handshake_timeout = "60s"
x_forwarded_for = "auto"                     # local homeserver: the real address; remote: none
plain_debug_bind = "127.0.0.1:5683"          # CoAP without DTLS, loopback only
"#;

const MOST: &str = r#"
[[low_bandwidth]]
name = "lb"
bind = ["192.0.2.7:8448", "[2001:db8::7]:8448"]
homeserver = "https://Matrix.internal:8448/"
tls = { ca = "ca.pem", server_name = "matrix.example.org", certificate = { chain = "c.pem", key = "c.key" } }
x_forwarded_for = "never"
advertise = "HTTPS://LB.example.org:8448/"
tcp_bind = "127.0.0.1:8448"
trusted_proxies = ["127.0.0.1", "192.0.2.0/24"]
certificate = { chain = "/etc/lb.pem", key = "/etc/lb.key" }
ticket_key_file = "t.key"
min_version = "1.3"
max_version = "1.3"
plain_debug_bind = "[::1]:5683"
profile = "hf"
block_size = 64
handshake_timeout = "2m"
ack_window = "5s"
request_timeout = "70s"
sync_timeout = "6m"
cbor_keys = "negotiated"
upstream_prefix = "r0"
stable_key = true
allow_paths = ["/_synapse/client/", "/_matrix/client/unstable/org.example"]
[low_bandwidth.limits]
associations = 1
associations_per_source = 1
half_open = 2
half_open_per_source = 2
handshakes_per_minute = 3
handshake_burst = 4
idle_timeout = "5s"
observe_idle_timeout = "6s"
request_body = "7KiB"
uploads = 8
upload_idle_timeout = "9s"
upload_timeout = "10s"
response_body = "11KiB"
responses = 12
response_idle_timeout = "13s"
bodies = "140KiB"
waiting_bodies = "150KiB"
requests = 16
requests_per_association = 15
queue_per_association = 17
queue_timeout = "18s"
requests_per_minute = 0
polls = 20
syncs_per_association = 19
observations = 20
observers_per_association = 5
observations_per_token = 6
long_poll = "21s"
poll_spacing = "22s"
orphan_timeout = "23s"
"#;

const MINUTE: Duration = Duration::from_secs(60);

fn only(text: &str) -> LowBandwidth {
    let mut config = flawless(text);
    assert_eq!(config.low_bandwidth.len(), 1);
    config.low_bandwidth.remove(0)
}

fn certificate(chain: &str, key: &str) -> Certificate {
    Certificate {
        chain: FileRef::unnamed(chain),
        key: FileRef::unnamed(key),
    }
}

fn every(port: u16) -> Vec<SocketAddr> {
    vec![
        SocketAddr::new([0, 0, 0, 0].into(), port),
        SocketAddr::new([0_u16; 8].into(), port),
    ]
}

#[test]
fn defaults_are_filled_in() {
    let expected = LowBandwidth {
        name: "0.0.0.0:8008".to_owned(),
        bind: every(8008),
        homeserver: Homeserver {
            host: "127.0.0.1".to_owned(),
            port: 8008,
            tls: None,
        },
        advertise: None,
        tcp_bind: Vec::new(),
        certificate: certificate("lb.pem", "lb.key"),
        ticket_key_file: None,
        min_version: TlsVersion::V1_2,
        max_version: TlsVersion::V1_3,
        profile: Profile::Standard,
        block_size: 1024,
        handshake_timeout: MINUTE,
        ack_window: Duration::from_millis(1500),
        request_timeout: MINUTE,
        sync_timeout: 5 * MINUTE,
        x_forwarded_for: ForwardedFor::Auto,
        trusted_proxies: Vec::new(),
        cbor_keys: CborKeys::Always,
        upstream_prefix: UpstreamPrefix::Auto,
        policy: Policy::new(),
        allow_paths: Vec::new(),
        stable_key: false,
        plain_debug_bind: None,
        limits: LowBandwidthLimits::default(),
    };
    let config = flawless(LEAST);
    assert_eq!(config.low_bandwidth, [expected]);
    assert!(config.listeners.is_empty() && config.services.is_empty());
    assert_eq!(
        only(&format!("{LEAST}tls = false\n")),
        config.low_bandwidth[0]
    );
}

#[test]
fn every_key_is_heard() {
    let gateway = only(MOST);
    let allow = |policy: Policy, path| policy.allow(path).unwrap();
    let policy = allow(Policy::new(), "/_synapse/client");
    let second = Duration::from_secs(1);
    let expected = LowBandwidth {
        name: "lb".to_owned(),
        bind: vec![
            "192.0.2.7:8448".parse().unwrap(),
            "[2001:db8::7]:8448".parse().unwrap(),
        ],
        homeserver: gateway.homeserver.clone(),
        advertise: Some(Advertise {
            url: "https://lb.example.org:8448".to_owned(),
            is_https: true,
        }),
        tcp_bind: vec!["127.0.0.1:8448".parse().unwrap()],
        certificate: certificate("/etc/lb.pem", "/etc/lb.key"),
        ticket_key_file: Some(FileRef::unnamed("t.key")),
        min_version: TlsVersion::V1_3,
        max_version: TlsVersion::V1_3,
        profile: Profile::Hf,
        block_size: 64,
        handshake_timeout: 2 * MINUTE,
        ack_window: 5 * second,
        request_timeout: 70 * second,
        sync_timeout: 6 * MINUTE,
        x_forwarded_for: ForwardedFor::Never,
        trusted_proxies: vec![
            "127.0.0.1/32".parse().unwrap(),
            "192.0.2.0/24".parse().unwrap(),
        ],
        cbor_keys: CborKeys::Negotiated,
        upstream_prefix: UpstreamPrefix::R0,
        policy: allow(policy, "/_matrix/client/unstable/org.example"),
        allow_paths: vec![
            "/_synapse/client".to_owned(),
            "/_matrix/client/unstable/org.example".to_owned(),
        ],
        stable_key: true,
        plain_debug_bind: Some("[::1]:5683".parse().unwrap()),
        limits: LowBandwidthLimits {
            associations: 1,
            associations_per_source: 1,
            half_open: 2,
            half_open_per_source: 2,
            handshakes_per_minute: 3,
            handshake_burst: 4,
            idle_timeout: 5 * second,
            observe_idle_timeout: 6 * second,
            request_body: 7 << 10,
            uploads: 8,
            upload_idle_timeout: 9 * second,
            upload_timeout: 10 * second,
            response_body: 11 << 10,
            responses: 12,
            response_idle_timeout: 13 * second,
            bodies: 140 << 10,
            waiting_bodies: 150 << 10,
            requests: 16,
            requests_per_association: 15,
            queue_per_association: 17,
            queue_timeout: 18 * second,
            requests_per_minute: 0,
            polls: 20,
            syncs_per_association: 19,
            observations: 20,
            observers_per_association: 5,
            observations_per_token: 6,
            long_poll: 21 * second,
            poll_spacing: 22 * second,
            orphan_timeout: 23 * second,
        },
    };
    assert_eq!(gateway, expected);
    let homeserver = gateway.homeserver;
    assert_eq!(homeserver.authority(), "matrix.internal:8448");
    let tls = homeserver.tls.unwrap();
    assert_eq!(tls.server_name.as_deref(), Some("matrix.example.org"));
    assert_eq!(tls.ca, Some(FileRef::unnamed("ca.pem")));
    assert_eq!(tls.certificate, Some(certificate("c.pem", "c.key")));
    let both = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    assert_eq!(tls.alpn, UpstreamAlpn::Set(both));
}

#[test]
fn the_design_is_understood() {
    let config = flawless(DESIGN);
    let [beside, before] = &config.low_bandwidth[..] else {
        panic!("{}", config.low_bandwidth.len())
    };
    assert_eq!((&beside.bind, &before.bind), (&every(8008), &every(8448)));
    assert!(beside.homeserver.is_local() && !before.homeserver.is_local());
    assert_eq!(before.homeserver.authority(), "matrix-client.matrix.org");
    assert!(before.homeserver.tls.is_some());
    assert!(beside.tcp_bind.is_empty());
    assert_eq!(before.tcp_bind, every(8448));
}

#[test]
fn the_tcp_side_is_a_listener_behind_all_others() {
    let text = format!(
        "proxy_port_mappings = {{ 15222 = \"c2s\" }}\n{}{MOST}\
         [[listener]]\nname = \"a\"\nbind = \"unix:a\"\nservice = \"c2s\"\n\
         [service.c2s]\nupstreams = \"unix:b\"\n",
        DESIGN.replace("8448", "8449")
    );
    let config = flawless(&text);
    let names: Vec<_> = config.listeners.iter().map(|l| &*l.name).collect();
    assert_eq!(names, ["a", "proxy-15222", "0.0.0.0:8449/tcp", "lb/tcp"]);
    let names: Vec<_> = config.services.iter().map(|s| &*s.name).collect();
    assert_eq!(names, ["c2s", "0.0.0.0:8449/tcp", "lb/tcp"]);
    let (listener, service) = (&config.listeners[3], &config.services[2]);
    let at: SocketAddr = "127.0.0.1:8448".parse().unwrap();
    assert_eq!(listener.bind, [Bind::Tcp(at)]);
    assert_eq!(listener.default, Destination::Service(2));
    assert!(listener.routes.is_empty() && listener.proxy_protocol.is_none());
    let Some(ListenerTls::Terminate(tls)) = &listener.tls else {
        panic!("{:?}", listener.tls)
    };
    assert_eq!(
        tls.certificate,
        Some(certificate("/etc/lb.pem", "/etc/lb.key"))
    );
    assert_eq!(tls.alpn, [b"h2".to_vec(), b"http/1.1".to_vec()]);
    assert_eq!(tls.parameters.min_version, TlsVersion::V1_2);
    let ServiceKind::Http(http) = &service.kind else {
        panic!("{:?}", service.kind)
    };
    assert_eq!(http.matrix, Some(2));
    assert_eq!(http.response_timeout, 5 * MINUTE);
    assert_eq!(http.trusted_proxies.len(), 2);
    let target = Upstream::Name("matrix.internal".to_owned(), 8448);
    assert_eq!(service.upstreams, [target]);
    let tls = service.tls.as_ref().unwrap();
    assert_eq!(tls.alpn, UpstreamAlpn::Set(vec![b"http/1.1".to_vec()]));
    assert_eq!(tls.ca, Some(FileRef::unnamed("ca.pem")));
}

#[test]
fn the_tcp_side_has_tls_when_clients_are_told_so() {
    let text = format!("{LEAST}advertise = \"http://192.168.1.2:8008\"\n")
        .replace("127.0.0.1:8008", "[::1]:80");
    let config = flawless(&text);
    let (listener, service) = (&config.listeners[0], &config.services[0]);
    assert_eq!(listener.tls, None);
    let binds = every(8008).into_iter().map(Bind::Tcp);
    assert_eq!(listener.bind, binds.collect::<Vec<_>>());
    assert_eq!(service.tls, None);
    let target = Upstream::Address("[::1]:80".parse().unwrap());
    assert_eq!(service.upstreams, [target]);
}

#[test]
fn the_profile_has_defaults_of_its_own() {
    let of = |profile: &str| {
        let gateway = only(&format!("{LEAST}profile = \"{profile}\"\n"));
        let limits = gateway.limits;
        let times = [
            gateway.handshake_timeout,
            limits.upload_idle_timeout,
            limits.upload_timeout,
            limits.response_idle_timeout,
        ];
        (gateway.profile, times)
    };
    let minutes = |times: [u32; 4]| times.map(|time| time * MINUTE);
    let standard = minutes([1, 1, 5, 2]);
    assert_eq!(of("standard"), (Profile::Standard, standard));
    let satellite = minutes([1, 2, 15, 5]);
    assert_eq!(of("satellite"), (Profile::Satellite, satellite));
    assert_eq!(of("hf"), (Profile::Hf, minutes([5, 5, 120, 15])));
}

#[test]
fn addresses_of_udp_and_tcp_are_apart() {
    // A homeserver beside it, a listener and the admin have the same port by TCP.
    let text = format!(
        "{LEAST}[[listener]]\nname = \"a\"\nbind = \"192.0.2.1:8008\"\nservice = \"b\"\n\
         [service.b]\nupstreams = \"unix:b\"\n[admin]\nlisten = \"127.0.0.1:8008\"\n"
    );
    flawless(&text);
    let other = LEAST.replace("\":8008\"", "\"192.0.2.2:8008\"");
    let text = LEAST.replace("\":8008\"", "[\"192.0.2.1:8008\", \"[::]:8008\"]") + &other;
    let config = flawless(&text);
    let names: Vec<_> = config.low_bandwidth.iter().map(|g| &*g.name).collect();
    assert_eq!(names, ["192.0.2.1:8008", "192.0.2.2:8008"]);
}

#[test]
fn local_is_what_is_near() {
    for (host, is_local) in [
        ("http://127.9.9.9", true),
        ("http://[::1]", true),
        ("http://localhost:1", true),
        ("http://a.localhost", true),
        ("http://10.1.2.3", true),
        ("http://172.16.0.1", true),
        ("http://192.168.0.1", true),
        ("http://169.254.0.1", true),
        ("http://[fd00::1]", true),
        ("http://[fe80::1]", true),
        ("http://172.32.0.1", false),
        ("http://192.0.2.1", false),
        ("http://[2001:db8::1]", false),
        ("http://synapse", false),
        ("http://localhost.example", false),
    ] {
        let (config, report) = usable(&LEAST.replace("http://127.0.0.1:8008", host));
        assert_eq!(
            config.low_bandwidth[0].homeserver.is_local(),
            is_local,
            "{host}"
        );
        let expected = (!is_local).then(|| "tokens_in_clear 4:14".to_owned());
        assert_eq!(summary(&report), Vec::from_iter(expected), "{host}");
    }
}

#[test]
fn files_are_beside_the_configuration() {
    let text = format!("{LEAST}ticket_key_file = \"t.key\"\n");
    let config = parse("/etc/v/a.toml", &text).config.unwrap();
    let gateway = &config.low_bandwidth[0];
    let beside = certificate("/etc/v/lb.pem", "/etc/v/lb.key");
    assert_eq!(gateway.certificate, beside);
    let tickets = FileRef::unnamed("/etc/v/t.key");
    assert_eq!(gateway.ticket_key_file, Some(tickets));
}
