use super::*;

fn sync(token: &str) -> Sent {
    Sent::sync().token(token)
}

/// Opens and closes, which makes the token known.
fn exchange(companion: &mut Companion, sent: &Sent) -> Option<String> {
    let request = companion.open(sent).unwrap();
    companion.answer(&request, Code::CONTENT, b"\xa0");
    said(&request).map(str::to_owned)
}

#[test]
fn a_token_is_said_until_a_request_succeeds() {
    let mut companion = Companion::new();
    let first = companion.open(&sync("a")).unwrap();
    let second = companion.open(&sync("a")).unwrap();
    assert_eq!((said(&first), said(&second)), (Some("a"), Some("a")));
    companion.answer(&second, Code::CONTENT, b"\xa0");
    let third = companion.open(&sync("a")).unwrap();
    assert_eq!(said(&third), None);
    companion.answer(&third, Code::CONTENT, b"\xa0");
    assert_eq!(exchange(&mut companion, &sync("a")), None);
}

/// It may be the endpoint that refuses, which does not keep tokens.
#[test]
fn a_refusal_does_not_show_that_a_token_has_come() {
    let mut companion = Companion::new();
    for code in [Code::SERVICE_UNAVAILABLE, Code::REQUEST_ENTITY_TOO_LARGE] {
        let request = companion.open(&sync("a")).unwrap();
        companion.answer(&request, code, b"\xa0");
    }
    let next = companion.open(&sync("a")).unwrap();
    assert_eq!(said(&next), Some("a"));
    assert_eq!(next.options.uint(TABLE_VERSION), Some(1));
}

/// The answer to a request that did not carry it proves nothing.
#[test]
fn an_answer_to_another_request_is_none_to_the_token() {
    let mut companion = Companion::new();
    let versions = companion
        .open(&Sent::get("/_matrix/client/versions"))
        .unwrap();
    assert_eq!(said(&companion.open(&sync("a")).unwrap()), Some("a"));
    companion.answer(&versions, Code::CONTENT, b"\xa0");
    assert_eq!(said(&companion.open(&sync("a")).unwrap()), Some("a"));
}

/// As long as an old message may come in between.
#[test]
fn a_change_is_said_for_long() {
    let mut companion = Companion::new();
    exchange(&mut companion, &sync("a"));
    assert_eq!(exchange(&mut companion, &sync("b")).as_deref(), Some("b"));
    companion.now += Duration::from_secs(246);
    assert_eq!(exchange(&mut companion, &sync("b")).as_deref(), Some("b"));
    companion.now += Duration::from_secs(1);
    assert_eq!(exchange(&mut companion, &sync("b")), None);
}

#[test]
fn a_late_answer_to_the_old_token_is_none_to_the_new() {
    let mut companion = Companion::new();
    let old = companion.open(&sync("a")).unwrap();
    companion.open(&sync("b")).unwrap();
    companion.answer(&old, Code::CONTENT, b"\xa0");
    companion.now += Duration::from_secs(300);
    assert_eq!(exchange(&mut companion, &sync("b")).as_deref(), Some("b"));
}

/// The gateway may take it for the one that was said last.
#[test]
fn after_an_answer_to_another_token_the_last_one_is_said_again() {
    let mut companion = Companion::new();
    let slow = companion.open(&sync("a")).unwrap();
    exchange(&mut companion, &sync("b"));
    companion.now += Duration::from_secs(300);
    assert_eq!(exchange(&mut companion, &sync("b")), None);
    companion.answer(&slow, Code::FORBIDDEN, b"\xa0");
    assert_eq!(exchange(&mut companion, &sync("b")).as_deref(), Some("b"));
    assert_eq!(exchange(&mut companion, &sync("b")), None);
}

/// Requests with other tokens may come between its blocks.
#[test]
fn a_request_in_blocks_says_its_token() {
    let mut companion = Companion::new();
    exchange(&mut companion, &sync("a"));
    for (length, is_said) in [(1000, false), (1100, true)] {
        let body = format!(r#"{{"a":"{}"}}"#, "x".repeat(length));
        let upload = Sent::new(Method::POST, "/_matrix/client/v3/keys/upload");
        let said = exchange(&mut companion, &upload.token("a").body(&body));
        assert_eq!(said.is_some(), is_said, "{length}");
    }
}

/// The gateway has lost blocks of it, so that it was not passed on.
#[test]
fn a_request_that_was_not_whole_is_opened_again() {
    let mut companion = Companion::new();
    let request = companion.open(&sync("a")).unwrap();
    let outcome = companion.close(&request, Code::REQUEST_ENTITY_INCOMPLETE, b"");
    assert_eq!(outcome, Outcome::Again);
}

#[test]
fn requests_without_a_token_say_so_where_it_matters() {
    let mut companion = Companion::new();
    let login = Sent::new(Method::POST, "/_matrix/client/v3/login").body("{}");
    let profile = Sent::get("/_matrix/client/v3/profile/%40a%3Ab");
    assert_eq!(exchange(&mut companion, &login), None);
    // The gateway would wait for one.
    assert_eq!(exchange(&mut companion, &profile).as_deref(), Some(""));
    assert_eq!(exchange(&mut companion, &sync("a")).as_deref(), Some("a"));
    // The gateway would take the one of before.
    assert_eq!(exchange(&mut companion, &login).as_deref(), Some(""));
}

#[test]
fn what_is_the_same_for_everybody_changes_nothing() {
    let mut companion = Companion::new();
    exchange(&mut companion, &sync("a"));
    for target in ["/_matrix/client/versions", "/.well-known/matrix/client"] {
        assert_eq!(exchange(&mut companion, &Sent::get(target)), None);
    }
    assert_eq!(exchange(&mut companion, &sync("a")), None);
}

#[test]
fn a_gateway_that_has_no_token_is_told_again() {
    let mut companion = Companion::new();
    exchange(&mut companion, &sync("a"));
    let missing = cbor(r#"{"errcode":"M_MISSING_TOKEN","error":"x"}"#);
    let silent = companion.open(&sync("a")).unwrap();
    let outcome = companion.close(&silent, Code::UNAUTHORIZED, &missing);
    assert_eq!(outcome, Outcome::Again);
    let again = companion.open(&sync("a")).unwrap();
    assert_eq!(said(&again), Some("a"));
    // It was told, so that this is the answer.
    let (status, _) = companion.answer(&again, Code::UNAUTHORIZED, &missing);
    assert_eq!(status, 401);
    // Who has none is told that it is missing.
    let anonymous = companion.open(&Sent::sync()).unwrap();
    let (status, _) = companion.answer(&anonymous, Code::UNAUTHORIZED, &missing);
    assert_eq!(status, 401);
}

#[test]
fn a_token_that_is_worth_nothing_is_not_taken_for_known() {
    let unknown = cbor(r#"{"errcode":"M_UNKNOWN_TOKEN","error":"x","soft_logout":true}"#);
    let mut companion = Companion::new();
    exchange(&mut companion, &sync("a"));
    let request = companion.open(&sync("a")).unwrap();
    let (status, body) = companion.answer(&request, Code::UNAUTHORIZED, &unknown);
    assert_eq!(status, 401);
    assert!(body.contains("soft_logout"));
    assert_eq!(exchange(&mut companion, &sync("a")).as_deref(), Some("a"));

    let logout = Sent::new(Method::POST, "/_matrix/client/v3/logout").token("a");
    exchange(&mut companion, &logout);
    assert_eq!(exchange(&mut companion, &sync("a")).as_deref(), Some("a"));
}

#[test]
fn the_table_is_said_until_a_request_succeeds() {
    let mut companion = Companion::new();
    let first = companion.open(&sync("a")).unwrap();
    let second = companion.open(&sync("a")).unwrap();
    assert_eq!(second.options.uint(TABLE_VERSION), Some(1));
    companion.answer(&first, Code::CONTENT, b"\xa0");
    let third = companion.open(&sync("a")).unwrap();
    assert_eq!(third.options.uint(TABLE_VERSION), None);
}

#[test]
fn who_does_not_know_the_option_is_spared_it() {
    let mut companion = Companion::new();
    let first = companion.open(&sync("a")).unwrap();
    let second = companion.open(&sync("a")).unwrap();
    for request in [&first, &second] {
        let outcome = companion.close(request, Code::BAD_OPTION, b"");
        assert_eq!(outcome, Outcome::Again);
    }
    let again = companion.open(&sync("a")).unwrap();
    assert_eq!(again.options.uint(TABLE_VERSION), None);
    // Then it was another option.
    let (status, _) = companion.answer(&again, Code::BAD_OPTION, b"");
    assert_eq!(status, 400);
    // Nor does a later answer to the first one change it.
    companion.answer(&first, Code::CONTENT, b"\xa0");
    let next = companion.open(&sync("a")).unwrap();
    assert_eq!(next.options.uint(TABLE_VERSION), None);
}
