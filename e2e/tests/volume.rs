//! Much data, both ways at once, over many connections: not one byte is lost, doubled or swapped.

use std::collections::HashMap;
use std::io::Read;
use std::io::Write;
use std::net::TcpStream;
use std::sync::mpsc::channel;
use std::thread;

use vestibule_e2e::{Origin, PATIENCE, Random, Sum, Vestibule, connect, receive, send_random};

const CONNECTIONS: u64 = 64;
const MIB: u64 = 1024 * 1024;

/// What a connection carries: the client's and the origin's bytes.
#[derive(Clone, Copy)]
struct Flow {
    up: u64,
    down: u64,
}

/// What one end sent and received.
#[derive(Clone, Copy)]
struct Account {
    sent: Sum,
    received: Sum,
}

/// More than 1 GiB each way. The two directions of a connection differ in length, so that each
/// sees its half-close, and the client's end comes first about as often as the origin's.
#[test]
fn a_gibibyte_each_way_at_once() {
    let flows: Vec<Flow> = (0..CONNECTIONS)
        .map(|index| {
            let mut random = Random::new(index);
            let mut length = || (12 * MIB) + random.below(9 * MIB);
            Flow {
                up: length(),
                down: length(),
            }
        })
        .collect();
    let total = |of: fn(&Flow) -> u64| flows.iter().map(of).sum::<u64>();
    let (up, down) = (total(|flow| flow.up), total(|flow| flow.down));
    assert!(up.min(down) >= 1024 * MIB, "{up} up, {down} down");

    let (accounts, of_origin) = channel();
    let origin = Origin::serve({
        let flows = flows.clone();
        move |mut stream| {
            let mut index = [0; 8];
            stream
                .read_exact(&mut index)
                .expect("the connection's index");
            let index = u64::from_le_bytes(index);
            let bytes = flows[index as usize].down;
            let account = carry(&stream, bytes, 2 * index);
            accounts.send((index, account)).expect("the test waits");
        }
    });
    let vestibule = Vestibule::start(format!(
        "[[listener]]\nname = \"in\"\nbind = \"127.0.0.1:0\"\nservice = \"echo\"\n\
         [service.echo]\nupstreams = [\"{}\"]\n",
        origin.address()
    ));
    let address = vestibule.address("in");

    let of_clients: Vec<Account> = thread::scope(|scope| {
        let clients: Vec<_> = (0..CONNECTIONS)
            .zip(&flows)
            .map(|(index, flow)| {
                scope.spawn(move || {
                    let mut stream = connect(address);
                    stream.write_all(&index.to_le_bytes()).expect("the index");
                    carry(&stream, flow.up, 2 * index + 1)
                })
            })
            .collect();
        clients
            .into_iter()
            .map(|client| client.join().expect("a client"))
            .collect()
    });
    let of_origin: HashMap<u64, Account> = (0..CONNECTIONS)
        .map(|_| {
            of_origin
                .recv_timeout(PATIENCE)
                .expect("the origin's account")
        })
        .collect();
    for (index, client) in (0..CONNECTIONS).zip(&of_clients) {
        let origin = &of_origin[&index];
        assert_eq!(client.sent, origin.received, "connection {index}, upwards");
        assert_eq!(
            origin.sent, client.received,
            "connection {index}, downwards"
        );
    }

    let records = vestibule.wait_for_records(flows.len());
    let sum = |key: &str| records.iter().map(|record| record.number(key)).sum::<u64>();
    assert!(records.iter().all(|record| record.text("end") == "eof"));
    assert_eq!(sum("bytes_in"), up + 8 * CONNECTIONS);
    assert_eq!(sum("bytes_out"), down);
    let metrics = vestibule.metrics();
    let of = [("service", "echo")];
    let received = metrics.value("vestibule_received_bytes_total", &of);
    assert_eq!(received, up + 8 * CONNECTIONS);
    assert_eq!(metrics.value("vestibule_sent_bytes_total", &of), down);
}

/// Sends this much and receives all that comes, at once.
fn carry(stream: &TcpStream, bytes: u64, seed: u64) -> Account {
    thread::scope(|scope| {
        let sender = scope.spawn(|| send_random(stream, bytes, seed));
        let received = receive(stream, !seed);
        let sent = sender.join().expect("the sending half");
        Account { sent, received }
    })
}
