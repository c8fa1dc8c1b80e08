//! Clients written in Go end at a body that is empty, or that begins as a byte string of CBOR does,
//! as any text that begins with `F` would.

use serde_json::json;
use vestibule_coap::{Code, OptionNumber};
use vestibule_e2e::lowband::{LowbandGateway, Reply, StubHomeserver};

use super::TOKEN_BEHIND_FORMAT;

#[test]
fn every_answer_of_the_homeserver_is_a_map() {
    let homeserver = StubHomeserver::start(|asked| {
        let status = asked.path().rsplit('/').next()?;
        let error = || json!({"errcode": "M_TEST", "error": "F"});
        Some(match status {
            "empty" => Reply::of(200, "application/json", ""),
            "html" => Reply::of(200, "text/html", "Forbidden by F"),
            "502" => Reply::of(502, "text/html", "<html>F</html>"),
            "403" => Reply::of(403, "text/plain", "F"),
            "404" => Reply::of(404, "application/json", ""),
            "429" => Reply::json(
                429,
                &json!({"errcode": "M_LIMIT_EXCEEDED", "error": "F", "retry_after_ms": 1500}),
            ),
            other => Reply::json(other.parse().ok()?, &error()),
        })
    });
    let gateway = LowbandGateway::before(homeserver.address());
    let mut client = gateway.script();
    for (at, (path, code, errcode)) in [
        ("empty", Code::CONTENT, None),
        ("html", Code::BAD_GATEWAY, Some("M_UNKNOWN")),
        ("502", Code::BAD_GATEWAY, Some("M_UNKNOWN")),
        ("403", Code::FORBIDDEN, Some("M_UNKNOWN")),
        ("404", Code::NOT_FOUND, None),
        ("400", Code::BAD_REQUEST, Some("M_TEST")),
        ("405", Code::METHOD_NOT_ALLOWED, Some("M_TEST")),
        ("409", Code::CONFLICT, Some("M_TEST")),
        ("413", Code::REQUEST_ENTITY_TOO_LARGE, Some("M_TEST")),
        ("429", Code::TOO_MANY_REQUESTS, Some("M_LIMIT_EXCEEDED")),
        ("500", Code::INTERNAL_SERVER_ERROR, Some("M_TEST")),
        ("504", Code::GATEWAY_TIMEOUT, Some("M_TEST")),
        ("401", Code::UNAUTHORIZED, Some("M_TEST")),
    ]
    .into_iter()
    .enumerate()
    {
        let length = path.len();
        let answer = client.asks(&format!(
            r#"41 01 02{at:02x} 01 b7 "_matrix" 06 "client" 02 "v3" 0{length} "{path}"
            11 2a {TOKEN_BEHIND_FORMAT}"#
        ));
        assert_eq!(answer.header.code, code, "{path}: {answer:?}");
        let map = answer.map();
        assert_eq!(map["errcode"].as_str(), errcode, "{path}: {map}");
        let max_age = answer.options.uint(OptionNumber::MAX_AGE);
        assert_eq!(max_age, (path == "429").then_some(2), "{path}");
    }
}

/// What the gateway answers itself: refusals of requests, and of messages.
#[test]
fn every_refusal_is_a_map() {
    let homeserver = StubHomeserver::saying(json!({}));
    let gateway = LowbandGateway::before(homeserver.address());
    let mut client = gateway.script();
    for (request, code) in [
        // A path that is not there, and one that is forbidden.
        (r#"41 01 0301 01 b3 "AAA" 11 2a"#, Code::NOT_FOUND),
        (
            r#"41 01 0302 01 b8 "_synapse" 05 "admin" 02 "v1""#,
            Code::NOT_FOUND,
        ),
        // Too few parameters: the Go proxy asks for `{roomId}`.
        (r#"41 01 0303 01 b1 "B" 11 2a"#, Code::NOT_FOUND),
        // FETCH.
        (r#"41 05 0304 01 b1 "7""#, Code::METHOD_NOT_ALLOWED),
        // A byte string, which ends the Go proxy, and nothing that is CBOR.
        (
            r#"41 02 0305 01 b1 "1" 11 3c ff a1 61 "a" 42 "hi""#,
            Code::BAD_REQUEST,
        ),
        (r#"41 02 0306 01 b1 "1" 11 3c ff ff"#, Code::BAD_REQUEST),
        // An option that is critical and unknown.
        (r#"41 01 0307 01 b1 "0" e0 fe09"#, Code::BAD_OPTION),
        // Proxy-Uri, and an Accept that is neither CBOR nor JSON.
        (
            r#"41 01 0308 01 b1 "0" d3 0b "a:/""#,
            Code::PROXYING_NOT_SUPPORTED,
        ),
        (r#"41 01 0309 01 b1 "0" 60"#, Code::NOT_ACCEPTABLE),
        // A body of a format that nobody knows.
        (
            r#"41 02 030a 01 b1 "1" 11 29 ff a0"#,
            Code::UNSUPPORTED_CONTENT_FORMAT,
        ),
        // A block of a reserved size.
        (r#"41 01 030b 01 b1 "0" c1 07"#, Code::BAD_REQUEST),
        // A later block of an upload that never began.
        (
            r#"41 02 030c 01 b1 "h" 11 3c d102 16 ff a0"#,
            Code::REQUEST_ENTITY_INCOMPLETE,
        ),
    ] {
        let answer = client.asks(request);
        assert_eq!(answer.header.code, code, "{request}: {answer:?}");
        answer.map();
    }
    assert!(homeserver.asked().is_empty());
}
