//! TLS ends here, whoever the client is.

use std::io::{BufRead, BufReader, Write};
use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;
use std::sync::mpsc::channel;
use std::thread;

use serde_json::Value;
use vestibule_e2e::{
    Authority, Origin, Sum, TlsClient, Vestibule, connect, curl, gnutls_client, openssl_client,
    read_to_end, receive, send_random, wait_for, write_random,
};

const MIB: u64 = 1024 * 1024;

/// A listener `in` that terminates with these certificates and keys of `[listener.tls]`.
fn tables(certificates: &str, tls: &str, upstream: SocketAddr) -> String {
    format!(
        "{certificates}\
         [[listener]]\nname = \"in\"\nbind = \"127.0.0.1:0\"\nservice = \"s\"\n\
         [listener.tls]\nmode = \"terminate\"\n{tls}\n\
         [service.s]\nupstreams = [\"{upstream}\"]\n"
    )
}

/// Answers the first request of each connection and waits for the client to close.
fn web() -> Origin {
    Origin::serve(|stream| {
        let mut lines = BufReader::new(&stream).lines().map_while(Result::ok);
        while lines.next().is_some_and(|line| !line.is_empty()) {}
        let answer = "HTTP/1.1 200 OK\r\nContent-Length: 6\r\nConnection: close\r\n\r\nhello\n";
        let _ = (&stream).write_all(answer.as_bytes());
        lines.for_each(drop);
    })
}

/// Checks what the record and the metrics say of the only connection.
#[track_caller]
fn assert_told(vestibule: &Vestibule, version: &str, cipher: &str, alpn: &str) {
    let records = vestibule.wait_for_records(1);
    records[0].assert(&[
        ("listener", "in"),
        ("service", "s"),
        ("sni", "chat.example.org"),
        ("alpn", alpn),
        ("tls", version),
        ("end", "eof"),
    ]);
    let told = records[0].text("cipher");
    assert!(told.contains(cipher), "{told} is not {cipher}");
    let ja4 = records[0].text("ja4");
    let short = version.trim_start_matches("TLSv").replace('.', "");
    assert!(ja4.starts_with("t1"), "{ja4}");
    assert!(ja4[1..].starts_with(&short), "{ja4} is not of {version}");
    assert_eq!(ja4.len(), 36, "{ja4}");
    assert_eq!(handshakes(vestibule, version, "no"), 1);
    assert_eq!(handshakes(vestibule, version, "yes"), 0);
}

fn handshakes(vestibule: &Vestibule, version: &str, resumed: &str) -> u64 {
    let labels = [
        ("listener", "in"),
        ("version", version),
        ("resumed", resumed),
    ];
    vestibule
        .metrics()
        .value("vestibule_tls_handshakes_total", &labels)
}

#[test]
fn openssl_in_both_versions() {
    let authority = Authority::new();
    let leaf = authority.server(&["chat.example.org"]);
    for (version, option, cipher) in [
        ("TLSv1.2", "-tls1_2", "ECDHE-ECDSA-"),
        ("TLSv1.3", "-tls1_3", "TLS_"),
    ] {
        let origin = Origin::echo();
        let tls = "alpn = [\"xmpp-client\"]";
        let vestibule = Vestibule::start(tables(&leaf.section(), tls, origin.address()));
        let mut client = openssl_client(
            vestibule.address("in"),
            &format!(
                "{option} -servername chat.example.org -alpn h2,xmpp-client -verify_return_error \
                 -verify_hostname chat.example.org -CAfile {}",
                authority.root().display()
            ),
        );
        client.say("said by OpenSSL");
        client.wait_for_line("said by OpenSSL");
        client.wait_for_line("ALPN protocol: xmpp-client");
        client.close_stdin();
        assert!(client.wait().success());
        let said = client.stdout().join("\n");
        assert!(
            said.contains(&format!("New, {version}, Cipher is")),
            "{said}"
        );
        assert!(said.contains("Verification: OK"), "{said}");
        assert!(said.contains("Secure Renegotiation IS"), "{said}");
        assert!(said.contains("Compression: NONE"), "{said}");
        assert_told(&vestibule, version, cipher, "xmpp-client");
        assert_eq!(vestibule.records()[0].number("bytes_in"), 16);
    }
}

#[test]
fn gnutls_in_both_versions() {
    let authority = Authority::new();
    let leaf = authority.server(&["chat.example.org"]);
    for (version, cipher) in [("TLSv1.2", "ECDHE-ECDSA-"), ("TLSv1.3", "TLS_")] {
        let origin = Origin::echo();
        let tls = "alpn = [\"xmpp-client\"]";
        let vestibule = Vestibule::start(tables(&leaf.section(), tls, origin.address()));
        let mut client = gnutls_client(
            vestibule.address("in"),
            &format!(
                "--x509cafile {} --sni-hostname chat.example.org --alpn xmpp-client \
                 --verify-hostname chat.example.org --priority NORMAL:-VERS-ALL:+VERS-{}",
                authority.root().display(),
                version.replace("TLSv", "TLS")
            ),
        );
        client.wait_for_line("Simple Client Mode");
        client.say("said by GnuTLS");
        client.wait_for_line("said by GnuTLS");
        client.close_stdin();
        assert!(client.wait().success());
        let said = client.stdout().join("\n");
        assert!(said.contains("Application protocol: xmpp-client"), "{said}");
        assert_told(&vestibule, version, cipher, "xmpp-client");
        assert_eq!(vestibule.records()[0].number("bytes_out"), 15);
    }
}

#[test]
fn curl_in_both_versions() {
    let authority = Authority::new();
    let leaf = authority.server(&["chat.example.org"]);
    for (version, options, cipher) in [
        ("TLSv1.2", "--tlsv1.2 --tls-max 1.2", "ECDHE-ECDSA-"),
        ("TLSv1.3", "--tlsv1.3", "TLS_"),
    ] {
        let origin = web();
        let tls = "alpn = [\"http/1.1\"]";
        let vestibule = Vestibule::start(tables(&leaf.section(), tls, origin.address()));
        let root = authority.root();
        let options = format!("--cacert {} {options}", root.display());
        let answer = curl(vestibule.address("in"), "chat.example.org", "/", &options);
        assert!(answer.status.success(), "{answer:?}");
        assert_eq!(answer.stdout, b"hello\n");
        assert_told(&vestibule, version, cipher, "http/1.1");
    }
}

#[test]
fn python_in_both_versions() {
    let authority = Authority::new();
    let leaf = authority.server(&["chat.example.org"]);
    for (version, cipher) in [("TLSv1.2", "ECDHE-ECDSA-"), ("TLSv1.3", "TLS_")] {
        let origin = Origin::echo();
        let tls = "alpn = [\"xmpp-client\"]";
        let vestibule = Vestibule::start(tables(&leaf.section(), tls, origin.address()));
        let address = vestibule.address("in");
        let output = Command::new("/usr/bin/python3")
            .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/tls/client.py"))
            .args([address.ip().to_string(), address.port().to_string()])
            .arg("chat.example.org")
            .arg(authority.root())
            .args([version.trim_start_matches("TLSv"), "xmpp-client"])
            .output()
            .expect("Python; `cargo xtask setup` gets it");
        assert!(output.status.success(), "{output:?}");
        let facts: Value = serde_json::from_slice(&output.stdout).expect("facts in JSON");
        assert_eq!(facts["version"], version);
        assert_eq!(facts["alpn"], "xmpp-client");
        assert_eq!(facts["fin"], true);
        assert_told(&vestibule, version, cipher, "xmpp-client");
        let told = vestibule.records()[0].text("cipher").to_owned();
        assert_eq!(facts["cipher"], told);
    }
}

#[test]
fn routes_by_name_and_protocol_and_what_is_asked_for_inside() {
    let authority = Authority::new();
    let leaf = authority.server(&["chat.example.org", "web.example.org", "blog.example.org"]);
    let names = ["xmpp", "blog", "web", "rest"];
    let origins = names.map(|name| (name, Origin::greeting(name)));
    let services: String = origins
        .iter()
        .map(|(name, o)| format!("[service.{name}]\nupstreams = [\"{}\"]\n", o.address()))
        .collect();
    let vestibule = Vestibule::start(format!(
        "{}[[listener]]\nname = \"in\"\nbind = \"127.0.0.1:0\"\nservice = \"rest\"\n\
         routes = [\n\
         {{ alpn = [\"xmpp-client\"], sni = [\"chat.example.org\"], service = \"xmpp\" }},\n\
         {{ http_host = [\"blog.example.org\"], service = \"blog\" }},\n\
         {{ sni = [\"web.example.org\"], service = \"web\" }},\n]\n\
         [listener.tls]\nmode = \"terminate\"\nalpn = [\"xmpp-client\", \"http/1.1\"]\n{services}",
        leaf.section()
    ));
    let get = |host: &str| format!("GET / HTTP/1.1\r\nHost: {host}\r\n\r\n");
    for (name, alpn, said, service) in [
        (
            "chat.example.org",
            "xmpp-client",
            "<stream>".to_owned(),
            "xmpp",
        ),
        (
            "chat.example.org",
            "http/1.1",
            get("other.example.org"),
            "rest",
        ),
        (
            "chat.example.org",
            "http/1.1",
            get("Blog.Example.ORG:8443"),
            "blog",
        ),
        (
            "web.example.org",
            "http/1.1",
            get("blog.example.org"),
            "blog",
        ),
        ("web.example.org", "http/1.1", get("web.example.org"), "web"),
        (
            "web.example.org",
            "xmpp-client",
            "\x16binary".to_owned(),
            "web",
        ),
    ] {
        let client = TlsClient::new(&authority, name).alpn(&[alpn]);
        let stream = client.connect(vestibule.address("in"));
        (&stream).write_all(said.as_bytes()).expect("words");
        let (answer, _) = stream.read_to_end();
        assert_eq!(
            String::from_utf8_lossy(&answer),
            service,
            "{name} {alpn} {said}"
        );
        let client = stream.local_addr();
        drop(stream);
        let record = vestibule.record_of(client);
        record.assert(&[("service", service), ("sni", name), ("alpn", alpn)]);
    }
}

/// Random segments both ways at once, and not one byte is lost, doubled or swapped.
#[test]
fn a_quarter_of_a_gibibyte_each_way() {
    let authority = Authority::new();
    let leaf = authority.server(&["chat.example.org"]);
    for version in ["1.2", "1.3"] {
        let bytes = 128 * MIB;
        let (sender, of_origin) = channel();
        let origin = Origin::serve(move |stream| {
            let sums: [Sum; 2] = thread::scope(|scope| {
                let sent = scope.spawn(|| send_random(&stream, bytes, 1));
                let received = receive(&stream, 2);
                [sent.join().expect("the sending half"), received]
            });
            sender.send(sums).expect("the test waits");
        });
        let vestibule = Vestibule::start(tables(&leaf.section(), "", origin.address()));
        let client = TlsClient::new(&authority, "chat.example.org").version(version);
        let stream = client.connect(vestibule.address("in"));
        let [sent, received] = thread::scope(|scope| {
            let sent = scope.spawn(|| {
                let sum = write_random(&stream, bytes, 3);
                stream.close_notify();
                sum
            });
            let received = receive(&stream, 4);
            [sent.join().expect("the sending half"), received]
        });
        let of_origin = wait_for("the origin's account", || of_origin.try_recv().ok());
        assert_eq!(of_origin, [received, sent]);
        assert_eq!(sent.bytes, bytes);
        let record = vestibule.record_of(stream.local_addr());
        record.assert(&[("end", "eof")]);
        assert_eq!(record.number("bytes_in"), bytes);
        assert_eq!(record.number("bytes_out"), bytes);
    }
}

#[test]
fn what_is_not_tls_is_closed() {
    let authority = Authority::new();
    let leaf = authority.server(&["chat.example.org"]);
    let origin = Origin::echo();
    let vestibule = Vestibule::start(tables(&leaf.section(), "", origin.address()));
    for said in [
        "GET / HTTP/1.1\r\n\r\n",
        "<?xml version='1.0'?>",
        "\x15\x03\x01",
    ] {
        let mut stream = connect(vestibule.address("in"));
        stream.write_all(said.as_bytes()).expect("words");
        assert_eq!(read_to_end(&mut stream).0, b"");
        let client = stream.local_addr().expect("an address");
        let record = vestibule.record_of(client);
        record.assert(&[("end", "not_tls"), ("service", ""), ("tls", "")]);
    }
    let labels = [("listener", "in"), ("reason", "not_tls")];
    let metrics = vestibule.metrics();
    assert_eq!(
        metrics.value("vestibule_connections_refused_total", &labels),
        3
    );
    assert_eq!(origin.accepted(), 0);
}
