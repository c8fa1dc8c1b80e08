//! A companion and a gateway: what a client asks is what the homeserver is asked.

use proptest::prelude::*;

use super::*;
use crate::mapping::paths::Prefix;
use crate::mapping::server;

struct Pair {
    companion: Companion,
    session: server::Session,
    settings: server::Settings,
}

impl Pair {
    fn new() -> Self {
        Self {
            companion: Companion::new(),
            session: server::Session::new(),
            settings: server::Settings::default(),
        }
    }

    /// The request that arrives at the homeserver, and what the client gets for `answer`.
    fn carry(&mut self, sent: &Sent, status: u16, answer: &str) -> (server::HttpRequest, Answer) {
        let request = self.companion.open(sent).unwrap();
        let now = self.companion.now;
        let received = server::Request {
            code: request.code,
            options: &request.options,
            payload: &request.payload,
            message_id: 1,
            received: now,
        };
        let opened = server::open(&mut self.session, &self.settings, &received, now).unwrap();
        let server::Opened::Forward(http) = opened else {
            panic!("nothing is missing");
        };
        let upstream = server::Upstream {
            status: StatusCode::from_u16(status).unwrap(),
            retry_after: Some("7"),
            body: answer.as_bytes(),
        };
        let response = server::close(&mut self.session, &self.settings, &http, &upstream);
        let outcome = close(
            &mut self.companion.session,
            &self.companion.settings,
            &request.exchange,
            &response,
        );
        match outcome {
            Outcome::Answer(answer) => (*http, answer),
            Outcome::Again => panic!("nothing is missing"),
        }
    }
}

#[test]
fn what_is_asked_arrives() {
    let mut pair = Pair::new();
    for (method, target, body) in [
        (Method::GET, "/_matrix/client/versions", ""),
        (
            Method::GET,
            "/_matrix/client/v3/sync?filter=0&timeout=30000",
            "",
        ),
        (
            Method::POST,
            "/_matrix/client/v3/join/%23room:server?via=a&via=b",
            "{}",
        ),
        (
            Method::GET,
            "/_matrix/client/v3/rooms/!a:b/event/$abc%2Fdef",
            "",
        ),
        (
            Method::GET,
            "/_matrix/client/v3/rooms/!a:b/state/m.room.name/",
            "",
        ),
        (
            Method::PUT,
            "/_matrix/client/v3/rooms/!a:b/send/a%3Fb/100%25",
            r#"{"body":"é"}"#,
        ),
        (
            Method::GET,
            "/_matrix/client/v1/rooms/!a:b/relations/$c/m.thread",
            "",
        ),
        (
            Method::DELETE,
            "/_matrix/client/v3/devices/ABC",
            r#"{"auth":{"type":"x"}}"#,
        ),
        (
            Method::POST,
            "/_matrix/client/unstable/org.matrix.simplified_msc3575/sync",
            "{}",
        ),
    ] {
        let sent = Sent::new(method, target).token("a").body(body);
        let (http, answer) = pair.carry(&sent, 200, r#"{"errcode":"x","105":[1,2.5]}"#);
        assert_eq!(http.method, sent.method);
        assert_eq!(http.path_and_query(), target);
        assert_eq!(http.body, body.as_bytes());
        assert_eq!(http.token.as_ref().unwrap().as_str(), "a");
        assert_eq!(answer.body, br#"{"errcode":"x","105":[1,2.5]}"#);
    }
}

/// By who asks for v3 where the homeserver has r0, and the other way round.
#[test]
fn the_homeserver_is_asked_by_the_version_that_it_has() {
    let mut pair = Pair::new();
    for (prefix, name) in [(Prefix::R0, "r0"), (Prefix::V3, "v3")] {
        pair.settings.prefix = prefix;
        for asked in ["r0", "v3"] {
            let sent = Sent::get(&format!("/_matrix/client/{asked}/sync")).token("a");
            let (http, _) = pair.carry(&sent, 200, "{}");
            assert_eq!(http.path, format!("/_matrix/client/{name}/sync"));
        }
    }
}

#[test]
fn a_status_arrives_with_its_time() {
    let mut pair = Pair::new();
    for status in [
        200, 201, 400, 401, 403, 404, 405, 409, 413, 422, 429, 500, 501, 502, 503, 504,
    ] {
        let body = r#"{"errcode":"M_X","error":"y"}"#;
        let (_, answer) = pair.carry(&Sent::sync().token("a"), status, body);
        assert_eq!(answer.status.as_u16(), status);
        assert_eq!(answer.body, body.as_bytes());
        let has_time = matches!(status, 429 | 503);
        assert_eq!(answer.retry_after, has_time.then_some(7), "{status}");
    }
}

#[test]
fn a_client_without_a_token_has_none_at_the_homeserver() {
    let mut pair = Pair::new();
    let profile = Sent::get("/_matrix/client/v3/profile/@a:b");
    for _ in 0..2 {
        assert_eq!(pair.carry(&profile, 200, "{}").0.token, None);
        let (http, _) = pair.carry(&profile.clone().token("a"), 200, "{}");
        assert_eq!(http.token.unwrap().as_str(), "a");
    }
}

proptest! {
    #[test]
    fn any_segments_and_items_arrive(
        segments in prop::collection::vec("\\PC{1,20}", 1..4),
        items in prop::collection::vec(("[a-z]{1,5}", "\\PC{0,20}"), 0..4),
    ) {
        let segments: Vec<&str> = segments.iter().map(String::as_str).collect();
        let path = [&["_matrix", "client", "v3", "join"], &segments[..]].concat();
        let mut target = paths::to_http(&path);
        let encoded = items.iter().map(|(key, value)| {
            let value: String = crate::mapping::percent::query(value).collect();
            format!("{key}={value}")
        });
        let query = encoded.collect::<Vec<_>>().join("&");
        if !query.is_empty() {
            target = format!("{target}?{query}");
        }
        let sent = Sent::get(&target).token("a");
        let mut pair = Pair::new();
        // Dots and whatever else goes by HTTP.
        if pair.companion.open(&sent).is_ok() {
            prop_assert_eq!(pair.carry(&sent, 200, "{}").0.path_and_query(), target);
        }
    }
}
