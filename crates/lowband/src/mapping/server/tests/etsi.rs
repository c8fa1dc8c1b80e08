//! The cases of the CoAP plugtests of ETSI (TD_COAP, 2014) that are up to the application, as the gateway answers them.

use std::sync::Arc;

use vestibule_coap::endpoint::{Assurance, Budget, Endpoint, Event, IncomingRequest};
use vestibule_coap::{Header, Message, Token, Type, encode};

use super::*;

/// A gateway with its endpoint.
struct Association {
    gateway: Gateway,
    endpoint: Endpoint,
}

impl Association {
    fn new() -> Self {
        let mut config = Config::default();
        configure(&mut config);
        Self {
            gateway: Gateway::new(),
            endpoint: Endpoint::new(Arc::new(config), Budget::new(1 << 20), [1; 32]),
        }
    }

    /// A message comes.
    fn receive(&mut self, kind: Type, id: u16, sent: &Sent) {
        let header = Header {
            kind,
            code: sent.code,
            id,
            token: match kind {
                Type::Confirmable => Token::try_from(&b"t"[..]).unwrap(),
                _ => Token::EMPTY,
            },
        };
        let mut datagram = Vec::new();
        encode(header, &sent.options, &sent.payload, &mut datagram);
        let now = self.gateway.now;
        self.endpoint.handle_datagram(now, &datagram).unwrap();
    }

    /// A confirmable request comes, with the id 1.
    fn asks(&mut self, sent: &Sent) {
        self.receive(Type::Confirmable, 1, sent);
    }

    /// What came for the gateway, and what it asks the homeserver.
    fn open(&mut self) -> (IncomingRequest, HttpRequest) {
        let Some(Event::Request(request)) = self.endpoint.poll_event() else {
            panic!("no request");
        };
        let sent = Sent {
            code: request.code,
            options: request.options.clone(),
            payload: request.payload.to_vec(),
            message_id: request.message_id,
        };
        let forward = self.gateway.open(&sent).unwrap();
        (request, forward)
    }

    /// What is sent: its id, its code, its options and its payload.
    fn sent(&mut self) -> (u16, Code, OptionList, Vec<u8>) {
        let datagram = self.endpoint.poll_transmit().expect("a datagram");
        let message = Message::parse(&datagram).unwrap();
        let Header { id, code, .. } = message.header;
        (id, code, message.options.into(), message.payload.to_vec())
    }

    /// What a request is answered when the homeserver says this.
    fn answered(&mut self, sent: &Sent, status: u16, answer: &str) -> (Code, OptionList, Vec<u8>) {
        self.asks(sent);
        let (request, forward) = self.open();
        let response = self.gateway.close(&forward, status, answer);
        let now = self.gateway.now;
        self.endpoint.respond(now, request.exchange, response);
        let (_, code, options, payload) = self.sent();
        (code, options, payload)
    }

    /// Who observes a sync gets this answer of the homeserver as the last one, and nothing is left: what was sent.
    fn cleared_by(&mut self, status: u16, answer: &str) -> (Code, String) {
        let observe = Sent::get(SYNC).option(OptionNumber::OBSERVE, []);
        self.asks(&observe.token("a"));
        let (request, forward) = self.open();
        let now = self.gateway.now;
        let first = self.gateway.close(&forward, 200, r#"{"next_batch":"1"}"#);
        let observation =
            self.endpoint
                .respond_observed(now, request.exchange, first, Assurance::None);
        let (_, code, options, _) = self.sent();
        assert_eq!(code, Code::CONTENT);
        assert!(options.first(OptionNumber::OBSERVE).is_some());

        let last = self.gateway.close(&forward, status, answer);
        let expected = body(&last);
        self.endpoint
            .refuse_observation(now, observation.expect("an observation"), last);
        let (id, code, options, _) = self.sent();
        assert_eq!(options.first(OptionNumber::OBSERVE), None);
        self.receive(Type::Acknowledgement, id, &Sent::new(Code::EMPTY, ""));
        assert_eq!(self.endpoint.footprint().observations, 0);
        assert!(self.endpoint.poll_transmit().is_none());
        (code, expected)
    }
}

/// A body of two formats: CBOR and JSON stand for the text and the XML of the case.
#[test]
fn td_coap_core_20_accept() {
    let versions = r#"{"versions":["v1.11"]}"#;
    for (accept, format) in [(Some(60), 60), (Some(50), 50), (None, 60)] {
        let mut sent = Sent::get(VERSIONS);
        if let Some(accept) = accept {
            sent = sent.uint(OptionNumber::ACCEPT, accept);
        }
        let (code, options, payload) = Association::new().answered(&sent, 200, versions);
        assert_eq!(code, Code::CONTENT);
        assert_eq!(options.uint(OptionNumber::CONTENT_FORMAT), Some(format));
        let expected = match format {
            50 => versions.as_bytes().to_vec(),
            _ => cbor(versions, Keys::V1),
        };
        assert_eq!(payload, expected);
    }
    // Critical: it is not answered in another format, and the refusal is in the one that all understand.
    for accept in [0, 40, 41] {
        let mut association = Association::new();
        let sent = Sent::get(VERSIONS).uint(OptionNumber::ACCEPT, accept);
        let refusal = association.gateway.refused(&sent);
        let response = association.gateway.refuse(&sent, refusal);
        assert_eq!(response.code, Code::NOT_ACCEPTABLE);
        let format = response.options.uint(OptionNumber::CONTENT_FORMAT);
        assert_eq!(format, Some(60));
    }
}

/// Nothing of Matrix has an ETag that a client could keep: none is sent with a body of one block, and one that comes is
/// elective, so that the answer is whole.
#[test]
fn td_coap_core_21_etag() {
    let sent = Sent::get(VERSIONS).option(OptionNumber::ETAG, b"old");
    let versions = r#"{"versions":[]}"#;
    for _ in 0..2 {
        let (code, options, payload) = Association::new().answered(&sent, 200, versions);
        assert_eq!(code, Code::CONTENT);
        assert_eq!(options.first(OptionNumber::ETAG), None);
        assert_eq!(payload, cbor(versions, Keys::V1));
    }
}

/// No condition is looked at, and a request with one is not passed on: both options are critical.
fn is_not_passed_on(condition: OptionNumber, value: &[u8]) {
    let mut association = Association::new();
    let sent = Sent::new(Code::PUT, "/9/!r/m.room.message/1");
    let sent = sent.token("a").option(condition, value).cbor("{}");
    association.asks(&sent);
    let (_, code, options, _) = association.sent();
    assert_eq!(code, Code::BAD_OPTION);
    assert_eq!(options.uint(OptionNumber::CONTENT_FORMAT), Some(60));
    let Some(Event::Partial(_)) = association.endpoint.poll_event() else {
        panic!("it is not told");
    };
    assert!(association.endpoint.poll_event().is_none());
}

#[test]
fn td_coap_core_22_if_match() {
    is_not_passed_on(OptionNumber::IF_MATCH, b"etag");
}

#[test]
fn td_coap_core_23_if_none_match() {
    is_not_passed_on(OptionNumber::IF_NONE_MATCH, b"");
}

/// What is observed is gone when the token is worth nothing any more.
#[test]
fn td_coap_obs_07_the_token_is_revoked() {
    let mut association = Association::new();
    let unknown = r#"{"errcode":"M_UNKNOWN_TOKEN","error":"gone"}"#;
    let (code, said) = association.cleared_by(401, unknown);
    assert_eq!((code, &said[..]), (Code::UNAUTHORIZED, unknown));
    assert!(association.gateway.session.token().is_none());
}

/// The format of an observation does not change. That the homeserver has nothing in it any more ends it.
#[test]
fn td_coap_obs_08_the_answer_is_no_json() {
    let mut association = Association::new();
    let (code, said) = association.cleared_by(200, "<html>");
    assert_eq!(code, Code::BAD_GATEWAY);
    assert!(said.contains("not JSON"));
    assert!(association.gateway.session.token().is_some());
}
