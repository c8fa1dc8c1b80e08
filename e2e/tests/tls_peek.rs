//! TLS is routed by what its hello says and carried on untouched.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

use vestibule_e2e::{
    Authority, Connections, End, Hello, Neighbour, Origin, ProxyOrigin, Record, TlsClient, TlsEnd,
    TlsServer, Vestibule, alert, connect, eventually, exchange, in_records, openssl_client,
    read_to_end,
};

use vestibule_proxy_protocol::kind;

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
        let (origin, connections) = Origin::hand_over();
        let echo = Origin::echo();
        let vestibule = Vestibule::start(format!(
            "[limits]\npeek_timeout = \"600ms\"\n\
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
fn routes_by_name_and_by_protocol() {
    let names = ["exact", "wild", "xmpp", "nameless", "both", "rest"];
    let origins = names.map(|name| (name, Origin::greeting(name)));
    let services: String = origins
        .iter()
        .map(|(name, o)| format!("[service.{name}]\nupstreams = [\"{}\"]\n", o.address()))
        .collect();
    let vestibule = Vestibule::start(format!(
        "[[listener]]\nname = \"in\"\nbind = \"127.0.0.1:0\"\nservice = \"rest\"\nroutes = [\n\
         {{ sni = [\"a.example\"], alpn = [\"imap\", \"h2\"], service = \"both\" }},\n\
         {{ sni = [\"a.example\", \"b.example\"], service = \"exact\" }},\n\
         {{ sni = [\"*.example.org\"], service = \"wild\" }},\n\
         {{ alpn = [\"xmpp-client\"], service = \"xmpp\" }},\n\
         {{ sni = [\"\"], service = \"nameless\" }},\n]\n\
         [listener.tls]\nmode = \"peek\"\n{services}"
    ));
    let hello = || Hello::new();
    for (hello, service) in [
        (hello().sni("a.example"), "exact"),
        (hello().sni("B.Example"), "exact"),
        (hello().sni("b.example."), "exact"),
        (hello().sni("a.example").alpn(&["h2", "http/1.1"]), "both"),
        (hello().sni("a.example").alpn(&["http/1.1", "imap"]), "both"),
        (hello().sni("chat.example.org"), "wild"),
        (hello().sni("a.b.example.org"), "rest"),
        (hello().sni("example.org"), "rest"),
        (hello().sni("c.example").alpn(&["xmpp-client"]), "xmpp"),
        (hello().alpn(&["xmpp-client"]), "xmpp"),
        (hello(), "nameless"),
        (hello().sni("c.example").alpn(&["xmpp-server"]), "rest"),
    ] {
        let mut client = connect(vestibule.address("in"));
        client.write_all(&hello.records()).expect("a hello");
        let (answer, end) = read_to_end(&mut client);
        assert_eq!(
            (&*String::from_utf8_lossy(&answer), end),
            (service, End::Fin),
            "{hello:?}"
        );
    }
}

/// Real clients, and a real server behind: both ends agree that nobody has touched anything.
#[test]
fn handshakes_go_through_however_their_hello_is_cut() {
    let authority = Authority::new();
    let origin = TlsServer::new(&authority.server(&[NAME]))
        .alpn(&["h2"])
        .echo();
    let vestibule = Vestibule::start(format!(
        "[[listener]]\nname = \"in\"\nbind = \"127.0.0.1:0\"\n\
         routes = [{{ sni = [\"{NAME}\"], service = \"s\" }}]\n\
         [listener.tls]\nmode = \"peek\"\n\
         [service.s]\nupstreams = [\"{}\"]\n",
        origin.address()
    ));
    let whole: fn(&[u8]) -> Vec<Vec<u8>> = |flight| vec![flight.to_vec()];
    let segments: fn(&[u8]) -> Vec<Vec<u8>> =
        |flight| flight.chunks(1).map(<[u8]>::to_vec).collect();
    let records: fn(&[u8]) -> Vec<Vec<u8>> = |flight| vec![in_records(&flight[5..], 1)];
    // Behind the name, and in the middle of everything.
    let many: Vec<String> = (0..150).map(|n| format!("{n:0>100}")).collect();
    let huge: Vec<String> = (0..200).map(|n| format!("{n:0>200}")).collect();
    for (cut, alpn) in [
        (whole, vec!["h2".to_owned()]),
        (segments, vec!["h2".to_owned()]),
        (records, vec!["h2".to_owned()]),
        (whole, many),
        (whole, huge),
    ] {
        let alpn = [alpn, vec!["h2".to_owned()]].concat();
        for version in ["1.2", "1.3"] {
            let client = TlsClient::new(&authority, NAME)
                .version(version)
                .alpn(&alpn)
                .cut(cut);
            let stream = client.connect(vestibule.address("in"));
            stream.exchange(b"hello");
            stream.close_notify();
            assert_eq!(stream.read_to_end().1, TlsEnd::CloseNotify);
            stream.socket().shutdown(Shutdown::Both).expect("FIN");
            let record = vestibule.record_of(stream.local_addr());
            record.assert(&[
                ("sni", NAME),
                ("alpn", &alpn[0]),
                ("service", "s"),
                ("tls", ""),
            ]);
        }
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
    let scene = Scene::new();
    let records = Hello::new().sni(NAME).records();
    for sent in [&[][..], &records[..1], &records[..records.len() - 1]] {
        let mut client = scene.connect("only");
        client.write_all(sent).expect("half a hello");
        let start = Instant::now();
        assert_eq!(read_to_end(&mut client).0, b"");
        let elapsed = start.elapsed();
        assert!(elapsed > Duration::from_millis(500), "{elapsed:?}");
        assert!(elapsed < Duration::from_secs(2), "{elapsed:?}");
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
        assert!(start.elapsed() < Duration::from_secs(5));
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

/// The same port for TLS, for HTTP by its host, and for protocols in which the server speaks first.
#[test]
fn what_is_not_tls_goes_where_a_route_without_tls_leads() {
    let names = ["tls", "web", "other"];
    let origins = names.map(|name| (name, Origin::greeting(name)));
    let services: String = origins
        .iter()
        .map(|(name, o)| format!("[service.{name}]\nupstreams = [\"{}\"]\n", o.address()))
        .collect();
    let vestibule = Vestibule::start(format!(
        "[limits]\npeek_timeout = \"300ms\"\n\
         [[listener]]\nname = \"in\"\nbind = \"127.0.0.1:0\"\nroutes = [\n\
         {{ sni = [\"*.example.org\"], service = \"tls\" }},\n\
         {{ http_host = [\"web.example.org\"], service = \"web\" }},\n\
         {{ client = [\"127.0.0.0/8\"], service = \"other\" }},\n]\n\
         [listener.tls]\nmode = \"peek\"\n{services}"
    ));
    for (said, service) in [
        (Hello::new().sni(NAME).records(), "tls"),
        (
            b"GET / HTTP/1.1\r\nHost: Web.Example.org:8080\r\n\r\n".to_vec(),
            "web",
        ),
        (
            b"GET http://web.example.org/ HTTP/1.1\r\nHost: x\r\n\r\n".to_vec(),
            "web",
        ),
        (
            b"GET / HTTP/1.1\r\nHost: elsewhere.example\r\n\r\n".to_vec(),
            "other",
        ),
        (b"SSH-2.0-e2e\r\n".to_vec(), "other"),
        (b"".to_vec(), "other"),
    ] {
        let mut client = connect(vestibule.address("in"));
        client.write_all(&said).expect("words");
        let (answer, end) = read_to_end(&mut client);
        assert_eq!(
            (&*String::from_utf8_lossy(&answer), end),
            (service, End::Fin)
        );
    }
}

/// In an upstream's PROXY header: the name, and nothing that only the ends know.
#[test]
fn the_upstream_is_told_the_name() {
    let origin = ProxyOrigin::echo();
    let vestibule = Vestibule::start(format!(
        "[[listener]]\nname = \"in\"\nbind = \"127.0.0.1:0\"\nservice = \"s\"\n\
         [listener.tls]\nmode = \"peek\"\n\
         [service.s]\nupstreams = [\"{}\"]\n\
         send_proxy = {{ version = \"v2\", tlvs = [\"authority\", \"alpn\", \"ssl\"] }}\n",
        origin.address()
    ));
    let mut client = connect(vestibule.address("in"));
    let hello = Hello::new().sni("Chat.Example.org").alpn(&["h2"]).records();
    exchange(&mut client, &hello);
    let told = origin.told();
    assert_eq!(told.tlv(kind::AUTHORITY), Some(NAME.as_bytes()));
    assert_eq!(told.tlv(kind::SSL), None);
    assert_eq!(told.tlv(kind::ALPN), None);
}

fn by_name(port: u16, allow: &str, networks: &str) -> Vestibule {
    Vestibule::start(format!(
        "[[listener]]\nname = \"in\"\nbind = \"127.0.0.1:0\"\nservice = \"by-name\"\n\
         [listener.tls]\nmode = \"peek\"\n\
         [service.by-name]\nupstreams = [\"sni:{port}\"]\nallow = [{allow}]\n{networks}\n"
    ))
}

/// `localhost` is a name that leads to this machine everywhere: just what must not be reached by
/// whoever puts it into a hello.
#[test]
fn upstreams_that_the_name_chooses() {
    let authority = Authority::new();
    let origin = TlsServer::new(&authority.server(&["localhost"])).echo();
    let port = origin.address().port();
    let client = TlsClient::new(&authority, "localhost");
    let vestibule = by_name(port, "\"localhost\"", "allow_networks = [\"127.0.0.0/8\"]");
    let stream = client.connect(vestibule.address("in"));
    stream.exchange(b"hello");
    assert_eq!(origin.seen().sni.as_deref(), Some("localhost"));
    let address = stream.local_addr();
    drop(stream);
    let record = vestibule.record_of(address);
    record.assert(&[
        ("upstream", &format!("localhost:{port}")),
        ("sni", "localhost"),
    ]);

    let refused = |vestibule: &Vestibule, hello: Hello, end: &str, expected: Option<u8>| {
        let mut client = connect(vestibule.address("in"));
        client.write_all(&hello.records()).expect("a hello");
        let (answer, _) = read_to_end(&mut client);
        assert_eq!(alert(&answer), expected, "{hello:?}");
        let record = vestibule.record_of(client.local_addr().expect("an address"));
        record.assert(&[("end", end)]);
    };
    let named = |name| Hello::new().sni(name);
    let unknown = Some(UNRECOGNIZED_NAME);
    refused(
        &vestibule,
        named("elsewhere.example"),
        "forbidden_destination",
        unknown,
    );
    refused(&vestibule, named("127.0.0.1"), "unrecognized_name", unknown);
    refused(&vestibule, Hello::new(), "unrecognized_name", unknown);
    // On the list, but it leads where nobody from outside may go.
    let vestibule = by_name(port, "\"localhost\", \"*.example\"", "");
    refused(
        &vestibule,
        named("localhost"),
        "forbidden_destination",
        None,
    );
    let labels = [("listener", "in"), ("reason", "forbidden_destination")];
    let metrics = vestibule.metrics();
    assert_eq!(
        metrics.value("vestibule_connections_refused_total", &labels),
        1
    );
    assert_eq!(origin.accepted(), 1);
}

#[test]
fn openssl_through_a_peeking_listener() {
    let authority = Authority::new();
    let origin = TlsServer::new(&authority.server(&[NAME])).echo();
    let vestibule = Vestibule::start(format!(
        "[[listener]]\nname = \"in\"\nbind = \"127.0.0.1:0\"\nservice = \"s\"\n\
         [listener.tls]\nmode = \"peek\"\n[service.s]\nupstreams = [\"{}\"]\n",
        origin.address()
    ));
    let options = format!(
        "-servername {NAME} -verify_return_error -CAfile {}",
        authority.root().display()
    );
    let mut client = openssl_client(vestibule.address("in"), &options);
    client.say("said by OpenSSL");
    client.wait_for_line("said by OpenSSL");
    client.close_stdin();
    assert!(client.wait().success());
    eventually("the record", || vestibule.records().len() == 1);
    vestibule.records()[0].assert(&[("sni", NAME), ("tls", ""), ("end", "eof")]);
}
