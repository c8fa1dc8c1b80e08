//! What right files mean in which clients name their destinations, or others carry us.

use std::{num::NonZeroU32, path::Path, time::Duration};

use super::{flawless, usable};
use crate::*;

const LISTENER: &str =
    "[[listener]]\nname = \"a\"\nbind = \"127.0.0.1:1\"\nservice = \"b\"\ntransparent = true\n";

/// The only service of a file in which it has these keys.
fn service(keys: &str) -> Service {
    let mut services = flawless(&format!("[service.b]\n{keys}\n{LISTENER}")).services;
    assert_eq!(services.len(), 1);
    services.remove(0)
}

/// The only proxy on the way.
fn hop(via: &str) -> Hop {
    let mut hops = service(&format!("upstreams = \"x.example:1\"\nvia = {via}")).via;
    assert_eq!(hops.len(), 1);
    hops.remove(0)
}

fn rule(host: HostMatch, ports: std::ops::RangeInclusive<u16>) -> DestinationRule {
    DestinationRule { host, ports }
}

#[test]
fn an_explicit_proxy_has_its_defaults() {
    let service = service("kind = \"connect\"\nallow = \"*\"");
    let connect = Connect {
        users: None,
        realm: "vestibule".to_owned(),
        request_timeout: Duration::from_secs(10),
    };
    assert_eq!(service.kind, ServiceKind::Connect(connect));
    assert_eq!(service.upstreams, [Upstream::Asked]);
    assert_eq!(service.allow, [rule(HostMatch::Any, 1..=u16::MAX)]);
    assert!(service.deny.is_empty() && service.tls.is_none() && service.health.is_none());
}

#[test]
fn an_explicit_proxy_without_destinations_is_usable() {
    let text = format!("[service.b]\nkind = \"connect\"\n{LISTENER}");
    let (config, report) = usable(&text);
    assert_eq!(config.services[0].allow, []);
    assert_eq!(report.warnings().count(), 1);
}

#[test]
fn destinations_are_read() {
    let service = service(
        r#"kind = "connect"
allow = ["*.Example.org:443", "a.example:5222-5269", "192.0.2.7", "[2001:db8::]/32:443", ":80"]
deny = ["b.example", "203.0.113.0/24"]
allow_networks = ["10.0.0.0/8"]
users = "htpasswd"
realm = "proxy"
request_timeout = "1m"
retries = 0"#,
    );
    let exact = |name: &str| HostMatch::Name(NameMatch::Exact(name.to_owned()));
    let network = |text: &str| HostMatch::Network(text.parse().unwrap());
    let wildcard = HostMatch::Name(NameMatch::Wildcard("example.org".to_owned()));
    let allow = [
        rule(wildcard, 443..=443),
        rule(exact("a.example"), 5222..=5269),
        rule(network("192.0.2.7/32"), 1..=65535),
        rule(network("2001:db8::/32"), 443..=443),
        rule(HostMatch::Any, 80..=80),
    ];
    assert_eq!(service.allow, allow);
    let deny = [
        rule(exact("b.example"), 1..=65535),
        rule(network("203.0.113.0/24"), 1..=65535),
    ];
    assert_eq!(service.deny, deny);
    assert_eq!(service.allow_networks, ["10.0.0.0/8".parse().unwrap()]);
    let ServiceKind::Connect(connect) = service.kind else {
        panic!("{:?}", service.kind)
    };
    assert!(connect.users.unwrap().path.ends_with("htpasswd"));
    assert_eq!(connect.realm, "proxy");
    assert_eq!(connect.request_timeout, Duration::from_secs(60));
}

#[test]
fn a_reverse_proxy_has_its_defaults() {
    let service = service("kind = \"http\"\nupstreams = \"127.0.0.1:5280\"");
    let http = Http {
        trusted_proxies: Vec::new(),
        request_timeout: Duration::from_secs(10),
        keep_alive_timeout: Duration::from_secs(60),
        response_timeout: Duration::from_secs(300),
        matrix: None,
    };
    assert_eq!(service.kind, ServiceKind::Http(http));
}

#[test]
fn a_reverse_proxy_is_read() {
    let service = service(
        r#"kind = "http"
upstreams = ["unix:web.sock", "web.internal:443"]
trusted_proxies = ["192.0.2.0/24", "::1"]
request_timeout = "100ms"
keep_alive_timeout = "1m30s"
response_timeout = "24h"
tls = { server_name = "web.internal" }
balance = "random"
health = true"#,
    );
    let http = Http {
        trusted_proxies: vec!["192.0.2.0/24".parse().unwrap(), "::1/128".parse().unwrap()],
        request_timeout: Duration::from_millis(100),
        keep_alive_timeout: Duration::from_secs(90),
        response_timeout: Duration::from_secs(86_400),
        matrix: None,
    };
    assert_eq!(service.kind, ServiceKind::Http(http));
    assert_eq!(service.upstreams.len(), 2);
    assert!(service.health.is_some());
    assert_eq!(service.balance, Balance::Random);
    // Whatever the client speaks.
    let alpn = service.tls.unwrap().alpn;
    assert_eq!(alpn, UpstreamAlpn::Set(vec![b"http/1.1".to_vec()]));
}

#[test]
fn interception_is_read() {
    for (word, interception) in [
        ("true", Interception::Any),
        ("\"redirect\"", Interception::Redirect),
        ("\"tproxy\"", Interception::Tproxy),
    ] {
        let listener = LISTENER.replace("true", word);
        let config = flawless(&format!(
            "[service.b]\nupstreams = \"original\"\n{listener}"
        ));
        assert_eq!(config.listeners[0].transparent, Some(interception));
        assert_eq!(config.services[0].upstreams, [Upstream::Original]);
        assert!(config.services[0].allow.is_empty());
    }
    let mixed = LISTENER.replace("bind = ", "bind = \"unix:a\"\n#");
    let mixed = mixed.replace("transparent = true", "transparent = false");
    let config = flawless(&format!("[service.b]\nupstreams = \"a:1\"\n{mixed}"));
    assert_eq!(config.listeners[0].transparent, None);
}

/// The destination of the header is as good as that of the firewall.
#[test]
fn the_original_destination_may_come_in_a_header() {
    let listener = LISTENER.replace("transparent = true", "proxy_protocol = {}");
    let text = format!("[service.b]\nupstreams = \"original\"\nallow = \":443\"\n{listener}");
    assert_eq!(flawless(&text).listeners[0].transparent, None);
}

#[test]
fn a_route_of_an_interceptor_may_be_for_any_destination() {
    let routes = "routes = [{ destination = \"192.0.2.0/24:5222\", service = \"b\" }]\n";
    let text = format!("[service.b]\nupstreams = \"a:1\"\n{LISTENER}{routes}");
    assert_eq!(flawless(&text).listeners[0].routes.len(), 1);
}

#[test]
fn marks_and_sources_are_read() {
    let text = format!(
        "[tcp]\nmark = 0x76\n[service.b]\nupstreams = \"a:1\"\nsource = \"client\"\nmark = 4294967295\n{LISTENER}"
    );
    let config = flawless(&text);
    assert_eq!(config.tcp.mark, NonZeroU32::new(0x76));
    assert_eq!(config.services[0].mark, Some(NonZeroU32::MAX));
    assert_eq!(config.services[0].source, SourceAddress::Client);
}

#[test]
fn a_proxy_on_the_way_is_a_url() {
    let plain = hop("\"http://Proxy.Example.:3128/\"");
    assert_eq!((plain.host.as_str(), plain.port), ("proxy.example", 3128));
    assert!(plain.tls.is_none() && plain.credentials.is_none());

    let six = hop("\"HTTPS://us%40er:p%3A%40:/w@[2001:db8::1]:443\"");
    assert_eq!((six.host.as_str(), six.port), ("2001:db8::1", 443));
    let tls = six.tls.unwrap();
    assert_eq!(tls.alpn, UpstreamAlpn::Set(vec![b"http/1.1".to_vec()]));
    assert!(tls.verify && tls.sni && tls.server_name.is_none());
    let credentials = Credentials {
        username: "us@er".to_owned(),
        password: Secret::Text("p:@:/w".to_owned()),
    };
    assert_eq!(six.credentials, Some(credentials));

    let nameless = hop("\"http://user@192.0.2.1:1\"").credentials.unwrap();
    assert_eq!(nameless.password, Secret::Text(String::new()));
}

#[test]
fn a_proxy_on_the_way_is_a_table() {
    let hop = hop(
        r#"{ url = "https://proxy.example:443", username = "u", password = "p", tls = { ca = "ca.pem", server_name = "192.0.2.1", sni = false, certificate = { chain = "c.pem", key = "c.key" }, min_version = "1.3" } }"#,
    );
    let tls = hop.tls.unwrap();
    assert!(tls.ca.unwrap().path.ends_with("ca.pem"));
    assert!(!tls.sni && tls.certificate.is_some());
    assert_eq!(tls.server_name.as_deref(), Some("192.0.2.1"));
    assert_eq!(hop.credentials.unwrap().username, "u");
}

#[test]
fn a_password_may_stand_elsewhere() {
    let in_file = hop("{ url = \"http://u@a:1\", password = { file = \"p.secret\" } }");
    let Some(Credentials {
        username,
        password: Secret::File(file),
    }) = in_file.credentials
    else {
        panic!("not a file")
    };
    assert_eq!(username, "u");
    assert_eq!(file.path.file_name(), Path::new("p.secret").file_name());

    // Any variable that is there.
    let variable =
        hop("{ url = \"http://a:1\", username = \"u\", password = { env = \"CARGO_PKG_NAME\" } }");
    let expected = std::env::var("CARGO_PKG_NAME").unwrap();
    assert_eq!(
        variable.credentials.unwrap().password,
        Secret::Text(expected)
    );
}

/// What a proxy dials at loopback is on its own machine.
#[test]
fn loopback_behind_a_proxy_is_not_ours() {
    for keys in [
        "upstreams = \"127.0.0.1:1\"\nvia = \"http://a:1\"",
        "upstreams = \"localhost:1\"\nvia = \"http://a:1\"",
        "upstreams = \"x:1\"\nvia = [\"http://a:1\", \"http://127.0.0.1:1\"]",
    ] {
        assert_eq!(service(keys).upstreams.len(), 1);
    }
}

#[test]
fn several_proxies_are_nearest_first() {
    let via = "via = [\"http://a:1\", { url = \"https://b:2\" }, \"http://c:3\", \"http://d:4\"]";
    let hops = service(&format!("upstreams = \"x:1\"\n{via}")).via;
    let hops: Vec<_> = hops
        .iter()
        .map(|hop| (hop.host.as_str(), hop.port))
        .collect();
    assert_eq!(hops, [("a", 1), ("b", 2), ("c", 3), ("d", 4)]);
}

/// In the description, in the model, and in every form of every diagnostic.
#[test]
fn passwords_are_never_shown() {
    for via in [
        "\"https://user:hunter2@proxy.example:443\"",
        "\"https://user:hunter2@proxy.example\"",
        "\"user:hunter2@proxy.example:443\"",
        "\"user:hunter2@socks://proxy.example:443\"",
        "\"ftp://user:hunter2@proxy.example:443\"",
        "\"https://user:hunter2@proxy.example:443/path\"",
        "\"https://user:hunter2%FF@proxy.example:443\"",
        "\"https://user:hunter2@proxy.example:443",
        "https://user:hunter2@proxy.example:443",
        "{ url = \"http://a:1\", username = \"user\", password = \"hunter2\" }",
        "{ url = \"http://a:1\", username = \"user\", password = \"hunter2\", tls = {} }",
        "{ url = \"http://a:1\", username = \"user\", pasword = \"hunter2\" }",
        "{ url = \"http://a:1\", username = \"user\", password = \"hunter2\\n\" }",
        "{ url = \"http://a:1\", username = \"user\", password = [\"hunter2\"] }",
        "{ url = \"http://a:1\", username = \"user\", password = hunter2 }",
        "{ url = \"https://b:hunter2@a:1\", tls = { verify = false } }",
        "{ url = \"http://b:hunter2@a:1\", password = \"hunter2\", password = \"hunter2\" }",
    ] {
        for assign in [" =", ":", ""] {
            let text = format!("{LISTENER}[service.b]\nupstreams = \"x:1\"\nvia{assign} {via}\n");
            let loaded = parse("test.toml", &text);
            let shown = [loaded.report.render(false), loaded.report.render(true)];
            let described = loaded.config.as_ref().map(Config::describe);
            let debugged = format!("{:?} {:?}", loaded.config, loaded.report.diagnostics);
            for shown in shown.into_iter().chain(described).chain([debugged]) {
                assert!(!shown.contains("hunter"), "{shown}");
            }
        }
    }
}
