use super::*;
use crate::{server::pieces::Pieces, wire::Hello};

/// Adds a piece of peer 1.
fn add(pieces: &mut Pieces, now: Instant, piece: &[u8]) -> Option<Vec<u8>> {
    let peeked = Hello::peek(piece).unwrap();
    pieces.add(now, path(1).remote, piece, &peeked)
}

#[test]
fn a_hello_in_pieces_is_put_together_in_any_order() {
    let whole = toy::hello(1, &[], false);
    let mut pieces = toy::pieces(&whole, 40);
    assert!(pieces.len() > 3);
    pieces.reverse();
    pieces.push(pieces[0].clone());
    let mut scene = Scene::new(true);
    let sent: Vec<_> = pieces
        .iter()
        .flat_map(|piece| scene.give(path(1), piece))
        .collect();
    assert_eq!(sent.len(), 1);
    let cookie = toy::cookie(path(1).remote);
    let second = toy::hello(1, &cookie, false);
    let datagram = toy::pieces(&second, 100).concat();
    scene.give(path(1), &datagram);
    assert_eq!(scene.server.len(), 1);
}

#[test]
fn pieces_that_overlap_are_put_together() {
    let whole = toy::hello(1, &[], false);
    let now = Instant::now();
    let mut pieces = Pieces::default();
    let piece = |from: usize, to: usize| {
        let mut record = toy::pieces(&whole, usize::MAX).remove(0);
        record.truncate(25);
        record.extend(&whole[25 + from..25 + to]);
        record[19..22].copy_from_slice(&(from as u32).to_be_bytes()[1..]);
        record[22..25].copy_from_slice(&((to - from) as u32).to_be_bytes()[1..]);
        record
    };
    let length = whole.len() - 25;
    assert_eq!(add(&mut pieces, now, &piece(0, 50)), None);
    assert_eq!(add(&mut pieces, now, &piece(100, length)), None);
    let found = add(&mut pieces, now, &piece(30, 120)).unwrap();
    assert_eq!(found[13..], whole[13..]);
}

#[test]
fn pieces_of_strangers_are_few_small_and_short_lived() {
    let mut scene = Scene::new(true);
    let whole = toy::hello(1, &[], false);
    let [first, second] = &toy::pieces(&whole, 100)[..2] else {
        panic!("two pieces");
    };
    // A flood of first pieces pushes out the older ones.
    scene.give(path(0), first);
    for n in 1..=256 {
        scene.give(path(n), first);
    }
    assert!(scene.give(path(0), second).is_empty());
    let last = toy::pieces(&whole, 100);
    let rest: Vec<_> = last[1..].concat();
    assert_eq!(scene.give(path(256), &rest).len(), 1, "the newest is whole");

    // Five seconds.
    scene.give(path(300), first);
    scene.now += Duration::from_secs(5);
    assert!(scene.give(path(300), &rest).is_empty());

    // Longer than any hello.
    let mut long = first.clone();
    long[14..17].copy_from_slice(&[0, 0x10, 1]);
    assert!(scene.give(path(301), &long).is_empty());
    // Beyond its end.
    let mut beyond = first.clone();
    beyond[14..17].copy_from_slice(&[0, 0, 50]);
    assert!(scene.give(path(302), &beyond).is_empty());
}

#[test]
fn one_address_has_two_places() {
    let now = Instant::now();
    let mut pieces = Pieces::default();
    let whole = toy::hello(1, &[], false);
    let parts = toy::pieces(&whole, 100);
    let numbered = |part: &[u8], number: u8| {
        let mut part = part.to_vec();
        part[18] = number;
        part
    };
    for number in 0..3 {
        let first = numbered(&parts[0], number);
        assert_eq!(add(&mut pieces, now, &first), None);
    }
    let mut finish = |number| {
        let rest = parts[1..].iter().map(|part| numbered(part, number));
        rest.filter_map(|part| add(&mut pieces, now, &part)).count()
    };
    assert_eq!(finish(1), 1);
    assert_eq!(finish(2), 1);
    assert_eq!(finish(0), 0, "the oldest went");
}

#[test]
fn pieces_of_two_attempts_are_not_mixed() {
    let now = Instant::now();
    let mut pieces = Pieces::default();
    let [old, new] = [1, 2].map(|attempt| toy::pieces(&toy::hello(attempt, &[], false), 50));
    assert_eq!(add(&mut pieces, now, &old[0]), None);
    assert_eq!(add(&mut pieces, now, &old[1]), None);
    assert_eq!(add(&mut pieces, now, &new[0]), None);
    let last = old.len() - 1;
    for piece in &old[2..=last] {
        assert_eq!(
            add(&mut pieces, now, piece),
            None,
            "one of the new ones is missing"
        );
    }
    let found = add(&mut pieces, now, &new[1]).unwrap();
    assert_eq!(Hello::peek(&found).unwrap().random, Some([2; 32]));
}
