//! How servers end.

use std::time::{Duration, Instant};

use vestibule_dtls::{Session, session::Version::Dtls12};

use super::{
    Stage,
    client::{Client, plain_request, text},
    eventually,
};

#[test]
fn requests_are_answered_before_the_end_and_every_peer_is_told() {
    let stage = Stage::new(&["127.0.0.1:0"], 2);
    let mut clients: Vec<_> = (0..6).map(|_| stage.client(Dtls12)).collect();
    for client in &mut clients {
        client.begin("hang", b"");
    }
    let begun = Instant::now();
    let notes = stage.notes.clone();
    let ending = std::thread::spawn(move || stage.end(Duration::from_secs(20)));
    for client in &mut clients {
        let answered = |client: &Client| client.session.is_closed_by_peer();
        client.until("end", answered);
        assert_eq!(text(&client.answered()).1, "the server ends");
    }
    ending.join().unwrap();
    assert!(begun.elapsed() < Duration::from_secs(10));
    assert_eq!(notes.count("closed us"), 6);
}

#[test]
fn patience_has_an_end() {
    let stage = Stage::new(&["127.0.0.1:0"], 1);
    let mut client = stage.client(Dtls12);
    client.begin("forget", b"");
    let begun = Instant::now();
    stage.end(Duration::from_millis(200));
    assert!(begun.elapsed() >= Duration::from_millis(200));
    assert!(begun.elapsed() < Duration::from_secs(10));
    client.until("end", |client| client.session.is_closed_by_peer());
}

#[test]
fn who_has_nothing_to_do_stays_for_the_others() {
    let stage = Stage::new(&["127.0.0.1:0"], 2);
    // The socket is received from by worker 0.
    let [_idle, mut client] = stage.client_of_each();
    client.begin("later", b"1000");
    let (_, associations) = stage.server.present();
    let counters = stage.counters();
    let before = counters.datagrams_out.value();
    let begun = Instant::now();
    let ending = std::thread::spawn(move || stage.end(Duration::from_secs(20)));
    client.until("end", |client| client.session.is_closed_by_peer());
    assert_eq!(text(&client.answered()).1, "later");
    ending.join().unwrap();
    assert!(
        begun.elapsed() < Duration::from_secs(3),
        "{:?}",
        begun.elapsed()
    );
    let sent = counters.datagrams_out.value() - before;
    // The acknowledgement, the answer once, and a good-bye to everybody.
    assert!(sent <= 2 + associations as u64, "{sent}");
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
        stage.end(Duration::from_secs(20));
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
    stage.end(Duration::from_secs(20));
    assert!(
        begun.elapsed() < Duration::from_secs(2),
        "{:?}",
        begun.elapsed()
    );
}

#[test]
fn patience_may_be_endless() {
    let stage = Stage::new(&["127.0.0.1:0"], 2);
    let mut client = stage.client(Dtls12);
    client.begin("later", b"200");
    let ending = std::thread::spawn(move || stage.end(Duration::MAX));
    client.until("end", |client| client.session.is_closed_by_peer());
    assert_eq!(text(&client.answered()).1, "later");
    ending.join().unwrap();
}
