//! `vestibule coap` as a person or a script uses it, against our endpoint and libcoap's servers.

mod dtls;
mod observe;
mod own;
mod plain;

use std::io::Write;
use std::net::SocketAddr;
use std::process::{Command, Output, Stdio};

use vestibule_e2e::program;

/// What the tool has said and done.
struct Told {
    code: Option<i32>,
    stdout: Vec<u8>,
    stderr: String,
}

fn command(arguments: &[&str]) -> Command {
    let mut command = program();
    command
        .arg("coap")
        .args(arguments)
        .env_remove("SSLKEYLOGFILE");
    command
}

/// Runs the tool to its end, with this on its standard input.
fn run(mut command: Command, input: &[u8]) -> Told {
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("running the program");
    let mut stdin = child.stdin.take().expect("standard input");
    // It may end without reading.
    let _ = stdin.write_all(input);
    drop(stdin);
    let Output {
        status,
        stdout,
        stderr,
    } = child.wait_with_output().expect("its output");
    Told {
        code: status.code(),
        stdout,
        stderr: String::from_utf8(stderr).expect("text on standard error"),
    }
}

fn coap(arguments: &[&str]) -> Told {
    run(command(arguments), b"")
}

/// Runs it; it must have nothing to complain about. What it has written.
#[track_caller]
fn good(arguments: &[&str]) -> Vec<u8> {
    let told = coap(arguments);
    assert_eq!(told.code, Some(0), "{arguments:?}: {}", told.stderr);
    assert_eq!(told.stderr, "", "{arguments:?}");
    told.stdout
}

/// As [`good`], when what it writes is text.
#[track_caller]
fn text(arguments: &[&str]) -> String {
    String::from_utf8(good(arguments)).expect("text")
}

/// Runs it; it must fail. What it says about that.
#[track_caller]
fn bad(arguments: &[&str]) -> String {
    let told = coap(arguments);
    assert_eq!(told.code, Some(1), "{arguments:?}: {}", told.stderr);
    assert_eq!(String::from_utf8_lossy(&told.stdout), "", "{arguments:?}");
    told.stderr
}

/// A URL of a server without DTLS.
fn plain(address: SocketAddr, path: &str) -> String {
    format!("coap://{address}{path}")
}

/// The line of JSON at the end of what it says.
#[track_caller]
fn report(told: &Told) -> serde_json::Value {
    let line = told.stderr.lines().last().expect("a line");
    serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"))
}
