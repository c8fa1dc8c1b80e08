use hyper::Request;
use vestibule_config::LowBandwidth;
use vestibule_lowband::mapping::policy::{Denied, Policy};

use super::{
    super::testing::{config, side},
    *,
};

/// What the homeserver is asked for.
fn asked(side: &Side, method: &Method, target: &str) -> Result<String, Refusal> {
    let uri: Uri = target.parse().unwrap();
    side.admit(method, &uri)
        .map(|route| route.target.to_string())
}

fn get(target: &str) -> Result<String, Refusal> {
    asked(&side(), &Method::GET, target)
}

#[test]
fn what_clients_need_is_passed_on() {
    for target in [
        "/_matrix/client/versions",
        "/.well-known/matrix/client",
        "/_matrix/client/v3/sync?timeout=30000&since=s1",
        "/_matrix/client/r0/login/sso/redirect?redirectUrl=https://a.example/%3Fx%3Dy",
        "/_matrix/client/unstable/org.example/x",
        "/_matrix/media/v3/upload?filename=a.png",
        "/_matrix/media/r0/download/hs/id",
        "/_matrix/client/v1/media/thumbnail/hs/id?width=96&height=96",
        "/_synapse/client/oidc/callback?code=x&state=y",
        "/_matrix/client/v3/pushrules/",
        "/_matrix/client/v3/sync?",
    ] {
        assert_eq!(get(target).as_deref(), Ok(target));
    }
}

#[test]
fn what_is_sent_is_written_from_what_was_checked() {
    for (target, sent) in [
        ("/%5Fmatrix/client/versions", "/_matrix/client/versions"),
        ("/_matrix/client/%76ersions", "/_matrix/client/versions"),
        (
            "/_matrix/client/v3/rooms/%21a%3Ahs/event/%24b%2fc",
            "/_matrix/client/v3/rooms/!a:hs/event/$b%2Fc",
        ),
        (
            "/_matrix/client/v3/join/%23a:hs?via=b",
            "/_matrix/client/v3/join/%23a:hs?via=b",
        ),
        (
            "/_matrix/client/v3/profile/%25%3F%23",
            "/_matrix/client/v3/profile/%25%3F%23",
        ),
        (
            "/_matrix/client/v3/profile/%C3%BC",
            "/_matrix/client/v3/profile/%C3%BC",
        ),
        (
            "/_matrix/client/v3/profile/%252e%252e",
            "/_matrix/client/v3/profile/%252e%252e",
        ),
    ] {
        assert_eq!(get(target).as_deref(), Ok(sent), "{target}");
    }
}

#[test]
fn the_query_is_no_path() {
    for query in [
        "/../../_synapse/admin/v1/users",
        "?/_synapse/admin",
        "x=%2e%2e/%2e%2e/_synapse/admin",
        "a=b&a=b&&c",
        "server=%00%0d%0a",
    ] {
        let target = format!("/_matrix/client/versions?{query}");
        assert_eq!(get(&target), Ok(target.clone()));
    }
    // What follows it never leaves a client.
    assert_eq!(
        get("/_matrix/client/versions#/../../_synapse/admin").as_deref(),
        Ok("/_matrix/client/versions")
    );
}

#[test]
fn nothing_else_is_passed_on() {
    for target in [
        "/",
        "//",
        "/_matrix",
        "/_synapse/admin/v1/users",
        "/%5Fsynapse/%61dmin/v1/users",
        "/_synapse%2Fadmin/v1/users",
        "/_synapse%2Fclient/x",
        "/_synapse//client/x",
        "//_synapse/admin/v1/users",
        "/_synapse/clients",
        "/_synapse/metrics",
        "/_matrix/federation/v1/version",
        "/_matrix/federation/v1/send/1",
        "/_matrix/key/v2/server",
        "/_matrix/app/v1/transactions/1",
        "/_matrix%2Ffederation/v1/version",
        "/_matrix/client%2Fv3/sync",
        "//_matrix/client/versions",
        "/_matrix//client/v3/sync",
        "/_matrix/client//v3/sync",
        "/_dendrite/admin/x",
        "/.well-known/matrix/server",
        "/.well-known/acme-challenge/x",
        "/metrics",
        "/health",
    ] {
        let refused = Err(Refusal::Denied(Denied::Outside));
        assert_eq!(get(target), refused, "{target}");
    }
}

#[test]
fn what_is_for_administrators_is_not_passed_on() {
    for target in [
        "/_matrix/client/v3/admin/whois/@a:hs",
        "/_matrix/client/r0/%61dmin/whois/@a:hs",
        "/_matrix/client/v3//admin/whois/@a:hs",
        "/_matrix/client/v3/admin%2Fwhois/@a:hs",
        "/_matrix/client/unstable/org.example/admin/x",
        "/_matrix/client/v3/ADMIN/whois",
        "/_matrix/media/unstable/admin/purge/a/b",
    ] {
        let refused = Err(Refusal::Denied(Denied::Admin));
        assert_eq!(get(target), refused, "{target}");
    }
}

#[test]
fn paths_that_go_up_are_refused() {
    for target in [
        "/_matrix/client/../../_synapse/admin/v1/x",
        "/_matrix/client/v3/..",
        "/_matrix/client/v3/./sync",
        "/_matrix/client/%2e%2e/%2E%2e/_synapse/admin/v1/x",
        "/_matrix/client/.%2e/x",
        "/_matrix/client/v3/rooms/..%2F..%2Fadmin",
        "/_matrix/media/..%5c..%5c_synapse/admin",
        "/_synapse/client/../admin/v1/users",
        "/_synapse/client/..;/admin/v1/users",
        "/_synapse/client/%2e%2e;x=y/admin",
        "/./_matrix/client/versions",
    ] {
        let refused = Err(Refusal::Path(PathError::Dots));
        assert_eq!(get(target), refused, "{target}");
    }
}

#[test]
fn paths_that_are_none_are_refused() {
    let long = format!("/_matrix/client/v3/profile/{}", "a".repeat(1025));
    let many = "/a".repeat(17);
    for (target, error) in [
        ("/_matrix/client/v3/sync%00", PathError::Control),
        ("/_matrix/client/v3/a%0d%0aX:b", PathError::Control),
        ("/_matrix/client/v3/%7f", PathError::Control),
        ("/_matrix/client/v3/%C2%80", PathError::Control),
        ("/_matrix/client/v3/%", PathError::Escape),
        ("/_matrix/client/v3/%2", PathError::Escape),
        ("/_matrix/client/v3/%zz", PathError::Escape),
        ("/_matrix/client/v3/%ff", PathError::Escape),
        ("/_matrix/client/v3/%c0%ae", PathError::Escape),
        (&*long, PathError::SegmentTooLong),
        (&*many, PathError::TooManySegments),
        ("*", PathError::NotAbsolute),
    ] {
        assert_eq!(get(target), Err(Refusal::Path(error)), "{target}");
    }
}

#[test]
fn a_target_is_never_too_long_to_be_written() {
    let escaped = ["%F0%9F%98%80"; 250].concat();
    let target = format!(
        "/_matrix/client/v3/profile/{escaped}?{}",
        "q".repeat(60_000)
    );
    assert_eq!(get(&target), Ok(target.clone()));
    // `"` may stand there, and is longer when it is escaped.
    let quotes = "\"".repeat(1000);
    let target = format!("/_matrix/client/v3/{quotes}?{}", "q".repeat(64_000));
    assert_eq!(get(&target), Err(Refusal::Path(PathError::TooLong)));
}

#[test]
fn what_may_be_read_may_be_asked_about() {
    let side = side();
    let well_known = "/.well-known/matrix/client";
    for (method, is_good) in [
        (Method::GET, true),
        (Method::HEAD, true),
        (Method::OPTIONS, true),
        (Method::POST, false),
        (Method::PUT, false),
        (Method::DELETE, false),
    ] {
        let admitted = asked(&side, &method, well_known);
        assert_eq!(admitted.is_ok(), is_good, "{method}");
        let admin = asked(&side, &method, "/_synapse/admin/v1/users");
        assert!(admin.is_err(), "{method}");
    }
}

#[test]
fn the_operator_may_allow_more() {
    let policy = Policy::new().allow("/_matrix/client/v3/admin").unwrap();
    let side = Side::new(&LowBandwidth {
        policy: policy.allow("/_matrix/consent").unwrap(),
        ..config()
    });
    for (target, is_good) in [
        ("/_matrix/client/v3/admin/whois/@a:hs", true),
        ("/_matrix/consent?u=a", true),
        ("/_matrix/client/r0/admin/whois/@a:hs", false),
        ("/_synapse/client/x", true),
        ("/_matrix/media/v3/config", true),
    ] {
        let admitted = asked(&side, &Method::GET, target);
        assert_eq!(admitted.is_ok(), is_good, "{target}");
    }
}

/// The head that the homeserver gets.
fn addressed(method: Method, target: &str, fields: &[(&'static str, &str)]) -> request::Parts {
    let mut request = Request::builder().method(method).uri(target);
    for (name, value) in fields {
        request = request.header(*name, *value);
    }
    let mut parts = request.body(()).unwrap().into_parts().0;
    let side = side();
    let route = side.admit(&parts.method, &parts.uri).unwrap();
    side.address(route, &mut parts);
    parts
}

#[test]
fn the_host_is_the_homeserver() {
    let fields = [("host", "evil.example"), ("accept-encoding", "gzip")];
    let parts = addressed(Method::GET, "/_matrix/client/v3/%73ync?a=b", &fields);
    assert_eq!(parts.uri, "/_matrix/client/v3/sync?a=b");
    assert_eq!(parts.headers[HOST], "127.0.0.1:8008");
    assert_eq!(parts.headers.get_all(HOST).iter().count(), 1);
    assert_eq!(parts.headers[ACCEPT_ENCODING], "gzip");
}

#[test]
fn what_is_revised_is_asked_for_as_a_whole_and_plain() {
    let fields = [
        ("accept-encoding", "gzip"),
        ("accept-encoding", "br"),
        ("if-none-match", "\"x\""),
        ("if-match", "\"x\""),
        ("if-modified-since", "x"),
        ("if-unmodified-since", "x"),
        ("if-range", "\"x\""),
        ("range", "bytes=0-9"),
        ("accept", "*/*"),
    ];
    for (method, target) in [
        (Method::GET, "/.well-known/matrix/client"),
        (Method::HEAD, "/.well-known/matrix/client"),
        (Method::GET, "/_matrix/client/versions"),
        (Method::POST, "/_matrix/client/v3/login"),
        (Method::POST, "/_matrix/client/r0/register/?kind=guest"),
    ] {
        let parts = addressed(method, target, &fields);
        assert_eq!(parts.headers.len(), 3, "{target} {:?}", parts.headers);
        assert_eq!(parts.headers[ACCEPT_ENCODING], "identity");
    }
    let parts = addressed(Method::GET, "/_matrix/media/v3/download/a/b", &fields);
    assert_eq!(parts.headers.len(), fields.len() + 1);
}

#[test]
fn only_proxies_that_are_trusted_say_who_the_client_is() {
    for name in [
        "forwarded",
        "x-forwarded-for",
        "x-forwarded-host",
        "x-forwarded-proto",
    ] {
        assert!(is_removed(name, true, false), "{name}");
        assert!(!is_removed(name, true, true), "{name}");
    }
    for name in ["x-real-ip", "cf-connecting-ip", "x-forwarded-port"] {
        assert!(is_removed(name, true, true), "{name}");
    }
    assert!(is_removed("via", false, true));
    assert!(!is_removed("authorization", false, false));
}
