use vestibule_config::{Advertise, ForwardedFor};

use super::{
    super::testing::{config, homeserver, side},
    *,
};

#[test]
fn local_homeservers_are_told_who_the_client_is() {
    for (rule, host, tells) in [
        (ForwardedFor::Auto, "127.0.0.1", true),
        (ForwardedFor::Auto, "10.1.2.3", true),
        (ForwardedFor::Auto, "fd00::1", true),
        (ForwardedFor::Auto, "localhost", true),
        (ForwardedFor::Auto, "192.0.2.1", false),
        (ForwardedFor::Auto, "matrix.example.org", false),
        (ForwardedFor::Always, "matrix.example.org", true),
        (ForwardedFor::Never, "127.0.0.1", false),
    ] {
        let side = Side::new(&LowBandwidth {
            homeserver: homeserver(host, 8008),
            x_forwarded_for: rule,
            ..config()
        });
        assert_eq!(side.tells_client(), tells, "{rule:?} {host}");
    }
}

#[test]
fn hosts_are_those_of_the_configuration() {
    let side = side();
    assert_eq!(side.authority, "127.0.0.1:8008");
    assert_eq!(side.public_host(), "lb.example.org");
    let side = Side::new(&LowBandwidth {
        homeserver: homeserver("fd00::1", 80),
        advertise: Some(Advertise {
            url: "http://[2001:db8::1]:8448".to_owned(),
            is_https: false,
        }),
        ..config()
    });
    assert_eq!(side.authority, "[fd00::1]");
    assert_eq!(side.public_host(), "[2001:db8::1]:8448");
}

#[test]
fn the_port_is_the_one_for_dtls() {
    let of = |config: &LowBandwidth| Side::new(config).advertisement;
    let known = of(&LowBandwidth {
        bind: vec!["[::]:5684".parse().unwrap()],
        stable_key: true,
        ..config()
    });
    let (port, is_stable) = (5684, true);
    assert_eq!(known, Some(Advertisement { port, is_stable }));
    let unknown = of(&LowBandwidth {
        bind: vec!["127.0.0.1:0".parse().unwrap()],
        ..config()
    });
    assert_eq!(unknown, None);
}
