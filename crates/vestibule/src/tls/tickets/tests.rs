use std::sync::Arc;

use super::*;

const LIFETIME: Duration = Duration::from_secs(1000);
const START: Duration = Duration::from_secs(1_000_000);
const SESSION: &[u8] = b"a session";

fn after(seconds: u64) -> Duration {
    START + Duration::from_secs(seconds)
}

fn given(keys: &[u8]) -> Keys {
    let text = keys
        .iter()
        .map(|key| format!("{key:02x}").repeat(32) + "\n");
    Keys::Given(
        Key::parse_all(text.collect::<String>().as_bytes())
            .unwrap()
            .into(),
    )
}

fn own() -> Keys {
    Keys::Own(Arc::new(OwnKeys::new(LIFETIME)))
}

fn ticketer(keys: &Keys, policy: Policy) -> Ticketer {
    Ticketer::new(keys.clone(), LIFETIME, policy)
}

fn anyone() -> Policy {
    Policy::new(None)
}

#[test]
fn a_ticket_is_good_until_its_lifetime_ends() {
    for keys in [given(&[1]), own()] {
        let ticketer = ticketer(&keys, anyone());
        let ticket = ticketer.seal(SESSION, START, START).unwrap();
        for (seconds, good) in [
            (0, true),
            (500, true),
            (1000, true),
            (1001, false),
            (9999, false),
        ] {
            let opened = ticketer.open(&ticket, after(seconds));
            assert_eq!(opened.is_some(), good, "{keys:?} after {seconds} s");
            assert!(opened.is_none_or(|(_, session)| session == SESSION));
        }
    }
}

#[test]
fn a_ticket_from_the_future_is_not_good() {
    let ticketer = ticketer(&given(&[1]), anyone());
    let ticket = ticketer
        .seal(SESSION, after(SKEW.as_secs()), after(SKEW.as_secs()))
        .unwrap();
    assert!(
        ticketer.open(&ticket, START).is_some(),
        "a clock that is ahead"
    );
    let ticket = ticketer
        .seal(
            SESSION,
            after(SKEW.as_secs() + 1),
            after(SKEW.as_secs() + 1),
        )
        .unwrap();
    assert!(ticketer.open(&ticket, START).is_none());
}

#[test]
fn no_two_tickets_are_alike_and_none_shows_its_session() {
    let ticketer = ticketer(&given(&[1]), anyone());
    let tickets = [(); 2].map(|()| ticketer.seal(SESSION, START, START).unwrap());
    assert_ne!(tickets[0], tickets[1]);
    assert_eq!(tickets[0].len(), HEADER + ISSUED + SESSION.len() + 16);
    assert_eq!(tickets[0][..1 + KEY_ID], tickets[1][..1 + KEY_ID]);
    assert_ne!(
        tickets[0][1 + KEY_ID..HEADER],
        tickets[1][1 + KEY_ID..HEADER]
    );
    assert!(
        !tickets[0]
            .windows(SESSION.len())
            .any(|window| window == SESSION)
    );
}

#[test]
fn every_bit_counts() {
    let ticketer = ticketer(&given(&[1]), anyone());
    let ticket = ticketer.seal(SESSION, START, START).unwrap();
    for bit in 0..ticket.len() * 8 {
        let mut damaged = ticket.clone();
        damaged[bit / 8] ^= 1 << (bit % 8);
        assert_eq!(ticketer.open(&damaged, START), None, "bit {bit}");
    }
    for length in 0..ticket.len() {
        assert_eq!(
            ticketer.open(&ticket[..length], START),
            None,
            "{length} bytes"
        );
    }
    let longer = [&*ticket, &[0]].concat();
    assert_eq!(ticketer.open(&longer, START), None);
}

#[test]
fn keys_of_a_file_the_first_seals_and_all_open() {
    let sealed = |keys: &[u8]| {
        ticketer(&given(keys), anyone())
            .seal(SESSION, START, START)
            .unwrap()
    };
    for (sealing, opening, good) in [
        (&[1][..], &[1][..], true),
        (&[1], &[2, 1], true),
        (&[2, 1], &[2], true),
        (&[2, 1], &[1], false),
        (&[1], &[2], false),
    ] {
        let opened = ticketer(&given(opening), anyone()).open(&sealed(sealing), START);
        assert_eq!(opened.is_some(), good, "{sealing:?} {opening:?}");
    }
}

#[test]
fn a_ticket_is_worth_nothing_where_others_are_let_in() {
    let [one, two] = [b"authority one".to_vec(), b"authority two".to_vec()];
    let policies = [
        Policy::new(None),
        Policy::new(Some((false, std::slice::from_ref(&one)))),
        Policy::new(Some((true, std::slice::from_ref(&one)))),
        Policy::new(Some((true, std::slice::from_ref(&two)))),
        Policy::new(Some((true, &[one.clone(), two.clone()]))),
    ];
    let keys = given(&[1]);
    for (i, sealing) in policies.iter().enumerate() {
        let ticket = ticketer(&keys, *sealing)
            .seal(SESSION, START, START)
            .unwrap();
        for (j, opening) in policies.iter().enumerate() {
            let opened = ticketer(&keys, *opening).open(&ticket, START);
            assert_eq!(opened.is_some(), i == j, "{i} {j}");
        }
    }
    let turned = Policy::new(Some((true, &[two, one])));
    assert_eq!(turned, policies[4], "their order does not matter");
}

#[test]
fn keys_of_our_own_change_and_live_as_long_as_their_tickets() {
    let Keys::Own(own) = own() else {
        unreachable!()
    };
    let keys = Keys::Own(Arc::clone(&own));
    let ticketer = ticketer(&keys, anyone());
    let id = |ticket: &[u8]| ticket[1..1 + KEY_ID].to_vec();
    let first = ticketer.seal(SESSION, START, START).unwrap();
    let last_of_first = ticketer.seal(SESSION, after(500), after(500)).unwrap();
    assert_eq!(id(&first), id(&last_of_first));
    let second = ticketer.seal(SESSION, after(501), after(501)).unwrap();
    assert_ne!(id(&first), id(&second));
    assert!(ticketer.open(&last_of_first, after(1500)).is_some());
    assert!(ticketer.open(&last_of_first, after(1501)).is_none());
    // A key is gone when its last ticket is.
    ticketer.seal(SESSION, after(1502), after(1502)).unwrap();
    assert_eq!(own.len(), 2);
    ticketer
        .seal(SESSION, after(100_000), after(100_000))
        .unwrap();
    assert_eq!(own.len(), 1);
}

#[test]
fn a_clock_that_is_set_back_makes_a_new_key() {
    let ticketer = ticketer(&own(), anyone());
    let id = |now| ticketer.seal(SESSION, now, now).unwrap()[1..1 + KEY_ID].to_vec();
    assert_ne!(id(after(100_000)), id(START));
}

#[test]
fn other_processes_have_other_keys() {
    let ticket = ticketer(&own(), anyone())
        .seal(SESSION, START, START)
        .unwrap();
    assert_eq!(ticketer(&own(), anyone()).open(&ticket, START), None);
}

#[test]
fn lines_of_a_key_file() {
    let key = "0123456789abcdefABCDEF0123456789".repeat(2);
    let parse = |text: &str| Key::parse_all(text.as_bytes()).map(|keys| keys.len());
    assert_eq!(parse(&key), Ok(1));
    assert_eq!(
        parse(&format!("# ours\r\n\n  {key}\r\n{key} # old\n")),
        Ok(2)
    );
    assert_eq!(parse(""), Ok(0));
    assert_eq!(parse(&format!("{key}\n{}\n", &key[1..])), Err(2));
    assert_eq!(parse(&format!("\n{key}0\n")), Err(2));
    assert_eq!(parse(&format!("\n\n{}x\n", &key[1..])), Err(3));
    assert_eq!(parse(&format!("{key} {key}")), Err(1));
}

#[test]
fn clients_are_told_a_week_at_most() {
    let hint = |lifetime| Ticketer::new(own(), lifetime, anyone()).lifetime();
    assert_eq!(hint(LIFETIME), 1000);
    assert_eq!(hint(Duration::MAX), 7 * 24 * 3600);
}

#[test]
fn keys_are_not_shown() {
    let shown = format!("{:?}", given(&[0xab]));
    assert!(!shown.contains("ab") && !shown.contains("171"), "{shown}");
}

#[test]
fn a_ticket_of_a_resumed_session_is_as_old_as_the_session() {
    let ticketer = ticketer(&given(&[1]), anyone());
    let now = now();
    let long_ago = now - Duration::from_secs(900);
    let first = ticketer.seal(SESSION, long_ago, long_ago).unwrap();
    assert_eq!(authenticated(None), None);
    assert!(ticketer.decrypt(&first).is_some());
    // A handshake that was begun meanwhile has its own.
    let resumed = authenticated(None);
    let other = ticketer.encrypt(SESSION).unwrap();
    authenticated(resumed);
    let second = ticketer.encrypt(SESSION).unwrap();
    authenticated(None);
    let later = now + Duration::from_secs(200);
    assert!(ticketer.open(&second, now).is_some());
    assert!(ticketer.open(&second, later).is_none());
    assert!(ticketer.open(&other, later).is_some());
}
