use super::{super::testing::homeserver, *};

fn rest<'a>(host: &str, port: u16, url: &'a str) -> Option<&'a str> {
    Place::of(&homeserver(host, port)).strip(url)
}

fn https(url: &str) -> Option<&str> {
    let place = Place {
        host: "hs.example.org".to_owned(),
        port: 443,
        is_https: true,
    };
    place.strip(url)
}

#[test]
fn urls_of_the_homeserver_are_known() {
    for (url, rest) in [
        ("https://hs.example.org/a?b#c", "/a?b#c"),
        ("https://hs.example.org:443/a", "/a"),
        ("HTTPS://HS.Example.org/a", "/a"),
        ("//hs.example.org/a", "/a"),
        ("https://hs.example.org", ""),
        ("https://hs.example.org?x=//y", "?x=//y"),
        ("https://hs.example.org#x", "#x"),
    ] {
        assert_eq!(https(url), Some(rest), "{url}");
    }
}

#[test]
fn other_urls_are_not() {
    for url in [
        "/a",
        "a",
        "",
        "?u=https://hs.example.org/a",
        "http://hs.example.org/a",
        "https://hs.example.org:8448/a",
        "https://hs.example.org.evil.example/a",
        "https://evil.example/https://hs.example.org/a",
        "https://user@hs.example.org/a",
        "https://hs.example.org:x/a",
        "https://hs.example.org:99999/a",
        "https:///a",
        "element://hs.example.org/a",
        "https:hs.example.org/a",
        "//example.org/a",
    ] {
        assert_eq!(https(url), None, "{url}");
    }
}

#[test]
fn addresses_and_ports_are_compared_as_such() {
    assert_eq!(
        rest("fd00::1", 8008, "http://[fd00:0::1]:8008/a"),
        Some("/a")
    );
    assert_eq!(rest("fd00::1", 8008, "http://[fd00::2]:8008/a"), None);
    assert_eq!(
        rest("127.0.0.1", 8008, "http://127.0.0.1:8008/a"),
        Some("/a")
    );
    assert_eq!(rest("127.0.0.1", 8008, "http://127.0.0.1/a"), None);
    assert_eq!(rest("127.0.0.1", 80, "http://127.0.0.1/a"), Some("/a"));
    assert_eq!(rest("127.0.0.1", 80, "http://127.0.0.1:80/a"), Some("/a"));
}
