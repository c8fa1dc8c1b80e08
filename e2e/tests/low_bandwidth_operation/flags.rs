//! `vestibule low-bandwidth`, with the flags of the program that it takes the place of.

use std::net::{SocketAddr, UdpSocket};
use std::process::Command;

use rustix::process::Signal;
use vestibule_e2e::{Process, connect, free_ports, program, wait_for};

use crate::stage::{Stage, json, request};

/// The command with these flags, each by one dash or two.
fn command(stage: &Stage, dashes: &str, flags: &[(&str, &str)]) -> Command {
    let mut command = program();
    command.arg("low-bandwidth");
    let homeserver = format!("http://{}", stage.homeserver.address());
    let [chain, key] = [&stage.leaf.chain, &stage.leaf.key].map(|it| it.display().to_string());
    let own = [
        ("local", &*homeserver),
        ("tls-cert", &*chain),
        ("tls-key", &*key),
    ];
    for (flag, value) in own.iter().chain(flags) {
        command.arg(format!("{dashes}{flag}")).arg(value);
    }
    command
}

#[test]
fn one_dash_or_two() {
    let stage = Stage::new();
    for dashes in ["-", "--"] {
        let flags = [("dtls-bind-addr", "127.0.0.1:0")];
        let mut process = Process::start("vestibule", &mut command(&stage, dashes, &flags));
        let address: SocketAddr = wait_for("the address", || {
            let lines = process.stderr();
            let line = lines.iter().find(|it| it.contains("listening for DTLS"))?;
            let (_, rest) = line.split_once("address=")?;
            rest.split_whitespace().next()?.parse().ok()
        });
        stage.is_served(&mut stage.client(address));
        process.signal(Signal::INT);
        assert_eq!(process.wait().code(), Some(0));
        // Records go to standard output.
        let records = process.stdout().join("\n");
        assert!(
            records.contains("lb_request") && records.contains("path=/_matrix"),
            "{records}"
        );
        assert!(!records.contains(&stage.token), "{records}");
    }
}

#[test]
fn a_port_alone_is_every_address_of_both_families_and_the_url_is_served() {
    let stage = Stage::new();
    let mut url = String::new();
    let (process, port) = Process::on_free_ports("vestibule", 1, "ready", |port| {
        url = format!("http://127.0.0.1:{port}");
        let bind = format!(":{port}");
        command(
            &stage,
            "-",
            &[("dtls-bind-addr", &bind), ("advertise", &url)],
        )
    });
    for ip in ["127.0.0.1", "[::1]"] {
        let address = format!("{ip}:{port}").parse().expect("an address");
        let mut client = stage.client(address);
        stage.is_served(&mut client);
        let told = client.request(request("/.well-known/matrix/client", None));
        assert_eq!(json(&told)["m.homeserver"]["base_url"], url.as_str());
        drop(connect(address));
    }
    drop(process);
}

#[test]
fn an_address_that_is_in_use_is_told_and_nothing_is_left() {
    let stage = Stage::new();
    let port = free_ports(2);
    let taken = UdpSocket::bind(("127.0.0.1", port + 1)).expect("a port");
    let [free, busy] = [port, port + 1].map(|port| format!("127.0.0.1:{port}"));
    let flags = [("dtls-bind-addr", &*free), ("dtls-bind-addr", &*busy)];
    let mut process = Process::start("vestibule", &mut command(&stage, "--", &flags));
    assert_eq!(process.wait().code(), Some(1));
    let said = wait_for("a reason", || {
        let lines = process.stderr().join("\n");
        lines.contains("vestibule: ").then_some(lines)
    });
    assert!(said.contains("Address already in use"), "{said}");
    assert!(said.contains(&busy), "{said}");
    assert!(!said.contains("listening for DTLS"), "{said}");
    drop(taken);
    let mut process = Process::start("vestibule", &mut command(&stage, "--", &flags));
    process.wait_for_line("ready");
    process.signal(Signal::TERM);
    assert_eq!(process.wait().code(), Some(0));
}

#[test]
fn wrong_flags_are_told() {
    let stage = Stage::new();
    let output = command(&stage, "-", &[("dtls-bind-adr", ":8008")])
        .output()
        .expect("running the program");
    assert_eq!(output.status.code(), Some(2), "{output:?}");
    let output = command(&stage, "-", &[("advertise", "ftp://example.org")])
        .output()
        .expect("running the program");
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("ftp://example.org"), "{said}");
}
