//! Tunnels of an explicit proxy from their beginning to their end: much data, ends of either side,
//! reloads, what operators do, and what is left when they are gone.

use std::io::Write;
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::Signal;
use vestibule_e2e::{
    End, Origin, ReservedPort, Vestibule, connect, eventually, exchange, linger_zero, read_to_end,
    receive, send_random, tunnel,
};

/// An explicit proxy with these keys.
fn tables(keys: &str) -> String {
    format!(
        "[limits]\ndrain_timeout = \"6s\"\n\
         [[listener]]\nname = \"in\"\nbind = \"127.0.0.1:0\"\nservice = \"egress\"\n\
         [service.egress]\nkind = \"connect\"\n{keys}\n"
    )
}

/// One that lets through to all of loopback.
fn open() -> Vestibule {
    Vestibule::start(tables("allow = \"127.0.0.0/8\""))
}

/// A tunnel that is there.
#[track_caller]
fn established(vestibule: &Vestibule, there: SocketAddr) -> TcpStream {
    let answer = tunnel(vestibule.address("in"), &there.to_string(), "");
    assert_eq!(answer.status(), 200, "{}", answer.head);
    answer.stream
}

#[test]
fn tunnels_carry_much_both_ways_at_once() {
    const BYTES: u64 = 32 << 20;
    let (vestibule, origin) = (open(), Origin::echo());
    let stream = established(&vestibule, origin.address());
    let sending = stream.try_clone().expect("a second descriptor");
    let sending = thread::spawn(move || send_random(&sending, BYTES, 3));
    let received = receive(&stream, 3);
    assert_eq!(received, sending.join().expect("bytes to go"));
    let client = stream.local_addr().expect("an address");
    let record = vestibule.record_of(client);
    record.assert(&[("end", "eof"), ("ended_by", "client")]);
    // The request and the answer are ours, not the tunnel's.
    assert_eq!(record.number("bytes_in"), BYTES);
    assert_eq!(record.number("bytes_out"), BYTES);
}

#[test]
fn ends_of_either_side_are_passed_on() {
    let (vestibule, (origin, connections)) = (open(), Origin::hand_over());
    let mut client = established(&vestibule, origin.address());
    let mut upstream = connections.accept();
    client.write_all(b"a question").expect("a question");
    client.shutdown(Shutdown::Write).expect("FIN");
    let question = (b"a question".to_vec(), End::Fin);
    assert_eq!(read_to_end(&mut upstream), question);
    upstream.write_all(b"an answer").expect("half a connection");
    drop(upstream);
    assert_eq!(read_to_end(&mut client), (b"an answer".to_vec(), End::Fin));

    let mut client = established(&vestibule, origin.address());
    let upstream = connections.accept();
    linger_zero(&upstream);
    drop(upstream);
    assert_eq!(read_to_end(&mut client), (Vec::new(), End::Reset));

    let client = established(&vestibule, origin.address());
    let mut upstream = connections.accept();
    linger_zero(&client);
    drop(client);
    assert_eq!(read_to_end(&mut upstream), (Vec::new(), End::Reset));
}

/// A client that says all that it has to say, and FIN, before it has an answer.
#[test]
fn a_fin_behind_the_request_is_carried_too() {
    let (vestibule, origin) = (open(), Origin::echo());
    let mut stream = connect(vestibule.address("in"));
    let there = origin.address();
    write!(
        stream,
        "CONNECT {there} HTTP/1.1\r\nHost: {there}\r\n\r\nall"
    )
    .expect("a request");
    stream.shutdown(Shutdown::Write).expect("FIN");
    let (heard, end) = read_to_end(&mut stream);
    assert_eq!(
        String::from_utf8_lossy(&heard),
        "HTTP/1.1 200 Connection established\r\n\r\nall"
    );
    assert_eq!(end, End::Fin);
}

/// What is live goes on by the old rules, what is new goes by the new ones.
#[test]
fn a_reload_changes_the_rules_for_those_who_come_after_it() {
    let (one, other) = (Origin::echo(), Origin::echo());
    let allow = |origin: &Origin| tables(&format!("allow = \"{}\"", origin.address()));
    let mut vestibule = Vestibule::start(allow(&one));
    let status = |vestibule: &Vestibule, origin: &Origin| {
        tunnel(vestibule.address("in"), &origin.address().to_string(), "").status()
    };
    assert_eq!(status(&vestibule, &other), 403);
    let mut before = established(&vestibule, one.address());
    vestibule.rewrite(allow(&other));
    vestibule.reload_by_signal();
    exchange(&mut before, b"as before");
    assert_eq!(status(&vestibule, &one), 403);
    let mut after = established(&vestibule, other.address());
    exchange(&mut after, b"after");
    exchange(&mut before, b"still");
    // A listener that goes leaves its tunnels.
    vestibule.rewrite(
        "[[listener]]\nname = \"x\"\nbind = \"127.0.0.1:0\"\nservice = \"s\"\n\
         [service.s]\nupstreams = [\"127.0.0.1:9\"]\n",
    );
    vestibule.reload_by_signal();
    for stream in [&mut before, &mut after] {
        exchange(stream, b"carried to the end");
    }
}

#[test]
fn drain_and_kill_end_tunnels() {
    let (vestibule, (origin, connections)) = (open(), Origin::hand_over());
    let mut tunnels = [(); 3].map(|()| established(&vestibule, origin.address()));
    let mut upstreams = [(); 3].map(|()| connections.accept());
    let clients = [0, 1, 2].map(|i: usize| tunnels[i].local_addr().expect("an address"));
    let shown = vestibule.ask(&["show", "connections"]);
    let shown = shown["connections"].as_array().expect("a list");
    let killed = shown
        .iter()
        .find(|shown| shown["client"] == clients[0].to_string())
        .expect("the tunnel is shown");
    assert_eq!(killed["service"], "egress");
    let id = killed["id"].as_str().expect("an id");
    assert_eq!(vestibule.ask(&["kill", id])["connections"], 1);
    assert_eq!(read_to_end(&mut tunnels[0]), (Vec::new(), End::Fin));
    assert_eq!(vestibule.ask(&["drain", "egress"])["connections"], 2);
    for stream in tunnels[1..].iter_mut().chain(&mut upstreams) {
        assert_eq!(read_to_end(stream), (Vec::new(), End::Fin));
    }
    for (client, end) in clients.iter().zip(["killed", "drained", "drained"]) {
        let record = vestibule.record_of(*client);
        record.assert(&[
            ("end", end),
            ("ended_by", "vestibule"),
            ("upstream", &origin.address().to_string()),
        ]);
        assert_eq!(record.number("status"), 200);
    }
}

/// Whoever is in the middle of a request, or waits for a destination, does not hold the end up.
#[test]
fn the_end_comes_at_any_stage() {
    let origin = Origin::echo();
    let mut vestibule = open();
    let silent = connect(vestibule.address("in"));
    let mut half = connect(vestibule.address("in"));
    half.write_all(b"CONNECT 127.0.0.1:")
        .expect("half a request");
    let mut live = established(&vestibule, origin.address());
    eventually("all to be there", || {
        let metrics = vestibule.metrics();
        metrics.value("vestibule_connections_active", &[("listener", "in")]) == 3
    });
    let asked = Instant::now();
    vestibule.process().signal(Signal::TERM);
    exchange(&mut live, b"a last word");
    assert_eq!(read_to_end(&mut live), (Vec::new(), End::Fin));
    assert_eq!(vestibule.process().wait().code(), Some(0));
    assert!(
        asked.elapsed() < Duration::from_secs(25),
        "{:?}",
        asked.elapsed()
    );
    for stream in [&live, &half, &silent] {
        let client = stream.local_addr().expect("an address");
        let record = vestibule.record_of(client);
        record.assert(&[("end", "shutdown"), ("ended_by", "vestibule")]);
    }
}

/// Silence in a tunnel is limited as in any other connection.
#[test]
fn silent_tunnels_end() {
    let origin = Origin::echo();
    let vestibule = Vestibule::start(tables(
        "allow = \"127.0.0.0/8\"\nidle_timeout = \"5s\"\nhalf_close_timeout = \"3s\"",
    ));
    let mut stream = established(&vestibule, origin.address());
    for _ in 0..5 {
        thread::sleep(Duration::from_millis(1_200));
        exchange(&mut stream, b"not silent");
    }
    let (_, end) = read_to_end(&mut stream);
    assert_eq!(end, End::Fin);
    let client = stream.local_addr().expect("an address");
    vestibule
        .record_of(client)
        .assert(&[("end", "idle_timeout")]);
}

/// Everything that was taken is given back, whatever became of the requests.
#[test]
fn nothing_is_left_of_tunnels_and_refusals() {
    let origin = Origin::echo();
    let mut vestibule = open();
    // What the first ones need stays for the next ones.
    come_and_go(&vestibule, &origin);
    let descriptors = vestibule.process().open_descriptors();
    let memory = vestibule.process().resident_memory();
    for _ in 0..3 {
        come_and_go(&vestibule, &origin);
    }
    eventually("the descriptors to be given back", || {
        vestibule.process().open_descriptors() <= descriptors
    });
    let after = vestibule.process().resident_memory();
    assert!(after < memory + (8 << 20), "{memory} to {after}");
}

/// Many clients of every kind.
fn come_and_go(vestibule: &Vestibule, origin: &Origin) {
    const TIMES: usize = 200;
    let address = vestibule.address("in");
    let there = origin.address().to_string();
    let closed = ReservedPort::new();
    let nobody = closed.address().to_string();
    let mut tunnels = [(); TIMES].map(|()| established(vestibule, origin.address()));
    for stream in &mut tunnels {
        exchange(stream, b"one of many");
    }
    for stream in tunnels.iter().step_by(2) {
        linger_zero(stream);
    }
    drop(tunnels);
    for _ in 0..TIMES {
        assert_eq!(tunnel(address, "10.0.0.1:1", "").status(), 403);
        assert_eq!(tunnel(address, &nobody, "").status(), 502);
        assert_eq!(tunnel(address, "no port", "").status(), 400);
        // It may be refused before all of it has gone.
        let _ = connect(address).write_all(&[b'a'; 40_000]);
        // Does not wait for the answer.
        let mut gone = connect(address);
        write!(gone, "CONNECT {there} HTTP/1.1\r\nHost: x\r\n\r\n").expect("a request");
        linger_zero(&gone);
    }
    eventually("all of them to be gone", || {
        let metrics = vestibule.metrics();
        metrics.value("vestibule_connections_active", &[("listener", "in")]) == 0
    });
}
