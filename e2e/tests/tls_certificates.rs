//! Which certificate a client is shown, and what is wrong with the files.

use std::net::SocketAddr;
use std::path::Path;

use vestibule_e2e::{
    Authority, Leaf, Origin, ReservedPort, Setup, TlsClient, Vestibule, alert_of, check,
    eventually, openssl_client,
};

/// A listener `in` that terminates with these certificates and keys of `[listener.tls]`.
fn tables(certificates: &str, tls: &str, upstream: SocketAddr) -> String {
    format!(
        "{certificates}\
         [[listener]]\nname = \"in\"\nbind = \"127.0.0.1:0\"\nservice = \"s\"\n\
         [listener.tls]\nmode = \"terminate\"\n{tls}\n\
         [service.s]\nupstreams = [\"{upstream}\"]\n"
    )
}

#[test]
fn the_certificate_is_chosen_by_the_name_that_the_client_sends() {
    let authority = Authority::new();
    let default = authority.server(&["default.example"]);
    let chat = authority.server(&["chat.example.org", "*.chat.example.org"]);
    let wild = authority.server(&["*.example.org"]);
    let origin = Origin::echo();
    let certificates = [&default, &wild, &chat].map(Leaf::section).concat();
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
    let known = TlsClient::new(&authority, "chat.example.org").connect(address);
    known.exchange(b"known");
    known.close_notify();
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
    assert_eq!(
        metrics.value("vestibule_connections_refused_total", &labels),
        2
    );
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
        (
            "-tls1_2 -cipher ECDHE-RSA-AES128-GCM-SHA256",
            "RSA",
            "ECDHE-RSA-AES128-GCM-SHA256",
        ),
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
        let peer = said
            .lines()
            .find(|line| line.starts_with("Peer signature type"));
        assert!(
            peer.is_some_and(|line| line.contains(signature)),
            "{options}: {said}"
        );
        let record = &vestibule.wait_for_records(before + 1)[before];
        let told = record.text("cipher");
        assert!(told.starts_with(cipher), "{options}: {told}");
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
        vestibule.process().wait_for_line(word);
        let checked = check(&tables, &[]);
        assert_eq!(checked.status.code(), Some(1), "{checked:?}");
        let said = String::from_utf8_lossy(&checked.stderr);
        assert!(said.contains(word), "{said}");
    }
    let good = check(&tables(&leaf.section(), "", upstream), &[]);
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
