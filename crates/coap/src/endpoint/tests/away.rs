//! What a peer has missed while it was away.

use super::{
    observation::registered,
    timing::{pass, transmitted, unheard},
    *,
};
use crate::Type;

const SECOND: Duration = Duration::from_secs(1);

/// What the server sends, but for what it answers a ping with.
fn sent(pair: &mut Pair) -> Vec<Bytes> {
    let datagrams = std::iter::from_fn(|| pair.server.poll_transmit());
    let is_answer = |it: &Bytes| Message::parse(it).unwrap().header.kind == Type::Reset;
    datagrams.filter(|it| !is_answer(it)).collect()
}

/// The peer says that it is there, and acknowledges nothing. What it is sent.
fn ping(pair: &mut Pair, id: u16) -> Vec<Bytes> {
    let [high, low] = id.to_be_bytes();
    let ping = [0x40, 0, high, low];
    pair.server.handle_datagram(pair.now, &ping).unwrap();
    sent(pair)
}

fn acknowledge(pair: &mut Pair, datagram: &[u8]) -> Vec<Bytes> {
    let acknowledgement = [0x60, 0, datagram[2], datagram[3]];
    pair.server
        .handle_datagram(pair.now, &acknowledgement)
        .unwrap();
    sent(pair)
}

/// A server with so many answers that are not acknowledged.
fn unheard_answers(count: usize) -> Pair {
    let mut pair = Pair::new(Config::default());
    let ask = |pair: &mut Pair| {
        pair.client.request(pair.now, get("slow")).unwrap();
        let exchange = pair.asked().exchange;
        pair.server.accept(exchange);
        pair.carry();
        exchange
    };
    let exchanges: Vec<ExchangeId> = (0..count).map(|_| ask(&mut pair)).collect();
    for exchange in exchanges {
        let response = content("unheard");
        pair.server.respond(pair.now, exchange, response);
    }
    assert_eq!(transmitted(&mut pair), count);
    pair
}

#[test]
fn what_it_has_missed_comes_with_its_first_sign_of_life() {
    let (mut pair, _) = unheard(Config::default());
    let begin = pair.now;
    // Three repetitions: the next one is between 30 and 46.5 s.
    assert_eq!(pass(&mut pair, begin + SECOND * 25).len(), 3);
    let next = pair.server.poll_timeout().unwrap();
    let missed = ping(&mut pair, 7);
    assert_eq!(missed.len(), 1);
    assert_eq!(pair.server.poll_timeout(), Some(next));
    assert!(acknowledge(&mut pair, &missed[0]).is_empty());
    assert!(matches!(pair.told(), Some(Event::NotificationDelivered(_))));
    // For how long it was away says nothing of the path.
    assert_eq!(pair.server.path_timeout(), Config::default().timing.initial);
}

#[test]
fn what_was_sent_just_now_may_still_arrive() {
    let (mut pair, _) = unheard(Config::default());
    let begin = pair.now;
    // It may not even have got it yet.
    pair.now = begin + Duration::from_millis(1_900);
    assert!(ping(&mut pair, 1).is_empty());
    let first = pair.server.poll_timeout().unwrap();
    assert!(first >= begin + SECOND * 2);
    // It comes back just behind a repetition: if that does not arrive, the next one does not have to be waited for.
    let times = pass(&mut pair, begin + SECOND * 10);
    let last = *times.last().unwrap();
    pair.now = last + Duration::from_millis(100);
    assert!(ping(&mut pair, 2).is_empty());
    assert_eq!(pair.server.poll_timeout(), Some(last + SECOND * 2));
    assert_eq!(
        pass(&mut pair, last + SECOND * 4),
        [last + SECOND * 2],
        "then, and once"
    );
}

#[test]
fn who_is_heard_all_the_time_misses_nothing() {
    let (mut pair, _) = unheard(Config::default());
    let begin = pair.now;
    let mut times = vec![begin];
    for id in 1.. {
        let until = pair.now + Duration::from_millis(500);
        let before = pair.now;
        times.extend(pass(&mut pair, until));
        if pair.now < until {
            break;
        }
        assert!(ping(&mut pair, id).is_empty(), "{:?}", before - begin);
    }
    // The path loses: repetitions come ever more rarely, as they should.
    assert_eq!(times.len(), 5);
}

#[test]
fn who_cannot_be_reached_is_not_flooded() {
    for (config, every) in [
        (Config::default(), 3),
        (Config::default(), 10),
        (Config::satellite(), 7),
        (Config::hf(), 30),
    ] {
        let timing = config.timing;
        let (mut pair, _) = unheard(config);
        let begin = pair.now;
        let mut times = vec![begin];
        for id in 1.. {
            let until = pair.now + SECOND * every;
            times.extend(pass(&mut pair, until));
            if pair.now < until {
                break;
            }
            let at = pair.now;
            times.extend(ping(&mut pair, id).iter().map(|_| at));
        }
        let least = usize::from(timing.retransmissions);
        assert!(times.len() > least, "{times:?}");
        assert!(times.len() <= 1 + least * 2 + 2, "{times:?}");
        let last = *times.last().unwrap();
        assert!(last <= begin + MAX_TRANSMIT_SPAN);
        assert!(pair.now >= last + SECOND, "no answer was waited for");
        assert!(pair.now <= begin + MAX_TRANSMIT_SPAN + timing.max * 6);
        let gaps = times.windows(2).map(|it| it[1] - it[0]);
        assert!(gaps.min().unwrap() >= SECOND, "{times:?}");
    }
}

#[test]
fn one_message_for_each_datagram() {
    let mut pair = unheard_answers(3);
    let begin = pair.now;
    pass(&mut pair, begin + SECOND * 25);
    let first = ping(&mut pair, 1);
    assert_eq!(first.len(), 1);
    // More datagrams do not make it more, and time does not either.
    assert!(ping(&mut pair, 2).is_empty());
    assert!(ping(&mut pair, 3).is_empty());
    let again = pair.server.poll_timeout().unwrap();
    assert_eq!(again, begin + SECOND * 27);
    // Each acknowledgement is one as well, and says that there is no need to wait.
    pair.now += Duration::from_millis(100);
    let second = acknowledge(&mut pair, &first[0]);
    assert_eq!(second.len(), 1);
    let third = acknowledge(&mut pair, &second[0]);
    assert_eq!(third.len(), 1);
    assert!(acknowledge(&mut pair, &third[0]).is_empty());
    assert_eq!(pair.server.footprint().unsettled, 0);
}

#[test]
fn without_acknowledgements_one_datagram_is_worth_one_message() {
    let mut pair = unheard_answers(3);
    let begin = pair.now;
    pass(&mut pair, begin + SECOND * 22);
    assert_eq!(ping(&mut pair, 1).len(), 1);
    // The repetitions follow only after 30 s.
    assert!(pass(&mut pair, begin + SECOND * 30).is_empty());
    assert_eq!(ping(&mut pair, 2).len(), 1);
}

#[test]
fn who_is_elsewhere_as_well_gets_it_once() {
    let (mut pair, _) = unheard(Config::default());
    let begin = pair.now;
    assert_eq!(pass(&mut pair, begin + SECOND * 25).len(), 3);
    assert_eq!(ping(&mut pair, 1).len(), 1);
    pair.server.path_changed(pair.now);
    assert_eq!(transmitted(&mut pair), 0);
    // But it has all its repetitions again, and they begin soon.
    let next = pair.server.poll_timeout().unwrap();
    assert!(next >= pair.now + SECOND * 2 && next <= pair.now + SECOND * 3);
    let end = pair.now + SECOND * 200;
    assert_eq!(pass(&mut pair, end).len(), 4);
}

#[test]
fn nothing_is_sent_so_late_that_it_would_be_taken_for_new() {
    let (mut pair, _) = unheard(Config::hf());
    let begin = pair.now;
    pass(&mut pair, begin + MAX_TRANSMIT_SPAN - SECOND);
    assert_eq!(ping(&mut pair, 1).len(), 1);
    // Whatever comes then, and however late it is.
    let (mut pair, _) = unheard(Config::hf());
    let begin = pair.now;
    pass(&mut pair, begin + MAX_TRANSMIT_SPAN + SECOND);
    assert!(ping(&mut pair, 1).is_empty());
    let (mut pair, _) = unheard(Config::default());
    let times = pass(&mut pair, begin + SECOND * 15);
    let last = *times.last().unwrap();
    pair.now = last + Duration::from_millis(100);
    ping(&mut pair, 1);
    pair.now += MAX_TRANSMIT_SPAN;
    pair.server.handle_timeout(pair.now);
    assert!(sent(&mut pair).is_empty());
}

#[test]
fn a_request_of_ours_too() {
    let mut pair = Pair::new(Config::default());
    let (_, observation) = registered(&mut pair, Acknowledge::AtOnce, Assurance::None);
    pair.answered();
    pair.client.request(pair.now, get("lost")).unwrap();
    let begin = pair.now;
    while pair.now < begin + SECOND * 20 {
        while pair.client.poll_transmit().is_some() {}
        pair.now = pair.client.poll_timeout().unwrap();
        pair.client.handle_timeout(pair.now);
    }
    while pair.client.poll_transmit().is_some() {}
    pair.now += SECOND * 3;
    let news = content("news");
    pair.server.notify(pair.now, observation, news).unwrap();
    pair.carry();
    assert!(matches!(pair.told(), Some(Event::NotificationDelivered(_))));
    let asked = pair.taken();
    assert_eq!(
        asked.options.first(OptionNumber::URI_PATH),
        Some(&b"lost"[..])
    );
}
