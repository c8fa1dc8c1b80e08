use super::*;
use crate::mapping::discovery;

#[test]
fn a_request_of_http_is_one_of_coap() {
    let mut companion = Companion::new();
    let target = "/_matrix/client/v3/rooms/!7mqP7DYBUOmwAweF%3Alocalhost/send/m.room.message/m1?user_id=%40a%3Ab&ts=1";
    let json = r#"{"msgtype":"m.text","body":"Hello World"}"#;
    let sent = Sent::new(Method::PUT, target).token("secret").body(json);
    let request = companion.open(&sent).unwrap();
    assert_eq!(request.code, Code::PUT);
    let path = ["9", "!7mqP7DYBUOmwAweF:localhost", "m.room.message", "m1"];
    assert_eq!(texts(&request, OptionNumber::URI_PATH), path);
    assert_eq!(
        texts(&request, OptionNumber::URI_QUERY),
        ["user_id=@a:b", "ts=1"]
    );
    assert_eq!(request.options.uint(OptionNumber::CONTENT_FORMAT), Some(60));
    assert_eq!(said(&request), Some("secret"));
    assert_eq!(request.options.uint(TABLE_VERSION), Some(1));
    let mut back = Vec::new();
    cbor_to_json(&request.payload, Keys::V1, &Limits::REQUEST, &mut back).unwrap();
    assert_eq!(back, json.as_bytes());
    let shown = format!("{request:?}");
    assert!(
        !shown.contains("secret") && !shown.contains("Hello"),
        "{shown}"
    );
    assert!(!format!("{:?}", companion.session).contains("secret"));
}

#[test]
fn a_request_without_a_body_has_no_format() {
    let mut companion = Companion::new();
    let request = companion
        .open(&Sent::get("/_matrix/client/versions"))
        .unwrap();
    assert_eq!(texts(&request, OptionNumber::URI_PATH), ["0"]);
    assert_eq!(request.options.first(OptionNumber::CONTENT_FORMAT), None);
    assert!(request.payload.is_empty());
}

#[test]
fn tokens_in_the_query_are_lifted_out() {
    let mut companion = Companion::new();
    let sent = Sent::get("/_matrix/client/v3/sync?access_token=a&since=s1");
    let request = companion.open(&sent).unwrap();
    assert_eq!(said(&request), Some("a"));
    assert_eq!(texts(&request, OptionNumber::URI_QUERY), ["since=s1"]);
    // The header counts more.
    let request = companion.open(&sent.token("b")).unwrap();
    assert_eq!(said(&request), Some("b"));
}

#[test]
fn gateways_without_the_tables() {
    let mut companion = Companion::new();
    companion.settings.has_path_table = false;
    companion.settings.keys = Keys::None;
    let sent = Sent::new(Method::POST, "/_matrix/client/v3/login").body(r#"{"type":"x"}"#);
    let request = companion.open(&sent).unwrap();
    let path = ["_matrix", "client", "v3", "login"];
    assert_eq!(texts(&request, OptionNumber::URI_PATH), path);
    assert_eq!(request.payload[..], b"\xa1\x64type\x61x"[..]);
    assert_eq!(request.options.first(TABLE_VERSION), None);
}

#[test]
fn what_is_left_to_http() {
    let mut companion = Companion::new();
    let long = "x".repeat(256);
    for (sent, name) in [
        (
            Sent::new(Method::OPTIONS, "/_matrix/client/v3/sync"),
            "method",
        ),
        (Sent::new(Method::HEAD, "/_matrix/client/v3/sync"), "method"),
        (Sent::get("/_matrix/media/v3/download/a/b"), "denied"),
        (Sent::get("/_matrix/client/v1/media/download/a/b"), "denied"),
        (Sent::get("/index.html"), "denied"),
        (Sent::get("/7"), "denied"),
        (Sent::get("http://a/_matrix/client/v3/sync"), "path"),
        (Sent::get("/_matrix/client/v3/%zz"), "path"),
        (
            Sent::get(&format!("/_matrix/client/v3/join/{long}")),
            "path",
        ),
        (
            Sent::get(&format!("/_matrix/client/v3/sync?filter={long}")),
            "query",
        ),
        (Sent::get("/_matrix/client/v3/sync?a=%"), "query"),
        (
            Sent::new(Method::POST, "/_matrix/client/v3/login").body("a=b"),
            "body",
        ),
        (Sent::sync().token("a b"), "token"),
        (Sent::sync().token(&"x".repeat(2_049)), "token"),
    ] {
        let error = companion.open(&sent).unwrap_err();
        assert_eq!(error.name(), name, "{}", sent.target);
    }
    let numbers = vec!["1000"; 60_000].join(",");
    let padded = format!("[{}]", " ".repeat(300_000));
    for body in [format!("[{numbers}]"), padded] {
        let sent = Sent::new(Method::POST, "/_matrix/client/v3/search").body(&body);
        assert_eq!(companion.open(&sent).unwrap_err(), UseHttp::TooLarge);
    }
    // Nothing has gone out: nothing was said.
    let request = companion.open(&Sent::sync().token("a")).unwrap();
    assert_eq!(said(&request), Some("a"));
}

#[test]
fn settings_are_what_the_gateway_says() {
    let said = |json: &str| {
        let versions = json.as_bytes();
        let low_bandwidth = LowBandwidth::parse(versions).unwrap();
        let settings = Settings::new(low_bandwidth, Extensions::parse(versions));
        (
            settings.keys,
            settings.has_path_table,
            settings.has_short_follow_ups,
        )
    };
    for (json, expected) in [
        ("{}", (Keys::None, false, false)),
        (r#"{"cbor_enum_version":1}"#, (Keys::V1, false, false)),
        (r#"{"coap_enum_version":1}"#, (Keys::None, true, false)),
        // Who knows a later version knows the first one.
        (
            r#"{"cbor_enum_version":2,"coap_enum_version":3}"#,
            (Keys::V1, true, false),
        ),
        (
            r#"{"cbor_enum_version":0,"coap_enum_version":0}"#,
            (Keys::None, false, false),
        ),
    ] {
        let versions = format!(r#"{{"org.matrix.msc3079.low_bandwidth":{json}}}"#);
        assert_eq!(said(&versions), expected, "{json}");
    }
    let ours = discovery::Advertisement {
        port: 8008,
        is_stable: false,
    };
    assert_eq!(said(&ours.add(b"{}").unwrap()), (Keys::V1, true, true));
}
