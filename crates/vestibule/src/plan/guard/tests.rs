use vestibule_config::NameMatch;

use super::*;

/// The guard of a service with `keys`, in TOML.
fn guard(keys: &str) -> Guard {
    let text = format!(
        "[[listener]]\nname = \"l\"\nbind = \"127.0.0.1:0\"\nservice = \"s\"\n\
         [listener.tls]\nmode = \"peek\"\n[service.s]\n{keys}\n"
    );
    let loaded = vestibule_config::parse("test.toml", &text);
    let config = loaded
        .config
        .unwrap_or_else(|| panic!("{}", loaded.report.render(false)));
    Guard::new(&config.services[0])
}

/// The guard of a service that follows names, all of one domain.
fn by_name(more: &str) -> Guard {
    guard(&format!(
        "upstreams = [\"sni:443\"]\nallow = [\"example.org\", \"*.example.org\"]\n{more}"
    ))
}

fn permits(guard: &Guard, address: &str) -> bool {
    let address = SocketAddr::new(address.parse().unwrap(), 443);
    guard.permits_address(address, Some(Named::Allowed))
}

#[test]
fn public_addresses_are_permitted() {
    let guard = by_name("");
    for public in [
        "1.1.1.1",
        "100.63.255.255",
        "100.128.0.0",
        "172.15.0.1",
        "172.32.0.1",
        "198.17.0.1",
        "2606:4700::1111",
        "::ffff:1.1.1.1",
        "64:ff9b::1.1.1.1",
        "2002:101:101::1",
        "2001:4860:4860::8888",
    ] {
        assert!(permits(&guard, public), "{public}");
    }
}

#[test]
fn others_are_not_whatever_they_look_like() {
    let guard = by_name("");
    for refused in [
        "0.0.0.0",
        "0.1.2.3",
        "10.0.0.1",
        "100.64.0.1",
        "100.127.255.255",
        "127.0.0.1",
        "127.1.2.3",
        "169.254.169.254",
        "172.16.0.1",
        "172.31.255.255",
        "192.0.0.8",
        "192.0.2.1",
        "192.168.0.1",
        "198.18.0.1",
        "224.0.0.1",
        "240.0.0.1",
        "255.255.255.255",
        "::",
        "::1",
        "::7f00:1",
        "::ffff:127.0.0.1",
        "::ffff:0:10.0.0.1",
        "64:ff9b::127.0.0.1",
        "64:ff9b::10.0.0.1",
        "64:ff9b:1::1.1.1.1",
        "100::1",
        "2001::1",
        "2001:db8::1",
        "2002:7f00:1::1",
        "2002:a00:1::1",
        "3fff::1",
        "fc00::1",
        "fd12:3456::1",
        "fe80::1",
        "fec0::1",
        "ff02::1",
        "4000::1",
    ] {
        assert!(!permits(&guard, refused), "{refused}");
    }
}

#[test]
fn networks_lift_the_refusal() {
    let guard = by_name("allow_networks = [\"10.1.0.0/16\"]");
    assert!(permits(&guard, "10.1.2.3"));
    assert!(permits(&guard, "::ffff:10.1.2.3"));
    assert!(!permits(&guard, "10.2.0.1"));
    assert!(!permits(&guard, "64:ff9b::10.1.2.3"));
}

#[test]
fn names_must_be_allowed() {
    let guard = by_name("");
    assert_eq!(guard.judge_name("example.org", 443), Named::Allowed);
    assert_eq!(guard.judge_name("chat.example.org", 443), Named::Allowed);
    assert_eq!(guard.judge_name("a.chat.example.org", 443), Named::Refused);
    assert_eq!(guard.judge_name("example.com", 443), Named::Refused);
}

/// The guard of an explicit proxy, or of `original` when `upstream` is that.
fn by_rules(upstream: Upstream, allow: &[&str], deny: &[&str], networks: &[&str]) -> Guard {
    let text = "[[listener]]\nname = \"l\"\nbind = \"127.0.0.1:0\"\nservice = \"s\"\n\
                [service.s]\nupstreams = [\"127.0.0.1:1\"]\n";
    let config = vestibule_config::parse("test.toml", text).config.unwrap();
    let rules = |texts: &[&str]| texts.iter().map(|text| rule(text)).collect();
    Guard::new(&vestibule_config::Service {
        upstreams: vec![upstream],
        allow: rules(allow),
        deny: rules(deny),
        allow_networks: networks.iter().map(|n| n.parse().unwrap()).collect(),
        ..config.services[0].clone()
    })
}

/// `HOST PORT`, where the port may be missing.
fn rule(text: &str) -> DestinationRule {
    let (host, port) = text.split_once(' ').unwrap_or((text, ""));
    let host = match (host, host.parse(), host.strip_prefix("*.")) {
        ("*", _, _) => HostMatch::Any,
        (_, Ok(network), _) => HostMatch::Network(network),
        (_, Err(_), Some(parent)) => HostMatch::Name(NameMatch::Wildcard(parent.to_owned())),
        (name, Err(_), None) => HostMatch::Name(NameMatch::Exact(name.to_owned())),
    };
    let ports = port.parse().map_or(1..=u16::MAX, |port: u16| port..=port);
    DestinationRule { host, ports }
}

/// What becomes of a client that asks for `name`, which resolves to `address`.
fn by_that_name(guard: &Guard, name: &str, address: &str) -> bool {
    let address: SocketAddr = address.parse().unwrap();
    let named = guard.judge_name(name, address.port());
    named != Named::Refused && guard.permits_address(address, Some(named))
}

fn by_address(guard: &Guard, address: &str) -> bool {
    guard.permits_address(address.parse().unwrap(), None)
}

#[test]
fn nothing_is_allowed_by_default() {
    let guard = by_rules(Upstream::Asked, &[], &[], &[]);
    assert_eq!(guard.judge_name("example.org", 443), Named::Refused);
    assert!(!by_address(&guard, "1.1.1.1:443"));
}

#[test]
fn rules_are_for_their_ports() {
    let guard = by_rules(
        Upstream::Asked,
        &["example.org 443", "1.1.1.1/32 53"],
        &[],
        &[],
    );
    assert!(by_that_name(&guard, "example.org", "8.8.8.8:443"));
    assert!(!by_that_name(&guard, "example.org", "8.8.8.8:22"));
    assert!(by_address(&guard, "1.1.1.1:53"));
    assert!(!by_address(&guard, "1.1.1.1:443"));
    // Whoever writes the address does not get what is allowed by name.
    assert!(!by_address(&guard, "8.8.8.8:443"));
}

#[test]
fn everything_is_everything_public() {
    let guard = by_rules(Upstream::Asked, &["*"], &[], &[]);
    assert!(by_that_name(&guard, "example.org", "8.8.8.8:443"));
    assert!(by_address(&guard, "8.8.8.8:443"));
    for inside in [
        "127.0.0.1:443",
        "10.0.0.1:443",
        "[::1]:443",
        "[::ffff:10.0.0.1]:443",
    ] {
        assert!(!by_that_name(&guard, "rebound.example", inside), "{inside}");
        assert!(!by_address(&guard, inside), "{inside}");
    }
}

#[test]
fn a_network_is_allowed_however_it_was_named() {
    let guard = by_rules(Upstream::Asked, &["10.1.0.0/16 5222"], &[], &[]);
    assert!(by_address(&guard, "10.1.2.3:5222"));
    assert!(by_address(&guard, "[::ffff:10.1.2.3]:5222"));
    assert_eq!(guard.judge_name("xmpp.lan", 5222), Named::ByAddress);
    assert!(by_that_name(&guard, "xmpp.lan", "10.1.2.3:5222"));
    assert!(!by_that_name(&guard, "xmpp.lan", "10.2.0.1:5222"));
    assert!(!by_that_name(&guard, "example.org", "8.8.8.8:5222"));
    // Nothing has to be resolved to refuse this.
    assert_eq!(guard.judge_name("xmpp.lan", 443), Named::Refused);
}

#[test]
fn what_is_denied_is_denied_however_it_is_allowed() {
    let guard = by_rules(
        Upstream::Asked,
        &["*.example.org", "10.0.0.0/8", "*"],
        &[
            "secret.example.org",
            "10.0.0.66/32",
            "8.8.8.8/32 53",
            "* 25",
        ],
        &[],
    );
    assert!(by_that_name(&guard, "www.example.org", "1.1.1.1:443"));
    assert!(!by_that_name(&guard, "secret.example.org", "1.1.1.1:443"));
    assert!(!by_that_name(&guard, "www.example.org", "10.0.0.66:443"));
    assert!(!by_address(&guard, "10.0.0.66:443"));
    assert!(by_address(&guard, "8.8.8.8:443"));
    assert!(!by_that_name(&guard, "dns.example", "8.8.8.8:53"));
    assert!(!by_that_name(&guard, "www.example.org", "1.1.1.1:25"));
    assert!(!by_address(&guard, "1.1.1.1:25"));
}

#[test]
fn allowed_names_may_lead_to_networks_that_are_lifted() {
    let guard = by_rules(Upstream::Asked, &["*.internal 443"], &[], &["10.0.0.0/8"]);
    assert!(by_that_name(&guard, "db.internal", "10.0.0.1:443"));
    assert!(!by_that_name(&guard, "db.internal", "192.168.0.1:443"));
    assert!(!by_address(&guard, "10.0.0.1:443"));
}

#[test]
fn whoever_was_brought_here_goes_on_unless_rules_say_otherwise() {
    let open = by_rules(Upstream::Original, &[], &["192.168.0.66/32"], &[]);
    assert!(by_address(&open, "192.168.0.1:5222"));
    assert!(!by_address(&open, "192.168.0.66:5222"));
    let ruled = by_rules(Upstream::Original, &["192.168.0.0/24 5222"], &[], &[]);
    assert!(by_address(&ruled, "192.168.0.1:5222"));
    assert!(!by_address(&ruled, "192.168.0.1:22"));
    assert!(!by_address(&ruled, "8.8.8.8:5222"));
}

#[test]
fn a_denied_network_is_denied_in_the_clothes_of_ipv6() {
    let open = by_rules(Upstream::Original, &[], &["203.0.113.66/32"], &[]);
    let ruled = by_rules(
        Upstream::Asked,
        &["*", "203.0.113.0/24"],
        &["203.0.113.66/32"],
        &[],
    );
    for guard in [open, ruled] {
        for denied in [
            "203.0.113.66:443",
            "[::203.0.113.66]:443",
            "[::ffff:203.0.113.66]:443",
            "[64:ff9b::203.0.113.66]:443",
            "[64:ff9b:1::203.0.113.66]:443",
            "[2002:cb00:7142::1]:443",
        ] {
            assert!(!by_address(&guard, denied), "{denied}");
        }
        assert!(by_address(&guard, "[64:ff9b::203.0.113.65]:443"));
    }
}
