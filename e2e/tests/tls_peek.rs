//! TLS is routed by what its hello says and carried on untouched.

use std::io::Write;
use std::net::Shutdown;

use vestibule_e2e::{
    Authority, End, Hello, Origin, ProxyOrigin, TlsClient, TlsEnd, TlsServer, Vestibule, alert,
    connect, eventually, exchange, in_records, openssl_client, read_to_end,
};
use vestibule_proxy_protocol::kind;

const NAME: &str = "chat.example.org";
const UNRECOGNIZED_NAME: u8 = 112;

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
        "[limits]\npeek_timeout = \"4s\"\n\
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
