use super::{allowed, covers, http_host, server_name, show, sni};
use crate::{NameMatch, diagnostic::Problem};

fn help<T: std::fmt::Debug>(read: Result<T, Problem>) -> String {
    read.unwrap_err().help.unwrap_or_default()
}

#[test]
fn names_are_read_and_shown() {
    let table = [
        ("", "\"\""),
        ("chat.example.org", "chat.example.org"),
        ("Chat.EXAMPLE.org.", "chat.example.org"),
        ("*.Example.org.", "*.example.org"),
        ("*.org", "*.org"),
        ("localhost", "localhost"),
        ("_xmpp.my_host.example", "_xmpp.my_host.example"),
        ("xn--bcher-kva.example", "xn--bcher-kva.example"),
        ("1and1.example", "1and1.example"),
    ];
    for (text, shown) in table {
        assert_eq!(show(&sni(text).unwrap()), shown, "{text}");
    }
    let longest = [&*"a".repeat(63); 4].join(".");
    assert!(sni(&longest[..253]).is_ok());
    assert!(sni(&longest[..254]).is_err());
    assert!(sni(&format!("*.{}", &longest[..251])).is_ok());
    assert!(sni(&format!("*.{}", &longest[..252])).is_err());
}

#[test]
fn other_names_are_explained() {
    let table = [
        ("*", "leave the key out to match every name"),
        (
            "bücher.example",
            "write the name as the DNS has it, with A-labels: `xn--…` (RFC 5890)",
        ),
        (
            "192.0.2.1",
            "TLS has no server name for `192.0.2.1` (RFC 6066, section 3): write a name",
        ),
        (
            "[::1]",
            "TLS has no server name for `::1` (RFC 6066, section 3): write a name",
        ),
        (
            "https://a.example:443/b",
            "write `a.example`, without the scheme",
        ),
        ("a.example:443", "write `a.example`, without the port"),
        (
            ".example.org",
            "write `*.example.org` for the names below `example.org`",
        ),
        (
            "a*.example",
            "`*` is only possible as the whole first label: `*.example.org`",
        ),
        (
            "*.*.example",
            "`*` is only possible as the whole first label: `*.example.org`",
        ),
        (
            "a.*",
            "`*` is only possible as the whole first label: `*.example.org`",
        ),
    ];
    for (text, expected) in table {
        assert_eq!(help(sni(text)), expected, "{text}");
    }
    for text in ["*.", ".", "a..b", "-a", "a-.b", "a b", "1.2.3.256", "a/b"] {
        assert!(help(sni(text)).starts_with("a name has labels"), "{text}");
    }
    assert!(help(allowed("*")).starts_with("whoever connects would choose"));
    assert!(allowed("").is_err());
}

#[test]
fn a_host_may_be_an_address() {
    let exact = |text: &str| Ok(NameMatch::Exact(text.to_owned()));
    assert_eq!(http_host("192.0.2.1"), exact("192.0.2.1"));
    assert_eq!(http_host("[2001:DB8::1]"), exact("2001:db8::1"));
    assert_eq!(http_host("::ffff:192.0.2.1"), exact("192.0.2.1"));
    assert_eq!(http_host("A.example"), exact("a.example"));
    assert!(help(http_host("*")).starts_with("leave the key out"));
    assert!(help(http_host("")).starts_with("a name has labels"));
    assert_eq!(
        help(http_host("a.example:80")),
        "write `a.example`, without the port"
    );
}

#[test]
fn server_names_are_names_or_addresses() {
    assert_eq!(
        server_name("XMPP.internal."),
        Ok("xmpp.internal".to_owned())
    );
    assert_eq!(server_name("[::1]"), Ok("::1".to_owned()));
    assert!(help(server_name("*.a")).starts_with("write one name"));
    assert!(server_name("").is_err());
}

#[test]
fn what_one_name_covers_of_another() {
    let table = [
        ("a.b", "a.b", true),
        ("a.b", "*.b", false),
        ("*.b", "a.b", true),
        ("*.b", "*.b", true),
        ("*.b", "b", false),
        ("*.b", "c.a.b", false),
        ("*.b", "*.a.b", false),
        ("*.b", "", false),
        ("a", "", false),
        ("", "", true),
        ("", "a", false),
    ];
    for (wide, narrow, expected) in table {
        let covered = covers(&sni(wide).unwrap(), &sni(narrow).unwrap());
        assert_eq!(covered, expected, "{wide} {narrow}");
    }
}
