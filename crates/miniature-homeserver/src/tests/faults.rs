use std::{
    io::Read,
    time::{Duration, Instant},
};

use super::{Client, refused, start};
use crate::Fault;

const VERSIONS: &str = "/_matrix/client/versions";

#[test]
fn pages_stand_in_the_place_of_answers() {
    let homeserver = start();
    let client = Client::anonymous(&homeserver);
    for (fault, status) in [(Fault::BadGateway, 502), (Fault::Html, 200)] {
        homeserver.set_fault(fault);
        let page = client.ask("GET", VERSIONS, "");
        assert_eq!(page.status, status);
        assert!(page.head.contains("content-type: text/html"));
        assert!(page.body.starts_with(b"<"));
    }
    homeserver.set_fault(Fault::Empty);
    let empty = client.ask("POST", VERSIONS, "{}");
    assert_eq!((empty.status, empty.body.len()), (200, 0));
    assert!(empty.head.contains("content-length: 0"));
    homeserver.set_fault(Fault::None);
    client.ask("GET", VERSIONS, "").fine();
}

#[test]
fn limits_and_errors_on_demand() {
    let homeserver = start();
    let client = Client::anonymous(&homeserver);
    homeserver.set_fault(Fault::RateLimited {
        retry_after_ms: 1_500,
    });
    let limited = client.ask("GET", VERSIONS, "");
    assert_eq!(limited.refusal(), refused(429, "M_LIMIT_EXCEEDED"));
    assert_eq!(limited.json()["retry_after_ms"], 1_500);
    assert!(limited.head.contains("retry-after: 2"));
    homeserver.set_fault(Fault::Error {
        status: 503,
        code: "M_UNKNOWN",
    });
    let error = client.ask("GET", VERSIONS, "");
    assert_eq!(error.refusal(), refused(503, "M_UNKNOWN"));
}

#[test]
fn redirects_lead_to_itself() {
    let homeserver = start();
    homeserver.set_fault_below("/_matrix", Fault::Redirect);
    let client = Client::anonymous(&homeserver);
    let redirect = client.ask("GET", VERSIONS, "");
    assert_eq!(redirect.status, 302);
    let location = format!("location: {}/redirected", homeserver.base_url());
    assert!(redirect.head.contains(&location), "{}", redirect.head);
    client.ask("GET", "/redirected", "").fine();
    assert!(
        homeserver
            .journal()
            .iter()
            .any(|record| record.path == "/redirected")
    );
}

#[test]
fn an_oversized_answer_has_that_size() {
    let homeserver = start();
    let client = Client::anonymous(&homeserver);
    for len in [100_000, 16 << 10, 8, 0] {
        homeserver.set_fault(Fault::Oversized(len));
        let large = client.ask("GET", VERSIONS, "");
        assert!(large.head.contains("transfer-encoding: chunked"));
        let letters = large.body.iter().filter(|byte| **byte == b'x').count();
        assert_eq!(letters, 1 + len.saturating_sub(8));
    }
}

#[test]
fn an_answer_breaks_off() {
    let homeserver = start();
    homeserver.set_fault(Fault::Cut);
    let cut = Client::anonymous(&homeserver).ask("GET", VERSIONS, "");
    assert_eq!(cut.status, 200);
    let length = format!("content-length: {}", 2 * cut.body.len());
    assert!(cut.head.contains(&length), "{}", cut.head);
}

#[test]
fn a_connection_ends_without_an_answer() {
    let homeserver = start();
    homeserver.set_fault(Fault::Closed);
    let mut stream = Client::anonymous(&homeserver).send("GET", VERSIONS, "");
    let mut rest = Vec::new();
    let _ = stream.read_to_end(&mut rest);
    assert_eq!(rest, b"");
}

#[test]
fn silence_and_slowness() {
    let homeserver = start();
    let client = Client::anonymous(&homeserver);
    homeserver.set_fault(Fault::Silent);
    let mut stream = client.send("GET", VERSIONS, "");
    stream
        .set_read_timeout(Some(Duration::from_millis(100)))
        .unwrap();
    let error = stream.read(&mut [0]).unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::WouldBlock);

    homeserver.set_fault(Fault::Slow(Duration::from_millis(50)));
    let begun = Instant::now();
    client.ask("GET", VERSIONS, "").fine();
    assert!(begun.elapsed() >= Duration::from_millis(50));
}

#[test]
fn the_longest_beginning_of_a_path_counts() {
    let homeserver = start();
    let client = Client::anonymous(&homeserver);
    homeserver.set_fault_below("/_matrix/", Fault::BadGateway);
    homeserver.set_fault_below(VERSIONS, Fault::None);
    client.ask("GET", VERSIONS, "").fine();
    client.ask("GET", "/.well-known/matrix/client", "").fine();
    assert_eq!(client.ask("GET", "/_matrix/x", "").status, 502);
    homeserver.set_fault(Fault::None);
    assert_eq!(client.ask("GET", "/_matrix/x", "").status, 404);
}
