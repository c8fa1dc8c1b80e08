//! With DTLS, against our own server.

use std::io::Read;
use std::process::Stdio;
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use vestibule_e2e::coap::pattern;
use vestibule_e2e::dtls::CoapsServer;
use vestibule_e2e::{Authority, PATIENCE, Process, eventually, wait_for};

use crate::{bad, coap, command, good, report};

const VERSIONS: [&str; 2] = ["1.2", "1.3"];

/// An authority, and a server for `localhost` with a certificate of it.
fn setup() -> (Authority, CoapsServer) {
    let authority = Authority::new();
    let leaf = authority.server(&["localhost"]);
    let server = CoapsServer::start(env!("CARGO_BIN_EXE_coaps-server"), &leaf, "--tick 50");
    (authority, server)
}

fn url(server: &CoapsServer, path: &str) -> String {
    format!("localhost:{}{path}", server.address().port())
}

#[test]
fn both_versions() {
    let (authority, server) = setup();
    let root = authority.root().display().to_string();
    for (at, version) in VERSIONS.into_iter().enumerate() {
        let ask = |arguments: &[&str], path: &str| {
            let url = url(&server, path);
            coap(&[&["-dtls", version, "--cacert", &root], arguments, &[&*url]].concat())
        };
        let told = ask(&["--json", "-v", "-d", "{}"], "/echo");
        assert_eq!(
            (told.code, &told.stdout[..]),
            (Some(0), &b"{}"[..]),
            "{}",
            told.stderr
        );
        let id = format!("ServerHello (DTLS {version}, ");
        assert!(told.stderr.contains(&id), "{}", told.stderr);
        assert!(told.stderr.contains("Connection ID 0x"), "{}", told.stderr);
        assert!(
            told.stderr.contains("protected, with a Connection ID"),
            "{}",
            told.stderr
        );
        let report = report(&told);
        assert_eq!(report["dtls"], version);
        assert_eq!(report["code"], "2.04");
        let opened = server.wait_for_opened(3 * at + 1);
        assert_eq!((&*opened.version, opened.resumed), (version, false));
        assert_eq!(server.wait_for_closed(3 * at + 1), "peer");

        let told = ask(&["--block-size=512"], "/large?n=20000");
        assert!(told.stdout == pattern(20_000), "{}", told.stderr);
        let told = ask(&["--ping"], "");
        assert!(told.stdout.starts_with(b"localhost:"), "{}", told.stderr);
        assert_eq!(server.wait_for_closed(3 * at + 3), "peer");
    }
}

/// The server is told even then, also where it must hear of our Finished first.
#[test]
fn refused_in_both_versions() {
    let (_authority, server) = setup();
    for (at, version) in VERSIONS.into_iter().enumerate() {
        let said = bad(&["--dtls", version, &url(&server, "/echo")]);
        assert!(said.contains("is not trusted here"), "{said}");
        assert_eq!(server.wait_for_closed(at + 1), "peer");
    }
}

#[test]
fn observed_until_interrupted() {
    let (authority, server) = setup();
    let root = authority.root().display().to_string();
    for (at, version) in VERSIONS.into_iter().enumerate() {
        let url = url(&server, "/ticks");
        let arguments = ["--cacert", &root, "--dtls", version, "--observe", &url];
        let mut tool = Process::start("coap", &mut command(&arguments));
        eventually("some ticks", || tool.stdout().len() > 3);
        tool.signal(Signal::INT);
        assert_eq!(tool.wait().code(), Some(0));
        assert_eq!(tool.stderr(), Vec::<String>::new());
        assert_eq!(server.wait_for_closed(at + 1), "peer");
        let ticks: Vec<u64> = tool
            .stdout()
            .iter()
            .filter_map(|it| it.parse().ok())
            .collect();
        assert!(ticks.is_sorted() && ticks.len() > 3, "{ticks:?}");
    }
    let counted = good(&[
        "--cacert",
        &root,
        "--observe",
        "--count=2",
        &url(&server, "/ticks"),
    ]);
    assert_eq!(counted.iter().filter(|byte| **byte == b'\n').count(), 2);
}

#[test]
fn the_server_ends() {
    let (_authority, server) = setup();
    let url = url(&server, "/ticks");
    let mut tool = Process::start("coap", &mut command(&["-k", "--observe", &url]));
    eventually("a tick", || !tool.stdout().is_empty());
    server.terminate();
    assert_eq!(tool.wait().code(), Some(1));
    tool.wait_for_line("the association has ended: closed by the server");
}

/// More than a pipe holds, and nobody reads it.
#[test]
fn a_reader_that_has_stopped() {
    let (authority, server) = setup();
    let root = authority.root().display().to_string();
    let url = url(&server, "/large?n=300000");
    for (arguments, signal, code) in [
        (&["-m", "600"][..], Some(Signal::INT), 130),
        (&["-m", "600"], Some(Signal::TERM), 130),
        (&["-m", "10", "-w", "%{code}"], None, 1),
    ] {
        let arguments = [&["--cacert", &root], arguments, &[&*url]].concat();
        let mut tool = command(&arguments)
            .stdout(Stdio::piped())
            .spawn()
            .expect("running the program");
        let mut pipe = tool.stdout.take().expect("standard output");
        // It has begun to write.
        pipe.read_exact(&mut [0; 1]).expect("the beginning");
        thread::sleep(Duration::from_millis(100));
        let start = Instant::now();
        if let Some(signal) = signal {
            kill_process(Pid::from_child(&tool), signal).expect("a signal");
        }
        let status = tool.wait().expect("its end");
        assert_eq!(status.code(), Some(code));
        assert!(start.elapsed() < PATIENCE);
        drop(pipe);
    }
}

/// Standard error is no better: the first signal is not taken there, the second one ends it.
#[test]
fn an_explanation_that_nobody_reads() {
    let (authority, server) = setup();
    let root = authority.root().display().to_string();
    let url = url(&server, "/large?n=300000");
    let mut tool = command(&["-v", "--cacert", &root, "--block-size=16", &url])
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .expect("running the program");
    let mut pipe = tool.stderr.take().expect("standard error");
    pipe.read_exact(&mut [0; 1]).expect("the beginning");
    thread::sleep(Duration::from_secs(3));
    // Two that come before a process gets to run are one.
    let status = wait_for("its end", || {
        kill_process(Pid::from_child(&tool), Signal::INT).expect("a signal");
        thread::sleep(Duration::from_millis(200));
        tool.try_wait().expect("a child of ours")
    });
    assert_eq!(status.code(), Some(130));
    drop(pipe);
}
