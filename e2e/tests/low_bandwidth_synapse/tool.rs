//! `vestibule coap`, over both versions of DTLS.

use vestibule_e2e::matrix::Synapse;

use crate::errors::errors;
use crate::peers::Tool;
use crate::{Site, stories};

fn each(test: impl Fn(&Synapse, &Tool) + Sync) {
    let site = Site::new();
    let server = site.dtls();
    std::thread::scope(|scope| {
        for dtls in ["1.2", "1.3"] {
            let test = &test;
            scope.spawn(move || test(Synapse::shared(), &Tool { server, dtls }));
        }
    });
}

#[test]
fn a_walk() {
    each(|synapse, peer| stories::walk(synapse, peer));
}

#[test]
fn an_observation() {
    each(|synapse, peer| stories::observe(synapse, peer));
}

#[test]
fn a_long_poll() {
    each(|synapse, peer| stories::long_poll(synapse, peer));
}

#[test]
fn blocks_both_ways() {
    each(|synapse, peer| {
        stories::upload(synapse, peer);
        stories::large_sync(synapse, peer, 60);
    });
}

#[test]
fn errors_with_words() {
    each(|synapse, peer| errors(synapse, peer));
}
