//! `--observe`.

use rustix::process::Signal;
use vestibule_coap::endpoint::{Config, ObservationEnd};
use vestibule_e2e::coap::{CoapServer, LibcoapServer, pattern};
use vestibule_e2e::{Process, eventually};

use crate::{coap, command, plain, text};

#[test]
fn until_interrupted() {
    let server = CoapServer::start(Config::default());
    server.publish("one");
    let mut tool = Process::start("coap", &mut command(&["--observe", &server.url("/state")]));
    tool.wait_for_line("one");
    server.wait_for_observers(1);
    server.publish("two");
    tool.wait_for_line("two");
    server.publish("three\n");
    tool.wait_for_line("three");
    tool.signal(Signal::INT);
    assert_eq!(tool.wait().code(), Some(0));
    eventually("all lines", || tool.stdout() == ["one", "two", "three"]);
    assert_eq!(tool.stderr(), Vec::<String>::new());
    eventually("the end of the observation", || {
        server.ended() == [ObservationEnd::Deregistered]
    });
}

#[test]
fn until_there_are_enough() {
    let server = CoapServer::start(Config::default());
    server.publish("one");
    assert_eq!(
        text(&["-observe", "-count", "1", &server.url("/state")]),
        "one\n"
    );
    let mut tool = Process::start(
        "coap",
        &mut command(&["--observe", "--count", "2", "-i", &server.url("/state")]),
    );
    tool.wait_for_line("one");
    // In blocks.
    let large = String::from_utf8(pattern(3000).to_vec()).expect("text");
    server.publish(large.clone());
    assert_eq!(tool.wait().code(), Some(0));
    let told = || {
        let mut lines = tool.stdout();
        lines.retain(|line| !line.starts_with("ETag: "));
        lines
    };
    let head = ["2.05 Content", "Content-Format: 0 (text/plain)", ""];
    let expected = [&head[..], &["one"], &head, &[&*large]].concat();
    eventually("all lines", || told() == expected);
}

#[test]
fn what_is_not_told() {
    let server = CoapServer::start(Config::default());
    let told = coap(&["--observe", &server.url("/echo")]);
    assert_eq!((told.code, &*told.stdout), (Some(1), &b"echo\n"[..]));
    assert!(
        told.stderr.contains("does not tell of further states"),
        "{}",
        told.stderr
    );
    let told = coap(&["--observe", &server.url("/error?code=403")]);
    assert_eq!((told.code, &*told.stdout), (Some(1), &b"the reason\n"[..]));
    assert_eq!(told.stderr, "vestibule: 4.03 Forbidden\n");
}

/// One that waits for an answer ends at once, too.
#[test]
fn a_request_is_interrupted() {
    let server = CoapServer::start(Config::default());
    let mut tool = Process::start("coap", &mut command(&[&server.url("/slow?ms=60000")]));
    eventually("the request", || !server.asked().is_empty());
    tool.signal(Signal::INT);
    assert_eq!(tool.wait().code(), Some(130));
}

#[test]
fn the_time_of_libcoap() {
    let server = LibcoapServer::start(&[]);
    let told = text(&[
        "--observe",
        "--count",
        "3",
        &plain(server.address(), "/time"),
    ]);
    assert_eq!(told.lines().count(), 3, "{told}");
    assert_eq!(server.complaints(), Vec::<String>::new());
}
