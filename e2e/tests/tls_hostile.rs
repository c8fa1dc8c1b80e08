//! Clients that mean no good, where more than the hello is looked at.

use std::io::{Read, Write};
use std::thread;
use std::time::{Duration, Instant};

use vestibule_e2e::{
    Authority, Origin, TlsClient, Vestibule, connect, eventually, linger_zero, read_to_end,
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
    let start = Instant::now();
    let mut client = connect(vestibule.address("in"));
    let mut line = b"GET /".to_vec();
    line.resize(100_000, b'a');
    let mut writer = client.try_clone().expect("a second handle");
    let sent = line.clone();
    let writing = thread::spawn(move || writer.write_all(&sent).expect("a long line"));
    let mut echoed = vec![0; line.len()];
    client.read_exact(&mut echoed).expect("an echo");
    writing.join().expect("a writer");
    assert_eq!(echoed, line);
    assert!(
        start.elapsed() < Duration::from_secs(3),
        "{:?}",
        start.elapsed()
    );
    let local = client.local_addr().expect("an address");
    drop(client);
    vestibule.record_of(local).assert(&[("service", "rest")]);
}

#[test]
fn a_reset_in_the_middle_of_a_head_is_no_end() {
    let (origin, _connections) = Origin::hand_over();
    let vestibule = looking_at_heads(origin.address());
    let mut client = connect(vestibule.address("in"));
    client.write_all(b"POST / HTTP/1.1\r\nHo").expect("a head");
    let local = client.local_addr().expect("an address");
    thread::sleep(Duration::from_millis(200));
    linger_zero(&client);
    drop(client);
    let told = vestibule.record_of(local);
    told.assert(&[("end", "reset"), ("ended_by", "client"), ("service", "")]);
    assert_eq!(told.number("bytes_in"), 19);
}

#[test]
fn a_name_that_leads_back_to_the_listener_is_not_dialed() {
    let authority = Authority::new();
    // The port must be known beforehand.
    let port = std::net::TcpListener::bind("127.0.0.1:0")
        .and_then(|socket| socket.local_addr())
        .expect("a free port")
        .port();
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
    told.assert(&[("end", "forbidden_destination")]);
    assert!(told.text("reason").contains("127.0.0.1"), "{told:?}");
    eventually("one connection and no more", || {
        vestibule.records().len() == 1
    });
}
