//! What is agreed on, and what is refused: suites, groups, versions and protocols.

use std::net::SocketAddr;

use vestibule_e2e::{Authority, Origin, TlsClient, Vestibule, alert_of, openssl_client};

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
        record.assert(&[("ended_by", "vestibule"), ("upstream", ""), ("tls", "")]);
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
        client
            .clone()
            .version(good)
            .connect(address)
            .exchange(b"hello");
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
        let alerts = ["alert protocol version", "alert handshake failure"];
        assert!(alerts.iter().any(|alert| said.contains(alert)), "{said}");
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
