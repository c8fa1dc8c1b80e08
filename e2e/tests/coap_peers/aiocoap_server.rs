//! Our client asks aiocoap's server.

use vestibule_coap::endpoint::Acknowledge;
use vestibule_coap::{Code, OptionNumber, Type};
use vestibule_e2e::coap::{AiocoapServer, CoapClient, Traced, coap_request, pattern};

use crate::{assert_clean, in_blocks_of, once, patient};

#[track_caller]
fn assert_quiet(server: &AiocoapServer) {
    assert_eq!(server.complaints(), Vec::<String>::new());
}

#[test]
fn a_large_body_comes_down() {
    let server = AiocoapServer::start();
    for config in [patient(), in_blocks_of(64)] {
        let client = CoapClient::to(server.address(), config);
        let answer = client.request(coap_request(Code::GET, "/large?n=5000", ""));
        let answer = answer.expect("an answer");
        assert!(
            answer.payload == pattern(5000),
            "{} bytes",
            answer.payload.len()
        );
        assert_clean(&client.trace());
    }
    assert_eq!(server.executed(), ["GET /large 0"; 2]);
    assert_quiet(&server);
}

#[test]
fn a_large_body_goes_up_and_is_executed_once() {
    let server = AiocoapServer::start();
    for config in [patient(), in_blocks_of(64)] {
        let client = CoapClient::to(server.address(), config);
        let body = pattern(3001);
        let put = client.request(coap_request(Code::PUT, "/store", body.clone()));
        assert_eq!(put.expect("an answer").code, Code::CHANGED);
        let mut post = coap_request(Code::POST, "/store", body.clone());
        post.options.push_uint(OptionNumber::CONTENT_FORMAT, 0);
        let posted = client.request(post);
        let posted = posted.expect("an answer");
        assert!(posted.payload == body, "{} bytes", posted.payload.len());
        assert_clean(&client.trace());
    }
    let executed = ["PUT /store 3001", "POST /store 3001"];
    assert_eq!(server.executed(), executed.repeat(2));
    assert_quiet(&server);
}

#[test]
fn a_slow_answer_is_separate() {
    let server = AiocoapServer::start();
    let client = CoapClient::to(server.address(), patient());
    let answer = client
        .request(coap_request(Code::GET, "/slow", ""))
        .expect("an answer");
    assert_eq!(answer.payload, "at last");
    let kinds: Vec<_> = once(client.trace()).iter().map(Traced::kind).collect();
    let [request, answer] = [Type::Confirmable, Type::Acknowledgement];
    assert_eq!(kinds, [request, answer, request, answer]);
    client.ping();
    assert_quiet(&server);
}

#[test]
fn errors() {
    let server = AiocoapServer::start();
    let client = CoapClient::to(server.address(), patient());
    let answer = client
        .request(coap_request(Code::GET, "/nowhere", ""))
        .expect("an answer");
    assert_eq!(answer.code, Code::NOT_FOUND);
    let answer = client
        .request(coap_request(Code::DELETE, "/store", ""))
        .expect("an answer");
    assert_eq!(answer.code, Code::METHOD_NOT_ALLOWED);
    assert_clean(&client.trace());
    assert_quiet(&server);
}

/// States of one block and more; aiocoap does not split those.
#[test]
fn states_are_observed_until_we_have_enough() {
    for acknowledge in [Acknowledge::AtOnce, Acknowledge::ByCaller] {
        let mut server = AiocoapServer::start();
        let client = CoapClient::to(server.address(), patient());
        let (id, first) = client.observe(coap_request(Code::GET, "/state", ""), acknowledge);
        assert_eq!(first.payload, "first");
        for (state, expected) in [("second", 6), ("900", 900), ("3000", 3000), ("last", 4)] {
            server.publish(state);
            assert_eq!(client.notification(id).payload.len(), expected);
            client.acknowledge(id);
        }
        client.cancel(id);
        client.wait_for_silence();
        server.wait_for_line("observers 0");
        assert_clean(&client.trace());
        assert_quiet(&server);
    }
}

#[test]
fn an_end_that_the_server_sets_is_told() {
    let mut server = AiocoapServer::start();
    let client = CoapClient::to(server.address(), patient());
    let request = coap_request(Code::GET, "/state", "");
    let (id, _) = client.observe(request, Acknowledge::AtOnce);
    server.publish("end");
    let refusal = client.refusal(id);
    assert_eq!(
        (refusal.code, &refusal.payload[..]),
        (Code::NOT_FOUND, &b"gone"[..])
    );
    client.wait_for_silence();
    assert_clean(&client.trace());
    assert_quiet(&server);
}
