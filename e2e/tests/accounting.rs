//! Whatever becomes of connections, each is accounted for exactly once, and nothing is left of it.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::thread;
use std::time::Duration;

use vestibule_e2e::{Origin, Random, ReservedPort, Vestibule, connect, eventually, linger_zero};

const CLIENTS: u64 = 16;
const CONNECTIONS: u64 = 60;

/// Clients and an origin that behave as badly as they can, each in its own random way.
#[test]
fn every_connection_has_one_record_or_is_counted_as_empty() {
    let origin = Origin::serve(misbehave);
    let dead = ReservedPort::new();
    let mut vestibule = Vestibule::start(format!(
        "[limits]\nconnections_per_client = 5\n\
         [[listener]]\nname = \"in\"\nbind = \"127.0.0.1:0\"\nservice = \"s\"\n\
         routes = [{{ client = [\"192.0.2.1\"], service = \"dead\" }}]\n\
         [listener.proxy_protocol]\ntimeout = \"200ms\"\n\
         [service.s]\nupstreams = [\"{}\"]\n\
         idle_timeout = \"500ms\"\nhalf_close_timeout = \"300ms\"\n\
         [service.dead]\nupstreams = [\"{}\"]\n",
        origin.address(),
        dead.address(),
    ));
    let address = vestibule.address("in");
    // Threads, logs and what else is opened only once are there now.
    vestibule.metrics();
    let idle = vestibule.process().open_descriptors();
    thread::scope(|scope| {
        for client in 0..CLIENTS {
            scope.spawn(move || {
                let mut random = Random::new(client);
                for _ in 0..CONNECTIONS {
                    come_and_misbehave(address, &mut random);
                }
            });
        }
    });
    let total = CLIENTS * CONNECTIONS;
    let of_listener = [("listener", "in")];
    eventually("every connection to end", || {
        let metrics = vestibule.metrics();
        metrics.value("vestibule_connections_total", &of_listener) == total
            && metrics.value("vestibule_connections_active", &of_listener) == 0
    });
    let metrics = vestibule.metrics();
    let empty = metrics.value("vestibule_connections_empty_total", &of_listener);
    let logged = usize::try_from(total - empty).expect("a count");
    let records = vestibule.wait_for_records(logged);
    thread::sleep(Duration::from_millis(300));
    assert_eq!(vestibule.records().len(), logged);

    let mut ids: Vec<_> = records.iter().map(|record| record.text("id")).collect();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), logged, "no id twice");
    // What the records say is what the counters say.
    for end in [
        "client_limit",
        "proxy_header_invalid",
        "proxy_header_timeout",
    ] {
        let labels = [("listener", "in"), ("reason", end)];
        let counted = metrics.value("vestibule_connections_refused_total", &labels);
        let of_end = records.iter().filter(|record| record.text("end") == end);
        assert_eq!(of_end.count() as u64, counted, "{end}");
    }
    let carried = records
        .iter()
        .filter(|record| record.text("service") == "s");
    let bytes: u64 = carried.map(|record| record.number("bytes_in")).sum();
    let received = metrics.value("vestibule_received_bytes_total", &[("service", "s")]);
    assert_eq!(bytes, received);
    assert_eq!(metrics.sum("vestibule_upstream_connections_active", &[]), 0);
    // Many ends have been seen, or this test would show little.
    let mut ends: Vec<_> = records.iter().map(|record| record.text("end")).collect();
    ends.sort_unstable();
    ends.dedup();
    println!("{logged} records, {empty} empty; ends: {ends:?}");
    assert!(ends.len() >= 7, "{ends:?}");
    assert!(ends.contains(&"connect_failed"), "{ends:?}");
    eventually("every descriptor to be closed", || {
        vestibule.process().open_descriptors() <= idle
    });
}

/// One connection of a client, with or without a header, with any kind of end.
fn come_and_misbehave(address: SocketAddr, random: &mut Random) {
    let mut stream = connect(address);
    let client = 1 + random.below(8);
    let header = format!("PROXY TCP4 192.0.2.{client} 198.51.100.1 4000 5222\r\n");
    let header = header.as_bytes();
    let _ = match random.below(8) {
        0 => Ok(()),
        1 => stream.write_all(b"GET / HTTP/1.1\r\n\r\n"),
        2 => stream.write_all(&header[..20]),
        _ => stream.write_all(header),
    };
    pause(random);
    let mut payload = vec![0; random.size(18)];
    random.fill(&mut payload);
    if random.below(4) > 0 {
        let _ = stream.set_write_timeout(Some(Duration::from_millis(400)));
        let _ = stream.write_all(&payload);
    }
    pause(random);
    leave(stream, random);
}

/// What the origin does with a connection: the number of a random stream says it.
fn misbehave(mut stream: TcpStream) {
    let port = stream.peer_addr().map_or(0, |peer| peer.port());
    let mut random = Random::new(u64::from(port));
    let mut buffer = vec![0; 1 << 16];
    let short = Duration::from_millis(1 + random.below(300));
    let _ = stream.set_read_timeout(Some(short));
    for _ in 0..random.below(6) {
        match stream.read(&mut buffer) {
            Ok(n) if n > 0 && random.below(2) == 0 => {
                let _ = stream.write_all(&buffer[..n]);
            }
            Ok(0) | Err(_) => break,
            Ok(_) => {}
        }
    }
    leave(stream, &mut random);
}

fn leave(mut stream: TcpStream, random: &mut Random) {
    match random.below(5) {
        0 => linger_zero(&stream),
        1 => {
            let _ = stream.shutdown(Shutdown::Write);
            let _ = stream.set_read_timeout(Some(Duration::from_millis(600)));
            let _ = stream.read_to_end(&mut Vec::new());
        }
        2 => {
            // Says nothing more until it is thrown out.
            let _ = stream.set_read_timeout(Some(Duration::from_secs(2)));
            let _ = stream.read_to_end(&mut Vec::new());
        }
        3 => {
            let _ = stream.shutdown(Shutdown::Both);
        }
        _ => {}
    }
}

fn pause(random: &mut Random) {
    if random.below(3) == 0 {
        thread::sleep(Duration::from_millis(random.below(30)));
    }
}
