//! Names that are repeated.

use std::fs;
use std::time::Duration;

use super::*;

#[test]
fn of_repeated_names_in_json_the_last_one_stays() {
    for (json, cbor) in [
        (r#"{"a":1,"a":2}"#, "a1616102"),
        (r#"{"type":1,"type":2,"b":3}"#, "a20202616203"),
        (r#"{"a":[1,2,{"x":1}],"b":0,"a":{}}"#, "a26162006161a0"),
        (r#"{"a":1,"\u0061":2}"#, "a1616102"),
        (r#"{"type":1,"t\u0079pe":2}"#, "a10202"),
        (r#"{"a":{"b":1,"b":2},"a":{"b":3,"b":4}}"#, "a16161a1616204"),
        (r#"[{"a":1,"a":2,"a":3},1]"#, "82a161610301"),
        (r#"{"":1,"":2}"#, "a16002"),
    ] {
        assert_eq!(to_cbor(json).as_deref(), Ok(cbor), "{json}");
    }
}

/// An outer object knows where its members are after an inner one has become shorter, or longer.
#[test]
fn inner_objects_do_not_confuse_outer_ones() {
    let inner: Vec<_> = (0..30).map(|n| format!("\"k{n}\":{n}")).collect();
    let inner = inner.join(",");
    let json = format!(r#"{{"x":1,"y":{{{inner},{inner},"z":1}},"x":2,"y":{{{inner}}}}}"#);
    let expected = format!(r#"{{"x":2,"y":{{{inner}}}}}"#);
    assert_eq!(to_cbor(&json), to_cbor(&expected));
    let cbor = to_cbor(&expected).unwrap();
    assert_eq!(to_json(&cbor), Ok(expected));
}

/// The first and the last eight bytes and the length are all that a hash sees.
#[test]
fn names_with_the_same_hash_are_told_apart() {
    let name = |n: usize| format!("\"abcdefgh{n:05}abcdefgh\"");
    let members: Vec<_> = (0..1000).map(|n| format!("{}:{n}", name(n))).collect();
    let json = format!("{{{}}}", members.join(","));
    let cbor = to_cbor(&json).unwrap();
    assert!(cbor.starts_with("b903e8"));
    assert_eq!(to_json(&cbor).as_deref(), Ok(json.as_str()));
    let json = format!("{{{},{}:7}}", members.join(","), name(500));
    let back = to_json(&to_cbor(&json).unwrap()).unwrap();
    assert!(back.ends_with(&format!("{}:999,{}:7}}", name(999), name(500))));
    assert_eq!(back.matches(&name(500)).count(), 1);
}

#[test]
fn all_names_in_the_table_in_both_forms() {
    let mut expected = Vec::new();
    let mut item = bytes("b8d0");
    for number in 1..=104_u8 {
        let name = Keys::V1.name(number.into()).unwrap();
        item.extend([0x18, number, 0x00, 0x78, name.len() as u8]);
        item.extend(name.as_bytes());
        item.push(0x01);
        expected.push(format!("\"{name}\":1"));
    }
    assert_eq!(
        to_json(&hex(&item)),
        Ok(format!("{{{}}}", expected.join(",")))
    );
}

/// How long this thread has run. On a busy machine that is much less than the time that has passed.
fn time_run() -> Duration {
    let text = fs::read_to_string("/proc/thread-self/schedstat").unwrap();
    Duration::from_nanos(text.split(' ').next().unwrap().parse().unwrap())
}

/// However many there are, and whatever they hash to, the time is about that of sorting them.
#[test]
fn many_repeated_names_take_no_longer_than_sorting() {
    let start = time_run();
    for name in ["type", "a", "abcdefgh-abcdefgh-abcdefgh"] {
        let json = format!("{{{}\"x\":1}}", format!("\"{name}\":1,").repeat(99_999));
        assert_eq!(
            to_json(&to_cbor(&json).unwrap()),
            Ok(format!("{{\"{name}\":1,\"x\":1}}"))
        );
    }
    let mut item = bytes("ba000186a0");
    for _ in 0..50_000 {
        item.extend(bytes("0101 186902"));
    }
    assert_eq!(
        to_json(&hex(&item)).as_deref(),
        Ok(r#"{"event_id":1,"105":2}"#)
    );
    // All of the same hash, and all different.
    let members: Vec<_> = (0..100_000)
        .map(|n| format!("\"abcdefgh{n:06}abcdefgh\":1"))
        .collect();
    to_cbor(&format!("{{{}}}", members.join(","))).unwrap();
    // Many small objects inside of a large one, each with a name that is repeated.
    let members: Vec<_> = (0..49_000)
        .map(|n| format!("\"{n}\":{{\"a\":1,\"a\":2}}"))
        .collect();
    to_cbor(&format!("{{{}}}", members.join(","))).unwrap();
    let took = time_run() - start;
    assert!(took < Duration::from_secs(20), "{took:?}");
}
