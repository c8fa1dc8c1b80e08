use std::hash::RandomState;

use hyper::StatusCode;
use vestibule_coap::Code;
use vestibule_dtls::session::Fault;
use vestibule_lowband::{
    gateway::{Limits, Shared},
    mapping::token::Token,
};

use super::*;

fn digest() -> TokenDigest {
    let shared = Shared::new(Limits::default(), RandomState::new());
    let token = Token::parse(b"secret").unwrap().unwrap();
    shared.digest(&token)
}

fn finished(exchange: Exchange, outcome: Outcome) -> Finished {
    Finished {
        exchange,
        outcome,
        method: Some(Method::PUT),
        path: Some("/_matrix/client/v3/rooms/%21a%3Db/typing/x=y".to_owned()),
        token: None,
        received: 17,
        sent: 1,
        duration: Duration::from_micros(1500),
    }
}

fn written(format: LogFormat, finished: &Finished) -> String {
    let record = ExchangeRecord {
        gateway: "lb",
        association: "0-7",
        client: "192.0.2.1:40000".parse().unwrap(),
        finished,
    };
    let mut out = Vec::new();
    record.write(Timestamp::UNIX_EPOCH, format, &mut out);
    String::from_utf8(out).unwrap()
}

fn written_at_end(format: LogFormat, user: Option<TokenDigest>, why: Closed) -> String {
    let record = AssociationRecord {
        gateway: "the gateway",
        association: "0-7",
        client: "[2001:db8::1]:40000".parse().unwrap(),
        version: Transport::Dtls13,
        resumed: true,
        connection_id: true,
        user,
        meter: Meter {
            datagrams_in: 3,
            bytes_in: 400,
            datagrams_out: 4,
            bytes_out: 1_700,
        },
        handshake_bytes: 900,
        exchanges: 2,
        duration: Duration::from_secs(60),
        why,
    };
    let mut out = Vec::new();
    record.write(Timestamp::UNIX_EPOCH, format, &mut out);
    String::from_utf8(out).unwrap()
}

#[test]
fn an_answer_as_text() {
    let answered = Outcome::Answered {
        code: Code::CONTENT,
        status: Some(StatusCode::OK),
        refusal: None,
    };
    let digest = digest();
    let finished = Finished {
        token: Some(digest),
        ..finished(Exchange::Request, answered)
    };
    assert_eq!(
        written(LogFormat::Text, &finished),
        format!(
            "1970-01-01T00:00:00.000000Z lb_request gateway=lb association=0-7 \
             client=192.0.2.1:40000 user={digest} method=PUT \
             path=\"/_matrix/client/v3/rooms/%21a%3Db/typing/x=y\" code=2.05 status=200 bytes_in=17 \
             bytes_out=1 duration_ms=1.5 end=answered\n"
        )
    );
}

#[test]
fn a_refusal_as_text() {
    let refused = Outcome::Answered {
        code: Code::METHOD_NOT_ALLOWED,
        status: None,
        refusal: Some("method"),
    };
    let finished = Finished {
        method: None,
        path: None,
        ..finished(Exchange::Register, refused)
    };
    assert_eq!(
        written(LogFormat::Text, &finished),
        "1970-01-01T00:00:00.000000Z lb_register gateway=lb association=0-7 client=192.0.2.1:40000 \
         code=4.05 refusal=method bytes_in=17 bytes_out=1 duration_ms=1.5 end=answered\n"
    );
}

#[test]
fn every_end_as_json() {
    for (outcome, end, code) in [
        (Outcome::Abandoned, "abandoned", None),
        (Outcome::Delivered(Code::CONTENT), "delivered", Some("2.05")),
        (
            Outcome::Undelivered(Code::UNAUTHORIZED),
            "undelivered",
            Some("4.01"),
        ),
    ] {
        let line = written(LogFormat::Json, &finished(Exchange::Notification, outcome));
        assert_eq!(line.matches('\n').count(), 1);
        let value: serde_json::Value = serde_json::from_str(&line).unwrap();
        assert_eq!(value["event"], "lb_notification");
        assert_eq!(value["end"], end);
        assert_eq!(value["code"].as_str(), code);
        assert_eq!(value["client"], "192.0.2.1:40000");
        assert!(value["status"].is_null() && value["user"].is_null());
    }
}

#[test]
fn the_end_of_an_association_as_text() {
    let fault = Closed::Fault(Fault::PeerMisbehaved);
    assert_eq!(
        written_at_end(LogFormat::Text, None, fault),
        "1970-01-01T00:00:00.000000Z association gateway=\"the gateway\" association=0-7 \
         client=[2001:db8::1]:40000 version=1.3 resumed=true connection_id=true datagrams_in=3 \
         datagrams_out=4 bytes_in=400 bytes_out=1700 handshake_bytes=900 exchanges=2 \
         duration_ms=60000 end=fault reason=\"the peer broke the protocol\"\n"
    );
    let digest = digest();
    let idle = written_at_end(LogFormat::Text, Some(digest), Closed::Idle);
    assert!(idle.contains(&format!(" user={digest} ")), "{idle}");
    assert!(idle.ends_with(" end=idle\n"), "{idle}");
}

#[test]
fn the_end_of_an_association_as_json() {
    let digest = digest();
    let line = written_at_end(LogFormat::Json, Some(digest), Closed::ByPeer);
    let value: serde_json::Value = serde_json::from_str(&line).unwrap();
    assert_eq!(value["event"], "association");
    assert_eq!(value["version"], "1.3");
    assert_eq!(value["resumed"], true);
    assert_eq!(value["user"], digest.to_string());
    assert_eq!(value["end"], "peer");
    assert_eq!(value["reason"], serde_json::Value::Null);
}
