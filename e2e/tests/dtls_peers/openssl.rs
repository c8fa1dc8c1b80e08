//! `openssl s_client`, over DTLS 1.2.

use std::time::Duration;

use tempfile::TempDir;
use vestibule_e2e::Authority;
use vestibule_e2e::dtls::{RawProcess, openssl_dtls};

use super::{KINDS, Kind, NAME, Site, assert_talks};

/// Connects and verifies the chain and the name.
fn connect(site: &Site, arguments: &str) -> RawProcess {
    let root = site.root();
    let verified = format!("-CAfile {root} -verify_return_error -verify_hostname {NAME}");
    openssl_dtls(site.server.address(), &format!("{verified} {arguments}"))
}

/// Ends its input, after which it says close_notify; the server sees that.
#[track_caller]
fn finish(site: &Site, mut client: RawProcess, count: usize) {
    client.close_stdin();
    assert!(client.wait().success());
    assert_eq!(site.server.wait_for_closed(count), "peer");
}

/// With 400 bytes the handshake messages of the client are fragmented, with 256 the hello with the
/// cookie or ticket is.
#[test]
fn handshake_ping_echo_and_resumption_with_any_size_of_datagrams() {
    let directory = TempDir::new().expect("a temporary directory");
    let session = directory.path().join("session");
    let session = session.display();
    for kind in KINDS {
        let site = Site::new(kind, "");
        for (at, mtu) in [1400, 400, 256].into_iter().enumerate() {
            let mut full = connect(&site, &format!("-mtu {mtu} -sess_out {session}"));
            full.wait_for("New, TLSv1.2, Cipher is ");
            full.wait_for("Verify return code: 0 (ok)");
            full.wait_for("Extended master secret: yes");
            assert_talks(&mut full);
            finish(&site, full, 2 * at + 1);

            let mut again = connect(&site, &format!("-mtu {mtu} -sess_in {session}"));
            again.wait_for("Reused, TLSv1.2, Cipher is ");
            assert_talks(&mut again);
            finish(&site, again, 2 * at + 2);
        }
        let opened = site.server.opened();
        let resumed: Vec<bool> = opened.iter().map(|it| it.resumed).collect();
        assert_eq!(resumed, [false, true].repeat(3), "{kind:?}");
        assert!(opened.iter().all(|it| it.version == "1.2"), "{opened:?}");
    }
}

#[test]
fn suites_and_the_one_that_is_preferred() {
    for kind in KINDS {
        let site = Site::new(kind, "");
        let suites = match kind {
            Kind::Ecdsa => [
                ("ALL", "ECDHE-ECDSA-CHACHA20-POLY1305", "cca9"),
                (
                    "ECDHE-ECDSA-CHACHA20-POLY1305",
                    "ECDHE-ECDSA-CHACHA20-POLY1305",
                    "cca9",
                ),
                (
                    "ECDHE-ECDSA-AES128-GCM-SHA256",
                    "ECDHE-ECDSA-AES128-GCM-SHA256",
                    "c02b",
                ),
                (
                    "ECDHE-ECDSA-AES256-GCM-SHA384",
                    "ECDHE-ECDSA-AES256-GCM-SHA384",
                    "c02c",
                ),
            ],
            Kind::Rsa => [
                ("ALL", "ECDHE-RSA-CHACHA20-POLY1305", "cca8"),
                (
                    "ECDHE-RSA-CHACHA20-POLY1305",
                    "ECDHE-RSA-CHACHA20-POLY1305",
                    "cca8",
                ),
                (
                    "ECDHE-RSA-AES128-GCM-SHA256",
                    "ECDHE-RSA-AES128-GCM-SHA256",
                    "c02f",
                ),
                (
                    "ECDHE-RSA-AES256-GCM-SHA384",
                    "ECDHE-RSA-AES256-GCM-SHA384",
                    "c030",
                ),
            ],
        };
        for (at, (offered, name, number)) in suites.into_iter().enumerate() {
            let mut client = connect(&site, &format!("-cipher {offered}"));
            client.wait_for(format!("Cipher is {name}\n"));
            assert_talks(&mut client);
            let agreed = site.server.wait_for_opened(at + 1);
            assert_eq!((&*agreed.version, &*agreed.suite), ("1.2", number));
        }
    }
}

#[test]
fn groups_and_signatures() {
    let site = Site::new(Kind::Ecdsa, "");
    for (group, key) in [
        ("X25519:P-256", "X25519, 253 bits"),
        ("P-256", "ECDH, prime256v1, 256 bits"),
    ] {
        let mut client = connect(&site, &format!("-groups {group}"));
        client.wait_for(format!("Server Temp Key: {key}"));
        client.wait_for("Peer signature type: ECDSA");
        assert_talks(&mut client);
    }
    let site = Site::new(Kind::Rsa, "");
    // The second one is the older way, PKCS #1.
    for (offered, kind) in [("RSA-PSS+SHA256", "RSA-PSS"), ("RSA+SHA256", "RSA")] {
        let mut client = connect(&site, &format!("-sigalgs {offered}"));
        client.wait_for(format!("Peer signature type: {kind}\n"));
        assert_talks(&mut client);
    }
}

/// An alert ends it at once: without one, the client would repeat its hello for minutes.
#[test]
fn what_we_refuse_is_refused_quickly() {
    let ecdsa = Site::new(Kind::Ecdsa, "");
    let rsa = Site::new(Kind::Rsa, "");
    for (site, arguments) in [
        // Only authenticated encryption, only with forward secrecy.
        (&ecdsa, "-cipher ECDHE-ECDSA-AES128-SHA256"),
        (&ecdsa, "-cipher ECDHE-ECDSA-AES128-CCM8"),
        (&rsa, "-cipher AES128-GCM-SHA256"),
        // Nothing for the key that the server has.
        (&ecdsa, "-cipher ECDHE-RSA-AES128-GCM-SHA256"),
        (&ecdsa, "-groups P-521"),
    ] {
        let mut client = connect(site, arguments);
        let (status, time) = client.wait_timed();
        assert!(!status.success(), "{arguments}");
        assert!(
            client.has("alert handshake failure"),
            "{arguments}: {}",
            client.text()
        );
        assert!(time < Duration::from_secs(30), "{arguments}: {time:?}");
    }
    for site in [ecdsa, rsa] {
        assert_eq!(site.server.count("handshakes_begun", &[]), 0);
        let mut after = connect(&site, "");
        assert_talks(&mut after);
    }
}

/// A client that does not trust us tells us so, and goes.
#[test]
fn a_client_that_does_not_trust_us() {
    let site = Site::new(Kind::Ecdsa, "");
    let address = site.server.address();
    let strangers = Authority::new();
    let root = strangers.root();
    let arguments = format!("-verify_return_error -CAfile {}", root.display());
    let mut client = openssl_dtls(address, &arguments);
    assert!(!client.wait().success());
    assert!(client.has("verify error"), "{}", client.text());
    assert_eq!(site.server.count("handshakes", &[]), 0);
    let mut after = connect(&site, "");
    assert_talks(&mut after);
}
