//! Without DTLS.

use std::fs;
use std::net::{SocketAddr, UdpSocket};
use std::process::Stdio;

use vestibule_coap::endpoint::Config;
use vestibule_coap::{Code, OptionNumber};
use vestibule_e2e::coap::{CoapServer, Faults, LibcoapServer, LossyRelay, pattern};
use vestibule_e2e::free_ports;

use crate::{bad, bad_within, coap, command, good, once_in_five, plain, report, run, text};

#[test]
fn methods() {
    let server = LibcoapServer::start(&["-d", "10"]);
    let url = |path| plain(server.address(), path);
    assert!(text(&[&url("/")]).starts_with("This is a test server"));
    assert_eq!(good(&["-X", "PUT", "-d", "one", &url("/new")]), b"");
    assert_eq!(good(&[&url("/new")]), b"one");
    assert_eq!(
        good(&["--request=PUT", "-data", "two\n", &url("/new")]),
        b""
    );
    assert_eq!(good(&[&url("/new")]), b"two\n");
    assert_eq!(good(&["-XDELETE", &url("/new")]), b"");
    let told = coap(&[&url("/new")]);
    assert_eq!(told.code, Some(1));
    assert_eq!(told.stdout, b"Not Found");
    assert_eq!(told.stderr, "vestibule: 4.04 Not Found\n");
    assert!(text(&["--plain", &format!("http://{}", server.address())]).contains("libcoap"));
    assert_eq!(server.complaints(), Vec::<String>::new());
}

#[test]
fn bodies_come_from_anywhere_and_go_anywhere() {
    let server = CoapServer::start(Config::default());
    let url = server.url("/echo");
    let directory = tempfile::tempdir().expect("a temporary directory");
    let [from, to] = ["from", "to"].map(|name| directory.path().join(name));
    let body: Vec<u8> = (0..=255).cycle().take(5000).collect();
    fs::write(&from, &body).expect("a temporary file");
    let at = format!("@{}", from.display());
    let to_name = to.to_str().expect("a path in UTF-8");

    // A body makes it a POST, and is carried as it is, in blocks.
    assert_eq!(good(&["-d", &at, &url]), body);
    assert_eq!(server.asked_once("/echo").code, Code::POST);
    assert_eq!(good(&["-o", to_name, "-XPUT", "-d", &at, &url]), b"");
    assert_eq!(fs::read(&to).expect("the file"), body);
    assert_eq!(good(&["-o", "-", "-d", "text", &url]), b"text");
    for flag in ["-", "@-"] {
        let told = run(command(&["-X", "POST", "-d", flag, &url]), &body);
        assert_eq!((told.code, told.stdout), (Some(0), body.clone()));
    }
    let said = bad(&["-d", "@/nonexistent", &url]);
    assert!(said.contains("cannot read /nonexistent"), "{said}");
    let said = bad(&["-o", "/nonexistent/file", &url]);
    assert!(said.contains("cannot write /nonexistent/file"), "{said}");
}

#[test]
fn headers_become_options() {
    let server = CoapServer::start(Config::default());
    let told = coap(&[
        "-v",
        "-H",
        "Authorization: Bearer syt_secret",
        "-H",
        "Content-Type: application/cbor",
        "--header=Accept: application/json",
        "-H",
        "65000: 0x0102",
        "-d",
        "\u{a0}",
        &server.url("/formats?access_token=hidden&b=c%26d"),
    ]);
    assert_eq!(told.code, Some(0), "{}", told.stderr);
    assert_eq!(told.stdout, b"{}");
    let asked = server.asked_once("/formats");
    assert_eq!(
        asked.options.first(OptionNumber(256)),
        Some(&b"syt_secret"[..])
    );
    assert_eq!(asked.options.uint(OptionNumber::CONTENT_FORMAT), Some(60));
    assert_eq!(asked.options.uint(OptionNumber::ACCEPT), Some(50));
    assert_eq!(asked.options.first(OptionNumber(65_000)), Some(&[1, 2][..]));
    let queries: Vec<_> = asked.options.all(OptionNumber::URI_QUERY).collect();
    assert_eq!(queries, [&b"access_token=hidden"[..], b"b=c&d"]);

    // All of it is explained, but what is secret.
    let said = told.stderr;
    assert!(
        !said.contains("syt_secret") && !said.contains("hidden"),
        "{said}"
    );
    for line in [
        "CON POST, id 0x",
        "Uri-Path: \"formats\"",
        "option 256 (access token): 10 bytes, not shown",
        "Content-Format: 60 (application/cbor)",
        "Accept: 50 (application/json)",
        "ACK 2.05 Content, id 0x",
        "* ",
        "1 round trip, ",
    ] {
        assert!(said.contains(line), "{line} in {said}");
    }
}

#[test]
fn json_here_is_cbor_there() {
    let server = CoapServer::start(Config::default());
    let event = r#"{"type":"m.room.message","sender":"@alice:localhost"}"#;
    let shown = good(&["--keys", "-d", event, &server.url("/echo")]);
    assert_eq!(shown, format!("{event}\n").as_bytes());
    let asked = server.asked_once("/echo");
    assert_eq!(asked.options.uint(OptionNumber::CONTENT_FORMAT), Some(60));
    assert_eq!(&asked.payload[..3], b"\xa2\x02\x6e");
    assert_eq!(good(&["-keys", &server.url("/formats")]), b"{}\n");
    assert_eq!(good(&[&server.url("/formats")]), b"\xa0");
    let said = bad(&["--keys", "-d", "{\"a\":}", &server.url("/echo")]);
    assert!(said.contains("the body is no JSON: syntax"), "{said}");
}

#[test]
fn answers_that_are_no_successes() {
    let server = CoapServer::start(Config::default());
    for (code, name) in [
        ("401", "4.01 Unauthorized"),
        ("413", "4.13 Request Entity Too Large"),
        ("429", "4.29 Too Many Requests"),
        ("502", "5.02 Bad Gateway"),
    ] {
        let url = server.url(&format!("/error?code={code}"));
        let told = coap(&[&url]);
        assert_eq!((told.code, &*told.stdout), (Some(1), &b"the reason"[..]));
        assert_eq!(told.stderr, format!("vestibule: {name}\n"));
        let told = coap(&["-i", &url]);
        let shown = format!("{name}\nContent-Format: 0 (text/plain)\n\nthe reason");
        assert_eq!(String::from_utf8_lossy(&told.stdout), shown);
        assert_eq!((told.code, &*told.stderr), (Some(1), ""));
    }
}

#[test]
fn blocks_are_as_large_as_asked_for() {
    let server = CoapServer::start(Config::default());
    let body = pattern(700);
    let shown = good(&[
        "--block-size",
        "64",
        "-X",
        "PUT",
        "-d",
        "@-",
        &server.url("/echo"),
    ]);
    assert_eq!(shown, b"");
    let told = run(
        command(&["--block-size", "64", "-v", "-d", "-", &server.url("/echo")]),
        &body,
    );
    assert_eq!(
        (told.code, &told.stdout[..]),
        (Some(0), &body[..]),
        "{}",
        told.stderr
    );
    assert!(
        told.stderr
            .contains("Block1: number 0 of 64 bytes, more follow")
    );
    assert!(
        told.stderr
            .contains("Block2: number 10 of 64 bytes, the last")
    );
    let sizes = server
        .trace()
        .into_iter()
        .map(|it| it.message().payload.len());
    assert!(sizes.max() <= Some(64));
    let large = good(&[&server.url("/large?n=70000")]);
    assert!(large == pattern(70_000));
}

#[test]
fn what_it_costs() {
    let attempt = || {
        let server = CoapServer::start(Config::default());
        let told = coap(&[
            "--json",
            "-w",
            "\\n%{code} %{body_bytes_down}\\n",
            &server.url("/large?n=2000"),
        ]);
        (server, told)
    };
    let (server, told) = once_in_five(attempt, |(server, _)| server.trace().len() == 4);
    let end = told.stdout.strip_prefix(&pattern(2000)[..]);
    assert_eq!(end, Some(&b"\n2.05 2000\n"[..]));
    let report = report(&told);
    assert_eq!(report["code"], "2.05");
    assert_eq!(report["datagrams_up"], 2);
    assert_eq!(report["round_trips"], 2);
    let sent = |up| {
        let trace = server.trace().into_iter().filter(move |it| it.sent != up);
        trace.map(|it| it.datagram.len()).sum::<usize>()
    };
    assert_eq!(report["bytes_up"], sent(true));
    assert_eq!(report["bytes_down"], sent(false));
    assert_eq!(report["ip_bytes_up"], sent(true) + 2 * 28);
    assert_eq!(report["dtls"], serde_json::Value::Null);
}

#[test]
fn a_late_answer_and_a_lossy_path() {
    let server = CoapServer::start(Config::default());
    assert_eq!(good(&[&server.url("/slow?ms=2500")]), b"at last");
    let relay = LossyRelay::to(server.address(), 3, Faults::TENTH);
    let url = plain(relay.address(), "/large?n=6000");
    let told = coap(&["--json", &url]);
    assert_eq!(told.code, Some(0), "{}", told.stderr);
    assert!(told.stdout == pattern(6000));
}

#[test]
fn signs_of_life() {
    let server = CoapServer::start(Config::default());
    let url = server.url("/ignored");
    let said = text(&["--ping", &url]);
    assert!(
        said.starts_with(&format!("{}: pong in ", server.address())),
        "{said}"
    );
    let silent = UdpSocket::bind("127.0.0.1:0").expect("a free port");
    let url = plain(silent.local_addr().expect("a bound socket"), "");
    let said = bad(&["--ping", "-m", "0.3", &url]);
    assert!(
        said.contains("no answer to a ping; nothing came from there"),
        "{said}"
    );
}

#[test]
fn nobody_there() {
    let silent = UdpSocket::bind("127.0.0.1:0").expect("a free port");
    let address = silent.local_addr().expect("a bound socket");
    let said = bad(&["-m", "0.3", &plain(address, "/")]);
    assert!(
        said.contains("in time (--max-time); nothing came from there"),
        "{said}"
    );
    let closed = SocketAddr::from(([127, 0, 0, 1], free_ports(1)));
    let said = bad(&[&plain(closed, "/")]);
    assert_eq!(
        said,
        format!("vestibule: nobody receives at {closed} (UDP): the port is closed\n")
    );
    let said = bad(&["coap://host.invalid/"]);
    assert!(said.contains("cannot find host.invalid: "), "{said}");
    // An acknowledgement, and then nothing.
    let server = CoapServer::start(Config {
        piggyback_window: std::time::Duration::from_millis(50),
        ..Config::default()
    });
    let url = server.url("/slow?ms=60000");
    let times = ["-m0.5", "-m4", "-m30"];
    bad_within(times, &[&url], &["s before, was ACK, id 0x"]);
}

#[test]
fn another_place_than_that_of_the_url() {
    let server = CoapServer::start(Config::default());
    let address = server.address().to_string();
    assert_eq!(
        good(&["--connect", &address, "coap://host.invalid:1/echo"]),
        b"echo"
    );
}

#[test]
fn a_reader_that_has_had_enough_is_no_error() {
    let server = CoapServer::start(Config::default());
    let mut child = command(&[&server.url("/large?n=300000")])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("running the program");
    drop(child.stdout.take());
    let output = child.wait_with_output().expect("its end");
    assert_eq!(output.status.code(), Some(0));
    assert_eq!(output.stderr, b"");
}

#[test]
fn command_lines_that_make_no_sense() {
    for (arguments, said) in [
        (&["coap://h/a#b"][..], "%23"),
        (&["-H", "User-Agent: x", "h"], "Authorization, Content-Type"),
        (&["-X", "OPTIONS", "h"], "iPATCH"),
        (&["--block-size", "1000", "h"], "16, 32, 64"),
        (&["-H", "Content-Type: image/png", "h"], "application/cbor"),
        (&[], "<URL>"),
        (&["-unknown", "h"], "unexpected argument"),
    ] {
        let told = coap(arguments);
        assert_eq!(
            (told.code, &*told.stdout),
            (Some(2), &b""[..]),
            "{arguments:?}"
        );
        assert!(told.stderr.contains(said), "{arguments:?}: {}", told.stderr);
    }
}
