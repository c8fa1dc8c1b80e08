//! The homeserver fails, or what stands before it.

use std::time::{Duration, Instant};

use vestibule_coap::Code;
use vestibule_miniature_homeserver::Fault;

use crate::stage::Stage;

const LONG: Duration = Duration::from_secs(120);

#[test]
fn it_is_restarted() {
    let mut stage = Stage::new();
    let (mut sender, mut watcher, mut poller) = (stage.sender(), stage.watcher(), stage.poller());
    for _ in 0..3 {
        sender.next(LONG);
        watcher.wait_for(sender.sent().len(), LONG);
        sender.next(LONG);
        stage.restart_homeserver(Duration::from_millis(500));
        sender.next(LONG);
    }
    stage.finish(&sender, &mut watcher, &mut poller);
}

#[test]
fn it_is_away_for_a_while() {
    let mut stage = Stage::new();
    let (mut sender, mut watcher, mut poller) = (stage.sender(), stage.watcher(), stage.poller());
    sender.next(LONG);
    stage.restart_homeserver(Duration::from_secs(4));
    sender.next(LONG);
    sender.next(LONG);
    stage.finish(&sender, &mut watcher, &mut poller);
}

/// Half a minute of 502 by a reverse proxy. Who asks is told so, who observes need not know.
#[test]
fn half_a_minute_of_502() {
    const OUTAGE: Duration = Duration::from_secs(30);
    let stage = Stage::new();
    let (mut sender, mut watcher, mut poller) = (stage.sender(), stage.watcher(), stage.poller());
    sender.next(LONG);
    watcher.wait_for(1, LONG);
    stage.fail(Fault::BadGateway);
    let start = Instant::now();
    while start.elapsed() < OUTAGE {
        let answer = sender
            .try_next()
            .expect_err("an outage")
            .expect("an answer");
        assert_eq!(answer.code, Code::BAD_GATEWAY);
        assert_eq!(answer.errcode(), "M_UNKNOWN");
        assert!(!poller.ask(Duration::from_secs(1)));
        watcher.run_for(Duration::from_secs(2));
        assert_eq!(watcher.texts().len(), 1);
    }
    stage.fail(Fault::None);
    sender.next(LONG);
    sender.next(LONG);
    stage.finish(&sender, &mut watcher, &mut poller);
}

/// One after the other, each for a short time.
#[test]
fn all_that_a_homeserver_can_say_wrongly() {
    let faults = [
        (Fault::Html, Code::BAD_GATEWAY),
        (Fault::Cut, Code::BAD_GATEWAY),
        (Fault::Closed, Code::BAD_GATEWAY),
        (Fault::Redirect, Code::BAD_GATEWAY),
        (
            Fault::RateLimited {
                retry_after_ms: 1_000,
            },
            Code::TOO_MANY_REQUESTS,
        ),
        (
            Fault::Error {
                status: 500,
                code: "M_UNKNOWN",
            },
            Code::INTERNAL_SERVER_ERROR,
        ),
        (
            Fault::Error {
                status: 503,
                code: "M_UNKNOWN",
            },
            Code::SERVICE_UNAVAILABLE,
        ),
    ];
    let stage = Stage::new();
    let (mut sender, mut watcher, mut poller) = (stage.sender(), stage.watcher(), stage.poller());
    for (fault, code) in faults {
        sender.next(LONG);
        watcher.wait_for(sender.sent().len(), LONG);
        poller.wait_for(sender.sent().len(), LONG);
        stage.fail(fault.clone());
        for _ in 0..2 {
            let answer = sender
                .try_next()
                .expect_err("a failure")
                .expect("an answer");
            assert_eq!(answer.code, code, "{fault:?}: {answer:?}");
            assert!(!poller.ask(Duration::from_secs(1)), "{fault:?}");
            watcher.run_for(Duration::from_millis(300));
        }
        stage.fail(Fault::None);
        sender.next(LONG);
    }
    stage.finish(&sender, &mut watcher, &mut poller);
}
