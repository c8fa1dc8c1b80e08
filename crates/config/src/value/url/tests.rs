use super::*;

fn shown(text: &str) -> (String, u16) {
    let origin = homeserver(text).unwrap();
    (origin.show(), origin.port())
}

#[test]
fn names_and_addresses() {
    for (text, expected, port) in [
        ("http://127.0.0.1:8008", "http://127.0.0.1:8008", 8008),
        (
            "https://Matrix.Example.org",
            "https://matrix.example.org",
            443,
        ),
        (
            "HTTPS://matrix.example.org./",
            "https://matrix.example.org",
            443,
        ),
        ("http://[::1]", "http://[::1]", 80),
        ("http://[2001:DB8::1]:80/", "http://[2001:db8::1]:80", 80),
        ("http://[::ffff:192.0.2.7]:1", "http://192.0.2.7:1", 1),
        ("http://localhost:8008", "http://localhost:8008", 8008),
        ("https://a_b:65535", "https://a_b:65535", 65_535),
    ] {
        assert_eq!(shown(text), (expected.to_owned(), port), "{text}");
        // What is shown means the same.
        assert_eq!(homeserver(expected), homeserver(text));
        assert_eq!(advertise(expected), homeserver(text));
    }
}

#[test]
fn what_is_no_url_of_a_server() {
    for (text, message, help) in [
        ("", "not the URL", "http://127.0.0.1:8008"),
        (
            "matrix.example.org",
            "not the URL",
            "`https://matrix.example.org`",
        ),
        ("127.0.0.1:8008", "not the URL", "`http://127.0.0.1:8008`"),
        (
            "matrix.example.org/_matrix",
            "not the URL",
            "https://matrix.example.org",
        ),
        ("ftp://a", "not by `ftp`", "https://"),
        ("://a", "not by ``", "https://"),
        ("https://", "neither a name", "https://"),
        ("https:///", "neither a name", "https://"),
        ("https://:8008", "neither a name", "https://"),
        ("https://a:", "from 1 to 65535", "https://"),
        ("https://a:0", "from 1 to 65535", "https://"),
        ("https://a:65536", "from 1 to 65535", "https://"),
        ("https://a:+1", "from 1 to 65535", "https://"),
        ("https://a/b", "no path", "write `https://a`"),
        ("https://a//", "no path", "write `https://a`"),
        ("https://a:1/?b=/c", "no query", "write `https://a:1`"),
        ("https://a?", "no query", "write `https://a`"),
        ("https://a/#b?c", "no fragment", "write `https://a`"),
        ("https://::1", "in brackets", "`[::1]`"),
        ("https://[::1", "neither a name", "https://"),
        ("https://[127.0.0.1]", "neither a name", "https://"),
        ("https://[fe80::1%2]", "neither a name", "https://"),
        ("https://bücher.example", "neither a name", "xn--"),
        ("https://a b", "neither a name", "https://"),
        ("https://a\\b", "neither a name", "https://"),
        ("https://1.2.3", "neither a name", "https://"),
        ("http://0.0.0.0:8008", "`0.0.0.0`", "`127.0.0.1`"),
        ("http://[::]:8008", "`::`", "`[::1]`"),
        ("http://[ff02::1]", "`ff02::1`", "this machine"),
    ] {
        let problem = homeserver(text).unwrap_err();
        assert_eq!(problem.code, Code::InvalidUrl, "{text}");
        assert!(problem.message.contains(message), "{text}: {problem:?}");
        assert!(problem.help.unwrap().contains(help), "{text}");
    }
}

#[test]
fn a_password_is_never_shown() {
    for text in [
        "https://user:hush@a",
        "https://user:hu/sh@a",
        "user:hush@a",
        "ftp://user:hush@a",
        "https://a/@hush",
    ] {
        let problem = advertise(text).unwrap_err();
        assert!(problem.message.contains("no password"), "{text}");
        assert!(!format!("{problem:?}").contains("hu"), "{text}");
    }
}
