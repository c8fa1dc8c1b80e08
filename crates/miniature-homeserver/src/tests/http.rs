use std::{
    io::{Read, Write},
    net::TcpStream,
    sync::Arc,
};

use super::{Client, refused, start};
use crate::{Homeserver, Io, Options, Protocol};

#[test]
fn unknown_paths_and_methods_are_refused() {
    let homeserver = start();
    let client = Client::new(&homeserver, "alice");
    for path in [
        "/",
        "/_matrix",
        "/_matrix/client/v3",
        "/_matrix/client/v3/nothing",
        "/_matrix/client/v9/sync",
        "/_matrix/client/v3/rooms/x",
        "//_matrix/client/versions",
    ] {
        let refusal = client.ask("GET", path, "").refusal();
        assert_eq!(refusal, refused(404, "M_UNRECOGNIZED"), "{path}");
    }
    let wrong = client.ask("DELETE", "/_matrix/client/v3/sync", "");
    assert_eq!(wrong.refusal(), refused(405, "M_UNRECOGNIZED"));
    let bad = client.ask("GET", "/_matrix/client/v3/profile/%ff", "");
    assert_eq!(bad.refusal(), refused(400, "M_INVALID_PARAM"));
}

#[test]
fn bodies_must_be_objects() {
    let homeserver = start();
    let client = Client::new(&homeserver, "alice");
    let post = |body| {
        client
            .ask("POST", "/_matrix/client/r0/createRoom", body)
            .refusal()
    };
    assert_eq!(post("{"), refused(400, "M_NOT_JSON"));
    assert_eq!(post("[]"), refused(400, "M_BAD_JSON"));
    assert_eq!(post(&"[".repeat(100_000)), refused(400, "M_NOT_JSON"));
}

#[test]
fn leaks_are_answered() {
    let homeserver = start();
    let client = Client::anonymous(&homeserver);
    for path in [
        "/_synapse/admin/v1/users",
        "/_synapse/client/pick",
        "/_matrix/federation/v1/version",
    ] {
        assert_eq!(client.ask("GET", path, "").fine()["leaked"], true);
    }
}

#[test]
fn browsers_may_ask() {
    let homeserver = start();
    let client = Client::anonymous(&homeserver);
    let preflight = client.ask("OPTIONS", "/_matrix/client/v3/sync", "");
    assert_eq!(preflight.status, 204);
    for answered in [preflight, client.ask("GET", "/", "")] {
        assert!(answered.head.contains("access-control-allow-origin: *"));
        assert!(answered.head.contains("access-control-allow-headers"));
    }
}

#[test]
fn the_journal_keeps_the_last_requests() {
    let homeserver = Homeserver::start(Options {
        journal: 2,
        ..Options::default()
    })
    .unwrap();
    let alice = Client::new(&homeserver, "alice");
    for path in ["/a", "/b?x=%20y", "/c"] {
        alice.ask("PUT", path, "{}");
    }
    let journal = homeserver.journal();
    assert_eq!(journal.len(), 2);
    assert_eq!(journal[0].path_and_query(), "/b?x=%20y");
    assert_eq!(journal[0].header("host"), Some("test"));
    assert_eq!(journal[0].header("x-forwarded-for"), None);
    assert_eq!(journal[0].token(), alice.token.as_deref());
    assert_eq!(journal[1].method, "PUT");
    assert!(!format!("{journal:?}").contains("%20y"));
    assert!(!format!("{journal:?}").contains(alice.token.as_deref().unwrap()));
    assert_eq!(homeserver.requests(), 3);
    assert_eq!(homeserver.accepted(), 3);
    homeserver.clear_journal();
    assert!(homeserver.journal().is_empty());

    let homeserver = Homeserver::start(Options {
        journal: 0,
        ..Options::default()
    })
    .unwrap();
    Client::anonymous(&homeserver).ask("GET", "/", "");
    assert!(homeserver.journal().is_empty());
}

#[test]
fn media_come_back_as_they_were() {
    let homeserver = start();
    let alice = Client::new(&homeserver, "alice");
    let uploaded = alice.ask("POST", "/_matrix/media/v3/upload?filename=x", "bytes");
    let uri = uploaded.fine()["content_uri"].as_str().unwrap().to_owned();
    let name = uri.strip_prefix("mxc://").unwrap();
    for path in ["/_matrix/client/v1/media", "/_matrix/media/v3"] {
        let media = alice.ask("GET", &format!("{path}/download/{name}"), "");
        assert_eq!((media.status, media.body.as_slice()), (200, &b"bytes"[..]));
        assert!(
            media
                .head
                .contains("content-type: application/octet-stream")
        );
        alice.ask("GET", &format!("{path}/config"), "").fine();
    }
    let path = format!("/_matrix/client/v1/media/download/{name}");
    let stranger = Client::anonymous(&homeserver).ask("GET", &path, "");
    assert_eq!(stranger.refusal(), refused(401, "M_MISSING_TOKEN"));
    let none = alice.ask("GET", "/_matrix/client/v1/media/download/hs.example/x", "");
    assert_eq!(none.refusal(), refused(404, "M_NOT_FOUND"));
}

#[test]
fn connections_are_kept() {
    let homeserver = start();
    let mut stream = TcpStream::connect(homeserver.address()).unwrap();
    for _ in 0..3 {
        stream
            .write_all(b"OPTIONS / HTTP/1.1\r\nHost: test\r\n\r\n")
            .unwrap();
        let mut head = [0; 1024];
        let read = stream.read(&mut head).unwrap();
        assert!(head[..read].starts_with(b"HTTP/1.1 204"));
    }
    assert_eq!((homeserver.accepted(), homeserver.requests()), (1, 3));
    assert_eq!(homeserver.connections(), 1);
}

/// The client's preface and SETTINGS, and the same of the server.
#[test]
fn http_2_is_spoken_where_the_caller_says_so() {
    const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0";
    let by_option = Homeserver::start(Options {
        protocol: Protocol::Http2,
        ..Options::default()
    });
    let by_caller = Homeserver::start(Options {
        accept: Some(Arc::new(|stream| {
            Box::pin(async move { Ok((Box::new(stream) as Box<dyn Io>, Protocol::Http2)) })
        })),
        ..Options::default()
    });
    for homeserver in [by_option.unwrap(), by_caller.unwrap()] {
        let mut stream = TcpStream::connect(homeserver.address()).unwrap();
        stream.write_all(PREFACE).unwrap();
        let mut frame = [0; 9];
        stream.read_exact(&mut frame).unwrap();
        assert_eq!(frame[3], 4, "the type of SETTINGS");
    }
}
