//! The crate `dimpl`: the only independent client of DTLS 1.3 at hand. It can do ECDSA only, and
//! neither resumes nor offers a Connection ID.

use vestibule_e2e::dtls::{DimplClient, DimplVersion};

use super::{Kind, Site};

const VERSIONS: [(DimplVersion, &str); 3] = [
    (DimplVersion::Dtls12, "1.2"),
    (DimplVersion::Dtls13, "1.3"),
    // It offers both, and we take the newer one.
    (DimplVersion::Both, "1.3"),
];

#[test]
fn handshake_ping_and_echo_in_every_version_with_any_size_of_datagrams() {
    let site = Site::new(Kind::Ecdsa, "");
    let mut opened = 0;
    for (offered, version) in VERSIONS {
        for mtu in [1400, 400, 256] {
            let mut client = DimplClient::connect(site.server.address(), offered, mtu);
            opened += 1;
            assert_eq!(
                site.server.wait_for_opened(opened).version,
                version,
                "{offered:?} {mtu}"
            );
            assert_eq!(client.certificate(), site.leaf.certificates()[0].as_ref());
            let pong = client.exchange(b"\x40\x00\x12\x34");
            assert_eq!(pong, b"\x70\x00\x12\x34");
            let answer = client.exchange(b"\x40\x02\x12\x35\xb4echo\xffsome body");
            assert!(answer.starts_with(b"\x60"), "{answer:02x?}");
            assert!(answer.ends_with(b"\xffsome body"), "{answer:02x?}");
            client.close();
            assert_eq!(site.server.wait_for_closed(opened), "peer");
        }
    }
    assert!(site.server.opened().iter().all(|it| !it.resumed));
}

/// A server that was told to speak only one of them. The hello of both is not for one of 1.2 only:
/// with the cookie it has other extensions than before, which our stack's cookies do not forgive.
#[test]
fn one_version_only() {
    for (only, offered) in [
        ("1.2", DimplVersion::Dtls12),
        ("1.3", DimplVersion::Dtls13),
        ("1.3", DimplVersion::Both),
    ] {
        let site = Site::new(Kind::Ecdsa, &format!("--versions {only}"));
        let mut client = DimplClient::connect(site.server.address(), offered, 1400);
        assert_eq!(client.exchange(b"\x40\x00\x12\x34"), b"\x70\x00\x12\x34");
        assert_eq!(site.server.wait_for_opened(1).version, only, "{offered:?}");
    }
}

/// Each payload comes back whole and alone, from one byte up to a full datagram.
#[test]
fn payloads_of_any_size() {
    let site = Site::new(Kind::Ecdsa, "--raw-echo");
    for (offered, _) in VERSIONS {
        let mut client = DimplClient::connect(site.server.address(), offered, 1400);
        for length in [1, 2, 15, 16, 17, 255, 256, 1000, 1152, 1200, 1300] {
            let payload: Vec<u8> = (0..length).map(|at| (at % 251) as u8).collect();
            assert!(client.exchange(&payload) == payload, "{offered:?} {length}");
        }
    }
}

/// The end of the server is told to clients of both versions.
#[test]
fn the_end_of_the_server() {
    let mut site = Site::new(Kind::Ecdsa, "");
    let mut clients =
        VERSIONS.map(|(offered, _)| DimplClient::connect(site.server.address(), offered, 1400));
    site.server.wait_for_opened(clients.len());
    site.server.terminate();
    for client in &mut clients {
        client.wait_for_close();
    }
    assert!(site.server.wait().success());
}
