//! Reloads while connections live, and what an operator does to them over the control socket.

use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::Signal;
use serde_json::Value;
use vestibule_e2e::{
    End, Origin, PATIENCE, Process, Vestibule, connect, eventually, exchange, read_to_end,
    try_connect, wait_for,
};

/// Connections with data flowing on each while the configuration is reloaded.
const CONNECTIONS: usize = 4_000;

/// How long data flows between two reloads.
const BETWEEN: Duration = Duration::from_secs(2);

/// The load generator and the origin are a process of their own, so that its descriptors and its
/// work are its own too.
#[test]
fn reloads_disturb_none_of_4000_connections_nor_newcomers() {
    let mut flow = Process::start("flow", &mut Command::new(env!("CARGO_BIN_EXE_flow")));
    let origin = wait_for("the origin", || {
        let lines = flow.stdout();
        lines.first()?.strip_prefix("origin ").map(str::to_owned)
    });
    let elsewhere = Origin::echo();
    let tables = |service: &str, more: &str| {
        format!(
            "[[listener]]\nname = \"in\"\nbind = \"127.0.0.1:0\"\nservice = \"{service}\"\n{more}\n\
             [service.flow]\nupstreams = [\"{origin}\"]\n\
             [service.elsewhere]\nupstreams = [\"{}\"]\n",
            elsewhere.address()
        )
    };
    let another =
        "[[listener]]\nname = \"another\"\nbind = \"127.0.0.1:0\"\nservice = \"elsewhere\"\n";
    let mut vestibule = Vestibule::start(tables("flow", ""));
    let address = vestibule.address("in");
    flow.say(&format!("{address} {CONNECTIONS}"));
    flow.wait_for_line("flowing");

    let done = AtomicBool::new(false);
    let newcomers = thread::scope(|scope| {
        let newcomers = scope.spawn(|| keep_connecting(address, &done));
        // Also when a step fails, the newcomers must end.
        let end = SetOnDrop(&done);
        thread::sleep(BETWEEN);
        // One more listener; where everything goes changes.
        vestibule.rewrite(tables("elsewhere", another));
        vestibule.reload_by_signal();
        thread::sleep(BETWEEN);
        vestibule.rewrite("[[listener]]\nname = \"in\"\nbind = \"not an address\"\n");
        let refused = vestibule.command(&["reload"]);
        assert_eq!(refused.status.code(), Some(1), "{refused:?}");
        let message = String::from_utf8_lossy(&refused.stderr);
        assert!(message.contains("not an address"), "{message}");
        thread::sleep(BETWEEN);
        // The listener goes again, other limits.
        vestibule.rewrite(format!(
            "{}idle_timeout = \"1h\"\nbalance = \"random\"\n[limits]\nconnections = 9000\n",
            tables("flow", "")
        ));
        let answer = vestibule.ask(&["reload"]);
        assert_eq!(answer["answer"], "reloaded");
        thread::sleep(BETWEEN);
        vestibule.rewrite(tables("flow", ""));
        vestibule.reload_by_signal();
        thread::sleep(BETWEEN);
        drop(end);
        newcomers.join().expect("the newcomers")
    });
    flow.close_stdin();
    flow.wait();
    flow.wait_for_line("\"failures\"");
    let report = flow.stdout().pop().expect("a report");
    let report: Value = serde_json::from_str(&report).expect("a report in JSON");
    println!("{report}, {} newcomers", newcomers.connections);

    assert_eq!(newcomers.failures, Vec::<String>::new());
    assert!(newcomers.connections > 20, "{}", newcomers.connections);
    assert_eq!(report["failures"], serde_json::json!([]));
    assert_eq!(report["connections"], CONNECTIONS);
    let reloads = |result| {
        let metrics = vestibule.metrics();
        metrics.value("vestibule_reloads_total", &[("result", result)])
    };
    assert_eq!((reloads("done"), reloads("refused")), (3, 1));
    // Every connection has its record, with every byte.
    let records = vestibule.wait_for_records(CONNECTIONS + newcomers.connections);
    assert_eq!(records.len(), CONNECTIONS + newcomers.connections);
    assert!(records.iter().all(|record| record.text("end") == "eof"));
    let sum = |key: &str| records.iter().map(|record| record.number(key)).sum::<u64>();
    let bytes = report["bytes"].as_u64().expect("a number")
        + (newcomers.connections * GREETING.len()) as u64;
    assert_eq!((sum("bytes_in"), sum("bytes_out")), (bytes, bytes));
}

struct Newcomers {
    connections: usize,
    failures: Vec<String>,
}

const GREETING: &[u8] = b"does this door still open?";

/// Connects, exchanges and closes until `done`.
fn keep_connecting(address: SocketAddr, done: &AtomicBool) -> Newcomers {
    let mut newcomers = Newcomers {
        connections: 0,
        failures: Vec::new(),
    };
    while !done.load(Ordering::Relaxed) {
        if let Err(error) = come_and_go(address) {
            newcomers.failures.push(error.to_string());
        }
        newcomers.connections += 1;
        thread::sleep(Duration::from_millis(3));
    }
    newcomers
}

fn come_and_go(address: SocketAddr) -> io::Result<()> {
    let mut stream = try_connect(address)?;
    stream.write_all(GREETING)?;
    stream.shutdown(Shutdown::Write)?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer)?;
    match answer == GREETING {
        true => Ok(()),
        false => Err(io::Error::other(format!("{} bytes came", answer.len()))),
    }
}

struct SetOnDrop<'a>(&'a AtomicBool);

impl Drop for SetOnDrop<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

fn listener(name: &str, service: &str) -> String {
    format!("[[listener]]\nname = \"{name}\"\nbind = \"127.0.0.1:0\"\nservice = \"{service}\"\n")
}

fn service(name: &str, upstream: SocketAddr) -> String {
    format!("[service.{name}]\nupstreams = [\"{upstream}\"]\n")
}

#[test]
fn a_removed_listener_closes_and_its_connections_go_on() {
    let origin = Origin::echo();
    let echo = service("echo", origin.address());
    let both = listener("one", "echo") + &listener("two", "echo") + &echo;
    let mut vestibule = Vestibule::start(both);
    let (one, two) = (vestibule.address("one"), vestibule.address("two"));
    let mut through_one = connect(one);
    let mut through_two = connect(two);
    exchange(&mut through_two, b"before");
    exchange(&mut through_one, b"before");

    vestibule.rewrite(listener("one", "echo") + &listener("three", "echo") + &echo);
    vestibule.reload_by_signal();
    let closed = vestibule.events("no longer listening");
    assert_eq!(closed.len(), 1);
    assert_eq!(closed[0]["listener"], "two");
    eventually("the removed listener to refuse", || {
        try_connect(two).is_err_and(|error| error.kind() == io::ErrorKind::ConnectionRefused)
    });
    exchange(&mut connect(vestibule.address("three")), b"new");
    exchange(&mut connect(one), b"kept");
    exchange(&mut through_two, b"after");
    exchange(&mut through_one, b"after");
    drop(through_two);
    // The record still names the listener that is gone.
    let record = vestibule.record("the removed listener", |r| r.text("listener") == "two");
    assert_eq!(record.number("bytes_in"), 11);
}

#[test]
fn live_connections_keep_the_plan_that_they_started_with() {
    let (old, new) = (Origin::echo(), Origin::echo());
    let tables = |upstream| listener("in", "echo") + &service("echo", upstream);
    let mut vestibule = Vestibule::start(tables(old.address()));
    let address = vestibule.address("in");
    let mut before = connect(address);
    exchange(&mut before, b"to the old one");
    vestibule.rewrite(tables(new.address()));
    vestibule.reload_by_signal();
    let mut after = connect(address);
    exchange(&mut after, b"to the new one");
    exchange(&mut before, b"still to the old one");
    assert_eq!((old.accepted(), new.accepted()), (1, 1));
}

#[test]
fn a_broken_file_is_refused_on_sighup_too() {
    let origin = Origin::echo();
    let good = listener("in", "echo") + &service("echo", origin.address());
    let mut vestibule = Vestibule::start(good.clone());
    vestibule.rewrite(good.clone() + "[service.echo2]\nupstream = []\n");
    vestibule.process().signal(Signal::HUP);
    let refused = wait_for("the refusal", || {
        let events = vestibule.all_events();
        events.into_iter().find(|event| event["level"] == "ERROR")
    });
    let message = refused["message"].as_str().unwrap_or_default();
    assert!(message.contains("the old configuration stays"), "{message}");
    assert!(message.contains("upstream"), "{message}");
    exchange(&mut connect(vestibule.address("in")), b"the old plan");
    vestibule.rewrite(good);
    vestibule.reload_by_signal();
}

/// An address that is taken refuses the whole reload: nothing of it takes effect.
#[test]
fn a_reload_takes_effect_as_a_whole_or_not_at_all() {
    let origin = Origin::echo();
    let echo = service("echo", origin.address());
    let mut vestibule = Vestibule::start(listener("in", "echo") + &echo);
    let taken = format!(
        "[[listener]]\nname = \"taken\"\nbind = \"{}\"\nservice = \"echo\"\n",
        origin.address()
    );
    vestibule.rewrite(listener("added", "echo") + &taken + &echo);
    let refused = vestibule.command(&["reload"]);
    assert_eq!(refused.status.code(), Some(1), "{refused:?}");
    let message = String::from_utf8_lossy(&refused.stderr);
    assert!(message.contains("taken"), "{message}");
    exchange(&mut connect(vestibule.address("in")), b"as before");
    let listeners = vestibule.ask(&["show", "listeners"]);
    let names: Vec<_> = listeners["listeners"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|shown| shown["listener"].as_str().unwrap_or_default())
        .collect();
    assert_eq!(names, ["in"]);
}

#[test]
fn connections_and_services_are_shown() {
    let origin = Origin::echo();
    let vestibule = Vestibule::start(
        "[[listener]]\nname = \"in\"\nbind = \"127.0.0.1:0\"\nservice = \"echo\"\n\
         [listener.proxy_protocol]\n"
            .to_owned()
            + &service("echo", origin.address()),
    );
    let mut streams: Vec<TcpStream> = (1..=5)
        .map(|n| {
            let mut stream = connect(vestibule.address("in"));
            let line = format!("PROXY TCP4 192.0.2.{n} 198.51.100.1 4000 5222\r\n");
            stream.write_all(line.as_bytes()).expect("a header");
            exchange(&mut stream, b"hello");
            stream
        })
        .collect();
    let answer = vestibule.ask(&["show", "connections"]);
    let mut shown = answer["connections"].as_array().expect("a list").clone();
    shown.sort_by_key(|connection| connection["client"].to_string());
    assert_eq!(shown.len(), 5);
    for (n, (connection, stream)) in (1..).zip(shown.iter().zip(&streams)) {
        let peer = stream.local_addr().expect("an address").to_string();
        assert_eq!(connection["client"], format!("192.0.2.{n}:4000"));
        assert_eq!(connection["peer"], peer);
        assert_eq!(connection["service"], "echo");
        assert_eq!(connection["upstream"], origin.address().to_string());
        assert_eq!(
            (&connection["bytes_in"], &connection["bytes_out"]),
            (&5.into(), &5.into())
        );
    }
    let answer = vestibule.ask(&["show", "services"]);
    let upstream = &answer["services"][0]["upstreams"][0];
    assert_eq!(upstream["active"], 5);
    assert_eq!(upstream["up"], true);
    // For people, a table.
    let table = vestibule.command(&["show", "connections"]);
    let table = String::from_utf8_lossy(&table.stdout);
    assert_eq!(table.lines().count(), 6, "{table}");
    streams.clear();
    eventually("no connection to be shown", || {
        let answer = vestibule.ask(&["show", "connections"]);
        answer["connections"] == serde_json::json!([])
    });
}

#[test]
fn kill_ends_the_connection_that_it_names() {
    let origin = Origin::echo();
    let tables = listener("in", "echo") + &service("echo", origin.address());
    let vestibule = Vestibule::start(tables);
    let [mut spared, mut killed] = [(); 2].map(|()| {
        let mut stream = connect(vestibule.address("in"));
        exchange(&mut stream, b"hello");
        stream
    });
    let address = killed.local_addr().expect("an address").to_string();
    let answer = vestibule.ask(&["show", "connections"]);
    let shown = answer["connections"].as_array().expect("a list");
    let id = shown
        .iter()
        .find(|connection| connection["client"] == address)
        .and_then(|connection| connection["id"].as_str())
        .expect("the connection is shown");
    assert_eq!(vestibule.ask(&["kill", id])["connections"], 1);
    assert_eq!(read_to_end(&mut killed), (Vec::new(), End::Fin));
    let record = vestibule.record("the killed connection", |r| r.text("id") == id);
    record.assert(&[
        ("client", &address),
        ("end", "killed"),
        ("ended_by", "vestibule"),
    ]);
    exchange(&mut spared, b"still there");
    // Nobody has this id now.
    let gone = vestibule.command(&["kill", id]);
    assert_eq!(gone.status.code(), Some(1));
    let said = String::from_utf8_lossy(&gone.stderr);
    assert!(
        said.contains(&format!("there is no connection {id}")),
        "{said}"
    );
    assert_eq!(
        vestibule.command(&["kill", "nonsense"]).status.code(),
        Some(1)
    );
}

#[test]
fn drain_ends_the_connections_of_a_service() {
    let (kept, drained) = (Origin::echo(), Origin::echo());
    let tables = listener("to-kept", "kept")
        + &listener("to-drained", "drained")
        + &service("kept", kept.address())
        + &service("drained", drained.address());
    let vestibule = Vestibule::start(tables);
    let open = |listener| {
        let mut stream = connect(vestibule.address(listener));
        exchange(&mut stream, b"hello");
        stream
    };
    let mut stays = open("to-kept");
    let mut goes: Vec<_> = (0..3).map(|_| open("to-drained")).collect();
    let mut later = open("to-drained");
    drop(goes.pop());

    let asked = Instant::now();
    let answer = vestibule.ask(&["drain", "drained", "--after", "6s"]);
    assert!(answer["connections"].as_u64() >= Some(3), "{answer}");
    exchange(&mut later, b"not yet");
    for stream in goes.iter_mut().chain([&mut later]) {
        assert_eq!(read_to_end(stream), (Vec::new(), End::Fin));
    }
    assert!(asked.elapsed() >= Duration::from_secs(6));
    assert!(asked.elapsed() < PATIENCE);
    let record = vestibule.record_of(later.local_addr().expect("an address"));
    record.assert(&[("end", "drained"), ("ended_by", "vestibule")]);
    exchange(&mut stays, b"still there");
    // Draining ends what lives; newcomers are carried as before.
    exchange(&mut open("to-drained"), b"again");
    assert_eq!(
        vestibule.command(&["drain", "nobody"]).status.code(),
        Some(1)
    );
}
