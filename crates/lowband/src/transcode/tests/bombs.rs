//! Limits, and documents that are made to exhaust something.

use super::*;

const TIGHT: Limits = Limits {
    depth: 3,
    items: 4,
    string: 5,
    output: 30,
};

fn json(text: &str, limits: Limits) -> Result<Vec<u8>, Error> {
    convert(json_to_cbor, text.as_bytes(), &limits)
}

fn cbor(hex: &str, limits: Limits) -> Result<Vec<u8>, Error> {
    convert(cbor_to_json, &bytes(hex), &limits)
}

#[test]
fn depth_is_limited() {
    assert!(json("[[{}]]", TIGHT).is_ok());
    assert_eq!(json(r#"[[{"a":[]}]]"#, TIGHT), Err(error(Reason::Depth, 7)));
    assert!(cbor("8181a0", TIGHT).is_ok());
    assert_eq!(cbor("8181a10180", TIGHT), Err(error(Reason::Depth, 4)));
    assert_eq!(
        cbor("9f9f9f9fffffffff", TIGHT),
        Err(error(Reason::Depth, 3))
    );
}

const BOTH: [Limits; 2] = [Limits::REQUEST, Limits::RESPONSE];

/// As deep as it may be, and deeper.
fn depths(limits: Limits) -> [(Limits, usize); 3] {
    [limits.depth, limits.depth + 1, 10_000].map(|depth| (limits, depth))
}

#[test]
fn nesting_of_ten_thousand_is_an_error() {
    for (open, close) in [("[", "]"), ("{\"a\":", "}")] {
        for (limits, depth) in BOTH.into_iter().flat_map(depths) {
            let inner = if open == "[" { "" } else { "0" };
            let text = open.repeat(depth) + inner + &close.repeat(depth);
            let result = json(&text, limits).map(|_| ());
            let expected = match depth <= limits.depth {
                true => Ok(()),
                false => Err(error(Reason::Depth, limits.depth * open.len())),
            };
            assert_eq!(result, expected);
        }
    }
    for (open, close, inner) in [("81", "", "00"), ("9f", "ff", ""), ("a101", "", "00")] {
        for (limits, depth) in BOTH.into_iter().flat_map(depths) {
            let item = open.repeat(depth) + inner + &close.repeat(depth);
            let result = cbor(&item, limits).map(|_| ());
            let expected = match depth <= limits.depth {
                true => Ok(()),
                false => Err(error(Reason::Depth, limits.depth * open.len() / 2)),
            };
            assert_eq!(result, expected);
        }
    }
    assert_eq!(
        json(&"[".repeat(1 << 20), Limits::REQUEST),
        Err(error(Reason::Depth, 64))
    );
}

#[test]
fn many_tags_are_no_nesting() {
    let item = "d9d9f7".repeat(100_000) + "d7".repeat(100_000).as_str() + "4101";
    assert_eq!(cbor(&item, TIGHT).as_deref(), Ok(&b"\"01\""[..]));
}

#[test]
fn items_are_limited_in_what_is_open_together() {
    assert!(json("[1,[2,3]]", TIGHT).is_ok());
    assert_eq!(json("[1,[2,3,4]]", TIGHT), Err(error(Reason::Items, 8)));
    assert!(json("[[1],[2],[3],[]]", TIGHT).is_ok());
    assert_eq!(
        json("[[1],[2],[3],[4]]", TIGHT),
        Err(error(Reason::Items, 14))
    );
    assert_eq!(
        json(r#"{"a":1,"b":2,"c":3,"d":4,"e":5}"#, TIGHT),
        Err(error(Reason::Items, 25))
    );
    assert!(cbor("8201820203", TIGHT).is_ok());
    assert_eq!(cbor("820183020304", TIGHT), Err(error(Reason::Items, 2)));
    assert_eq!(
        cbor("9f019f020304ffff", TIGHT),
        Err(error(Reason::Items, 5))
    );
    assert!(cbor("84810181028103 80", TIGHT).is_ok());
    assert_eq!(
        cbor("bf2000210022002300 2400ff", TIGHT),
        Err(error(Reason::Items, 9))
    );
}

#[test]
fn claimed_lengths_are_compared_before_anything_follows() {
    for head in [
        "9affffffff",
        "9bffffffffffffffff",
        "baffffffff",
        "bb0000000100000000",
    ] {
        assert_eq!(cbor(head, Limits::RESPONSE), Err(error(Reason::Items, 0)));
        assert_eq!(
            cbor(&format!("81{head}"), Limits::RESPONSE),
            Err(error(Reason::Items, 1))
        );
    }
    for head in [
        "7affffffff",
        "7bffffffffffffffff",
        "d75affffffff",
        "c25bffffffffffffffff",
    ] {
        let offset = if head.starts_with('7') { 0 } else { 1 };
        assert_eq!(
            cbor(head, Limits::RESPONSE),
            Err(error(Reason::String, offset))
        );
    }
    assert_eq!(
        cbor("a1616142 6869", Limits::REQUEST),
        Err(error(Reason::ByteString, 3))
    );
}

#[test]
fn strings_are_limited() {
    assert!(json(r#"["12345"]"#, TIGHT).is_ok());
    assert_eq!(json(r#"["123456"]"#, TIGHT), Err(error(Reason::String, 1)));
    assert!(json(r#"{"12345":1}"#, TIGHT).is_ok());
    assert_eq!(
        json(r#"{"123456":1}"#, TIGHT),
        Err(error(Reason::String, 1))
    );
    // An escape counts as what it stands for, before and after other characters.
    assert!(json(r#"["\u00fc\n23"]"#, TIGHT).is_ok());
    assert_eq!(
        json(r#"["\u00fc\n234"]"#, TIGHT),
        Err(error(Reason::String, 1))
    );
    assert_eq!(
        json(r#"["2345\u00fc"]"#, TIGHT),
        Err(error(Reason::String, 1))
    );
    assert!(cbor("8165 3132333435", TIGHT).is_ok());
    assert_eq!(
        cbor("8166 313233343536", TIGHT),
        Err(error(Reason::String, 1))
    );
    assert!(cbor("7f 623132 63333435 ff", TIGHT).is_ok());
    assert_eq!(
        cbor("81 7f 623132 6433343536 ff", TIGHT),
        Err(error(Reason::String, 1))
    );
    assert_eq!(
        cbor("d7 5f 423132 4433343536 ff", TIGHT),
        Err(error(Reason::String, 1))
    );
    assert_eq!(
        cbor("a166313233343536 01", TIGHT),
        Err(error(Reason::String, 1))
    );
}

#[test]
fn output_is_limited_to_the_byte() {
    let limits = |output| Limits {
        output,
        ..Limits::RESPONSE
    };
    let text = r#"{"type":"m.room.message","content":{"body":"a\tb","x":[1.5,-1e2,true,{},"水"]}}"#;
    let full = json(text, Limits::RESPONSE).unwrap();
    assert!(json(text, limits(full.len())).is_ok());
    for output in 0..full.len() {
        assert_eq!(
            json(text, limits(output)).unwrap_err().reason,
            Reason::Output
        );
    }
    let item = hex(&full);
    let back = cbor(&item, Limits::RESPONSE).unwrap();
    assert!(cbor(&item, limits(back.len())).is_ok());
    for output in 0..back.len() {
        assert_eq!(
            cbor(&item, limits(output)).unwrap_err().reason,
            Reason::Output
        );
    }
}

/// A kilobyte of the shortest keys with the longest names.
#[test]
fn expansion_ends_at_the_limit() {
    let item = format!("98ff{}", "a1184800".repeat(255));
    let limits = Limits {
        output: 4096,
        ..Limits::REQUEST
    };
    assert_eq!(cbor(&item, limits).unwrap_err().reason, Reason::Output);
    assert_eq!(
        cbor(&item, Limits::REQUEST).map(|json| json.len()),
        Ok(255 * 34 + 1)
    );
    let controls = format!("7a00010000{}", "00".repeat(65_536));
    assert_eq!(
        cbor(&controls, Limits::REQUEST),
        Err(error(Reason::Output, 5 + 65_536))
    );
    assert_eq!(
        cbor(&controls, Limits::RESPONSE).map(|json| json.len()),
        Ok(6 * 65_536 + 2)
    );
}

#[test]
fn bodies_of_usual_size_are_within_the_limits() {
    let event = format!(r#"{{"body":"{}"}}"#, "x".repeat(65_000));
    assert!(json(&event, Limits::REQUEST).is_ok());
    let numbers = vec!["1"; 100_000].join(",");
    assert!(json(&format!("[{numbers}]"), Limits::RESPONSE).is_ok());
    assert_eq!(
        json(&format!("[{numbers},1]"), Limits::RESPONSE),
        Err(error(Reason::Items, 200_001))
    );
    // More items than that, in rooms one after the other.
    let room = format!("[{}]", vec!["1"; 1000].join(","));
    let rooms = vec![room.as_str(); 1000].join(",");
    assert!(json(&format!("[{rooms}]"), Limits::RESPONSE).is_ok());
}
