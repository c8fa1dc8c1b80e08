//! What comes in before the payload: the cases in which receivers of the PROXY protocol differ,
//! malformed headers, and peers that take their time.

use std::collections::{BTreeMap, HashSet};
use std::io::Write;
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use vestibule_e2e::{
    End, Origin, PATIENCE, ProxyOrigin, Record, Setup, Vestibule, connect, eventually, exchange,
    read_to_end,
};
use vestibule_proxy_protocol::Reject;
use vestibule_proxy_protocol::vectors::{
    INET, Malformed, PayloadIn, Verdict, WireCase, malformed, v2, wire_cases,
};

/// For the header, in the configuration of these tests.
const TIMEOUT: Duration = Duration::from_secs(2);

/// For headers that come, on a machine that does much else as well.
const AMPLE: Duration = Duration::from_secs(40);

/// Long before that.
const AT_ONCE: Duration = Duration::from_secs(25);

/// Between two segments that must not be read as one.
const PAUSE: Duration = Duration::from_millis(15);

const LINE: &[u8] = b"PROXY TCP4 192.0.2.1 198.51.100.1 56324 5222\r\n";

fn in_front_of(upstream: SocketAddr, workers: usize) -> Vestibule {
    Setup::new(format!(
        "[[listener]]\nname = \"in\"\nbind = \"127.0.0.1:0\"\nservice = \"s\"\n\
         [listener.proxy_protocol]\ntimeout = \"{}ms\"\n\
         [[listener]]\nname = \"late\"\nbind = \"127.0.0.1:0\"\nservice = \"s\"\n\
         [listener.proxy_protocol]\ntimeout = \"{}ms\"\n\
         [[listener]]\nname = \"short\"\nbind = \"127.0.0.1:0\"\nservice = \"s\"\n\
         [listener.proxy_protocol]\nmax_header = 536\n\
         [service.s]\nupstreams = [\"{upstream}\"]\nsend_proxy = \"v2\"\n",
        AMPLE.as_millis(),
        TIMEOUT.as_millis(),
    ))
    .workers(workers)
    .start()
}

#[test]
fn the_31_wire_cases() {
    let cases = wire_cases();
    assert_eq!(cases.len(), 31);
    let origin = ProxyOrigin::echo();
    let vestibule = in_front_of(origin.address(), 2);
    for case in &cases {
        let listener = match case.verdict {
            Verdict::Timeout => "late",
            _ => "in",
        };
        let mut stream = connect(vestibule.address(listener));
        let client = stream.local_addr().expect("an address");
        let started = Instant::now();
        send(&mut stream, case);
        match case.verdict {
            Verdict::Accept { .. } | Verdict::AcceptSocketAddresses => {
                stream.shutdown(Shutdown::Write).expect("FIN");
                let answer = read_to_end(&mut stream);
                assert_eq!(answer, (PAYLOAD.to_vec(), End::Fin), "{}", case.name);
            }
            Verdict::Refuse(_) => {
                let (answer, _) = read_to_end(&mut stream);
                assert_eq!(answer, b"", "{}", case.name);
                assert!(started.elapsed() < AT_ONCE, "{}", case.name);
            }
            Verdict::Timeout => {
                let (answer, _) = read_to_end(&mut stream);
                assert_eq!(answer, b"", "{}", case.name);
                assert!(started.elapsed() >= TIMEOUT, "{}", case.name);
            }
        }
        // A client that a header names has this connection's address as its proxy.
        let client = client.to_string();
        let is_it =
            |record: &Record| [record.text("client"), record.text("peer")].contains(&&*client);
        let record = vestibule.record(case.name, is_it);
        let there = vestibule.address("in").to_string();
        match case.verdict {
            Verdict::Accept {
                source,
                destination,
            } => {
                record.assert(&[
                    ("client", &source.to_string()),
                    ("peer", &client),
                    ("destination", &destination.to_string()),
                    ("service", "s"),
                    ("end", "eof"),
                ]);
                assert_eq!(record.number("bytes_in"), PAYLOAD.len() as u64);
                assert_eq!(record.number("bytes_out"), PAYLOAD.len() as u64);
                let told = origin.told();
                assert_eq!(told.source, Some(source), "{}", case.name);
                assert_eq!(told.destination, Some(destination), "{}", case.name);
            }
            Verdict::AcceptSocketAddresses => {
                record.assert(&[
                    ("client", &client),
                    ("peer", ""),
                    ("destination", &there),
                    ("proxy_version", "local"),
                    ("end", "eof"),
                ]);
                let told = origin.told();
                assert_eq!(told.source.map(|a| a.to_string()), Some(client));
                assert_eq!(told.destination.map(|a| a.to_string()), Some(there));
            }
            Verdict::Refuse(reason) => record.assert(&[
                ("client", &client),
                ("end", "proxy_header_invalid"),
                ("ended_by", "vestibule"),
                ("reason", reason.name()),
                ("upstream", ""),
            ]),
            Verdict::Timeout => record.assert(&[
                ("client", &client),
                ("end", "proxy_header_timeout"),
                ("upstream", ""),
            ]),
        }
    }
    let dialed = cases
        .iter()
        .filter(|case| !matches!(case.verdict, Verdict::Refuse(_) | Verdict::Timeout))
        .count();
    assert_eq!(origin.accepted(), dialed);
}

const PAYLOAD: &[u8] = b"<?xml version='1.0'?>";

/// Sends the segments of `case` and the payload. A receiver may have closed before the end.
fn send(stream: &mut TcpStream, case: &WireCase) {
    let mut segments = case.segments.clone();
    match (case.verdict, case.payload) {
        // Any further byte might complete the header.
        (Verdict::Timeout, _) => {}
        (_, PayloadIn::OwnSegment) => segments.push(PAYLOAD.to_vec()),
        (_, PayloadIn::LastSegment) => segments
            .last_mut()
            .expect("a segment")
            .extend_from_slice(PAYLOAD),
    }
    for (i, segment) in segments.iter().enumerate() {
        if i > 0 {
            thread::sleep(PAUSE);
        }
        let _ = stream.write_all(segment);
    }
}

/// Every rule of the protocol is broken at least once. Each offender is closed, counted and
/// logged with its reason, and a neighbour on the same listener notices nothing.
#[test]
fn malformed_headers_are_refused_with_their_reason() {
    // `max_header` cannot be set as low as some vectors need.
    let headers: Vec<Malformed> = malformed()
        .into_iter()
        .filter(|header| header.max_len >= 536)
        .collect();
    assert!(headers.len() >= 60, "{} headers", headers.len());
    let reasons: HashSet<Reject> = headers.iter().map(|header| header.reason).collect();
    assert_eq!(reasons.len(), Reject::ALL.len());

    let origin = ProxyOrigin::echo();
    let vestibule = in_front_of(origin.address(), 1);
    let mut neighbour = connect(vestibule.address("in"));
    neighbour.write_all(LINE).expect("a header");
    exchange(&mut neighbour, b"first");
    let done = AtomicBool::new(false);
    let exchanges = AtomicU32::new(0);
    let clients: Vec<_> = thread::scope(|scope| {
        scope.spawn(|| {
            // Also when the test fails, this must end.
            let started = Instant::now();
            while !done.load(Ordering::Relaxed) && started.elapsed() < 10 * PATIENCE {
                let number = exchanges.fetch_add(1, Ordering::Relaxed);
                exchange(&mut neighbour, &number.to_be_bytes());
            }
        });
        let clients = headers
            .iter()
            .map(|header| {
                let client = refused(vestibule.address(listener_for(header)), header);
                let before = exchanges.load(Ordering::Relaxed);
                eventually("the neighbour to be answered", || {
                    exchanges.load(Ordering::Relaxed) > before + 1
                });
                client
            })
            .collect();
        done.store(true, Ordering::Relaxed);
        clients
    });
    for (client, header) in clients.into_iter().zip(&headers) {
        vestibule.record_of(client).assert(&[
            ("listener", listener_for(header)),
            ("end", "proxy_header_invalid"),
            ("reason", header.reason.name()),
            ("ended_by", "vestibule"),
        ]);
    }

    let mut expected = BTreeMap::new();
    for header in &headers {
        let count = expected.entry((listener_for(header), header.reason.name()));
        *count.or_insert(0) += 1;
    }
    let metrics = vestibule.metrics();
    for listener in ["in", "short"] {
        let mut refused = 0;
        for reason in Reject::ALL {
            let labels = [("listener", listener), ("reason", reason.name())];
            let counted = metrics.value("vestibule_proxy_headers_rejected_total", &labels);
            let sent = expected.get(&(listener, reason.name())).copied();
            assert_eq!(counted, sent.unwrap_or(0), "{listener}: {}", reason.name());
            refused += counted;
        }
        let labels = [("listener", listener), ("reason", "proxy_header_invalid")];
        let counted = metrics.value("vestibule_connections_refused_total", &labels);
        assert_eq!(counted, refused, "{listener}");
    }
    assert_eq!(origin.accepted(), 1, "only the neighbour is carried");
}

fn listener_for(header: &Malformed) -> &'static str {
    match header.max_len {
        536 => "short",
        _ => "in",
    }
}

/// Sends the header, which must be refused at once; answers the client's address.
fn refused(address: SocketAddr, header: &Malformed) -> SocketAddr {
    let mut stream = connect(address);
    let client = stream.local_addr().expect("an address");
    let _ = stream.write_all(&header.bytes);
    let started = Instant::now();
    let (answer, _) = read_to_end(&mut stream);
    assert_eq!(answer, b"", "{}", header.name);
    assert!(started.elapsed() < AT_ONCE, "{}: late", header.name);
    client
}

#[test]
fn a_header_may_come_byte_by_byte() {
    let origin = ProxyOrigin::echo();
    let vestibule = in_front_of(origin.address(), 1);
    for header in [LINE.to_vec(), v2(0x21, 0x11, &INET)] {
        let mut stream = connect(vestibule.address("in"));
        for byte in &header {
            stream.write_all(&[*byte]).expect("a byte");
            thread::sleep(Duration::from_millis(3));
        }
        exchange(&mut stream, b"after all");
        let told = origin.told();
        assert_eq!(told.source, Some(([192, 0, 2, 1], 56324).into()));
    }
}

/// The time is that of the whole header: a byte now and then does not prolong it.
#[test]
fn a_header_that_does_not_come_in_time_ends_the_connection() {
    let origin = Origin::echo();
    let vestibule = in_front_of(origin.address(), 1);
    let half = &v2(0x21, 0x11, &INET)[..20];
    for (name, first, drip) in [
        ("silence", &b""[..], false),
        ("half a header", half, false),
        ("a drip", LINE, true),
    ] {
        let mut stream = connect(vestibule.address("late"));
        let client = stream.local_addr().expect("an address");
        let started = Instant::now();
        if drip {
            for byte in first {
                if stream.write_all(&[*byte]).is_err() {
                    break;
                }
                thread::sleep(Duration::from_millis(100));
            }
        } else {
            stream.write_all(first).expect("the beginning");
        }
        let (answer, _) = read_to_end(&mut stream);
        assert_eq!(answer, b"", "{name}");
        let record = vestibule.record_of(client);
        record.assert(&[
            ("end", "proxy_header_timeout"),
            ("ended_by", "vestibule"),
            ("service", ""),
        ]);
        let waited = Duration::from_secs_f64(record.duration_ms() / 1e3);
        assert!(waited >= TIMEOUT, "{name}: {waited:?}");
        assert!(waited < AT_ONCE, "{name}: {waited:?}");
        assert!(started.elapsed() >= TIMEOUT, "{name}");
    }
    assert_eq!(origin.accepted(), 0);
}

#[test]
fn a_header_that_breaks_off_is_told_from_one_that_is_late() {
    let origin = Origin::echo();
    let vestibule = in_front_of(origin.address(), 1);
    let mut stream = connect(vestibule.address("in"));
    stream.write_all(&LINE[..30]).expect("half a header");
    stream.shutdown(Shutdown::Write).expect("FIN");
    read_to_end(&mut stream);
    let record = vestibule.record_of(stream.local_addr().expect("an address"));
    record.assert(&[("end", "proxy_header_truncated"), ("ended_by", "client")]);
}

/// Two hundred peers that say nothing, or half of what they should, beside one that does: its
/// connection takes no longer for it. One worker has them all.
#[test]
fn silent_peers_delay_nobody() {
    let origin = ProxyOrigin::echo();
    let vestibule = Setup::new(format!(
        "[[listener]]\nname = \"in\"\nbind = \"127.0.0.1:0\"\nservice = \"s\"\n\
         [listener.proxy_protocol]\ntimeout = \"60s\"\n\
         [service.s]\nupstreams = [\"{}\"]\nsend_proxy = \"v1\"\n",
        origin.address()
    ))
    .workers(1)
    .start();
    let address = vestibule.address("in");
    let alone = median_of_connections(address);
    let silent: Vec<TcpStream> = (0..200)
        .map(|n| {
            let mut stream = connect(address);
            stream
                .write_all(&LINE[..n % LINE.len()])
                .expect("a part of a header");
            stream
        })
        .collect();
    eventually("the silent peers to be held", || {
        let labels = [("listener", "in")];
        vestibule
            .metrics()
            .value("vestibule_connections_active", &labels)
            == 200
    });
    let beside = median_of_connections(address);
    println!("connect, header, exchange: {alone:?} alone, {beside:?} beside 200 silent peers");
    assert!(beside < alone + Duration::from_secs(5), "{beside:?}");
    drop(silent);
}

/// The median time to connect, be let in and be answered.
fn median_of_connections(address: SocketAddr) -> Duration {
    let mut times: Vec<Duration> = (0..21)
        .map(|_| {
            let started = Instant::now();
            let mut stream = connect(address);
            stream.write_all(LINE).expect("a header");
            exchange(&mut stream, b"hello");
            started.elapsed()
        })
        .collect();
    times.sort();
    assert!(times[20] < PATIENCE);
    times[10]
}
