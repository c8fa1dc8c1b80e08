use super::*;

#[test]
fn both_ways_agree() {
    for number in 1..=104 {
        let name = Keys::V1.name(number).unwrap();
        assert_eq!(
            Keys::V1.number(name.as_bytes()).map(u64::from),
            Some(number)
        );
        assert_eq!(Keys::V1.member(number), Some(&*format!("\"{name}\":")));
    }
}

/// Rows of the proposal's table, at its beginning, at its end, and where an encoding gets longer.
#[test]
fn rows_are_where_the_proposal_has_them() {
    for (number, name) in [
        (1, "event_id"),
        (2, "type"),
        (3, "content"),
        (23, "rooms"),
        (24, "join"),
        (27, "body"),
        (28, "msgtype"),
        (72, "initial_device_display_name"),
        (92, "m.fully_read"),
        (102, "errcode"),
        (103, "error"),
        (104, "room_alias"),
    ] {
        assert_eq!(Keys::V1.name(number), Some(name));
        assert_eq!(
            Keys::V1.number(name.as_bytes()).map(u64::from),
            Some(number)
        );
    }
}

#[test]
fn other_numbers_and_names_are_not_in_the_table() {
    for number in [0, 105, 255, 256, 257, 1 << 32, u64::MAX] {
        assert_eq!(Keys::V1.name(number), None);
        assert_eq!(Keys::V1.member(number), None);
    }
    for name in [
        "",
        "t",
        "typ",
        "types",
        "Type",
        "event_ie",
        "event__id",
        "1",
        "m.fully_reae",
    ] {
        assert_eq!(Keys::V1.number(name.as_bytes()), None, "{name}");
    }
    assert_eq!(Keys::V1.number(&[0xff; 40]), None);
}

/// What differs only where the hash does not look has the slot of a name, and is not taken for it.
#[test]
fn a_slot_is_not_a_name() {
    let name = b"initial_device_display_name";
    let mut other = *name;
    other[12] = b'X';
    assert!(Digest::of(name) == Digest::of(&other));
    assert_eq!(Keys::V1.number(name), Some(72));
    assert_eq!(Keys::V1.number(&other), None);
}

#[test]
fn no_table_has_no_rows() {
    assert_eq!(Keys::None.name(1), None);
    assert_eq!(Keys::None.member(1), None);
    assert_eq!(Keys::None.number(b"event_id"), None);
}
