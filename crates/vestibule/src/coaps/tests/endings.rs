//! How servers end.

use std::time::{Duration, Instant};

use vestibule_dtls::{Session, session::Version::Dtls12};

use super::{
    PATIENCE, REPETITION, Stage,
    client::{Client, plain_request, text},
    eventually,
};

/// More than any end takes that waits for nothing.
const LONG: Duration = Duration::from_secs(600);

#[test]
fn requests_are_answered_before_the_end_and_every_peer_is_told() {
    let stage = Stage::new(&["127.0.0.1:0"], 2);
    let mut clients: Vec<_> = (0..6).map(|_| stage.client(Dtls12)).collect();
    for client in &mut clients {
        client.begin("hang", b"");
    }
    eventually("hanging", || stage.notes.count("hangs") == 6);
    let begun = Instant::now();
    let notes = stage.notes.clone();
    let ending = std::thread::spawn(move || stage.end(LONG));
    // All of them listen: an answer may be one that must be acknowledged.
    while !clients.iter().all(|it| it.session.is_closed_by_peer()) {
        assert!(begun.elapsed() < PATIENCE);
        clients.iter_mut().for_each(Client::turn);
    }
    for client in &mut clients {
        assert_eq!(text(&client.answered()).1, "the server ends");
    }
    ending.join().unwrap();
    assert_eq!(notes.count("closed us"), 6);
}

#[test]
fn patience_has_an_end() {
    let stage = Stage::new(&["127.0.0.1:0"], 1);
    let mut client = stage.client(Dtls12);
    client.begin("forget", b"");
    eventually("forgotten", || stage.notes.count("has forgotten") == 1);
    let begun = Instant::now();
    stage.end(Duration::from_millis(200));
    assert!(begun.elapsed() >= Duration::from_millis(200));
    assert!(begun.elapsed() < PATIENCE);
    client.until("end", |client| client.session.is_closed_by_peer());
}

#[test]
fn who_has_nothing_to_do_stays_for_the_others() {
    let stage = Stage::new(&["127.0.0.1:0"], 2);
    // The socket is received from by worker 0.
    let [_idle, mut client] = stage.client_of_each();
    let gate = stage.gate.clone();
    let held = gate.lock().unwrap();
    let (_, associations) = stage.server.present();
    let (counters, notes) = (stage.counters(), stage.notes.clone());
    let (before, begun) = (counters.datagrams_out.value(), Instant::now());
    client.begin("later", b"");
    eventually("accepted", || notes.count("has accepted") == 1);
    let ending = std::thread::spawn(move || stage.end(LONG));
    // So that the worker without requests has looked whether it may go.
    std::thread::sleep(Duration::from_millis(200));
    drop(held);
    client.until("end", |client| client.session.is_closed_by_peer());
    assert_eq!(text(&client.answered()).1, "later");
    ending.join().unwrap();
    let sent = counters.datagrams_out.value() - before;
    // The acknowledgement, the answer once, and a good-bye to everybody. Later, answers are repeated.
    let most = 2 + associations as u64;
    assert!(sent <= most || begun.elapsed() > REPETITION / 2, "{sent}");
}

#[test]
fn a_long_answer_that_has_begun_is_sent_to_its_end() {
    let stage = Stage::new(&["127.0.0.1:0"], 2);
    let [_idle, mut client] = stage.client_of_each();
    let body = vec![b'z'; 60 * 1024];
    assert!(client.ask("keep", &body).payload == body);
    let counters = stage.counters();
    let begun = counters.datagrams_out.value() + 3;
    let ending = std::thread::spawn(move || {
        eventually("begun", || counters.datagrams_out.value() >= begun);
        stage.end(LONG);
    });
    client.begin("kept", b"");
    client.until("answer", Client::has_answer);
    assert!(client.answered().payload == body);
    client.until("end", |client| client.session.is_closed_by_peer());
    ending.join().unwrap();
}

/// Those who are away come back and find out; with many there always is one.
#[test]
fn who_is_away_holds_up_no_end() {
    let stage = Stage::new(&["127.0.0.1:0"], 1);
    let mut client = stage.client(Dtls12);
    let counters = stage.counters();
    let before = counters.datagrams_out.value();
    client.session.send(&plain_request(1, "ping")).unwrap();
    client.flush();
    eventually("answered", || counters.datagrams_out.value() > before);
    let begun = Instant::now();
    stage.end(LONG);
    assert!(begun.elapsed() < PATIENCE, "{:?}", begun.elapsed());
}

#[test]
fn patience_may_be_endless() {
    let stage = Stage::new(&["127.0.0.1:0"], 2);
    let mut client = stage.client(Dtls12);
    let gate = stage.gate.clone();
    let held = gate.lock().unwrap();
    client.begin("later", b"");
    eventually("accepted", || stage.notes.count("has accepted") == 1);
    let ending = std::thread::spawn(move || stage.end(Duration::MAX));
    drop(held);
    client.until("end", |client| client.session.is_closed_by_peer());
    assert_eq!(text(&client.answered()).1, "later");
    ending.join().unwrap();
}
