use std::time::Duration;

use rand::SeedableRng;

use super::*;

fn ids(seed: u8) -> (MessageIds, StdRng) {
    let mut rng = StdRng::from_seed([seed; 32]);
    (MessageIds::new(&mut rng), rng)
}

#[test]
fn nearly_all_ids_but_0_come_before_one_comes_again() {
    for seed in 0..20 {
        let (mut ids, _) = ids(seed);
        let now = Instant::now();
        let mut seen = vec![false; 1 << 16];
        let free = loop {
            match ids.next(now) {
                Ok(id) => {
                    let before = std::mem::replace(&mut seen[usize::from(id)], true);
                    assert!(id != 0 && !before, "{id}");
                }
                Err(free) => break free,
            }
        };
        assert_eq!(free, now + EXCHANGE_LIFETIME);
        let count = seen.iter().filter(|&&seen| seen).count();
        assert!(count > (1 << 16) * 15 / 16, "{count}");
        assert!(ids.next(now + EXCHANGE_LIFETIME).is_ok());
    }
}

#[test]
fn no_id_comes_again_within_its_lifetime() {
    let (mut ids, mut rng) = ids(7);
    let begin = Instant::now();
    let mut now = begin;
    let mut used: Vec<Option<Instant>> = vec![None; 1 << 16];
    for _ in 0..300_000 {
        now += Duration::from_micros(rng.random_range(0..3000));
        let id = match ids.next(now) {
            Ok(id) => id,
            Err(free) => {
                assert!(free > now);
                now = free;
                ids.next(now).unwrap()
            }
        };
        let before = used[usize::from(id)].replace(now);
        assert!(before.is_none_or(|before| before + EXCHANGE_LIFETIME <= now));
    }
    assert!(now > begin + EXCHANGE_LIFETIME * 3);
}

#[test]
fn the_first_id_is_random() {
    let first: std::collections::HashSet<u16> = (0..50)
        .map(|seed| ids(seed).0.next(Instant::now()).unwrap())
        .collect();
    assert!(first.len() > 45);
}

#[test]
fn a_reserved_id_is_left_out_for_its_lifetime() {
    let (mut ids, mut rng) = ids(3);
    let begin = Instant::now();
    let reserved: Vec<u16> = std::iter::from_fn(|| ids.reserve(begin, &mut rng)).collect();
    assert_eq!(reserved.len(), MAX_RESERVED);
    let mut different = reserved.clone();
    different.sort_unstable();
    different.dedup();
    assert_eq!(different.len(), MAX_RESERVED, "{reserved:?}");
    let round = |ids: &mut MessageIds, now| -> Vec<u16> {
        std::iter::from_fn(|| ids.next(now).ok()).collect()
    };
    let almost = begin + EXCHANGE_LIFETIME - Duration::from_millis(1);
    let first = round(&mut ids, begin);
    assert!(first.len() > (1 << 16) * 15 / 16 - MAX_RESERVED);
    assert!(!first.iter().any(|id| reserved.contains(id)));
    assert_eq!(ids.reserve(almost, &mut rng), None);
    // In the next round they are ids like others.
    let second = round(&mut ids, begin + EXCHANGE_LIFETIME);
    assert!(reserved.iter().filter(|id| second.contains(id)).count() > MAX_RESERVED / 2);
    assert!(ids.next_timeout().is_some());
    ids.forget(begin + EXCHANGE_LIFETIME);
    assert_eq!((ids.next_timeout(), ids.footprint()), (None, 0));
}

#[test]
fn what_was_sent_lately_is_not_reserved_and_much_is_left_to_guess() {
    for seed in 0..20 {
        let (mut ids, mut rng) = ids(seed);
        let begin = Instant::now();
        let mut used = std::collections::HashSet::new();
        // Whoever has us send a lot makes few ids free: then none is given.
        for count in 0.. {
            used.insert(ids.next(begin).unwrap());
            if count % 1000 > 0 {
                continue;
            }
            let mut copy = MessageIds {
                reserved: VecDeque::new(),
                ..ids
            };
            let Some(reserved) = copy.reserve(begin, &mut rng) else {
                assert!(used.len() > (1 << 15) - (1 << 13), "{}", used.len());
                break;
            };
            assert!(!used.contains(&reserved) && reserved != 0);
            assert!(used.len() <= (1 << 15) + 1000);
        }
        assert!(ids.reserve(begin + EXCHANGE_LIFETIME, &mut rng).is_some());
    }
}
