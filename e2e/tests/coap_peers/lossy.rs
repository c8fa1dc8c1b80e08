//! The peers and we over a path that loses, doubles and delays datagrams: whatever is asked is
//! executed once and answered, and every state arrives, whole and in order.

use std::io::Write;
use std::thread;
use std::time::Duration;

use bytes::Bytes;
use serde_json::json;
use tempfile::NamedTempFile;
use vestibule_coap::Code;
use vestibule_coap::endpoint::Acknowledge;
use vestibule_e2e::coap::{
    AiocoapClient, AiocoapServer, CoapClient, CoapServer, Faults, LibcoapClient, LibcoapServer,
    LossyRelay, coap_request, pattern,
};

use crate::{assert_body, before_the_end, observing, quick, quick_in_blocks_of};
use vestibule_e2e::eventually;

/// As many as one can wait for: libcoap repeats after 2 to 3 s at the earliest.
const SEEDS: [u64; 3] = [1, 2, 3];

/// How long libcoap may take for a large body, or follow an observation: it repeats what is lost again
/// and again after half a minute.
const FOLLOWED: Duration = Duration::from_secs(240);

/// Runs a test with each seed, all at a time.
fn each_seed(test: impl Fn(u64) + Sync) {
    thread::scope(|scope| {
        for seed in SEEDS {
            let test = &test;
            scope.spawn(move || test(seed));
        }
    });
}

fn url(relay: &LossyRelay, path: &str) -> String {
    format!("coap://{}{path}", relay.address())
}

/// No request is without an answer, when those that are late have come, and no late block has begun
/// another one.
#[track_caller]
fn assert_nothing_is_open(server: &CoapServer) {
    eventually("nothing that is open", || {
        let footprints = server.footprints();
        let mut open = footprints.iter().map(|it| (it.exchanges, it.uploads));
        open.all(|open| open == (0, 0))
    });
}

#[test]
fn libcoap_posts_a_large_body_that_is_executed_once() {
    each_seed(|seed| {
        let server = CoapServer::start(quick());
        let relay = LossyRelay::to(server.address(), seed, Faults::TENTH);
        let body = pattern(3500);
        let mut file = NamedTempFile::new().expect("a temporary file");
        file.write_all(&body).expect("room for a body");
        let path = file.path().to_str().expect("a path in UTF-8");
        let url = url(&relay, "/echo");
        let arguments = ["-B", "200", "-m", "post", "-f", path, &url];
        let printed = LibcoapClient::start(&arguments).finish_within(FOLLOWED);
        assert_body(&printed.bodies, &body);
        assert_eq!(server.asked_once("/echo").payload, body);
        assert_nothing_is_open(&server);
    });
}

/// libcoap acknowledges a notification once only: when that is lost we repeat it in vain, give it up
/// and send the state anew, so that it may come twice. The first state it does without when a newer
/// one overtakes it.
#[test]
fn libcoap_observes_states() {
    each_seed(|seed| observing(11, |seconds| notify_libcoap(seed, seconds)));
}

fn notify_libcoap(seed: u64, seconds: &str) -> Option<()> {
    let mut config = quick();
    config.timing.retransmissions = 2;
    let server = CoapServer::start(config);
    let relay = LossyRelay::to(server.address(), seed, Faults::TENTH);
    server.publish("first");
    let path = url(&relay, "/state");
    let mut client = LibcoapClient::start(&["-s", seconds, "-B", "200", &path]);
    before_the_end(&mut client, || server.observers() == 1)?;
    let states = [
        "second".into(),
        pattern(1301),
        "fourth".into(),
        pattern(3001),
    ];
    for (at, state) in states.iter().enumerate() {
        server.publish(state.clone());
        before_the_end(&mut client, || server.deliveries() > at)?;
    }
    let printed = client.finish_within(FOLLOWED);
    let mut bodies: Vec<&str> = printed.bodies.lines().collect();
    bodies.retain(|body| !body.is_empty() && *body != "first");
    bodies.dedup();
    let lengths: Vec<usize> = bodies.iter().map(|body| body.len()).collect();
    assert_eq!(lengths, [6, 1301, 6, 3001]);
    for (body, state) in bodies.iter().zip(&states) {
        assert_body(body, state);
    }
    Some(())
}

#[test]
fn aiocoap_posts_a_large_body_that_is_executed_once() {
    each_seed(|seed| {
        let server = CoapServer::start(quick_in_blocks_of(256));
        let relay = LossyRelay::to(server.address(), seed, Faults::TENTH);
        let body = pattern(3500);
        let told = AiocoapClient::run(&json!({
            "url": url(&relay, "/echo"),
            "method": "POST",
            "payload": std::str::from_utf8(&body).expect("a body in UTF-8"),
            "format": 0,
            "timeout": 0.3,
        }));
        assert_eq!(told.len(), 1);
        assert_body(&told[0].body, &body);
        assert_eq!(server.asked_once("/echo").payload, body);
        assert_nothing_is_open(&server);
        assert!(relay.lost() > 0);
    });
}

#[test]
fn aiocoap_waits_for_slow_answers() {
    each_seed(|seed| {
        let server = CoapServer::start(quick());
        let relay = LossyRelay::to(server.address(), seed, Faults::TENTH);
        let order = json!({ "url": url(&relay, "/slow?ms=1600"), "timeout": 0.3 });
        let told = AiocoapClient::run(&order);
        assert_eq!(told[0].body, "at last");
        server.asked_once("/slow");
        assert_nothing_is_open(&server);
    });
}

/// aiocoap rejects repetitions of the last block, because it does not know the token any more: then
/// we send the state anew, so that it may come twice.
#[test]
fn aiocoap_observes_states() {
    each_seed(|seed| {
        let server = CoapServer::start(quick());
        let relay = LossyRelay::to(server.address(), seed, Faults::TENTH);
        server.publish("state 0");
        let order = json!({ "url": url(&relay, "/state"), "observe": "last", "timeout": 0.3 });
        let client = AiocoapClient::start(&order);
        client.wait_for_told(1);
        let mut states: Vec<Bytes> = vec!["state 0".into()];
        for at in 1..=8 {
            let state = match at {
                8 => "last".into(),
                _ if at % 3 == 0 => pattern(2000 + at),
                _ => format!("state {at}").into(),
            };
            server.publish(state.clone());
            states.push(state);
            // When the client has the last one it ends, and may not be there for a repetition.
            if at < 8 {
                server.wait_for_deliveries(at);
            }
        }
        let mut told = client.finish();
        let end = told.pop().and_then(|told| told.end);
        assert_eq!(end.as_deref(), Some("cancelled"));
        told.dedup_by(|next, before| next.body == before.body);
        assert_eq!(told.len(), states.len());
        for (told, state) in told.iter().zip(&states) {
            assert_body(&told.body, state);
        }
    });
}

/// libcoap's server executes a repeated block again, and takes a repeated last one for the whole
/// body: only what may be executed twice can be asked of it on such a path.
#[test]
fn libcoap_is_asked_for_a_large_body() {
    each_seed(|seed| {
        let server = LibcoapServer::start(&["-d", "10"]);
        let body = pattern(3500);
        let writer = CoapClient::to(server.address(), quick());
        let put = writer.request(coap_request(Code::PUT, "/kept", body.clone()));
        assert_eq!(put.expect("an answer").code, Code::CREATED);
        let relay = LossyRelay::to(server.address(), seed, Faults::TENTH);
        let reader = CoapClient::to(relay.address(), quick_in_blocks_of(128));
        let get = coap_request(Code::GET, "/kept", "");
        let got = reader.request(get).expect("an answer");
        assert!(got.payload == body, "{} bytes", got.payload.len());
        assert!(relay.lost() > 0);
    });
}

#[test]
fn aiocoap_executes_once_what_we_post() {
    each_seed(|seed| {
        let server = AiocoapServer::start();
        let relay = LossyRelay::to(server.address(), seed, Faults::TENTH);
        let client = CoapClient::to(relay.address(), quick_in_blocks_of(256));
        let body = pattern(3500);
        let posted = client.request(coap_request(Code::POST, "/store", body.clone()));
        let posted = posted.expect("an answer");
        assert!(posted.payload == body, "{} bytes", posted.payload.len());
        let slow = client
            .request(coap_request(Code::GET, "/slow", ""))
            .expect("an answer");
        assert_eq!(slow.payload, "at last");
        assert_eq!(server.executed(), ["POST /store 3500", "GET /slow 0"]);
        assert!(relay.lost() > 0);
    });
}

#[test]
fn we_observe_aiocoap() {
    each_seed(|seed| {
        let mut server = AiocoapServer::start();
        let relay = LossyRelay::to(server.address(), seed, Faults::TENTH);
        let client = CoapClient::to(relay.address(), quick());
        let request = coap_request(Code::GET, "/state", "");
        let (id, first) = client.observe(request, Acknowledge::AtOnce);
        assert_eq!(first.payload, "first");
        for at in 0..6 {
            let state = format!("state {at}");
            server.publish(&state);
            assert_eq!(client.notification(id).payload, state);
        }
        client.cancel(id);
        server.wait_for_line("observers 0");
        client.wait_for_silence();
    });
}
