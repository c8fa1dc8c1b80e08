//! Who wants what a gateway does not give.

use std::io::Write;

use vestibule_e2e::{answer, connect, field, request};

use super::{Gateway, Homeserver, body, homeserver, line};

/// Every one of these is refused, and nothing of it reaches the homeserver.
const REFUSED: &[(&str, u16)] = &[
    ("/", 404),
    ("/_synapse/admin/v1/users", 404),
    ("/%5fsynapse/admin/v1/users", 404),
    ("/_synapse%2Fadmin/v1/users", 404),
    ("//_synapse/admin/v1/users", 404),
    ("/_synapse//admin/v1/users", 404),
    ("/_matrix/federation/v1/version", 404),
    ("/_matrix%2ffederation/v1/version", 404),
    ("/_matrix/key/v2/server", 404),
    ("/_matrix/app/v1/users/a", 404),
    ("/_matrix//client/v3/sync", 404),
    ("/.well-known/matrix/server", 404),
    ("/_matrix/client/v3/admin/whois/@a:hs", 403),
    ("/_matrix/client/v3/%61dmin/whois/@a:hs", 403),
    ("/_matrix/client/v3//admin/whois/@a:hs", 403),
    ("/_matrix/client/r0/admin%2fwhois/@a:hs", 403),
    ("/_matrix/client/unstable/org.example/admin/x", 403),
    ("/_matrix/client/../../_synapse/admin/v1/x", 400),
    ("/_matrix/client/%2e%2e/%2e%2e/_synapse/admin/v1/x", 400),
    (
        "/_matrix/client/v3/rooms/..%2f..%2f..%2f_synapse/admin",
        400,
    ),
    ("/_matrix/media/..%5c../_synapse/admin", 400),
    ("/_synapse/client/..;/admin/v1/x", 400),
    ("/_matrix/client/./versions", 400),
    ("/_matrix/client/versions%00", 400),
    ("/_matrix/client/v3/a%0d%0aX-Forwarded-For:%206.6.6.6", 400),
    ("/_matrix/client/v3/%ff", 400),
    ("/_matrix/client/v3/%zz", 400),
];

#[test]
fn nothing_that_is_refused_reaches_the_homeserver() {
    let homeserver = Homeserver::saying("{}");
    let gateway = Gateway::before(&homeserver);
    for (target, status) in REFUSED {
        for method in ["GET", "PUT", "OPTIONS", "HEAD"] {
            let answer = gateway.ask(method, target, "Authorization: Bearer s3cret\r\n");
            assert_eq!(answer.status(), *status, "{method} {target}");
        }
        for version in ["--http1.1", "--http2-prior-knowledge"] {
            let format = [
                "--output",
                "/dev/null",
                "--write-out",
                "%{http_code}",
                version,
            ];
            assert_eq!(
                gateway.curl(target, &format),
                status.to_string(),
                "{target}"
            );
        }
    }
    assert!(homeserver.is_quiet_until(&gateway));
}

#[test]
fn refusals_are_errors_of_matrix() {
    let homeserver = Homeserver::saying("{}");
    let gateway = Gateway::before(&homeserver);
    for (target, status, errcode) in [
        ("/_synapse/admin/v1/users", 404, "M_UNRECOGNIZED"),
        ("/_matrix/client/v3/admin/whois/@a:hs", 403, "M_FORBIDDEN"),
        ("/_matrix/client/v3/../x", 400, "M_INVALID_PARAM"),
    ] {
        let mut answer = gateway.ask("GET", target, "Origin: https://app.example.org\r\n");
        assert_eq!(answer.status(), status);
        assert_eq!(answer.field("Content-Type"), Some("application/json"));
        assert_eq!(answer.field("Access-Control-Allow-Origin"), Some("*"));
        let body = body(&mut answer);
        let start = format!(r#"{{"errcode":"{errcode}","error":""#);
        assert!(body.starts_with(&start), "{body}");
    }
    let record = gateway.vestibule.record("a refusal", |record| {
        record.text("path") == "/_synapse/admin/v1/users"
    });
    record.assert(&[("end", "path_refused"), ("service", "lb/tcp")]);
}

#[test]
fn a_connection_survives_a_refusal() {
    let homeserver = Homeserver::saying("{}");
    let gateway = Gateway::before(&homeserver);
    let mut stream = connect(gateway.address());
    for target in ["/_synapse/admin/v1/users", "/_matrix/client/v3/sync"] {
        let head = format!("GET {target} HTTP/1.1\r\nHost: lb\r\n\r\n");
        stream.write_all(head.as_bytes()).expect("a connection");
        let mut got = answer(stream);
        assert_eq!(got.status() == 200, !target.contains("admin"));
        body(&mut got);
        stream = got.stream;
    }
}

#[test]
fn fragments_and_queries_change_no_path() {
    let homeserver = Homeserver::saying("{}");
    let gateway = Gateway::before(&homeserver);
    for (target, sent) in [
        (
            "/_matrix/client/v3/sync?/../../_synapse/admin",
            "/_matrix/client/v3/sync?/../../_synapse/admin",
        ),
        ("/_matrix/client/v3/sync??x", "/_matrix/client/v3/sync??x"),
        (
            "/_matrix/client/v3/sync%3Fx=y",
            "/_matrix/client/v3/sync%3Fx=y",
        ),
        (
            "/_matrix/client/v3/profile/%23x",
            "/_matrix/client/v3/profile/%23x",
        ),
        (
            "/_matrix/client/v3/event/%24a%2Fb",
            "/_matrix/client/v3/event/$a%2Fb",
        ),
        ("/%5Fmatrix/client/v3/%73ync", "/_matrix/client/v3/sync"),
    ] {
        assert_eq!(gateway.ask("GET", target, "").status(), 200, "{target}");
        let head = homeserver.head();
        assert_eq!(line(&head), format!("GET {sent} HTTP/1.1"));
    }
    // Either this is no target, or what follows `#` is none of it.
    let target = "/_matrix/client/v3/sync#/../../_synapse/admin";
    if gateway.ask("GET", target, "").status() == 200 {
        let head = homeserver.head();
        assert_eq!(line(&head), "GET /_matrix/client/v3/sync HTTP/1.1");
    }
}

#[test]
fn no_form_of_the_target_names_another_server() {
    let homeserver = Homeserver::saying("{}");
    let gateway = Gateway::before(&homeserver);
    let authority = homeserver.address().to_string();
    let absolute = |path: &str| format!("http://evil.example{path}");
    let answer = gateway.ask("GET", &absolute("/_matrix/client/v3/sync"), "");
    assert_eq!(answer.status(), 200);
    let head = homeserver.head();
    assert_eq!(line(&head), "GET /_matrix/client/v3/sync HTTP/1.1");
    assert_eq!(field(&head, "Host"), Some(&*authority));
    assert!(!head.contains("evil"), "{head}");

    for (method, target, status) in [
        ("GET", &*absolute("/_synapse/admin/v1/users"), 404),
        ("GET", &*absolute(""), 404),
        ("GET", "evil.example:80", 400),
        ("CONNECT", "evil.example:80", 405),
        ("OPTIONS", "*", 400),
        ("TRACE", "/_matrix/client/v3/sync", 405),
    ] {
        assert_eq!(gateway.ask(method, target, "").status(), status, "{target}");
    }
    assert!(homeserver.is_quiet_until(&gateway));
}

#[test]
fn redirections_are_not_followed() {
    let elsewhere = Homeserver::saying("secret");
    let target = elsewhere.address();
    let homeserver = Homeserver::start(move |_, stream| {
        let fields = format!("Location: http://{target}/x\r\n");
        super::write_answer(stream, "302 Found", &fields, "")
    });
    let gateway = Gateway::before(&homeserver);
    let answer = gateway.ask("GET", "/_matrix/client/v3/login/sso/redirect", "");
    assert_eq!(answer.status(), 302);
    let location = format!("http://{target}/x");
    assert_eq!(answer.field("Location"), Some(&*location));
    assert_eq!(elsewhere.accepted(), 0);
}

#[test]
fn redirections_to_the_homeserver_lead_to_the_gateway() {
    let homeserver = Homeserver::start(|_, stream| {
        let own = stream.local_addr().expect("an address");
        let fields =
            format!("Location: http://{own}/_matrix/media/v3/a?b#c\r\nAlt-Svc: h3=\":443\"\r\n");
        super::write_answer(stream, "307 Temporary Redirect", &fields, "")
    });
    let gateway = Gateway::before(&homeserver);
    let answer = gateway.ask("GET", "/_matrix/media/v3/download/a/b", "");
    assert_eq!(answer.status(), 307);
    let location = "http://lb.example.org/_matrix/media/v3/a?b#c";
    assert_eq!(answer.field("Location"), Some(location));
    assert_eq!(answer.field("Alt-Svc"), None);
}

#[test]
fn a_status_that_means_nothing_is_not_passed_on() {
    for status in ["600 What", "999 What"] {
        let homeserver = homeserver(status, "", "{\"secret\": true}");
        let gateway = Gateway::before(&homeserver);
        let mut answer = gateway.ask("GET", "/_matrix/client/v3/joined_rooms", "");
        assert_eq!(answer.status(), 502, "{status}");
        let body = body(&mut answer);
        assert!(
            body.contains("M_UNKNOWN") && !body.contains("secret"),
            "{body}"
        );
    }
}

#[test]
fn no_other_protocol_is_switched_to() {
    let homeserver = Homeserver::saying("{}");
    let gateway = Gateway::before(&homeserver);
    let fields = "Connection: upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
                  Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";
    let answer = gateway.ask("GET", "/_matrix/client/v3/sync", fields);
    assert_eq!(answer.status(), 200);
    let head = homeserver.head();
    assert_eq!(field(&head, "Upgrade"), None);
    assert_eq!(field(&head, "Connection"), None);

    // A homeserver that switches all the same.
    let homeserver = Homeserver::start(|_, stream| {
        let answer = b"HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n";
        stream.write_all(answer).is_ok()
    });
    let gateway = Gateway::before(&homeserver);
    let answer = gateway.ask("GET", "/_matrix/client/v3/sync", fields);
    assert_eq!(answer.status(), 502);
}

#[test]
fn what_breaks_http_breaks_nothing_here() {
    let homeserver = Homeserver::saying("{}");
    let gateway = Gateway::before(&homeserver);
    for head in [
        "POST /_matrix/client/v3/login HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "POST /_matrix/client/v3/login HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello!",
        "GET /_matrix/client/v3/sync HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
        "GET /_matrix/client/v3/sync HTTP/1.1\r\n\r\n",
        "GET /_matrix/client/v3/sync x HTTP/1.1\r\nHost: a\r\n\r\n",
    ] {
        assert_eq!(request(gateway.address(), head).status(), 400, "{head}");
    }
    assert!(homeserver.is_quiet_until(&gateway));
}
