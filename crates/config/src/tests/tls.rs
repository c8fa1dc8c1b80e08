//! What right files say of TLS.

use std::{fs, path::Path, time::Duration};

use super::{flawless, summary, usable};
use crate::*;

const TERMINATE: &str = r#"
[[certificate]]
chain = "ec.pem"
key = "ec.key"

[[listener]]
name = "tls"
bind = "127.0.0.1:5223"
service = "c2s"
[listener.tls]
mode = "terminate"

[service.c2s]
upstreams = "127.0.0.1:5222"
"#;

const PEEK: &str = r#"
[[listener]]
name = "tls"
bind = "127.0.0.1:443"
service = "by-name"
routes = [
  { sni = ["Chat.example.org.", "*.Example.net", ""], alpn = ["xmpp-client", "h2"], service = "c2s" },
  { http_host = ["web.example.org", "[2001:DB8::1]"], service = "c2s" },
]
tls = { mode = "peek" }

[service.c2s]
upstreams = ["xmpp.internal:5223"]
tls = true

[service.by-name]
upstreams = ["sni:443", "sni:8443"]
allow = ["*.example.org", "example.org"]
allow_networks = "10.0.0.0/8"
health = false
"#;

fn terminate(config: &Config) -> &Terminate {
    match &config.listeners[0].tls {
        Some(ListenerTls::Terminate(tls)) => tls,
        other => panic!("{other:?}"),
    }
}

fn file(path: &str) -> FileRef {
    FileRef {
        path: path.into(),
        span: 0..0,
    }
}

fn defaults() -> TlsParameters {
    TlsParameters {
        min_version: TlsVersion::V1_2,
        max_version: TlsVersion::V1_3,
        cipher_suites: CipherSuite::ALL.to_vec(),
        groups: Group::ALL.to_vec(),
    }
}

#[test]
fn termination_has_defaults() {
    let config = flawless(TERMINATE);
    let certificate = Certificate {
        chain: file("ec.pem"),
        key: file("ec.key"),
    };
    assert_eq!(config.certificates, [certificate]);
    let hours = Duration::from_secs(12 * 3600);
    let expected = Terminate {
        parameters: defaults(),
        prefer_server_ciphers: true,
        alpn: Vec::new(),
        strict_sni: false,
        client_auth: None,
        tickets: Some(Tickets {
            key_file: None,
            lifetime: hours,
        }),
        certificate: None,
    };
    assert_eq!(*terminate(&config), expected);
}

#[test]
fn every_key_of_termination_is_read() {
    let keys = r#"mode = "terminate"
min_version = "1.2"
max_version = "1.2"
cipher_suites = ["ECDHE-ECDSA-AES256-GCM-SHA384", "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256"]
prefer_server_ciphers = false
groups = ["P-384", "X25519"]
alpn = ["xmpp-client", "http/1.1"]
strict_sni = true
client_auth = { mode = "optional", ca = "ca.pem", crl = "a.crl" }
tickets = { key_file = "/etc/tickets.key", lifetime = "7d" }
"#;
    let config = flawless(&TERMINATE.replace("mode = \"terminate\"\n", keys));
    let expected = Terminate {
        parameters: TlsParameters {
            min_version: TlsVersion::V1_2,
            max_version: TlsVersion::V1_2,
            cipher_suites: vec![
                CipherSuite::EcdheEcdsaWithAes256GcmSha384,
                CipherSuite::EcdheRsaWithAes128GcmSha256,
            ],
            groups: vec![Group::Secp384r1, Group::X25519],
        },
        prefer_server_ciphers: false,
        alpn: vec![b"xmpp-client".to_vec(), b"http/1.1".to_vec()],
        strict_sni: true,
        client_auth: Some(ClientAuth {
            required: false,
            ca: file("ca.pem"),
            crl: vec![file("a.crl")],
        }),
        tickets: Some(Tickets {
            key_file: Some(file("/etc/tickets.key")),
            lifetime: Duration::from_secs(7 * 86_400),
        }),
        certificate: None,
    };
    assert_eq!(*terminate(&config), expected);
}

#[test]
fn what_is_off_is_none() {
    let keys =
        "mode = \"terminate\"\ntickets = false\nclient_auth = { mode = \"none\", ca = \"a\" }\n";
    let config = flawless(&TERMINATE.replace("mode = \"terminate\"\n", keys));
    assert_eq!(terminate(&config).tickets, None);
    assert_eq!(terminate(&config).client_auth, None);
    let text = PEEK.replace("tls = true", "tls = false");
    assert_eq!(flawless(&text).services[0].tls, None);
}

#[test]
fn peeking_and_its_routes_are_read() {
    let config = flawless(PEEK);
    let listener = &config.listeners[0];
    assert_eq!(listener.tls, Some(ListenerTls::Peek));
    let exact = |name: &str| NameMatch::Exact(name.to_owned());
    let wildcard = |parent: &str| NameMatch::Wildcard(parent.to_owned());
    let [by_name, by_host] = &listener.routes[..] else {
        panic!("{:?}", listener.routes)
    };
    let sni = [
        exact("chat.example.org"),
        wildcard("example.net"),
        NameMatch::Absent,
    ];
    assert_eq!(by_name.sni, sni);
    assert_eq!(by_name.alpn, [b"xmpp-client".to_vec(), b"h2".to_vec()]);
    assert_eq!(by_name.http_host, []);
    assert_eq!(
        by_host.http_host,
        [exact("web.example.org"), exact("2001:db8::1")]
    );
    let service = &config.services[1];
    assert_eq!(service.upstreams, [Upstream::Sni(443), Upstream::Sni(8443)]);
    assert_eq!(
        service.allow,
        [wildcard("example.org"), exact("example.org")].map(|name| DestinationRule {
            host: HostMatch::Name(name),
            ports: 1..=u16::MAX,
        })
    );
    assert_eq!(service.allow_networks, ["10.0.0.0/8".parse().unwrap()]);
}

#[test]
fn tls_towards_upstreams_has_defaults() {
    let expected = UpstreamTls {
        parameters: defaults(),
        server_name: None,
        sni: true,
        alpn: UpstreamAlpn::Forward,
        ca: None,
        certificate: None,
        verify: true,
    };
    let config = flawless(PEEK);
    assert_eq!(config.services[0].tls, Some(expected.clone()));
    let table = flawless(&PEEK.replace("tls = true", "tls = { alpn = \"forward\" }"));
    assert_eq!(table.services[0].tls, Some(expected));
}

#[test]
fn every_key_of_tls_towards_upstreams_is_read() {
    let keys = r#"
[service.c2s.tls]
server_name = "XMPP.internal."
sni = false
alpn = []
ca = "ca.pem"
certificate = { chain = "c.pem", key = "c.key" }
min_version = "1.3"
cipher_suites = "TLS_CHACHA20_POLY1305_SHA256"
groups = "X25519MLKEM768"
verify = false
"#;
    let (config, report) = usable(&PEEK.replace("tls = true", keys));
    assert_eq!(summary(&report), ["unverified_upstream 24:10"]);
    let expected = UpstreamTls {
        parameters: TlsParameters {
            min_version: TlsVersion::V1_3,
            max_version: TlsVersion::V1_3,
            cipher_suites: vec![CipherSuite::Chacha20Poly1305Sha256],
            groups: vec![Group::X25519Mlkem768],
        },
        server_name: Some("xmpp.internal".to_owned()),
        sni: false,
        alpn: UpstreamAlpn::Set(Vec::new()),
        ca: Some(file("ca.pem")),
        certificate: Some(Certificate {
            chain: file("c.pem"),
            key: file("c.key"),
        }),
        verify: false,
    };
    assert_eq!(config.services[0].tls, Some(expected));
}

#[test]
fn an_address_is_a_server_name() {
    let text = PEEK.replace("tls = true", "tls = { server_name = \"[2001:DB8::1]\" }");
    let tls = flawless(&text).services.remove(0).tls.unwrap();
    assert_eq!(tls.server_name.as_deref(), Some("2001:db8::1"));
}

#[test]
fn relative_paths_begin_at_the_directory_of_the_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("vestibule.toml");
    fs::write(&path, TERMINATE.replace("ec.key", "/keys/ec.key")).unwrap();
    let loaded = load(&path);
    let certificate = &loaded.config.unwrap().certificates[0];
    assert_eq!(certificate.chain.path, folder.path().join("ec.pem"));
    assert_eq!(certificate.key.path, Path::new("/keys/ec.key"));

    let parsed = parse("etc/vestibule.toml", TERMINATE).config.unwrap();
    let chain = &parsed.certificates[0].chain.path;
    assert_eq!(chain, Path::new("etc/ec.pem"));
}

#[test]
fn what_is_wrong_with_a_file_is_told_where_it_is_named() {
    let mut loaded = parse("test.toml", &format!("# é{TERMINATE}"));
    let certificate = loaded.config.unwrap().certificates.remove(0);
    let help = Some("let the user who runs this read it".to_owned());
    loaded.report.add(
        &certificate.key,
        Severity::Error,
        Code::UnusableFile,
        "cannot read `ec.key`",
        help,
    );
    loaded.report.add(
        &certificate.chain,
        Severity::Warning,
        Code::CertificateExpired,
        "this certificate ends tomorrow",
        None,
    );
    assert!(loaded.report.has_errors());
    assert_eq!(
        summary(&loaded.report),
        ["certificate_expired 3:9", "unusable_file 4:7"]
    );
    let expected = r#"warning[certificate_expired]: this certificate ends tomorrow
 --> test.toml:3:9
  |
3 | chain = "ec.pem"
  |         ^^^^^^^^

error[unusable_file]: cannot read `ec.key`
 --> test.toml:4:7
  |
4 | key = "ec.key"
  |       ^^^^^^^^
  |
  = help: let the user who runs this read it
"#;
    assert_eq!(loaded.report.render(false), expected);
}

#[test]
fn a_broken_line_does_not_make_certificates_missing() {
    let text = TERMINATE.replace("[[certificate]]", "[[certificate");
    assert_eq!(summary(&parse("test.toml", &text).report), ["syntax 2:1"]);
    let text = TERMINATE.replace("mode = \"terminate\"", "mode = terminate");
    assert_eq!(summary(&parse("test.toml", &text).report), ["syntax 11:8"]);
}

#[test]
fn names_match_as_routes_say() {
    let table = [
        (NameMatch::Absent, None, true),
        (NameMatch::Absent, Some("a"), false),
        (NameMatch::Exact("a.b".to_owned()), Some("a.b"), true),
        (NameMatch::Exact("a.b".to_owned()), Some("b"), false),
        (NameMatch::Exact("a.b".to_owned()), None, false),
        (NameMatch::Wildcard("b.c".to_owned()), Some("a.b.c"), true),
        (NameMatch::Wildcard("b.c".to_owned()), Some("b.c"), false),
        (NameMatch::Wildcard("b.c".to_owned()), Some(".b.c"), false),
        (
            NameMatch::Wildcard("b.c".to_owned()),
            Some("x.a.b.c"),
            false,
        ),
        (NameMatch::Wildcard("b.c".to_owned()), None, false),
    ];
    for (pattern, name, expected) in table {
        assert_eq!(pattern.matches(name), expected, "{pattern:?} {name:?}");
    }
}
