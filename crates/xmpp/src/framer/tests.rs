use proptest::prelude::*;

use super::*;

const HEADER: &str = "<?xml version='1.0'?><stream:stream xmlns='jabber:component:accept' \
                      xmlns:stream='http://etherx.jabber.org/streams' id='3' from='b.example'>";

/// A frame that owns what it says.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Seen {
    Header(String),
    Stanza(String),
    StreamEnd,
    TooLarge(Option<String>),
    Malformed(Malformed),
}

fn drain(framer: &mut Framer, seen: &mut Vec<Seen>) {
    loop {
        seen.push(match framer.next_frame() {
            Ok(None) => return,
            Ok(Some(Frame::Header(text))) => Seen::Header(text.to_owned()),
            Ok(Some(Frame::Stanza(text))) => Seen::Stanza(text.to_owned()),
            Ok(Some(Frame::StreamEnd)) => Seen::StreamEnd,
            Ok(Some(Frame::TooLarge(tag))) => Seen::TooLarge(tag.map(str::to_owned)),
            Err(malformed) => {
                seen.push(Seen::Malformed(malformed));
                return;
            }
        });
    }
}

/// What is seen of `bytes`, in segments of these lengths, again and again.
fn frames(limit: usize, bytes: &[u8], segments: &[usize]) -> Vec<Seen> {
    let (mut framer, mut seen) = (Framer::new(limit), Vec::new());
    let (mut rest, mut lengths) = (bytes, segments.iter().cycle());
    while !rest.is_empty() && !matches!(seen.last(), Some(Seen::Malformed(_))) {
        let (segment, later) = rest.split_at(rest.len().min(*lengths.next().unwrap()));
        framer.receive(segment);
        drain(&mut framer, &mut seen);
        rest = later;
    }
    seen
}

/// What is seen behind the header, which is the same however the bytes are cut.
fn after_header(limit: usize, text: &[u8]) -> Vec<Seen> {
    let bytes = [HEADER.as_bytes(), text].concat();
    let whole = frames(limit, &bytes, &[bytes.len()]);
    for segment in [1, 2, 3, 7, 64] {
        assert_eq!(frames(limit, &bytes, &[segment]), whole, "{segment}");
    }
    assert!(matches!(&whole[0], Seen::Header(header) if header.starts_with("<stream:stream ")));
    whole[1..].to_vec()
}

fn malformed(text: &[u8]) -> Malformed {
    match after_header(1000, text).last() {
        Some(Seen::Malformed(malformed)) => *malformed,
        other => panic!("{other:?}"),
    }
}

fn stanza(text: &str) -> Seen {
    Seen::Stanza(text.to_owned())
}

#[test]
fn stanzas_are_cut_where_they_end() {
    for one in [
        "<iq/>",
        "<iq a='>' b=\"/>\"/>",
        "<iq><a/></iq>",
        "<iq ><a b='/iq>'>x</a\n></iq\t>",
        "<message><body>a &lt; b > c ]]&gt;</body></message>",
        "<message><body><![CDATA[</message> ]] ]> ]]]></body></message>",
        "<message><body><![CDATA[]]></body></message>",
        "<message xml:lang='de'><body>grüße 𝄞</body></message>",
        "<x:iq xmlns:x='jabber:component:accept'><x:a><x:a/></x:a></x:iq>",
        "<stream:error><conflict xmlns='urn:ietf:params:xml:ns:xmpp-streams'/></stream:error>",
    ] {
        let text = format!(" \r\n{one}\t{one}{one}");
        assert_eq!(after_header(1000, text.as_bytes()), vec![stanza(one); 3]);
    }
}

#[test]
fn the_header_comes_with_or_without_declaration() {
    for before in [
        "",
        "<?xml version='1.0'?>",
        "<?xml version=\"1.0\" ?>\n ",
        " \n",
    ] {
        let text = format!("{before}<stream:stream id='>'>");
        let header = Seen::Header("<stream:stream id='>'>".to_owned());
        for segment in [1, 5, 100] {
            assert_eq!(
                frames(100, text.as_bytes(), &[segment]),
                std::slice::from_ref(&header)
            );
        }
    }
}

#[test]
fn nothing_comes_before_or_after_a_stream() {
    let first = |text: &[u8]| frames(100, text, &[1]);
    let refused = |text, malformed| assert_eq!(first(text), [Seen::Malformed(malformed)]);
    refused(b"x", Malformed::Text);
    refused(b"</stream:stream>", Malformed::Tag);
    refused(b"<stream:stream/>", Malformed::Tag);
    refused(b" <?xml version='1.0'?>", Malformed::ProcessingInstruction);
    refused(b"<?xml version='1.0'>", Malformed::ProcessingInstruction);
    refused(b"<?php ?>", Malformed::ProcessingInstruction);
    refused(
        b"<?xml-stylesheet href='a'?>",
        Malformed::ProcessingInstruction,
    );
    refused(b"<?xml version='1.0'\x01?>", Malformed::Character);
    refused(b"<!DOCTYPE a>", Malformed::Declaration);
    refused(b"\x16\x03\x01", Malformed::Text);
    refused(&[b"<a b='", &[b'x'; 20_000][..]].concat(), Malformed::Tag);
    assert_eq!(after_header(100, b"</stream:stream> \n"), [Seen::StreamEnd]);
    assert_eq!(malformed(b"</stream:stream><iq/>"), Malformed::Text);
    assert_eq!(malformed(b"</stream\xff:stream>"), Malformed::Utf8);
}

#[test]
fn what_xmpp_does_not_have_is_refused() {
    for (text, reason) in [
        (&b"x"[..], Malformed::Text),
        (b"<iq/>x<iq/>", Malformed::Text),
        (b"<![CDATA[x]]>", Malformed::Text),
        (b"<iq><!-- x --></iq>", Malformed::Comment),
        (b"<!-- x -->", Malformed::Comment),
        (b"<iq><!x></iq>", Malformed::Declaration),
        (b"<iq><!-x></iq>", Malformed::Declaration),
        (b"<iq><![IGNORE[x]]></iq>", Malformed::Declaration),
        (b"<!DOCTYPE a [<!ENTITY b 'c'>]>", Malformed::Declaration),
        (b"<iq><?x?></iq>", Malformed::ProcessingInstruction),
        (b"<?xml version='1.0'?>", Malformed::ProcessingInstruction),
        (b"<iq><1/></iq>", Malformed::Tag),
        (b"<iq>< a/></iq>", Malformed::Tag),
        (b"<iq <a/></iq>", Malformed::Tag),
        (b"<iq a='<'/>", Malformed::Attribute),
        (b"<iq></iq a='b'>", Malformed::Attribute),
        (b"<iq a='\xff'/>", Malformed::Utf8),
        (b"<iq>\x00</iq>", Malformed::Character),
        ("<iq>\u{ffff}</iq>".as_bytes(), Malformed::Character),
    ] {
        assert_eq!(malformed(text), reason, "{}", String::from_utf8_lossy(text));
    }
}

#[test]
fn a_failure_stays() {
    let mut framer = Framer::new(100);
    framer.receive(b"x");
    assert_eq!(framer.next_frame(), Err(Malformed::Text));
    framer.receive(HEADER.as_bytes());
    assert_eq!(framer.next_frame(), Err(Malformed::Text));
}

#[test]
fn what_is_too_large_is_skipped() {
    let large = |body: usize| {
        format!(
            "<message to='b'><body>{}</body></message>",
            "é".repeat(body)
        )
    };
    let next = "<iq/>";
    let len = large(20).len();
    let text = format!("{}{next}", large(20));
    assert_eq!(
        after_header(len, text.as_bytes()),
        [stanza(&large(20)), stanza(next)]
    );
    for body in [21, 300, 5000] {
        let text = format!("{}{next}", large(body));
        let skipped = Seen::TooLarge(Some("<message to='b'>".to_owned()));
        assert_eq!(after_header(len, text.as_bytes()), [skipped, stanza(next)]);
    }
    for value in [300, 5000] {
        let text = format!(
            "<iq id='{}'><a/></iq><iq id='{0}'/>{next}",
            ">".repeat(value)
        );
        let skipped = Seen::TooLarge(None);
        assert_eq!(
            after_header(len, text.as_bytes()),
            [skipped.clone(), skipped, stanza(next)]
        );
    }
    // Sections of character data and quotes are respected, too.
    let text = format!(
        "<iq><![CDATA[{}</iq>]]><a b='{0}/iq>'/></iq>{next}",
        "x".repeat(300)
    );
    let skipped = Seen::TooLarge(Some("<iq>".to_owned()));
    assert_eq!(
        after_header(100.max(HEADER.len()), text.as_bytes()),
        [skipped, stanza(next)]
    );
}

#[test]
fn memory_is_bounded() {
    let mut framer = Framer::new(1000);
    framer.receive(HEADER.as_bytes());
    let mut seen = Vec::new();
    drain(&mut framer, &mut seen);
    framer.receive(b"<message><body>");
    for _ in 0..10_000 {
        framer.receive(&[b'x'; 1000]);
        drain(&mut framer, &mut seen);
        assert!(framer.buffer.len() <= 2000, "{}", framer.buffer.len());
    }
    framer.receive(b"</body></message>");
    drain(&mut framer, &mut seen);
    assert_eq!(
        seen.last(),
        Some(&Seen::TooLarge(Some("<message>".to_owned())))
    );
    assert!(framer.buffer.capacity() < 4 * KEPT_CAPACITY);
}

proptest! {
    /// However the bytes are cut, the same comes of them.
    #[test]
    fn segments_make_no_difference(
        text in "(<iq( a='[>/b]{0,3}')?(/>|>(<a/>|x|<!\\[CDATA\\[[\\]>x]{0,4}\\]\\]>|</a>){0,3}</iq>)| |<!--|x){0,6}",
        segments in prop::collection::vec(1_usize..9, 1..5),
        limit in 120_usize..200,
    ) {
        let bytes = [HEADER.as_bytes(), text.as_bytes()].concat();
        prop_assert_eq!(frames(limit, &bytes, &segments), frames(limit, &bytes, &[bytes.len()]));
    }

    #[test]
    fn any_bytes_are_survived(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        frames(50, &bytes, &[bytes.len().max(1)]);
    }
}
