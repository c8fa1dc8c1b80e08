//! How TLS connections end, and handshakes that come to nothing.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::Signal;
use vestibule_e2e::{
    Authority, Connections, End, Origin, TlsClient, TlsEnd, TlsStream, Vestibule, connect,
    eventually, linger_zero, read_to_end,
};

struct Scene {
    vestibule: Vestibule,
    client: TlsClient,
}

impl Scene {
    fn new(upstream: SocketAddr) -> Self {
        Self::with("60s", upstream)
    }

    fn with(handshake_timeout: &str, upstream: SocketAddr) -> Self {
        let authority = Authority::new();
        let leaf = authority.server(&["chat.example.org"]);
        let vestibule = Vestibule::start(format!(
            "[limits]\nhandshake_timeout = \"{handshake_timeout}\"\ndrain_timeout = \"500ms\"\n{}\
             [[listener]]\nname = \"in\"\nbind = \"127.0.0.1:0\"\nservice = \"s\"\n\
             [listener.tls]\nmode = \"terminate\"\n\
             [service.s]\nupstreams = [\"{upstream}\"]\n",
            leaf.section()
        ));
        let client = TlsClient::new(&authority, "chat.example.org");
        Self { vestibule, client }
    }

    fn connect(&self) -> TlsStream {
        self.client.connect(self.vestibule.address("in"))
    }

    #[track_caller]
    fn assert_ended(&self, client: SocketAddr, end: &str, by: &str, reason: &str) {
        let record = self.vestibule.record_of(client);
        record.assert(&[("end", end), ("ended_by", by), ("reason", reason)]);
    }
}

/// In both versions of TLS, because they differ in what follows close_notify.
fn in_both_versions(test: impl Fn(&Scene, &Connections)) {
    for version in ["1.2", "1.3"] {
        let (origin, connections) = Origin::hand_over();
        let mut scene = Scene::new(origin.address());
        scene.client = scene.client.version(version);
        test(&scene, &connections);
    }
}

#[test]
fn close_notify_of_the_client_becomes_fin_and_the_other_direction_goes_on() {
    in_both_versions(|scene, connections| {
        let client = scene.connect();
        (&client).write_all(b"question").expect("words");
        client.close_notify();
        let mut upstream = connections.accept();
        assert_eq!(read_to_end(&mut upstream), (b"question".to_vec(), End::Fin));
        for _ in 0..3 {
            upstream.write_all(&[b'a'; 50_000]).expect("an answer");
        }
        drop(upstream);
        let (answer, end) = client.read_to_end();
        assert_eq!((answer.len(), end), (150_000, TlsEnd::CloseNotify));
        scene.assert_ended(client.local_addr(), "eof", "client", "");
    });
}

#[test]
fn fin_of_the_origin_becomes_close_notify_and_fin_and_the_client_goes_on() {
    in_both_versions(|scene, connections| {
        let client = scene.connect();
        (&client).write_all(b"question").expect("words");
        let mut upstream = connections.accept();
        upstream.write_all(b"answer").expect("words");
        upstream.shutdown(Shutdown::Write).expect("FIN");
        assert_eq!(
            client.read_to_end(),
            (b"answer".to_vec(), TlsEnd::CloseNotify)
        );
        (&client).write_all(b", and more").expect("words");
        client.close_notify();
        let (heard, end) = read_to_end(&mut upstream);
        assert_eq!(String::from_utf8_lossy(&heard), "question, and more");
        assert_eq!(end, End::Fin);
        scene.assert_ended(client.local_addr(), "eof", "upstream", "");
    });
}

/// Anybody on the way can send FIN: without close_notify it is no proper end.
#[test]
fn fin_without_close_notify_is_passed_on_as_a_reset() {
    in_both_versions(|scene, connections| {
        let client = scene.connect();
        (&client).write_all(b"half a sent").expect("words");
        let mut upstream = connections.accept();
        let mut heard = [0; 11];
        upstream.read_exact(&mut heard).expect("what was said");
        client.socket().shutdown(Shutdown::Write).expect("FIN");
        assert_eq!(read_to_end(&mut upstream).1, End::Reset);
        scene.assert_ended(
            client.local_addr(),
            "reset",
            "client",
            "unexpected end of file",
        );
    });
}

#[test]
fn a_reset_of_the_origin_is_no_proper_end_for_the_client() {
    in_both_versions(|scene, connections| {
        let client = scene.connect();
        (&client).write_all(b"question").expect("words");
        let mut upstream = connections.accept();
        let mut heard = [0; 8];
        upstream.read_exact(&mut heard).expect("what was said");
        upstream.write_all(b"ans").expect("words");
        let mut first = [0; 3];
        (&client).read_exact(&mut first).expect("what was answered");
        linger_zero(&upstream);
        drop(upstream);
        assert_eq!(client.read_to_end(), (Vec::new(), TlsEnd::Reset));
        scene.assert_ended(client.local_addr(), "reset", "upstream", "");
    });
}

#[test]
fn a_reset_of_the_client_reaches_the_origin() {
    in_both_versions(|scene, connections| {
        let client = scene.connect();
        (&client).write_all(b"question").expect("words");
        let mut upstream = connections.accept();
        let mut heard = [0; 8];
        upstream.read_exact(&mut heard).expect("what was said");
        let address = client.local_addr();
        linger_zero(client.socket());
        drop(client);
        assert_eq!(read_to_end(&mut upstream), (Vec::new(), End::Reset));
        scene.assert_ended(address, "reset", "client", "");
    });
}

/// A record that was changed on the way.
#[test]
fn a_broken_record_is_answered_with_an_alert() {
    in_both_versions(|scene, connections| {
        let client = scene.connect();
        client.socket().set_nodelay(true).expect("TCP_NODELAY");
        (&client).write_all(b"good").expect("words");
        let mut upstream = connections.accept();
        let mut heard = [0; 4];
        upstream.read_exact(&mut heard).expect("what was said");
        let forged = [&[23, 3, 3, 0, 40][..], &[0; 40]].concat();
        client.socket().write_all(&forged).expect("a record");
        let (_, end) = client.read_to_end();
        assert!(
            matches!(end, TlsEnd::Alert(alert) if u8::from(alert) == 20),
            "{end:?}"
        );
        assert_eq!(read_to_end(&mut upstream).1, End::Reset);
        let record = scene.vestibule.record_of(client.local_addr());
        record.assert(&[("end", "reset"), ("ended_by", "client")]);
        assert!(!record.text("reason").is_empty(), "{record:?}");
    });
}

#[test]
fn what_the_operator_ends_is_ended_with_close_notify() {
    for how in ["kill", "drain", "SIGTERM", "SIGTERM twice"] {
        let origin = Origin::echo();
        let mut scene = Scene::new(origin.address());
        let client = scene.connect();
        client.exchange(b"idle from here on");
        let end = match how {
            "kill" => {
                let shown = scene.vestibule.ask(&["show", "connections"]);
                let id = shown["connections"][0]["id"].as_str().expect("an id");
                scene.vestibule.ask(&["kill", id]);
                "killed"
            }
            "drain" => {
                scene.vestibule.ask(&["drain", "s", "--after", "100ms"]);
                "drained"
            }
            _ => {
                scene.vestibule.process().signal(Signal::TERM);
                if how == "SIGTERM twice" {
                    thread::sleep(Duration::from_millis(100));
                    scene.vestibule.process().signal(Signal::TERM);
                }
                "shutdown"
            }
        };
        assert_eq!(
            client.read_to_end(),
            (Vec::new(), TlsEnd::CloseNotify),
            "{how}"
        );
        scene.assert_ended(client.local_addr(), end, "vestibule", "");
    }
}

/// From the first byte of the hello to the last of the handshake.
#[test]
fn a_handshake_that_is_not_finished_in_time_is_given_up() {
    let origin = Origin::echo();
    let scene = Scene::with("700ms", origin.address());
    let hello = scene.client.hello();
    // Half a hello; and a whole one without the answer that has to follow.
    for sent in [&hello[..100], &hello[..]] {
        let mut stream = connect(scene.vestibule.address("in"));
        let start = Instant::now();
        stream.write_all(sent).expect("a hello");
        read_to_end(&mut stream);
        let elapsed = start.elapsed();
        assert!(elapsed > Duration::from_millis(600), "{elapsed:?}");
        assert!(elapsed < Duration::from_secs(9), "{elapsed:?}");
        let client = stream.local_addr().expect("an address");
        scene.assert_ended(client, "handshake_timeout", "vestibule", "");
    }
    let labels = [("listener", "in"), ("reason", "handshake_timeout")];
    let metrics = scene.vestibule.metrics();
    assert_eq!(
        metrics.value("vestibule_connections_refused_total", &labels),
        2
    );
    assert_eq!(origin.accepted(), 0);
}

#[test]
fn why_a_handshake_failed_is_told() {
    let origin = Origin::echo();
    let scene = Scene::new(origin.address());
    let address = scene.vestibule.address("in");
    // Does not trust the authority.
    let stranger = TlsClient::new(&Authority::new(), "chat.example.org");
    let socket = connect(address);
    let client = socket.local_addr().expect("an address");
    stranger.over(socket).expect_err("an unknown authority");
    let record = scene.vestibule.record_of(client);
    record.assert(&[("end", "handshake_failed"), ("ended_by", "client")]);
    let reason = record.text("reason").to_lowercase();
    assert!(
        reason.contains("unknownca") || reason.contains("unknown"),
        "{reason}"
    );
    // Begins like TLS and goes on like nothing.
    let mut socket = connect(address);
    socket
        .write_all(&[22, 3, 1, 0, 4, 2, 0, 0, 0])
        .expect("a record");
    read_to_end(&mut socket);
    let client = socket.local_addr().expect("an address");
    let record = scene.vestibule.record_of(client);
    let ends = ["handshake_failed", "client_hello_invalid"];
    assert!(ends.contains(&record.text("end")), "{record:?}");
    assert!(!record.text("reason").is_empty(), "{record:?}");
    assert_eq!(origin.accepted(), 0);
}

/// A client that comes, says nothing and goes, as checks of load balancers do.
#[test]
fn whoever_says_nothing_is_counted_and_not_logged() {
    let origin = Origin::echo();
    let scene = Scene::new(origin.address());
    drop(connect(scene.vestibule.address("in")));
    eventually("the empty connection to be counted", || {
        let metrics = scene.vestibule.metrics();
        metrics.value("vestibule_connections_empty_total", &[("listener", "in")]) == 1
    });
    assert_eq!(scene.vestibule.records().len(), 0);
    assert_eq!(origin.accepted(), 0);
}
