//! The end of the process: SIGTERM drains, a second one does not wait.

use std::io::{self, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::Signal;
use vestibule_e2e::{
    End, Origin, Vestibule, connect, eventually, exchange, http_get, linger_zero, read_to_end,
    try_connect,
};

fn with_drain_timeout(origin: &Origin, timeout: &str) -> Vestibule {
    Vestibule::start(format!(
        "[limits]\ndrain_timeout = \"{timeout}\"\n\
         [[listener]]\nname = \"in\"\nbind = \"127.0.0.1:0\"\nservice = \"echo\"\n\
         [service.echo]\nupstreams = [\"{}\"]\n",
        origin.address()
    ))
}

fn carried(vestibule: &Vestibule) -> TcpStream {
    let mut stream = connect(vestibule.address("in"));
    exchange(&mut stream, b"before");
    stream
}

/// Waits until the listener is closed.
fn refuses(address: SocketAddr) {
    eventually("the listener to be closed", || {
        try_connect(address).is_err_and(|error| error.kind() == io::ErrorKind::ConnectionRefused)
    });
}

#[test]
fn sigterm_drains_and_ends_what_is_left_with_fin() {
    let origin = Origin::echo();
    let mut vestibule = with_drain_timeout(&origin, "8s");
    let admin = vestibule.admin();
    let mut streams = [
        carried(&vestibule),
        carried(&vestibule),
        carried(&vestibule),
    ];
    assert_eq!(http_get(admin, "/readyz").0, 200);
    assert_eq!(http_get(admin, "/healthz").0, 200);

    let asked = Instant::now();
    vestibule.process().signal(Signal::TERM);
    refuses(vestibule.address("in"));
    assert_eq!(http_get(admin, "/readyz").0, 503);
    assert_eq!(http_get(admin, "/healthz").0, 200);
    // Live connections go on.
    while asked.elapsed() < Duration::from_millis(1_000) {
        for stream in &mut streams {
            exchange(stream, b"still carried");
        }
        thread::sleep(Duration::from_millis(50));
    }
    // Half a connection is one that lives.
    streams[0].shutdown(Shutdown::Write).expect("FIN");
    for (i, stream) in streams.iter_mut().enumerate() {
        assert_eq!(
            read_to_end(stream),
            (Vec::new(), End::Fin),
            "connection {i}"
        );
    }
    let status = vestibule.process().wait();
    assert!(asked.elapsed() >= Duration::from_millis(7_900));
    assert!(
        asked.elapsed() < Duration::from_secs(28),
        "{:?}",
        asked.elapsed()
    );
    assert_eq!(status.code(), Some(0));
    let records = vestibule.records();
    assert_eq!(records.len(), 3);
    for stream in &streams[1..] {
        let record = vestibule.record_of(stream.local_addr().expect("an address"));
        record.assert(&[
            ("end", "shutdown"),
            ("ended_by", "vestibule"),
            ("service", "echo"),
        ]);
        assert!(record.number("bytes_in") > 6);
        assert_eq!(record.number("bytes_in"), record.number("bytes_out"));
    }
    vestibule
        .record_of(streams[0].local_addr().expect("an address"))
        .assert(&[("end", "eof"), ("ended_by", "client")]);
}

/// An upstream that is in the middle of an answer: what it has sent arrives, then FIN.
#[test]
fn what_is_on_its_way_arrives_before_the_fin() {
    let (origin, connections) = Origin::hand_over();
    let mut vestibule = with_drain_timeout(&origin, "5s");
    let mut client = connect(vestibule.address("in"));
    client.write_all(b"?").expect("a byte");
    let mut upstream = connections.accept();
    let answer = vec![7; 200_000];
    upstream.write_all(&answer).expect("the answer");
    vestibule.process().signal(Signal::TERM);
    let (received, end) = read_to_end(&mut client);
    assert_eq!((received.len(), end), (answer.len(), End::Fin));
    assert_eq!(vestibule.process().wait().code(), Some(0));
    // The byte of the client was never read by the upstream, but the end is FIN all the same.
    assert_eq!(read_to_end(&mut upstream), (b"?".to_vec(), End::Fin));
}

#[test]
fn the_process_ends_as_soon_as_the_last_connection_has() {
    let origin = Origin::echo();
    let mut vestibule = with_drain_timeout(&origin, "1h");
    let mut stream = carried(&vestibule);
    let asked = Instant::now();
    vestibule.process().signal(Signal::TERM);
    refuses(vestibule.address("in"));
    exchange(&mut stream, b"a last word");
    assert!(vestibule.process().ended().is_none());
    drop(stream);
    assert_eq!(vestibule.process().wait().code(), Some(0));
    assert!(
        asked.elapsed() < Duration::from_secs(25),
        "{:?}",
        asked.elapsed()
    );
    assert_eq!(vestibule.records().len(), 1);
    vestibule.records()[0].assert(&[("end", "eof"), ("ended_by", "client")]);
}

#[test]
fn without_connections_it_ends_at_once() {
    let origin = Origin::echo();
    for signal in [Signal::TERM, Signal::INT] {
        let mut vestibule = with_drain_timeout(&origin, "1h");
        let asked = Instant::now();
        vestibule.process().signal(signal);
        assert_eq!(vestibule.process().wait().code(), Some(0));
        assert!(
            asked.elapsed() < Duration::from_secs(25),
            "{:?}",
            asked.elapsed()
        );
        assert!(!vestibule.control().exists());
    }
}

#[test]
fn a_second_sigterm_does_not_wait() {
    let origin = Origin::echo();
    let mut vestibule = with_drain_timeout(&origin, "1h");
    let mut stream = carried(&vestibule);
    vestibule.process().signal(Signal::TERM);
    refuses(vestibule.address("in"));
    exchange(&mut stream, b"draining");
    let asked = Instant::now();
    vestibule.process().signal(Signal::TERM);
    assert_eq!(vestibule.process().wait().code(), Some(0));
    assert!(
        asked.elapsed() < Duration::from_secs(25),
        "{:?}",
        asked.elapsed()
    );
    // Whoever was cut off is still in the log.
    let records = vestibule.records();
    assert_eq!(records.len(), 1);
    records[0].assert(&[("end", "shutdown"), ("ended_by", "vestibule")]);
}

/// Peers that have not even said who they are do not hold up the end.
#[test]
fn a_header_that_is_being_waited_for_does_not_delay_the_end() {
    let origin = Origin::echo();
    let mut vestibule = Vestibule::start(format!(
        "[limits]\ndrain_timeout = \"500ms\"\n\
         [[listener]]\nname = \"in\"\nbind = \"127.0.0.1:0\"\nservice = \"echo\"\n\
         [listener.proxy_protocol]\ntimeout = \"60s\"\n\
         [service.echo]\nupstreams = [\"{}\"]\n",
        origin.address()
    ));
    let silent = connect(vestibule.address("in"));
    eventually("the silent peer to be held", || {
        let metrics = vestibule.metrics();
        metrics.value("vestibule_connections_active", &[("listener", "in")]) == 1
    });
    let asked = Instant::now();
    assert_eq!(vestibule.terminate().code(), Some(0));
    assert!(
        asked.elapsed() < Duration::from_secs(25),
        "{:?}",
        asked.elapsed()
    );
    let records = vestibule.records();
    assert_eq!(records.len(), 1);
    records[0].assert(&[("end", "shutdown"), ("service", "")]);
    linger_zero(&silent);
}

/// What a reload would change is about to go: the listeners stay closed, and the connections go on.
#[test]
fn a_reload_while_the_process_ends_is_refused() {
    let origin = Origin::echo();
    let mut vestibule = with_drain_timeout(&origin, "1h");
    let mut stream = carried(&vestibule);
    vestibule.process().signal(Signal::TERM);
    refuses(vestibule.address("in"));
    let refused = vestibule.command(&["reload"]);
    assert_eq!(refused.status.code(), Some(1), "{refused:?}");
    let said = String::from_utf8_lossy(&refused.stderr);
    assert!(said.contains("the process is ending"), "{said}");
    // The signal is no way around it.
    vestibule.process().signal(Signal::HUP);
    thread::sleep(Duration::from_millis(200));
    assert!(vestibule.events("reloaded").is_empty());
    refuses(vestibule.address("in"));
    exchange(&mut stream, b"as before");
    drop(stream);
    assert_eq!(vestibule.process().wait().code(), Some(0));
}

/// A client cannot tell whether the kernel or a worker has accepted it.
#[test]
fn whoever_the_kernel_has_accepted_is_carried() {
    let origin = Origin::echo();
    for _ in 0..10 {
        let mut vestibule = with_drain_timeout(&origin, "1h");
        let mut stream = connect(vestibule.address("in"));
        vestibule.process().signal(Signal::TERM);
        exchange(&mut stream, b"just in time");
        drop(stream);
        assert_eq!(vestibule.process().wait().code(), Some(0));
        let records = vestibule.records();
        assert_eq!(records.len(), 1);
        records[0].assert(&[("end", "eof"), ("ended_by", "client")]);
    }
}
