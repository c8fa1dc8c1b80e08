//! Our CoAP endpoint and two others: libcoap 4.3.1, as Debian 12 has it, and aiocoap 0.4.17.

mod aiocoap_client;
mod aiocoap_server;
mod libcoap_client;
mod libcoap_observe;
mod libcoap_server;
mod lossy;

use std::collections::BTreeSet;
use std::time::Duration;

use vestibule_coap::endpoint::{Config, Timing};
use vestibule_coap::{BlockSize, Type};
use vestibule_e2e::coap::{LibcoapClient, Traced};
use vestibule_e2e::wait_for;

/// Times for a path that loses nothing: however long the other side takes on a machine that does much
/// else, nothing is sent again.
fn patient() -> Config {
    let long = Duration::from_secs(20);
    Config {
        timing: Timing {
            initial: long,
            min: long,
            min_request: long,
            max: 2 * long,
            retransmissions: 1,
        },
        ..Config::default()
    }
}

/// Times for a path that is as short as loopback, so that a loss costs a test little.
fn quick() -> Config {
    Config {
        timing: Timing {
            initial: Duration::from_millis(300),
            min: Duration::from_millis(150),
            min_request: Duration::from_millis(300),
            max: Duration::from_secs(2),
            retransmissions: 10,
        },
        ..Config::default()
    }
}

/// As [`patient`], with blocks of this many bytes.
fn in_blocks_of(bytes: usize) -> Config {
    Config {
        block_size: BlockSize::at_most(bytes),
        ..patient()
    }
}

/// As [`quick`], with blocks of this many bytes.
fn quick_in_blocks_of(bytes: usize) -> Config {
    Config {
        block_size: BlockSize::at_most(bytes),
        ..quick()
    }
}

/// libcoap's client observes for as many seconds as it was told when it began. Where that was too short,
/// which `test` answers, it is told more.
#[track_caller]
fn observing(seconds: u64, test: impl Fn(&str) -> Option<()>) {
    let mut all = [seconds, 4 * seconds, 16 * seconds].into_iter();
    let done = all.any(|seconds| test(&seconds.to_string()).is_some());
    assert!(done, "the client has always ended before");
}

/// Waits until it is so; `None` when the client has ended before.
#[track_caller]
fn before_the_end(client: &mut LibcoapClient, is_so: impl Fn() -> bool) -> Option<()> {
    wait_for("something of the client, or its end", || {
        let ended = client.has_ended();
        (ended || is_so()).then_some(is_so())
    })
    .then_some(())
}

/// What was said, without what was said again: the other side may repeat what we take long for.
fn once(mut trace: Vec<Traced>) -> Vec<Traced> {
    let mut known = BTreeSet::new();
    trace.retain(|traced| known.insert((traced.sent, traced.datagram.clone())));
    trace
}

/// Both sides were satisfied: nothing was malformed, and nobody rejected a message.
#[track_caller]
fn assert_clean(trace: &[Traced]) {
    for traced in trace {
        assert!(traced.error.is_none(), "{traced}");
        assert_ne!(traced.kind(), Type::Reset, "{traced}");
    }
}

/// Without printing long bodies.
#[track_caller]
fn assert_body(body: &str, expected: &[u8]) {
    let (length, wanted) = (body.len(), expected.len());
    assert!(
        body.as_bytes() == expected,
        "{length} bytes, {wanted} expected"
    );
}
