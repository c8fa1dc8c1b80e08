//! Over a path that loses datagrams. All that a client does is done once.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use vestibule_e2e::coap::{Faults, LossyRelay};
use vestibule_e2e::matrix::Synapse;

use crate::peers::{Aiocoap, Format, Libcoap, Peer, Tool};
use crate::{Site, stories};

/// A tenth is lost, each way.
const TENTH: Faults = Faults {
    lost: 10,
    doubled: 0,
    late: 0,
    delay: Duration::ZERO,
};

/// A fifth is lost, each way, and a round trip takes one and a half seconds.
const FAR: Faults = Faults {
    lost: 20,
    doubled: 0,
    late: 0,
    delay: Duration::from_millis(750),
};

type Story = fn(&Synapse, &dyn Peer);

/// What is large or lasts.
const LONG: [Story; 3] = [
    stories::upload,
    |synapse, peer| stories::large_sync(synapse, peer, 8),
    stories::observe_again,
];

/// All of it at a time, each over a path of its own.
fn all<P: Peer>(
    server: SocketAddr,
    faults: Faults,
    short: Story,
    peers: &[impl Fn(SocketAddr) -> P + Sync],
) {
    let lost = AtomicUsize::new(0);
    thread::scope(|scope| {
        for peer in peers {
            for (seed, story) in (1..).zip([short].into_iter().chain(LONG)) {
                let lost = &lost;
                scope.spawn(move || {
                    let relay = LossyRelay::to(server, seed, faults);
                    story(Synapse::shared(), &peer(relay.address()));
                    lost.fetch_add(relay.lost(), Ordering::SeqCst);
                });
            }
        }
    });
    assert!(lost.into_inner() > 0);
}

#[test]
fn libcoap() {
    let site = Site::for_libcoap();
    let client = |tls, format| {
        move |server| Libcoap {
            tls,
            server,
            format,
        }
    };
    let clients = [
        client("openssl", Format::Cbor),
        client("gnutls", Format::Json),
    ];
    all(site.dtls(), TENTH, stories::walk, &clients);
}

#[test]
fn aiocoap() {
    let site = Site::new();
    let client = |server| Aiocoap { server };
    all(site.plain(), TENTH, stories::walk, &[client]);
}

#[test]
fn ours_and_far_away() {
    let site = Site::new();
    let client = |dtls| move |server| Tool { server, dtls };
    let clients = [client("1.2"), client("1.3")];
    all(site.dtls(), FAR, stories::say, &clients);
}
