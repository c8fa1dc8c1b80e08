use super::*;

/// The token with which a request goes on.
pub(super) fn carried(gateway: &mut Gateway, sent: &Sent) -> Option<String> {
    let request = gateway.open(sent).unwrap();
    token_of(&request).map(str::to_owned)
}

fn is_held(gateway: &mut Gateway, sent: &Sent) -> bool {
    match gateway.open_after(sent, Duration::from_millis(999)) {
        Ok(Opened::Hold { until }) => {
            assert_eq!(until, gateway.now + Duration::from_millis(1));
            true
        }
        _ => false,
    }
}

#[test]
fn a_token_is_said_once() {
    let mut gateway = Gateway::new();
    assert_eq!(
        carried(&mut gateway, &Sent::get(SYNC).token("a")).as_deref(),
        Some("a")
    );
    assert_eq!(
        carried(&mut gateway, &Sent::get(SYNC)).as_deref(),
        Some("a")
    );
    assert_eq!(
        carried(&mut gateway, &Sent::get(SYNC).token("b")).as_deref(),
        Some("b")
    );
    assert_eq!(
        carried(&mut gateway, &Sent::get(SYNC)).as_deref(),
        Some("b")
    );
}

#[test]
fn bearer_is_cut_off() {
    for token in ["Bearer a", "bearer a", "BEARER  a", "a"] {
        let mut gateway = Gateway::new();
        let sent = Sent::get(SYNC).token(token);
        assert_eq!(
            carried(&mut gateway, &sent).as_deref(),
            Some("a"),
            "{token}"
        );
    }
    let mut gateway = Gateway::new();
    let sent = Sent::get(SYNC).token("Bearera");
    assert_eq!(carried(&mut gateway, &sent).as_deref(), Some("Bearera"));
    assert_eq!(
        carried(&mut gateway, &Sent::get(VERSIONS).token("Bearer ")),
        None
    );
}

/// The proxy written in Go sends these with the token of the request before.
#[test]
fn an_empty_token_is_none_and_forgets() {
    let mut gateway = Gateway::new();
    carried(&mut gateway, &Sent::get(SYNC).token("a"));
    assert_eq!(carried(&mut gateway, &Sent::get(VERSIONS).token("")), None);
    assert_eq!(gateway.session.token(), None);
    assert_eq!(gateway.refused(&Sent::get(SYNC)), Refusal::MissingToken);
}

#[test]
fn who_has_no_token_yet_waits_for_it() {
    let mut gateway = Gateway::new();
    let early = Sent::get(SYNC);
    assert!(is_held(&mut gateway, &early));
    carried(&mut gateway, &Sent::get(SYNC).token("a"));
    assert!(!is_held(&mut gateway, &early));
    assert_eq!(carried(&mut gateway, &early).as_deref(), Some("a"));
}

/// So that those who wait need not be opened again at each request.
#[test]
fn the_session_tells_that_a_token_has_come() {
    let mut gateway = Gateway::new();
    let held = [Sent::get(SYNC), Sent::get(SYNC)];
    for sent in &held {
        assert!(is_held(&mut gateway, sent));
    }
    gateway.open(&Sent::get(VERSIONS).token("")).unwrap();
    assert!(!gateway.session.take_new_token());
    // Also by a request that is refused.
    gateway.refused(&Sent::get("/_synapse/x").token("a"));
    assert!(gateway.session.take_new_token());
    for sent in &held {
        assert_eq!(carried(&mut gateway, sent).as_deref(), Some("a"));
    }
    assert!(!gateway.session.take_new_token());
}

#[test]
fn who_waits_in_vain_is_told() {
    let mut gateway = Gateway::new();
    let sent = Sent::get(SYNC);
    assert!(is_held(&mut gateway, &sent));
    let refusal = gateway.refused(&sent);
    assert_eq!(refusal, Refusal::MissingToken);
    let response = gateway.refuse(&sent, refusal);
    assert_eq!(response.code, Code::UNAUTHORIZED);
    assert_eq!(
        body(&response),
        r#"{"errcode":"M_MISSING_TOKEN","error":"the access token is missing"}"#
    );
}

#[test]
fn what_needs_no_token_does_not_wait() {
    let mut gateway = Gateway::new();
    for sent in [
        Sent::get(VERSIONS),
        Sent::new(Code::POST, "/1"),
        Sent::new(Code::POST, "/4"),
    ] {
        assert!(!is_held(&mut gateway, &sent));
        assert_eq!(carried(&mut gateway, &sent), None);
    }
    // The homeserver may serve these without one.
    let profile = Sent::get("/W/@a:b");
    assert!(is_held(&mut gateway, &profile));
    assert_eq!(carried(&mut gateway, &profile), None);
    // Who says that it has none means it.
    assert!(!is_held(&mut gateway, &profile.token("")));
}

#[test]
fn a_request_that_is_refused_brings_its_token_all_the_same() {
    for sent in [
        Sent::get("/_synapse/x"),
        Sent::get("/L/.."),
        Sent::new(Code::FETCH, SYNC),
        Sent::get(SYNC).uint(OptionNumber::ACCEPT, 0),
        Sent::get(SYNC).option(TABLE_VERSION, [1; 9]),
        Sent::new(Code::POST, "/G").payload(b"\xff"),
    ] {
        let mut gateway = Gateway::new();
        gateway.refused(&sent.token("a"));
        assert_eq!(
            carried(&mut gateway, &Sent::get(SYNC)).as_deref(),
            Some("a")
        );
    }
}

#[test]
fn a_token_that_is_worth_nothing_is_forgotten() {
    let unknown = r#"{"errcode":"M_UNKNOWN_TOKEN","error":"x"}"#;
    for (path, code, status, answer, is_forgotten) in [
        (SYNC, Code::GET, 401, unknown, true),
        (SYNC, Code::GET, 401, r#"{"errcode":"M_FORBIDDEN"}"#, false),
        (SYNC, Code::GET, 401, r#"{"flows":[],"session":"x"}"#, false),
        (SYNC, Code::GET, 403, unknown, false),
        (SYNC, Code::GET, 401, "<html>", false),
        ("/3", Code::POST, 200, "{}", true),
        ("/_matrix/client/v3/logout/all", Code::POST, 200, "{}", true),
        ("/3", Code::POST, 500, "{}", false),
        ("/1", Code::POST, 200, r#"{"access_token":"b"}"#, false),
        ("/4", Code::POST, 200, r#"{"access_token":"b"}"#, false),
    ] {
        let mut gateway = Gateway::new();
        let request = gateway.open(&Sent::new(code, path).token("a")).unwrap();
        gateway.close(&request, status, answer);
        let stored = gateway.session.token().map(Token::as_str);
        assert_eq!(
            stored,
            (!is_forgotten).then_some("a"),
            "{path} {status} {answer}"
        );
    }
}

#[test]
fn another_token_is_not_forgotten() {
    let mut gateway = Gateway::new();
    let request = gateway.open(&Sent::get(SYNC).token("a")).unwrap();
    carried(&mut gateway, &Sent::get(SYNC).token("b"));
    gateway.close(&request, 401, r#"{"errcode":"M_UNKNOWN_TOKEN"}"#);
    assert_eq!(
        carried(&mut gateway, &Sent::get(SYNC)).as_deref(),
        Some("b")
    );
}
