//! Homeservers that are broken, or somebody else.

use std::io::{BufRead, BufReader, Write};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::json;
use vestibule_coap::{Code, OptionNumber};
use vestibule_e2e::lowband::{LowbandGateway, Reply, StubHomeserver};
use vestibule_e2e::{Origin, ReservedPort};
use vestibule_miniature_homeserver::{Fault, Homeserver, Options};

use crate::stage::{ALICE, assert_fine, assert_refused, get, is_empty, post};

/// What a client is told in each case, always by a map.
#[test]
fn every_way_to_fail() {
    let homeserver = Homeserver::start(Options::default()).expect("a homeserver");
    let alice = homeserver.register("alice", "wonderland");
    let token = homeserver.log_in(&alice).expect("an account");
    let mut gateway = LowbandGateway::setup(homeserver.address())
        .limits("response_body = \"1MiB\"")
        .start();
    let mut script = gateway.script();
    let options = [(OptionNumber(256), token.as_bytes())];
    let path = ["_matrix", "client", "v3", "joined_rooms"];
    let mut ask = |fault: Fault| {
        homeserver.set_fault(fault);
        let answer = script.requests(&get(&path, &options));
        homeserver.set_fault(Fault::None);
        answer
    };
    assert_refused(
        "502",
        &ask(Fault::BadGateway),
        Code::BAD_GATEWAY,
        "M_UNKNOWN",
    );
    assert_refused("HTML", &ask(Fault::Html), Code::BAD_GATEWAY, "M_UNKNOWN");
    assert_refused(
        "a redirection",
        &ask(Fault::Redirect),
        Code::BAD_GATEWAY,
        "M_UNKNOWN",
    );
    assert_refused(
        "half a body",
        &ask(Fault::Cut),
        Code::BAD_GATEWAY,
        "M_UNKNOWN",
    );
    assert_refused(
        "no answer",
        &ask(Fault::Closed),
        Code::BAD_GATEWAY,
        "M_UNKNOWN",
    );
    assert_refused(
        "3 MiB",
        &ask(Fault::Oversized(3 << 20)),
        Code::BAD_GATEWAY,
        "M_UNKNOWN",
    );
    let answer = ask(Fault::Empty);
    assert_eq!(answer.header.code, Code::CONTENT);
    assert!(is_empty(&answer.map()), "{answer:?}");
    for (retry_after_ms, max_age) in [(1, 1), (1_000, 1), (1_001, 2), (60_000, 60)] {
        let answer = ask(Fault::RateLimited { retry_after_ms });
        assert_refused("429", &answer, Code::TOO_MANY_REQUESTS, "M_LIMIT_EXCEEDED");
        assert_eq!(answer.options.uint(OptionNumber::MAX_AGE), Some(max_age));
        assert_eq!(answer.map()["retry_after_ms"], retry_after_ms);
    }
    for (status, code) in [
        (400, Code::BAD_REQUEST),
        (402, Code::BAD_REQUEST),
        (403, Code::FORBIDDEN),
        (404, Code::NOT_FOUND),
        (408, Code::BAD_REQUEST),
        (409, Code::CONFLICT),
        (410, Code::NOT_FOUND),
        (412, Code::PRECONDITION_FAILED),
        (413, Code::REQUEST_ENTITY_TOO_LARGE),
        (418, Code::BAD_REQUEST),
        (500, Code::INTERNAL_SERVER_ERROR),
        (501, Code::NOT_IMPLEMENTED),
        (503, Code::SERVICE_UNAVAILABLE),
        (504, Code::GATEWAY_TIMEOUT),
        (599, Code::INTERNAL_SERVER_ERROR),
    ] {
        let code_of_error = "M_TEST";
        let answer = ask(Fault::Error {
            status,
            code: code_of_error,
        });
        assert_refused(&status.to_string(), &answer, code, code_of_error);
        // It is not the gateway that refuses a block.
        assert!(answer.block1().is_none());
    }
    // What means nothing is not passed on, nor is what is said beside it.
    for status in [600, 999] {
        let answer = ask(Fault::Error {
            status,
            code: "M_TEST",
        });
        let what = status.to_string();
        assert_refused(&what, &answer, Code::BAD_GATEWAY, "M_UNKNOWN");
    }
    // As ever, after all that.
    let answer = ask(Fault::None);
    assert_eq!(answer.header.code, Code::CONTENT, "{answer:?}");
    assert_fine(&mut gateway);
}

#[test]
fn silence() {
    let homeserver = Homeserver::start(Options::default()).expect("a homeserver");
    homeserver.set_fault(Fault::Silent);
    let mut gateway = LowbandGateway::setup(homeserver.address())
        .keys("request_timeout = \"2s\"")
        .start();
    let start = Instant::now();
    let answer = gateway.script().requests(&get(&["I"], ALICE));
    assert_refused("silence", &answer, Code::GATEWAY_TIMEOUT, "M_UNKNOWN");
    assert!(start.elapsed() >= Duration::from_secs(2));
    homeserver.set_fault(Fault::None);
    assert_fine(&mut gateway);
}

/// JSON that is too deep, is none, or says what no CBOR can.
#[test]
fn json_that_is_none() {
    let homeserver = StubHomeserver::start(|asked| {
        let json = |body: String| Reply::of(200, "application/json", body);
        Some(match asked.path().rsplit('/').next()? {
            "deep" => json("[".repeat(10_000) + &"]".repeat(10_000)),
            "open" => json("{\"a\":".repeat(10_000)),
            "half" => json("{\"a\":1".to_owned()),
            "two" => json("{}{}".to_owned()),
            "nan" => json("{\"a\":NaN}".to_owned()),
            "bytes" => Reply::of(200, "application/json", vec![b'"', 0xff, b'"']),
            "surrogate" => json(r#"{"a":"\ud800"}"#.to_owned()),
            "array" => json("[1,2]".to_owned()),
            "text" => json("\"F\"".to_owned()),
            "elsewhere" => Reply::of(307, "text/html", "")
                .with("Location", "http://127.0.0.1:1/_synapse/admin"),
            "slow" => {
                thread::sleep(Duration::from_millis(2_500));
                json("{}".to_owned())
            }
            _ => return None,
        })
    });
    let mut gateway = LowbandGateway::before(homeserver.address());
    let mut script = gateway.script();
    let mut ask = |path: &str| script.requests(&get(&["_matrix", "client", "v3", path], ALICE));
    for path in ["deep", "open", "half", "two", "nan", "bytes", "elsewhere"] {
        assert_refused(path, &ask(path), Code::BAD_GATEWAY, "M_UNKNOWN");
    }
    let answer = ask("surrogate");
    assert_eq!(answer.map(), json!({"a": "\u{fffd}"}));
    // An array is what the homeserver said; a client that does not want it has asked for it.
    assert_eq!(ask("array").header.code, Code::CONTENT);
    assert_eq!(ask("text").header.code, Code::CONTENT);
    assert_eq!(ask("slow").header.code, Code::CONTENT);
    assert_fine(&mut gateway);
}

/// What is no answer of HTTP/1.1, or not clearly one, or none that ends, is none; nothing of it is
/// taken for the answer to somebody else.
#[test]
fn answers_that_are_none() {
    const OK: &str = "HTTP/1.1 200 OK\r\n";
    const CHUNKED: &str = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
    let answers = [
        "SSH-2.0-OpenSSH_9.6\r\n".to_owned(),
        "\u{15}\u{3}\u{1}\0\u{2}\u{2}F".to_owned(),
        "HTTP/2.0 200 OK\r\n\r\n{}".to_owned(),
        "HTTP/1.1 200 OK\nContent-Length: 2\n\n{}".to_owned(),
        format!("{OK}Content-Length: 2\r\nContent-Length: 3\r\n\r\n{{}}"),
        format!(
            "{OK}Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{{}}\r\n0\r\n\r\n"
        ),
        format!("{OK}Content-Length: -2\r\n\r\n{{}}"),
        format!("{OK}Content-Length: 99999999999999999999\r\n\r\n{{}}"),
        format!("{OK}Content-Length: 9\r\n\r\n{{}}"),
        format!("{OK}Transfer-Encoding: gzip\r\n\r\n{{}}"),
        format!("{OK}X: {}\r\n\r\n{{}}", "x".repeat(70_000)),
        format!("{OK}{}\r\n{{}}", "X: x\r\n".repeat(101)),
        "HTTP/1.1 100 Continue\r\n\r\n".repeat(10_000),
        format!("{CHUNKED}ffffffffffffffff\r\n{{}}"),
        format!("{CHUNKED}2\r\n{{}}0\r\n\r\n"),
        format!("{CHUNKED}2\r\n{{}}\r\n"),
        format!("{CHUNKED}2;{}\r\n{{}}\r\n0\r\n\r\n", "x".repeat(20_000)),
        format!("{CHUNKED}0\r\n{}", "X: x\r\n".repeat(10_000)),
        format!("{OK}\r\n{}", "x".repeat(2 << 20)),
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: h2c\r\n\r\n".to_owned(),
    ];
    let next = Arc::new(Mutex::new(String::new()));
    let homeserver = Origin::serve({
        let next = Arc::clone(&next);
        move |mut stream| {
            let mut reader = BufReader::new(stream.try_clone().expect("a second handle"));
            let mut target = String::new();
            while reader.read_line(&mut target).is_ok_and(|read| read > 0) {
                let mut line = target.clone();
                while line != "\r\n" && !line.is_empty() {
                    line.clear();
                    let _ = reader.read_line(&mut line);
                }
                let is_versions = target.contains("/_matrix/client/versions");
                target.clear();
                let answer = match is_versions {
                    true => r#"{"versions":["v1.11"]}"#.to_owned(),
                    false => {
                        let answer = next.lock().map(|next| next.clone());
                        // The connection ends with it, one way or the other.
                        let _ = stream.write_all(answer.unwrap_or_default().as_bytes());
                        return;
                    }
                };
                let length = answer.len();
                let answer = format!("HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n\r\n{answer}");
                if stream.write_all(answer.as_bytes()).is_err() {
                    return;
                }
            }
        }
    });
    let mut gateway = LowbandGateway::setup(homeserver.address())
        .limits("response_body = \"1MiB\"")
        .start();
    let mut script = gateway.script();
    for answer in answers {
        let what = format!("{:?}", &answer[..answer.len().min(80)]);
        *next.lock().expect("the next answer") = answer;
        let answer = script.requests(&get(&["I"], ALICE));
        assert_refused(&what, &answer, Code::BAD_GATEWAY, "M_UNKNOWN");
        let versions = script.requests(&get(&["0"], &[]));
        assert_eq!(versions.map()["versions"][0], "v1.11", "{what}");
    }
    // What stands behind an answer is nobody's.
    let two = "HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\n{\"a\":1}";
    *next.lock().expect("the next answer") = two.repeat(2);
    let answer = script.requests(&get(&["I"], ALICE));
    assert_eq!(answer.map(), json!({"a": 1}));
    let versions = script.requests(&get(&["0"], &[]));
    assert_eq!(versions.map()["versions"][0], "v1.11");
    assert_fine(&mut gateway);
}

/// Nobody listens there.
#[test]
fn no_homeserver_at_all() {
    let away = ReservedPort::new();
    let gateway = LowbandGateway::before(away.address());
    let mut script = gateway.script();
    for asking in [get(&["0"], &[]), get(&["7"], ALICE), post(&["1"], &[0xa0])] {
        let answer = script.requests(&asking);
        assert_refused("nobody", &answer, Code::BAD_GATEWAY, "M_UNKNOWN");
    }
    let register = [ALICE[0], (OptionNumber::OBSERVE, b"")];
    let answer = script.requests(&get(&["7"], &register));
    assert_refused("a register", &answer, Code::BAD_GATEWAY, "M_UNKNOWN");
    assert_eq!(answer.observe(), None);
}
