//! libcoap's clients, over OpenSSL and over GnuTLS.

use vestibule_e2e::matrix::Synapse;

use crate::errors::errors;
use crate::peers::{Format, Libcoap, Peer};
use crate::{Site, stories};

/// With both libraries at a time, each with bodies in its own format.
fn each(test: impl Fn(&Synapse, &dyn Peer) + Sync) {
    with([("openssl", Format::Cbor), ("gnutls", Format::Json)], test);
}

fn with(clients: [(&'static str, Format); 2], test: impl Fn(&Synapse, &dyn Peer) + Sync) {
    let site = Site::for_libcoap();
    let server = site.dtls();
    std::thread::scope(|scope| {
        for (tls, format) in clients {
            let test = &test;
            scope.spawn(move || {
                let peer = Libcoap {
                    tls,
                    server,
                    format,
                };
                test(Synapse::shared(), &peer);
            });
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

/// The client loses an answer in blocks that is not on the acknowledgement of its request: this one is
/// small.
#[test]
fn a_long_poll() {
    let clients = ["openssl", "gnutls"].map(|tls| (tls, Format::Cbor));
    with(clients, |synapse, peer| stories::long_poll(synapse, peer));
}

#[test]
fn blocks_both_ways() {
    each(|synapse, peer| {
        stories::upload(synapse, peer);
        stories::large_sync(synapse, peer, 40);
    });
}

#[test]
fn errors_with_words() {
    each(|synapse, peer| errors(synapse, peer));
}
