use serde_json::{Value, json};

use super::{Client, start, text};

fn device(client: &Client) -> String {
    text(&client.get("account/whoami")["device_id"])
}

#[test]
fn keys_are_counted_found_and_given_away_once() {
    let homeserver = start();
    let alice = Client::new(&homeserver, "alice");
    let bob = Client::new(&homeserver, "bob");
    let id = device(&alice);
    let uploaded = alice.post(
        "keys/upload",
        &json!({
            "device_keys": { "device_id": id },
            "one_time_keys": {
                "signed_curve25519:A": { "key": "a" },
                "signed_curve25519:B": { "key": "b" },
            },
            "fallback_keys": { "signed_curve25519:F": { "key": "f" } },
        }),
    );
    assert_eq!(uploaded["one_time_key_counts"]["signed_curve25519"], 2);
    let synced = alice.get("sync");
    assert_eq!(synced["device_one_time_keys_count"]["signed_curve25519"], 2);
    assert_eq!(
        synced["device_unused_fallback_key_types"],
        json!(["signed_curve25519"])
    );

    let asked = json!({ "device_keys": { (alice.user.as_str()): [], "@nobody:hs.example": [] } });
    let found = bob.post("keys/query", &asked);
    assert_eq!(
        found["device_keys"],
        json!({ (alice.user.as_str()): { (id.as_str()): { "device_id": id } } })
    );
    let asked = json!({ "device_keys": { (alice.user.as_str()): ["OTHER"] } });
    let found = bob.post("keys/query", &asked);
    assert_eq!(found["device_keys"][&alice.user], json!({}));

    let claim = json!({
        "one_time_keys": { (alice.user.as_str()): { (id.as_str()): "signed_curve25519" } }
    });
    let claimed =
        || -> Value { bob.post("keys/claim", &claim)["one_time_keys"][&alice.user][&id].clone() };
    assert_eq!(claimed(), json!({ "signed_curve25519:A": { "key": "a" } }));
    assert_eq!(claimed(), json!({ "signed_curve25519:B": { "key": "b" } }));
    for _ in 0..2 {
        assert_eq!(claimed(), json!({ "signed_curve25519:F": { "key": "f" } }));
    }
}

#[test]
fn messages_to_devices_wait_until_they_have_come() {
    let homeserver = start();
    let alice = Client::new(&homeserver, "alice");
    let bob = Client::new(&homeserver, "bob");
    let begin = text(&alice.get("sync")["next_batch"]);
    let sent = json!({ "messages": { (alice.user.as_str()): { "*": { "n": 1 } } } });
    bob.put("sendToDevice/org.example/1", &sent);
    bob.put("sendToDevice/org.example/1", &sent);
    let expected = json!([
        { "type": "org.example", "sender": bob.user, "content": { "n": 1 } }
    ]);
    let first = alice.get(&format!("sync?since={begin}"));
    assert_eq!(first["to_device"]["events"], expected);
    // Asked again, as when the answer was lost.
    let again = alice.get(&format!("sync?since={begin}"));
    assert_eq!(again["to_device"]["events"], expected);
    let next = text(&again["next_batch"]);
    let empty = alice.get(&format!("sync?since={next}"));
    assert_eq!(empty.get("to_device"), None);
    let empty = alice.get(&format!("sync?since={begin}"));
    assert_eq!(empty.get("to_device"), None, "it was acknowledged");
}

#[test]
fn changed_keys_are_told_to_those_who_share_a_room() {
    let homeserver = start();
    let alice = Client::new(&homeserver, "alice");
    let bob = Client::new(&homeserver, "bob");
    let stranger = Client::new(&homeserver, "stranger");
    homeserver.create_room(&alice.user, &[&bob.user]);
    let begin = text(&bob.get("sync")["next_batch"]);
    alice.post("keys/upload", &json!({ "device_keys": {} }));
    let path = format!("sync?since={begin}");
    let synced = bob.get(&path);
    assert_eq!(synced["device_lists"]["changed"], json!([alice.user]));
    let next = text(&synced["next_batch"]);
    let changes = format!("keys/changes?from={begin}&to={next}");
    assert_eq!(bob.get(&changes)["changed"], json!([alice.user]));
    assert_eq!(stranger.get(&path).get("device_lists"), None);
    assert_eq!(stranger.get(&changes)["changed"], json!([]));
}

#[test]
fn devices_have_names() {
    let homeserver = start();
    let alice = Client::new(&homeserver, "alice");
    let path = format!("devices/{}", device(&alice));
    alice.put(&path, &json!({ "display_name": "Radio" }));
    assert_eq!(alice.get(&path)["display_name"], "Radio");
    assert_eq!(alice.get("devices")["devices"].as_array().unwrap().len(), 1);
}
