mod client;
mod containment;
mod endings;
mod site;
mod starts;

use std::{
    net::{Ipv4Addr, SocketAddr, UdpSocket},
    time::{Duration, Instant},
};

use vestibule_coap::Code;
use vestibule_dtls::{
    Identity, Session,
    session::Version::{self, Dtls12, Dtls13},
};

use self::{
    client::{Client, text},
    site::{Gate, Notes, Site},
};
use super::{Config, Counters, Dropped, Server};

/// Nothing is repeated earlier: ACK_TIMEOUT.
const REPETITION: Duration = Duration::from_secs(2);

/// How long anything may take.
const PATIENCE: Duration = Duration::from_secs(60);

/// A server of a [`Site`], and what is known of it.
struct Stage {
    server: Server,
    notes: Notes,
    gate: Gate,
    runtime: tokio::runtime::Runtime,
}

impl Stage {
    fn new(bind: &[&str], workers: usize) -> Self {
        let bind = bind.iter().map(|it| it.parse().unwrap()).collect();
        let config = Config {
            workers,
            ..Config::new(bind, identity())
        };
        let (notes, gate) = (Notes::default(), Gate::default());
        let (kept, held) = (notes.clone(), gate.clone());
        let server = Server::start(config, move |setup| {
            Site::new(setup, kept.clone(), held.clone())
        });
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        Self {
            server: server.unwrap(),
            notes,
            gate,
            runtime,
        }
    }

    fn address(&self) -> SocketAddr {
        self.server.local_addrs()[0]
    }

    fn client(&self, version: Version) -> Client {
        Client::connect(self.address(), version)
    }

    /// Clients, one at each of two workers.
    fn client_of_each(&self) -> [Client; 2] {
        let mut clients = [None, None];
        while clients.iter().any(Option::is_none) {
            let mut client = self.client(Dtls12);
            let worker = text(&client.ask("worker", b"")).1.parse::<usize>().unwrap();
            clients[worker] = Some(client);
        }
        clients.map(Option::unwrap)
    }

    fn counters(&self) -> std::sync::Arc<Counters> {
        self.server.counters()
    }

    fn end(self, patience: Duration) {
        self.runtime.block_on(self.server.shutdown(patience));
    }
}

fn identity() -> Identity {
    let key = rcgen::KeyPair::generate().unwrap();
    let parameters = rcgen::CertificateParams::new(["localhost".to_owned()]).unwrap();
    let certificate = parameters.self_signed(&key).unwrap();
    Identity::new(vec![certificate.der().to_vec()], &key.serialize_der()).unwrap()
}

fn eventually(what: &str, is_so: impl Fn() -> bool) {
    let begun = Instant::now();
    while !is_so() {
        assert!(begun.elapsed() < PATIENCE, "not {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn many_peers_are_served_by_many_workers_at_two_sockets() {
    let stage = Stage::new(&["127.0.0.1:0", "[::1]:0"], 4);
    let mut workers = [0; 4];
    for at in 0..24 {
        let version = [Dtls12, Dtls13][at / 2 % 2];
        let address = stage.server.local_addrs()[at % 2];
        let mut client = Client::connect(address, version);
        let body = vec![b'x'; 100 * at];
        let response = client.ask("echo", &body);
        assert_eq!((response.code, &*response.payload), (Code::CONTENT, &*body));
        let worker = text(&client.ask("worker", b"")).1.parse::<usize>().unwrap();
        workers[worker] += 1;
    }
    assert!(
        workers.iter().filter(|n| **n > 0).count() > 1,
        "{workers:?}"
    );
    assert_eq!(stage.notes.count("opened 1.2"), 12);
    assert_eq!(stage.notes.count("opened 1.3"), 12);
    let views = stage.runtime.block_on(stage.server.associations());
    assert_eq!(views.len(), 24);
    assert_eq!(stage.server.present(), (0, 24));
}

#[test]
fn peers_that_move_are_followed() {
    for version in [Dtls12, Dtls13] {
        let stage = Stage::new(&["127.0.0.1:0"], 4);
        let mut client = stage.client(version);
        let (before, begun) = (client.sent, Instant::now());
        for turn in 0..20 {
            client.move_on();
            let question = format!("question {turn}");
            let response = client.ask("echo", question.as_bytes());
            assert_eq!(text(&response).1, question);
        }
        // Each question, perhaps an answer to a ping, and in DTLS 1.3 the acknowledgement of a ticket, when it is time
        // for that. Later, all may be repeated.
        let sent = client.sent - before;
        assert!(sent <= 41 || begun.elapsed() > REPETITION / 2, "{sent}");
        assert_eq!(stage.notes.count("opened"), 1);
    }
}

#[test]
fn a_long_answer_waits_until_the_peer_has_shown_where_it_is() {
    let stage = Stage::new(&["127.0.0.1:0"], 2);
    let mut client = stage.client(Dtls12);
    // So that the request is short, and the answer is not.
    let body = vec![b'y'; 5000];
    assert_eq!(client.ask("keep", &body).payload, body);
    client.move_on();
    assert_eq!(client.ask("kept", b"").payload, body);
    assert_eq!(stage.notes.count("moved"), 1);
}

#[test]
fn an_answer_leaves_from_the_address_that_was_asked() {
    let stage = Stage::new(&["0.0.0.0:0"], 2);
    for last in [1, 2, 3] {
        let to = (Ipv4Addr::new(127, 0, 0, last), stage.address().port());
        let mut client = Client::connect(to.into(), Dtls12);
        assert_eq!(text(&client.ask("echo", b"here")).1, "here");
    }
}

#[test]
fn what_takes_long_is_done_by_tasks() {
    let stage = Stage::new(&["127.0.0.1:0"], 1);
    let mut client = stage.client(Dtls13);
    assert_eq!(text(&client.ask("later", b"")).1, "later");
    // One that closes does not wait for its answer, and the answer goes nowhere.
    let gate = stage.gate.clone();
    let held = gate.lock().unwrap();
    client.begin("later", b"");
    client.session.close();
    client.until("end", |client| client.session.is_closed_by_peer());
    drop(held);
    eventually("too late", || stage.notes.count("too late") == 1);
    assert_eq!(stage.notes.count("closed peer"), 1);
}

#[test]
fn an_answer_before_the_end_arrives() {
    let stage = Stage::new(&["127.0.0.1:0"], 1);
    let mut client = stage.client(Dtls12);
    assert_eq!(text(&client.ask("close", b"")).1, "good-bye");
    client.until("end", |client| client.session.is_closed_by_peer());
    assert_eq!(stage.notes.count("closed us"), 1);
}

#[test]
fn payloads_that_the_application_takes_are_no_messages() {
    let stage = Stage::new(&["127.0.0.1:0"], 1);
    let mut client = stage.client(Dtls12);
    client.say(b"raw one");
    client.until("echo", |client| !client.payloads.is_empty());
    assert_eq!(client.payloads, [b"raw one"]);
    client.say(b"neither this nor that");
    assert_eq!(text(&client.ask("echo", b"still here")).1, "still here");
    assert_eq!(stage.counters().malformed.value(), 1);
}

#[test]
fn a_worker_that_stalls_holds_up_no_other_one() {
    let stage = Stage::new(&["127.0.0.1:0"], 2);
    let [mut first, mut second] = stage.client_of_each();
    let gate = stage.gate.clone();
    let held = gate.lock().unwrap();
    // The socket is received from by worker 0.
    second.begin("stall", b"");
    eventually("stalls", || stage.notes.count("stalls") == 1);
    // Records with a Connection ID of worker 1.
    let mut record = vec![25, 0xfe, 0xfd, 0, 1, 0, 0, 0, 0, 0, 9, 1, 2, 3, 4, 4, 0];
    record.extend([0; 1024]);
    let flood = UdpSocket::bind("127.0.0.1:0").unwrap();
    let busy = || stage.counters().dropped(Dropped::WorkerBusy).value();
    let begun = Instant::now();
    while busy() == 0 {
        assert!(begun.elapsed() < PATIENCE);
        for _ in 0..100 {
            flood.send_to(&record, stage.address()).unwrap();
        }
        std::thread::sleep(Duration::from_millis(1));
    }
    assert_eq!(text(&first.ask("echo", b"in time")).1, "in time");
    drop(held);
    second.until("answer", Client::has_answer);
    assert_eq!(text(&second.answered()).1, "at last");
    assert_eq!(text(&second.ask("echo", b"again")).1, "again");
}

#[test]
fn records_that_lead_elsewhere_are_looked_at_twice_at_most() {
    let stage = Stage::new(&["127.0.0.1:0"], 3);
    let mut record = vec![25, 0xfe, 0xfd, 0, 1, 0, 0, 0, 0, 0, 9, 0, 2, 3, 4, 0, 40];
    record.extend([0; 40]);
    for worker in 0..=255 {
        record[11] = worker;
        let stranger = UdpSocket::bind("127.0.0.1:0").unwrap();
        stranger.send_to(&record, stage.address()).unwrap();
    }
    let counters = stage.counters();
    eventually("received", || counters.datagrams_in.value() == 256);
    let mut client = stage.client(Dtls12);
    assert_eq!(text(&client.ask("echo", b"there")).1, "there");
    // Only ids 0, 1 and 2 name a worker.
    assert!(counters.strays.value() <= 3);
}

#[test]
fn what_leads_elsewhere_arrives_at_the_worker_of_its_address() {
    let stage = Stage::new(&["127.0.0.1:0"], 3);
    let counters = stage.counters();
    let mut record = vec![25, 0xfe, 0xfd, 0, 1, 0, 0, 0, 0, 0, 9, 0, 2, 3, 4, 0, 40];
    record.extend([0; 40]);
    let mut strays = 0;
    for worker in (0..3).cycle().take(24) {
        record[11] = worker;
        let stranger = UdpSocket::bind("127.0.0.1:0").unwrap();
        stranger.set_read_timeout(Some(PATIENCE)).unwrap();
        let datagram = [&record[..], &client::hello()].concat();
        stranger.send_to(&datagram, stage.address()).unwrap();
        // A cookie, from whoever it came to.
        let length = stranger.recv(&mut [0; 2048]).unwrap();
        assert!(length > 0);
        strays = counters.strays.value();
    }
    // About two of three; 24 at home by chance are 1 of 282 thousand million.
    assert!((1..=24).contains(&strays), "{strays}");
}

#[test]
fn a_payload_that_the_application_takes_shows_where_the_peer_is() {
    let stage = Stage::new(&["127.0.0.1:0"], 2);
    let mut client = stage.client(Dtls12);
    let gate = stage.gate.clone();
    let held = gate.lock().unwrap();
    client.begin("later", b"");
    client.until("acknowledgement", |client| {
        client.endpoint.footprint().unsettled == 0
    });
    // What comes to it from now on is lost.
    client.move_on();
    drop(held);
    eventually("answered", || stage.notes.count("has answered") == 1);
    // The answer is repeated at once, and so it is here before what is said next is echoed.
    for echoes in 1..=3 {
        client.say(&[&b"raw here I am"[..], &[b'.'; 300]].concat());
        client.until("echo", |client| client.payloads.len() == echoes);
    }
    assert!(client.has_answer());
    assert_eq!(text(&client.answered()).1, "later");
}

#[test]
fn a_new_certificate_is_for_new_associations() {
    let mut stage = Stage::new(&["127.0.0.1:0"], 2);
    let mut old = stage.client(Dtls12);
    let new = identity();
    stage.server.replace_identity(new.clone());
    eventually("replaced", || {
        stage.client(Dtls13).session.peer_certificates() == new.chain()
    });
    assert_ne!(old.session.peer_certificates(), new.chain());
    assert_eq!(text(&old.ask("echo", b"still")).1, "still");
}
