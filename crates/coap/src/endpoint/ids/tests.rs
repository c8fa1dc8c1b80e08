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
