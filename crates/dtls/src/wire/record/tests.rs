use super::*;

fn plain(content: u8, epoch: u16, body: &[u8]) -> Vec<u8> {
    let mut record = vec![content, 0xfe, 0xfd];
    record.extend(epoch.to_be_bytes());
    record.extend([0, 0, 0, 0, 0, 5]);
    record.extend(u16::try_from(body.len()).unwrap().to_be_bytes());
    record.extend(body);
    record
}

fn with_id(id: &[u8], body: &[u8]) -> Vec<u8> {
    let mut record = plain(TLS12_CID, 1, body);
    record.splice(11..11, id.iter().copied());
    record
}

/// `001CSLEE`, then what its bits ask for.
fn unified(id: Option<&[u8]>, long_number: bool, length: bool, body: &[u8]) -> Vec<u8> {
    let bits = u8::from(id.is_some()) << 4 | u8::from(long_number) << 3 | u8::from(length) << 2;
    let mut record = vec![0b0010_0011 | bits];
    record.extend(id.unwrap_or_default());
    record.extend(&[9, 9][..1 + usize::from(long_number)]);
    if length {
        record.extend(u16::try_from(body.len()).unwrap().to_be_bytes());
    }
    record.extend(body);
    record
}

const ID: &[u8] = &[1, 2, 3, 4];

fn all_kinds() -> Vec<(Vec<u8>, Kind<'static>)> {
    let mut all = vec![
        (with_id(ID, &[7; 30]), Kind::Cid12(ID)),
        (with_id(ID, &[]), Kind::Cid12(ID)),
    ];
    for content in [20, 21, 22, 23, 24, 26] {
        for epoch in [0, 1, 2, 0xffff] {
            let kind = Kind::Plain { content, epoch };
            all.push((plain(content, epoch, &[3; 9]), kind));
        }
    }
    for cid in [None, Some(ID)] {
        for long_number in [false, true] {
            let record = unified(cid, long_number, true, &[8; 20]);
            all.push((record, Kind::Unified { cid }));
        }
    }
    all
}

#[test]
fn each_kind_is_cut() {
    for (bytes, kind) in all_kinds() {
        let bytes = &bytes[..];
        let expected = [Record { bytes, kind }; 1];
        assert!(records(bytes).eq(expected), "{kind:?}");
    }
}

#[test]
fn records_follow_each_other() {
    let all = all_kinds();
    let datagram: Vec<u8> = all.iter().flat_map(|(bytes, _)| bytes.clone()).collect();
    assert!(
        records(&datagram)
            .map(|record| record.kind)
            .eq(all.iter().map(|(_, kind)| *kind))
    );
    let lengths: Vec<usize> = records(&datagram)
        .map(|record| record.bytes.len())
        .collect();
    assert!(
        lengths
            .iter()
            .copied()
            .eq(all.iter().map(|(bytes, _)| bytes.len()))
    );
}

#[test]
fn a_record_without_length_takes_the_rest() {
    for cid in [None, Some(ID)] {
        let mut datagram = plain(22, 0, &[1; 5]);
        let first = datagram.len();
        datagram.extend(unified(cid, true, false, &[8; 40]));
        let all: Vec<_> = records(&datagram).collect();
        assert_eq!(all.len(), 2);
        assert_eq!(all[1].bytes, &datagram[first..]);
        assert_eq!(all[1].kind, Kind::Unified { cid });
    }
    // The header alone must be there.
    for cut in 0..7 {
        let record = unified(Some(ID), true, false, &[]);
        assert_eq!(records(&record[..cut]).count(), 0, "{cut}");
    }
}

#[test]
fn it_ends_where_no_whole_record_is() {
    for (bytes, kind) in all_kinds() {
        for cut in 0..bytes.len() {
            assert_eq!(records(&bytes[..cut]).count(), 0, "{kind:?} at {cut}");
        }
        let mut two = bytes.clone();
        two.extend(&bytes[..bytes.len() - 1]);
        assert_eq!(records(&two).count(), 1);
    }
}

#[test]
fn first_bytes_that_begin_no_record() {
    for first in (0..=255).filter(|first| !matches!(first, 20..=26 | 32..=63)) {
        assert_eq!(records(&plain(first, 0, &[0; 60])).count(), 0, "{first}");
    }
}

#[test]
fn other_protocols_are_no_records() {
    // A record of TLS, and one with a Connection ID and that version.
    let mut tls = plain(22, 0, &[1; 5]);
    tls[1..3].copy_from_slice(&[3, 3]);
    assert_eq!(records(&tls).count(), 0);
    let mut with_id = with_id(ID, &[1; 5]);
    for version in [[3, 3], [0xfe, 0xff], [0xfe, 0xfc]] {
        with_id[1..3].copy_from_slice(&version);
        assert_eq!(records(&with_id).count(), 0);
    }
}

#[test]
fn a_client_without_id_takes_none() {
    assert_eq!(records_without_id(&with_id(ID, &[7; 30])).count(), 0);
    assert_eq!(records_without_id(&with_id(&[], &[7; 30])).count(), 0);
    assert_eq!(
        records_without_id(&unified(Some(ID), true, true, &[7; 30])).count(),
        0
    );
    let record = unified(None, true, true, &[7; 30]);
    assert_eq!(records_without_id(&record).count(), 1);
    assert_eq!(records_without_id(&plain(23, 1, &[7; 30])).count(), 1);
}

#[test]
fn ids() {
    let id = |bytes: &[u8]| records(bytes).next().unwrap().connection_id();
    assert_eq!(id(&with_id(ID, &[7; 30])), Some([1, 2, 3, 4]));
    assert_eq!(
        id(&unified(Some(ID), false, true, &[7; 30])),
        Some([1, 2, 3, 4])
    );
    assert_eq!(id(&unified(None, false, true, &[7; 30])), None);
    assert_eq!(id(&plain(23, 1, &[7; 30])), None);
}

#[test]
fn hellos() {
    let hello = |bytes: &[u8]| records(bytes).next().unwrap().is_hello();
    assert!(hello(&plain(22, 0, &[1; 12])));
    assert!(!hello(&plain(22, 0, &[1; 11])));
    assert!(!hello(&plain(22, 0, &[2; 12])));
    assert!(!hello(&plain(22, 1, &[1; 12])));
    assert!(!hello(&plain(23, 0, &[1; 12])));
    assert!(!hello(&with_id(ID, &[1; 12])));
}
