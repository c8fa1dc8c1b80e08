use super::ServerHellos;

/// A fragment of a handshake message.
fn fragment(kind: u8, length: usize, offset: usize, body: &[u8]) -> Vec<u8> {
    let be24 = |number: usize| u32::try_from(number).unwrap().to_be_bytes()[1..].to_vec();
    let mut bytes = vec![kind];
    bytes.extend(be24(length));
    bytes.extend([0, 1]);
    bytes.extend(be24(offset));
    bytes.extend(be24(body.len()));
    bytes.extend(body);
    bytes
}

fn record(content: u8, epoch: u8, fragments: &[Vec<u8>]) -> Vec<u8> {
    let body = fragments.concat();
    let mut bytes = vec![content, 0xfe, 0xfd, 0, epoch, 0, 0, 0, 0, 0, 1];
    bytes.extend(u16::try_from(body.len()).unwrap().to_be_bytes());
    bytes.extend(body);
    bytes
}

/// A ServerHello whose random ends with this.
fn body(end: &[u8; 8]) -> Vec<u8> {
    let mut bytes = vec![0xfe, 0xfd];
    bytes.extend([7; 24]);
    bytes.extend(end);
    bytes.extend([0, 0xcc, 0xa9, 0]);
    bytes
}

fn whole(kind: u8, body: &[u8]) -> Vec<u8> {
    fragment(kind, body.len(), 0, body)
}

fn hello(end: &[u8; 8]) -> Vec<u8> {
    record(22, 0, &[whole(2, &body(end))])
}

const MARK: &[u8; 8] = b"DOWNGRD\x01";
const NONE: &[u8; 8] = b"anything";

#[test]
fn the_mark() {
    for (end, offers) in [
        (MARK, Some(true)),
        (NONE, Some(false)),
        // That of a server that was brought down to 1.0.
        (b"DOWNGRD\x00", Some(false)),
    ] {
        let mut hellos = ServerHellos::default();
        assert_eq!(hellos.offers_13(), None);
        assert!(hellos.observe(&hello(end)));
        assert_eq!(hellos.offers_13(), offers);
        // Repeated.
        assert!(hellos.observe(&hello(end)));
        assert_eq!(hellos.offers_13(), offers);
    }
}

#[test]
fn contradictions_say_nothing() {
    for ends in [[MARK, NONE], [NONE, MARK]] {
        let mut hellos = ServerHellos::default();
        for end in ends {
            assert!(hellos.observe(&hello(end)));
        }
        assert_eq!(hellos.offers_13(), None);
    }
}

#[test]
fn wherever_it_stands_in_a_record() {
    let other = whole(11, &[0, 0, 0]);
    let mut hellos = ServerHellos::default();
    let server_hello = whole(2, &body(MARK));
    assert!(hellos.observe(&record(22, 0, &[other.clone(), server_hello, other])));
    assert_eq!(hellos.offers_13(), Some(true));
}

#[test]
fn pieces_are_not_let_through() {
    let body = body(MARK);
    for cut in 0..body.len() {
        let (head, tail) = body.split_at(cut);
        let mut hellos = ServerHellos::default();
        let pieces = [
            fragment(2, body.len(), 0, head),
            fragment(2, body.len(), cut, tail),
        ];
        assert!(!hellos.observe(&record(22, 0, &pieces[..1])));
        assert_eq!(cut == 0, hellos.observe(&record(22, 0, &pieces[1..])));
        assert!(!hellos.observe(&record(22, 0, &pieces)));
        let other = whole(11, &[1]);
        assert!(!hellos.observe(&record(22, 0, &[other, pieces[0].clone()])));
    }
}

#[test]
fn one_that_is_too_short_is_not_let_through() {
    for length in 0..34 {
        let mut hellos = ServerHellos::default();
        assert!(!hellos.observe(&record(22, 0, &[whole(2, &body(MARK)[..length])])));
        assert_eq!(hellos.offers_13(), None);
    }
}

#[test]
fn other_records_are_not_looked_at() {
    let message = whole(2, &body(MARK));
    for record in [
        record(22, 1, std::slice::from_ref(&message)),
        record(23, 0, std::slice::from_ref(&message)),
        record(22, 0, &[whole(1, &body(MARK))]),
        Vec::new(),
        vec![22, 0xfe, 0xfd, 0, 0],
        vec![0x2f; 60],
    ] {
        let mut hellos = ServerHellos::default();
        assert!(hellos.observe(&record));
        assert_eq!(hellos.offers_13(), None);
    }
}

#[test]
fn truncated_at_every_byte() {
    let whole = hello(MARK);
    for end in 0..whole.len() {
        let mut hellos = ServerHellos::default();
        hellos.observe(&whole[..end]);
        assert_eq!(hellos.offers_13(), None);
    }
}
