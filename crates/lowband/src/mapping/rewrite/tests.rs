use super::*;

const URL: &str = "https://lb.example.org";

fn rewritten(kind: Kind, body: &str) -> Option<String> {
    base_url(kind, StatusCode::OK, body.as_bytes(), URL)
}

#[test]
fn well_known_names_us() {
    let body = r#"{"m.homeserver":{"base_url":"https://hs.example.org","x":1.0},"m.identity_server":{"base_url":"https://id.example.org"}}"#;
    assert_eq!(
        rewritten(Kind::WellKnown, body).unwrap(),
        body.replace("https://hs.example.org", URL)
    );
}

#[test]
fn login_and_register_name_us() {
    let body = r#"{"user_id":"@a:b","access_token":"x","well_known":{"m.homeserver":{"base_url":"https://hs.example.org/"}},"device_id":"D"}"#;
    for kind in [Kind::Login, Kind::Register] {
        assert_eq!(
            rewritten(kind, body).unwrap(),
            body.replace("https://hs.example.org/", URL)
        );
    }
}

#[test]
fn what_names_nobody_stays() {
    for (kind, body) in [
        (Kind::WellKnown, "{}"),
        (Kind::WellKnown, r#"{"m.homeserver":{}}"#),
        (Kind::WellKnown, r#"{"m.homeserver":"x"}"#),
        (Kind::WellKnown, "<html>"),
        (
            Kind::WellKnown,
            r#"{"well_known":{"m.homeserver":{"base_url":"x"}}}"#,
        ),
        (Kind::Login, r#"{"m.homeserver":{"base_url":"x"}}"#),
        (Kind::Login, r#"{"user_id":"@a:b"}"#),
        (Kind::Login, r#"{"well_known":null}"#),
        (Kind::Login, ""),
    ] {
        assert_eq!(rewritten(kind, body), None, "{body}");
    }
}

/// The proxy written in Go rewrites whatever looks like it.
#[test]
fn other_answers_stay() {
    let body =
        r#"{"m.homeserver":{"base_url":"x"},"well_known":{"m.homeserver":{"base_url":"x"}}}"#;
    for kind in [Kind::Other, Kind::Versions, Kind::Logout] {
        assert_eq!(rewritten(kind, body), None);
    }
    for status in [StatusCode::CREATED, StatusCode::FORBIDDEN] {
        assert_eq!(
            base_url(Kind::WellKnown, status, body.as_bytes(), URL),
            None
        );
    }
}

#[test]
fn the_address_is_escaped() {
    let body = br#"{"m.homeserver":{"base_url":"x"}}"#;
    let rewritten = base_url(Kind::WellKnown, StatusCode::OK, body, "a\"b\\");
    assert_eq!(
        rewritten.unwrap(),
        r#"{"m.homeserver":{"base_url":"a\"b\\"}}"#
    );
}
