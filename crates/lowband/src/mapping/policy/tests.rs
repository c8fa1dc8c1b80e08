use super::*;

fn check(policy: &Policy, path: &str) -> Result<(), Denied> {
    let path = paths::from_http(path).unwrap();
    let path: Vec<&str> = path.iter().map(AsRef::as_ref).collect();
    policy.check(&Method::GET, &path)
}

#[test]
fn the_client_server_api_is_allowed() {
    for path in [
        "/_matrix/client/versions",
        "/_matrix/client/r0/sync",
        "/_matrix/client/v3/rooms/admin/send/media/x",
        "/_matrix/client/v1/rooms/!a:b/hierarchy",
        "/_matrix/client/v4/sync",
        "/_matrix/client/unstable/org.example/x",
        "/.well-known/matrix/client",
    ] {
        assert_eq!(check(&Policy::new(), path), Ok(()), "{path}");
    }
}

#[test]
fn everything_else_is_denied() {
    for path in [
        "/",
        "/7",
        "/AAA",
        "/_matrix",
        "/_matrix/client",
        "/_matrix/client/",
        "/_matrix/client/api/v1/sync",
        "/_matrix/client/v/sync",
        "/_matrix/client/v3x/sync",
        "/_matrix/client/versions/x",
        "/_matrix//client/v3/sync",
        "/_matrix/client%2Fv3/sync",
        "/_matrix%2Fclient%2Fv3%2Fsync",
        "/x/_matrix/client/v3/sync",
        "/_matrix/federation/v1/version",
        "/_matrix/key/v2/server",
        "/_matrix/app/v1/users/@a:b",
        "/_matrix/identity/v2",
        "/_synapse/admin/v1/users",
        "/_synapse/client/x",
        "/_dendrite/admin/x",
        "/.well-known/matrix/server",
        "/.well-known/matrix/client/x",
        "/metrics",
    ] {
        assert_eq!(check(&Policy::new(), path), Err(Denied::Outside), "{path}");
    }
}

#[test]
fn the_well_known_is_only_read() {
    let path = [".well-known", "matrix", "client"];
    let check = Policy::new().check(&Method::PUT, &path);
    assert_eq!(check, Err(Denied::Outside));
}

/// Also for servers that see slashes where there are none.
#[test]
fn administrators_use_http() {
    for path in [
        "/_matrix/client/v3/admin/whois/@a:b",
        "/_matrix/client/r0/admin/whois/@a:b",
        "/_matrix/client/v1/admin",
        "/_matrix/client/unstable/admin/x",
        "/_matrix/client/unstable/uk.half-shot.msc2666/admin/x",
        "/_matrix/client/v3//admin/whois/@a:b",
        "/_matrix/client/v3/%2Fadmin/whois/@a:b",
        "/_matrix/client/v3/admin%2Fwhois/@a:b",
        "/_matrix/client/v3/ADMIN/whois/@a:b",
    ] {
        assert_eq!(check(&Policy::new(), path), Err(Denied::Admin), "{path}");
    }
}

#[test]
fn media_use_http_unless_enabled() {
    for path in [
        "/_matrix/media/v3/download/a/b",
        "/_matrix/client/v1/media/download/a/b",
        "/_matrix/client/unstable/org.matrix.msc3916/media/download/a/b",
    ] {
        assert_eq!(check(&Policy::new(), path), Err(Denied::Media), "{path}");
        let policy = Policy::new().with_media();
        assert_eq!(check(&policy, path), Ok(()), "{path}");
    }
}

#[test]
fn what_is_allowed_counts_more() {
    let policy = Policy::new().allow("/_synapse/client/").unwrap();
    let policy = policy.allow("/_matrix/client/v3/admin/whois").unwrap();
    for (path, allowed) in [
        ("/_synapse/client/x", true),
        ("/_synapse/client", true),
        ("/_synapse/clients", false),
        ("/_synapse/admin/v1/users", false),
        ("/_synapse%2Fclient/x", false),
        ("/_matrix/client/v3/admin/whois/@a:b", true),
        ("/_matrix/client/v3/admin/other", false),
    ] {
        assert_eq!(check(&policy, path).is_ok(), allowed, "{path}");
    }
}

#[test]
fn not_everything_can_be_allowed_at_once() {
    for path in ["", "/", "//", "_synapse"] {
        let error = Policy::new().allow(path).err();
        assert_eq!(error, Some(PathError::NotAbsolute), "{path}");
    }
    assert_eq!(Policy::new().allow("/a/..").err(), Some(PathError::Dots));
}

/// Some repositories of media have paths of their own for administrators.
#[test]
fn administrators_of_media_use_another_way() {
    let policy = Policy::new().with_media();
    for path in [
        "/_matrix/media/r0/admin/purge/a/b",
        "/_matrix/media/unstable/admin/quarantine/a/b",
        "/_matrix/media/v3//Admin/x",
        "/_matrix/media/v3/admin%2Fx",
    ] {
        assert_eq!(check(&policy, path), Err(Denied::Admin), "{path}");
    }
    for path in [
        "/_matrix/media",
        "/_matrix/media/admin/x",
        "/_matrix/media//v3/upload",
    ] {
        assert_eq!(check(&policy, path), Err(Denied::Outside), "{path}");
    }
    for path in [
        "/_matrix/media/v3/upload",
        "/_matrix/media/r0/download/a.example/admin",
        "/_matrix/media/unstable/org.example/x",
        "/_matrix/media/v1/create",
    ] {
        assert_eq!(check(&policy, path), Ok(()), "{path}");
    }
}
