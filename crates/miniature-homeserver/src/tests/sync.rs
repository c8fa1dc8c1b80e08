use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::{Client, read, refused, start, text, until};
use crate::{Homeserver, Options};

fn bodies(synced: &Value, room: &str) -> Vec<String> {
    let events = synced["rooms"]["join"][room]["timeline"]["events"].as_array();
    let events = events.into_iter().flatten();
    events
        .filter_map(|event| Some(event["content"]["body"].as_str()?.to_owned()))
        .collect()
}

fn next(synced: &Value) -> String {
    text(&synced["next_batch"])
}

#[test]
fn the_first_sync_has_all_and_comes_at_once() {
    let homeserver = start();
    let alice = Client::new(&homeserver, "alice");
    let room = homeserver.create_room(&alice.user, &[]);
    for number in 0..12 {
        homeserver.send_text(&room, &alice.user, &number.to_string());
    }
    // Nobody waits so long for it.
    let synced = alice.get("sync?timeout=3600000");
    assert_eq!(bodies(&synced, &room).len(), 10);
    let of_room = &synced["rooms"]["join"][&room];
    assert_eq!(of_room["timeline"]["limited"], true);
    let state = of_room["state"]["events"].as_array().unwrap();
    assert!(state.iter().any(|event| event["type"] == "m.room.member"));
    assert_eq!(of_room["summary"]["m.joined_member_count"], 1);
    let before = text(&of_room["timeline"]["prev_batch"]);
    let page = alice.get(&format!(
        "rooms/{room}/messages?dir=b&limit=2&from={before}"
    ));
    assert_eq!(page["chunk"][0]["content"]["body"], "1");
}

#[test]
fn nothing_is_told_twice_and_nothing_is_left_out() {
    let homeserver = start();
    let alice = Client::new(&homeserver, "alice");
    let room = homeserver.create_room(&alice.user, &[]);
    let mut since = next(&alice.get("sync"));
    let mut got = Vec::new();
    for number in 0..50 {
        homeserver.send_text(&room, &alice.user, &number.to_string());
        if number % 3 == 0 {
            let synced = alice.get(&format!("sync?since={since}&timeout=1000"));
            got.extend(bodies(&synced, &room));
            since = next(&synced);
        }
    }
    got.extend(bodies(&alice.get(&format!("sync?since={since}")), &room));
    let expected: Vec<_> = (0..50).map(|number| number.to_string()).collect();
    assert_eq!(got, expected);
}

#[test]
fn a_poll_wakes_at_once() {
    let homeserver = start();
    let alice = Client::new(&homeserver, "alice");
    let bob = Client::new(&homeserver, "bob");
    let room = homeserver.create_room(&alice.user, &[&bob.user]);
    let since = next(&bob.get("sync"));
    // Nobody waits so long for it.
    let path = format!("/_matrix/client/v3/sync?since={since}&timeout=3600000");
    let polling = bob.send("GET", &path, "");
    until(|| homeserver.waiting() == 1 && homeserver.waiting_of(&bob.user) == 1);
    let send = format!("rooms/{room}/send/m.room.message/1");
    alice.put(&send, &json!({ "msgtype": "m.text", "body": "Hello" }));
    let synced = read(polling).fine();
    assert_eq!(bodies(&synced, &room), ["Hello"]);
    until(|| homeserver.waiting_of(&bob.user) == 0);
}

#[test]
fn a_poll_ends_with_its_time_or_its_client() {
    let homeserver = start();
    let alice = Client::new(&homeserver, "alice");
    let since = next(&alice.get("sync"));
    let begun = Instant::now();
    let synced = alice.get(&format!("sync?since={since}&timeout=80"));
    assert!(begun.elapsed() >= Duration::from_millis(80));
    assert_eq!(next(&synced), since);
    assert_eq!(synced.get("rooms"), None);

    let path = format!("/_matrix/client/v3/sync?since={since}&timeout=30000");
    let polling = alice.send("GET", &path, "");
    until(|| homeserver.waiting() == 1);
    drop(polling);
    until(|| homeserver.waiting() == 0);
}

#[test]
fn logout_ends_a_poll() {
    let homeserver = start();
    let alice = Client::new(&homeserver, "alice");
    let since = next(&alice.get("sync"));
    let path = format!("/_matrix/client/v3/sync?since={since}&timeout=30000");
    let polling = alice.send("GET", &path, "");
    until(|| homeserver.waiting() == 1);
    alice.post("logout", &json!({}));
    assert_eq!(read(polling).refusal(), refused(401, "M_UNKNOWN_TOKEN"));
}

#[test]
fn strange_tokens_are_refused() {
    let homeserver = start();
    let alice = Client::new(&homeserver, "alice");
    for since in ["", "5", "s", "x1", "s-1", "s99999"] {
        let refusal = alice.api("GET", &format!("sync?since={since}"), &json!({}));
        assert_eq!(
            refusal.refusal(),
            refused(400, "M_INVALID_PARAM"),
            "{since}"
        );
    }
}

#[test]
fn a_gap_is_told_and_its_state_with_it() {
    let homeserver = start();
    let alice = Client::new(&homeserver, "alice");
    let room = homeserver.create_room(&alice.user, &[]);
    let since = next(&alice.get("sync"));
    let name = format!("rooms/{room}/state/m.room.name");
    alice.put(&name, &json!({ "name": "Tea" }));
    for number in 0..5 {
        homeserver.send_text(&room, &alice.user, &number.to_string());
    }
    let filter = "%7B%22room%22:%7B%22timeline%22:%7B%22limit%22:2%7D%7D%7D";
    let synced = alice.get(&format!("sync?since={since}&filter={filter}"));
    assert_eq!(bodies(&synced, &room), ["3", "4"]);
    let of_room = &synced["rooms"]["join"][&room];
    assert_eq!(of_room["timeline"]["limited"], true);
    let state = of_room["state"]["events"].as_array().unwrap();
    assert_eq!(state.len(), 1);
    assert_eq!(state[0]["content"]["name"], "Tea");

    let filter = json!({ "room": { "timeline": { "limit": 1, "types": ["m.room.n*"] } } });
    let id = alice.post(&format!("user/{}/filter", alice.user), &filter);
    let id = text(&id["filter_id"]);
    let synced = alice.get(&format!("sync?since={since}&filter={id}"));
    let events = &synced["rooms"]["join"][&room]["timeline"]["events"];
    assert_eq!(events.as_array().unwrap().len(), 1);
    assert_eq!(events[0]["type"], "m.room.name");
    let unknown = alice.api("GET", "sync?filter=7", &json!({}));
    assert_eq!(unknown.refusal(), refused(400, "M_INVALID_PARAM"));
}

#[test]
fn invitations_and_departures_are_told() {
    let homeserver = start();
    let alice = Client::new(&homeserver, "alice");
    let bob = Client::new(&homeserver, "bob");
    let since = next(&bob.get("sync"));
    let room = alice.post(
        "createRoom",
        &json!({ "name": "Tea", "invite": [bob.user] }),
    );
    let room = text(&room["room_id"]);
    let synced = bob.get(&format!("sync?since={since}"));
    let shown = &synced["rooms"]["invite"][&room]["invite_state"]["events"];
    let shown = shown.as_array().unwrap();
    assert!(shown.iter().any(|event| event["content"]["name"] == "Tea"));
    assert!(
        shown
            .iter()
            .any(|event| event["content"]["membership"] == "invite")
    );

    let since = next(&synced);
    bob.post(&format!("join/{room}"), &json!({}));
    let synced = bob.get(&format!("sync?since={since}"));
    let of_room = &synced["rooms"]["join"][&room];
    assert!(of_room["timeline"]["events"].as_array().unwrap().len() > 1);

    let since = next(&synced);
    bob.post(&format!("rooms/{room}/leave"), &json!({}));
    let synced = bob.get(&format!("sync?since={since}"));
    let left = &synced["rooms"]["leave"][&room]["timeline"]["events"];
    assert_eq!(left[0]["content"]["membership"], "leave");
    let since = next(&synced);
    homeserver.send_text(&room, &alice.user, "alone");
    let synced = bob.get(&format!("sync?since={since}"));
    assert_eq!(synced.get("rooms"), None);
}

#[test]
fn typing_begins_and_ends_by_itself() {
    let homeserver = start();
    let alice = Client::new(&homeserver, "alice");
    let bob = Client::new(&homeserver, "bob");
    let room = homeserver.create_room(&alice.user, &[&bob.user]);
    let since = next(&bob.get("sync"));
    let typing = format!("rooms/{room}/typing/{}", alice.user);
    let told = |synced: &Value| {
        let events = &synced["rooms"]["join"][&room]["ephemeral"]["events"];
        events[0]["content"]["user_ids"].clone()
    };
    let types = |timeout| {
        alice.put(&typing, &json!({ "typing": true, "timeout": timeout }));
        let synced = bob.get(&format!("sync?since={since}&timeout=60000"));
        (told(&synced), next(&synced))
    };
    // A short time may be over before anybody asks.
    let [users, nobody] = [json!([alice.user]), json!([])];
    let mut times = [100, 1_000, 10_000].into_iter().map(types);
    let (_, since) = times.find(|(told, _)| *told == users).unwrap();
    let synced = bob.get(&format!("sync?since={since}&timeout=60000"));
    assert_eq!(told(&synced), nobody);
}

#[test]
fn receipts_markers_and_data_are_told() {
    let homeserver = start();
    let alice = Client::new(&homeserver, "alice");
    let bob = Client::new(&homeserver, "bob");
    let room = homeserver.create_room(&alice.user, &[&bob.user]);
    let event = homeserver.send_text(&room, &alice.user, "Hello").unwrap();
    let since = next(&alice.get("sync"));
    bob.post(&format!("rooms/{room}/receipt/m.read/{event}"), &json!({}));
    let marked = json!({ "m.fully_read": event, "m.read.private": event });
    bob.post(&format!("rooms/{room}/read_markers"), &marked);
    let synced = alice.get(&format!("sync?since={since}"));
    let of_room = &synced["rooms"]["join"][&room];
    let receipts = &of_room["ephemeral"]["events"][0]["content"][&event];
    assert!(receipts["m.read"][&bob.user]["ts"].is_u64());
    assert_eq!(receipts.get("m.read.private"), None);
    assert_eq!(of_room["account_data"]["events"], json!([]));

    let synced = bob.get(&format!("sync?since={since}"));
    let of_room = &synced["rooms"]["join"][&room];
    let marker = &of_room["account_data"]["events"][0];
    assert_eq!(marker["content"]["event_id"], event.as_str());
    let receipts = &of_room["ephemeral"]["events"][0]["content"][&event];
    assert!(receipts["m.read.private"][&bob.user]["ts"].is_u64());
}

#[test]
fn presence_is_told_to_those_who_share_a_room() {
    let homeserver = start();
    let alice = Client::new(&homeserver, "alice");
    let bob = Client::new(&homeserver, "bob");
    homeserver.create_room(&alice.user, &[&bob.user]);
    let since = next(&bob.get("sync"));
    let status = json!({ "presence": "online", "status_msg": "here" });
    alice.put(&format!("presence/{}/status", alice.user), &status);
    let synced = bob.get(&format!("sync?since={since}"));
    let event = &synced["presence"]["events"][0];
    assert_eq!(event["sender"], alice.user.as_str());
    assert_eq!(event["content"]["status_msg"], "here");
}

#[test]
fn the_sender_knows_its_transaction() {
    let homeserver = start();
    let alice = Client::new(&homeserver, "alice");
    let other = alice.again(&homeserver);
    let room = homeserver.create_room(&alice.user, &[]);
    let since = next(&alice.get("sync"));
    let send = format!("rooms/{room}/send/m.room.message/mine");
    alice.put(&send, &json!({ "body": "Hello" }));
    let told = |client: &Client| {
        let synced = client.get(&format!("sync?since={since}"));
        let events = &synced["rooms"]["join"][&room]["timeline"]["events"];
        events[0]["unsigned"]["transaction_id"].clone()
    };
    assert_eq!(told(&alice), "mine");
    assert_eq!(told(&other), Value::Null);
}

#[test]
fn all_is_kept_over_a_restart() {
    // Where nobody else listens, or connects from, while it does not.
    let bind = ([127, 0, 74, 10], 0).into();
    let options = Options {
        bind,
        ..Options::default()
    };
    let homeserver = Homeserver::start(options).unwrap();
    let alice = Client::new(&homeserver, "alice");
    let room = homeserver.create_room(&alice.user, &[]);
    homeserver.send_text(&room, &alice.user, "before");
    let since = next(&alice.get("sync"));
    let path = format!("/_matrix/client/v3/sync?since={since}&timeout=30000");
    let mut polling = alice.send("GET", &path, "");
    until(|| homeserver.waiting() == 1);
    let stopped = homeserver.stop();
    let mut rest = Vec::new();
    let _ = std::io::Read::read_to_end(&mut polling, &mut rest);
    assert_eq!(rest, b"");
    assert!(std::net::TcpStream::connect(stopped.address()).is_err());

    let homeserver = Homeserver::start_with(stopped).unwrap();
    assert_eq!(homeserver.address(), alice.address);
    assert_eq!(homeserver.waiting(), 0);
    homeserver.send_text(&room, &alice.user, "after");
    let synced = alice.get(&format!("sync?since={since}"));
    assert_eq!(bodies(&synced, &room), ["after"]);
}
