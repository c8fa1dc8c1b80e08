//! No input makes the check panic, or accept what it has reported.

use std::collections::BTreeSet;

use proptest::{prelude::*, sample::Index};
use vestibule_xmpp::{
    component::{Mode, RetrySets},
    jid,
};

use crate::{
    CipherSuite, Config, ListenerTls, Loaded, Secret, Service, ServiceKind, SourceAddress,
    Upstream, parse,
};

/// A file in which every key stands.
const VALID: &str = r#"proxy_port_mappings = { 15222 = "c2s", 15269 = "s2s" }
proxy_trusted_proxies = ["127.0.0.1", "::1"]
proxy_ports = [15222, 15269]
proxy_interfaces = ["0.0.0.0", "::"]

[runtime]
workers = 2
user = "vestibule"
group = "vestibule"
[limits]
connections = 8_000
connections_per_client = 0x10
peek_timeout = "5s"
handshake_timeout = "10s"
drain_timeout = "1m30s"
[tcp]
keepalive_idle = "2m"
keepalive_interval = "30s"
user_timeout = "off"
mark = 0x76
[admin]
listen = "127.0.0.1:9180"
control = "/run/vestibule/control.sock"
[log]
format = "text"
access = 'stdout'
level = """info"""
[[certificate]]
chain = "ec.pem"
key = "ec.key"
[[listener]]
name = "in" # behind HAProxy
bind = ["127.0.0.1:5222", "[::1]:5222", "unix:/run/c2s.sock"]
service = "c2s"
routes = [
  { client = "10.0.0.0/8", destination = ["[2001:db8::]/32:443", ":80"], service = "s2s" },
  { proxy_tlv = ["alpn=xmpp-client", "0xE0=hex:0011"], service = "c2s" },
  { sni = ["chat.example.org", "*.example.net", ""], alpn = "xmpp-client", service = "c2s" },
  { http_host = ["web.example.org", "192.0.2.7"], service = "s2s" },
]
[listener.proxy_protocol]
trusted = ["192.0.2.0/24"]
mode = "mixed"
timeout = "3s"
max_header = "64KiB"
[listener.tls]
mode = "terminate"
min_version = "1.2"
max_version = "1.3"
cipher_suites = ["TLS_AES_256_GCM_SHA384", "ECDHE-ECDSA-AES256-GCM-SHA384"]
prefer_server_ciphers = false
groups = ["X25519MLKEM768", "P-256"]
alpn = ["xmpp-client"]
strict_sni = true
client_auth = { mode = "required", ca = "ca.pem", crl = ["a.crl", "b.crl"] }
tickets = { key_file = "tickets.key", lifetime = "12h" }
[[listener]]
name = "by-name"
bind = "127.0.0.1:8443"
service = "by-name"
tls = { mode = "peek" }
[service.by-name]
upstreams = "sni:443"
allow = ["*.example.org", "example.org"]
allow_networks = ["10.0.0.0/8"]
deny = "admin.example.org:443"
[[listener]]
name = "intercepted"
bind = ["127.0.0.1:15443", "[::1]:15443"]
service = "as-asked"
transparent = "tproxy"
routes = [{ destination = "192.0.2.0/24:5222", service = "far" }]
[service.as-asked]
upstreams = "original"
deny = ["10.0.0.0/8", ":25"]
source = "client"
mark = 7
[[listener]]
name = "proxy"
bind = "127.0.0.1:3128"
service = "egress"
[service.egress]
kind = "connect"
allow = ["*.example.org:443", "a.example:5222-5269", "203.0.113.0/24", "[2001:db8::]/32:443", ":80"]
deny = ["b.example.org", "203.0.113.66"]
allow_networks = ["10.0.0.0/8"]
users = "htpasswd"
realm = "proxy"
request_timeout = "10s"
via = "http://user:secret@127.0.0.1:8080"
[[listener]]
name = "web"
bind = "127.0.0.1:8080"
service = "web"
[service.web]
kind = "http"
upstreams = ["127.0.0.1:5280"]
trusted_proxies = ["192.0.2.0/24"]
request_timeout = "10s"
keep_alive_timeout = "60s"
response_timeout = "5m"
[service.far]
upstreams = "far.example:1"
via = [
  "http://[::1]:3128",
  { url = "https://p.example:443", username = "u", password = { file = "p.secret" }, tls = { ca = "ca.pem", server_name = "q", verify = true } },
]
[service.c2s]
kind = "tcp"
upstreams = ["127.0.0.1:5223", "xmpp.example:5222"]
balance = "least_connections"
send_proxy = { version = "v2", tlvs = ["alpn", "ssl"], pass_tlvs = [0xE0] }
health = { interval = "5s", timeout = "2s", rise = 2, fall = 3 }
connect_timeout = "5s"
retries = 2
idle_timeout = { client = "24h", upstream = "24h" }
half_close_timeout = "1m"
[service."s2s"]
upstreams = "unix:/run/s2s.sock"
tls = { server_name = "xmpp.internal", sni = true, alpn = "forward", ca = "ca.pem", certificate = { chain = "c.pem", key = "c.key" }, min_version = "1.3", max_version = "1.3", cipher_suites = ["TLS_AES_128_GCM_SHA256"], groups = ["X25519"], verify = true }
[[component]]
domain = "proxy.example.org"
server = "127.0.0.1:5347"
tls = { server_name = "xmpp.example.org", ca = "ca.pem" }
secret = { file = "component.secret" }
target = ["bot@example.org", "bot2@example.org"]
balance = "sticky"
policy_key = "bare"
timeout = "20s"
attempt_timeout = "8s"
attempts = 2
retry_sets = ["jabber:iq:search"]
jat = { mode = "opaque", key_file = "jat.key" }
allow = ["example.org", "user@example.net"]
deny = ["guest@example.org/a"]
namespaces = ["jabber:iq:version"]
rate = "20/s"
max_stanza = 500_000
max_pending = 1000
max_pending_per_requester = 64
max_pending_bytes = "64MiB"
disco = "local"
version = "forward"
ping = "local"
name = "Bot"
features = ["urn:a"]
required = true
[[component]]
domain = "b.example.org"
server = "unix:/run/c.sock"
secret = "hush"
target_address = "bot@example.org"
jat = { mode = "compat" }
"#;

const PIECES: &[&str] = &[
    "[",
    "]",
    "[[",
    "]]",
    "{",
    "}",
    "\"",
    "'",
    "\"\"\"",
    "'''",
    "=",
    ",",
    ".",
    "\n",
    "\r\n",
    "#",
    "\\",
    "\\u0000",
    "\0",
    "\u{feff}",
    "é",
    "\u{1F600}",
    "-",
    "0",
    "99999999999999999999",
    "0x",
    "nan",
    "true",
    "1979-05-27",
    "[service.a]\n",
    "[[listener]]\n",
    "proxy_ports = [1]\n",
    "[log\n",
    "\"127.0.0.1:1\"",
    "\"[::ffff:1.2.3.4]:1\"",
    "\"::/0\"",
    "\"9d9h9m9s9ms\"",
    "\"unix:\"",
    "\"=hex:\"",
    "\"[]:/\"",
    "service = \"c2s\"\n",
    "a.b.c = 1\n",
    "[listener.tls]\nmode = \"peek\"\n",
    "mode = \"terminate\"\n",
    "tls = true\n",
    "\"sni:443\"",
    "\"*.\"",
    "kind = \"connect\"\n",
    "kind = \"http\"\n",
    "\"original\"",
    "transparent = true\n",
    "source = \"client\"\n",
    "via = \"http://u:p@a:1\"\n",
    "password = \"",
    "\"https://a:@[\"",
    "\":1-\"",
    "[[component]]\n",
    "domain = \"a\"\n",
    "target = \"a@b\"\n",
    "secret = \"",
    "\"@\"",
    "\"1/s\"",
    "\"/\"",
];

/// Remove, put in, or take twice.
#[derive(Clone, Debug)]
enum Edit {
    Insert(Index, &'static str),
    Remove(Index, usize),
    Repeat(Index, usize),
}

fn edit() -> impl Strategy<Value = Edit> {
    let piece = prop::sample::select(PIECES);
    prop_oneof![
        (any::<Index>(), piece).prop_map(|(at, piece)| Edit::Insert(at, piece)),
        (any::<Index>(), 1..40_usize).prop_map(|(at, length)| Edit::Remove(at, length)),
        (any::<Index>(), 1..80_usize).prop_map(|(at, length)| Edit::Repeat(at, length)),
    ]
}

fn apply(text: &mut String, edit: &Edit) {
    let place = |at: &Index, text: &str| text.floor_char_boundary(at.index(text.len() + 1));
    match edit {
        Edit::Insert(at, piece) => text.insert_str(place(at, text), piece),
        Edit::Remove(at, length) => {
            let start = place(at, text);
            text.replace_range(start..text.ceil_char_boundary(start + length), "");
        }
        Edit::Repeat(at, length) => {
            let start = place(at, text);
            let again = text[start..text.ceil_char_boundary(start + length)].to_owned();
            text.insert_str(start, &again);
        }
    }
}

/// What holds for the check of any text.
fn hold(text: &str) {
    let Loaded { config, report } = parse("test.toml", text);
    assert_eq!(config.is_none(), report.has_errors());
    if let Some(config) = config {
        assert!(config.describe().ends_with('\n'));
        assert!(!config.listeners.is_empty() || !config.components.is_empty());
        for listener in &config.listeners {
            assert!(!listener.bind.is_empty() && !listener.name.is_empty());
            assert!(
                listener
                    .routes
                    .iter()
                    .all(|route| route.service < config.services.len())
            );
        }
        for service in &config.services {
            assert!(!service.upstreams.is_empty());
            hold_destinations(service);
        }
        hold_components(&config);
        hold_tls(&config);
    }
    let lines = text.split('\n').count();
    for found in &report.diagnostics {
        assert!((1..=lines).contains(&found.line) && found.column >= 1);
        assert!((found.end.line, found.end.column) >= (found.line, found.column));
        assert!(!found.message.is_empty() && !found.message.contains('\n'));
    }
    let sorted = |pair: &[crate::Diagnostic]| {
        (pair[0].line, pair[0].column) <= (pair[1].line, pair[1].column)
    };
    assert!(report.diagnostics.windows(2).all(sorted));
    assert_eq!(
        report.render(false).is_empty(),
        report.diagnostics.is_empty()
    );
    report.render(true);
}

/// Only where clients choose are there rules for it, and with `sni:` there are always.
fn hold_destinations(service: &Service) {
    let dynamic = |upstream: &Upstream| {
        matches!(
            upstream,
            Upstream::Asked | Upstream::Original | Upstream::Sni(_)
        )
    };
    let by_name = |upstream: &Upstream| matches!(upstream, Upstream::Sni(_));
    let is_connect = matches!(service.kind, ServiceKind::Connect(_));
    assert_eq!(service.upstreams.contains(&Upstream::Asked), is_connect);
    let chosen = service.upstreams.iter().any(dynamic);
    assert!(chosen || (service.allow.is_empty() && service.deny.is_empty()));
    assert!(!service.upstreams.iter().any(by_name) || !service.allow.is_empty());
    assert!(service.via.len() <= 4);
    assert!(service.via.is_empty() || service.source == SourceAddress::Own);
    for rule in service.allow.iter().chain(&service.deny) {
        assert!(*rule.ports.start() >= 1 && rule.ports.start() <= rule.ports.end());
    }
}

/// Each has a domain of its own, targets outside of all of them, and limits that can be kept.
fn hold_components(config: &Config) {
    let settings = || config.components.iter().map(|found| &found.settings);
    let domains: BTreeSet<_> = settings().map(|settings| &*settings.domain).collect();
    assert_eq!(domains.len(), config.components.len());
    for settings in settings() {
        let prepared = |text: &str| jid::prepare(text).as_deref() == Ok(text);
        assert!(prepared(&settings.domain) && jid::domain(&settings.domain) == settings.domain);
        assert!(!settings.targets.is_empty());
        for target in &settings.targets {
            let parts = jid::parts(target).unwrap();
            assert!(prepared(target) && parts.local.is_some() && parts.resource.is_none());
            assert!(!domains.contains(parts.domain));
        }
        assert!(settings.attempts >= 1 && settings.max_pending_bytes >= settings.max_stanza);
        assert!(
            settings
                .rate
                .is_none_or(|rate| rate.count >= 1 && !rate.per.is_zero())
        );
        assert_ne!(settings.retry_sets, RetrySets::Namespaces(Vec::new()));
    }
    for component in &config.components {
        assert_eq!(
            component.key_file.is_some(),
            component.settings.mode == Mode::Opaque
        );
        assert_ne!(component.secret, Secret::Text(String::new()));
        assert!(matches!(
            component.server,
            Upstream::Address(_) | Upstream::Name(..) | Upstream::Unix(_)
        ));
    }
}

/// Whatever is allowed can be spoken.
fn hold_tls(config: &Config) {
    let terminated = config
        .listeners
        .iter()
        .filter_map(|listener| match &listener.tls {
            Some(ListenerTls::Terminate(tls)) => Some(&tls.parameters),
            _ => None,
        });
    let terminated: Vec<_> = terminated.collect();
    assert!(terminated.is_empty() || !config.certificates.is_empty());
    let upstreams = config
        .services
        .iter()
        .filter_map(|service| Some(&service.tls.as_ref()?.parameters));
    for parameters in terminated.into_iter().chain(upstreams) {
        for version in [parameters.min_version, parameters.max_version] {
            let of_version = |suite: &CipherSuite| suite.version() == version;
            assert!(parameters.cipher_suites.iter().any(of_version));
        }
        assert!(parameters.min_version <= parameters.max_version);
        assert!(!parameters.groups.is_empty());
    }
}

#[test]
fn the_valid_file_is_valid() {
    let report = parse("test.toml", VALID).report;
    assert!(report.diagnostics.is_empty(), "{}", report.render(false));
}

#[test]
fn every_beginning_of_a_file_is_checked() {
    for (end, _) in VALID.char_indices() {
        hold(&VALID[..end]);
    }
}

#[test]
fn every_line_can_be_absent() {
    let lines: Vec<_> = VALID.lines().collect();
    for absent in 0..lines.len() {
        let mut kept = lines.clone();
        kept.remove(absent);
        hold(&kept.join("\n"));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn mutated_files_are_checked(edits in prop::collection::vec(edit(), 1..12)) {
        let mut text = VALID.to_owned();
        for edit in &edits {
            apply(&mut text, edit);
        }
        hold(&text);
    }

    #[test]
    fn random_text_is_checked(text in "\\PC{0,200}") {
        hold(&text);
    }

    #[test]
    fn random_pieces_are_checked(pieces in prop::collection::vec(prop::sample::select(PIECES), 0..60)) {
        hold(&pieces.concat());
    }

    #[test]
    fn random_values_are_checked(value in "[\"\\[\\]{}:/.%@=,a-z0-9 \\-]{0,40}", line in any::<Index>()) {
        let mut lines: Vec<_> = VALID.lines().map(str::to_owned).collect();
        let line = line.index(lines.len());
        if let Some((key, _)) = lines[line].clone().split_once('=') {
            let quoted = value.replace('"', "");
            lines[line] = format!("{key}= \"{quoted}\"");
            hold(&lines.join("\n"));
            lines[line] = format!("{key}= {value}");
        }
        hold(&lines.join("\n"));
    }
}
