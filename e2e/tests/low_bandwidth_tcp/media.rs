//! What CoAP does not carry.

use std::fs;
use std::io::{Read, Write};

use vestibule_e2e::ReservedPort;

use super::{Gateway, Homeserver, body};

/// More than either of us would hold.
const LENGTH: usize = 32 << 20;

#[test]
fn media_stream_both_ways() {
    let homeserver = Homeserver::start(|head, stream| {
        if head.starts_with("GET") {
            let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {LENGTH}\r\n\r\n");
            return stream.write_all(head.as_bytes()).is_ok()
                && stream.write_all(&vec![b'x'; LENGTH]).is_ok();
        }
        let taken = std::io::copy(
            &mut Read::by_ref(stream).take(LENGTH as u64),
            &mut std::io::sink(),
        );
        let said = format!(r#"{{"taken":{}}}"#, taken.unwrap_or(0));
        super::write_answer(stream, "200 OK", "", &said)
    });
    let mut gateway = Gateway::before(&homeserver);
    let directory = tempfile::tempdir().expect("a temporary directory");
    let file = directory.path().join("media");
    fs::write(&file, vec![b'y'; LENGTH]).expect("a file");
    let before = gateway.vestibule.process().resident_memory();
    for version in ["--http1.1", "--http2-prior-knowledge"] {
        let data = format!("@{}", file.display());
        let said = gateway.curl(
            "/_matrix/media/v3/upload?filename=y",
            &[version, "--data-binary", &data, "--header", "Expect:"],
        );
        assert_eq!(said, format!(r#"{{"taken":{LENGTH}}}"#));
        let size = gateway.curl(
            "/_matrix/client/v1/media/download/hs/x",
            &[
                version,
                "--output",
                "/dev/null",
                "--write-out",
                "%{size_download}",
            ],
        );
        assert_eq!(size, LENGTH.to_string());
    }
    let grown = gateway.vestibule.process().resident_memory();
    let grown = grown.saturating_sub(before);
    assert!(grown < 16 << 20, "{grown} bytes");
}

#[test]
fn long_requests_are_answered_when_the_homeserver_wants() {
    let homeserver = Homeserver::start(|_, stream| {
        std::thread::sleep(std::time::Duration::from_secs(2));
        super::write_answer(stream, "200 OK", "", r#"{"next_batch":"s2"}"#)
    });
    let gateway = Gateway::before(&homeserver);
    let target = "/_matrix/client/v3/sync?timeout=2000&access_token=s3cret";
    let mut answer = gateway.ask("GET", target, "");
    assert_eq!(body(&mut answer), r#"{"next_batch":"s2"}"#);
    // Homeservers read it there still, and nobody else may.
    assert!(homeserver.head().contains("access_token=s3cret"));
    let log = gateway.vestibule.access_log();
    gateway.vestibule.record("the request", |record| {
        record.text("path") == "/_matrix/client/v3/sync"
    });
    assert!(!fs::read_to_string(log).expect("a log").contains("s3cret"));
}

#[test]
fn a_homeserver_that_is_away_is_an_error_of_matrix() {
    let away = ReservedPort::new();
    let gateway = Gateway::start(format!("http://{}", away.address()), "");
    let mut answer = gateway.ask("GET", "/_matrix/client/versions", "");
    assert_eq!(answer.status(), 502);
    assert_eq!(answer.field("Content-Type"), Some("application/json"));
    assert_eq!(answer.field("Access-Control-Allow-Origin"), Some("*"));
    let body = body(&mut answer);
    assert!(body.starts_with(r#"{"errcode":"M_UNKNOWN""#), "{body}");
}
