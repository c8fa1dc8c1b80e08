use hyper::{Request, Response};
use vestibule_config::{ForwardedFor, LowBandwidth};

use super::*;

/// A request with `fields`, such as `host: a`.
fn request(version: Version, method: &str, target: &str, fields: &[&str]) -> request::Parts {
    let mut request = Request::builder()
        .version(version)
        .method(method)
        .uri(target);
    for field in fields {
        let (name, value) = field.split_once(": ").unwrap();
        request = request.header(name, value);
    }
    request.body(()).unwrap().into_parts().0
}

/// The target and the host that go on.
fn checked(version: Version, target: &str, fields: &[&str]) -> Result<(String, String), Invalid> {
    let mut parts = request(version, "GET", target, fields);
    let host = check(&mut parts)?;
    assert_eq!(parts.headers.get_all(HOST).iter().count(), 1);
    assert_eq!(parts.headers[HOST], host);
    Ok((parts.uri.to_string(), host.to_str().unwrap().to_owned()))
}

fn lines(headers: &HeaderMap) -> Vec<String> {
    let mut lines: Vec<String> = headers
        .iter()
        .map(|(name, value)| format!("{name}: {}", value.to_str().unwrap()))
        .collect();
    lines.sort();
    lines
}

/// The fields of a request that go on to a homeserver, without Host.
fn rewritten_for_homeserver(told: ForwardedFor, trusted: bool, fields: &[&str]) -> Vec<String> {
    let side = Side::new(&LowBandwidth {
        x_forwarded_for: told,
        ..crate::low_bandwidth::tcp::testing::config()
    });
    let mut parts = request(Version::HTTP_11, "GET", "/", fields);
    let address = "192.0.2.1".parse().ok();
    let forwarded = Forwarded::new(address, "https", trusted);
    let known = forwarded.for_host(side.public_host());
    let side = Some(&side);
    rewrite_request(&mut parts, false, false, &forwarded, &known, side);
    lines(&parts.headers)
}

/// The fields of a request that go on, without what we say of the client.
fn rewritten(version: Version, method: &str, fields: &[&str], has_body: bool) -> Vec<String> {
    let mut parts = request(version, method, "/", fields);
    let upgrade = asks_for_upgrade(&parts, has_body);
    let forwarded = Forwarded::new(None, "http", false);
    let known = forwarded.for_host(&HeaderValue::from_static("a"));
    rewrite_request(&mut parts, has_body, upgrade, &forwarded, &known, None);
    assert_eq!(parts.version, Version::HTTP_11);
    let ours = |line: &String| line.starts_with("x-forwarded") || line.starts_with("forwarded");
    lines(&parts.headers)
        .into_iter()
        .filter(|line| !ours(line))
        .collect()
}

#[test]
fn one_host_is_wanted() {
    let one = |target, fields| checked(Version::HTTP_11, target, fields);
    let good = |target: &str, host: &str| Ok((target.to_owned(), host.to_owned()));
    assert_eq!(one("/p?q", &["host: a:80"]), good("/p?q", "a:80"));
    assert_eq!(one("/", &[]), Err(Invalid::Host));
    assert_eq!(one("/", &["host: a", "host: a"]), Err(Invalid::Host));
    assert_eq!(checked(Version::HTTP_10, "/", &[]), good("/", ""));
}

#[test]
fn the_authority_of_the_target_wins() {
    let host = |version, fields| checked(version, "http://b:81/p?q", fields);
    let good = Ok(("/p?q".to_owned(), "b:81".to_owned()));
    assert_eq!(host(Version::HTTP_11, &["host: a"]), good);
    assert_eq!(host(Version::HTTP_2, &[]), good);
    assert_eq!(host(Version::HTTP_2, &["host: B:81"]), good);
    assert_eq!(host(Version::HTTP_2, &["host: a"]), Err(Invalid::Host));
    assert_eq!(host(Version::HTTP_11, &[]), Err(Invalid::Host));
}

#[test]
fn a_target_is_a_path() {
    let target = |target| checked(Version::HTTP_11, target, &["host: a"]).map(|(target, _)| target);
    assert_eq!(target("foo"), Err(Invalid::Target));
    assert_eq!(target("a:443"), Err(Invalid::Target));
    assert_eq!(target("*"), Err(Invalid::Target));
    let mut options = request(Version::HTTP_11, "OPTIONS", "*", &["host: a"]);
    assert!(check(&mut options).is_ok());
    assert_eq!(target("ftp://a/"), Err(Invalid::Target));
    assert_eq!(target("https://a/").as_deref(), Ok("/"));
    assert_eq!(target("/%2e%2e//x?").as_deref(), Ok("/%2e%2e//x?"));
    assert_eq!(target("http://a").as_deref(), Ok("/"));
}

#[test]
fn servers_switch_to_what_was_offered_only() {
    let offered = ["websocket, a/2", "b"].map(HeaderValue::from_static);
    let switches = |values: &[&'static str]| {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(UPGRADE, HeaderValue::from_static(value));
        }
        was_offered(&offered, &headers)
    };
    assert!(switches(&["WebSocket"]) && switches(&["b, a/2"]) && switches(&[]));
    assert!(!switches(&["other"]) && !switches(&["websocket", "a"]));
}

#[test]
fn nothing_comes_with_204() {
    let response = Response::builder().status(204);
    let response = response.header(CONTENT_LENGTH, 5).body(()).unwrap();
    let mut parts = response.into_parts().0;
    assert_eq!(rewrite_response(&mut parts, Some(0)), Ok(()));
    assert!(parts.headers.is_empty());
}

#[test]
fn methods_that_are_not_for_servers() {
    for method in ["CONNECT", "TRACE"] {
        let mut parts = request(Version::HTTP_11, method, "a:443", &["host: a:443"]);
        assert_eq!(check(&mut parts), Err(Invalid::Method));
    }
}

#[test]
fn bodies_have_one_length() {
    let fields = |fields: &[&str]| {
        let mut all = vec!["host: a"];
        all.extend_from_slice(fields);
        checked(Version::HTTP_11, "/", &all).err()
    };
    let coding = Some(Invalid::TransferEncoding);
    assert_eq!(fields(&["transfer-encoding: Chunked"]), None);
    assert_eq!(fields(&["transfer-encoding: gzip, chunked"]), coding);
    assert_eq!(fields(&["transfer-encoding: chunked, chunked"]), coding);
    assert_eq!(
        fields(&["transfer-encoding: chunked", "transfer-encoding: chunked"]),
        coding
    );
    assert_eq!(
        fields(&["content-length: 1", "content-length: 1"]),
        Some(Invalid::Length)
    );
}

#[test]
fn only_100_continue_is_expected() {
    let expecting = |what: &str| {
        let mut parts = request(Version::HTTP_11, "PUT", "/", &["host: a", what]);
        check(&mut parts).map(|_| parts.headers.contains_key(EXPECT))
    };
    assert_eq!(expecting("expect: 100-Continue"), Ok(false));
    assert_eq!(expecting("expect: more"), Err(Invalid::Expectation));
}

#[test]
fn hosts() {
    let host = |text: &str| {
        let value = HeaderValue::from_str(text).unwrap();
        parse_host(&value).map(|host| host.map(|host| host.to_string()))
    };
    let is = |text: &str| Ok(Some(text.to_owned()));
    assert_eq!(host("Example.ORG:8080"), is("example.org"));
    assert_eq!(host("192.0.2.1:"), is("192.0.2.1"));
    assert_eq!(host("[2001:DB8::1]:1"), is("2001:db8::1"));
    assert_eq!(host(""), Ok(None));
    for bad in [
        "a b",
        "a:b",
        "a:99999",
        "a:1:2",
        "[a]",
        "[::1",
        "[::1]x",
        "2001:db8::1",
        "a/b",
        "u@a",
    ] {
        assert_eq!(host(bad), Err(Invalid::Host), "{bad}");
    }
}

#[test]
fn what_is_for_one_hop_stays_there() {
    assert_eq!(
        rewritten(
            Version::HTTP_11,
            "GET",
            &[
                "accept: */*",
                "connection: close, X-Secret, host, content-length",
                "content-length: 3",
                "host: a",
                "keep-alive: timeout=5",
                "proxy-authorization: Basic eDp5",
                "proxy-connection: close",
                "upgrade: h2c",
                "x-secret: 1",
            ],
            true
        ),
        ["accept: */*", "content-length: 3", "host: a"]
    );
}

#[test]
fn what_connection_names_cannot_be_what_we_say() {
    let mut parts = request(
        Version::HTTP_11,
        "GET",
        "/",
        &["host: a", "connection: x-forwarded-for, forwarded"],
    );
    let forwarded = Forwarded::new("192.0.2.1".parse().ok(), "http", false);
    let known = forwarded.for_host(&HeaderValue::from_static("a"));
    rewrite_request(&mut parts, false, false, &forwarded, &known, None);
    assert_eq!(parts.headers["x-forwarded-for"], "192.0.2.1");
}

#[test]
fn bodies_without_a_length_are_chunked() {
    assert_eq!(
        rewritten(Version::HTTP_2, "GET", &["host: a"], true),
        ["host: a", "transfer-encoding: chunked"]
    );
    assert_eq!(
        rewritten(Version::HTTP_2, "POST", &["host: a"], false),
        ["content-length: 0", "host: a"]
    );
    assert_eq!(
        rewritten(
            Version::HTTP_11,
            "POST",
            &["host: a", "content-length: 5"],
            true
        ),
        ["content-length: 5", "host: a"]
    );
}

#[test]
fn cookies_become_one_field() {
    assert_eq!(
        rewritten(
            Version::HTTP_2,
            "GET",
            &["host: a", "cookie: a=1", "cookie: b=2"],
            false
        ),
        ["cookie: a=1; b=2", "host: a"]
    );
}

#[test]
fn trailers_are_asked_for_on() {
    assert_eq!(
        rewritten(
            Version::HTTP_11,
            "GET",
            &["host: a", "te: gzip, trailers"],
            false
        ),
        ["connection: te", "host: a", "te: trailers"]
    );
    assert_eq!(
        rewritten(Version::HTTP_11, "GET", &["host: a", "te: gzip"], false),
        ["host: a"]
    );
}

#[test]
fn upgrades() {
    let fields = [
        "connection: keep-alive, Upgrade",
        "host: a",
        "upgrade: websocket",
    ];
    let goes_on = ["connection: upgrade", "host: a", "upgrade: websocket"];
    assert_eq!(rewritten(Version::HTTP_11, "GET", &fields, false), goes_on);
    let stays = |version, fields: &[&str], has_body| {
        let parts = request(version, "GET", "/", fields);
        !asks_for_upgrade(&parts, has_body)
    };
    assert!(stays(Version::HTTP_11, &fields, true));
    assert!(stays(Version::HTTP_10, &fields, false));
    assert!(stays(Version::HTTP_11, &fields[1..], false));
    for protocol in [
        "upgrade: h2c",
        "upgrade: websocket, HTTP/2.0",
        "upgrade: TLS/1.0",
    ] {
        assert!(stays(
            Version::HTTP_11,
            &["connection: upgrade", protocol],
            false
        ));
    }
}

#[test]
fn responses() {
    let passed = |fields: &[&str], exact| {
        let mut response = Response::builder().version(Version::HTTP_10);
        for field in fields {
            let (name, value) = field.split_once(": ").unwrap();
            response = response.header(name, value);
        }
        let mut parts = response.body(()).unwrap().into_parts().0;
        rewrite_response(&mut parts, exact)?;
        assert_eq!(parts.version, Version::HTTP_11);
        Ok::<_, BadResponse>(lines(&parts.headers))
    };
    let one = passed(
        &[
            "connection: close, x-a",
            "x-a: 1",
            "keep-alive: 1",
            "content-length: 3",
            "upgrade: b",
        ],
        Some(3),
    );
    assert_eq!(one.unwrap(), ["content-length: 3"]);
    let lengths = &["content-length: 3", "content-length: 3"][..];
    assert_eq!(passed(lengths, Some(3)).unwrap(), ["content-length: 3"]);
    let list = &["content-length: 3, 3"][..];
    assert_eq!(passed(list, Some(3)).unwrap(), ["content-length: 3"]);
    let both = &["content-length: 3", "transfer-encoding: chunked"][..];
    assert!(passed(both, None).unwrap().is_empty());
    assert_eq!(
        passed(&["transfer-encoding: gzip, chunked"], None),
        Err(BadResponse)
    );
}

/// What clients and proxies say of where a request comes from, and something else.
const CLAIMS: &[&str] = &[
    "x-forwarded-for: 6.6.6.6",
    "x-forwarded-host: evil.example",
    "x-forwarded-proto: http",
    "x-forwarded-port: 666",
    "forwarded: for=6.6.6.6",
    "x-real-ip: 6.6.6.6",
    "x_real_ip: 6.6.6.6",
    "cf-connecting-ip: 6.6.6.6",
    "true-client-ip: 6.6.6.6",
    "x-client-ip: 6.6.6.6",
    "via: 1.1 evil",
    "x-hop: 1",
    "connection: x-hop, authorization",
    "keep-alive: timeout=5",
    "te: trailers",
    "upgrade: websocket",
    "proxy-authorization: Basic x",
    "cookie: a=b",
];

#[test]
fn homeservers_are_told_the_truth() {
    let said = [
        "connection: te",
        "cookie: a=b",
        "forwarded: for=192.0.2.1;proto=https;host=lb.example.org",
        "te: trailers",
        "x-forwarded-for: 192.0.2.1",
        "x-forwarded-host: lb.example.org",
        "x-forwarded-proto: https",
    ];
    let always = ForwardedFor::Always;
    assert_eq!(rewritten_for_homeserver(always, false, CLAIMS), said);
    let continued = [
        "connection: te",
        "cookie: a=b",
        "forwarded: for=6.6.6.6, for=192.0.2.1;proto=https;host=lb.example.org",
        "te: trailers",
        "x-forwarded-for: 6.6.6.6, 192.0.2.1",
        "x-forwarded-host: evil.example",
        "x-forwarded-proto: http",
    ];
    assert_eq!(rewritten_for_homeserver(always, true, CLAIMS), continued);
}

#[test]
fn homeservers_that_are_told_nothing_are_told_nothing() {
    let nothing = ["connection: te", "cookie: a=b", "te: trailers"];
    for trusted in [false, true] {
        let told = rewritten_for_homeserver(ForwardedFor::Never, trusted, CLAIMS);
        assert_eq!(told, nothing);
    }
}
