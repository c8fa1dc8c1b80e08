use serde_json::{Value, json};

use super::{Client, refused, start, text};

#[test]
fn versions_and_well_known_need_no_token() {
    let homeserver = start();
    let client = Client::anonymous(&homeserver);
    let versions = client.ask("GET", "/_matrix/client/versions", "").fine();
    assert!(
        versions["versions"]
            .as_array()
            .unwrap()
            .contains(&json!("v1.11"))
    );
    let known = client.ask("GET", "/.well-known/matrix/client", "").fine();
    assert_eq!(known["m.homeserver"]["base_url"], homeserver.base_url());
}

#[test]
fn registration_takes_a_step_that_asks_for_nothing() {
    let homeserver = start();
    let mut client = Client::anonymous(&homeserver);
    let mut asked = json!({ "username": "alice", "password": "p", "device_id": "D" });
    let first = client.api("POST", "register", &asked);
    assert_eq!(first.status, 401);
    let first = first.json();
    assert_eq!(first["flows"][0]["stages"][0], "m.login.dummy");
    asked["auth"] = json!({ "type": "m.login.dummy", "session": first["session"] });
    let registered = client.post("register", &asked);
    assert_eq!(registered["user_id"], "@alice:hs.example");
    assert_eq!(registered["device_id"], "D");
    client.token = Some(text(&registered["access_token"]));
    assert_eq!(
        client.get("account/whoami"),
        json!({ "user_id": "@alice:hs.example", "device_id": "D", "is_guest": false })
    );

    let again = client.api("POST", "register", &asked);
    assert_eq!(again.refusal(), refused(400, "M_USER_IN_USE"));
    asked["username"] = "Alice!".into();
    let bad = client.api("POST", "register", &asked);
    assert_eq!(bad.refusal(), refused(400, "M_INVALID_USERNAME"));
    asked["username"] = "bob".into();
    let used = client.api("POST", "register", &asked);
    assert_eq!(used.status, 401, "a session of registration ends with it");
    asked["auth"] = json!({ "type": "m.login.dummy" });
    asked["inhibit_login"] = true.into();
    let silent = client.post("register", &asked);
    assert_eq!(silent.get("access_token"), None);
}

#[test]
fn login_by_password() {
    let homeserver = start();
    homeserver.register("alice", "secret");
    let client = Client::anonymous(&homeserver);
    assert_eq!(client.get("login")["flows"][0]["type"], "m.login.password");
    let log_in = |asked: Value| client.api("POST", "login", &asked);
    let by = |user: &str, password: &str| {
        log_in(json!({
            "type": "m.login.password",
            "identifier": { "type": "m.id.user", "user": user },
            "password": password,
        }))
    };
    let said = by("alice", "secret").fine();
    assert_eq!(said["user_id"], "@alice:hs.example");
    assert_eq!(
        said["well_known"]["m.homeserver"]["base_url"],
        homeserver.base_url()
    );
    by("@alice:hs.example", "secret").fine();
    assert_eq!(by("alice", "x").refusal(), refused(403, "M_FORBIDDEN"));
    assert_eq!(by("bob", "secret").refusal(), refused(403, "M_FORBIDDEN"));
    log_in(json!({ "type": "m.login.password", "user": "alice", "password": "secret" })).fine();
    let other = log_in(json!({ "type": "m.login.token" }));
    assert_eq!(other.refusal(), refused(403, "M_FORBIDDEN"));
}

#[test]
fn tokens_end_with_logout() {
    let homeserver = start();
    let one = Client::new(&homeserver, "alice");
    let other = one.again(&homeserver);
    let third = one.again(&homeserver);
    one.post("logout", &json!({}));
    let gone = |client: &Client| client.api("GET", "account/whoami", &json!({})).refusal();
    assert_eq!(gone(&one), refused(401, "M_UNKNOWN_TOKEN"));
    other.post("logout/all", &json!({}));
    assert_eq!(gone(&third), refused(401, "M_UNKNOWN_TOKEN"));
    assert_eq!(
        gone(&Client::anonymous(&homeserver)),
        refused(401, "M_MISSING_TOKEN")
    );
}

#[test]
fn a_token_may_stand_in_the_query() {
    let homeserver = start();
    let alice = Client::new(&homeserver, "alice");
    let path = format!(
        "account/whoami?access_token={}",
        alice.token.as_deref().unwrap()
    );
    Client::anonymous(&homeserver).get(&path);
}

#[test]
fn a_new_login_of_a_device_ends_the_old_one() {
    let homeserver = start();
    homeserver.register("alice", "secret");
    let log_in = || {
        let mut client = Client::anonymous(&homeserver);
        let asked = json!({
            "type": "m.login.password", "user": "alice", "password": "secret", "device_id": "D",
        });
        client.token = Some(text(&client.post("login", &asked)["access_token"]));
        client
    };
    let old = log_in();
    let new = log_in();
    new.get("account/whoami");
    assert_eq!(
        old.api("GET", "account/whoami", &json!({})).refusal(),
        refused(401, "M_UNKNOWN_TOKEN")
    );
}

#[test]
fn what_belongs_to_an_account_is_kept() {
    let homeserver = start();
    let alice = Client::new(&homeserver, "alice");
    let own = format!("user/{}", alice.user);
    let filter = json!({ "room": { "timeline": { "limit": 1 } } });
    let id = alice.post(&format!("{own}/filter"), &filter);
    let id = text(&id["filter_id"]);
    assert_eq!(alice.get(&format!("{own}/filter/{id}")), filter);
    let again = alice.post(&format!("{own}/filter"), &filter);
    assert_eq!(again["filter_id"], id.as_str());

    let data = json!({ "a": 1 });
    alice.put(&format!("{own}/account_data/org.example"), &data);
    assert_eq!(alice.get(&format!("{own}/account_data/org.example")), data);
    let room = format!("{own}/rooms/!r:hs.example/account_data/org.example");
    assert_eq!(
        alice.api("GET", &room, &json!({})).refusal(),
        refused(404, "M_NOT_FOUND")
    );
    alice.put(&room, &data);
    assert_eq!(alice.get(&room), data);

    let bob = Client::new(&homeserver, "bob");
    assert_eq!(
        bob.api("GET", &format!("{own}/filter/{id}"), &json!({}))
            .refusal(),
        refused(403, "M_FORBIDDEN")
    );
    for path in ["capabilities", "pushrules/", "pushers", "voip/turnServer"] {
        alice.get(path);
    }
}

#[test]
fn profiles_and_presence() {
    let homeserver = start();
    let alice = Client::new(&homeserver, "alice");
    let bob = Client::new(&homeserver, "bob");
    let profile = format!("profile/{}", alice.user);
    assert_eq!(bob.get(&profile), json!({ "displayname": "alice" }));
    alice.put(
        &format!("{profile}/displayname"),
        &json!({ "displayname": "Alice" }),
    );
    assert_eq!(
        bob.get(&format!("{profile}/displayname")),
        json!({ "displayname": "Alice" })
    );
    assert_eq!(
        bob.api("GET", "profile/@nobody:hs.example", &json!({}))
            .refusal(),
        refused(404, "M_NOT_FOUND")
    );
    let presence = format!("presence/{}/status", alice.user);
    alice.put(&presence, &json!({ "presence": "online" }));
    assert_eq!(alice.get(&presence)["presence"], "online");
    assert_eq!(
        bob.api("GET", &presence, &json!({})).refusal(),
        refused(403, "M_FORBIDDEN")
    );
    homeserver.create_room(&alice.user, &[&bob.user]);
    assert_eq!(bob.get(&presence)["presence"], "online");
}
