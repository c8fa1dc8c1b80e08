use std::net::IpAddr;

use super::{Config, PeerName, Versions};
use crate::client::Trust;

#[test]
fn names_are_brought_to_one_form() {
    for (text, name) in [
        ("chat.example.org", "chat.example.org"),
        ("Chat.Example.ORG.", "chat.example.org"),
        ("localhost", "localhost"),
        ("xn--bcher-kva.example", "xn--bcher-kva.example"),
        ("192.0.2.1", "192.0.2.1"),
        ("2001:DB8:0::1", "2001:db8::1"),
        ("[2001:db8::1]", "2001:db8::1"),
    ] {
        let parsed: PeerName = text.parse().unwrap();
        assert_eq!(parsed.to_string(), name);
        assert_eq!(format!("{parsed:?}"), name);
        assert_eq!(name.parse(), Ok(parsed));
    }
}

#[test]
fn what_is_no_name() {
    for text in [
        "",
        ".",
        "..",
        "a..b",
        "-a.example",
        "a b",
        "bücher.example",
        "[192.0.2.1]",
        "[::1",
        "::1]",
        "[]",
        "192.0.2.1:5684",
        "fe80::1%eth0",
        "a/b",
    ] {
        assert!(text.parse::<PeerName>().is_err(), "{text}");
    }
    assert!("a".repeat(64).parse::<PeerName>().is_err());
    assert!("a.".repeat(127).parse::<PeerName>().is_ok());
    assert!("a.".repeat(128).parse::<PeerName>().is_err());
}

#[test]
fn an_address_is_a_name() {
    let address: IpAddr = "192.0.2.1".parse().unwrap();
    assert_eq!(Ok(PeerName::from(address)), "192.0.2.1".parse());
}

#[test]
fn the_usual_settings() {
    let config = Config::new("localhost".parse().unwrap(), 5684, Trust::Insecure);
    assert_eq!(config.versions, Versions::Remembered);
    assert_eq!(config.handshake_timeout.as_secs(), 60);
    assert!(!config.post_quantum);
    assert_eq!(
        format!("{config:?}"),
        "Config { name: localhost, port: 5684, trust: Insecure, versions: Remembered, handshake_timeout: 60s, \
         post_quantum: false, key_log: false }"
    );
}
