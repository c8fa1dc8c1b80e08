//! How servers end, and what is left of their sessions.

use std::fs;
use std::net::UdpSocket;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use tempfile::TempDir;
use vestibule_dtls::client::{Closed, Memory, Versions};
use vestibule_dtls::session::Version;
use vestibule_e2e::dtls::{CoapsClient, CoapsServer, client_config, openssl_dtls};
use vestibule_e2e::{Authority, Leaf};

use super::{Kind, NAME, PROGRAM, Site, assert_talks};

#[test]
fn a_server_that_ends_says_goodbye() {
    let mut site = Site::new(Kind::Ecdsa, "");
    let mut clients: Vec<_> = (0..4)
        .map(|_| {
            let mut client = openssl_dtls(site.server.address(), "");
            assert_talks(&mut client);
            client
        })
        .collect();
    let mut ours = [Version::Dtls12, Version::Dtls13].map(|version| {
        let mut config = client_config(&site.authority, NAME);
        config.versions = Versions::Only(version);
        let socket = UdpSocket::bind("127.0.0.1:0").expect("a free port");
        CoapsClient::connect(socket, site.server.address(), config, Memory::default())
    });
    site.server.wait_for_opened(6);
    site.server.terminate();
    for client in &mut clients {
        // It would wait for its input for ever.
        assert!(client.wait().success());
        assert!(client.has("closed"), "{}", client.text());
    }
    for client in &mut ours {
        assert_eq!(client.wait_for_end(), Closed::ByPeer);
    }
    assert!(site.server.wait().success());
    site.server.wait_for_closed(6);
    assert_eq!(site.server.closed(), ["us"; 6]);
}

#[test]
fn an_association_that_is_silent_ends() {
    let site = Site::new(Kind::Ecdsa, "--idle 8");
    let mut client = openssl_dtls(site.server.address(), "");
    assert_talks(&mut client);
    assert!(client.wait().success());
    assert!(client.has("closed"), "{}", client.text());
    assert_eq!(site.server.wait_for_closed(1), "idle");
}

/// Associations that are open go on, new ones see the new certificate.
#[test]
fn a_certificate_that_is_replaced() {
    let site = Site::new(Kind::Ecdsa, "");
    let root = site.root();
    let verified = format!("-CAfile {root} -verify_return_error");
    let mut before = openssl_dtls(site.server.address(), &verified);
    assert_talks(&mut before);
    let other = site.authority.rsa_server(&["new.example.org"]);
    for (from, to) in [(other.chain, &site.leaf.chain), (other.key, &site.leaf.key)] {
        fs::copy(from, to).expect("files of ours");
    }
    site.server.reload();
    let mut after = openssl_dtls(site.server.address(), &verified);
    after.wait_for("subject=CN = new.example.org");
    for client in [&mut before, &mut after] {
        client.send(b"\x40\x00\x77\x77");
        client.wait_for(b"\x70\x00\x77\x77");
    }
    assert!(site.server.closed().is_empty());
}

/// Starts a server with the key for tickets in this file, and ends it when `client` has talked to
/// it.
#[track_caller]
fn serve_once(leaf: &Leaf, key: &Path, arguments: &str) -> bool {
    let mut server = CoapsServer::start(PROGRAM, leaf, &format!("--ticket-key {}", key.display()));
    let mut client = openssl_dtls(server.address(), arguments);
    assert_talks(&mut client);
    let resumed = server.wait_for_opened(1).resumed;
    client.close_stdin();
    client.wait();
    server.terminate();
    assert!(server.wait().success());
    resumed
}

#[test]
fn sessions_survive_a_restart_with_the_same_ticket_key() {
    let authority = Authority::new();
    let leaf = authority.server(&[NAME]);
    let directory = TempDir::new().expect("a temporary directory");
    let file = |name| directory.path().join(name);
    let (key, other, session) = (file("key"), file("other"), file("session"));
    let (keep, use_it) = (
        format!("-sess_out {}", session.display()),
        format!("-sess_in {}", session.display()),
    );
    assert!(!serve_once(&leaf, &key, &keep));
    assert!(serve_once(&leaf, &key, &use_it));
    assert!(!serve_once(&leaf, &other, &use_it));
    assert!(serve_once(&leaf, &key, &use_it));
    for key in [key, other] {
        let mode = key
            .metadata()
            .expect("a file that was made")
            .permissions()
            .mode();
        assert_eq!(mode & 0o777, 0o600);
    }
}
