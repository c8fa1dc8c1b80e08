//! Requests that come in another order than that in which they were sent.

use super::super::tokens::MAX_SAID;
use super::tokens::carried;
use super::*;

/// Says a token, in the message with this id.
fn say(gateway: &mut Gateway, token: &str, id: u16) {
    carried(gateway, &Sent::get(VERSIONS).token(token).id(id));
}

/// The token of a request that says nothing; `None` if it is refused.
fn silent(gateway: &mut Gateway, id: u16) -> Option<String> {
    match gateway.open(&Sent::new(Code::PUT, "/9/!a:b/c/d").id(id)) {
        Ok(request) => token_of(&request).map(str::to_owned),
        Err(refusal) => {
            assert_eq!(refusal, Refusal::MissingToken);
            None
        }
    }
}

/// Between the two tokens, `b` logs in without one.
#[test]
fn a_late_request_before_a_login_has_the_token_from_before_it() {
    let mut gateway = Gateway::new();
    say(&mut gateway, "a", 1);
    say(&mut gateway, "", 3);
    say(&mut gateway, "b", 4);
    assert_eq!(silent(&mut gateway, 2).as_deref(), Some("a"));
    assert_eq!(silent(&mut gateway, 5).as_deref(), Some("b"));
}

#[test]
fn a_late_request_before_two_changes_has_the_token_from_before_both() {
    let mut gateway = Gateway::new();
    say(&mut gateway, "a", 1);
    say(&mut gateway, "b", 3);
    say(&mut gateway, "a", 5);
    say(&mut gateway, "c", 7);
    for (id, token) in [(2, "a"), (4, "b"), (6, "a"), (8, "c")] {
        assert_eq!(silent(&mut gateway, id).as_deref(), Some(token), "{id}");
    }
}

#[test]
fn a_token_that_comes_late_does_not_outlive_the_one_that_was_said_after_it() {
    let mut gateway = Gateway::new();
    say(&mut gateway, "a", 1);
    say(&mut gateway, "a", 3);
    say(&mut gateway, "b", 2);
    assert_eq!(silent(&mut gateway, 4).as_deref(), Some("a"));
    assert_eq!(gateway.session.token().map(Token::as_str), Some("a"));
}

#[test]
fn a_late_token_is_that_of_late_requests_behind_it() {
    let mut gateway = Gateway::new();
    for (token, id) in [("z", 7), ("b", 10), ("a", 8)] {
        say(&mut gateway, token, id);
    }
    assert_eq!(silent(&mut gateway, 9).as_deref(), Some("a"));
    assert_eq!(silent(&mut gateway, 11).as_deref(), Some("b"));
}

/// A client written in Go says the token of another user in a register, whose id is 0. Whether request 2 was sent
/// before it or after it, nobody knows.
#[test]
fn the_place_of_a_register_without_an_id_is_not_guessed() {
    let mut gateway = Gateway::new();
    say(&mut gateway, "a", 1);
    say(&mut gateway, "b", 0);
    assert_eq!(silent(&mut gateway, 2), None);
    // What needs no token does not get one.
    let versions = Sent::get(VERSIONS).id(2);
    assert_eq!(carried(&mut gateway, &versions), None);
    // Time ends the doubt: such clients do not repeat a message for long.
    gateway.now += Duration::from_secs(59);
    assert_eq!(silent(&mut gateway, 3), None);
    gateway.now += Duration::from_secs(1);
    assert_eq!(silent(&mut gateway, 3).as_deref(), Some("b"));
}

#[test]
fn a_register_without_an_id_may_have_been_overtaken() {
    let mut gateway = Gateway::new();
    say(&mut gateway, "b", 1);
    say(&mut gateway, "", 4);
    say(&mut gateway, "a", 0);
    assert_eq!(silent(&mut gateway, 3), None);
    assert_eq!(silent(&mut gateway, 5).as_deref(), Some("a"));
}

#[test]
fn the_same_token_in_a_register_without_an_id_leaves_no_doubt() {
    let mut gateway = Gateway::new();
    say(&mut gateway, "a", 1);
    say(&mut gateway, "a", 0);
    assert_eq!(silent(&mut gateway, 2).as_deref(), Some("a"));
}

/// Also when nothing else was heard for long.
#[test]
fn the_place_of_a_register_after_silence_is_not_guessed() {
    let mut gateway = Gateway::new();
    say(&mut gateway, "a", 1);
    gateway.now += Duration::from_secs(300);
    say(&mut gateway, "b", 0);
    assert_eq!(silent(&mut gateway, 2), None);
    assert_eq!(silent(&mut gateway, 0).as_deref(), Some("b"));
}

/// How a client written in Go begins: a login, and then a register with the id 0.
#[test]
fn a_register_without_an_id_behind_a_login_is_in_its_place() {
    let mut gateway = Gateway::new();
    say(&mut gateway, "a", 1);
    say(&mut gateway, "", 3);
    say(&mut gateway, "b", 0);
    assert_eq!(silent(&mut gateway, 4).as_deref(), Some("b"));
}

#[test]
fn a_forgotten_token_is_not_replaced_by_the_next_one() {
    let mut gateway = Gateway::new();
    let logout = gateway.open(&Sent::new(Code::POST, "/3").token("a").id(3));
    gateway.close(&logout.unwrap(), 200, "{}");
    say(&mut gateway, "b", 5);
    for id in [2, 4] {
        assert_eq!(silent(&mut gateway, id), None, "{id}");
    }
    assert_eq!(silent(&mut gateway, 6).as_deref(), Some("b"));
    assert!(!format!("{:?}", gateway.session).contains("\"a\""));
}

#[test]
fn who_comes_before_everything_that_is_known_is_refused_where_there_are_two_tokens() {
    let mut gateway = Gateway::new();
    say(&mut gateway, "a", 5);
    assert_eq!(silent(&mut gateway, 4).as_deref(), Some("a"));
    say(&mut gateway, "b", 7);
    assert_eq!(silent(&mut gateway, 4), None);
}

/// Requests without a token may come before the last block.
#[test]
fn the_first_block_of_a_request_says_its_token_once() {
    let mut gateway = Gateway::new();
    let upload = Sent::new(Code::POST, "/g").token("a").id(1);
    let upload = upload.uint(TABLE_VERSION, 0);
    note(&mut gateway.session, &upload.options, 1, gateway.now);
    assert!(gateway.session.take_new_token());
    let request = gateway.open(&Sent::get(SYNC).id(2)).unwrap();
    assert_eq!(token_of(&request), Some("a"));
    assert_eq!(request.format, Format::Cbor(Keys::None));
    say(&mut gateway, "b", 3);
    assert_eq!(carried(&mut gateway, &upload).as_deref(), Some("a"));
    assert_eq!(silent(&mut gateway, 4).as_deref(), Some("b"));
    // Both times it is the same saying.
    for id in 5..11 {
        carried(&mut gateway, &upload);
        say(&mut gateway, "b", id);
    }
    assert_eq!(silent(&mut gateway, 2).as_deref(), Some("a"));
}

#[test]
fn one_token_leaves_no_doubt_however_often_it_is_said() {
    let mut gateway = Gateway::new();
    for id in 3..200 {
        say(&mut gateway, "a", id);
    }
    assert_eq!(silent(&mut gateway, 2).as_deref(), Some("a"));
    say(&mut gateway, "b", 201);
    assert_eq!(silent(&mut gateway, 2), None);
    assert_eq!(silent(&mut gateway, 200).as_deref(), Some("a"));
}

/// An answer in blocks has been fetched between the two.
#[test]
fn a_request_may_be_thousands_of_ids_behind() {
    let mut gateway = Gateway::new();
    say(&mut gateway, "a", 1);
    say(&mut gateway, "b", 4_000);
    assert_eq!(silent(&mut gateway, 2).as_deref(), Some("a"));
}

/// One of two users had the association alone for long. The other says the token at each change.
#[test]
fn no_late_request_has_the_token_of_another_user_after_many_changes() {
    let mut gateway = Gateway::new();
    say(&mut gateway, "a", 10);
    gateway.now += Duration::from_secs(300);
    for id in 12..50 {
        say(&mut gateway, ["b", "a"][usize::from(id % 2)], id);
    }
    assert_eq!(silent(&mut gateway, 11), None);
    assert_eq!(silent(&mut gateway, 50).as_deref(), Some("a"));
}

#[test]
fn nothing_is_guessed_where_changes_were_dropped() {
    let mut gateway = Gateway::new();
    let most = u16::try_from(MAX_SAID).unwrap();
    for change in 0..=most {
        let token = ["a", "b"][usize::from(change % 2)];
        say(&mut gateway, token, 1 + 2 * change);
    }
    assert_eq!(silent(&mut gateway, 2), None);
    assert_eq!(silent(&mut gateway, 4).as_deref(), Some("b"));
    assert_eq!(silent(&mut gateway, 2 * most).as_deref(), Some("b"));
    // It is all over when none of them can come any more.
    gateway.now += Duration::from_secs(247);
    assert_eq!(silent(&mut gateway, 2).as_deref(), Some("a"));
}

/// Clients with several threads may number a request before the one that says its token.
#[test]
fn a_request_between_none_and_the_first_token_has_it() {
    let mut gateway = Gateway::new();
    say(&mut gateway, "", 1);
    say(&mut gateway, "a", 3);
    assert_eq!(silent(&mut gateway, 2).as_deref(), Some("a"));
}

/// The first datagram with `a` was lost, and is repeated behind the one with `b`.
#[test]
fn a_late_request_does_not_bring_its_token_back() {
    let mut gateway = Gateway::new();
    carried(&mut gateway, &Sent::get(SYNC).token("z").id(7));
    carried(&mut gateway, &Sent::get(SYNC).token("b").id(10));
    let late = Sent::get(SYNC).token("a").id(9);
    assert_eq!(carried(&mut gateway, &late).as_deref(), Some("a"));
    assert_eq!(
        carried(&mut gateway, &Sent::get(SYNC).id(11)).as_deref(),
        Some("b")
    );
    // Nor does one that says there is none.
    assert_eq!(
        carried(&mut gateway, &Sent::get(VERSIONS).token("").id(8)),
        None
    );
    assert_eq!(
        carried(&mut gateway, &Sent::get(SYNC).id(12)).as_deref(),
        Some("b")
    );
}

#[test]
fn a_late_request_without_a_token_has_the_one_of_its_time() {
    let mut gateway = Gateway::new();
    carried(&mut gateway, &Sent::get(SYNC).token("a").id(65_530));
    carried(&mut gateway, &Sent::get(SYNC).token("b").id(3));
    for id in [65_531, 1] {
        assert_eq!(
            carried(&mut gateway, &Sent::get(SYNC).id(id)).as_deref(),
            Some("a")
        );
    }
    for id in [3, 4, 300, 50_000] {
        assert_eq!(
            carried(&mut gateway, &Sent::get(SYNC).id(id)).as_deref(),
            Some("b"),
            "{id}"
        );
    }
    // The same token again is no change.
    carried(&mut gateway, &Sent::get(SYNC).token("b").id(20));
    assert_eq!(
        carried(&mut gateway, &Sent::get(SYNC).id(10)).as_deref(),
        Some("b")
    );
}

/// Clients with several threads may number a request before the one that brings the first token.
#[test]
fn nobody_is_late_for_the_first_token() {
    let mut gateway = Gateway::new();
    carried(&mut gateway, &Sent::get(SYNC).token("a").id(6));
    assert_eq!(
        carried(&mut gateway, &Sent::get(SYNC).id(5)).as_deref(),
        Some("a")
    );
}

#[test]
fn ids_that_say_nothing_leave_the_order_of_arrival() {
    let mut gateway = Gateway::new();
    for (token, id) in [("a", 10), ("b", 0), ("a", 11), ("b", 40_000), ("a", 30_000)] {
        carried(&mut gateway, &Sent::get(SYNC).token(token).id(id));
        let stored = gateway
            .session
            .token()
            .map(|token| token.as_str().to_owned());
        assert_eq!(stored.as_deref(), Some(token), "{id}");
    }
}

#[test]
fn nothing_is_late_for_ever() {
    let mut gateway = Gateway::new();
    carried(&mut gateway, &Sent::get(SYNC).token("a").id(9));
    carried(&mut gateway, &Sent::get(SYNC).token("b").id(10));
    gateway.now += Duration::from_secs(247);
    carried(&mut gateway, &Sent::get(SYNC).token("a").id(9));
    assert_eq!(
        carried(&mut gateway, &Sent::get(SYNC)).as_deref(),
        Some("a")
    );
}
