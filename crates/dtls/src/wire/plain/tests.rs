use super::*;
use crate::wire::{Kind, records};

#[test]
fn the_sequence_number_carries() {
    for (before, after) in [
        (0, 1),
        (0xff, 0x100),
        (0xff_ffff, 0x100_0000),
        (0xffff_ffff_ffff, 0),
    ] {
        let mut record = fatal_alert(40, before);
        bump_epoch0(&mut record);
        assert_eq!(record, fatal_alert(40, after));
    }
}

#[test]
fn only_records_of_epoch_0_are_bumped() {
    let plain = fatal_alert(40, 7);
    let mut other_epoch = plain;
    other_epoch[4] = 1;
    let mut with_id = plain;
    with_id[0] = 25;
    let mut unified = plain;
    unified[0] = 0b0010_1110;
    for record in [&other_epoch[..], &with_id, &unified, &plain[..12], &[]] {
        let mut bumped = record.to_vec();
        bump_epoch0(&mut bumped);
        assert_eq!(bumped, record);
    }
}

#[test]
fn an_alert_is_one_record() {
    let alert = fatal_alert(40, 0xabcd_0000_0000_0009);
    let all: Vec<_> = records(&alert).collect();
    assert_eq!(all.len(), 1);
    assert_eq!(
        all[0].kind,
        Kind::Plain {
            content: 21,
            epoch: 0
        }
    );
    assert_eq!(alert[5..11], [0, 0, 0, 0, 0, 9]);
    assert_eq!(alert[13..], [2, 40]);
}
