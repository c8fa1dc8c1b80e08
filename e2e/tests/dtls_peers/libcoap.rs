//! libcoap's clients, over OpenSSL and over GnuTLS.

use std::io::Write;

use tempfile::NamedTempFile;
use vestibule_e2e::coap::{is_complaint, pattern};
use vestibule_e2e::dtls::{RawProcess, libcoap};
use vestibule_e2e::eventually;

use super::{KINDS, Kind, Site};

const LIBRARIES: [&str; 2] = ["openssl", "gnutls"];

/// Runs it to its end; it must have nothing to complain about. What it has written.
#[track_caller]
fn run(site: &Site, library: &str, path: &str, arguments: &[&str]) -> String {
    finish(start(site, library, path, arguments))
}

fn start(site: &Site, library: &str, path: &str, arguments: &[&str]) -> RawProcess {
    RawProcess::start(&mut libcoap(
        library,
        site.server.address(),
        path,
        arguments,
    ))
}

#[track_caller]
fn finish(mut client: RawProcess) -> String {
    let status = client.wait();
    let text = client.text();
    assert!(status.success(), "{status}: {text}");
    let complaint = text.lines().find(|line| is_complaint(line));
    assert_eq!(complaint, None, "{text}");
    text.trim_end_matches('\n').to_owned()
}

#[test]
fn get_put_and_large_answers() {
    let body = pattern(3500);
    let mut file = NamedTempFile::new().expect("a temporary file");
    file.write_all(&body).expect("room for a file");
    let file = file.path().display().to_string();
    for kind in KINDS {
        let site = Site::new(kind, "");
        let root = site.root();
        // Verified against our authority, and not at all.
        for library in LIBRARIES {
            for trust in [&["-C", &root][..], &["-n"]] {
                let with = |more: &[&'static str]| [trust, more].concat();
                let time = run(&site, library, "/time", trust);
                assert!(!time.is_empty());
                let put = [trust, &["-m", "put", "-f", &file]].concat();
                let echo = run(&site, library, "/echo", &put);
                assert!(echo.as_bytes() == body, "{} bytes: {echo}", echo.len());
                let small = [&put[..], &["-b", "64"]].concat();
                let echo = run(&site, library, "/echo", &small);
                assert!(echo.as_bytes() == body, "{} bytes: {echo}", echo.len());
                let large = run(&site, library, "/large?n=5000", trust);
                assert_eq!(large.len(), 5000);
                let small = run(&site, library, "/large?n=1500", &with(&["-b", "64"]));
                assert_eq!(small.len(), 1500);
            }
        }
        site.server.wait_for_opened(2 * 2 * 5);
        let opened = site.server.opened();
        assert_eq!(opened.len(), 2 * 2 * 5);
        assert!(opened.iter().all(|it| it.version == "1.2"), "{opened:?}");
    }
}

#[test]
fn a_ping_while_an_observation_goes_on() {
    // So rarely that the client asks in between.
    let site = Site::new(Kind::Ecdsa, "--tick 1500");
    for (at, library) in LIBRARIES.into_iter().enumerate() {
        let observing = ["-n", "-s", "9", "-K", "1"];
        let ticks = run(&site, library, "/ticks", &observing);
        assert!(
            ticks.lines().filter(|line| !line.is_empty()).count() >= 3,
            "{ticks}"
        );
        assert_eq!(site.server.wait_for_closed(at + 1), "peer");
    }
}

#[test]
fn a_server_that_another_authority_vouches_for_is_refused() {
    let site = Site::new(Kind::Ecdsa, "");
    let other = vestibule_e2e::Authority::new();
    let other = other.root().display().to_string();
    for library in LIBRARIES {
        let client = start(&site, library, "/time", &["-C", &other]);
        eventually("a complaint", || {
            let text = client.text();
            text.contains("certificate") || text.contains("alert")
        });
    }
    assert_eq!(site.server.count("handshakes", &[]), 0);
    run(&site, "openssl", "/time", &["-n"]);
}
