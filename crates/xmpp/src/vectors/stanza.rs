use std::borrow::Cow;

use super::oracle::{self, Element};
use super::{HEADER, oracle::Child};
use crate::framer::{Frame, Framer};
use crate::stanza::{Addresses, Condition, ErrorKind, Kind, NAMESPACE, Reply, Stanza};

/// Reads the stanzas in `input` and compares what they say with what rxml reads, gives them other
/// addresses and answers them, and checks that nothing else has become different.
///
/// # Panics
///
/// If something does not hold.
pub fn check_stanza(input: &[u8]) {
    if let Ok(text) = str::from_utf8(input) {
        read_all(text);
    }
    let mut framer = Framer::new(1 << 24);
    framer.receive(HEADER.as_bytes());
    framer.receive(input);
    while let Ok(Some(frame)) = framer.next_frame() {
        if let Frame::Stanza(raw) = frame {
            read_all(raw);
            let element = oracle::element(raw);
            if let Some(element) = &element {
                check_against_rxml(raw, element);
            }
            if let Ok(stanza) = Stanza::parse(raw) {
                check_readdress(&stanza, element.as_ref());
                check_reply(&stanza, element.as_ref());
            }
        }
    }
}

/// Even what is no stanza can be read without harm.
fn read_all(text: &str) {
    if let Ok(stanza) = Stanza::parse(text) {
        let _ = stanza.payload();
        let _ = stanza.error();
        let _ = stanza.child_text("show");
        let _ = stanza.content().count();
    }
}

fn check_against_rxml(raw: &str, element: &Element) {
    let stanza = Stanza::parse(raw).expect("rxml has read it");
    assert_eq!(stanza.raw(), raw);
    // A prefix for the stream's own namespace is not allowed (RFC 6120 section 4.8.5), so that
    // whoever writes one does not write a stanza.
    let has_prefix = !stanza.tag().prefix().is_empty();
    let is_ours = element.name.0 == NAMESPACE && !has_prefix;
    let expected = match element.name.1.as_str() {
        "iq" if is_ours => Kind::Iq,
        "message" if is_ours => Kind::Message,
        "presence" if is_ours => Kind::Presence,
        _ => Kind::Other,
    };
    assert_eq!(stanza.kind, expected);
    let pairs = [
        (&stanza.from, &element.from),
        (&stanza.id, &element.id),
        (&stanza.to, &element.to),
        (&stanza.kind_of, &element.kind),
    ];
    for (ours, theirs) in pairs {
        // White space in a value would be a space (XML 1.0 section 3.3.3). A server that writes one
        // has done so, and writes a reference where another one is meant.
        let spaces = |value: &str| value.replace(['\t', '\n'], " ");
        if !stanza.tag().raw().contains('\r') {
            assert_eq!(
                ours.as_deref().map(spaces),
                theirs.as_deref().map(spaces),
                "{raw}"
            );
        }
    }
    check_children(raw, &stanza, element);
}

fn check_children(raw: &str, stanza: &Stanza<'_>, element: &Element) {
    let payload = stanza.payload().expect("rxml has read it");
    let first = element.children.first();
    assert_eq!(
        payload.map(|payload| (payload.namespace.into_owned(), payload.name.to_owned())),
        first.map(|first| first.name.clone())
    );
    let error = stanza.error().expect("rxml has read it");
    let condition = |child: &Child| child.condition.clone().unwrap_or_default();
    assert_eq!(
        error.map(|error| error.condition.to_owned()),
        element.child("error").map(condition)
    );
    for name in ["show", "priority"] {
        let text = stanza.child_text(name).expect("rxml has read it");
        // The ends of lines are not made alike (XML 1.0 section 2.11): no keyword or number has any.
        if !raw.contains('\r') {
            let expected = element.child(name).map(|child| child.text.as_str());
            assert_eq!(text.as_deref(), expected, "{raw}");
        }
    }
}

fn check_readdress(stanza: &Stanza<'_>, element: Option<&Element>) {
    let other: String = stanza.raw().chars().take(24).collect();
    for id in [None, Some("<\u{e9}'&\">\t\r\n"), Some(other.as_str())] {
        let new = Addresses {
            from: "b.example/>\"&'\n",
            id,
            to: &other,
        };
        let mut out = b"before".to_vec();
        stanza.readdress(&new, &mut out);
        let out = String::from_utf8(out).expect("text was made of text");
        let out = out.strip_prefix("before").expect("it is appended");
        let again = Stanza::parse(out).expect("it was a stanza before");
        assert_eq!(again.kind, stanza.kind);
        assert_eq!(again.from.as_deref(), Some(new.from));
        assert_eq!(again.to.as_deref(), Some(new.to));
        assert_eq!(again.id.as_deref(), id.or(stanza.id.as_deref()));
        assert_eq!(again.kind_of, stanza.kind_of);
        assert_eq!(rest(&again, id.is_some()), rest(stanza, id.is_some()));
        if let Some(element) = element {
            let mut expected = element.clone();
            expected.from = Some(new.from.to_owned());
            expected.to = Some(new.to.to_owned());
            if let Some(id) = id {
                expected.id = Some(id.to_owned());
            }
            assert_eq!(oracle::element(out), Some(expected), "{out}");
        }
    }
}

/// All of a stanza but its addresses, and but its id if that is new.
fn rest(stanza: &Stanza<'_>, is_id_new: bool) -> String {
    let tag = stanza.tag();
    let (mut rest, mut from) = (String::new(), 0);
    for attribute in tag.attributes() {
        let attribute = attribute.expect("it was read before");
        if matches!(attribute.name, "from" | "to") || (is_id_new && attribute.name == "id") {
            rest += &tag.raw()[from..attribute.span.start];
            from = attribute.span.end;
        }
    }
    rest + &stanza.raw()[from..]
}

fn check_reply(stanza: &Stanza<'_>, element: Option<&Element>) {
    if stanza.kind == Kind::Other {
        return;
    }
    let text: String = stanza.raw().chars().take(24).collect();
    let error = Reply::Error(ErrorKind::Wait, Condition::RemoteServerTimeout, &text);
    let result = Reply::Result("<query xmlns='jabber:iq:version'/>");
    let answers = [
        (error, "error", "error"),
        (result, "result", "query"),
        (Reply::Result(""), "result", ""),
    ];
    for (reply, kind, child) in answers {
        let mut out = Vec::new();
        stanza.question().reply(reply, &mut out);
        let out = str::from_utf8(&out).expect("text was made of text");
        let ours = Stanza::parse(out).expect("an answer is a stanza");
        assert_eq!(ours.kind, stanza.kind);
        assert_eq!(
            (&ours.from, &ours.to, &ours.id),
            (&stanza.to, &stanza.from, &stanza.id)
        );
        let said = ours.error().expect("an answer is a stanza");
        let condition = said.map(|error| error.condition);
        assert_eq!(
            condition,
            (kind == "error").then_some("remote-server-timeout")
        );

        let theirs = oracle::element(out).unwrap_or_else(|| panic!("not well-formed: {out}"));
        assert_eq!(theirs.kind.as_deref(), Some(kind));
        assert_eq!(theirs.name.0, NAMESPACE);
        let first = theirs.children.first().map(|child| child.name.1.as_str());
        assert_eq!(first.unwrap_or_default(), child);
        let owned = |value: &Option<Cow<'_, str>>| value.as_deref().map(str::to_owned);
        assert_eq!(theirs.to, owned(&stanza.from));
        assert_eq!(
            (theirs.from, theirs.id),
            (owned(&stanza.to), owned(&stanza.id))
        );
        if let Some(element) = element {
            assert_eq!(theirs.name, element.name);
        }
    }
}
