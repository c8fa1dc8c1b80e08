//! TLS ends here: with whom, which certificate they see, and what is agreed on.

use std::io::{BufRead, BufReader, Write};
use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;
use std::thread;

use serde_json::Value;
use vestibule_e2e::{
    Authority, Origin, ReservedPort, Setup, Sum, TlsClient, Vestibule, alert_of, connect, curl,
    eventually, gnutls_client, openssl_client, read_to_end, receive, wait_for, write_random,
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

/// Answers the first request of each connection and closes.
fn web() -> Origin {
    Origin::serve(|stream| {
        let mut lines = BufReader::new(&stream).lines().map_while(Result::ok);
        while lines.next().is_some_and(|line| !line.is_empty()) {}
        let answer = "HTTP/1.1 200 OK\r\nContent-Length: 6\r\nConnection: close\r\n\r\nhello\n";
        let _ = (&stream).write_all(answer.as_bytes());
    })
}

/// What the record and the metrics say of the only connection, which `name` made.
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
    assert_eq!(handshakes(vestibule, version, "false"), 1);
    assert_eq!(handshakes(vestibule, version, "true"), 0);
}

fn handshakes(vestibule: &Vestibule, version: &str, resumed: &str) -> u64 {
    let labels = [("listener", "in"), ("version", version), ("resumed", resumed)];
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
        assert!(said.contains(&format!("New, {version}, Cipher is")), "{said}");
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
fn the_certificate_is_chosen_by_the_name_that_the_client_sends() {
    let authority = Authority::new();
    let default = authority.server(&["default.example"]);
    let chat = authority.server(&["chat.example.org", "*.chat.example.org"]);
    let wild = authority.server(&["*.example.org"]);
    let origin = Origin::echo();
    let certificates = [&default, &wild, &chat].map(|leaf| leaf.section()).concat();
    let vestibule = Vestibule::start(tables(&certificates, "", origin.address()));
    let address = vestibule.address("in");
    for (name, leaf) in [
        ("default.example", &default),
        ("chat.example.org", &chat),
        ("CHAT.Example.org", &chat),
        ("muc.chat.example.org", &chat),
        ("web.example.org", &wild),
    ] {
        let stream = TlsClient::new(&authority, name).connect(address);
        stream.exchange(name.as_bytes());
        let expected = leaf.certificates()[0].to_vec();
        assert_eq!(stream.facts().peer, Some(expected), "{name}");
        let client = stream.local_addr();
        drop(stream);
        let record = vestibule.record_of(client);
        record.assert(&[("sni", &name.to_ascii_lowercase()), ("tls", "TLSv1.3")]);
    }
    // The first certificate is for all others, and for those who send no name.
    let nameless = TlsClient::new(&authority, "default.example").without_sni();
    let stream = nameless.connect(address);
    stream.exchange(b"anybody");
    let client = stream.local_addr();
    drop(stream);
    vestibule.record_of(client).assert(&[("sni", "")]);
    for name in ["elsewhere.example", "a.b.example.org", "example.org"] {
        let mut client = openssl_client(address, &format!("-servername {name}"));
        client.wait_for_line("subject=CN = default.example");
        client.close_stdin();
        client.wait();
    }
}

#[test]
fn strict_sni_refuses_names_that_no_certificate_has() {
    let authority = Authority::new();
    let leaf = authority.server(&["chat.example.org"]);
    let origin = Origin::echo();
    let tables = tables(&leaf.section(), "strict_sni = true", origin.address());
    let vestibule = Vestibule::start(tables);
    let address = vestibule.address("in");
    TlsClient::new(&authority, "chat.example.org")
        .connect(address)
        .exchange(b"known");
    let unknown = TlsClient::new(&authority, "elsewhere.example");
    let nameless = TlsClient::new(&authority, "chat.example.org").without_sni();
    for client in [&unknown, &nameless] {
        let refused = client.try_connect(address).expect_err("no certificate");
        let alert = alert_of(&refused).unwrap_or_else(|| panic!("{refused}"));
        assert_eq!(u8::from(alert), 112, "unrecognized_name");
    }
    let records = vestibule.wait_for_records(3);
    for record in &records {
        let end = record.text("end");
        let expected = match record.text("sni") {
            "chat.example.org" => "eof",
            _ => "unrecognized_name",
        };
        assert_eq!(end, expected, "{record:?}");
    }
    let labels = [("listener", "in"), ("reason", "unrecognized_name")];
    let metrics = vestibule.metrics();
    assert_eq!(metrics.value("vestibule_connections_refused_total", &labels), 2);
    assert_eq!(origin.accepted(), 1);
}

/// Two certificates for the same name: each client gets the one whose signatures it knows.
#[test]
fn rsa_beside_ec() {
    let authority = Authority::new();
    let ec = authority.server(&["chat.example.org"]);
    let rsa = authority.rsa_server(&["chat.example.org"]);
    let certificates = ec.section() + &rsa.section();
    let origin = Origin::echo();
    let vestibule = Vestibule::start(tables(&certificates, "", origin.address()));
    for (options, signature, cipher) in [
        ("-tls1_3", "ECDSA", "TLS_"),
        ("-tls1_3 -sigalgs rsa_pss_rsae_sha256", "RSA-PSS", "TLS_"),
        ("-tls1_2", "ECDSA", "ECDHE-ECDSA-"),
        ("-tls1_2 -sigalgs RSA+SHA256", "RSA", "ECDHE-RSA-"),
        ("-tls1_2 -cipher ECDHE-RSA-AES128-GCM-SHA256", "RSA", "ECDHE-RSA-AES128-GCM-SHA256"),
    ] {
        let before = vestibule.records().len();
        // Names of signature algorithms with a `+` bind a certificate's chain too.
        let mut client = openssl_client(
            vestibule.address("in"),
            &format!("{options} -servername chat.example.org"),
        );
        client.say("hello");
        client.wait_for_line("hello");
        client.close_stdin();
        client.wait();
        let said = client.stdout().join("\n");
        let peer = said.lines().find(|line| line.starts_with("Peer signature type"));
        assert!(peer.is_some_and(|line| line.contains(signature)), "{options}: {said}");
        let record = &vestibule.wait_for_records(before + 1)[before];
        let told = record.text("cipher");
        assert!(told.starts_with(cipher), "{options}: {told}");
    }
}

#[test]
fn suites_and_their_order() {
    let authority = Authority::new();
    let leaf = authority.server(&["chat.example.org"]);
    let origin = Origin::echo();
    let chosen = "cipher_suites = [\"TLS_AES_256_GCM_SHA384\", \"ECDHE-ECDSA-CHACHA20-POLY1305\", \
                  \"TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384\"]";
    let client = |version: &str, suites: &[&str]| {
        TlsClient::new(&authority, "chat.example.org")
            .version(version)
            .suites(suites)
    };
    const CHACHA: &str = "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256";
    const AES_256: &str = "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384";
    const AES_128: &str = "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256";
    for (order, expected) in [
        ("", CHACHA),
        ("prefer_server_ciphers = true", CHACHA),
        ("prefer_server_ciphers = false", AES_256),
    ] {
        let tls = format!("{chosen}\n{order}");
        let vestibule = Vestibule::start(tables(&leaf.section(), &tls, origin.address()));
        let address = vestibule.address("in");
        let stream = client("1.2", &[AES_128, AES_256, CHACHA]).connect(address);
        assert_eq!(stream.facts().cipher, expected, "{order}");
        let every = ["TLS13_AES_128_GCM_SHA256", "TLS13_AES_256_GCM_SHA384"];
        let stream = client("1.3", &every).connect(address);
        assert_eq!(stream.facts().cipher, "TLS13_AES_256_GCM_SHA384");
        let nothing_shared = client("1.2", &[AES_128]).try_connect(address);
        let refused = nothing_shared.expect_err("no suite in common");
        assert_eq!(alert_of(&refused).map(u8::from), Some(40), "{refused}");
        let record = vestibule.record("what failed", |r| r.text("end") == "handshake_failed");
        assert!(!record.text("reason").is_empty(), "{record:?}");
        record.assert(&[("ended_by", "client"), ("service", "")]);
    }
}

#[test]
fn groups_and_their_order() {
    let authority = Authority::new();
    let leaf = authority.server(&["chat.example.org"]);
    let origin = Origin::echo();
    let client = TlsClient::new(&authority, "chat.example.org");
    let any = client.clone();
    let x25519 = client.clone().groups(&["X25519"]);
    let p256 = client.clone().groups(&["secp256r1"]);
    let p384 = client.clone().groups(&["secp256r1", "secp384r1"]);
    let old = client.version("1.2");

    let vestibule = Vestibule::start(tables(&leaf.section(), "", origin.address()));
    let address = vestibule.address("in");
    for (client, group) in [
        (&any, "X25519MLKEM768"),
        (&x25519, "X25519"),
        (&p256, "secp256r1"),
        (&old, "X25519"),
    ] {
        let stream = client.connect(address);
        assert_eq!(stream.facts().group, group);
        stream.exchange(b"hello");
    }
    // A client that has guessed wrong is asked again (HelloRetryRequest).
    let tls = "groups = [\"P-384\"]";
    let vestibule = Vestibule::start(tables(&leaf.section(), tls, origin.address()));
    let stream = p384.connect(vestibule.address("in"));
    assert_eq!(stream.facts().group, "secp384r1");
    stream.exchange(b"hello");
    let refused = x25519.try_connect(vestibule.address("in"));
    let refused = refused.expect_err("no group in common");
    assert_eq!(alert_of(&refused).map(u8::from), Some(40), "{refused}");
    vestibule.record("what failed", |r| r.text("end") == "handshake_failed");
}

#[test]
fn versions_outside_of_the_range_are_refused() {
    let authority = Authority::new();
    let leaf = authority.server(&["chat.example.org"]);
    let origin = Origin::echo();
    for (key, good, bad) in [
        ("min_version = \"1.3\"", "1.3", "1.2"),
        ("max_version = \"1.2\"", "1.2", "1.3"),
    ] {
        let vestibule = Vestibule::start(tables(&leaf.section(), key, origin.address()));
        let address = vestibule.address("in");
        let client = TlsClient::new(&authority, "chat.example.org");
        client.clone().version(good).connect(address).exchange(b"hello");
        let refused = client.version(bad).try_connect(address);
        let refused = refused.expect_err("no version in common");
        assert_eq!(alert_of(&refused).map(u8::from), Some(70), "{refused}");
        vestibule.record("what failed", |r| r.text("end") == "handshake_failed");
    }
    // What is older than we speak at all.
    let vestibule = Vestibule::start(tables(&leaf.section(), "", origin.address()));
    for option in ["-tls1", "-tls1_1"] {
        let options = format!("{option} -cipher ALL:@SECLEVEL=0 -servername chat.example.org");
        let mut client = openssl_client(vestibule.address("in"), &options);
        assert!(!client.wait().success());
        let said = client.stderr().join("\n");
        assert!(said.contains("alert protocol version"), "{said}");
    }
}

/// RFC 7301, section 3.2: a client that offers only what we do not speak is refused; one that
/// offers nothing is served.
#[test]
fn protocols_by_alpn() {
    let authority = Authority::new();
    let leaf = authority.server(&["chat.example.org"]);
    let origin = Origin::echo();
    let tls = "alpn = [\"xmpp-client\", \"h2\"]";
    let vestibule = Vestibule::start(tables(&leaf.section(), tls, origin.address()));
    let address = vestibule.address("in");
    let client = TlsClient::new(&authority, "chat.example.org");
    let offering = |protocols: &[&str]| client.clone().alpn(protocols);
    let stream = offering(&["h2", "xmpp-client"]).connect(address);
    assert_eq!(stream.facts().alpn, "xmpp-client");
    let stream = offering(&["h2"]).connect(address);
    assert_eq!(stream.facts().alpn, "h2");
    let stream = offering(&[]).connect(address);
    assert_eq!(stream.facts().alpn, "");
    stream.exchange(b"hello");
    let refused = offering(&["imap"]).try_connect(address);
    let refused = refused.expect_err("no protocol in common");
    assert_eq!(alert_of(&refused).map(u8::from), Some(120), "{refused}");
    let record = vestibule.record("what failed", |r| r.text("end") == "handshake_failed");
    record.assert(&[("alpn", "imap")]);
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
        ("chat.example.org", "xmpp-client", "<stream>".to_owned(), "xmpp"),
        ("chat.example.org", "http/1.1", get("other.example.org"), "rest"),
        ("chat.example.org", "http/1.1", get("Blog.Example.ORG:8443"), "blog"),
        ("web.example.org", "http/1.1", get("blog.example.org"), "blog"),
        ("web.example.org", "http/1.1", get("web.example.org"), "web"),
        ("web.example.org", "xmpp-client", "\x16binary".to_owned(), "web"),
    ] {
        let client = TlsClient::new(&authority, name).alpn(&[alpn]);
        let stream = client.connect(vestibule.address("in"));
        (&stream).write_all(said.as_bytes()).expect("words");
        let (answer, _) = stream.read_to_end();
        assert_eq!(String::from_utf8_lossy(&answer), service, "{name} {alpn} {said}");
        let record = vestibule.record_of(stream.local_addr());
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
        let (sender, of_origin) = std::sync::mpsc::channel();
        let origin = Origin::serve(move |stream| {
            let sums: [Sum; 2] = thread::scope(|scope| {
                let sent = scope.spawn(|| vestibule_e2e::send_random(&stream, bytes, 1));
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

/// What is wrong with the files is said before anything listens.
#[test]
fn unusable_certificates_are_refused_at_start_and_by_check() {
    let authority = Authority::new();
    let leaf = authority.server(&["chat.example.org"]);
    let other = authority.server(&["chat.example.org"]);
    let upstream = ReservedPort::new().address();
    let with = |chain: &Path, key: &Path| {
        let certificate = format!(
            "[[certificate]]\nchain = \"{}\"\nkey = \"{}\"\n",
            chain.display(),
            key.display()
        );
        tables(&certificate, "", upstream)
    };
    let missing = authority.directory().join("nowhere.pem");
    for (tables, word) in [
        (with(&missing, &leaf.key), "nowhere.pem"),
        (with(&leaf.chain, &other.key), "key"),
        (with(&leaf.key, &leaf.key), "certificate"),
    ] {
        let mut vestibule = Setup::new(tables.clone()).spawn();
        assert_eq!(vestibule.process().wait().code(), Some(1), "{word}");
        let said = vestibule.event_lines().join("\n");
        assert!(said.contains(word), "{said}");
        let checked = vestibule_e2e::check(&tables, &[]);
        assert_eq!(checked.status.code(), Some(1), "{checked:?}");
        let said = String::from_utf8_lossy(&checked.stderr);
        assert!(said.contains(word), "{said}");
    }
    let good = vestibule_e2e::check(&tables(&leaf.section(), "", upstream), &[]);
    assert!(good.status.success(), "{good:?}");
}

#[test]
fn the_certificates_end_is_a_metric() {
    let authority = Authority::new();
    let leaf = authority.server(&["chat.example.org"]);
    let origin = Origin::echo();
    let vestibule = Vestibule::start(tables(&leaf.section(), "", origin.address()));
    // 2070-01-01, as the authority says.
    let not_after = || {
        let metrics = vestibule.metrics();
        metrics.sum("vestibule_certificate_not_after_seconds", &[])
    };
    eventually("the metric", || not_after() == 3_155_760_000);
}

#[test]
fn what_is_not_tls_is_closed() {
    let authority = Authority::new();
    let leaf = authority.server(&["chat.example.org"]);
    let origin = Origin::echo();
    let vestibule = Vestibule::start(tables(&leaf.section(), "", origin.address()));
    for said in ["GET / HTTP/1.1\r\n\r\n", "<?xml version='1.0'?>", "\x15\x03\x01"] {
        let mut stream = connect(vestibule.address("in"));
        stream.write_all(said.as_bytes()).expect("words");
        assert_eq!(read_to_end(&mut stream).0, b"");
        let client = stream.local_addr().expect("an address");
        let record = vestibule.record_of(client);
        record.assert(&[("end", "not_tls"), ("service", ""), ("tls", "")]);
    }
    let labels = [("listener", "in"), ("reason", "not_tls")];
    let metrics = vestibule.metrics();
    assert_eq!(metrics.value("vestibule_connections_refused_total", &labels), 3);
    assert_eq!(origin.accepted(), 0);
}
