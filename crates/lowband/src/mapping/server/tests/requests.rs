use super::*;
use crate::mapping::paths::PathError;
use crate::mapping::policy::Denied;
use crate::mapping::query::QueryError;
use crate::mapping::token::TokenError;
use crate::sync::{self, Action, Observation, Registration};
use crate::transcode::Reason;

#[test]
fn a_request_of_coap_is_one_of_http() {
    let mut gateway = Gateway::new();
    let sent = Sent::new(
        Code::PUT,
        "/9/!7mqP7DYBUOmwAweF:localhost/m.room.message/m1?user_id=@a:b",
    )
    .token("secret")
    .cbor(r#"{"msgtype":"m.text","body":"Hello World"}"#);
    let request = gateway.open(&sent).unwrap();
    assert_eq!(request.method, Method::PUT);
    assert_eq!(
        request.path_and_query(),
        "/_matrix/client/v3/rooms/!7mqP7DYBUOmwAweF:localhost/send/m.room.message/m1?user_id=@a:b"
    );
    assert_eq!(token_of(&request), Some("secret"));
    assert_eq!(
        request.body,
        br#"{"msgtype":"m.text","body":"Hello World"}"#
    );
    assert_eq!(request.kind, Kind::Other);
    assert_eq!(request.format, Format::Cbor(Keys::V1));
    let shown = format!("{request:?} {:?}", sent.request(gateway.now));
    assert!(
        !shown.contains("secret") && !shown.contains("Hello"),
        "{shown}"
    );
    assert!(!format!("{:?}", gateway.session).contains("secret"));
}

#[test]
fn tokens_in_the_query_are_tokens() {
    let mut gateway = Gateway::new();
    let request = gateway
        .open(&Sent::get("/7?access_token=secret&since=s1"))
        .unwrap();
    assert_eq!(token_of(&request), Some("secret"));
    assert_eq!(request.path_and_query(), "/_matrix/client/v3/sync?since=s1");
    // The option counts more.
    let both = Sent::get("/7?access_token=other").token("mine");
    assert_eq!(token_of(&gateway.open(&both).unwrap()), Some("mine"));
}

/// Clients written in Go say of a request whose token is in the query that it has none.
#[test]
fn a_token_in_the_query_counts_beside_an_empty_option() {
    let mut gateway = Gateway::new();
    let sent = Sent::get("/7?access_token=secret").token("");
    assert_eq!(token_of(&gateway.open(&sent).unwrap()), Some("secret"));
    // It holds for those who say nothing.
    assert_eq!(
        token_of(&gateway.open(&Sent::get(SYNC)).unwrap()),
        Some("secret")
    );
}

#[test]
fn a_token_in_a_query_that_is_refused_has_come_all_the_same() {
    let mut gateway = Gateway::new();
    let sent = Sent::get("/7?access_token=secret").option(OptionNumber::URI_QUERY, b"\xff");
    assert_eq!(gateway.refused(&sent), Refusal::Query(QueryError::Utf8));
    assert_eq!(
        token_of(&gateway.open(&Sent::get(SYNC)).unwrap()),
        Some("secret")
    );
}

/// They are often served by another server than the homeserver.
#[test]
fn well_known_documents_are_asked_for_without_a_token() {
    let mut gateway = Gateway::new();
    let sent = Sent::get("/.well-known/matrix/client").token("secret");
    assert_eq!(token_of(&gateway.open(&sent).unwrap()), None);
    // These say more to those who are known.
    assert_eq!(
        token_of(&gateway.open(&Sent::get(VERSIONS)).unwrap()),
        Some("secret")
    );
}

#[test]
fn a_sync_waits_for_five_minutes_at_most() {
    let mut gateway = Gateway::new();
    let long = "timeout=18446744073709551615";
    let sent = Sent::get(&format!("/7?since=s1&{long}&set_presence=offline")).token("a");
    let request = gateway.open(&sent).unwrap();
    let timeout = Duration::from_secs(300);
    assert_eq!(request.kind, Kind::Sync { timeout });
    assert_eq!(
        request.path_and_query(),
        "/_matrix/client/v3/sync?since=s1&timeout=300000&set_presence=offline"
    );
    let sent = Sent::new(Code::POST, &format!("/_matrix/client/v4/sync?{long}"));
    let request = gateway.open(&sent).unwrap();
    assert_eq!(request.kind, Kind::SlidingSync { timeout });
    assert_eq!(request.query.to_http(), "timeout=300000");
    // Elsewhere it has another meaning.
    let request = gateway.open(&Sent::get(&format!("/d?{long}"))).unwrap();
    assert_eq!(request.query.to_http(), long);
}

#[test]
fn polls_are_made_of_the_request_that_registers() {
    let mut gateway = Gateway::new();
    let sent = Sent::get("/7?since=s1&timeout=7&filter=1").token("secret");
    let request = gateway.open(&sent).unwrap();
    let mut observation = Observation::new(sync::Settings::default(), 1);
    let registration = Registration::from_query(request.query.items());
    observation.handle_register(gateway.now, registration);
    let Some(Action::Poll(poll)) = observation.poll_action() else {
        panic!("the homeserver is asked");
    };
    let asked = request.for_poll(&poll);
    assert_eq!(
        asked.path_and_query(),
        "/_matrix/client/v3/sync?since=s1&timeout=0&filter=1"
    );
    assert_eq!(
        (&asked.method, token_of(&asked)),
        (&Method::GET, Some("secret"))
    );
    assert_eq!((asked.format, asked.body.len()), (request.format, 0));
    let timeout = Duration::ZERO;
    assert_eq!(asked.kind, Kind::Sync { timeout });
}

#[test]
fn methods_that_coap_has() {
    let mut gateway = Gateway::new();
    for (code, method) in [
        (Code::GET, Method::GET),
        (Code::POST, Method::POST),
        (Code::PUT, Method::PUT),
        (Code::DELETE, Method::DELETE),
    ] {
        let sent = Sent::new(code, "/e/x").token("t");
        assert_eq!(gateway.open(&sent).unwrap().method, method);
    }
    for code in [Code::FETCH, Code::PATCH, Code::IPATCH, Code::new(0, 31)] {
        let refusal = gateway.refused(&Sent::new(code, SYNC));
        assert_eq!(refusal, Refusal::Method);
        assert_eq!(refusal.code(), Code::METHOD_NOT_ALLOWED);
    }
}

#[test]
fn refused_paths() {
    let mut gateway = Gateway::new();
    for (path, refusal, code, errcode) in [
        (
            "/9/!a:b",
            Refusal::Path(PathError::TooFewParameters),
            Code::NOT_FOUND,
            "M_UNRECOGNIZED",
        ),
        (
            "/L/..",
            Refusal::Path(PathError::Dots),
            Code::BAD_REQUEST,
            "M_INVALID_PARAM",
        ),
        (
            "/_synapse/admin/v1/x",
            Refusal::Denied(Denied::Outside),
            Code::NOT_FOUND,
            "M_UNRECOGNIZED",
        ),
        (
            "/_matrix/client/v3/admin/x",
            Refusal::Denied(Denied::Admin),
            Code::FORBIDDEN,
            "M_FORBIDDEN",
        ),
        (
            "/_matrix/media/v3/config",
            Refusal::Denied(Denied::Media),
            Code::FORBIDDEN,
            "M_FORBIDDEN",
        ),
        (
            "/AAA",
            Refusal::Denied(Denied::Outside),
            Code::NOT_FOUND,
            "M_UNRECOGNIZED",
        ),
        (
            "",
            Refusal::Denied(Denied::Outside),
            Code::NOT_FOUND,
            "M_UNRECOGNIZED",
        ),
    ] {
        let sent = Sent::get(path).token("t");
        assert_eq!(gateway.refused(&sent), refusal, "{path}");
        assert_eq!(
            (refusal.code(), refusal.errcode()),
            (code, errcode),
            "{path}"
        );
    }
}

#[test]
fn refused_queries_and_tokens() {
    let mut gateway = Gateway::new();
    let long = Sent::get(SYNC).option(OptionNumber::URI_QUERY, [b'a'; 4_097]);
    assert_eq!(
        gateway.refused(&long),
        Refusal::Query(QueryError::ItemTooLong)
    );
    let long = Sent::get(SYNC).option(OptionNumber::URI_QUERY, [b'a'; 4_096]);
    assert!(gateway.open(&long.token("t")).is_ok());
    for (token, error) in [
        (&b"a\r\nX-Evil: 1"[..], TokenError::Character),
        (b"a b", TokenError::Character),
        (b"\xff", TokenError::Character),
        (&[b'a'; 2_049], TokenError::TooLong),
    ] {
        let sent = Sent::get(SYNC).option(ACCESS_TOKEN, token);
        assert_eq!(gateway.refused(&sent), Refusal::Token(error));
    }
    let longest = Sent::get(SYNC).option(ACCESS_TOKEN, [b'a'; 2_048]);
    assert!(gateway.open(&longest).is_ok());
}

#[test]
fn options_that_say_nothing_here() {
    let mut gateway = Gateway::new();
    for (number, value) in [
        (OptionNumber::URI_HOST, &b"a.example"[..]),
        (OptionNumber::URI_PORT, b"\x1f\x48"),
        (OptionNumber::ECHO, b"x"),
        (OptionNumber::REQUEST_TAG, b"x"),
        (OptionNumber(2_048), b"x"),
    ] {
        let sent = Sent::get(VERSIONS).option(number, value);
        assert!(gateway.open(&sent).is_ok(), "{number}");
    }
}

#[test]
fn a_version_of_the_table_that_is_none() {
    let mut gateway = Gateway::new();
    let sent = Sent::get(VERSIONS);
    let long = sent.clone().option(TABLE_VERSION, [1; 9]);
    let twice = sent.uint(TABLE_VERSION, 1).uint(TABLE_VERSION, 1);
    for sent in [long, twice] {
        let refusal = gateway.refused(&sent);
        assert_eq!(refusal, Refusal::TableVersion);
        assert_eq!(refusal.code(), Code::BAD_OPTION);
    }
}

/// With the settings of the endpoint.
#[test]
fn what_the_endpoint_refuses_has_a_body_of_matrix() {
    use vestibule_coap::endpoint::Refusal as Endpoint;
    let mut config = Config::default();
    configure(&mut config);
    for (refusal, errcode) in [
        (Endpoint::BodyTooLarge, "M_TOO_LARGE"),
        (Endpoint::Method, "M_UNRECOGNIZED"),
        (Endpoint::BadOption(OptionNumber(9)), "M_UNKNOWN"),
        (Endpoint::Busy, "M_UNKNOWN"),
    ] {
        let explanation = (config.explain)(refusal);
        assert_eq!(explanation.format, Some(ContentFormat::CBOR));
        let expected = format!(r#"{{"errcode":"{errcode}","error":"{}"}}"#, refusal.text());
        assert_eq!(explanation.payload, cbor(&expected, Keys::None));
    }
    assert_eq!(config.understood, [TABLE_VERSION]);
}

#[test]
fn bodies_by_their_formats() {
    let mut gateway = Gateway::new();
    let sent = |payload: &[u8]| Sent::new(Code::POST, "/G").token("t").payload(payload);
    let json = br#"{"name":"x"}"#;
    let cbor = cbor(r#"{"name":"x"}"#, Keys::V1);
    for (content_format, payload, format) in [
        (Some(60), &cbor[..], Format::Cbor(Keys::V1)),
        (None, &cbor[..], Format::Cbor(Keys::V1)),
        (Some(50), json, Format::Json),
        (None, json, Format::Json),
    ] {
        let mut sent = sent(payload);
        if let Some(number) = content_format {
            sent = sent.uint(OptionNumber::CONTENT_FORMAT, number);
        }
        let request = gateway.open(&sent).unwrap();
        assert_eq!(request.body, json);
        assert_eq!(request.format, format);
    }
    for number in [0, 42, 65_535] {
        let refusal = gateway.refused(&sent(json).uint(OptionNumber::CONTENT_FORMAT, number));
        assert_eq!(refusal, Refusal::ContentFormat);
        assert_eq!(refusal.code(), Code::UNSUPPORTED_CONTENT_FORMAT);
    }
}

/// Clients written in Go say 42 of every body that is not there.
#[test]
fn no_body_has_no_format() {
    let mut gateway = Gateway::new();
    for number in [0, 42, 50, 60] {
        for code in [Code::GET, Code::POST] {
            let sent = Sent::new(code, "/n").uint(OptionNumber::CONTENT_FORMAT, number);
            let request = gateway.open(&sent.token("t")).unwrap();
            assert!(request.body.is_empty());
            assert_eq!(request.format, Format::Cbor(Keys::V1));
        }
    }
    // To GET no body means anything.
    let request = gateway.open(&Sent::get("/n").token("t").payload(b"\xff"));
    assert!(request.unwrap().body.is_empty());
}

#[test]
fn accept_decides_on_the_answer() {
    let mut gateway = Gateway::new();
    let sent = |accept| Sent::get(VERSIONS).uint(OptionNumber::ACCEPT, accept);
    assert_eq!(gateway.open(&sent(50)).unwrap().format, Format::Json);
    let format = gateway.open(&sent(60)).unwrap().format;
    assert_eq!(format, Format::Cbor(Keys::V1));
    for accept in [0, 40, 42, 65_535] {
        let refusal = gateway.refused(&sent(accept));
        assert_eq!(refusal, Refusal::Accept);
        assert_eq!(refusal.code(), Code::NOT_ACCEPTABLE);
    }
    // JSON in, CBOR out, if that is what is wanted.
    let sent = Sent::new(Code::POST, "/1")
        .payload(b"{}")
        .uint(OptionNumber::CONTENT_FORMAT, ContentFormat::JSON.0.into())
        .uint(OptionNumber::ACCEPT, 60);
    let format = gateway.open(&sent).unwrap().format;
    assert_eq!(format, Format::Cbor(Keys::V1));
}

#[test]
fn bodies_that_cannot_be_read() {
    let mut gateway = Gateway::new();
    let sent = |payload: &[u8]| Sent::new(Code::POST, "/G").token("t").payload(payload);
    for (payload, reason) in [
        // Six bytes that end the proxy written in Go.
        (&b"\xa1\x61\x61\x42hi"[..], Reason::ByteString),
        (b"\xa1", Reason::UnexpectedEnd),
        (b"\xa0\xa0", Reason::TrailingBytes),
    ] {
        let refusal = gateway.refused(&sent(payload));
        let Refusal::Body(error) = refusal else {
            panic!("{refusal}");
        };
        assert_eq!(error.reason, reason);
        assert_eq!(refusal.code(), Code::BAD_REQUEST);
        assert_eq!(refusal.errcode(), "M_NOT_JSON");
    }
    let claim = b"\xbb\0\0\0\x01\0\0\0\0";
    for payload in [&[0x81; 10_000][..], claim] {
        let refusal = gateway.refused(&sent(payload));
        assert_eq!(refusal.code(), Code::REQUEST_ENTITY_TOO_LARGE);
        assert_eq!(refusal.errcode(), "M_TOO_LARGE");
    }
}

#[test]
fn numbers_of_the_go_client_are_integers() {
    let mut gateway = Gateway::new();
    let payload = b"\xa1\x64slow\xfb\x3f\xf0\0\0\0\0\0\0";
    let sent = Sent::new(Code::POST, "/G").token("t").payload(payload);
    assert_eq!(gateway.open(&sent).unwrap().body, br#"{"slow":1}"#);
}
