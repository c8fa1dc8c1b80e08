//! How many connections there may be: of each client, and in all.

use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::thread;
use std::time::Duration;

use vestibule_e2e::{
    Origin, PATIENCE, Setup, Vestibule, connect, eventually, exchange, read_to_end,
};

fn limited(origin: &Origin, limits: &str, workers: usize) -> Vestibule {
    Setup::new(format!(
        "[limits]\n{limits}\n\
         [[listener]]\nname = \"in\"\nbind = \"127.0.0.1:0\"\nservice = \"s\"\n\
         [listener.proxy_protocol]\n\
         [service.s]\nupstreams = [\"{}\"]\n",
        origin.address()
    ))
    .workers(workers)
    .start()
}

/// A connection of this client, that says something.
fn come(vestibule: &Vestibule, client: &str) -> TcpStream {
    let mut stream = connect(vestibule.address("in"));
    let (family, server) = match client.contains(':') {
        true => ("TCP6", "2001:db8::1"),
        false => ("TCP4", "198.51.100.1"),
    };
    let header = format!("PROXY {family} {client} {server} 4000 5222\r\nhello");
    stream.write_all(header.as_bytes()).expect("a header");
    stream
}

/// Whether the connection is carried; else it has been closed.
fn is_carried(stream: &mut TcpStream) -> bool {
    let mut answer = [0; 5];
    match stream.read_exact(&mut answer) {
        Ok(()) => answer == *b"hello",
        Err(error) => {
            let closed = [ErrorKind::UnexpectedEof, ErrorKind::ConnectionReset];
            assert!(closed.contains(&error.kind()), "{error}");
            false
        }
    }
}

/// Forty at once on four workers: exactly ten are carried.
#[test]
fn a_client_has_as_many_connections_as_it_may_over_all_workers() {
    let origin = Origin::echo();
    let vestibule = limited(&origin, "connections_per_client = 10", 4);
    let many: Vec<TcpStream> = (0..40).map(|_| come(&vestibule, "192.0.2.1")).collect();
    let (mut carried, mut refused) = (Vec::new(), 0);
    for mut stream in many {
        match is_carried(&mut stream) {
            true => carried.push(stream),
            false => refused += 1,
        }
    }
    assert_eq!((carried.len(), refused), (10, 30));
    let of_limit = |record: &&vestibule_e2e::Record| record.text("end") == "client_limit";
    eventually("the records", || {
        vestibule.records().iter().filter(of_limit).count() == 30
    });
    vestibule.records()[0].assert(&[
        ("client", "192.0.2.1:4000"),
        ("ended_by", "vestibule"),
        ("upstream", ""),
    ]);
    let labels = [("listener", "in"), ("reason", "client_limit")];
    let metrics = vestibule.metrics();
    assert_eq!(
        metrics.value("vestibule_connections_refused_total", &labels),
        30
    );
    // Others are not concerned, and a place that is given back can be taken.
    assert!(is_carried(&mut come(&vestibule, "192.0.2.2")));
    assert!(!is_carried(&mut come(&vestibule, "192.0.2.1")));
    drop(carried.pop());
    eventually("a place", || is_carried(&mut come(&vestibule, "192.0.2.1")));
}

/// A household has 2^64 IPv6 addresses: it counts as one client.
#[test]
fn ipv6_clients_are_counted_by_their_64() {
    let origin = Origin::echo();
    let vestibule = limited(&origin, "connections_per_client = 2", 2);
    let mut first = come(&vestibule, "2001:db8:1:1::1");
    let mut second = come(&vestibule, "2001:db8:1:1:ffff::2");
    assert!(is_carried(&mut first) && is_carried(&mut second));
    assert!(!is_carried(&mut come(&vestibule, "2001:db8:1:1:2:3:4:5")));
    assert!(is_carried(&mut come(&vestibule, "2001:db8:1:2::1")));
}

/// Whoever comes when all places are taken is neither refused nor forgotten.
#[test]
fn beyond_limits_connections_newcomers_wait() {
    let origin = Origin::echo();
    let vestibule = limited(&origin, "connections = 5", 2);
    let mut carried: Vec<TcpStream> = (1..=5)
        .map(|n| {
            let mut stream = come(&vestibule, &format!("192.0.2.{n}"));
            assert!(is_carried(&mut stream));
            stream
        })
        .collect();
    let mut waiting: Vec<TcpStream> = (0..20).map(|_| come(&vestibule, "192.0.2.9")).collect();
    for stream in &mut waiting {
        assert!(has_nothing_to_read(stream));
    }
    // Those who are in notice nothing.
    for stream in &mut carried {
        exchange(stream, b"still here");
    }
    // As each place is given back, one of those who wait gets it, in whatever order.
    drop(carried);
    thread::scope(|scope| {
        for mut stream in waiting {
            scope.spawn(move || {
                assert!(is_carried(&mut stream));
                stream.shutdown(Shutdown::Write).expect("FIN");
                read_to_end(&mut stream);
            });
        }
    });
    let records = vestibule.wait_for_records(25);
    assert!(records.iter().all(|record| record.text("end") == "eof"));
    let metrics = vestibule.metrics();
    let refused = metrics.sum("vestibule_connections_refused_total", &[("listener", "in")]);
    assert_eq!(refused, 0);
    assert_eq!(origin.accepted(), 25);
}

/// Without a limit in the file, the descriptors are the limit: the process never runs out of them.
#[test]
fn the_descriptors_limit_the_connections() {
    let origin = Origin::echo();
    let vestibule = Setup::new(format!(
        "[[listener]]\nname = \"in\"\nbind = \"127.0.0.1:0\"\nservice = \"s\"\n\
         [listener.proxy_protocol]\n\
         [service.s]\nupstreams = [\"{}\"]\n",
        origin.address()
    ))
    .descriptors(500)
    .start();
    let places = vestibule.metrics().value("vestibule_places", &[]);
    assert!((50..250).contains(&places), "{places}");
    let places = usize::try_from(places).expect("a count");
    let mut carried: Vec<TcpStream> = (0..places)
        .map(|_| {
            let mut stream = come(&vestibule, "192.0.2.1");
            assert!(is_carried(&mut stream));
            stream
        })
        .collect();
    let mut waiting: Vec<TcpStream> = (0..100).map(|_| come(&vestibule, "192.0.2.2")).collect();
    assert!(has_nothing_to_read(&mut waiting[0]));
    assert!(has_nothing_to_read(&mut waiting[99]));
    // The admin listener has its own.
    assert_eq!(
        vestibule.metrics().value("vestibule_places", &[]),
        places as u64
    );
    for stream in &mut carried {
        exchange(stream, b"still here");
    }
    drop(carried);
    for stream in &mut waiting {
        assert!(is_carried(stream));
    }
    let errors = vestibule.all_events();
    assert!(
        errors.iter().all(|event| event["level"] != "ERROR"),
        "{errors:?}"
    );
}

/// Whether nothing comes for a while.
fn has_nothing_to_read(stream: &mut TcpStream) -> bool {
    let short = Duration::from_millis(20);
    stream.set_read_timeout(Some(short)).expect("a time");
    let result = stream.read(&mut [0]);
    stream.set_read_timeout(Some(PATIENCE)).expect("a time");
    result.is_err_and(|error| error.kind() == ErrorKind::WouldBlock)
}
