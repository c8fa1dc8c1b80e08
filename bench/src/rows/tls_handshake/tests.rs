use std::thread;
use std::time::{Duration, Instant};

use super::{CONCURRENT, connect_again};
use crate::error::Error;
use crate::load::{Load, Meter};
use crate::origin::{Behaviour, Origin};
use crate::tls::{Group, Identity};

fn origin() -> Origin {
    Origin::start(&Identity::generate().unwrap()).unwrap()
}

#[test]
fn right_handshakes_are_counted_and_none_fails() {
    let address = origin().address(Behaviour::AnswerTls);
    for (group, resumes) in [
        (Group::X25519, false),
        (Group::X25519, true),
        (Group::X25519MlKem768, false),
    ] {
        let load = Load::start(1, move |meter| {
            connect_again(address, group, resumes, meter)
        });
        let begin = Instant::now();
        // So many that each client has had more than one connection.
        while load.units() < 4 * CONCURRENT as u64 && begin.elapsed() < Duration::from_secs(60) {
            thread::sleep(Duration::from_millis(5));
        }
        let done = load.stop().unwrap();
        assert!(done.units >= 4 * CONCURRENT as u64, "{group}: {done:?}");
        assert_eq!(done.failures, 0, "{group}, resumes: {resumes}");
    }
}

#[test]
fn wrong_handshakes_end_the_load() {
    let origin = origin();
    let outcome = |behaviour, group, resumes| {
        connect_again(origin.address(behaviour), group, resumes, &Meter::default())
    };
    let not_resumed = outcome(Behaviour::AnswerTlsFull, Group::X25519, true);
    assert!(
        matches!(not_resumed, Err(Error::Negotiated { .. })),
        "{not_resumed:?}"
    );
    let no_common_group = outcome(Behaviour::AnswerTlsFull, Group::X25519MlKem768, false);
    assert!(
        matches!(
            no_common_group,
            Err(Error::Tls(rustls::Error::AlertReceived(
                rustls::AlertDescription::HandshakeFailure
            )))
        ),
        "{no_common_group:?}"
    );
    let not_tls = outcome(Behaviour::Answer, Group::X25519, false);
    assert!(matches!(not_tls, Err(Error::Tls(_))), "{not_tls:?}");
}
