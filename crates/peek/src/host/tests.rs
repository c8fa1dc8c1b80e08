use std::net::IpAddr;

use crate::{Host, HostName};

#[test]
fn names_have_one_form() {
    for text in ["chat.example.org", "CHAT.Example.ORG", "chat.example.org."] {
        let name = HostName::parse(text.as_bytes()).unwrap();
        assert_eq!(name.as_str(), "chat.example.org");
        assert_eq!(Host::parse(text.as_bytes()), Some(Host::Name(name)));
    }
    for text in [
        "localhost",
        "_xmpp-client._tcp.example.org",
        "a-1.b",
        "1.2.3.4a",
        "0x7g",
        "0x7f.example.org",
        "xn--80ak6aa92e.com",
    ] {
        assert_eq!(HostName::parse(text.as_bytes()).unwrap().as_str(), text);
    }
}

#[test]
fn lengths_are_bounded() {
    let label = "a".repeat(63);
    assert!(HostName::parse(label.as_bytes()).is_some());
    assert_eq!(HostName::parse("a".repeat(64).as_bytes()), None);

    let longest = [&label[..], &label, &label, &"b".repeat(61)].join(".");
    assert_eq!(longest.len(), HostName::MAX_LEN);
    assert_eq!(
        HostName::parse(longest.as_bytes()).unwrap().as_str(),
        longest
    );
    assert!(HostName::parse(format!("{longest}.").as_bytes()).is_some());
    assert_eq!(HostName::parse(format!("{longest}c").as_bytes()), None);
    assert_eq!(HostName::parse(&[b'a'; 100_000]), None);
}

#[test]
fn what_is_no_name_is_refused() {
    let wrong = [
        "",
        ".",
        "..",
        "a..b",
        ".a",
        "a..",
        "-a",
        "a-",
        "a.-b.c",
        "a b",
        "a/b",
        "a@b",
        "*.a",
        "a\0",
        "münchen.de",
        "[::1]",
        "1",
        "1.2.3",
        "256.1.1.1",
        "example.123",
        "01.2.3.4",
        "0x7f000001",
        "0X7F.1",
        "127.0.0.0x1",
        "127.0.0.0x1.",
        "0x",
    ];
    for text in wrong {
        assert_eq!(HostName::parse(text.as_bytes()), None, "{text}");
        assert_eq!(Host::parse(text.as_bytes()), None, "{text}");
    }
}

#[test]
fn addresses_are_seen_as_such() {
    for (text, address) in [
        ("192.0.2.1", "192.0.2.1"),
        ("192.0.2.1.", "192.0.2.1"),
        ("2001:DB8::1", "2001:db8::1"),
        ("::ffff:192.0.2.1", "::ffff:192.0.2.1"),
    ] {
        let address: IpAddr = address.parse().unwrap();
        assert_eq!(Host::parse(text.as_bytes()), Some(Host::Ip(address)));
        assert_eq!(HostName::parse(text.as_bytes()), None);
    }
    assert_eq!(Host::parse(b"fe80::1%eth0"), None);
}
