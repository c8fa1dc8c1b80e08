//! aiocoap's client asks our server.

use serde_json::json;
use vestibule_coap::endpoint::{ObservationEnd, Response};
use vestibule_coap::{Code, OptionList, OptionNumber, Type};
use vestibule_e2e::coap::{AiocoapClient, CoapServer, Told, Traced, pattern};
use vestibule_e2e::eventually;

use crate::{assert_body, assert_clean, in_blocks_of, once, patient};

#[track_caller]
fn one(told: &[Told]) -> &Told {
    let [only] = told else {
        panic!("{told:?}");
    };
    only
}

fn text(body: &[u8]) -> &str {
    std::str::from_utf8(body).expect("a body in UTF-8")
}

#[test]
fn small_requests() {
    let server = CoapServer::start(patient());
    let told = AiocoapClient::run(&json!({ "url": server.url("/echo") }));
    assert_eq!((&*one(&told).code, &*one(&told).body), ("2.05", "echo"));
    let order = json!({ "url": server.url("/echo"), "method": "PUT", "payload": "small" });
    let told = AiocoapClient::run(&order);
    assert_eq!((&*one(&told).code, &*one(&told).body), ("2.04", "small"));
    let order = json!({ "url": server.url("/echo"), "non": true });
    let told = AiocoapClient::run(&order);
    assert_eq!(one(&told).body, "echo");
    let confirmable: Vec<bool> = server
        .asked()
        .iter()
        .map(|asked| asked.confirmable)
        .collect();
    assert_eq!(confirmable, [true, true, false]);
    assert_clean(&server.trace());
}

/// It takes a new token for each block; with a Request-Tag, too, the request is executed once.
#[test]
fn a_large_body_goes_both_ways_and_is_executed_once() {
    for (config, tag) in [(patient(), "00aa"), (in_blocks_of(256), "")] {
        let server = CoapServer::start(config);
        let body = pattern(3500);
        let told = AiocoapClient::run(&json!({
            "url": server.url("/echo"),
            "method": "POST",
            "payload": text(&body),
            "request_tag": tag,
        }));
        assert_eq!(one(&told).code, "2.04");
        assert_body(&one(&told).body, &body);
        assert_eq!(server.asked_once("/echo").payload, body);
        assert_clean(&server.trace());
        let requests = server.trace().into_iter().filter(|traced| !traced.sent);
        let mut tokens: Vec<_> = requests.map(|traced| traced.token()).collect();
        tokens.dedup();
        assert!(tokens.len() > 3, "{tokens:?}");
    }
}

#[test]
fn a_large_request_is_sent_in_the_blocks_that_the_client_wants() {
    let server = CoapServer::start(patient());
    let body = pattern(500);
    let told = AiocoapClient::run(&json!({
        "url": server.url("/echo"),
        "method": "PUT",
        "payload": text(&body),
        "block": 2,
    }));
    assert_body(&one(&told).body, &body);
    assert_eq!(server.asked_once("/echo").payload, body);
    let trace = server.trace();
    assert_clean(&trace);
    let blocks = trace.iter().filter_map(|it| it.block(OptionNumber::BLOCK1));
    let sizes: Vec<usize> = blocks.map(|block| block.size.bytes()).collect();
    assert_eq!(sizes, [64; 16]);
}

#[test]
fn a_large_answer_comes_in_our_blocks() {
    let server = CoapServer::start(in_blocks_of(128));
    let told = AiocoapClient::run(&json!({ "url": server.url("/large?n=1500") }));
    assert_body(&one(&told).body, &pattern(1500));
    server.asked_once("/large");
    assert_clean(&server.trace());
    assert_eq!(once(server.trace()).len(), 2 * 12);
}

#[test]
fn a_slow_answer_is_separate() {
    let server = CoapServer::start(patient());
    let told = AiocoapClient::run(&json!({ "url": server.url("/slow?ms=1800"), "linger": 0.2 }));
    assert_eq!(one(&told).body, "at last");
    server.asked_once("/slow");
    assert_clean(&server.trace());
    let kinds: Vec<_> = once(server.trace()).iter().map(Traced::kind).collect();
    let [request, answer] = [Type::Confirmable, Type::Acknowledgement];
    assert_eq!(kinds, [request, answer, request, answer]);
}

#[test]
fn errors_and_formats() {
    let server = CoapServer::start(patient());
    for (code, expected) in [("404", "4.04"), ("429", "4.29"), ("504", "5.04")] {
        let url = server.url(&format!("/error?code={code}"));
        let told = AiocoapClient::run(&json!({ "url": url }));
        assert_eq!(
            (&*one(&told).code, &*one(&told).body),
            (expected, "the reason")
        );
    }
    for (accept, code, format) in [(60, "2.05", 60), (50, "2.05", 50), (41, "4.06", 0)] {
        let told = AiocoapClient::run(&json!({ "url": server.url("/formats"), "accept": accept }));
        assert_eq!((&*one(&told).code, one(&told).format), (code, Some(format)));
    }
    assert_clean(&server.trace());
}

/// States, small and large: each arrives once and whole, in order. When the client has enough, it
/// acknowledges one more, and rejects the next.
#[test]
fn states_are_notified_small_and_large_until_the_client_has_enough() {
    for (config, path) in [(patient(), "/state"), (in_blocks_of(256), "/state?assured")] {
        let server = CoapServer::start(config);
        server.publish(pattern(1500));
        let order = json!({ "url": server.url(path), "observe": 4, "linger": 600 });
        let client = AiocoapClient::start(&order);
        let mut states = vec![pattern(1500)];
        client.wait_for_told(1);
        for state in [
            "second".into(),
            pattern(3001),
            "fourth".into(),
            pattern(1300),
        ] {
            server.publish(state.clone());
            states.push(state);
            client.wait_for_told(states.len());
        }
        client.wait_for_told(states.len() + 1);
        assert_clean(&server.trace());
        server.publish("unwanted");
        server.publish("rejected");
        eventually("the end of the observation", || {
            server.ended() == [ObservationEnd::Reset]
        });
        let told = client.stop();
        assert_eq!(told.len(), 6);
        for (told, state) in told.iter().zip(&states) {
            assert_body(&told.body, state);
        }
        assert_eq!(told[5].end.as_deref(), Some("cancelled"));
    }
}

#[test]
fn an_end_that_we_set_is_told() {
    let server = CoapServer::start(patient());
    server.publish("first");
    let order = json!({ "url": server.url("/state"), "observe": null });
    let client = AiocoapClient::start(&order);
    client.wait_for_told(1);
    server.refuse_observers(&Response {
        code: Code::FORBIDDEN,
        options: OptionList::new(),
        payload: "no more".into(),
    });
    let told = client.finish();
    assert_eq!(told.len(), 3, "{told:?}");
    assert_eq!((&*told[1].code, &*told[1].body), ("4.03", "no more"));
    assert_eq!(told[2].end.as_deref(), Some("ended"));
    assert_clean(&server.trace());
}
