//! What a server spends on handshakes and records.
//!
//! `cargo bench -p vestibule-dtls`; the limit is 4,000 full handshakes of version 1.2 with ECDSA in a second of CPU
//! time, with the cookie. They are counted first; the times after that are of their parts.

use std::{
    hint::black_box,
    mem,
    net::SocketAddr,
    time::{Duration, Instant},
};

use divan::Bencher;
use rustix::time::{ClockId, clock_gettime};
use vestibule_dtls::{
    Accept, Answer, CookieSecrets, Session,
    session::{MAX_DATAGRAM, Version},
    stack::{Acceptor, ClientSession, connect},
    vectors::{Kind, Pair, client_settings, identity, server_settings},
    wire,
};

const HANDSHAKES: u32 = 2000;

fn main() {
    if std::env::args().any(|argument| argument == "--bench") {
        for kind in [Kind::P256, Kind::Rsa] {
            for version in [Version::Dtls12, Version::Dtls13] {
                let spent = cpu_time_of_handshakes(kind, version);
                let rate = f64::from(HANDSHAKES) / spent.as_secs_f64();
                println!(
                    "{kind:?}, {}: {rate:.0} handshakes in a second of CPU time",
                    version.name()
                );
            }
        }
    }
    divan::main();
}

/// Both versions.
const VERSIONS: [Version; 2] = [Version::Dtls12, Version::Dtls13];

/// A server with its clock, and where its clients are.
struct Server {
    acceptor: Acceptor,
    now: Instant,
    from: SocketAddr,
}

impl Server {
    fn new(kind: Kind) -> Self {
        let epoch = Instant::now();
        let settings = server_settings(&identity(kind));
        Self {
            acceptor: Acceptor::new(&settings, CookieSecrets::new([9; 32]), epoch),
            now: epoch + Duration::from_secs(600),
            from: SocketAddr::from(([192, 0, 2, 1], 9)),
        }
    }

    fn client(&self, version: Version) -> ClientSession {
        connect(&client_settings(version), self.now).expect("a client")
    }

    fn hello(&mut self, hello: &[u8]) -> Answer {
        let (now, from) = (self.now, self.from);
        self.acceptor.handle_hello(now, from, hello, [1; 4], false)
    }
}

/// What a session has to say, in datagrams.
fn flight(session: &mut dyn Session) -> Vec<Vec<u8>> {
    let mut datagrams = Vec::new();
    let mut datagram = Vec::new();
    while session.poll_transmit(&mut datagram, MAX_DATAGRAM) {
        datagrams.push(mem::take(&mut datagram));
    }
    datagrams
}

fn take_up(session: &mut dyn Session, now: Instant, datagrams: &[Vec<u8>]) {
    for record in datagrams
        .iter()
        .flat_map(|datagram| wire::records(datagram))
    {
        session.handle_record(now, record.bytes).expect("a record");
    }
}

fn take_down(session: &mut dyn Session, now: Instant, datagrams: &[Vec<u8>]) {
    for record in datagrams
        .iter()
        .flat_map(|datagram| wire::records_without_id(datagram))
    {
        session.handle_record(now, record.bytes).expect("a record");
    }
}

/// The first hello of a client.
fn first_hello(client: &mut ClientSession) -> Vec<u8> {
    flight(client).swap_remove(0)
}

/// The hello with which a client returns the cookie.
fn second_hello(server: &mut Server, client: &mut ClientSession) -> Vec<u8> {
    let hello = first_hello(client);
    let Answer::Reply(reply) = server.hello(&hello) else {
        panic!("no cookie");
    };
    take_down(client, server.now, &[reply]);
    first_hello(client)
}

/// A session that has got its second hello, and what the client says to its flight.
fn last_flight(
    server: &mut Server,
    client: &mut ClientSession,
) -> (Box<dyn Session>, Vec<Vec<u8>>) {
    let hello = second_hello(server, client);
    let Answer::Session(mut session) = server.hello(&hello) else {
        panic!("no session");
    };
    take_down(client, server.now, &flight(session.as_mut()));
    let last = flight(client);
    (session, last)
}

/// What this thread spends on the server's side of handshakes.
fn cpu_time_of_handshakes(kind: Kind, version: Version) -> Duration {
    let mut server = Server::new(kind);
    let mut spent = Duration::ZERO;
    for _ in 0..HANDSHAKES {
        let mut client = server.client(version);
        let hello = first_hello(&mut client);
        let began = cpu_time();
        let answer = server.hello(&hello);
        spent += cpu_time() - began;
        let Answer::Reply(reply) = answer else {
            panic!("no cookie");
        };
        take_down(&mut client, server.now, &[reply]);
        let hello = first_hello(&mut client);

        let began = cpu_time();
        let Answer::Session(mut session) = server.hello(&hello) else {
            panic!("no session");
        };
        let datagrams = flight(session.as_mut());
        spent += cpu_time() - began;
        take_down(&mut client, server.now, &datagrams);
        let last = flight(&mut client);

        let began = cpu_time();
        take_up(session.as_mut(), server.now, &last);
        let datagrams = flight(session.as_mut());
        spent += cpu_time() - began;
        take_down(&mut client, server.now, &datagrams);
        assert!(client.is_established() && session.is_established());
    }
    spent
}

fn cpu_time() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    Duration::try_from(time).expect("not before the thread")
}

/// The answer to a hello without cookie, as in a flood.
#[divan::bench(args = VERSIONS)]
fn cookie(bencher: Bencher<'_, '_>, version: Version) {
    let mut server = Server::new(Kind::P256);
    let hello = first_hello(&mut server.client(version));
    bencher.bench_local(|| server.hello(black_box(&hello)));
}

/// A hello whose cookie is not its own.
#[divan::bench(args = VERSIONS)]
fn wrong_cookie(bencher: Bencher<'_, '_>, version: Version) {
    let mut server = Server::new(Kind::P256);
    let mut client = server.client(version);
    let hello = second_hello(&mut server, &mut client);
    server.from.set_port(10);
    bencher.bench_local(|| server.hello(black_box(&hello)));
}

/// From the second hello to the flight that answers it.
#[divan::bench(args = VERSIONS)]
fn answer(bencher: Bencher<'_, '_>, version: Version) {
    let mut server = Server::new(Kind::P256);
    let mut client = server.client(version);
    let hello = second_hello(&mut server, &mut client);
    bencher.bench_local(|| {
        let Answer::Session(mut session) = server.hello(black_box(&hello)) else {
            panic!("no session");
        };
        flight(session.as_mut())
    });
}

/// The last flight of the client, and what is said to it.
#[divan::bench(args = VERSIONS)]
fn finish(bencher: Bencher<'_, '_>, version: Version) {
    let mut server = Server::new(Kind::P256);
    let now = server.now;
    bencher
        .with_inputs(|| {
            let mut client = server.client(version);
            last_flight(&mut server, &mut client)
        })
        .bench_local_values(|(mut session, datagrams)| {
            take_up(session.as_mut(), now, &datagrams);
            (flight(session.as_mut()), session)
        });
}

/// One message of 94 bytes out of its record.
#[divan::bench(args = VERSIONS)]
fn record_in(bencher: Bencher<'_, '_>, version: Version) {
    let mut pair = established(version);
    let mut session = pair.server.take().expect("a session");
    let now = pair.now;
    let mut payload = Vec::new();
    bencher
        .with_inputs(|| {
            pair.client.send(&[5; 94]).expect("sent");
            first_hello(&mut pair.client)
        })
        .bench_local_refs(|datagram| {
            payload.clear();
            session.handle_record(now, datagram).expect("a record");
            session.receive(&mut payload)
        });
}

/// One message of 57 bytes into its record.
#[divan::bench(args = VERSIONS)]
fn record_out(bencher: Bencher<'_, '_>, version: Version) {
    let mut pair = established(version);
    let mut session = pair.server.take().expect("a session");
    let mut datagram = Vec::new();
    bencher.bench_local(|| {
        datagram.clear();
        session.send(black_box(&[5; 57])).expect("sent");
        session.poll_transmit(&mut datagram, MAX_DATAGRAM)
    });
}

fn established(version: Version) -> Pair {
    let mut pair = Pair::simple(version);
    pair.run(Duration::from_secs(5));
    assert!(pair.is_established());
    pair
}
