//! Each limit of observations, what happens beyond it, and that it is counted.

use super::limits::assert_overloaded;
use super::*;

#[test]
fn so_many_users_observe() {
    let mut pair = Pair::new(Limits::default());
    let user = |token| Sent {
        token: Some(token),
        ..SYNC
    };
    pair.observing(user("a"));
    let (second, ask) = pair.observing(user("b"));
    let third = pair.observe(user("c"));
    assert_overloaded(&pair.answer_to(third));
    assert_eq!(pair.exceeded(Exceeded::Observers), 1);
    assert!(pair.asks.is_empty());
    // To register again is no other user.
    let again = pair.observe(user("b"));
    pair.answer_next(200, NEWS);
    assert_eq!(pair.answer_to(again).code, Code::CONTENT);
    assert_eq!(pair.shared.present().observations, 2);
    // The earlier one has gone when the later one was delivered.
    assert_eq!(pair.gateway.observations(), 2);
    assert_eq!(pair.cancelled, [ask.id]);
    for id in [second, again] {
        pair.client.cancel(pair.now, id);
        pair.run();
    }
    let third = pair.observe(user("c"));
    pair.answer_next(200, NOTHING);
    assert_eq!(pair.answer_to(third).code, Code::CONTENT);
}

#[test]
fn with_one_more_of_a_token_the_first_one_ends() {
    let mut first = Pair::new(Limits {
        observations_per_token: 2,
        ..Limits::default()
    });
    let (_, ask) = first.observing(SYNC);
    let mut others = [(); 2].map(|()| Pair::beside(Arc::clone(&first.shared)));
    for other in &mut others {
        other.observing(SYNC);
    }
    assert_eq!(first.exceeded(Exceeded::ObservationsOfToken), 1);
    assert_eq!(first.shared.present().observations, 2);
    // It is told when it is looked at next.
    first.answer(ask.id, 200, NOTHING);
    assert_overloaded(&first.last_answer());
    assert_eq!(first.gateway.footprint(), Footprint::default());
    assert_eq!(first.shared.present().observations, 2);
    for other in &others {
        assert_eq!(other.gateway.observations(), 1);
    }
    // With another token there is room.
    let token = Some("other");
    first.observing(Sent { token, ..SYNC });
    assert_eq!(first.exceeded(Exceeded::ObservationsOfToken), 1);
    drop(others);
    assert_eq!(first.shared.present().observations, 1);
}

#[test]
fn observations_have_a_ceiling() {
    let mut one = Pair::new(Limits {
        observations: 1,
        ..Limits::default()
    });
    let mut other = Pair::beside(Arc::clone(&one.shared));
    one.observing(SYNC);
    let stranger = Sent {
        token: Some("other"),
        ..SYNC
    };
    let id = other.observe(stranger);
    assert_overloaded(&other.answer_to(id));
    assert_eq!(one.exceeded(Exceeded::Observations), 1);
    // Who is there already may come again.
    other.observing(SYNC);
    assert_eq!(one.shared.present().observations, 1);
    drop(other);
    assert_eq!(one.shared.present().observations, 0);
    drop(one);
}

#[test]
fn who_is_silent_for_too_long_observes_no_more() {
    let mut pair = Pair::new(Limits::default());
    let (_, ask) = pair.observing(SYNC);
    pair.is_deaf = true;
    pair.answer(ask.id, 200, NEWS);
    let orphan = crate::sync::Settings::default().orphan;
    pair.wait(orphan - SECOND);
    assert_eq!(pair.shared.present().observations, 1);
    assert_eq!(pair.exceeded(Exceeded::Orphan), 0);
    pair.wait(orphan);
    assert_eq!(pair.shared.present().observations, 0);
    assert_eq!(pair.exceeded(Exceeded::Orphan), 1);
}

#[test]
fn where_too_much_is_held_a_body_that_could_not_be_delivered_is_asked_for_anew() {
    for (held_bytes, is_kept) in [(NEWS.len(), true), (NEWS.len() - 1, false)] {
        let mut pair = Pair::new(Limits {
            held_bytes,
            ..Limits::default()
        });
        let (_, ask) = pair.observing(SYNC);
        pair.is_deaf = true;
        pair.answer(ask.id, 200, NEWS);
        assert_eq!(pair.shared.present().held_bytes, NEWS.len());
        pair.wait(150 * SECOND);
        pair.is_deaf = false;
        let held = pair.shared.present().held_bytes;
        let exceeded = pair.exceeded(Exceeded::HeldBytes);
        let expected = if is_kept { (NEWS.len(), 0) } else { (0, 1) };
        assert_eq!((held, exceeded), expected);
        pair.send(ROOMS);
        pair.wait(100 * SECOND);
        let is_anew = |ask: &Asking| ask.request.query.value("since") == Some("s0");
        let syncs = pair.asks.iter().position(is_anew);
        let anew = syncs.and_then(|at| pair.asks.remove(at));
        assert_eq!(anew.is_none(), is_kept);
        if let Some(anew) = anew {
            pair.answer(anew.id, 200, NEWS);
        }
        assert_eq!(json(&pair.notified()), NEWS);
    }
}
