use super::*;

fn opened(companion: &mut Companion) -> CoapRequest {
    companion.open(&Sent::sync().token("a")).unwrap()
}

#[test]
fn an_answer_is_json() {
    let mut companion = Companion::new();
    let request = opened(&mut companion);
    let json = r#"{"next_batch":"s2","x":1.5}"#;
    for code in [Code::CONTENT, Code::CHANGED] {
        let answer = companion.answer(&request, code, &cbor(json));
        assert_eq!(answer, (200, json.to_owned()));
    }
}

/// The proxy written in Go calls CBOR JSON.
#[test]
fn formats_are_seen_and_not_believed() {
    let mut companion = Companion::new();
    let request = opened(&mut companion);
    let json = r#"{"next_batch":"s2"}"#;
    for payload in [
        cbor(json),
        json.as_bytes().to_vec(),
        format!(" {json}").into_bytes(),
    ] {
        for number in [0, 42, 50, 60, 7] {
            let mut options = OptionList::new();
            options.push_uint(OptionNumber::CONTENT_FORMAT, number);
            let outcome = companion.close_with(&request, Code::CONTENT, options, &payload);
            let Outcome::Answer(answer) = outcome else {
                panic!("it is answered");
            };
            assert_eq!(answer.body.trim_ascii(), json.as_bytes());
        }
    }
}

/// 0.00 is what the proxy written in Go makes of a status that it has no code for.
#[test]
fn an_unknown_status_has_its_body() {
    let mut companion = Companion::new();
    let request = opened(&mut companion);
    let payload = b"\xa2\x18\x66\x63MXX\x18\x67\x63gac";
    let answer = companion.answer(&request, Code::EMPTY, payload);
    assert_eq!(
        answer,
        (502, r#"{"errcode":"MXX","error":"gac"}"#.to_owned())
    );
}

#[test]
fn an_empty_answer() {
    let mut companion = Companion::new();
    let request = opened(&mut companion);
    for (code, expected) in [
        (Code::CONTENT, (200, "{}")),
        (Code::VALID, (304, "")),
        (
            Code::NOT_FOUND,
            (404, r#"{"errcode":"M_UNKNOWN","error":"Not Found"}"#),
        ),
        (
            Code::new(4, 30),
            (
                502,
                r#"{"errcode":"M_UNKNOWN","error":"no reason was given"}"#,
            ),
        ),
    ] {
        let (status, body) = companion.answer(&request, code, b"");
        assert_eq!((status, body.as_str()), expected);
    }
}

/// Text, which the proxy written in Go sends when it cannot reach the homeserver.
#[test]
fn an_answer_that_cannot_be_read() {
    let mut companion = Companion::new();
    let request = opened(&mut companion);
    for (code, payload, status, error) in [
        (
            Code::BAD_GATEWAY,
            &b"Failed to\nconnect"[..],
            502,
            "Failed toconnect",
        ),
        (Code::NOT_FOUND, b"\xff\xff", 404, "Not Found"),
        (Code::CONTENT, b"hello", 502, "hello"),
        (Code::CONTENT, b"\xa1", 502, "Content"),
        (Code::CONTENT, b"{\"a\"", 502, "{\"a\""),
        (Code::CONTENT, b"{\"a\":\"\xff\xfe\"}", 502, "Content"),
    ] {
        let answer = companion.answer(&request, code, payload);
        let error = serde_json::Value::from(error);
        let body = format!(r#"{{"errcode":"M_UNKNOWN","error":{error}}}"#);
        assert_eq!(answer, (status, body));
    }
    let long = "é".repeat(1_000);
    let (_, body) = companion.answer(&request, Code::BAD_GATEWAY, long.as_bytes());
    assert_eq!(body.chars().filter(|c| *c == 'é').count(), 200);
}

#[test]
fn json_has_the_limits_of_cbor() {
    let mut companion = Companion::new();
    let request = opened(&mut companion);
    let depth = Limits::RESPONSE.depth + 1;
    let deep = format!("{}{}", "[".repeat(depth), "]".repeat(depth));
    let long = format!(r#"{{"a":"{}"}}"#, "x".repeat(Limits::RESPONSE.string + 1));
    for body in [deep, long] {
        let (status, _) = companion.answer(&request, Code::CONTENT, body.as_bytes());
        assert_eq!(status, 502);
    }
}

#[test]
fn when_to_ask_again() {
    let mut companion = Companion::new();
    let request = opened(&mut companion);
    let mut options = OptionList::new();
    options.push_uint(OptionNumber::MAX_AGE, 5);
    for (code, retry_after) in [
        (Code::TOO_MANY_REQUESTS, Some(5)),
        (Code::SERVICE_UNAVAILABLE, Some(5)),
        (Code::CONTENT, None),
    ] {
        let outcome = companion.close_with(&request, code, options.clone(), b"\xa0");
        let Outcome::Answer(answer) = outcome else {
            panic!("it is answered");
        };
        assert_eq!(answer.retry_after, retry_after);
    }
}

#[test]
fn login_names_the_companion() {
    let mut companion = Companion::new();
    companion.settings.base_url = Some("http://127.0.0.1:8009".to_owned());
    let sent = Sent::new(Method::POST, "/_matrix/client/v3/login").body("{}");
    let request = companion.open(&sent).unwrap();
    let json = r#"{"well_known":{"m.homeserver":{"base_url":"https://lb.example.org"}}}"#;
    let (_, body) = companion.answer(&request, Code::CONTENT, &cbor(json));
    assert_eq!(
        body,
        json.replace("https://lb.example.org", "http://127.0.0.1:8009")
    );
}
