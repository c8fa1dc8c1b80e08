//! Clients that mean no good, where more than the hello is looked at.

use std::fs;
use std::io::{Read, Write};
use std::thread;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa,
    KeyPair, date_time_ymd,
};
use vestibule_e2e::{
    Authority, Leaf, Origin, ReservedPort, TlsClient, Vestibule, connect, eventually, linger_zero,
    read_to_end, within,
};

/// Listens without TLS and looks at the heads of HTTP requests, for five seconds at most.
fn looking_at_heads(upstream: std::net::SocketAddr) -> Vestibule {
    Vestibule::start(format!(
        "[[listener]]\nname = \"in\"\nbind = \"127.0.0.1:0\"\nservice = \"rest\"\n\
         routes = [{{ http_host = [\"web.example.org\"], service = \"web\" }}]\n\
         [service.web]\nupstreams = [\"127.0.0.1:9\"]\n\
         [service.rest]\nupstreams = [\"{upstream}\"]\n"
    ))
}

#[test]
fn a_record_that_cannot_be_decrypted_is_told_of_though_nothing_was_carried() {
    let origin = Origin::echo();
    let authority = Authority::new();
    let leaf = authority.server(&["chat.example.org"]);
    let vestibule = Vestibule::start(format!(
        "{}[[listener]]\nname = \"in\"\nbind = \"127.0.0.1:0\"\nservice = \"s\"\n\
         [listener.tls]\nmode = \"terminate\"\n[service.s]\nupstreams = [\"{}\"]\n",
        leaf.section(),
        origin.address()
    ));
    let client = TlsClient::new(&authority, "chat.example.org").connect(vestibule.address("in"));
    // The handshake is over on the other side, too.
    eventually("a handshake", || {
        vestibule
            .metrics()
            .sum("vestibule_tls_handshakes_total", &[])
            == 1
    });
    let mut record = b"\x17\x03\x03\x00\x20".to_vec();
    record.extend_from_slice(&[b'z'; 32]);
    client
        .socket()
        .write_all(&record)
        .expect("a damaged record");
    let told = vestibule.record_of(client.local_addr());
    told.assert(&[("end", "reset"), ("ended_by", "client")]);
    assert!(told.text("reason").contains("decrypt"), "{told:?}");
}

#[test]
fn a_first_line_without_end_is_carried_as_soon_as_it_is_too_long() {
    let origin = Origin::echo();
    let vestibule = looking_at_heads(origin.address());
    let mut line = b"GET /".to_vec();
    line.resize(100_000, b'a');
    let client = within(Duration::from_secs(4), || {
        let mut client = connect(vestibule.address("in"));
        let mut writer = client.try_clone().expect("a second handle");
        let sent = line.clone();
        let writing = thread::spawn(move || writer.write_all(&sent).expect("a long line"));
        let mut echoed = vec![0; line.len()];
        client.read_exact(&mut echoed).expect("an echo");
        writing.join().expect("a writer");
        assert_eq!(echoed, line);
        client
    });
    let local = client.local_addr().expect("an address");
    drop(client);
    vestibule.record_of(local).assert(&[("service", "rest")]);
}

#[test]
fn inside_tls_such_a_line_is_carried_at_once_too() {
    let origin = Origin::echo();
    let authority = Authority::new();
    let leaf = authority.server(&["chat.example.org"]);
    let vestibule = Vestibule::start(format!(
        "{}[[listener]]\nname = \"in\"\nbind = \"127.0.0.1:0\"\nservice = \"rest\"\n\
         routes = [{{ http_host = [\"web.example.org\"], service = \"web\" }}]\n\
         [listener.tls]\nmode = \"terminate\"\n\
         [service.web]\nupstreams = [\"127.0.0.1:9\"]\n\
         [service.rest]\nupstreams = [\"{}\"]\n",
        leaf.section(),
        origin.address()
    ));
    let mut line = b"GET /".to_vec();
    line.resize(line.len() + 100 * 1024, b'a');
    let client = within(Duration::from_secs(4), || {
        let client =
            TlsClient::new(&authority, "chat.example.org").connect(vestibule.address("in"));
        thread::scope(|scope| {
            scope.spawn(|| (&client).write_all(&line).expect("a long line"));
            let mut echoed = vec![0; line.len()];
            (&client).read_exact(&mut echoed).expect("an echo");
            assert!(echoed == line, "the line was changed on the way");
        });
        client
    });
    client.close_notify();
    let told = vestibule.record_of(client.local_addr());
    told.assert(&[("end", "eof"), ("ended_by", "client"), ("service", "rest")]);
    assert_eq!(told.number("bytes_in"), line.len() as u64);
    assert_eq!(told.number("bytes_out"), line.len() as u64);
}

#[test]
fn a_reset_in_the_middle_of_a_head_is_no_end() {
    let (origin, _connections) = Origin::hand_over();
    let vestibule = looking_at_heads(origin.address());
    // A reset that comes before the head is read takes it along.
    let read = [200, 1_000, 4_000].into_iter().any(|pause| {
        let mut client = connect(vestibule.address("in"));
        client.write_all(b"POST / HTTP/1.1\r\nHo").expect("a head");
        let local = client.local_addr().expect("an address");
        thread::sleep(Duration::from_millis(pause));
        linger_zero(&client);
        drop(client);
        let told = vestibule.record_of(local);
        told.assert(&[("ended_by", "client"), ("service", "")]);
        told.text("end") == "reset" && told.number("bytes_in") == 19
    });
    assert!(read, "{:?}", vestibule.records());
    assert_eq!(origin.accepted(), 0);
}

#[test]
fn a_name_that_leads_back_to_the_listener_is_not_dialed() {
    let authority = Authority::new();
    // The port must be known beforehand.
    let reserved = ReservedPort::new();
    let port = reserved.port();
    let vestibule = Vestibule::start(format!(
        "[[listener]]\nname = \"in\"\nbind = \"127.0.0.1:{port}\"\nservice = \"named\"\n\
         [listener.tls]\nmode = \"peek\"\n\
         [service.named]\nupstreams = [\"sni:{port}\"]\nallow = [\"localhost\"]\n\
         allow_networks = [\"127.0.0.0/8\"]\n"
    ));
    let hello = TlsClient::new(&authority, "localhost").hello();
    let mut client = connect(vestibule.address("in"));
    client.write_all(&hello).expect("a hello");
    let local = client.local_addr().expect("an address");
    read_to_end(&mut client);
    let told = vestibule.record_of(local);
    told.assert(&[("end", "proxy_loop")]);
    assert!(told.text("reason").contains("127.0.0.1"), "{told:?}");
    // What it had dialed would have been accepted by now.
    let metrics = vestibule.metrics();
    let accepted = metrics.value("vestibule_connections_total", &[("listener", "in")]);
    assert_eq!(accepted, 1);
}

/// An authority of clients whose certificates are good for seconds.
struct Brief(CertifiedIssuer<'static, KeyPair>);

impl Brief {
    fn new() -> Self {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().expect("a key");
        Self(CertifiedIssuer::self_signed(params, key).expect("a root certificate"))
    }

    /// Puts a certificate in place of the one that `leaf` has; it ends so long after 1970.
    fn replace(&self, leaf: &Leaf, common_name: &str, not_after: Duration) {
        let mut params = CertificateParams::default();
        params.distinguished_name = Default::default();
        params
            .distinguished_name
            .push(DnType::CommonName, common_name);
        params.not_before = date_time_ymd(2020, 1, 1);
        params.not_after = date_time_ymd(1970, 1, 1) + not_after;
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        let key = KeyPair::generate().expect("a key");
        let certificate = params.signed_by(&key, &self.0).expect("a certificate");
        fs::write(&leaf.chain, certificate.pem()).expect("a temporary directory");
        fs::write(&leaf.key, key.serialize_pem()).expect("a temporary directory");
    }
}

#[test]
fn a_ticket_is_no_good_once_its_owners_certificate_has_expired() {
    let origin = Origin::echo();
    let authority = Authority::new();
    let server = authority.server(&["chat.example.org"]);
    let brief = Brief::new();
    let ca = authority.directory().join("brief.pem");
    fs::write(&ca, brief.0.pem()).expect("a temporary directory");
    let vestibule = Vestibule::start(format!(
        "{}[[listener]]\nname = \"in\"\nbind = \"127.0.0.1:0\"\nservice = \"s\"\n\
         [listener.tls]\nmode = \"terminate\"\n\
         client_auth = {{ mode = \"required\", ca = \"{}\" }}\n\
         [service.s]\nupstreams = [\"{}\"]\n",
        server.section(),
        ca.display(),
        origin.address()
    ));
    let address = vestibule.address("in");
    let now = || {
        let now = SystemTime::now().duration_since(UNIX_EPOCH);
        now.expect("a clock after 1970")
    };
    let not_after = Duration::from_secs(now().as_secs() + 12);
    let leaf = authority.client("alice");
    brief.replace(&leaf, "alice", not_after);
    let clients = ["1.2", "1.3"].map(|version| {
        let client = TlsClient::new(&authority, "chat.example.org");
        client.version(version).certificate(&leaf)
    });
    for client in &clients {
        for resumed in [false, true] {
            let stream = client.connect(address);
            stream.exchange(b"a ticket comes");
            assert_eq!(stream.facts().resumed, resumed);
            stream.close_notify();
            let told = vestibule.record_of(stream.local_addr());
            told.assert(&[("end", "eof"), ("client_cn", "alice")]);
        }
    }
    // Its last second is still good.
    let expired = not_after + Duration::from_millis(1100);
    thread::sleep(expired.saturating_sub(now()));
    for client in &clients {
        let stream = client.connect(address);
        assert!(stream.facts().resumed);
        assert_eq!(stream.read_to_end().0, b"");
        let told = vestibule.record_of(stream.local_addr());
        told.assert(&[("end", "handshake_failed"), ("ended_by", "vestibule")]);
        told.assert(&[("upstream", ""), ("client_cn", "alice")]);
        assert!(told.text("reason").contains("expired"), "{told:?}");
    }
    assert_eq!(origin.accepted(), 4);
}
