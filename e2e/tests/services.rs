//! Which upstream a connection goes to, and what happens when that one is not there.

use std::collections::{HashMap, HashSet};
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use vestibule_e2e::{
    Origin, ProxyOrigin, ReservedPort, Vestibule, connect, eventually, exchange, read_to_end,
};

/// A listener that believes PROXY headers, in front of a service with these upstreams and keys.
fn balancing(upstreams: &[SocketAddr], keys: &str) -> Vestibule {
    let upstreams: Vec<_> = upstreams.iter().map(|a| format!("\"{a}\"")).collect();
    Vestibule::start(format!(
        "[[listener]]\nname = \"in\"\nbind = \"127.0.0.1:0\"\nservice = \"s\"\n\
         [listener.proxy_protocol]\n\
         [service.s]\nupstreams = [{}]\n{keys}\n",
        upstreams.join(", ")
    ))
}

/// A connection that is carried, for this client.
fn carried_for(vestibule: &Vestibule, client: &str) -> TcpStream {
    let mut stream = connect(vestibule.address("in"));
    let header = format!("PROXY TCP4 {client} 198.51.100.1 4000 5222\r\n");
    stream.write_all(header.as_bytes()).expect("a header");
    exchange(&mut stream, b"hello");
    stream
}

fn carried(vestibule: &Vestibule) -> TcpStream {
    carried_for(vestibule, "192.0.2.1")
}

fn three() -> ([Origin; 3], Vec<SocketAddr>) {
    let origins = [Origin::echo(), Origin::echo(), Origin::echo()];
    let addresses = origins.iter().map(Origin::address).collect();
    (origins, addresses)
}

fn accepted(origins: &[Origin]) -> Vec<usize> {
    origins.iter().map(Origin::accepted).collect()
}

#[test]
fn round_robin_takes_turns_over_all_workers() {
    let (origins, addresses) = three();
    let vestibule = balancing(&addresses, "balance = \"round_robin\"");
    for _ in 0..30 {
        carried(&vestibule);
    }
    assert_eq!(accepted(&origins), [10, 10, 10]);
    let metrics = vestibule.metrics();
    for address in addresses {
        let upstream = address.to_string();
        let labels = [("service", "s"), ("upstream", upstream.as_str())];
        assert_eq!(
            metrics.value("vestibule_upstream_connections_total", &labels),
            10
        );
    }
}

#[test]
fn least_connections_counts_those_of_all_workers() {
    let (origins, addresses) = three();
    let vestibule = balancing(&addresses, "balance = \"least_connections\"");
    let mut live: Vec<TcpStream> = (0..12).map(|_| carried(&vestibule)).collect();
    assert_eq!(accepted(&origins), [4, 4, 4]);
    // Those of one origin end: the next ones are its own until all have as many again.
    let records = vestibule.records().len();
    let mut ended = 0;
    live.retain_mut(|stream| {
        let goes = upstream_of(&vestibule, stream) == addresses[1];
        ended += usize::from(goes);
        !goes
    });
    assert_eq!(ended, 4);
    vestibule.wait_for_records(records + ended);
    live.extend((0..4).map(|_| carried(&vestibule)));
    assert_eq!(accepted(&origins), [4, 8, 4]);
}

/// Where `show connections` says that this connection goes.
fn upstream_of(vestibule: &Vestibule, stream: &TcpStream) -> SocketAddr {
    let own = stream.local_addr().expect("an address").to_string();
    let answer = vestibule.ask(&["show", "connections"]);
    let connections = answer["connections"].as_array().expect("a list");
    connections
        .iter()
        .find(|connection| connection["peer"] == own)
        .and_then(|connection| connection["upstream"].as_str()?.parse().ok())
        .unwrap_or_else(|| panic!("{own} is not shown in {answer}"))
}

/// That one of three gets fewer than 5 of 60 happens once in 100,000 runs.
#[test]
fn random_reaches_all() {
    let (origins, addresses) = three();
    let vestibule = balancing(&addresses, "balance = \"random\"");
    for _ in 0..60 {
        carried(&vestibule);
    }
    let accepted = accepted(&origins);
    assert_eq!(accepted.iter().sum::<usize>(), 60);
    assert!(accepted.iter().all(|count| *count >= 5), "{accepted:?}");
}

/// The real client decides, not the proxy that speaks for it; when an upstream goes, only its own
/// clients move, and they come back.
#[test]
fn source_hash_keeps_clients_where_they_are() {
    let ports = [(); 3].map(|()| ReservedPort::new());
    let origins = [0, 1, 2].map(|n: usize| Origin::echo_at(ports[n].address()));
    let addresses = ports.each_ref().map(ReservedPort::address);
    let vestibule = balancing(
        &addresses,
        "balance = \"source_hash\"\n\
         health = { interval = \"100ms\", timeout = \"20s\", rise = 1, fall = 1 }",
    );
    let places = || -> HashMap<String, SocketAddr> {
        (1..=40)
            .map(|n| {
                let client = format!("192.0.2.{n}");
                let stream = carried_for(&vestibule, &client);
                (client, upstream_of(&vestibule, &stream))
            })
            .collect()
    };
    let before = places();
    assert_eq!(before.values().collect::<HashSet<_>>().len(), 3);
    assert_eq!(places(), before);

    let [gone, .., _last] = origins;
    let address = gone.address();
    drop(gone);
    eventually("the target to be down", || {
        !vestibule.events("target is down").is_empty()
    });
    for (client, place) in places() {
        match before[&client] == address {
            true => assert_ne!(place, address, "{client}"),
            false => assert_eq!(place, before[&client], "{client}"),
        }
    }
    let _back = Origin::echo_at(address);
    eventually("the target to be up", || {
        !vestibule.events("target is up").is_empty()
    });
    assert_eq!(places(), before);
}

#[test]
fn a_target_that_refuses_is_passed_over() {
    let (origin, dead) = (Origin::echo(), ReservedPort::new());
    let vestibule = balancing(&[dead.address(), origin.address()], "retries = 1");
    for _ in 0..20 {
        carried(&vestibule);
    }
    assert_eq!(origin.accepted(), 20);
    let metrics = vestibule.metrics();
    let upstream = dead.address().to_string();
    let labels = [("service", "s"), ("upstream", upstream.as_str())];
    let errors = metrics.value("vestibule_upstream_connect_errors_total", &labels);
    // Once it has failed it is only tried when its time comes again.
    assert!((1..=10).contains(&errors), "{errors}");
    let records = vestibule.wait_for_records(20);
    let there = origin.address().to_string();
    assert!(
        records
            .iter()
            .all(|record| record.text("upstream") == there)
    );
}

#[test]
fn without_retries_the_first_failure_is_the_last() {
    let (origin, dead) = (Origin::echo(), ReservedPort::new());
    let vestibule = balancing(&[dead.address(), origin.address()], "retries = 0");
    let failed = (0..2)
        .filter(|_| {
            let mut stream = connect(vestibule.address("in"));
            let header = b"PROXY TCP4 192.0.2.1 198.51.100.1 4000 5222\r\nhello";
            stream.write_all(header).expect("a header");
            let mut answer = [0; 5];
            stream.read_exact(&mut answer).is_err()
        })
        .count();
    assert_eq!(failed, 1);
    let record = vestibule.record("the failure", |r| r.text("end") == "connect_failed");
    record.assert(&[("upstream", &dead.address().to_string())]);
}

#[test]
fn when_all_are_down_the_record_says_why_and_they_are_tried_anyway() {
    let dead = [ReservedPort::new(), ReservedPort::new()];
    let addresses: Vec<_> = dead.iter().map(ReservedPort::address).collect();
    let vestibule = balancing(&addresses, "retries = 5");
    let mut stream = connect(vestibule.address("in"));
    stream
        .write_all(b"PROXY TCP4 192.0.2.1 198.51.100.1 4000 5222\r\nhello")
        .expect("a header");
    assert_eq!(read_to_end(&mut stream).0, b"");
    let record = vestibule.record_of(stream.local_addr().expect("an address"));
    record.assert(&[
        ("client", "192.0.2.1:4000"),
        ("service", "s"),
        ("end", "connect_failed"),
        ("ended_by", "upstream"),
    ]);
    assert!(record.text("reason").contains("refused"), "{record:?}");
    let metrics = vestibule.metrics();
    let labels = [("service", "s")];
    let errors = metrics.sum("vestibule_upstream_connect_errors_total", &labels);
    assert_eq!(errors, 6, "the first attempt and five more");
    // Both are known to be down; the one that is back is found all the same.
    let _back = Origin::echo_at(addresses[1]);
    carried(&vestibule);
}

#[test]
fn a_target_that_does_not_answer_is_given_up_in_time() {
    // A listener whose queue is full drops what comes: connecting neither succeeds nor fails.
    let (full, _filling) = full_listener();
    let origin = Origin::echo();
    let vestibule = balancing(
        &[full, origin.address()],
        "connect_timeout = \"3s\"\nretries = 1",
    );
    let started = Instant::now();
    for _ in 0..2 {
        carried(&vestibule);
    }
    let waited = started.elapsed();
    assert!(waited >= Duration::from_millis(2_900), "{waited:?}");
    assert!(waited < Duration::from_secs(40), "{waited:?}");
    assert_eq!(origin.accepted(), 2);
}

fn full_listener() -> (SocketAddr, Vec<socket2::Socket>) {
    let socket = || {
        let stream = socket2::Type::STREAM;
        socket2::Socket::new(socket2::Domain::IPV4, stream, None).expect("a socket")
    };
    let listener = socket();
    let any: SocketAddr = ([127, 0, 0, 1], 0).into();
    listener.bind(&any.into()).expect("a port");
    listener.listen(0).expect("a listener");
    let address = listener.local_addr().expect("an address");
    let mut sockets = vec![listener];
    for _ in 0..4 {
        let filling = socket();
        filling.set_nonblocking(true).expect("O_NONBLOCK");
        // It is under way, or waits for ever: both fill the queue.
        let _ = filling.connect(&address);
        sockets.push(filling);
    }
    (address.as_socket().expect("an IP address"), sockets)
}

#[test]
fn checks_take_targets_out_and_bring_them_back() {
    let port = ReservedPort::new();
    let address = port.address();
    let (stays, goes) = (Origin::echo(), Origin::echo_at(address));
    let upstream = address.to_string();
    let vestibule = balancing(
        &[stays.address(), address],
        "health = { interval = \"100ms\", timeout = \"20s\", rise = 2, fall = 2 }",
    );
    let is_up = || {
        let labels = [("service", "s"), ("upstream", upstream.as_str())];
        vestibule.metrics().value("vestibule_upstream_up", &labels) == 1
    };
    assert!(is_up());
    drop(goes);
    eventually("the target to be down", || !is_up());
    // The line is written by another thread than the one that answers for metrics.
    eventually("a word of it", || {
        !vestibule.events("target is down").is_empty()
    });
    let down = &vestibule.events("target is down")[0];
    assert_eq!(
        (&down["upstream"], &down["service"]),
        (&upstream.as_str().into(), &"s".into())
    );
    for _ in 0..10 {
        carried(&vestibule);
    }
    let back = Origin::echo_at(address);
    eventually("the target to be up", is_up);
    eventually("two checks", || back.accepted() >= 2);
    for _ in 0..10 {
        carried(&vestibule);
    }
    let there = |record: &&vestibule_e2e::Record| record.text("upstream") == upstream;
    assert_eq!(
        vestibule.wait_for_records(20).iter().filter(there).count(),
        5
    );
    let labels = [("service", "s"), ("upstream", upstream.as_str())];
    let errors = "vestibule_upstream_connect_errors_total";
    assert_eq!(
        vestibule.metrics().value(errors, &labels),
        0,
        "no client has met it"
    );
}

/// A server may parse headers one connection at a time: a check must not keep it waiting.
#[test]
fn checks_introduce_themselves_where_a_header_is_expected() {
    let origin = ProxyOrigin::echo();
    let _vestibule = balancing(
        &[origin.address()],
        "send_proxy = \"v2\"\nhealth = { interval = \"100ms\", timeout = \"20s\" }",
    );
    for _ in 0..3 {
        let told = origin.told();
        assert_eq!(told.destination, Some(origin.address()));
        let source = told.source.expect("our own address");
        assert!(source.ip().is_loopback(), "{source}");
        assert_ne!(source.port(), 0);
    }
}

#[test]
fn an_upstream_may_be_a_name() {
    let origin = Origin::echo();
    let vestibule = Vestibule::start(format!(
        "[[listener]]\nname = \"in\"\nbind = \"127.0.0.1:0\"\nservice = \"s\"\n\
         [service.s]\nupstreams = [\"localhost:{}\"]\n",
        origin.address().port()
    ));
    // A name may have an IPv6 address too, where nobody listens: that is what retries are for.
    for _ in 0..4 {
        exchange(&mut connect(vestibule.address("in")), b"by name");
    }
    let upstream = format!("localhost:{}", origin.address().port());
    for record in vestibule.wait_for_records(4) {
        record.assert(&[("upstream", &upstream), ("end", "eof")]);
    }
}
