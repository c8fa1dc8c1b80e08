//! When what is sent.

use super::*;
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
