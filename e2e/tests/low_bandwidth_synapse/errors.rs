//! What a homeserver refuses is refused with its code and its words.

use serde_json::{Value, json};
use vestibule_e2e::matrix::{Synapse, segment, unique};

use crate::Site;
use crate::peers::{Aiocoap, Ask, Format, Libcoap, Peer, Tool};

/// 401, 403, 404 and 409.
#[track_caller]
pub(crate) fn errors(synapse: &Synapse, peer: &dyn Peer) {
    let user = synapse.register("refused");
    let ask = |method, target: &str, token, body: Option<&Value>| {
        peer.ask(&Ask {
            method,
            target,
            token,
            body,
        })
    };
    let token = Some(&*user.token);
    let whoami = "/_matrix/client/v3/account/whoami";

    ask("GET", whoami, None, None).expect_error("4.01", "M_MISSING_TOKEN");
    let wrong = ask("GET", whoami, Some("syt_nobody"), None);
    wrong.expect_error("4.01", "M_UNKNOWN_TOKEN");
    // Not a failure but a question: how this user wants to prove who it is.
    let body = json!({"username": unique("asked"), "password": Synapse::PASSWORD});
    let question = ask("POST", "/4", None, Some(&body));
    assert_eq!(question.code, "4.01");
    assert!(
        question.shown.contains("m.login.dummy"),
        "{}",
        question.shown
    );
    if !question.body.is_null() {
        assert_eq!(question.body["flows"][0]["stages"][0], "m.login.dummy");
        assert!(question.body["session"].is_string());
    }

    let password = json!({
        "type": "m.login.password",
        "identifier": {"type": "m.id.user", "user": user.name},
        "password": "not it",
    });
    let denied = ask("POST", "/1", None, Some(&password));
    denied.expect_error("4.03", "M_FORBIDDEN");
    let alias = format!("#{}:{}", unique("alias"), Synapse::NAME);
    let target = format!("/H/{}", segment(&alias));
    ask("GET", &target, token, None).expect_error("4.04", "M_NOT_FOUND");
    let nothing = "/_matrix/client/v3/there/is/nothing/here";
    ask("GET", nothing, token, None).expect_error("4.04", "M_UNRECOGNIZED");

    let room = json!({"room_id": synapse.create_room(&user)});
    ask("PUT", &target, token, Some(&room)).good();
    let taken = ask("PUT", &target, token, Some(&room));
    taken.expect_error("4.09", "M_UNKNOWN");
    assert!(taken.shown.contains("already exists"), "{}", taken.shown);

    // These do not get as far as the homeserver.
    let admin = "/_synapse/admin/v1/server_version";
    ask("GET", admin, token, None).expect_error("4.04", "M_UNRECOGNIZED");
    let admin = "/_matrix/client/v3/admin/whois/somebody";
    ask("GET", admin, token, None).expect_error("4.03", "M_FORBIDDEN");
}

/// 429, from a homeserver that allows few messages in a long time.
#[test]
fn too_many_messages() {
    let synapse = Synapse::with_settings("rc_message: {per_second: 0.005, burst_count: 5}");
    let site = Site::with(&synapse, "");
    let (server, format) = (site.dtls(), Format::Json);
    let libcoap = |tls| Libcoap {
        tls,
        server,
        format,
    };
    let aiocoap = Aiocoap {
        server: site.plain(),
    };
    let tool = Tool {
        server,
        dtls: "1.3",
    };
    let peers: [&dyn Peer; 4] = [&libcoap("openssl"), &libcoap("gnutls"), &aiocoap, &tool];
    for peer in peers {
        let user = synapse.register("talker");
        let room = synapse.create_room(&user);
        let send = || {
            let target = format!(
                "/_matrix/client/v3/rooms/{}/send/m.room.message/{}",
                segment(&room),
                unique("t")
            );
            peer.ask(&Ask {
                method: "PUT",
                target: &target,
                token: Some(&user.token),
                body: Some(&json!({"msgtype": "m.text", "body": "again"})),
            })
        };
        send().good();
        // Making the room counts as well.
        let refused = (0..5).map(|_| send()).find(|got| got.code != "2.05");
        let refused = refused.expect("a refusal");
        refused.expect_error("4.29", "M_LIMIT_EXCEEDED");
        let wait = refused.body["retry_after_ms"].as_f64();
        let wait = wait.expect("milliseconds").max(1.0);
        if let Some(max_age) = refused.max_age {
            assert_eq!(f64::from(max_age), (wait / 1000.0).ceil());
        }
    }
}
