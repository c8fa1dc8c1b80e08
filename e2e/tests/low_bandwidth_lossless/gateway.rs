//! The gateway ends, in an orderly way or not.

use std::time::{Duration, Instant};

use vestibule_dtls::client::Closed;
use vestibule_e2e::lowband::Watcher;

use crate::stage::Stage;

const LONG: Duration = Duration::from_secs(120);

/// It says so to everybody. Who observes registers again with where it is.
#[test]
fn it_is_stopped_and_started() {
    let mut stage = Stage::new();
    let (mut sender, mut watcher, mut poller) = (stage.sender(), stage.watcher(), stage.poller());
    let token = watcher.client().token().to_owned();
    for round in 0..2 {
        sender.next(LONG);
        // Once with what has been pushed, once with what is perhaps on its way.
        if round == 0 {
            watcher.wait_for(sender.sent().len(), LONG);
        }
        let start = Instant::now();
        stage.gateway.stop();
        // It waits for nobody who waits for news: that would be the whole of `drain_timeout`.
        assert!(
            start.elapsed() < Duration::from_secs(25),
            "{:?}",
            start.elapsed()
        );
        // What it has said before its end still counts.
        watcher.run_for(Duration::from_millis(200));
        let why = watcher.client().coaps().wait_for_end();
        assert!(matches!(why, Closed::ByPeer), "{why:?}");
        let (since, texts) = watcher.die();
        stage.gateway.start_again();
        sender.reconnect(&stage.gateway);
        poller.reconnect(&stage.gateway);
        sender.next(LONG);
        let client = stage.gateway.client_of(&token);
        watcher = Watcher::from(client, Some(&since), texts);
    }
    stage.finish(&sender, &mut watcher, &mut poller);
}

/// It has no time to say anything. Nobody is answered, and everybody begins anew.
#[test]
fn it_is_killed_and_started() {
    let mut stage = Stage::new();
    let (mut sender, mut watcher, mut poller) = (stage.sender(), stage.watcher(), stage.poller());
    let token = watcher.client().token().to_owned();
    for _ in 0..3 {
        sender.next(LONG);
        sender.next(LONG);
        stage.gateway.kill();
        let (since, texts) = watcher.die();
        stage.gateway.start_again();
        sender.reconnect(&stage.gateway);
        poller.reconnect(&stage.gateway);
        sender.next(LONG);
        let client = stage.gateway.client_of(&token);
        watcher = Watcher::from(client, Some(&since), texts);
    }
    stage.finish(&sender, &mut watcher, &mut poller);
}
