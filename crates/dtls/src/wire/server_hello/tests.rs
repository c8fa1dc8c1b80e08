use super::*;

fn record(kind: u8, random: &[u8; 32], body: usize) -> Vec<u8> {
    let mut record = vec![
        22, 0xfe, 0xfd, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, kind, 0, 0, 70, 0, 1,
    ];
    record.extend([0, 0, 0, 0, 0, u8::try_from(body).unwrap()]);
    let mut message = vec![0xfe, 0xfd];
    message.extend(random);
    message.resize(70, 0);
    record.extend(&message[..body]);
    record
}

fn marked(mark: &[u8]) -> [u8; 32] {
    let mut random = [9; 32];
    random[32 - mark.len()..].copy_from_slice(mark);
    random
}

#[test]
fn retry() {
    assert!(is_retry(&record(2, &RETRY, 70)));
    assert!(is_retry(&record(2, &RETRY, 34)));
    assert!(!is_retry(&record(2, &RETRY, 33)));
    assert!(!is_retry(&record(1, &RETRY, 70)));
    assert!(!is_retry(&record(2, &[0xcf; 32], 70)));
    assert!(!is_retry(&[]));
}

/// It is a hash, and this is of what.
#[test]
fn the_random_of_a_retry() {
    use aws_lc_rs::digest::{SHA256, digest};
    assert_eq!(digest(&SHA256, b"HelloRetryRequest").as_ref(), RETRY);
}

#[test]
fn the_mark() {
    let advertises = |random: &[u8; 32]| server_random_advertises_13(&record(2, random, 70));
    assert_eq!(advertises(&marked(b"DOWNGRD\x01")), Some(true));
    // The mark of a server that has 1.2 and speaks something older means nothing here.
    assert_eq!(advertises(&marked(b"DOWNGRD\x00")), Some(false));
    assert_eq!(advertises(&[7; 32]), Some(false));
    assert_eq!(advertises(&marked(b"DOWNGRD\x01\x01")), Some(false));
    let random = marked(b"DOWNGRD\x01");
    assert_eq!(server_random_advertises_13(&record(3, &random, 70)), None);
    assert_eq!(server_random_advertises_13(&record(2, &random, 33)), None);
    let mut later = record(2, &random, 40);
    later[21] = 30;
    assert_eq!(server_random_advertises_13(&later), None);
    let whole = record(2, &random, 40);
    for cut in 0..whole.len() {
        assert_eq!(server_random_advertises_13(&whole[..cut]), None, "{cut}");
    }
}
