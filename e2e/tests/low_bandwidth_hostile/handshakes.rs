//! Each limit of handshakes and associations, once: who is one too many hears nothing, is counted, and
//! gets in as soon as there is a place. Those who are there are served meanwhile.

use std::net::{Ipv4Addr, UdpSocket};

use vestibule_coap::Code;
use vestibule_dtls::client::Memory;
use vestibule_dtls::session::Version;
use vestibule_e2e::coap::coap_request;
use vestibule_e2e::dtls::{Association, CoapsClient};
use vestibule_e2e::eventually;
use vestibule_e2e::lowband::{LowbandGateway, StubHomeserver};

use crate::stage::{assert_fine, limited};

/// A gateway with these limits, and a client that it serves.
fn gateway(limits: &str) -> (StubHomeserver, LowbandGateway, CoapsClient) {
    let homeserver = StubHomeserver::saying(serde_json::json!({}));
    let gateway = limited(&homeserver, limits);
    let mut first = client(&gateway, 1);
    assert_served(&mut first);
    (homeserver, gateway, first)
}

/// A socket of the host 127.0.0.`host`, each of which is a source of its own.
fn socket(host: u8) -> UdpSocket {
    let bound = UdpSocket::bind((Ipv4Addr::new(127, 0, 0, host), 0));
    bound.expect("every address of 127.0.0.0/8 is ours")
}

fn client(gateway: &LowbandGateway, host: u8) -> CoapsClient {
    gateway.coaps_over(socket(host), Version::Dtls13)
}

#[track_caller]
fn assert_served(client: &mut CoapsClient) {
    let answer = client.request(coap_request(Code::GET, "/0", ""));
    assert_eq!(answer.code, Code::CONTENT, "{answer:?}");
}

/// Somebody of this host who begins a handshake.
fn begin(gateway: &LowbandGateway, host: u8) -> Association {
    let config = gateway.client_config(Version::Dtls12);
    Association::begin(socket(host), gateway.address(), config, Memory::default())
}

/// Somebody of this host who shows where he is, and says nothing more. He is one of so many.
fn half_open(gateway: &LowbandGateway, host: u8, count: u64) -> Association {
    let mut half_open = begin(gateway, host);
    eventually("the request for a cookie", || {
        half_open.turn();
        !half_open.trace().received.is_empty()
    });
    eventually("a handshake that is not over", || {
        let metrics = gateway.metrics();
        metrics.sum("vestibule_dtls_half_open", &[]) == count
    });
    assert!(!half_open.is_open());
    half_open
}

/// Lets a handshake go on to its end.
#[track_caller]
fn finish(mut association: Association) -> Association {
    eventually("a handshake", || {
        association.turn();
        association.is_open()
    });
    association
}

/// Somebody of this host whose handshake is not begun, for this reason and no other one.
fn refused(gateway: &LowbandGateway, host: u8, reason: &str) -> Association {
    let mut refused = begin(gateway, host);
    eventually(reason, || {
        refused.turn();
        let metrics = gateway.metrics();
        let counted = |labels: &[_]| metrics.sum("vestibule_dtls_handshakes_refused_total", labels);
        let for_it = counted(&[("reason", reason)]);
        assert_eq!(counted(&[]), for_it, "other reasons");
        for_it > 0
    });
    assert!(!refused.is_open() && refused.closed().is_none());
    refused
}

#[test]
fn handshakes_that_are_not_over() {
    let (_homeserver, mut gateway, mut first) = gateway("half_open = 2\nhandshake_burst = 1000");
    let one = half_open(&gateway, 2, 1);
    let _other = half_open(&gateway, 3, 2);
    let third = refused(&gateway, 4, "half_open");
    assert_served(&mut first);
    finish(one);
    finish(third);
    assert_served(&mut first);
    assert_fine(&mut gateway);
}

#[test]
fn handshakes_of_a_source_that_are_not_over() {
    let limits = "half_open_per_source = 1\nhandshake_burst = 1000";
    let (_homeserver, mut gateway, mut first) = gateway(limits);
    let one = half_open(&gateway, 2, 1);
    let second = refused(&gateway, 2, "half_open_per_source");
    // Nobody else is kept out.
    assert_served(&mut client(&gateway, 3));
    assert_served(&mut first);
    finish(one);
    finish(second);
    assert_fine(&mut gateway);
}

#[test]
fn associations_of_all() {
    let (_homeserver, mut gateway, mut first) = gateway("associations = 2");
    let mut second = client(&gateway, 2);
    let third = refused(&gateway, 3, "associations");
    for client in [&mut first, &mut second] {
        assert_served(client);
    }
    second.close();
    let mut third = finish(third);
    assert_served(&mut first);
    third.close();
    assert_fine(&mut gateway);
}

#[test]
fn handshakes_in_a_minute() {
    let limits = "handshakes_per_minute = 1\nhandshake_burst = 2";
    let (_homeserver, mut gateway, mut first) = gateway(limits);
    let mut others = [client(&gateway, 2), client(&gateway, 2)];
    refused(&gateway, 2, "rate");
    assert_served(&mut client(&gateway, 3));
    for client in &mut others {
        assert_served(client);
    }
    assert_served(&mut first);
    assert_fine(&mut gateway);
}
