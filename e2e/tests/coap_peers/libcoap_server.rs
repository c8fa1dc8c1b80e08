//! Our client asks libcoap's server.

use vestibule_coap::endpoint::Acknowledge;
use vestibule_coap::{Code, OptionNumber, Type};
use vestibule_e2e::coap::{CoapClient, LibcoapServer, coap_request, pattern};

use crate::{assert_clean, in_blocks_of, once, patient};

#[track_caller]
fn assert_quiet(server: &LibcoapServer) {
    assert_eq!(server.complaints(), Vec::<String>::new());
}

#[test]
fn small_requests() {
    let server = LibcoapServer::start(&[]);
    let client = CoapClient::to(server.address(), patient());
    let answer = client
        .request(coap_request(Code::GET, "/", ""))
        .expect("an answer");
    assert_eq!(answer.code, Code::CONTENT);
    assert!(answer.payload.starts_with(b"This is a test server"));
    let mut request = coap_request(Code::GET, "/.well-known/core", "");
    request.confirmable = false;
    let answer = client.request(request).expect("an answer");
    assert_eq!(answer.options.uint(OptionNumber::CONTENT_FORMAT), Some(40));
    assert!(answer.payload.starts_with(b"</"), "{answer:?}");
    let answer = client
        .request(coap_request(Code::DELETE, "/nowhere", ""))
        .expect("an answer");
    assert_eq!(answer.code, Code::DELETED);
    let answer = client
        .request(coap_request(Code::GET, "/nowhere", ""))
        .expect("an answer");
    assert_eq!(
        (answer.code, &answer.payload[..]),
        (Code::NOT_FOUND, &b"Not Found"[..])
    );
    assert_clean(&client.trace());
    assert_quiet(&server);
}

#[test]
fn a_ping_is_answered() {
    let server = LibcoapServer::start(&[]);
    let client = CoapClient::to(server.address(), patient());
    client.ping();
    assert_quiet(&server);
}

#[test]
fn a_slow_answer_is_separate() {
    let server = LibcoapServer::start(&[]);
    let client = CoapClient::to(server.address(), patient());
    let answer = client
        .request(coap_request(Code::GET, "/async?1", ""))
        .expect("an answer");
    assert_eq!(answer.payload, "done");
    let said: Vec<_> = once(client.trace())
        .iter()
        .map(|it| (it.kind(), it.code()))
        .collect();
    let expected = [
        (Type::Confirmable, Code::GET),
        (Type::Acknowledgement, Code::EMPTY),
        (Type::Confirmable, Code::CONTENT),
        (Type::Acknowledgement, Code::EMPTY),
    ];
    assert_eq!(said, expected);
    assert_quiet(&server);
}

/// The server keeps what it is sent, and gives it back.
#[test]
fn large_bodies_go_up_and_come_down() {
    let server = LibcoapServer::start(&["-d", "10"]);
    for (at, config) in [patient(), in_blocks_of(256), in_blocks_of(32)]
        .into_iter()
        .enumerate()
    {
        let size = config.block_size;
        let client = CoapClient::to(server.address(), config);
        let path = format!("/kept{at}");
        let body = pattern(3500);
        for expected in [Code::CREATED, Code::CHANGED] {
            let put = client.request(coap_request(Code::PUT, &path, body.clone()));
            assert_eq!(put.expect("an answer").code, expected);
        }
        let got = client
            .request(coap_request(Code::GET, &path, ""))
            .expect("an answer");
        assert_eq!(got.code, Code::CONTENT);
        assert!(got.payload == body, "{} bytes", got.payload.len());
        let trace = client.trace();
        assert_clean(&trace);
        let blocks = trace.iter().filter_map(|it| {
            it.block(OptionNumber::BLOCK1)
                .or(it.block(OptionNumber::BLOCK2))
        });
        assert!(blocks.count() > 6);
        for traced in &trace {
            for number in [OptionNumber::BLOCK1, OptionNumber::BLOCK2] {
                assert!(
                    traced.block(number).is_none_or(|block| block.size == size),
                    "{traced}"
                );
            }
        }
    }
    assert_quiet(&server);
}

/// The server tells the time each second.
#[test]
fn a_state_is_observed_until_we_have_enough() {
    for acknowledge in [Acknowledge::AtOnce, Acknowledge::ByCaller] {
        let server = LibcoapServer::start(&[]);
        let client = CoapClient::to(server.address(), patient());
        let (id, first) = client.observe(coap_request(Code::GET, "/time", ""), acknowledge);
        let mut times = vec![first.payload];
        for _ in 0..2 {
            times.push(client.notification(id).payload);
            client.acknowledge(id);
        }
        assert!(
            times
                .iter()
                .all(|time| time.starts_with(b"Nov ") || time.len() > 10)
        );
        client.cancel(id);
        client.wait_for_silence();
        let trace = client.trace();
        assert_clean(&trace);
        let last = trace.iter().rfind(|it| it.sent && it.code() == Code::GET);
        assert_eq!(
            last.expect("a request").uint(OptionNumber::OBSERVE),
            Some(1)
        );
        assert_quiet(&server);
    }
}

/// The server splits states that are larger than a block.
#[test]
fn large_states_are_observed() {
    for config in [patient(), in_blocks_of(256)] {
        let server = LibcoapServer::start(&[]);
        let observer = CoapClient::to(server.address(), config);
        let writer = CoapClient::to(server.address(), patient());
        let request = coap_request(Code::GET, "/example_data", "");
        let (id, _) = observer.observe(request, Acknowledge::ByCaller);
        for state in [pattern(3001), "small".into(), pattern(1025), pattern(1024)] {
            let put = writer.request(coap_request(Code::PUT, "/example_data", state.clone()));
            assert_eq!(put.expect("an answer").code, Code::CHANGED);
            let seen = observer.notification(id).payload;
            assert!(
                seen == state,
                "{} bytes, {} expected",
                seen.len(),
                state.len()
            );
            observer.acknowledge(id);
        }
        observer.cancel(id);
        observer.wait_for_silence();
        assert_clean(&observer.trace());
        assert_quiet(&server);
    }
}

/// A body up and the same body down in one exchange.
#[test]
fn a_large_body_is_answered_by_a_large_body() {
    let server = LibcoapServer::start(&["-d", "10", "-e"]);
    for (config, path) in [(patient(), "/a"), (in_blocks_of(256), "/b")] {
        let client = CoapClient::to(server.address(), config);
        let body = pattern(3500);
        let mut put = coap_request(Code::PUT, path, body.clone());
        put.options.push_uint(OptionNumber::CONTENT_FORMAT, 42);
        let answer = client.request(put).expect("an answer");
        assert_eq!(answer.code, Code::CREATED);
        assert!(answer.payload == body, "{} bytes", answer.payload.len());
        assert_clean(&client.trace());
    }
    assert_quiet(&server);
}
