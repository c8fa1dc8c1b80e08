use super::*;

/// The whole table, both ways: the status, its code, and what the code becomes again.
#[test]
fn the_table() {
    for (status, code, back) in [
        (200, Code::CONTENT, 200),
        (201, Code::CREATED, 201),
        (202, Code::CHANGED, 200),
        (203, Code::CONTENT, 200),
        (204, Code::CHANGED, 200),
        (301, Code::BAD_GATEWAY, 502),
        (302, Code::BAD_GATEWAY, 502),
        (304, Code::BAD_GATEWAY, 502),
        (400, Code::BAD_REQUEST, 400),
        (401, Code::UNAUTHORIZED, 401),
        (402, Code::BAD_REQUEST, 400),
        (403, Code::FORBIDDEN, 403),
        (404, Code::NOT_FOUND, 404),
        (405, Code::METHOD_NOT_ALLOWED, 405),
        (406, Code::NOT_ACCEPTABLE, 406),
        (408, Code::BAD_REQUEST, 400),
        (409, Code::CONFLICT, 409),
        (410, Code::NOT_FOUND, 404),
        (412, Code::PRECONDITION_FAILED, 412),
        (413, Code::REQUEST_ENTITY_TOO_LARGE, 413),
        (415, Code::UNSUPPORTED_CONTENT_FORMAT, 415),
        (418, Code::BAD_REQUEST, 400),
        (422, Code::UNPROCESSABLE_ENTITY, 422),
        (429, Code::TOO_MANY_REQUESTS, 429),
        (500, Code::INTERNAL_SERVER_ERROR, 500),
        (501, Code::NOT_IMPLEMENTED, 501),
        (502, Code::BAD_GATEWAY, 502),
        (503, Code::SERVICE_UNAVAILABLE, 503),
        (504, Code::GATEWAY_TIMEOUT, 504),
        (505, Code::INTERNAL_SERVER_ERROR, 500),
        (520, Code::INTERNAL_SERVER_ERROR, 500),
        (600, Code::BAD_GATEWAY, 502),
        (999, Code::BAD_GATEWAY, 502),
    ] {
        let status = StatusCode::from_u16(status).unwrap();
        assert_eq!(to_coap(status), code, "{status}");
        assert_eq!(to_http(code).as_u16(), back, "{code}");
    }
}

#[test]
fn codes_that_only_others_send() {
    for (code, status) in [
        (Code::EMPTY, 502),
        (Code::DELETED, 200),
        (Code::VALID, 304),
        (Code::CONTINUE, 502),
        (Code::BAD_OPTION, 400),
        (Code::REQUEST_ENTITY_INCOMPLETE, 408),
        (Code::PROXYING_NOT_SUPPORTED, 502),
        (Code::new(2, 17), 502),
        (Code::new(4, 30), 502),
        (Code::new(7, 1), 502),
        (Code::GET, 502),
    ] {
        assert_eq!(to_http(code).as_u16(), status, "{code}");
    }
}

/// The proxy written in Go sends 0.00 for most of them.
#[test]
fn every_status_has_a_response_code() {
    for status in 100..1_000 {
        let status = StatusCode::from_u16(status).unwrap();
        let code = to_coap(status);
        assert!(code.is_response(), "{status}");
        let back = to_http(code);
        assert_eq!(back.is_success(), status.is_success(), "{status}");
    }
}

#[test]
fn when_to_ask_again() {
    let limited = StatusCode::TOO_MANY_REQUESTS;
    let body = |ms: &str| format!(r#"{{"errcode":"M_LIMIT_EXCEEDED","retry_after_ms":{ms}}}"#);
    for (ms, seconds) in [
        ("0", 0),
        ("1", 1),
        ("1000", 1),
        ("1001", 2),
        ("5000000000000", u32::MAX),
    ] {
        let age = max_age(limited, None, body(ms).as_bytes());
        assert_eq!(age, Some(seconds), "{ms}");
    }
    assert_eq!(
        max_age(limited, Some("9"), body("2000").as_bytes()),
        Some(2)
    );
    assert_eq!(max_age(limited, Some(" 9 "), b"{}"), Some(9));
    for ms in ["-1", "null", "\"1\"", "1.5"] {
        assert_eq!(max_age(limited, None, body(ms).as_bytes()), None, "{ms}");
    }
    let unavailable = StatusCode::SERVICE_UNAVAILABLE;
    assert_eq!(max_age(unavailable, Some("30"), b"<html>"), Some(30));
    for date in ["Fri, 31 Dec 1999 23:59:59 GMT", "", "-1", "1e3"] {
        assert_eq!(max_age(unavailable, Some(date), b""), None, "{date}");
    }
    assert_eq!(
        max_age(StatusCode::OK, Some("30"), &body("1").into_bytes()),
        None
    );
}

#[test]
fn error_codes_of_matrix() {
    let body = br#"{"error":"x","errcode":"M_UNKNOWN_TOKEN","soft_logout":true}"#;
    assert!(has_errcode(body, "M_UNKNOWN_TOKEN"));
    assert!(!has_errcode(body, "M_MISSING_TOKEN"));
    assert!(has_errcode(br#"{"errcode":"M_\u0055NKNOWN"}"#, "M_UNKNOWN"));
    for body in [&b""[..], b"{}", b"[]", b"<html>", br#"{"errcode":1}"#] {
        assert!(!has_errcode(body, "M_UNKNOWN_TOKEN"));
    }
}
