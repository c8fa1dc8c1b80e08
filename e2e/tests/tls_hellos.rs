//! Hellos of every kind, and what is none, while a neighbour notices nothing.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

use vestibule_e2e::{
    Connections, End, Hello, Neighbour, Origin, PATIENCE, Record, Vestibule, alert, connect,
    in_records, read_to_end,
};

const NAME: &str = "chat.example.org";
const DECODE_ERROR: u8 = 50;
const UNRECOGNIZED_NAME: u8 = 112;

/// A listener that peeks, in front of an origin that hands over what arrives; one that takes only
/// this name; and a plain one for the neighbour.
struct Scene {
    vestibule: Vestibule,
    connections: Connections,
    neighbour: Neighbour,
    _origins: [Origin; 2],
}

impl Scene {
    fn new() -> Self {
        Self::with("60s")
    }

    fn with(peek_timeout: &str) -> Self {
        let (origin, connections) = Origin::hand_over();
        let echo = Origin::echo();
        let vestibule = Vestibule::start(format!(
            "[limits]\npeek_timeout = \"{peek_timeout}\"\n\
             [[listener]]\nname = \"in\"\nbind = \"127.0.0.1:0\"\nservice = \"s\"\n\
             [listener.tls]\nmode = \"peek\"\n\
             [[listener]]\nname = \"only\"\nbind = \"127.0.0.1:0\"\n\
             routes = [{{ sni = [\"{NAME}\"], service = \"s\" }}]\n\
             [listener.tls]\nmode = \"peek\"\n\
             [[listener]]\nname = \"plain\"\nbind = \"127.0.0.1:0\"\nservice = \"echo\"\n\
             [service.s]\nupstreams = [\"{}\"]\n\
             [service.echo]\nupstreams = [\"{}\"]\n",
            origin.address(),
            echo.address()
        ));
        let neighbour = Neighbour::at(vestibule.address("plain"));
        Self {
            vestibule,
            connections,
            neighbour,
            _origins: [origin, echo],
        }
    }

    fn connect(&self, listener: &str) -> TcpStream {
        connect(self.vestibule.address(listener))
    }

    /// What the origin receives is what was sent, to the byte, and the answer comes back.
    #[track_caller]
    fn assert_carried(&self, pieces: &[Vec<u8>], sni: &str) {
        let mut client = self.connect("only");
        for piece in pieces {
            client.write_all(piece).expect("a piece of a hello");
        }
        let mut upstream = self.connections.accept();
        let sent = pieces.concat();
        let mut received = vec![0; sent.len()];
        upstream.read_exact(&mut received).expect("the hello");
        assert!(received == sent, "the hello was changed on the way");
        upstream.write_all(b"and back").expect("an answer");
        drop(upstream);
        assert_eq!(read_to_end(&mut client), (b"and back".to_vec(), End::Fin));
        let record = self.ended(client);
        record.assert(&[("sni", sni), ("service", "s"), ("end", "eof"), ("tls", "")]);
        assert_eq!(record.number("bytes_in"), sent.len() as u64);
        assert_eq!(record.text("ja4").len(), 36);
    }

    /// These bytes are answered with this alert, or by closing.
    #[track_caller]
    fn assert_refused(&self, listener: &str, bytes: &[u8], expected: Option<u8>, end: &str) {
        let mut client = self.connect(listener);
        // Who is refused early may not take all of it.
        let _ = client.write_all(bytes);
        let mut answer = Vec::new();
        let _ = client.read_to_end(&mut answer);
        match expected {
            Some(_) => assert_eq!(alert(&answer), expected, "{end}: {answer:?}"),
            None => assert_eq!(answer, b"", "{end}"),
        }
        let record = self.ended(client);
        record.assert(&[("end", end), ("service", ""), ("upstream", "")]);
        assert!(self.connections.is_empty(), "{end}: nobody is dialled");
        let labels = [("listener", listener), ("reason", end)];
        let metrics = self.vestibule.metrics();
        let refused = metrics.value("vestibule_connections_refused_total", &labels);
        assert!(refused > 0, "{end} is counted");
    }

    #[track_caller]
    fn ended(&self, client: TcpStream) -> Record {
        let address = client.local_addr().expect("an address");
        drop(client);
        self.vestibule.record_of(address)
    }
}

#[test]
fn hellos_of_every_size_arrive_to_the_byte() {
    let scene = Scene::new();
    let hello = Hello::new().sni(NAME).alpn(&["xmpp-client"]);
    let one = |bytes: Vec<u8>| vec![bytes];
    scene.assert_carried(&one(hello.records()), NAME);
    let segments: Vec<_> = hello.records().chunks(1).map(<[u8]>::to_vec).collect();
    scene.assert_carried(&segments, NAME);
    let records = in_records(&hello.message(), 1);
    scene.assert_carried(&one(records.clone()), NAME);
    let both: Vec<_> = records.chunks(1).map(<[u8]>::to_vec).collect();
    scene.assert_carried(&both, NAME);
    for size in [15_000, 16_384, 40_000, 65_000] {
        let padded = hello.clone().padded(size);
        scene.assert_carried(&one(padded.records()), NAME);
        scene.assert_carried(&one(in_records(&padded.message(), 100)), NAME);
    }
    // What comes at once behind the hello belongs to the upstream too.
    scene.assert_carried(&one([hello.records(), vec![23; 5000]].concat()), NAME);
    scene.neighbour.assert_undisturbed();
}

#[test]
fn names_as_people_write_them() {
    let scene = Scene::new();
    for name in ["CHAT.EXAMPLE.ORG", "Chat.Example.Org", "chat.example.org."] {
        let hello = Hello::new().sni(name);
        scene.assert_carried(&[hello.records()], NAME);
    }
    // The outer name counts, and GREASE does not.
    let hello = Hello::new().ech_grease().sni(NAME).extension(0x3a3a, &[0]);
    scene.assert_carried(&[hello.records()], NAME);
    // Nobody that is known here.
    let refused = |hello: Hello| {
        let alert = Some(UNRECOGNIZED_NAME);
        scene.assert_refused("only", &hello.records(), alert, "unrecognized_name");
    };
    refused(Hello::new());
    refused(Hello::new().sni("elsewhere.example"));
    refused(Hello::new().sni("192.0.2.7"));
    refused(Hello::new().sni("a.chat.example.org"));
    // A default service takes them.
    for hello in [
        Hello::new(),
        Hello::new().sni("192.0.2.7"),
        Hello::new().sni("other.example"),
    ] {
        let mut client = scene.connect("in");
        client.write_all(&hello.records()).expect("a hello");
        let mut received = vec![0; hello.records().len()];
        let mut upstream = scene.connections.accept();
        upstream.read_exact(&mut received).expect("the hello");
        assert_eq!(received, hello.records());
    }
    scene.neighbour.assert_undisturbed();
}

#[test]
fn what_is_no_hello_is_refused() {
    let scene = Scene::new();
    let hello = Hello::new().sni(NAME);
    let too_large = hello.clone().extension(0xfafa, &[0; 6_000]).padded(70_000);
    assert_eq!(too_large.message().len(), 70_000);
    let alert = Some(DECODE_ERROR);
    scene.assert_refused(
        "only",
        &too_large.records(),
        alert,
        "client_hello_too_large",
    );
    let announced = [22, 3, 1, 0, 4, 1, 1, 0, 1];
    scene.assert_refused("only", &announced, alert, "client_hello_too_large");

    let twice = hello.clone().sni("other.example");
    scene.assert_refused("only", &twice.records(), alert, "client_hello_invalid");
    let mut broken = hello.message();
    broken[4 + 2 + 32] = 33;
    scene.assert_refused(
        "only",
        &in_records(&broken, 9_999),
        alert,
        "client_hello_invalid",
    );
    let empty_record = [22, 3, 1, 0, 0];
    scene.assert_refused("only", &empty_record, alert, "client_hello_invalid");
    let server_hello = [22, 3, 3, 0, 4, 2, 0, 0, 0];
    scene.assert_refused("only", &server_hello, alert, "client_hello_invalid");
    for record in scene.vestibule.records() {
        if record.text("end") == "client_hello_invalid" {
            assert!(!record.text("reason").is_empty(), "{record:?}");
        }
    }

    for bytes in [
        &b"GET / HTTP/1.1\r\nHost: chat.example.org\r\n\r\n"[..],
        &[0; 100],
        b"\x80\x2e\x01",
    ] {
        scene.assert_refused("only", bytes, None, "not_tls");
    }
    scene.neighbour.assert_undisturbed();
}

#[test]
fn whoever_does_not_go_on_is_given_up() {
    let scene = Scene::with("600ms");
    let records = Hello::new().sni(NAME).records();
    for sent in [&[][..], &records[..1], &records[..records.len() - 1]] {
        let mut client = scene.connect("only");
        client.write_all(sent).expect("half a hello");
        let start = Instant::now();
        assert_eq!(read_to_end(&mut client).0, b"");
        let elapsed = start.elapsed();
        assert!(elapsed > Duration::from_millis(500), "{elapsed:?}");
        assert!(elapsed < Duration::from_secs(30), "{elapsed:?}");
        scene
            .ended(client)
            .assert(&[("end", "peek_timeout"), ("service", "")]);
    }
    // Each byte does not begin the time anew; after that we only wait for the client to close.
    let mut client = scene.connect("only");
    let start = Instant::now();
    let long = Hello::new().padded(60_000).records();
    let mut bytes = long.chunks(1);
    while client.write_all(bytes.next().expect("more")).is_ok() {
        assert!(start.elapsed() < PATIENCE);
        thread::sleep(Duration::from_millis(20));
    }
    scene.ended(client).assert(&[("end", "peek_timeout")]);

    let mut client = scene.connect("only");
    client.write_all(&records[..50]).expect("half a hello");
    client.shutdown(Shutdown::Write).expect("FIN");
    assert_eq!(read_to_end(&mut client).0, b"");
    scene
        .ended(client)
        .assert(&[("end", "client_hello_truncated"), ("ended_by", "client")]);
    scene.neighbour.assert_undisturbed();
}
