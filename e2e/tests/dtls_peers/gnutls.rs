//! `gnutls-cli --udp`.

use vestibule_e2e::dtls::gnutls_udp;
use vestibule_e2e::eventually;

use super::{KINDS, Kind, NAME, Site, assert_talks};

#[test]
fn handshake_ping_and_echo_with_any_size_of_datagrams() {
    for kind in KINDS {
        let site = Site::new(kind, "");
        let root = site.root();
        for (at, mtu) in [1400, 400, 256].into_iter().enumerate() {
            let arguments = format!("--mtu {mtu} --x509cafile {root} --verify-hostname {NAME}");
            let mut client = gnutls_udp(site.server.address(), &arguments);
            client.wait_for("The certificate is trusted.");
            client.wait_for("- Handshake was completed");
            let signature = match kind {
                Kind::Ecdsa => "(ECDSA-SHA256)",
                Kind::Rsa => "(RSA-PSS-RSAE-SHA256)",
            };
            assert!(client.has(signature), "{}", client.text());
            assert_talks(&mut client);
            client.close_stdin();
            assert!(client.wait().success());
            assert_eq!(site.server.wait_for_closed(at + 1), "peer");
        }
    }
}

#[test]
fn suites_groups_and_signatures() {
    let ecdsa = Site::new(Kind::Ecdsa, "");
    let rsa = Site::new(Kind::Rsa, "");
    let mut opened = [0, 0];
    for (site, at, priority, agreed, suite) in [
        (
            &ecdsa,
            0,
            "-CIPHER-ALL:+AES-128-GCM",
            "(AES-128-GCM)",
            "c02b",
        ),
        (
            &ecdsa,
            0,
            "-CIPHER-ALL:+CHACHA20-POLY1305",
            "(CHACHA20-POLY1305)",
            "cca9",
        ),
        (
            &ecdsa,
            0,
            "-GROUP-ALL:+GROUP-SECP256R1",
            "(ECDHE-SECP256R1)",
            "cca9",
        ),
        (&rsa, 1, "-CIPHER-ALL:+AES-256-GCM", "(AES-256-GCM)", "c030"),
        (
            &rsa,
            1,
            "-SIGN-ALL:+SIGN-RSA-SHA256",
            "(RSA-SHA256)",
            "cca8",
        ),
    ] {
        opened[at] += 1;
        let arguments = format!("--insecure --priority NORMAL:{priority}");
        let mut client = gnutls_udp(site.server.address(), &arguments);
        client.wait_for("- Handshake was completed");
        assert!(client.has(agreed), "{priority}: {}", client.text());
        assert_talks(&mut client);
        let agreed = site.server.wait_for_opened(opened[at]);
        assert_eq!((&*agreed.version, &*agreed.suite), ("1.2", suite));
    }
}

/// It connects, says goodbye, and connects again with the session.
#[test]
fn resumption() {
    for kind in KINDS {
        let site = Site::new(kind, "");
        let mut client = gnutls_udp(site.server.address(), "--insecure --resume");
        client.wait_for("*** This is a resumed session");
        assert_talks(&mut client);
        assert!(site.server.wait_for_opened(2).resumed);
        assert!(!site.server.wait_for_opened(1).resumed);
    }
}

/// We say so with an alert, which GnuTLS hears and does not act on: it repeats its hello until it
/// gives up by itself, after a minute.
#[test]
fn what_we_refuse_is_refused() {
    for refused in [
        // Only authenticated encryption.
        "-CIPHER-ALL:+AES-128-CBC",
        // Without the extended master secret, a session can be somebody else's (RFC 7627).
        "%NO_SESSION_HASH",
    ] {
        let site = Site::new(Kind::Ecdsa, "");
        let arguments = format!("--insecure --priority NORMAL:{refused}");
        let client = gnutls_udp(site.server.address(), &arguments);
        eventually("an alert", || site.server.count("alerts", &[]) > 0);
        assert!(
            !client.has("- Handshake was completed"),
            "{}",
            client.text()
        );
        assert_eq!(site.server.count("handshakes_begun", &[]), 0);
    }
}
