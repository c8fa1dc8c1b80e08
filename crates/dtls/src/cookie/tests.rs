use super::*;

fn at(secrets: &mut CookieSecrets, seconds: u64) -> ([u8; 32], [u8; 32]) {
    let (current, previous) = secrets.at(Duration::from_secs(seconds));
    (*current, *previous)
}

#[test]
fn each_hour_has_its_own() {
    let mut secrets = CookieSecrets::new([7; 32]);
    let mut all = Vec::new();
    for hour in 0..5 {
        let (current, previous) = at(&mut secrets, hour * 3600);
        assert_eq!(at(&mut secrets, hour * 3600 + 3599), (current, previous));
        assert!(all.last().is_none_or(|last| *last == previous));
        assert!(!all.contains(&current) && current != previous);
        all.push(current);
    }
    assert_eq!(all[0], [7; 32]);
}

#[test]
fn clones_agree_at_any_pace() {
    let mut slow = CookieSecrets::new([7; 32]);
    let mut quick = slow.clone();
    for minute in 0..6 * 60 {
        quick.at(Duration::from_secs(minute * 60));
    }
    let end = 6 * 3600;
    assert_eq!(at(&mut slow, end), at(&mut quick, end));
    assert_eq!(at(&mut quick.clone(), end), at(&mut slow, end));
}

#[test]
fn time_does_not_go_back() {
    let mut secrets = CookieSecrets::new([7; 32]);
    let late = at(&mut secrets, 9 * 3600);
    assert_eq!(at(&mut secrets, 0), late);
}

#[test]
fn other_seeds_other_secrets() {
    let mut one = CookieSecrets::new([7; 32]);
    let mut other = CookieSecrets::new([8; 32]);
    for hour in 0..3 {
        let (a, b) = (at(&mut one, hour * 3600), at(&mut other, hour * 3600));
        assert!(a.0 != b.0 && a.1 != b.1);
    }
}

#[test]
fn secrets_are_not_shown() {
    let secrets = CookieSecrets::new([0xab; 32]);
    let shown = format!("{secrets:?}");
    assert!(!shown.contains("171") && !shown.contains("ab"), "{shown}");
}
