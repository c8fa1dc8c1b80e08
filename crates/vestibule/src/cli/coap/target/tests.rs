use super::*;

fn parse(text: &str) -> Target {
    text.parse()
        .unwrap_or_else(|error| panic!("{text}: {error}"))
}

fn options(text: &str) -> Vec<(u16, String)> {
    let mut options = OptionList::new();
    parse(text).push_to(&mut options);
    let text = |value| String::from_utf8_lossy(value).into_owned();
    let options = options.iter();
    options
        .map(|(number, value)| (number.0, text(value)))
        .collect()
}

fn path(text: &str) -> Vec<String> {
    let options = options(text).into_iter();
    options.filter(|it| it.0 == 11).map(|it| it.1).collect()
}

#[test]
fn schemes_are_ignored_but_for_coap() {
    for scheme in ["coaps://", "http://", "https://", "HTTPS://", "x://", ""] {
        let target = parse(&format!("{scheme}example.org:8008/7?since=s1"));
        assert_eq!(target.place.to_string(), "example.org:8008");
        assert!(!target.plain, "{scheme}");
        assert_eq!(target.path, [b"7"]);
    }
    assert!(parse("coap://example.org").plain);
    assert!(parse("CoAP://example.org").plain);
}

#[test]
fn places() {
    for (text, host, port) in [
        ("example.org", "example.org", None),
        ("example.org:", "example.org", None),
        ("example.org.:1", "example.org.", Some(1)),
        ("192.0.2.1:8008", "192.0.2.1", Some(8008)),
        ("[2001:DB8:0::1]:8008", "2001:db8::1", Some(8008)),
        ("[::1]", "::1", None),
        ("[fe80::1%25eth0]:5684", "fe80::1%eth0", Some(5684)),
        ("[fe80::1%eth0]", "fe80::1%eth0", None),
        ("_a-b.local:65535", "_a-b.local", Some(65_535)),
    ] {
        let place: Place = text.parse().unwrap();
        assert_eq!((&*place.host, place.port), (host, port), "{text}");
        assert_eq!(parse(&format!("coaps://{text}/a?b")).place, place);
    }
    for (text, error) in [
        ("", TargetError::NoHost),
        (":8008", TargetError::NoHost),
        ("example.org:0", TargetError::Port),
        ("example.org:65536", TargetError::Port),
        ("example.org:x", TargetError::Port),
        ("2001:db8::1", TargetError::Host),
        ("[2001:db8::1", TargetError::Host),
        ("[2001:db8::1]8008", TargetError::Host),
        ("[example.org]", TargetError::Host),
        ("b\u{fc}cher.example", TargetError::Host),
        ("exa mple.org", TargetError::Host),
        ("alice:secret@example.org", TargetError::User),
    ] {
        assert_eq!(text.parse::<Place>().unwrap_err(), error, "{text}");
        assert_eq!(format!("coaps://{text}/").parse::<Target>(), Err(error));
    }
}

#[test]
fn paths_become_segments() {
    assert_eq!(
        path("h/_matrix/client/versions"),
        ["_matrix", "client", "versions"]
    );
    assert!(path("h").is_empty() && path("h/").is_empty());
    assert_eq!(path("h/a/"), ["a", ""]);
    assert_eq!(path("h//a"), ["", "a"]);
    assert_eq!(path("h/%23room:x/a%2Fb/%25"), ["#room:x", "a/b", "%"]);
    assert_eq!(path("h/L/#".replace('#', "%2523").as_str()), ["L", "%23"]);
    // What a server must refuse is sent as it was written.
    assert_eq!(path("h/../%2e/x"), ["..", ".", "x"]);
    assert_eq!(path("h/b\u{fc}cher"), ["b\u{fc}cher"]);
    assert_eq!(parse("h/%ff%00").path, [b"\xff\x00"]);
    // Enumerated paths of MSC3079.
    assert_eq!(
        path("h/9/!r:h/m.room.message/1"),
        ["9", "!r:h", "m.room.message", "1"]
    );
}

#[test]
fn queries_become_parts() {
    assert_eq!(
        options("h/7?since=s%261&timeout=0&a+b"),
        [(11, "7"), (15, "since=s&1"), (15, "timeout=0"), (15, "a+b")]
            .map(|(number, value)| (number, value.to_owned()))
    );
    assert_eq!(options("h?x=/?y"), [(15, "x=/?y".to_owned())]);
    assert_eq!(options("h?"), [(15, String::new())]);
}

#[test]
fn what_cannot_be_sent() {
    let long = "a".repeat(255);
    assert_eq!(path(&format!("h/{long}")), [&*long]);
    for (text, error) in [
        ("h/a#b", TargetError::Fragment),
        ("h/%", TargetError::Escape),
        ("h/%2", TargetError::Escape),
        ("h/%2\u{fc}", TargetError::Escape),
        ("h?%zz", TargetError::Escape),
        (&format!("h/{long}a"), TargetError::TooLong(256)),
        (&format!("h?{long}a"), TargetError::TooLong(256)),
    ] {
        assert_eq!(text.parse::<Target>(), Err(error), "{text}");
    }
}
