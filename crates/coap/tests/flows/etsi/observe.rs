use std::time::Duration;

use vestibule_coap::endpoint::{
    Config, Event, ObservationEnd, ObservationId, RequestId, Undelivered,
};
use vestibule_coap::{BlockSize, Code, OptionNumber};

use crate::pair::{Pair, body, content, get, request, response};

const SECOND: Duration = Duration::from_secs(1);

/// An observation that has begun, with its first state.
fn observed(pair: &mut Pair) -> (RequestId, ObservationId) {
    let request = pair.observe(get("obs"));
    let asked = pair.asked();
    let observation = pair.respond_observed(&asked, content("0"));
    assert_eq!(pair.answered().payload, "0");
    pair.expect(
        r#"
        -> CON 0.01 A t01 Observe=0 Uri-Path=obs
        <- ACK 2.05 A t01 Observe=2 "0"
        "#,
    );
    (request, observation)
}

#[test]
fn td_coap_obs_01_con_notifications() {
    let mut pair = Pair::new();
    let (_, observation) = observed(&mut pair);
    for state in ["1", "2"] {
        pair.notify(observation, content(state));
        assert_eq!(pair.notified().payload, state);
        assert_eq!(pair.delivered(), observation);
    }
    pair.expect(
        r#"
        <- CON 2.05 B t01 Observe=3 "1"
        -> ACK 0.00 B
        <- CON 2.05 C t01 Observe=4 "2"
        -> ACK 0.00 C
        "#,
    );
}

/// Max-Age is the application's: it comes with each state.
#[test]
fn td_coap_obs_04_client_learns_how_long_a_state_is_fresh() {
    let mut pair = Pair::new();
    let (_, observation) = observed(&mut pair);
    let mut fresh = content("1");
    fresh.options.push_uint(OptionNumber::MAX_AGE, 3600);
    pair.notify(observation, fresh);
    let notified = pair.notified();
    assert_eq!(notified.options.uint(OptionNumber::MAX_AGE), Some(3600));
    pair.expect(
        r#"
        <- CON 2.05 B t01 Observe=3 Max-Age=3600 "1"
        -> ACK 0.00 B
        "#,
    );
}

#[test]
fn td_coap_obs_05_server_detects_that_the_client_is_off() {
    let mut pair = Pair::new();
    let (_, observation) = observed(&mut pair);
    pair.lose(&[0, 1, 2, 3, 4]);
    pair.notify(observation, content("1"));
    pair.pass(SECOND * 150);
    let Some(Event::NotificationFailed(failed, Undelivered::TimedOut)) = pair.server.poll_event()
    else {
        panic!("nothing was noticed")
    };
    assert_eq!(failed, observation);
    pair.server.forget_observation(pair.now, observation);
    assert_eq!(pair.server.footprint().observations, 0);
}

/// The client forgets without a word; the next notification tells the server.
#[test]
fn td_coap_obs_06_client_rejects_a_notification() {
    let mut pair = Pair::new();
    let (request, observation) = observed(&mut pair);
    pair.lose(&[0, 1, 2, 3, 4]);
    pair.cancel(request);
    pair.pass(SECOND * 150);
    pair.expect(&"-x CON 0.01 B t01 Observe=1 Uri-Path=obs\n".repeat(5));
    pair.notify(observation, content("1"));
    let Some(Event::ObservationEnded(ended, ObservationEnd::Reset)) = pair.server.poll_event()
    else {
        panic!("it goes on")
    };
    assert_eq!(ended, observation);
    pair.expect(
        r#"
        <- CON 2.05 C t01 Observe=3 "1"
        -> RST 0.00 C
        "#,
    );
    pair.finish();
}

fn refused(code: Code) {
    let mut pair = Pair::new();
    let (_, observation) = observed(&mut pair);
    pair.server
        .refuse_observation(pair.now, observation, response(code, "why"));
    pair.exchange();
    let Some(Event::ObservationRefused { response, .. }) = pair.client.poll_event() else {
        panic!("it goes on")
    };
    assert_eq!(response.code, code);
    pair.refused(observation);
    pair.expect(&format!(
        r#"
        <- CON {code} B t01 "why"
        -> ACK 0.00 B
        "#
    ));
    pair.finish();
}

#[test]
fn td_coap_obs_07_resource_is_deleted() {
    refused(Code::NOT_FOUND);
}

#[test]
fn td_coap_obs_08_format_changes() {
    refused(Code::INTERNAL_SERVER_ERROR);
}

/// Somebody else's change, or the observer's own: it is notified, and the request is answered.
#[test]
fn td_coap_obs_09_observed_resource_is_updated() {
    let mut pair = Pair::new();
    let (_, observation) = observed(&mut pair);
    pair.request(request(Code::PUT, "obs", "1"));
    let asked = pair.asked();
    pair.respond(&asked, response(Code::CHANGED, ""));
    assert_eq!(pair.answered().code, Code::CHANGED);
    pair.notify(observation, content("1"));
    assert_eq!(pair.notified().payload, "1");
    pair.expect(
        r#"
        -> CON 0.03 B t02 Uri-Path=obs "1"
        <- ACK 2.04 B t02
        <- CON 2.05 C t01 Observe=3 "1"
        -> ACK 0.00 C
        "#,
    );
}

#[test]
fn td_coap_obs_10_plain_get_does_not_end_an_observation() {
    let mut pair = Pair::new();
    let (_, observation) = observed(&mut pair);
    pair.request(get("obs"));
    let asked = pair.asked();
    assert_eq!(asked.observe, None);
    pair.respond(&asked, content("0"));
    pair.answered();
    pair.notify(observation, content("1"));
    assert_eq!(pair.notified().payload, "1");
    pair.expect(
        r#"
        -> CON 0.01 B t02 Uri-Path=obs
        <- ACK 2.05 B t02 "0"
        <- CON 2.05 C t01 Observe=3 "1"
        -> ACK 0.00 C
        "#,
    );
}

/// Each datagram is lost once.
#[test]
fn td_coap_obs_11_lossy_notifications() {
    for lost in 0..4 {
        let mut pair = Pair::new();
        let (_, observation) = observed(&mut pair);
        pair.lose(&[lost]);
        for state in ["1", "2"] {
            pair.notify(observation, content(state));
            pair.pass(SECOND * 20);
            assert_eq!(pair.notified().payload, state);
            assert_eq!(pair.delivered(), observation);
        }
        assert!(pair.client.poll_event().is_none());
    }
}

#[test]
fn td_coap_obs_12_client_deregisters() {
    let mut pair = Pair::new();
    let (request, observation) = observed(&mut pair);
    pair.cancel(request);
    let Some(Event::ObservationEnded(ended, ObservationEnd::Deregistered)) =
        pair.server.poll_event()
    else {
        panic!("it goes on")
    };
    assert_eq!(ended, observation);
    let asked = pair.asked();
    pair.respond(&asked, content("0"));
    pair.expect(
        r#"
        -> CON 0.01 B t01 Observe=1 Uri-Path=obs
        <- ACK 2.05 B t01 "0"
        "#,
    );
    pair.finish();
}

#[test]
fn td_coap_obs_13_large_resource() {
    let mut pair = Pair::with(
        Config {
            block_size: BlockSize::at_most(64),
            ..Config::default()
        },
        Config::default(),
    );
    pair.observe(get("obs-large"));
    let asked = pair.asked();
    let observation = pair.respond_observed(&asked, content(body(100)));
    assert_eq!(pair.answered().payload, body(100));
    pair.notify(observation, content(body(130)));
    assert_eq!(pair.notified().payload, body(130));
    assert_eq!(pair.delivered(), observation);
    pair.expect(
        "
        -> CON 0.01 A t01 Observe=0 Uri-Path=obs-large Block2=0/0/64
        <- ACK 2.05 A t01 ETag Observe=2 Block2=0/1/64 Size2=100 +64
        -> CON 0.01 B t02 Uri-Path=obs-large Block2=1/0/64
        <- ACK 2.05 B t02 ETag Block2=1/0/64 +36
        <- CON 2.05 C t01 ETag Observe=3 Block2=0/1/64 Size2=130 +64
        -> ACK 0.00 C
        -> CON 0.01 D t03 Uri-Path=obs-large Block2=1/0/64
        <- ACK 2.05 D t03 ETag Block2=1/1/64 +64
        -> CON 0.01 E t03 Uri-Path=obs-large Block2=2/0/64
        <- ACK 0.00 E
        <- CON 2.05 F t03 ETag Block2=2/0/64 +2
        -> ACK 0.00 F
        ",
    );
}

#[test]
fn td_coap_obs_14_resource_of_variable_size() {
    let mut pair = Pair::new();
    let (_, observation) = observed(&mut pair);
    for size in [2000, 10, 1024, 1025, 0, 3000] {
        pair.notify(observation, content(body(size)));
        assert_eq!(pair.notified().payload, body(size));
        assert_eq!(pair.delivered(), observation);
        assert_eq!(pair.server.footprint().snapshots, 0);
    }
}
