//! Handshakes over a path that loses, doubles and swaps datagrams.

use std::net::UdpSocket;
use std::thread;

use vestibule_coap::Code;
use vestibule_dtls::client::{Memory, Versions};
use vestibule_dtls::session::Version;
use vestibule_e2e::coap::{Faults, LossyRelay, coap_request};
use vestibule_e2e::dtls::{
    CoapsClient, DimplClient, DimplVersion, client_config, gnutls_udp, openssl_dtls,
};

use super::{KINDS, Kind, NAME, Site};

/// Runs a client for each seed, all at a time, each over a path of its own.
fn each_seed(site: &Site, connect: impl Fn(&LossyRelay) + Sync) {
    thread::scope(|scope| {
        for seed in 0..4 {
            let connect = &connect;
            scope.spawn(move || {
                connect(&LossyRelay::to(site.server.address(), seed, Faults::TENTH));
            });
        }
    });
}

#[test]
fn openssl() {
    for kind in KINDS {
        let site = Site::new(kind, "");
        each_seed(&site, |relay| {
            let client = openssl_dtls(relay.address(), "-mtu 400");
            client.wait_for("New, TLSv1.2, Cipher is ECDHE");
        });
    }
}

#[test]
fn gnutls() {
    for kind in KINDS {
        let site = Site::new(kind, "");
        each_seed(&site, |relay| {
            let client = gnutls_udp(relay.address(), "--insecure --mtu 400");
            client.wait_for("- Handshake was completed");
        });
    }
}

#[test]
fn dimpl() {
    let site = Site::new(Kind::Ecdsa, "");
    for version in [DimplVersion::Dtls12, DimplVersion::Dtls13] {
        each_seed(&site, |relay| {
            DimplClient::connect(relay.address(), version, 400);
        });
    }
}

#[test]
fn ours_with_a_session_and_without() {
    let site = Site::new(Kind::Ecdsa, "");
    for version in [Version::Dtls12, Version::Dtls13] {
        each_seed(&site, |relay| {
            let mut config = client_config(&site.authority, NAME);
            config.versions = Versions::Only(version);
            let memory = Memory::default();
            for _ in 0..2 {
                let (config, memory) = (config.clone(), memory.clone());
                let socket = UdpSocket::bind("127.0.0.1:0").expect("a free port");
                let mut client = CoapsClient::connect(socket, relay.address(), config, memory);
                let answer = client.request(coap_request(Code::POST, "/echo", "through"));
                assert_eq!(answer.payload, "through");
            }
        });
    }
}
