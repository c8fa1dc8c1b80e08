//! libcoap's client asks our server.

use std::io::Write;

use tempfile::NamedTempFile;
use vestibule_coap::{Code, OptionNumber, Type};
use vestibule_e2e::coap::{CoapServer, LibcoapClient, pattern};

use crate::{assert_body, assert_clean, in_blocks_of, once, patient, quick};

fn file(body: &[u8]) -> NamedTempFile {
    let mut file = NamedTempFile::new().expect("a temporary file");
    file.write_all(body).expect("room for a body");
    file
}

fn path(file: &NamedTempFile) -> &str {
    file.path().to_str().expect("a path in UTF-8")
}

#[test]
fn a_small_get_and_put() {
    let server = CoapServer::start(patient());
    let printed = LibcoapClient::run(&[&server.url("/echo")]);
    assert_eq!(printed.bodies, "echo");
    let printed =
        LibcoapClient::run(&["-m", "put", "-e", "small", "-t", "0", &server.url("/echo")]);
    assert_eq!(printed.bodies, "small");
    let asked = server.asked();
    assert_eq!((asked[0].code, asked[1].code), (Code::GET, Code::PUT));
    assert_eq!(asked[1].payload, "small");
    assert_clean(&server.trace());
    assert_eq!(once(server.trace()).len(), 4);
}

/// It takes a new token for each block, and the request is executed once all the same.
#[test]
fn a_large_body_goes_both_ways_and_is_executed_once() {
    for blocks in [1024, 256] {
        let server = CoapServer::start(in_blocks_of(blocks));
        let body = pattern(3500);
        let file = file(&body);
        let url = server.url("/echo");
        let printed = LibcoapClient::run(&["-m", "post", "-f", path(&file), &url]);
        assert_body(&printed.bodies, &body);
        assert_eq!(server.asked_once("/echo").payload, body);
        assert_clean(&server.trace());
        let requests = server.trace().into_iter().filter(|traced| !traced.sent);
        let mut tokens: Vec<_> = requests.map(|traced| traced.token()).collect();
        tokens.dedup();
        assert!(tokens.len() > 3, "{tokens:?}");
    }
}

#[test]
fn a_large_answer_comes_in_the_blocks_that_the_client_wants() {
    for (asks, ours, expected) in [(64, 1024, 64), (1024, 128, 128), (16, 1024, 16)] {
        let server = CoapServer::start(in_blocks_of(ours));
        let url = server.url("/large?n=1500");
        let printed = LibcoapClient::run(&["-b", &asks.to_string(), &url]);
        assert_body(&printed.bodies, &pattern(1500));
        server.asked_once("/large");
        assert_clean(&server.trace());
        for traced in server.trace().iter().filter(|traced| traced.sent) {
            let block = traced.block(OptionNumber::BLOCK2).expect("a block");
            assert_eq!(block.size.bytes(), expected);
        }
    }
}

#[test]
fn a_large_request_is_sent_in_the_blocks_that_the_client_or_we_want() {
    for (asks, ours, expected) in [("64", 1024, 64), ("1024", 128, 128)] {
        let server = CoapServer::start(in_blocks_of(ours));
        let body = pattern(1500);
        let file = file(&body);
        let url = server.url("/count");
        let printed = LibcoapClient::run(&["-m", "put", "-b", asks, "-f", path(&file), &url]);
        assert_eq!(printed.bodies, "0");
        assert_eq!(server.asked_once("/count").payload, body);
        let trace = server.trace();
        assert_clean(&trace);
        let mut requests = trace.iter().filter(|traced| !traced.sent);
        let last = requests.rfind(|it| it.block(OptionNumber::BLOCK1).is_some());
        let block = last.and_then(|it| it.block(OptionNumber::BLOCK1));
        assert_eq!(block.expect("a block").size.bytes(), expected);
    }
}

#[test]
fn a_request_that_is_not_confirmable_is_answered_alike() {
    let server = CoapServer::start(patient());
    let printed = LibcoapClient::run(&["-N", &server.url("/echo")]);
    assert_eq!(printed.bodies, "echo");
    let printed = LibcoapClient::run(&["-N", &server.url("/large?n=3000")]);
    assert_body(&printed.bodies, &pattern(3000));
    assert!(server.asked().iter().all(|asked| !asked.confirmable));
    assert_eq!(server.asked().len(), 2);
    let trace = server.trace();
    assert_clean(&trace);
    let first = trace.iter().find(|traced| traced.sent).expect("an answer");
    assert_eq!(first.kind(), Type::NonConfirmable);
}

/// A ping while an answer is waited for: we reject it, as RFC 7252 section 4.3 has it, and that is
/// the answer.
#[test]
fn a_ping_is_answered() {
    let server = CoapServer::start(patient());
    let printed = LibcoapClient::run(&["-K", "1", &server.url("/slow?ms=6000")]);
    assert_eq!(printed.bodies, "at last");
    let trace = server.trace();
    let empty = trace.iter().filter(|it| it.code() == Code::EMPTY);
    let said: Vec<_> = empty.map(|it| (it.sent, it.kind())).collect();
    let ping = [(false, Type::Confirmable), (true, Type::Reset)];
    assert!(said.windows(2).any(|window| window == ping), "{said:?}");
}

#[test]
fn a_slow_answer_is_separate() {
    let server = CoapServer::start(patient());
    let printed = LibcoapClient::run(&[&server.url("/slow?ms=1800")]);
    assert_eq!(printed.bodies, "at last");
    server.asked_once("/slow");
    let trace = once(server.trace());
    assert_clean(&trace);
    let said: Vec<_> = trace
        .iter()
        .map(|it| (it.sent, it.kind(), it.code()))
        .collect();
    let expected = [
        (false, Type::Confirmable, Code::GET),
        (true, Type::Acknowledgement, Code::EMPTY),
        (true, Type::Confirmable, Code::CONTENT),
        (false, Type::Acknowledgement, Code::EMPTY),
    ];
    assert_eq!(said, expected);
}

#[test]
fn errors_come_with_their_reason() {
    let server = CoapServer::start(patient());
    for (code, expected) in [
        ("400", "4.00"),
        ("404", "4.04"),
        ("409", "4.09"),
        ("429", "4.29"),
        ("502", "5.02"),
    ] {
        let printed = LibcoapClient::run(&[&server.url(&format!("/error?code={code}"))]);
        assert_eq!(printed.errors, format!("{expected} the reason"));
    }
    let printed = LibcoapClient::run(&[&server.url("/nowhere")]);
    assert_eq!(printed.errors, "4.04 nothing here");
    assert_clean(&server.trace());
}

#[test]
fn a_format_that_is_accepted_is_answered() {
    let server = CoapServer::start(patient());
    let url = server.url("/formats");
    let printed = LibcoapClient::run(&["-A", "application/json", &url]);
    assert_eq!(printed.bodies, "{}");
    let trace = server.trace();
    let answer = trace.iter().find(|traced| traced.sent).expect("an answer");
    assert_eq!(answer.uint(OptionNumber::CONTENT_FORMAT), Some(50));
    let printed = LibcoapClient::run(&["-A", "application/xml", &url]);
    assert_eq!(printed.errors, "4.06 CBOR or JSON");
    assert_clean(&server.trace());
}

#[test]
fn options_that_nobody_knows() {
    let server = CoapServer::start(patient());
    // Elective, as the access token of Matrix: the application sees it.
    let printed = LibcoapClient::run(&["-O", "256,secret", &server.url("/echo")]);
    assert_eq!(printed.bodies, "echo");
    let asked = server.asked_once("/echo");
    assert_eq!(asked.options.first(OptionNumber(256)), Some(&b"secret"[..]));
    // Critical.
    let printed = LibcoapClient::run(&["-O", "257,1", &server.url("/count")]);
    assert!(printed.errors.starts_with("4.02 "), "{printed:?}");
    assert!(server.asked().iter().all(|asked| asked.path != "/count"));
    assert_clean(&server.trace());
}

/// The client loses datagrams on purpose: these by their numbers.
#[test]
fn what_the_client_loses_is_repeated() {
    let server = CoapServer::start(quick());
    let body = pattern(3000);
    let file = file(&body);
    let url = server.url("/echo");
    let arguments = ["-l", "1,4", "-m", "post", "-f", path(&file), &url];
    let printed = LibcoapClient::run(&arguments);
    assert_body(&printed.bodies, &body);
    assert_eq!(server.asked_once("/echo").payload, body);
    assert_clean(&server.trace());
}
