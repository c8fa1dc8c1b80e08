use serde_json::{Value, json};

use super::{Client, refused, start, text};

const HELLO: &str = "Hello";

fn message() -> Value {
    json!({ "msgtype": "m.text", "body": HELLO })
}

fn create(client: &Client, asked: &Value) -> String {
    text(&client.post("createRoom", asked)["room_id"])
}

#[test]
fn a_room_has_what_was_asked_for() {
    let homeserver = start();
    let alice = Client::new(&homeserver, "alice");
    let room = create(
        &alice,
        &json!({
            "preset": "public_chat",
            "visibility": "public",
            "name": "Tea",
            "topic": "Party",
            "room_alias_name": "tea",
            "initial_state": [{ "type": "org.example", "content": { "a": 1 } }],
        }),
    );
    let state = |kind: &str| alice.get(&format!("rooms/{room}/state/{kind}"));
    assert_eq!(state("m.room.name"), json!({ "name": "Tea" }));
    assert_eq!(state("m.room.topic"), json!({ "topic": "Party" }));
    assert_eq!(state("m.room.join_rules"), json!({ "join_rule": "public" }));
    assert_eq!(
        state("m.room.canonical_alias"),
        json!({ "alias": "#tea:hs.example" })
    );
    assert_eq!(state("org.example/"), json!({ "a": 1 }));
    let events = alice.get(&format!("rooms/{room}/state"));
    let events = events.as_array().unwrap();
    assert_eq!(events[0]["room_id"], room.as_str());

    let found = alice.get("directory/room/%23tea:hs.example");
    assert_eq!(found["room_id"], room.as_str());
    let listed = Client::anonymous(&homeserver).get("publicRooms");
    assert_eq!(listed["chunk"][0]["name"], "Tea");

    let again = alice.api("POST", "createRoom", &json!({ "room_alias_name": "tea" }));
    assert_eq!(again.refusal(), refused(400, "M_ROOM_IN_USE"));
    let taken = alice.api(
        "PUT",
        "directory/room/%23tea:hs.example",
        &json!({ "room_id": room }),
    );
    assert_eq!(taken.refusal(), refused(409, "M_UNKNOWN"));
    let alias = "directory/room/%23other:hs.example";
    alice.put(alias, &json!({ "room_id": room }));
    alice.api("DELETE", alias, &json!({})).fine();
    let gone = alice.api("GET", alias, &json!({}));
    assert_eq!(gone.refusal(), refused(404, "M_NOT_FOUND"));
}

#[test]
fn those_who_are_not_invited_stay_out() {
    let homeserver = start();
    let alice = Client::new(&homeserver, "alice");
    let bob = Client::new(&homeserver, "bob");
    let room = create(&alice, &json!({}));
    let join = format!("rooms/{room}/join");
    let refusal = refused(403, "M_FORBIDDEN");
    assert_eq!(bob.api("POST", &join, &json!({})).refusal(), refusal);
    let send = format!("rooms/{room}/send/m.room.message/1");
    assert_eq!(bob.api("PUT", &send, &message()).refusal(), refusal);
    let members = format!("rooms/{room}/members");
    assert_eq!(bob.api("GET", &members, &json!({})).refusal(), refusal);

    let invite = format!("rooms/{room}/invite");
    alice.post(&invite, &json!({ "user_id": bob.user }));
    bob.post(&join, &json!({}));
    bob.put(&send, &message());
    assert_eq!(bob.get("joined_rooms"), json!({ "joined_rooms": [room] }));
    let joined = bob.get(&format!("rooms/{room}/joined_members"));
    assert_eq!(joined["joined"][&bob.user]["display_name"], "bob");
    let again = alice.api("POST", &invite, &json!({ "user_id": bob.user }));
    assert_eq!(again.refusal(), refusal);

    bob.post(&format!("rooms/{room}/leave"), &json!({}));
    bob.post(&format!("rooms/{room}/leave"), &json!({}));
    assert_eq!(bob.api("PUT", &send, &message()).refusal(), refusal);
    let left = alice.get(&format!("{members}?membership=leave"));
    assert_eq!(left["chunk"][0]["state_key"], bob.user.as_str());
    bob.post(&format!("rooms/{room}/forget"), &json!({}));
    let nowhere = alice.api("POST", "join/!nowhere:hs.example", &json!({}));
    assert_eq!(nowhere.refusal(), refused(404, "M_NOT_FOUND"));
}

#[test]
fn a_transaction_is_done_once() {
    let homeserver = start();
    let alice = Client::new(&homeserver, "alice");
    let room = homeserver.create_room(&alice.user, &[]);
    let send = format!("rooms/{room}/send/m.room.message/txn");
    let first = alice.put(&send, &message());
    assert_eq!(alice.put(&send, &message()), first);
    assert_eq!(homeserver.texts(&room), [HELLO]);
    // Another device has its own transactions.
    let other = alice.again(&homeserver);
    assert_ne!(other.put(&send, &message()), first);
    assert_eq!(homeserver.texts(&room).len(), 2);
}

#[test]
fn an_event_is_found_and_redacted() {
    let homeserver = start();
    let alice = Client::new(&homeserver, "alice");
    let room = homeserver.create_room(&alice.user, &[]);
    let id = homeserver.send_text(&room, &alice.user, HELLO).unwrap();
    let event = format!("rooms/{room}/event/{id}");
    assert_eq!(alice.get(&event)["content"]["body"], HELLO);
    let redact = format!("rooms/{room}/redact/{id}/txn");
    let done = alice.put(&redact, &json!({ "reason": "none" }));
    assert_eq!(alice.put(&redact, &json!({})), done);
    let redacted = alice.get(&event);
    assert_eq!(redacted["content"], json!({}));
    let by = &redacted["unsigned"]["redacted_because"];
    assert_eq!(by["event_id"], done["event_id"]);
    assert_eq!(by["content"]["redacts"], id.as_str());
    let unknown = alice.api("GET", &format!("rooms/{room}/event/$none"), &json!({}));
    assert_eq!(unknown.refusal(), refused(404, "M_NOT_FOUND"));
}

#[test]
fn state_is_replaced_by_its_key() {
    let homeserver = start();
    let alice = Client::new(&homeserver, "alice");
    let room = homeserver.create_room(&alice.user, &[]);
    let of = |key: &str| format!("rooms/{room}/state/org.example/{key}");
    alice.put(&of("a"), &json!({ "is": 1 }));
    alice.put(&of("b"), &json!({ "is": 2 }));
    alice.put(&of("a"), &json!({ "is": 3 }));
    assert_eq!(alice.get(&of("a"))["is"], 3);
    assert_eq!(alice.get(&of("b"))["is"], 2);
    let none = alice.api("GET", &of("c"), &json!({}));
    assert_eq!(none.refusal(), refused(404, "M_NOT_FOUND"));
    let member = format!("rooms/{room}/state/m.room.member/{}", alice.user);
    let refusal = alice.api("PUT", &member, &json!({ "membership": "ban" }));
    assert_eq!(refusal.refusal(), refused(403, "M_FORBIDDEN"));
}

#[test]
fn messages_are_read_in_both_directions() {
    let homeserver = start();
    let alice = Client::new(&homeserver, "alice");
    let room = homeserver.create_room(&alice.user, &[]);
    let here = text(&alice.get("sync")["next_batch"]);
    for number in 0..5 {
        homeserver.send_text(&room, &alice.user, &number.to_string());
    }
    let texts = |page: &Value| {
        let events = page["chunk"].as_array().unwrap().iter();
        let bodies = events.map(|event| text(&event["content"]["body"]));
        bodies.collect::<Vec<_>>().join("")
    };
    let page = |query: &str| alice.get(&format!("rooms/{room}/messages?{query}"));
    let first = page("dir=b&limit=2");
    assert_eq!(texts(&first), "43");
    let end = text(&first["end"]);
    let second = page(&format!("dir=b&limit=2&from={end}"));
    assert_eq!(texts(&second), "21");
    let end = text(&second["end"]);
    let third = page(&format!("dir=b&limit=2&from={end}&to={here}"));
    assert_eq!(texts(&third), "0");
    assert_eq!(third.get("end"), None);
    let forwards = page(&format!("dir=f&limit=3&from={here}"));
    assert_eq!(texts(&forwards), "012");
    let end = text(&forwards["end"]);
    assert_eq!(texts(&page(&format!("dir=f&from={end}"))), "34");
    let bad = alice.api("GET", &format!("rooms/{room}/messages"), &json!({}));
    assert_eq!(bad.refusal(), refused(400, "M_MISSING_PARAM"));
}

#[test]
fn large_events_are_refused() {
    let homeserver = start();
    let alice = Client::new(&homeserver, "alice");
    let room = homeserver.create_room(&alice.user, &[]);
    let send = format!("rooms/{room}/send/m.room.message/1");
    let large = json!({ "body": "x".repeat(70_000) });
    assert_eq!(
        alice.api("PUT", &send, &large).refusal(),
        refused(413, "M_TOO_LARGE")
    );
}

#[test]
fn a_room_forgets_the_oldest() {
    let homeserver = start();
    let alice = Client::new(&homeserver, "alice");
    let room = homeserver.create_room(&alice.user, &[]);
    for number in 0..crate::MAX_TIMELINE + 5 {
        homeserver.send_text(&room, &alice.user, &number.to_string());
    }
    let texts = homeserver.texts(&room);
    assert_eq!(texts.len(), crate::MAX_TIMELINE);
    assert_eq!(texts[0], "5");
    alice.get(&format!("rooms/{room}/state/m.room.create"));
}

#[test]
fn people_are_found() {
    let homeserver = start();
    let alice = Client::new(&homeserver, "alice");
    let found = alice.post("user_directory/search", &json!({ "search_term": "ali" }));
    assert_eq!(found["results"][0]["user_id"], alice.user.as_str());
}
