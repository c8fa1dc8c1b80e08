use super::*;
use crate::mapping::paths;

fn kind_of(method: &Method, path: &str) -> Kind {
    let (path, query) = path.split_once('?').unwrap_or((path, ""));
    let path = paths::from_http(path).unwrap();
    let path: Vec<&str> = path.iter().map(AsRef::as_ref).collect();
    kind(method, &path, &Query::from_http(query).unwrap().0)
}

fn need_of(method: &Method, path: &str) -> Need {
    let path = paths::from_http(path).unwrap();
    let path: Vec<&str> = path.iter().map(AsRef::as_ref).collect();
    need(method, &path)
}

#[test]
fn syncs_are_one_resource() {
    for path in ["r0/sync", "v3/sync", "v3/sync/"] {
        let path = format!("/_matrix/client/{path}?timeout=30000");
        let timeout = Duration::from_secs(30);
        assert_eq!(kind_of(&Method::GET, &path), Kind::Sync { timeout });
        assert_eq!(kind_of(&Method::POST, &path), Kind::Other);
    }
    let timeout = Duration::ZERO;
    for query in ["", "?timeout=", "?timeout=-1", "?timeout=1.5"] {
        let path = format!("/_matrix/client/v3/sync{query}");
        assert_eq!(kind_of(&Method::GET, &path), Kind::Sync { timeout });
    }
    for path in ["v4/sync", "unstable/sync", "v3/sync/x"] {
        let path = format!("/_matrix/client/{path}");
        assert_eq!(kind_of(&Method::GET, &path), Kind::Other);
    }
}

#[test]
fn no_sync_waits_for_ever() {
    for (text, milliseconds) in [
        ("300000", 300_000),
        ("300001", 300_000),
        ("%2B9", 9),
        ("18446744073709551615", 300_000),
        ("99999999999999999999999", 300_000),
    ] {
        let timeout = Duration::from_millis(milliseconds);
        let path = format!("/_matrix/client/v3/sync?timeout={text}");
        assert_eq!(kind_of(&Method::GET, &path), Kind::Sync { timeout });
        let path = format!("/_matrix/client/v4/sync?timeout={text}");
        assert_eq!(kind_of(&Method::POST, &path), Kind::SlidingSync { timeout });
    }
}

#[test]
fn only_a_longer_timeout_is_limited() {
    for (query, limited) in [
        ("a=1&timeout=300000&b", "a=1&timeout=300000&b"),
        ("a=1&timeout=300001&b", "a=1&timeout=300000&b"),
        ("timeout=99999999999999999999999", "timeout=300000"),
        (
            "timeout=x&timeout=-1&timeout=",
            "timeout=x&timeout=-1&timeout=",
        ),
        ("timeout=1&timeout=300001", "timeout=1&timeout=300000"),
    ] {
        let (mut query, _) = Query::from_http(query).unwrap();
        limit_timeout(&mut query);
        assert_eq!(query.to_http(), limited);
    }
}

#[test]
fn sliding_syncs_wait_too() {
    let timeout = Duration::from_millis(1500);
    for path in ["v4/sync", "unstable/org.matrix.simplified_msc3575/sync"] {
        let path = format!("/_matrix/client/{path}?timeout=1500");
        assert_eq!(kind_of(&Method::POST, &path), Kind::SlidingSync { timeout });
        assert_eq!(kind_of(&Method::GET, &path), Kind::Other);
    }
}

#[test]
fn kinds_that_are_treated_in_their_own_way() {
    for (method, path, kind) in [
        (Method::GET, "/.well-known/matrix/client", Kind::WellKnown),
        (Method::GET, "/.well-known/matrix/server", Kind::Other),
        (Method::GET, "/_matrix/client/versions", Kind::Versions),
        (Method::POST, "/_matrix/client/r0/login", Kind::Login),
        (Method::POST, "/_matrix/client/v3/login", Kind::Login),
        (Method::GET, "/_matrix/client/v3/login", Kind::Other),
        (Method::POST, "/_matrix/client/v3/register", Kind::Register),
        (
            Method::GET,
            "/_matrix/client/v3/register/available",
            Kind::Other,
        ),
        (Method::POST, "/_matrix/client/v3/logout", Kind::Logout),
        (Method::POST, "/_matrix/client/v3/logout/all", Kind::Logout),
        (
            Method::PUT,
            "/_matrix/client/v3/rooms/!a:b/send/c/d",
            Kind::Other,
        ),
    ] {
        assert_eq!(kind_of(&method, path), kind, "{path}");
    }
}

#[test]
fn what_comes_before_there_is_a_token() {
    for path in [
        "/.well-known/matrix/client",
        "/_matrix/client/versions",
        "/_matrix/client/v3/login",
        "/_matrix/client/v3/login/sso/redirect",
        "/_matrix/client/v3/register/available",
        "/_matrix/client/v1/register/m.login.registration_token/validity",
        "/_matrix/client/v3/refresh",
        "/_matrix/client/v1/auth_metadata",
        "/_matrix/client/v3/account/password/email/requestToken",
    ] {
        assert_eq!(need_of(&Method::POST, path), Need::None, "{path}");
    }
}

#[test]
fn what_makes_no_sense_without_a_token() {
    for path in [
        "/_matrix/client/v3/sync",
        "/_matrix/client/v3/account/whoami",
        "/_matrix/client/v1/login/get_token",
        "/_matrix/client/r0/logout",
        "/_matrix/client/v3/rooms/!a:b/messages",
        "/_matrix/client/v3/pushrules/",
        "/_matrix/client/v3/publicRooms",
        "/_matrix/client/v3/profile/@a:b/displayname",
        "/_matrix/client/v3/keys/upload",
    ] {
        assert_eq!(need_of(&Method::POST, path), Need::Token, "{path}");
    }
}

#[test]
fn what_the_homeserver_decides() {
    for path in [
        "/_matrix/client/v3/publicRooms",
        "/_matrix/client/v3/profile/@a:b",
        "/_matrix/client/v3/directory/room/%23a:b",
        "/_matrix/client/unstable/org.example/thing",
        "/_matrix/client/v3/account/password",
        "/_matrix/client/v9/new",
        "/_synapse/client/x",
    ] {
        assert_eq!(need_of(&Method::GET, path), Need::Perhaps, "{path}");
    }
}
