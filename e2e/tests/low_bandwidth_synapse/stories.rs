//! What every client does, whoever made it.

use std::thread;
use std::time::Duration;

use serde_json::{Value, json};
use vestibule_e2e::matrix::{Synapse, User, account, member, segment, unique};
use vestibule_e2e::wait_at_most;

use crate::peers::{Ask, Peer};

/// How long a message may be under way, over the worst of the paths here: what was given up is sent
/// again after a minute.
const UNDER_WAY: Duration = Duration::from_secs(180);

/// Letters that are not ASCII, one of them beyond 16 bits.
const GREETING: &str = "Grüße aus 東京 🛰";

/// From an account that is made to its logout: rooms, messages, syncs.
#[track_caller]
pub(crate) fn walk(synapse: &Synapse, peer: &dyn Peer) {
    let post = |token: Option<&str>, target: &str, body: &Value| {
        let body = Some(body);
        let answer = peer.ask(&Ask {
            method: "POST",
            target,
            token,
            body,
        });
        answer.good()
    };
    let versions = peer.ask(&Ask {
        method: "GET",
        target: "/_matrix/client/versions",
        token: None,
        body: None,
    });
    let discovery = versions.good()["org.matrix.msc3079.low_bandwidth"].take();
    assert_eq!(discovery["cbor_enum_version"], 1, "{discovery}");

    let name = unique("walker");
    let user = User::from_answer(&name, &post(None, "/4", &account(&name)));
    assert_eq!(user.id, format!("@{name}:{}", Synapse::NAME));
    let password = json!({
        "type": "m.login.password",
        "identifier": {"type": "m.id.user", "user": name},
        "password": Synapse::PASSWORD,
    });
    let session = post(None, "/_matrix/client/v3/login", &password);
    let session = User::from_answer(&name, &session);
    assert_ne!(session.token, user.token);
    let token = &*session.token;

    let room = json!({"preset": "public_chat", "topic": GREETING});
    let room = post(Some(token), "/_matrix/client/v3/createRoom", &room);
    let room = member(&room, "room_id");
    let target = format!("/9/{}/m.room.message/a%20b%2Fc", segment(&room));
    let message =
        json!({"msgtype": "m.text", "body": GREETING, "org.example.number": 9007199254740991_i64});
    let send = Ask {
        method: "PUT",
        target: &target,
        token: Some(token),
        body: Some(&message),
    };
    let event = member(&peer.ask(&send).good(), "event_id");
    // It is the same transaction.
    assert_eq!(member(&peer.ask(&send).good(), "event_id"), event);
    let target = format!(
        "/_matrix/client/v3/rooms/{}/event/{}",
        segment(&room),
        segment(&event)
    );
    let there = synapse.ask(Some(&session), "GET", &target, None).good();
    assert_eq!(there["content"], message);
    let here = peer.ask(&Ask::get(token, &target)).good();
    assert_eq!(here["content"], message);

    let first = peer.ask(&Ask::get(token, "/7?timeout=0")).good();
    assert_eq!(messages(&first, &room), [GREETING]);
    let other = synapse.register("other");
    synapse.join(&other, &room);
    synapse.send(&other, &room, "I am here, too");
    let since = member(&first, "next_batch");
    let target = format!("/_matrix/client/v3/sync?since={since}&timeout=0");
    let second = peer.ask(&Ask::get(token, &target)).good();
    assert_eq!(messages(&second, &room), ["I am here, too"]);

    post(Some(token), "/3", &json!({}));
    let target = "/_matrix/client/v3/account/whoami";
    let gone = peer.ask(&Ask::get(token, target));
    gone.expect_error("4.01", "M_UNKNOWN_TOKEN");
    let still = peer.ask(&Ask::get(&user.token, target)).good();
    assert_eq!(still["user_id"], user.id);
}

/// A sync that waits is answered when there is something.
#[track_caller]
pub(crate) fn long_poll(synapse: &Synapse, peer: &dyn Peer) {
    let (reader, writer) = (synapse.register("waiter"), synapse.register("writer"));
    let room = synapse.create_room(&writer);
    synapse.join(&reader, &room);
    let target = "/_matrix/client/v3/sync?timeout=0";
    let start = synapse.ask(Some(&reader), "GET", target, None).good();
    let target = format!(
        "/_matrix/client/v3/sync?since={}&timeout=60000&set_presence=offline",
        member(&start, "next_batch")
    );
    let answer = thread::scope(|scope| {
        let poll = scope.spawn(|| peer.ask(&Ask::get(&reader.token, &target)).good());
        // It may begin later than that, on a busy machine, and be answered at once.
        thread::sleep(Duration::from_secs(2));
        synapse.send(&writer, &room, "at last");
        poll.join().expect("an answer")
    });
    assert_eq!(messages(&answer, &room), ["at last"]);
}

/// What is said is said once, and in order.
#[track_caller]
pub(crate) fn say(synapse: &Synapse, peer: &dyn Peer) {
    let user = synapse.register("talker");
    let room = synapse.create_room(&user);
    let texts = ["first", "second", "third"];
    for text in texts {
        let target = format!("/9/{}/m.room.message/{}", segment(&room), unique("t"));
        let said = peer.ask(&Ask {
            method: "PUT",
            target: &target,
            token: Some(&user.token),
            body: Some(&json!({"msgtype": "m.text", "body": text})),
        });
        said.good();
    }
    let target = "/_matrix/client/v3/sync?timeout=0";
    let there = synapse.ask(Some(&user), "GET", target, None).good();
    assert_eq!(messages(&there, &room), texts);
}

/// Messages of another are pushed: each once, whole, in order.
#[track_caller]
pub(crate) fn observe(synapse: &Synapse, peer: &dyn Peer) {
    let heard = pushed(synapse, peer, 6);
    let (heard, said) = &heard;
    assert_eq!(heard, said);
}

/// As [`observe`], over a path where acknowledgements are lost: a client that has nothing to tell
/// repetitions by, because it takes no note of `next_batch`, may hear something twice.
#[track_caller]
pub(crate) fn observe_again(synapse: &Synapse, peer: &dyn Peer) {
    let (mut heard, said) = pushed(synapse, peer, 3);
    heard.dedup();
    assert_eq!(heard, said);
}

/// What was heard, and what was said.
#[track_caller]
fn pushed(synapse: &Synapse, peer: &dyn Peer, count: usize) -> (Vec<String>, Vec<String>) {
    let (reader, writer) = (synapse.register("reader"), synapse.register("writer"));
    let room = synapse.create_room(&writer);
    synapse.join(&reader, &room);
    let target = "/_matrix/client/v3/sync?timeout=0";
    let start = synapse.ask(Some(&reader), "GET", target, None).good();
    let since = member(&start, "next_batch");
    let watch = peer.observe(
        &reader.token,
        &format!("/_matrix/client/v3/sync?since={since}"),
    );
    wait_at_most(UNDER_WAY, "a first state", || watch.states().pop());
    let heard = || -> Vec<String> {
        let states = watch.states();
        let heard = states.iter().flat_map(|state| messages(state, &room));
        heard.collect()
    };
    let mut said = Vec::new();
    for number in 1..=count {
        // One in three needs blocks.
        let length = if number % 3 == 2 { 3000 } else { 10 };
        let text = format!("{number}: {}", "ä".repeat(length));
        synapse.send(&writer, &room, &text);
        wait_at_most(UNDER_WAY, &format!("message {number}"), || {
            heard().contains(&text).then_some(())
        });
        said.push(text);
    }
    (heard(), said)
}

/// An upload in blocks: as many keys as a new device has.
#[track_caller]
pub(crate) fn upload(synapse: &Synapse, peer: &dyn Peer) {
    const KEYS: usize = 50;
    let user = synapse.register("uploader");
    let key = |number: usize| {
        let signature = json!({&user.id: {"ed25519:DEVICE": format!("{number:086}")}});
        let key = json!({"key": format!("{number:043}"), "signatures": signature});
        (format!("signed_curve25519:{number:06}"), key)
    };
    let keys: serde_json::Map<String, Value> = (0..KEYS).map(key).collect();
    let body = json!({"one_time_keys": keys});
    assert!(body.to_string().len() > 8 << 10);
    let answer = peer.ask(&Ask {
        method: "POST",
        target: "/_matrix/client/v3/keys/upload",
        token: Some(&user.token),
        body: Some(&body),
    });
    let counts = answer.good()["one_time_key_counts"].take();
    assert_eq!(counts["signed_curve25519"], KEYS);
}

/// A sync in many blocks is the same as over HTTP.
#[track_caller]
pub(crate) fn large_sync(synapse: &Synapse, peer: &dyn Peer, messages_of_a_kilobyte: usize) {
    let user = synapse.register("returner");
    let room = synapse.create_room(&user);
    let said: Vec<String> = (0..messages_of_a_kilobyte)
        .map(|number| format!("{number:04} ").repeat(200))
        .collect();
    for text in &said {
        synapse.send(&user, &room, text);
    }
    let filter = segment(r#"{"room":{"timeline":{"limit":100}}}"#);
    let target = format!("/_matrix/client/v3/sync?timeout=0&filter={filter}");
    let here = peer.ask(&Ask::get(&user.token, &target)).good();
    assert!(here.to_string().len() > 1000 * messages_of_a_kilobyte);
    assert_eq!(messages(&here, &room), said);
    let there = synapse.ask(Some(&user), "GET", &target, None).good();
    let events = |sync: &Value| {
        let room = &sync["rooms"]["join"][&room];
        let mut events = room["timeline"]["events"].clone();
        for event in events.as_array_mut().into_iter().flatten() {
            // It counts how long ago it was.
            event["unsigned"]["age"].take();
        }
        events
    };
    assert_eq!(events(&here), events(&there));
}

/// The texts of messages in this room, in order.
fn messages(sync: &Value, room: &str) -> Vec<String> {
    let events = sync["rooms"]["join"][room]["timeline"]["events"].as_array();
    let events = events.into_iter().flatten();
    let messages = events.filter(|event| event["type"] == "m.room.message");
    let texts = messages.filter_map(|event| event["content"]["body"].as_str());
    texts.map(str::to_owned).collect()
}
