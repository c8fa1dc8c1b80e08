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

/// As [`bad`], with each of these times in turn behind the arguments, until it says this: what must happen
/// within the time does not always on a machine that does much else.
#[track_caller]
fn bad_within(times: [&str; 3], arguments: &[&str], wanted: &[&str]) {
    let mut said = Vec::new();
    let has_said = times.iter().any(|time| {
        let told = bad(&[arguments, &[*time]].concat());
        let is_it = wanted.iter().all(|words| told.contains(words));
        said.push(told);
        is_it
    });
    assert!(has_said, "{wanted:?}: {said:#?}");
}

/// The first of these that is as it should be: on a machine that does much else, something may be sent
/// again now and then.
#[track_caller]
fn once_in_five<T>(mut attempt: impl FnMut() -> T, is_it: impl Fn(&T) -> bool) -> T {
    let mut last = attempt();
    for _ in 0..4 {
        if is_it(&last) {
            break;
        }
        last = attempt();
    }
    last
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
