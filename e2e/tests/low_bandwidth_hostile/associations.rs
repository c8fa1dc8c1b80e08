//! What is said on one association is known on no other one, and stands in no log.

use std::net::UdpSocket;

use serde_json::json;
use vestibule_coap::{Code, OptionNumber};
use vestibule_dtls::client::Memory;
use vestibule_dtls::session::Version;
use vestibule_e2e::dtls::Association;
use vestibule_e2e::lowband::{Asking, LowbandGateway, Reply, Script, StubHomeserver};

use crate::stage::{ALICE, BOB, TOKEN, assert_fine, assert_refused, get, post};

const WHOAMI: [&str; 5] = ["_matrix", "client", "v3", "account", "whoami"];

/// Says who asks.
fn homeserver() -> StubHomeserver {
    StubHomeserver::start(|asked| {
        let token = asked.token();
        match asked.path() {
            "/_matrix/client/versions" => None,
            path if path.ends_with("/logout") => Some(Reply::json(200, &json!({}))),
            _ if token == Some("stale") => Some(Reply::error(401, "M_UNKNOWN_TOKEN")),
            _ => Some(Reply::json(200, &json!({"user_id": token}))),
        }
    })
}

fn who(script: &mut Script, options: &[(OptionNumber, &[u8])]) -> Option<String> {
    let answer = script.requests(&get(&WHOAMI, options));
    if answer.header.code != Code::CONTENT {
        assert_refused("nobody", &answer, Code::UNAUTHORIZED, "M_MISSING_TOKEN");
        return None;
    }
    answer.map()["user_id"].as_str().map(str::to_owned)
}

const IS_ALICE: Option<&str> = Some("alice-has-this-token");
const IS_BOB: Option<&str> = Some("bob-has-another-one");

#[test]
fn a_token_stays_on_its_association() {
    let homeserver = homeserver();
    let mut gateway = LowbandGateway::before(homeserver.address());
    let mut alice = gateway.script();
    let mut bob = gateway.script();
    let mut nobody = gateway.script();
    assert_eq!(who(&mut alice, ALICE).as_deref(), IS_ALICE);
    assert_eq!(who(&mut bob, BOB).as_deref(), IS_BOB);
    for _ in 0..3 {
        assert_eq!(who(&mut alice, &[]).as_deref(), IS_ALICE);
        assert_eq!(who(&mut bob, &[]).as_deref(), IS_BOB);
        assert_eq!(who(&mut nobody, &[]), None);
    }
    // The same token that another one has is nobody else's.
    assert_eq!(who(&mut alice, BOB).as_deref(), IS_BOB);
    assert_eq!(who(&mut alice, &[]).as_deref(), IS_BOB);
    assert_eq!(who(&mut bob, &[]).as_deref(), IS_BOB);
    assert_eq!(who(&mut nobody, &[]), None);
    assert_fine(&mut gateway);
}

/// Neither does it outlive it: not for who comes from the same address and port, and not for who
/// resumes the session.
#[test]
fn a_token_ends_with_its_association() {
    let homeserver = homeserver();
    let mut gateway = LowbandGateway::before(homeserver.address());
    for version in [Version::Dtls12, Version::Dtls13] {
        let memory = Memory::default();
        let socket = UdpSocket::bind("127.0.0.1:0").expect("a free port");
        for (round, resumed) in [false, true, true].into_iter().enumerate() {
            let socket = socket.try_clone().expect("a second handle");
            let config = gateway.client_config(version);
            let association =
                Association::connect(socket, gateway.address(), config, memory.clone());
            let association = association.expect("an association");
            assert_eq!(association.agreement().resumed, resumed, "{version:?}");
            let mut script = Script::over(association);
            assert_eq!(who(&mut script, &[]), None, "{version:?} {round}");
            assert_eq!(who(&mut script, ALICE).as_deref(), IS_ALICE);
            assert_eq!(who(&mut script, &[]).as_deref(), IS_ALICE);
        }
    }
    assert_fine(&mut gateway);
}

/// A token that the homeserver knows no more, or that was given back, is forgotten.
#[test]
fn a_token_is_forgotten() {
    let homeserver = homeserver();
    let mut gateway = LowbandGateway::before(homeserver.address());
    let mut script = gateway.script();
    assert_eq!(who(&mut script, ALICE).as_deref(), IS_ALICE);
    let answer = script.requests(&Asking {
        options: &[],
        ..post(&["3"], &[])
    });
    assert_eq!(answer.header.code, Code::CONTENT);
    assert_eq!(who(&mut script, &[]), None);
    let answer = script.requests(&get(&WHOAMI, &[(TOKEN, b"stale")]));
    assert_refused("stale", &answer, Code::UNAUTHORIZED, "M_UNKNOWN_TOKEN");
    assert_eq!(who(&mut script, &[]), None);
    assert_eq!(who(&mut script, BOB).as_deref(), IS_BOB);
    // For one request there is none, and then there is none.
    assert_eq!(who(&mut script, &[(TOKEN, b"")]), None);
    assert_eq!(who(&mut script, &[]), None);
    // `Bearer ` before it is no part of it, and one in the query counts but goes no further.
    assert_eq!(
        who(&mut script, &[(TOKEN, b"Bearer carol")]).as_deref(),
        Some("carol")
    );
    let query = [(OptionNumber::URI_QUERY, &b"access_token=dave"[..])];
    assert_eq!(who(&mut script, &query).as_deref(), Some("dave"));
    assert_eq!(
        homeserver.asked().last().map(|it| it.query().to_owned()),
        Some(String::new())
    );
    assert_fine(&mut gateway);
}

/// The homeserver's well-known may be somebody else's.
#[test]
fn a_token_is_not_shown_to_others() {
    let homeserver = homeserver();
    let mut gateway = LowbandGateway::before(homeserver.address());
    let mut script = gateway.script();
    assert_eq!(who(&mut script, ALICE).as_deref(), IS_ALICE);
    let answer = script.requests(&get(&[".well-known", "matrix", "client"], ALICE));
    assert_eq!(answer.header.code, Code::CONTENT);
    let asked = homeserver.asked();
    let asked = asked.last().expect("a request");
    assert_eq!(asked.target, "/.well-known/matrix/client");
    assert_eq!(asked.token(), None);
    assert!(!asked.head.contains("alice"), "{}", asked.head);
    assert_fine(&mut gateway);
}

/// Tokens, queries and bodies are in no log and no metric, whatever goes wrong.
#[test]
fn secrets_are_not_logged() {
    const SECRET: &str = "s3cr3t";
    let homeserver = StubHomeserver::start(|asked| {
        let refuses = asked.path().ends_with("/joined_rooms");
        refuses.then(|| Reply::of(200, "text/html", SECRET))
    });
    let mut gateway = LowbandGateway::before(homeserver.address());
    let mut script = gateway.script();
    let token: (OptionNumber, &[u8]) = (TOKEN, b"s3cr3t-token");
    let query: (OptionNumber, &[u8]) = (OptionNumber::URI_QUERY, b"access_token=s3cr3t");
    let since: (OptionNumber, &[u8]) = (OptionNumber::URI_QUERY, b"since=s3cr3t");
    let body: &[u8] = b"\xa1\x68password\x66s3cr3t";
    for (path, options) in [
        (&["I"][..], &[token][..]),
        (&["7"], &[token, since]),
        (&["7"], &[query]),
        (&["_synapse"], &[token, since]),
        (&["7"], &[(OptionNumber::OBSERVE, b""), token, since]),
        (&["7"], &[(TOKEN, b"s3cr3t\n")]),
    ] {
        script.requests(&get(path, options));
    }
    for body in [body, &body[..12], &[body, body].concat()] {
        script.requests(&post(&["1"], body));
    }
    drop(script);
    assert_fine(&mut gateway);
    let vestibule = gateway.vestibule();
    let (_, metrics) = vestibule_e2e::http_get(vestibule.admin(), "/metrics");
    let mut text = vestibule.event_lines().join("\n") + &metrics;
    text += &vestibule.ask(&["show", "associations"]).to_string();
    vestibule.terminate();
    text += &vestibule.event_lines().join("\n");
    text += &std::fs::read_to_string(vestibule.access_log()).unwrap_or_default();
    assert!(
        text.contains("/_matrix/client/v3/joined_rooms"),
        "nothing is logged at all"
    );
    let line = text.lines().find(|line| line.contains(SECRET));
    assert_eq!(line, None);
}
