//! Who takes part.

use std::sync::mpsc::{Sender, channel};
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};
use vestibule_coap::{Code, OptionNumber};
use vestibule_e2e::lowband::{
    Asking, Heard, LowbandGateway, Reply, Script, StubHomeserver, SyncFeed,
};
use vestibule_e2e::wait_for;

pub(crate) const TOKEN: OptionNumber = OptionNumber(256);

/// The options of somebody who has this token.
pub(crate) const ALICE: &[(OptionNumber, &[u8])] = &[(TOKEN, b"alice-has-this-token")];

/// The same of another one.
pub(crate) const BOB: &[(OptionNumber, &[u8])] = &[(TOKEN, b"bob-has-another-one")];

pub(crate) fn get<'a>(path: &'a [&'a str], options: &'a [(OptionNumber, &'a [u8])]) -> Asking<'a> {
    Asking {
        code: Code::GET,
        path,
        options,
        payload: b"",
    }
}

pub(crate) fn post<'a>(path: &'a [&'a str], payload: &'a [u8]) -> Asking<'a> {
    Asking {
        code: Code::POST,
        path,
        options: ALICE,
        payload,
    }
}

/// That the gateway serves somebody new, and that nothing in it has failed.
#[track_caller]
pub(crate) fn assert_fine(gateway: &mut LowbandGateway) {
    let mut script = gateway.script();
    // Some gateways here give the homeserver little time.
    let versions = wait_for("an answer", || {
        let answer = script.requests(&get(&["0"], &[]));
        (answer.header.code == Code::CONTENT).then(|| answer.map())
    });
    assert!(versions["versions"].is_array(), "{versions}");
    let lines = gateway.vestibule().event_lines();
    let failed = lines.iter().find(|line| line.contains("panicked"));
    assert_eq!(failed, None);
    assert_eq!(gateway.vestibule().process().ended(), None);
}

/// That an answer is a refusal with this code and error.
#[track_caller]
pub(crate) fn assert_refused(what: &str, answer: &Heard, code: Code, errcode: &str) {
    assert_eq!(answer.header.code, code, "{what}: {answer:?}");
    assert_eq!(answer.errcode(), errcode, "{what}");
}

/// Sends a body in blocks; the answer to it, or to the block that is not taken.
#[track_caller]
pub(crate) fn upload(script: &mut Script, path: &[&str], body: &[u8]) -> Heard {
    match begin_upload(script, path, body) {
        Ok(last) => script.answer(&last),
        Err(refused) => refused,
    }
}

/// Sends a body in blocks; the token of the last one, which is not answered yet, or the answer to the
/// one that is not taken.
#[track_caller]
pub(crate) fn begin_upload(
    script: &mut Script,
    path: &[&str],
    body: &[u8],
) -> Result<Vec<u8>, Heard> {
    let blocks: Vec<_> = body.chunks(1024).collect();
    for (number, &payload) in blocks.iter().enumerate() {
        let more = number + 1 < blocks.len();
        let token = send_block(script, path, number, more, payload);
        if !more {
            return Ok(token);
        }
        let answer = script.answer(&token);
        if answer.header.code != Code::CONTINUE {
            return Err(answer);
        }
    }
    panic!("a body of nothing")
}

/// Sends a block of 1,024 bytes, or the last one; its token.
pub(crate) fn send_block(
    script: &mut Script,
    path: &[&str],
    number: usize,
    more: bool,
    payload: &[u8],
) -> Vec<u8> {
    let block =
        (u32::try_from(number).expect("few blocks") << 4 | u32::from(more) << 3 | 6).to_be_bytes();
    let options = [
        ALICE[0],
        (OptionNumber::CONTENT_FORMAT, &[60][..]),
        (OptionNumber::BLOCK1, &block[1..]),
    ];
    script.begins(&Asking {
        code: Code::POST,
        path,
        options: &options,
        payload,
    })
}

/// What the homeserver was asked last.
#[track_caller]
pub(crate) fn last_target(homeserver: &StubHomeserver) -> String {
    let asked = homeserver.asked();
    asked.last().expect("a request").target.clone()
}

/// Whether a value is `{}`.
pub(crate) fn is_empty(value: &Value) -> bool {
    value.as_object().is_some_and(serde_json::Map::is_empty)
}

/// What is at a homeserver stays there until this is gone.
pub(crate) struct Held(#[allow(dead_code)] Sender<()>);

/// A homeserver that answers `/joined_rooms` when it may, and all else by 200 and `{}`.
pub(crate) fn holding() -> (StubHomeserver, Held) {
    let (release, released) = channel();
    let released = Arc::new(Mutex::new(released));
    let homeserver = StubHomeserver::start(move |asked| {
        if asked.path().ends_with("/joined_rooms") {
            // Until the sender is gone.
            let _ = released.lock().map(|released| released.recv());
        }
        let is_versions = asked.path() == "/_matrix/client/versions";
        (!is_versions).then(|| Reply::json(200, &json!({})))
    });
    (homeserver, Held(release))
}

/// A homeserver that waits with syncs as it is asked to, until there is something in the feed.
pub(crate) fn feeding() -> (StubHomeserver, Arc<SyncFeed>) {
    let feed = SyncFeed::new();
    (StubHomeserver::feeding(&feed), feed)
}

/// A gateway with these limits.
pub(crate) fn limited(homeserver: &StubHomeserver, limits: &str) -> LowbandGateway {
    let setup = LowbandGateway::setup(homeserver.address());
    setup.limits(limits).start()
}

/// It is refused for now, with a time after which to ask again, and counted once.
#[track_caller]
pub(crate) fn assert_overloaded(gateway: &LowbandGateway, answer: &Heard, limit: &str) {
    assert_refused(limit, answer, Code::SERVICE_UNAVAILABLE, "M_UNKNOWN");
    assert_eq!(
        answer.options.uint(OptionNumber::MAX_AGE),
        Some(5),
        "{limit}"
    );
    assert_counted(gateway, limit, 1);
}

#[track_caller]
pub(crate) fn assert_counted(gateway: &LowbandGateway, limit: &str, count: u64) {
    let counted = gateway.count("limit_exceeded", &[("limit", limit)]);
    assert_eq!(counted, count, "{limit}");
}

/// How often CoAP has refused something before the homeserver could be asked, or has let it give way, for
/// this reason.
#[track_caller]
pub(crate) fn limited_by(gateway: &LowbandGateway, reason: &str) -> u64 {
    let metrics = gateway.metrics();
    metrics.sum("vestibule_coap_limited_total", &[("reason", reason)])
}
