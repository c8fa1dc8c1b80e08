//! When what is sent.

use super::{observation::registered, *};
use crate::endpoint::Timing;

#[test]
fn a_long_transfer_does_not_keep_others_waiting() {
    let mut pair = Pair::new(Config::default());
    pair.client.request(pair.now, get("long")).unwrap();
    let asked = pair.asked();
    pair.server
        .respond(pair.now, asked.exchange, content(large(20_000)));
    pair.client.request(pair.now, get("short")).unwrap();
    let asked = pair.asked();
    let path = asked.options.first(OptionNumber::URI_PATH);
    assert_eq!(path, Some(&b"short"[..]));
    // Asked for after three blocks at most.
    pair.answer(asked.exchange, content("y"));
    assert_eq!(pair.answered().1.payload, "y");
    assert_eq!(pair.answered().1.payload.len(), 20_000);

    let mut pair = Pair::new(Config::default());
    pair.client.request(pair.now, get("long")).unwrap();
    let asked = pair.asked();
    let response = content(large(20_000));
    pair.server.respond(pair.now, asked.exchange, response);
    let first = pair.server.poll_transmit().unwrap();
    pair.client.handle_datagram(pair.now, &first).unwrap();
    pair.client.request(pair.now, get("short")).unwrap();
    let follow_up = pair.client.poll_transmit().unwrap();
    pair.server.handle_datagram(pair.now, &follow_up).unwrap();
    let block = pair.server.poll_transmit().unwrap();
    pair.client.handle_datagram(pair.now, &block).unwrap();
    let next = pair.client.poll_transmit().unwrap();
    let next = Message::parse(&next).unwrap();
    assert_eq!(
        next.options.first(OptionNumber::URI_PATH),
        Some(&b"short"[..])
    );
}

#[test]
fn every_timing_repeats_as_often_as_its_span_allows() {
    for (config, least) in [
        (Config::default(), 5),
        (Config::satellite(), 4),
        (Config::hf(), 4),
    ] {
        for seed in 0..50 {
            let config = Arc::new(config.clone());
            let span = Timing::clone(&config.timing);
            let mut client = Endpoint::new(config, Budget::new(0), [seed; 32]);
            let begin = Instant::now();
            let request = Request {
                deadline: Duration::from_secs(1000),
                ..get("x")
            };
            client.request(begin, request).unwrap();
            let (mut count, mut last) = (0, begin);
            let mut now = begin;
            while client.poll_event().is_none() {
                while client.poll_transmit().is_some() {
                    count += 1;
                    last = now;
                }
                // A real timer is a little late.
                now = client.poll_timeout().unwrap() + Duration::from_millis(1);
                client.handle_timeout(now);
            }
            assert!(last - begin <= MAX_TRANSMIT_SPAN + Duration::from_millis(1));
            assert!(
                now > last + Duration::from_secs(2),
                "no answer was waited for"
            );
            assert!(count >= least, "{count} with {span:?}");
        }
    }
}

#[test]
fn what_went_to_where_the_peer_was_is_sent_again_when_it_is_elsewhere() {
    let mut pair = Pair::new(Config::default());
    let request = pair
        .client
        .observe(pair.now, get("x"), Acknowledge::AtOnce)
        .unwrap();
    let asked = pair.asked();
    let observation =
        pair.server
            .respond_observed(pair.now, asked.exchange, content("first"), Assurance::None);
    pair.carry();
    assert_eq!(pair.answered().0, request);
    let state = content("second");
    let notified = pair.server.notify(pair.now, observation.unwrap(), state);
    notified.unwrap();
    let lost = pair.server.poll_transmit().unwrap();
    let begin = pair.now;
    // Meanwhile its wait has grown.
    while pair.now < begin + Duration::from_secs(10) {
        pair.now = pair.server.poll_timeout().unwrap();
        pair.server.handle_timeout(pair.now);
        while pair.server.poll_transmit().is_some() {}
    }
    pair.now += Duration::from_millis(10);
    pair.server.path_changed(pair.now);
    assert_eq!(pair.server.poll_transmit(), Some(lost.clone()));
    // Not for every datagram of one whose address changes all the time.
    pair.server
        .path_changed(pair.now + Duration::from_millis(900));
    assert_eq!(pair.server.poll_transmit(), None);
    pair.server.path_changed(pair.now + Duration::from_secs(1));
    assert_eq!(pair.server.poll_transmit(), Some(lost.clone()));
    // Its wait has begun anew.
    let timing = Config::default().timing;
    let wait = pair.server.poll_timeout().unwrap() - pair.now;
    assert!(
        wait < timing.initial * 2 + Duration::from_secs(1),
        "{wait:?}"
    );
    pair.client.handle_datagram(pair.now, &lost).unwrap();
    pair.carry();
    assert!(matches!(pair.told(), Some(Event::NotificationDelivered(_))));
    pair.client.cancel(pair.now, request);
    pair.carry();
    pair.server.path_changed(pair.now + Duration::from_secs(5));
    assert_eq!(pair.server.poll_transmit(), None);
}

/// A server with a notification that is never acknowledged, and its observation. The time is that of the notification.
pub(super) fn unheard(config: Config) -> (Pair, ObservationId) {
    let mut pair = Pair::new(config);
    let (_, observation) = registered(&mut pair, Acknowledge::AtOnce, Assurance::None);
    let state = content("unheard");
    pair.server.notify(pair.now, observation, state).unwrap();
    assert_eq!(transmitted(&mut pair), 1);
    (pair, observation)
}

pub(super) fn transmitted(pair: &mut Pair) -> usize {
    std::iter::from_fn(|| pair.server.poll_transmit()).count()
}

/// Lets the server's time pass until `end`, or until its notification is given up. When something was sent.
pub(super) fn pass(pair: &mut Pair, end: Instant) -> Vec<Instant> {
    let mut times = Vec::new();
    while let Some(next) = pair.server.poll_timeout().filter(|&next| next < end) {
        pair.now = next;
        pair.server.handle_timeout(next);
        let again = pair.server.poll_timeout();
        assert!(again.is_none_or(|at| at > next), "woken for nothing");
        times.extend(vec![pair.now; transmitted(pair)]);
        match pair.told() {
            None => {}
            Some(Event::NotificationFailed(_, Undelivered::TimedOut)) => return times,
            other => panic!("{other:?}"),
        }
    }
    pair.now = end;
    times
}

#[test]
fn in_its_last_wait_too_a_message_is_repeated_for_a_peer_that_is_elsewhere() {
    let (mut pair, _) = unheard(Config::default());
    let (begin, timing) = (pair.now, Config::default().timing);
    let seconds = Duration::from_secs;
    // The last repetition comes after 46.5 s at the latest.
    assert_eq!(pass(&mut pair, begin + seconds(48)).len(), 4);
    let changed = pair.now;
    pair.server.path_changed(changed);
    assert_eq!(transmitted(&mut pair), 1);
    // This one is lost, and others are.
    let times = pass(&mut pair, begin + seconds(1000));
    assert_eq!(times.len(), 4, "{times:?}");
    assert!(times[0] >= changed + timing.initial);
    assert!(times.is_sorted() && times[3] <= begin + MAX_TRANSMIT_SPAN);
    assert!(pair.now > times[3] + seconds(2), "no answer was waited for");
}

#[test]
fn what_the_path_before_has_taught_is_not_expected_of_another() {
    // Fast answers have made the timeout short.
    let mut pair = Pair::new(Config::default());
    let (_, observation) = registered(&mut pair, Acknowledge::AtOnce, Assurance::None);
    pair.answered();
    for _ in 0..20 {
        pair.notified(observation, &large(10));
    }
    let timing = Config::default().timing;
    assert_eq!(pair.server.path_timeout(), timing.min);
    let state = content("unheard");
    pair.server.notify(pair.now, observation, state).unwrap();
    let mut now = pair.now + Duration::from_millis(100);
    pair.server.path_changed(now);
    assert_eq!(transmitted(&mut pair), 2);
    for wait in [timing.initial, timing.initial * 2, timing.initial * 4] {
        let next = pair.server.poll_timeout().unwrap();
        assert!(next >= now + wait && next <= now + wait * 3 / 2, "{wait:?}");
        now = next;
        pair.server.handle_timeout(now);
        assert_eq!(transmitted(&mut pair), 1);
    }
}

#[test]
fn who_moves_again_within_a_second_is_sent_to_when_it_is_over() {
    let (mut pair, observation) = unheard(Config::default());
    let begin = pair.now + Duration::from_millis(10);
    let at = |millis| begin + Duration::from_millis(millis);
    for millis in [0, 500, 800] {
        pair.now = at(millis);
        pair.server.path_changed(pair.now);
        assert_eq!(transmitted(&mut pair), usize::from(millis == 0));
    }
    assert_eq!(pass(&mut pair, at(1900)), [at(1000)]);
    // There was a repetition since it has moved: that one has arrived where it is.
    pair.server.path_changed(at(2000));
    pair.server.path_changed(at(2001));
    assert_eq!(transmitted(&mut pair), 1);
    assert_eq!(pair.server.poll_timeout(), Some(at(3000)));
    pair.server.forget_observation(at(2002), observation);
    assert!(
        pair.server
            .poll_timeout()
            .is_none_or(|next| next > at(4000))
    );
    // What is sent after a change went to the right place.
    let (mut pair, _) = unheard(Config::default());
    let begin = pair.now;
    pair.server.ping(begin);
    pair.server.path_changed(begin);
    pair.server.path_changed(begin + Duration::from_millis(1));
    pair.server.ping(begin + Duration::from_millis(2));
    transmitted(&mut pair);
    let second = begin + Duration::from_secs(1);
    assert_eq!(pair.server.poll_timeout(), Some(second));
    pair.server.handle_timeout(second);
    assert_eq!(transmitted(&mut pair), 2);
}

#[test]
fn who_moves_all_the_time_is_given_up_all_the_same() {
    for config in [Config::default(), Config::satellite(), Config::hf()] {
        let (mut pair, _) = unheard(config);
        let begin = pair.now;
        let mut last = begin;
        loop {
            let before = pair.now;
            if let Some(&at) = pass(&mut pair, before + Duration::from_millis(300)).last() {
                last = at;
            }
            if pair.now < before + Duration::from_millis(300) {
                break;
            }
            pair.server.path_changed(pair.now);
            if transmitted(&mut pair) > 0 {
                last = pair.now;
            }
        }
        assert!(last <= begin + MAX_TRANSMIT_SPAN);
        assert!(pair.now <= begin + MAX_TRANSMIT_SPAN + Duration::from_secs(90));
    }
}
