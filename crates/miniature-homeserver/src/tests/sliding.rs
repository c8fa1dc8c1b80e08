use serde_json::{Value, json};

use super::{Client, start, text, until};

const PATH: &str = "/_matrix/client/unstable/org.matrix.simplified_msc3575/sync";

fn asked() -> Value {
    json!({
        "lists": { "all": { "ranges": [[0, 20]], "timeline_limit": 2 } },
        "extensions": { "to_device": { "enabled": true } },
    })
}

#[test]
fn rooms_are_told_once_and_then_what_is_new() {
    let homeserver = start();
    let alice = Client::new(&homeserver, "alice");
    let room = homeserver.create_room(&alice.user, &[]);
    let sync = |query: &str| alice.ask("POST", &format!("{PATH}{query}"), &asked().to_string());
    let first = sync("").fine();
    assert_eq!(first["lists"]["all"]["count"], 1);
    assert_eq!(first["rooms"][&room]["initial"], true);
    assert_eq!(first["rooms"][&room]["limited"], true);
    assert!(first["rooms"][&room]["required_state"].is_array());
    let pos = text(&first["pos"]);
    let nothing = sync(&format!("?pos={pos}&timeout=10")).fine();
    assert_eq!(nothing["rooms"], json!({}));

    homeserver.send_text(&room, &alice.user, "Hello");
    let news = sync(&format!("?pos={pos}")).fine();
    let timeline = &news["rooms"][&room]["timeline"];
    assert_eq!(timeline[0]["content"]["body"], "Hello");
    assert_eq!(news["rooms"][&room].get("initial"), None);
}

#[test]
fn a_poll_wakes() {
    let homeserver = start();
    let alice = Client::new(&homeserver, "alice");
    let room = homeserver.create_room(&alice.user, &[]);
    let stable = "/_matrix/client/v4/sync";
    let first = alice.ask("POST", stable, &asked().to_string()).fine();
    let path = format!("{stable}?pos={}&timeout=30000", text(&first["pos"]));
    let polling = alice.send("POST", &path, &asked().to_string());
    until(|| homeserver.waiting() == 1);
    homeserver.send_text(&room, &alice.user, "Hello");
    let news = super::read(polling).fine();
    let timeline = &news["rooms"][&room]["timeline"];
    assert_eq!(timeline[0]["content"]["body"], "Hello");
    until(|| homeserver.waiting() == 0);
}

#[test]
fn messages_to_devices_have_their_own_token() {
    let homeserver = start();
    let alice = Client::new(&homeserver, "alice");
    let sent = json!({ "messages": { (alice.user.as_str()): { "*": { "n": 1 } } } });
    alice.put("sendToDevice/org.example/1", &sent);
    let mut asked = asked();
    let first = alice.ask("POST", PATH, &asked.to_string()).fine();
    let of = &first["extensions"]["to_device"];
    assert_eq!(of["events"][0]["content"]["n"], 1);
    asked["extensions"]["to_device"]["since"] = of["next_batch"].clone();
    let second = alice.ask("POST", PATH, &asked.to_string()).fine();
    assert_eq!(second["extensions"]["to_device"]["events"], json!([]));
}
