//! Names that clients of an explicit proxy ask for: whatever their owner lets them lead to, nothing
//! is reached that is not allowed. Each test has a name server, and addresses, of its own.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::process::Command;

use vestibule_e2e::{NameServer, Origin, Setup, Vestibule, exchange, in_network_namespace, tunnel};

/// An explicit proxy with these keys, which asks the test's name server. Each worker would ask for
/// itself, so there is only one.
fn proxy(keys: &str) -> Vestibule {
    Setup::new(format!(
        "[[listener]]\nname = \"in\"\nbind = \"127.0.0.1:0\"\nservice = \"egress\"\n\
         [service.egress]\nkind = \"connect\"\n{keys}\n"
    ))
    .name_server()
    .workers(1)
    .start()
}

/// An echo at each of two addresses, with the same port.
fn two_echoes(one: &str, other: &str) -> (Origin, Origin) {
    let origin = Origin::echo_at(SocketAddr::new(ip(one), 0));
    let port = origin.address().port();
    let other = Origin::echo_at(SocketAddr::new(ip(other), port));
    (origin, other)
}

fn ip(text: &str) -> IpAddr {
    text.parse().expect("an address")
}

#[track_caller]
fn assert_refused(vestibule: &Vestibule, destination: &str, error: &str) {
    let answer = tunnel(vestibule.address("in"), destination, "");
    assert_eq!(answer.status(), 403, "{destination}");
    let status = answer.field("Proxy-Status").expect("Proxy-Status");
    assert!(status.contains(error), "{destination}: {status}");
}

/// The name leads to an allowed address when it is judged, and elsewhere from then on.
#[test]
fn the_address_that_was_judged_is_the_one_that_is_dialed() {
    if !in_network_namespace("the_address_that_was_judged_is_the_one_that_is_dialed") {
        return;
    }
    let names = NameServer::start(|name, asked| match (name, asked) {
        ("first-good.example", 0) => vec![ip("127.0.0.2")],
        ("first-good.example", _) => vec![ip("127.0.0.1")],
        ("first-bad.example", 0) => vec![ip("127.0.0.1")],
        ("first-bad.example", _) => vec![ip("127.0.0.2")],
        _ => Vec::new(),
    });
    let (allowed, inside) = two_echoes("127.0.0.2", "127.0.0.1");
    let port = allowed.address().port();
    let vestibule = proxy(&format!(
        "allow = \"*.example:{port}\"\nallow_networks = \"127.0.0.2\"\nretries = 3"
    ));
    for _ in 0..5 {
        let destination = format!("first-good.example:{port}");
        let mut answer = tunnel(vestibule.address("in"), &destination, "");
        assert_eq!(answer.status(), 200);
        exchange(&mut answer.stream, b"where it is allowed");
        assert_refused(
            &vestibule,
            &format!("first-bad.example:{port}"),
            "destination_ip_prohibited",
        );
    }
    assert_eq!(allowed.accepted(), 5);
    assert_eq!(inside.accepted(), 0);
    // One question for all: between the judgement and the dial there is none.
    assert_eq!(names.asked_for("first-good.example"), 1);
}

#[test]
fn of_several_addresses_only_the_allowed_ones_are_dialed() {
    if !in_network_namespace("of_several_addresses_only_the_allowed_ones_are_dialed") {
        return;
    }
    let _names = NameServer::start(|_, _| vec![ip("127.0.0.1"), ip("127.0.0.2"), ip("::1")]);
    let (allowed, inside) = two_echoes("127.0.0.2", "127.0.0.1");
    let port = allowed.address().port();
    let inside_v6 = Origin::echo_at(SocketAddr::new(ip("::1"), port));
    let vestibule = proxy(&format!(
        "allow = \"*.example:{port}\"\nallow_networks = \"127.0.0.2\"\nretries = 5"
    ));
    for number in 0..10 {
        let destination = format!("n{number}.example:{port}");
        let mut answer = tunnel(vestibule.address("in"), &destination, "");
        assert_eq!(answer.status(), 200);
        exchange(&mut answer.stream, b"where it is allowed");
    }
    assert_eq!(allowed.accepted(), 10);
    // Nor is another one tried when that one is closed.
    drop(allowed);
    let destination = format!("closed.example:{port}");
    assert_eq!(
        tunnel(vestibule.address("in"), &destination, "").status(),
        502
    );
    assert_eq!((inside.accepted(), inside_v6.accepted()), (0, 0));
}

/// `allow = "*"` is every name, but not everything that names lead to.
#[test]
fn names_that_lead_inside_are_refused() {
    if !in_network_namespace("names_that_lead_inside_are_refused") {
        return;
    }
    /// Beside loopback: this network, private networks, a carrier's, the services of clouds, groups,
    /// and addresses that have an inner address in them.
    const INSIDE: &[&str] = &[
        "127.0.0.1",
        "127.255.255.254",
        "0.0.0.0",
        "0.1.2.3",
        "10.0.0.1",
        "100.64.0.1",
        "169.254.169.254",
        "172.16.0.1",
        "192.0.0.1",
        "192.168.1.1",
        "198.18.0.1",
        "224.0.0.1",
        "240.0.0.1",
        "255.255.255.255",
        "::",
        "::1",
        "::ffff:127.0.0.1",
        "::127.0.0.1",
        "64:ff9b::7f00:1",
        "64:ff9b:1::1",
        "2002:7f00:1::1",
        "fc00::1",
        "fe80::1",
        "fec0::1",
        "ff02::1",
    ];
    let _names = NameServer::start(|name, _| {
        let number: Option<usize> = name
            .strip_suffix(".inside.example")
            .and_then(|label| label.strip_prefix('n'))
            .and_then(|number| number.parse().ok());
        number.map_or_else(Vec::new, |number| vec![ip(INSIDE[number])])
    });
    let origin = Origin::echo();
    let port = origin.address().port();
    let vestibule = proxy("allow = \"*\"");
    for number in 0..INSIDE.len() {
        assert_refused(
            &vestibule,
            &format!("n{number}.inside.example:{port}"),
            "destination_ip_prohibited",
        );
    }
    let unknown = tunnel(vestibule.address("in"), "nowhere.example:80", "");
    assert_eq!(unknown.status(), 502);
    assert!(
        unknown
            .field("Proxy-Status")
            .is_some_and(|status| status.contains("dns_error"))
    );
    assert_eq!(origin.accepted(), 0);
    let refused = vestibule.metrics().value(
        "vestibule_connections_refused_total",
        &[("listener", "in"), ("reason", "forbidden_destination")],
    );
    assert_eq!(refused, INSIDE.len() as u64);
}

/// By a public address of the machine, by a name for it, and by every way to write it.
#[test]
fn our_own_listeners_are_not_reached_by_the_addresses_of_the_machine() {
    if !in_network_namespace("our_own_listeners_are_not_reached_by_the_addresses_of_the_machine") {
        return;
    }
    const OURS: [&str; 2] = ["9.9.9.9", "2a00::9"];
    for address in ["9.9.9.9/32", "2a00::9/128"] {
        let added = Command::new("ip")
            .args(["addr", "add", address, "dev", "lo"])
            .status();
        assert!(added.expect("ip; `cargo xtask setup` gets it").success());
    }
    let _names = NameServer::start(|name, _| match name {
        "v4.example" => vec![ip(OURS[0])],
        "v6.example" => vec![ip(OURS[1])],
        "anywhere.example" => vec![Ipv4Addr::UNSPECIFIED.into()],
        _ => Vec::new(),
    });
    let vestibule = Setup::new(
        "[[listener]]\nname = \"in\"\nbind = \"127.0.0.1:0\"\nservice = \"egress\"\n\
         [[listener]]\nname = \"v4\"\nbind = \"0.0.0.0:0\"\nservice = \"egress\"\n\
         [[listener]]\nname = \"v6\"\nbind = \"[::]:0\"\nservice = \"egress\"\n\
         [service.egress]\nkind = \"connect\"\nallow = [\"*\", \"0.0.0.0/0\", \"::/0\"]\n\
         allow_networks = [\"0.0.0.0/0\", \"::/0\"]\n",
    )
    .name_server()
    .start();
    let port = |listener: &str| vestibule.address(listener).port();
    let mut destinations = vec![
        format!("anywhere.example:{}", port("in")),
        format!("[::]:{}", port("v6")),
        format!("[::1]:{}", port("v6")),
        format!("[2a00::9]:{}", port("v6")),
        format!("v6.example:{}", port("v6")),
    ];
    for host in [
        "0.0.0.0",
        "127.0.0.1",
        "127.1.2.3",
        "9.9.9.9",
        "[::ffff:9.9.9.9]",
        "[::ffff:127.0.0.1]",
        "v4.example",
        "V4.Example.",
        "anywhere.example",
    ] {
        destinations.push(format!("{host}:{}", port("v4")));
    }
    for destination in &destinations {
        assert_refused(&vestibule, destination, "proxy_loop_detected");
    }
    // Somebody else on the same addresses is reached.
    for address in OURS {
        let origin = Origin::echo_at(SocketAddr::new(ip(address), 0));
        let destination = origin.address().to_string();
        let mut answer = tunnel(vestibule.address("in"), &destination, "");
        assert_eq!(answer.status(), 200, "{destination}");
        exchange(&mut answer.stream, b"not us");
    }
    let loops = vestibule.metrics().value(
        "vestibule_connections_refused_total",
        &[("listener", "in"), ("reason", "proxy_loop")],
    );
    assert_eq!(loops, destinations.len() as u64);
}

/// Whoever may not use a name learns nothing of it, and neither does its name server.
#[test]
fn names_that_are_not_allowed_are_not_looked_up() {
    if !in_network_namespace("names_that_are_not_allowed_are_not_looked_up") {
        return;
    }
    let names = NameServer::start(|_, _| vec![ip("127.0.0.1")]);
    let origin = Origin::echo();
    let port = origin.address().port();
    let vestibule = proxy(&format!(
        "allow = \"*.example:{port}\"\ndeny = \"*.secret.example\"\nallow_networks = \"127.0.0.1\""
    ));
    for name in [
        "db.secret.example",
        "a.b.example",
        "example",
        "example.org",
        "other.example",
    ] {
        let there = match name {
            // The name would do, but not at this port.
            "other.example" => format!("{name}:1"),
            _ => format!("{name}:{port}"),
        };
        assert_refused(&vestibule, &there, "http_request_denied");
        assert_eq!(names.asked_for(name), 0, "{name}");
    }
    let allowed = format!("www.example:{port}");
    assert_eq!(tunnel(vestibule.address("in"), &allowed, "").status(), 200);
    assert_eq!(names.asked_for("www.example"), 1);
}

/// Behind another proxy, it is that one which resolves names.
#[test]
fn a_name_that_goes_through_another_proxy_is_not_looked_up() {
    if !in_network_namespace("a_name_that_goes_through_another_proxy_is_not_looked_up") {
        return;
    }
    let names = NameServer::start(|_, _| vec![ip("10.0.0.1")]);
    let proxy = Origin::serve(|stream| {
        let mut told = vestibule_e2e::answer(stream);
        let head = told.head.clone();
        use std::io::Write;
        let _ = write!(told.stream, "HTTP/1.1 200 OK\r\n\r\n{head}");
    });
    let vestibule = Setup::new(format!(
        "[[listener]]\nname = \"in\"\nbind = \"127.0.0.1:0\"\nservice = \"egress\"\n\
         [service.egress]\nkind = \"connect\"\nallow = \"*.example:5222\"\nvia = \"http://{}\"\n",
        proxy.address()
    ))
    .name_server()
    .start();
    let answer = tunnel(vestibule.address("in"), "xmpp.example:5222", "");
    assert_eq!(answer.status(), 200);
    assert_eq!(
        answer.rest(),
        "CONNECT xmpp.example:5222 HTTP/1.1\r\nHost: xmpp.example:5222\r\n\r\n"
    );
    assert_eq!(names.asked_for("xmpp.example"), 0);
    assert_refused(&vestibule, "xmpp.example:5269", "http_request_denied");
}
