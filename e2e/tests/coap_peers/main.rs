//! Our CoAP endpoint and two others: libcoap 4.3.1, as Debian 12 has it, and aiocoap 0.4.17.

mod aiocoap_client;
mod aiocoap_server;
mod libcoap_client;
mod libcoap_observe;
mod libcoap_server;
mod lossy;

use std::time::Duration;

use vestibule_coap::endpoint::{Config, Timing};
use vestibule_coap::{BlockSize, Type};
use vestibule_e2e::coap::Traced;

/// Times for a path that is as short as loopback, so that a loss costs a test little.
fn quick() -> Config {
    Config {
        timing: Timing {
            initial: Duration::from_millis(300),
            min: Duration::from_millis(150),
            min_request: Duration::from_millis(300),
            max: Duration::from_secs(2),
            retransmissions: 5,
        },
        ..Config::default()
    }
}

/// As [`quick`], with blocks of this many bytes.
fn in_blocks_of(bytes: usize) -> Config {
    Config {
        block_size: block_size(bytes),
        ..quick()
    }
}

fn block_size(bytes: usize) -> BlockSize {
    BlockSize::at_most(bytes)
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
