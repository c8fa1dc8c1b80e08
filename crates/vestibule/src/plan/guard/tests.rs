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
