//! aiocoap, which has no DTLS with certificates, at the listener without it.

use vestibule_e2e::matrix::Synapse;

use crate::errors::errors;
use crate::peers::Aiocoap;
use crate::{Site, stories};

fn run(test: impl Fn(&Synapse, &Aiocoap)) {
    let site = Site::new();
    let peer = Aiocoap {
        server: site.plain(),
    };
    test(Synapse::shared(), &peer);
}

#[test]
fn a_walk() {
    run(|synapse, peer| stories::walk(synapse, peer));
}

#[test]
fn an_observation() {
    run(|synapse, peer| stories::observe(synapse, peer));
}

#[test]
fn a_long_poll() {
    run(|synapse, peer| stories::long_poll(synapse, peer));
}

#[test]
fn blocks_both_ways() {
    run(|synapse, peer| {
        stories::upload(synapse, peer);
        stories::large_sync(synapse, peer, 40);
    });
}

#[test]
fn errors_with_words() {
    run(|synapse, peer| errors(synapse, peer));
}
