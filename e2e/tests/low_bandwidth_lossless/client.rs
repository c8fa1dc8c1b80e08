//! The client is silent, or ends without a word.

use std::thread;
use std::time::{Duration, Instant};

use vestibule_coap::endpoint::Acknowledge;
use vestibule_dtls::client::Closed;
use vestibule_e2e::lowband::{Answer, Watcher, read_sync};

use crate::stage::Stage;

const LONG: Duration = Duration::from_secs(120);

/// Silent for so long that the gateway gives up what it has pushed, and keeps it. What ten minutes
/// change beside that is only for how long the gateway waits before it tries again by itself; tests
/// without sockets have that clock.
#[test]
fn it_is_silent_while_much_happens() {
    const SILENCE: Duration = Duration::from_secs(100);
    const SIGN_OF_LIFE: Duration = Duration::from_secs(6);
    const MESSAGES: u32 = 8;
    let stage = Stage::new();
    let mut watcher = stage.watcher();
    let mut expected = vec!["heard".to_owned()];
    stage.say("heard");
    watcher.wait_for(1, LONG);
    for number in 0..MESSAGES {
        let text = format!("message {number}");
        stage.say(&text);
        expected.push(text);
        thread::sleep(SILENCE / MESSAGES);
    }
    // What has come meanwhile it has not seen: its radio was off.
    watcher.client().coaps().drop_received();
    let start = Instant::now();
    while watcher.texts().len() < expected.len() {
        assert!(start.elapsed() < LONG, "{:?}", watcher.texts());
        watcher.client().coaps().ping();
        watcher.run_for(SIGN_OF_LIFE);
    }
    println!(
        "all there {:?} after the first sign of life",
        start.elapsed()
    );
    assert_eq!(watcher.texts(), expected);
}

/// Silent until the gateway repeats ever more rarely what it has pushed. When the client says that it is there, it need
/// not wait for the next repetition.
#[test]
fn it_is_silent_and_then_it_says_something() {
    const HEARD: usize = 6;
    // By then there were three repetitions, after 10 s at the latest; the fourth comes after 20 s at the earliest. That is
    // how it is when the path has shown that it is fast.
    const SILENCE: Duration = Duration::from_secs(11);
    const SOON: Duration = Duration::from_secs(6);
    let stage = Stage::new();
    let mut watcher = stage.watcher();
    for number in 0..HEARD {
        stage.say(&format!("heard {number}"));
        watcher.wait_for(number + 1, LONG);
    }
    stage.say("missed");
    thread::sleep(SILENCE);
    watcher.client().coaps().drop_received();
    let start = Instant::now();
    watcher.client().coaps().ping();
    watcher.wait_for(HEARD + 1, SOON);
    println!("there {:?} after the sign of life", start.elapsed());
    assert_eq!(watcher.texts(), stage.texts());
}

/// Silent for longer than an association lives. The last word of the gateway is that it is over; the
/// client registers with where it is.
#[test]
fn it_is_silent_until_its_association_is_gone() {
    let stage =
        Stage::with(|setup| setup.limits("idle_timeout = \"5s\"\nobserve_idle_timeout = \"6s\""));
    let mut watcher = stage.watcher();
    let token = watcher.client().token().to_owned();
    stage.say("heard");
    watcher.wait_for(1, LONG);
    for number in 0..3 {
        stage.say(&format!("message {number}"));
        thread::sleep(Duration::from_secs(3));
    }
    let why = watcher.client().coaps().wait_for_end();
    assert!(matches!(why, Closed::ByPeer), "{why:?}");
    let (since, texts) = watcher.die();
    let client = stage.gateway.client_of(&token);
    let mut watcher = Watcher::from(client, Some(&since), texts);
    watcher.wait_for(4, LONG);
    watcher.run_for(Duration::from_secs(2));
    assert_eq!(watcher.texts(), stage.texts());
}

/// Its process is killed when it has a body and has not said so, and comes again with what it had
/// written down: where it was before that body.
#[test]
fn it_dies_with_a_body_in_its_hands() {
    let stage = Stage::new();
    let token = stage.bob();
    let mut since = None;
    let mut texts = Vec::new();
    for number in 0..4 {
        let mut client = stage.gateway.client_of(&token);
        let (observation, first) = client.observe(since.as_deref(), Acknowledge::ByCaller);
        let (next_batch, new) = read_sync(&first.body);
        // What it had in its hands, and what happened while it was dead.
        assert_eq!(new.len(), if number == 0 { 0 } else { 2 }, "{new:?}");
        since = Some(next_batch);
        texts.extend(new);
        client.coaps().acknowledge(observation);
        let text = format!("message {number}");
        stage.say(&text);
        let pushed = client.coaps().notification(observation);
        // It does not come to writing it down.
        assert_eq!(read_sync(&Answer::of(&pushed).body).1, [text]);
        drop(client);
        stage.say(&format!("while it was dead, {number}"));
    }
    let client = stage.gateway.client_of(&token);
    let mut watcher = Watcher::from(client, since.as_deref(), texts);
    watcher.wait_for(8, LONG);
    watcher.run_for(Duration::from_secs(2));
    assert_eq!(watcher.texts(), stage.texts());
}
