use super::*;

const RANDOM: [u8; 32] = [0x5a; 32];

/// A ClientHello with these extensions, without any header.
fn body(cookie: &[u8], extensions: &[(u16, &[u8])]) -> Vec<u8> {
    let mut body = vec![0xfe, 0xfd];
    body.extend(RANDOM);
    body.push(0);
    body.push(u8::try_from(cookie.len()).unwrap());
    body.extend(cookie);
    body.extend([0, 2, 0xcc, 0xa9, 1, 0]);
    let mut list = Vec::new();
    for (kind, value) in extensions {
        list.extend(kind.to_be_bytes());
        list.extend(u16::try_from(value.len()).unwrap().to_be_bytes());
        list.extend(*value);
    }
    body.extend(u16::try_from(list.len()).unwrap().to_be_bytes());
    body.extend(list);
    body
}

fn be24(number: usize) -> [u8; 3] {
    let [.., a, b, c] = number.to_be_bytes();
    [a, b, c]
}

/// A record with the bytes `range` of message 1 of a client.
fn fragment(kind: u8, body: &[u8], range: std::ops::Range<usize>) -> Vec<u8> {
    let mut record = vec![22, 0xfe, 0xfd, 0, 0, 0, 0, 0, 0, 0, 1];
    record.extend(u16::try_from(12 + range.len()).unwrap().to_be_bytes());
    record.push(kind);
    record.extend(be24(body.len()));
    record.extend([0, 1]);
    record.extend(be24(range.start));
    record.extend(be24(range.len()));
    record.extend(&body[range]);
    record
}

fn peek(body: &[u8]) -> Option<Hello> {
    Hello::peek(&fragment(1, body, 0..body.len()))
}

#[test]
fn a_bare_hello() {
    let body = body(&[], &[]);
    let expected = Hello {
        random: Some(RANDOM),
        whole: true,
        message_seq: 1,
        length: body.len(),
        offset: 0,
        offers_13: false,
        cookie: false,
        ticket: false,
        offers_id: false,
    };
    assert_eq!(peek(&body), Some(expected));
    // The list of extensions may be missing altogether.
    let bare = &body[..body.len() - 2];
    assert_eq!(
        peek(bare),
        Some(Hello {
            length: bare.len(),
            ..expected
        })
    );
}

#[test]
fn what_it_asks_for() {
    const V13: (u16, &[u8]) = (43, &[4, 0xfe, 0xfc, 0xfe, 0xfd]);
    const V12: (u16, &[u8]) = (43, &[2, 0xfe, 0xfd]);
    let asks = |cookie: &[u8], extensions: &[(u16, &[u8])]| {
        let hello = peek(&body(cookie, extensions)).unwrap();
        (hello.offers_13, hello.cookie, hello.ticket, hello.offers_id)
    };
    assert_eq!(asks(&[], &[V12]), (false, false, false, false));
    assert_eq!(asks(&[], &[V13]), (true, false, false, false));
    assert_eq!(asks(&[1; 32], &[]), (false, true, false, false));
    assert_eq!(
        asks(&[], &[V13, (44, &[0, 1, 7])]),
        (true, true, false, false)
    );
    assert_eq!(asks(&[], &[(54, &[0])]), (false, false, false, true));
    assert_eq!(asks(&[], &[(35, &[])]), (false, false, false, false));
    assert_eq!(asks(&[], &[(35, &[1; 90])]), (false, false, true, false));
    assert_eq!(
        asks(&[], &[V13, (35, &[1; 90])]),
        (true, false, false, false)
    );
    assert_eq!(
        asks(&[], &[V13, (41, &[1; 90])]),
        (true, false, true, false)
    );
    assert_eq!(asks(&[], &[(41, &[1; 90])]), (false, false, false, false));
}

#[test]
fn parts() {
    let body = body(&[1; 32], &[(54, &[0]), (43, &[2, 0xfe, 0xfc])]);
    for cut in 0..body.len() {
        let first = Hello::peek(&fragment(1, &body, 0..cut)).unwrap();
        assert_eq!((first.length, first.offset), (body.len(), 0));
        assert_eq!(first.random, (cut >= 34).then_some(RANDOM), "{cut}");
        assert!(!first.whole && !first.cookie && !first.offers_13 && !first.offers_id);
        let second = Hello::peek(&fragment(1, &body, cut..body.len())).unwrap();
        assert_eq!(second.whole, cut == 0);
        assert_eq!(second.offset, cut);
        assert_eq!(second.random, (cut == 0).then_some(RANDOM));
    }
}

#[test]
fn a_hello_that_is_not_alone_is_not_whole() {
    let body = body(&[], &[]);
    let mut record = fragment(1, &body, 0..body.len());
    record.push(0);
    let hello = Hello::peek(&record).unwrap();
    assert!(!hello.whole);
    assert_eq!(hello.random, Some(RANDOM));
}

#[test]
fn no_hello() {
    let body = body(&[], &[]);
    let record = fragment(1, &body, 0..body.len());
    for cut in 0..record.len() {
        assert_eq!(Hello::peek(&record[..cut]), None, "{cut}");
    }
    assert_eq!(Hello::peek(&fragment(2, &body, 0..body.len())), None);
    for (at, value) in [(0, 23), (4, 1), (21, 1), (24, 200)] {
        let mut other = record.clone();
        other[at] = value;
        assert_eq!(Hello::peek(&other), None, "{at}");
    }
}

#[test]
fn lengths_that_contradict_each_other() {
    let whole = body(&[1; 4], &[(54, &[0]), (43, &[2, 0xfe, 0xfc])]);
    for cut in 0..whole.len() {
        // Cut where extensions begin it is a hello without any.
        assert_eq!(peek(&whole[..cut]).is_some(), cut == 46, "{cut}");
    }
    let mut long = whole.clone();
    long.push(0);
    assert_eq!(peek(&long), None);
    assert_eq!(peek(&body(&[], &[(43, &[])])), None);
    assert_eq!(peek(&body(&[], &[(43, &[9, 0xfe, 0xfc])])), None);
}

#[test]
fn server_names() {
    let named = |value: &[u8]| {
        let body = body(&[], &[(10, &[0, 2, 0, 29]), (0, value)]);
        Hello::server_name(&fragment(1, &body, 0..body.len())).map(str::to_owned)
    };
    let value = |name: &[u8]| {
        let length = u16::try_from(name.len()).unwrap();
        let mut value = (length + 3).to_be_bytes().to_vec();
        value.push(0);
        value.extend(length.to_be_bytes());
        value.extend(name);
        value
    };
    assert_eq!(named(&value(b"a.example")).as_deref(), Some("a.example"));
    assert_eq!(named(&value(b"192.0.2.1")).as_deref(), Some("192.0.2.1"));
    assert_eq!(named(&value(&[b'a'; 255])), Some("a".repeat(255)));
    for bad in [&b""[..], b"a b", b"a\n", "\u{e4}".as_bytes(), &[b'a'; 256]] {
        assert_eq!(named(&value(bad)), None);
    }
    let whole = value(b"a.example");
    for cut in 0..whole.len() {
        assert_eq!(named(&whole[..cut]), None, "{cut}");
    }
    let mut other_kind = whole.clone();
    other_kind[2] = 1;
    assert_eq!(named(&other_kind), None);
    let unnamed = body(&[], &[]);
    assert_eq!(
        Hello::server_name(&fragment(1, &unnamed, 0..unnamed.len())),
        None
    );
    let named = body(&[], &[(0, &whole)]);
    assert_eq!(
        Hello::server_name(&fragment(1, &named, 0..named.len() - 1)),
        None
    );
    assert_eq!(
        Hello::server_name(&fragment(2, &named, 0..named.len())),
        None
    );
}
