use super::*;

fn said(trusted: bool, address: Option<&str>, host: &str, before: &[(&str, &str)]) -> Vec<String> {
    let address = address.map(|address| address.parse().unwrap());
    let forwarded = Forwarded::new(address, "https", trusted);
    let mut headers = HeaderMap::new();
    for (name, value) in before {
        if !crate::http::fields::is_removed(name, forwarded.is_trusted()) {
            let name: HeaderName = name.parse().unwrap();
            headers.append(name, value.parse().unwrap());
        }
    }
    let known = forwarded.for_host(&host.parse().unwrap());
    forwarded.say(&known, &mut headers);
    let mut lines: Vec<String> = headers
        .iter()
        .map(|(name, value)| format!("{name}: {}", value.to_str().unwrap()))
        .collect();
    lines.sort();
    lines
}

#[test]
fn what_a_stranger_claims_is_replaced() {
    let claims = [
        ("x-forwarded-for", "198.51.100.7"),
        ("x-forwarded-port", "443"),
        ("forwarded", "for=198.51.100.7"),
        ("x-real-ip", "198.51.100.7"),
        ("true-client-ip", "198.51.100.7"),
        ("accept", "*/*"),
    ];
    assert_eq!(
        said(false, Some("192.0.2.1"), "example.org", &claims),
        [
            "accept: */*",
            "forwarded: for=192.0.2.1;proto=https;host=example.org",
            "x-forwarded-for: 192.0.2.1",
            "x-forwarded-host: example.org",
            "x-forwarded-proto: https",
        ]
    );
}

#[test]
fn what_a_trusted_proxy_says_is_kept_and_continued() {
    let before = [
        ("x-forwarded-for", "198.51.100.7"),
        ("x-forwarded-for", "198.51.100.8"),
        ("x-forwarded-proto", "http"),
        ("x-real-ip", "198.51.100.7"),
    ];
    assert_eq!(
        said(true, Some("192.0.2.1"), "example.org", &before),
        [
            "x-forwarded-for: 198.51.100.7, 198.51.100.8, 192.0.2.1",
            "x-forwarded-host: example.org",
            "x-forwarded-proto: http",
            "x-real-ip: 198.51.100.7",
        ]
    );
    let before = [("forwarded", "for=\"[2001:db8::1]\"")];
    assert_eq!(
        said(true, Some("192.0.2.1"), "example.org:8080", &before),
        ["forwarded: for=\"[2001:db8::1]\", for=192.0.2.1;proto=https;host=\"example.org:8080\""]
    );
}

#[test]
fn a_trusted_proxy_that_says_nothing_is_the_client() {
    assert_eq!(said(true, Some("192.0.2.1"), "a", &[]).len(), 4);
}

#[test]
fn ipv6_and_unix_clients() {
    let lines = said(false, Some("2001:db8::1"), "[2001:db8::2]:80", &[]);
    assert_eq!(
        lines[0],
        "forwarded: for=\"[2001:db8::1]\";proto=https;host=\"[2001:db8::2]:80\""
    );
    assert_eq!(lines[1], "x-forwarded-for: 2001:db8::1");
    assert_eq!(
        said(false, Some("::ffff:192.0.2.1"), "a", &[])[1],
        "x-forwarded-for: 192.0.2.1"
    );
    assert_eq!(said(false, None, "a", &[])[1], "x-forwarded-for: unknown");
}

#[test]
fn lists_that_do_not_end_are_dropped() {
    let address = Some("192.0.2.1".parse().unwrap());
    let forwarded = Forwarded::new(address, "http", true);
    let known = forwarded.for_host(&HeaderValue::from_static("a"));
    let said = |name: &HeaderName, value: &'static str| {
        let mut headers = HeaderMap::new();
        headers.insert(name, HeaderValue::from_static(value));
        forwarded.say(&known, &mut headers);
        headers[name].to_str().unwrap().to_owned()
    };
    let ours = "for=192.0.2.1;proto=http;host=a";
    for value in ["for=\"1.1.1.1", "for=1.1.1.1, \"", "for=\"a\\\""] {
        assert_eq!(said(&FORWARDED, value), ours, "{value}");
    }
    let good = "for=\"[::1]:\\\"8\"";
    assert_eq!(said(&FORWARDED, good), format!("{good}, {ours}"));
    assert_eq!(said(&X_FORWARDED_FOR, "1.1.1.1, \"evil"), "192.0.2.1");
    let good = "1.1.1.1, [::1]:8, unknown";
    assert_eq!(said(&X_FORWARDED_FOR, good), format!("{good}, 192.0.2.1"));
}
