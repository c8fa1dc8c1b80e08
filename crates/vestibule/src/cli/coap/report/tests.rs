use std::time::Duration;

use vestibule_coap::{Code, OptionList};
use vestibule_dtls::{
    client::Fingerprint,
    session::{Agreement, Version},
};

use super::*;
use crate::cli::coap::meter::Direction;

/// A handshake of 2 datagrams each way, and one exchange, in which a message is repeated.
fn report(remote: &str) -> Report {
    let start = Instant::now();
    let mut meter = Meter::new(start);
    for (up, down) in [(100, 50), (200, 800)] {
        meter.datagram(Direction::Up, up);
        meter.datagram(Direction::Down, down);
    }
    meter.established(start + Duration::from_millis(20));
    meter.datagram(Direction::Up, 30);
    meter.datagram(Direction::Up, 30);
    meter.datagram(Direction::Down, 40);
    assert_eq!(meter.message(Direction::Up, b"request"), 0);
    assert_eq!(meter.message(Direction::Up, b"request"), 1);
    assert_eq!(meter.message(Direction::Down, b"request"), 0);
    assert_eq!(meter.message(Direction::Down, b"request"), 1);
    let mut options = OptionList::new();
    options.push_uint(OptionNumber::CONTENT_FORMAT, 60);
    let outcome = Outcome {
        remote: Some(remote.parse().unwrap()),
        opened: Some(Opened {
            agreement: Agreement {
                version: Version::Dtls12,
                suite: 0xcca9,
                resumed: false,
                server_name: None,
            },
            fingerprint: Some(Fingerprint([0xab; 32])),
        }),
        response: Some(Response {
            code: Code::CONTENT,
            options,
            payload: b"\xa0"[..].into(),
        }),
        states: 1,
        sent: 7,
    };
    Report::new(&meter, &outcome, start + Duration::from_millis(50))
}

fn fill(text: &str) -> String {
    report("192.0.2.1:8008").fill(&text.parse().unwrap())
}

#[test]
fn a_line_of_json() {
    let line = report("192.0.2.1:8008").json();
    let value: Value = serde_json::from_str(&line).unwrap();
    for (name, expected) in [
        ("code", json!("2.05")),
        ("content_format", json!("application/cbor")),
        ("body_bytes_up", json!(7)),
        ("body_bytes_down", json!(1)),
        ("remote", json!("192.0.2.1:8008")),
        ("dtls", json!("1.2")),
        ("suite", json!("ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256")),
        ("resumed", json!(false)),
        ("datagrams_up", json!(4)),
        ("datagrams_down", json!(3)),
        ("bytes_up", json!(360)),
        ("bytes_down", json!(890)),
        ("ip_bytes_up", json!(360 + 4 * 28)),
        ("ip_bytes_down", json!(890 + 3 * 28)),
        ("handshake_datagrams_up", json!(2)),
        ("handshake_bytes_up", json!(300)),
        ("handshake_ip_bytes_down", json!(850 + 2 * 28)),
        ("retransmissions", json!(1)),
        ("round_trips", json!(3)),
        ("time_handshake", json!(0.02)),
        ("time_total", json!(0.05)),
    ] {
        assert_eq!(value[name], expected, "{name}");
    }
    assert!(line.starts_with("{\"code\":\"2.05\",\"content_format\":"));
    // All names are there, and no others.
    assert_eq!(value.as_object().unwrap().len(), NAMES.len() - 1);
    let over_6 = report("[2001:db8::1]:8008").json();
    let value: Value = serde_json::from_str(&over_6).unwrap();
    assert_eq!(value["ip_bytes_up"], json!(360 + 4 * 48));
}

#[test]
fn formats() {
    for (text, filled) in [
        ("", ""),
        ("%{code} %{bytes_up}\\n", "2.05 360\n"),
        ("%% \\t\\r\\\\ %x {code} \\x", "% \t\r\\ %x {code} \\x"),
        ("%{resumed}%{dtls}", "false1.2"),
        ("\u{fc}%{states}\u{fc}", "\u{fc}1\u{fc}"),
    ] {
        assert_eq!(fill(text), filled, "{text}");
    }
    assert_eq!(fill("%{json}"), report("192.0.2.1:8008").json());
    assert!(
        "%{x}"
            .parse::<Template>()
            .unwrap_err()
            .contains("datagrams_up")
    );
    assert!("%{code".parse::<Template>().is_err());
}

#[test]
fn nothing_is_known_before_anything_has_come() {
    let start = Instant::now();
    let report = Report::new(&Meter::new(start), &Outcome::default(), start);
    let filled = report.fill(
        &"<%{code}%{remote}%{dtls}%{ip_bytes_up}>%{bytes_up}"
            .parse()
            .unwrap(),
    );
    assert_eq!(filled, "<>0");
    assert!(report.json().contains("\"code\":null"));
}

#[test]
fn people_are_told_what_it_cost() {
    assert_eq!(
        report("192.0.2.1:8008").summary(),
        [
            "the handshake: 300 bytes up in 2 datagrams, 850 down in 2 (356 and 906 with IP and UDP)",
            "all of it: 360 bytes up in 4 datagrams, 890 down in 3 (472 and 974 with IP and UDP); \
             3 round trips, 0.05 s",
        ]
    );
}
