use std::{path::PathBuf, time::Duration};

use super::{address, destination, duration, name, network, path, size, tlv, upstream};
use crate::{Bind, TlvKind, TlvMatch, Upstream, diagnostic::Problem};

fn help<T: std::fmt::Debug>(read: Result<T, Problem>) -> String {
    read.unwrap_err().help.unwrap_or_default()
}

#[test]
fn durations_are_read_and_shown() {
    let table = [
        ("0s", 0, "0s"),
        ("100ms", 100, "100ms"),
        ("5s", 5000, "5s"),
        ("1m30s", 90_000, "1m30s"),
        ("90s", 90_000, "1m30s"),
        ("24h", 86_400_000, "24h"),
        ("1d", 86_400_000, "24h"),
        ("2d", 172_800_000, "2d"),
        ("1d2h3m4s5ms", 93_784_005, "26h3m4s5ms"),
    ];
    for (text, millis, shown) in table {
        let read = duration::parse(text).unwrap();
        assert_eq!(read, Duration::from_millis(millis), "{text}");
        assert_eq!(duration::show(read), shown);
        assert_eq!(duration::parse(shown), Ok(read));
    }
}

#[test]
fn other_durations_are_explained() {
    let table = [
        ("5", "write `\"5s\"`"),
        ("5 s", "write `\"5s\"`"),
        ("5S", "write `\"5s\"`"),
        ("10 minutes", "write `\"10m\"`"),
        ("1.5s", "write whole numbers"),
        ("-5s", "write whole numbers"),
        ("1s1s", "write whole numbers"),
        ("30s1m", "write whole numbers"),
        ("s", "write whole numbers"),
        ("", "write whole numbers"),
        ("+5s", "write whole numbers"),
        ("1w", "write whole numbers"),
    ];
    for (text, expected) in table {
        let help = help(duration::parse(text));
        assert!(help.starts_with(expected), "{text}: {help}");
    }
}

#[test]
fn sizes_are_read_or_explained() {
    assert_eq!(size::parse("65551B"), Ok(65_551));
    assert_eq!(size::parse("64KiB"), Ok(65_536));
    assert_eq!(size::parse("1MiB"), Ok(1_048_576));
    assert_eq!(size::parse("2GiB"), Ok(2_147_483_648));
    assert_eq!(
        help(size::parse("65551")),
        "write `65551` without quotes, or `\"65551B\"`"
    );
    assert_eq!(help(size::parse("64kB")), "write `\"64KiB\"`");
    assert_eq!(help(size::parse("1 M")), "write `\"1MiB\"`");
    for text in [
        "",
        "KiB",
        "-1KiB",
        "99999999999999999999GiB",
        "18446744073709551615GiB",
    ] {
        assert!(
            help(size::parse(text)).starts_with("write a whole number"),
            "{text}"
        );
    }
}

#[test]
fn networks_are_read_and_shown() {
    let table = [
        ("127.0.0.1", "127.0.0.1"),
        ("::1", "::1"),
        ("192.0.2.0/24", "192.0.2.0/24"),
        ("192.0.2.7/32", "192.0.2.7"),
        ("2001:DB8::/32", "2001:db8::/32"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("::ffff:192.0.2.0/120", "192.0.2.0/24"),
        ("0.0.0.0/0", "0.0.0.0/0"),
    ];
    for (text, shown) in table {
        assert_eq!(network::show(&network::parse(text).unwrap()), shown);
    }
}

#[test]
fn other_networks_are_explained() {
    let table = [
        (
            "192.0.2.7/24",
            "write `192.0.2.0/24` for the network, `192.0.2.7` for the one address",
        ),
        (
            "2001:db8::1/32",
            "write `2001:db8::/32` for the network, `2001:db8::1` for the one address",
        ),
        (
            "::ffff:192.0.2.7/120",
            "write `192.0.2.0/24` for the network, `192.0.2.7` for the one address",
        ),
        ("192.0.2.0/33", "write a number from 0 to 32 behind the `/`"),
        ("::/129", "write a number from 0 to 128 behind the `/`"),
        ("192.0.2.0/", "write a number from 0 to 32 behind the `/`"),
        ("192.0.2.0/+8", "write a number from 0 to 32 behind the `/`"),
        ("192.0.2.0/255.255.255.0", "write `192.0.2.0/24`"),
        ("[::1]", "write `::1`"),
        ("[2001:db8::]/32", "write `2001:db8::/32`"),
        (" 127.0.0.1", "write `127.0.0.1`"),
        ("192.0.2.1:5222", "write `192.0.2.1` without the port"),
        ("*", "write `0.0.0.0/0` and `::/0` for every address"),
        ("localhost", "write `127.0.0.1` and `::1`"),
    ];
    for (text, expected) in table {
        assert_eq!(help(network::parse(text)), expected, "{text}");
    }
}

#[test]
fn binds_are_read() {
    let tcp = |text: &str| Ok(Bind::Tcp(text.parse().unwrap()));
    assert_eq!(address::bind("127.0.0.1:5222"), tcp("127.0.0.1:5222"));
    assert_eq!(address::bind("[::]:0"), tcp("[::]:0"));
    assert_eq!(address::bind("[fe80::1%2]:5222"), tcp("[fe80::1%2]:5222"));
    assert_eq!(
        address::bind("[::ffff:127.0.0.1]:5222"),
        tcp("127.0.0.1:5222")
    );
    assert_eq!(
        address::bind("unix:a.sock"),
        Ok(Bind::Unix(PathBuf::from("a.sock")))
    );
}

#[test]
fn other_binds_are_explained() {
    let table = [
        (
            "5222",
            "write `127.0.0.1:5222` for this machine only, `0.0.0.0:5222` and `[::]:5222` for every address",
        ),
        (
            ":5222",
            "write `127.0.0.1:5222` for this machine only, `0.0.0.0:5222` and `[::]:5222` for every address",
        ),
        (
            "*:5222",
            "write `0.0.0.0:5222` and `[::]:5222` for every address",
        ),
        ("localhost:5222", "write `127.0.0.1:5222` and `[::1]:5222`"),
        (
            "xmpp.example:5222",
            "write an address of this machine, such as `192.0.2.7:5222`, not a name",
        ),
        (
            "127.0.0.1",
            "the port is missing: write for example `127.0.0.1:5222`",
        ),
        (
            "[::1]",
            "the port is missing: write for example `[::1]:5222`",
        ),
        ("::", "the port is missing: write for example `[::]:5222`"),
        ("::1:5222", "write `[::1]:5222`: IPv6 needs brackets"),
        ("127.0.0.1:70000", "`70000` is not a port (1 to 65535)"),
        ("127.0.0.1:", "`` is not a port (1 to 65535)"),
        (
            "[fe80::1%eth0]:5222",
            "name the interface by its number, such as `[fe80::1%2]:5222`",
        ),
        (
            "tcp://127.0.0.1:5222/",
            "write `127.0.0.1:5222`, without the scheme",
        ),
        ("/run/a.sock", "write `unix:/run/a.sock` for a unix socket"),
        ("unix:///run/a.sock", "write `unix:/run/a.sock`"),
    ];
    for (text, expected) in table {
        assert_eq!(help(address::bind(text)), expected, "{text}");
    }
}

#[test]
fn paths_of_sockets_are_limited() {
    let longest = format!("/{}", "a".repeat(path::LONGEST_SOCKET_PATH - 1));
    assert_eq!(path::socket(&longest), Ok(PathBuf::from(&longest)));
    let problem = path::socket(&format!("{longest}a")).unwrap_err();
    assert_eq!(
        problem.message,
        "the path of a unix socket has at most 107 bytes, this one has 108"
    );
    assert!(path::file(&format!("{longest}a")).is_ok());
}

#[test]
fn upstreams_are_read() {
    let name = |name: &str, port| Ok(Upstream::Name(name.to_owned(), port));
    assert_eq!(
        upstream::parse("xmpp2.internal:5222"),
        name("xmpp2.internal", 5222)
    );
    assert_eq!(upstream::parse("LOCALHOST:1"), name("localhost", 1));
    assert_eq!(
        upstream::parse("my_host.example.:65535"),
        name("my_host.example", 65_535)
    );
    assert_eq!(
        upstream::parse("1and1.example:80"),
        name("1and1.example", 80)
    );
    let address = Upstream::Address("[::1]:5222".parse().unwrap());
    assert_eq!(upstream::parse("[::1]:5222"), Ok(address));
    assert_eq!(
        upstream::parse("unix:/a"),
        Ok(Upstream::Unix(PathBuf::from("/a")))
    );
}

#[test]
fn other_upstreams_are_explained() {
    let table = [
        (
            "xmpp.example",
            "the port is missing: write for example `xmpp.example:5222`",
        ),
        (
            "127.0.0.1",
            "the port is missing: write for example `127.0.0.1:5222`",
        ),
        ("xmpp.example:70000", "`70000` is not a port (1 to 65535)"),
        ("xmpp.example:+1", "`+1` is not a port (1 to 65535)"),
        (
            "xmpp.example:0",
            "port 0 cannot be connected to: write a port from 1 to 65535",
        ),
        ("[::]:5222", "write `[::1]:5222` for this machine"),
        ("::1:5222", "write `[::1]:5222`: IPv6 needs brackets"),
        ("/run/a.sock", "write `unix:/run/a.sock` for a unix socket"),
        (
            "-a.example:1",
            "write `host:port`, `192.0.2.7:5222`, `[2001:db8::1]:5222` or `unix:/path`",
        ),
        (
            "",
            "write `host:port`, `192.0.2.7:5222`, `[2001:db8::1]:5222` or `unix:/path`",
        ),
        (
            ":5222",
            "write `host:port`, `192.0.2.7:5222`, `[2001:db8::1]:5222` or `unix:/path`",
        ),
    ];
    for (text, expected) in table {
        assert_eq!(help(upstream::parse(text)), expected, "{text}");
    }
}

#[test]
fn destinations_are_read_and_shown() {
    let forms = [
        "192.0.2.0/24",
        "192.0.2.7",
        "192.0.2.7:5222",
        "192.0.2.0/24:5222",
        "[2001:db8::]/32",
        "[2001:db8::]/32:443",
        "[2001:db8::1]",
        "[2001:db8::1]:5222",
        ":5222",
    ];
    for text in forms {
        assert_eq!(destination::show(&destination::parse(text).unwrap()), text);
    }
    let table = [
        (
            "2001:db8::/32",
            "write `[2001:db8::]/32`: IPv6 needs brackets",
        ),
        ("5222", "write `:5222` for a port"),
        (":0", "`0` is not a port (1 to 65535)"),
        ("[::1", "close the bracket: `[2001:db8::1]:5222`"),
        (
            "192.0.2.7/24:1",
            "write `192.0.2.0/24` for the network, `192.0.2.7` for the one address",
        ),
    ];
    for (text, expected) in table {
        assert_eq!(help(destination::parse(text)), expected, "{text}");
    }
    for text in ["", "[::1]x", "[::1]/", "localhost:1", "*"] {
        assert!(!help(destination::parse(text)).is_empty(), "{text}");
    }
}

#[test]
fn tlvs_are_read_and_shown() {
    let read = |text: &str| tlv::parse(text).unwrap();
    for text in [
        "alpn",
        "ssl.cn=a=b",
        "authority=",
        "0xE0",
        "unique_id=hex:00ff",
        "ssl",
    ] {
        assert_eq!(tlv::show(&read(text)), text);
    }
    assert_eq!(tlv::show(&read("224")), "0xE0");
    assert_eq!(tlv::show(&read("0x01=hex:6832")), "alpn=h2");
    let value = Some(b"h2".to_vec());
    assert_eq!(
        read("alpn=h2"),
        TlvMatch {
            kind: TlvKind::Top(1),
            value
        }
    );
    assert_eq!(
        read("ssl.group"),
        TlvMatch {
            kind: TlvKind::Ssl(0x26),
            value: None
        }
    );
    assert_eq!(help(tlv::parse("authorty")), "did you mean `authority`?");
    assert!(help(tlv::parse("")).starts_with("write one of `alpn`"));
    assert!(help(tlv::parse("0x+1")).starts_with("write one of `alpn`"));
    assert!(help(tlv::parse("alpn=hex:0g")).starts_with("behind `hex:`"));
}

#[test]
fn names_are_read_or_mended() {
    for text in ["c2s", "proxy-15222", "a.b_C", &"a".repeat(64)] {
        assert_eq!(name::label(text), Ok(text.to_owned()));
    }
    assert!(help(name::label("my service")).starts_with("write `my-service`"));
    assert!(help(name::label("")).starts_with("a name has 1 to 64"));
    assert!(help(name::label(&"a".repeat(65))).starts_with("a name has 1 to 64"));
    for text in ["vestibule", "_x", "1000", "host$", "first.last"] {
        assert_eq!(name::account(text), Ok(text.to_owned()));
    }
    for text in ["", "$", "-a", "a b", "a:b"] {
        assert!(name::account(text).is_err(), "{text}");
    }
}
