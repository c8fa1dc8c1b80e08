//! Synapse itself, as the tests have it.

use serde_json::json;
use vestibule_e2e::matrix::Synapse;
use vestibule_e2e::try_connect;

#[test]
fn it_keeps_what_it_has_when_it_is_restarted() {
    let mut synapse = Synapse::start();
    let user = synapse.register("user");
    let room = synapse.create_room(&user);
    let event = synapse.send(&user, &room, "before");
    synapse.stop();
    assert!(try_connect(synapse.address()).is_err());
    synapse.restart();
    let path = format!("/_matrix/client/v3/rooms/{room}/event/{event}");
    let found = synapse.ask(Some(&user), "GET", &path, None).good();
    assert_eq!(found["content"]["body"], "before");
    synapse.send(&user, &room, "after");
    let denied = json!({"type": "m.login.password", "user": user.name, "password": "wrong"});
    let denied = synapse.ask(None, "POST", "/_matrix/client/v3/login", Some(&denied));
    assert_eq!(denied.status, 403);
}
