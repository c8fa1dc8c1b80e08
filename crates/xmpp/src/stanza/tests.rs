use super::*;
use crate::framer::{Frame, Framer};

fn stanza(raw: &str) -> Stanza<'_> {
    Stanza::parse(raw).unwrap()
}

#[test]
fn a_stanza_says_what_it_is() {
    let text =
        "<iq xml:lang='en' type='get' from='a@b/c&apos;d' id='1&amp;2' to='p'><x xmlns='y'/></iq>";
    let iq = stanza(text);
    assert_eq!(iq.kind, Kind::Iq);
    assert_eq!(iq.from.as_deref(), Some("a@b/c'd"));
    assert_eq!(iq.id.as_deref(), Some("1&2"));
    assert_eq!(iq.to.as_deref(), Some("p"));
    assert_eq!(iq.type_name(), "get");
    assert_eq!(iq.raw(), text);
    for (text, kind) in [
        ("<message/>", Kind::Message),
        (
            "<presence xmlns='jabber:component:accept'/>",
            Kind::Presence,
        ),
        ("<iq xmlns='jabber:client'/>", Kind::Other),
        ("<x:iq/>", Kind::Other),
        ("<stream:error/>", Kind::Other),
    ] {
        assert_eq!(stanza(text).kind, kind, "{text}");
        assert_eq!(stanza(text).type_name(), "");
    }
    assert_eq!(
        Stanza::parse("<iq to='a' to='b'/>").err(),
        Some(Malformed::AttributeRepeated)
    );
    assert_eq!(
        Stanza::parse("<iq to='&x;'/>").err(),
        Some(Malformed::Entity)
    );
    assert_eq!(
        Stanza::parse("<iq to=a/>").err(),
        Some(Malformed::Attribute)
    );
}

#[test]
fn the_payload_is_the_first_element() {
    let payload = |text| {
        let payload = stanza(text).payload().unwrap();
        payload.map(|payload| (payload.name.to_owned(), payload.namespace.into_owned()))
    };
    let some = |name: &str, namespace: &str| Some((name.to_owned(), namespace.to_owned()));
    assert_eq!(payload("<iq/>"), None);
    assert_eq!(payload("<iq></iq>"), None);
    assert_eq!(payload("<iq> \n</iq>"), None);
    assert_eq!(payload("<iq>\n<a xmlns='b'/><c/></iq>"), some("a", "b"));
    assert_eq!(payload("<iq xmlns:x='y'><x:a/></iq>"), some("a", "y"));
    assert_eq!(
        payload("<message><body/></message>"),
        some("body", NAMESPACE)
    );
    assert!(stanza("<iq><x:a/></iq>").payload().is_err());
}

#[test]
fn texts_are_found_by_their_names() {
    let text = "<presence><x xmlns='y'><show>no</show></x><show xmlns='z'>no</show>\
                <show>d<![CDATA[n]]>d</show><priority>-1</priority></presence>";
    assert_eq!(
        stanza(text).child_text("show").unwrap().as_deref(),
        Some("dnd")
    );
    assert_eq!(
        stanza(text).child_text("priority").unwrap().as_deref(),
        Some("-1")
    );
    assert_eq!(stanza(text).child_text("status").unwrap(), None);
    assert_eq!(stanza("<presence/>").child_text("show").unwrap(), None);
}

#[test]
fn errors_are_found_behind_what_was_sent() {
    let condition = |text| {
        stanza(text)
            .error()
            .unwrap()
            .map(|error| error.condition.to_owned())
    };
    let xmlns = format!("xmlns='{ERRORS}'");
    let text = format!(
        "<iq type='error'><ping xmlns='urn:xmpp:ping'><error><{0} {xmlns}/></error></ping>\
         <error type='cancel'><text {xmlns}>x</text><app xmlns='y'><z/></app>\
         <service-unavailable {xmlns}/></error></iq>",
        "gone"
    );
    assert_eq!(condition(&text).as_deref(), Some("service-unavailable"));
    assert_eq!(condition("<iq><error/></iq>").as_deref(), Some(""));
    assert_eq!(
        condition("<iq><error type='wait'></error></iq>").as_deref(),
        Some("")
    );
    assert_eq!(condition("<iq><ping/></iq>"), None);
    assert_eq!(condition("<iq/>"), None);
}

#[test]
fn addresses_change_and_nothing_else() {
    let new = Addresses {
        from: "p/<&'\">",
        id: None,
        to: "a@b/c",
    };
    let from = "p/&lt;&amp;&apos;&quot;&gt;";
    for (before, after) in [
        ("<iq/>", format!("<iq from='{from}' to='a@b/c'/>")),
        (
            "<iq >x</iq>",
            format!("<iq from='{from}' to='a@b/c' >x</iq>"),
        ),
        (
            "<iq type=\"get\" from = 'old'\n to=\"&lt;\" id='&#49;' ><a b='to'/></iq >",
            format!("<iq type=\"get\" from='{from}' to='a@b/c' id='&#49;' ><a b='to'/></iq >"),
        ),
        (
            "<iq xmlns:to='x' to='o' xml:lang='de'><to:a><![CDATA[ ]]></to:a></iq>",
            format!(
                "<iq xmlns:to='x' to='a@b/c' xml:lang='de' from='{from}'><to:a><![CDATA[ ]]></to:a></iq>"
            ),
        ),
    ] {
        let mut out = b"<before/>".to_vec();
        stanza(before).readdress(&new, &mut out);
        assert_eq!(String::from_utf8(out).unwrap(), format!("<before/>{after}"));
    }
    let mut out = Vec::new();
    let new = Addresses {
        from: "f",
        id: Some("2'"),
        to: "t",
    };
    stanza("<iq id='1'/>").readdress(&new, &mut out);
    assert_eq!(
        String::from_utf8(out).unwrap(),
        "<iq id='2&apos;' from='f' to='t'/>"
    );
}

#[test]
fn answers_go_back_from_where_was_asked() {
    let get = stanza(
        "<iq type='get' id='1&apos;' from='a@b/&lt;' to='p/x' xml:lang='de'><ping xmlns='y'/></iq>",
    );
    let mut out = Vec::new();
    get.question().reply(
        Reply::Error(
            ErrorKind::Wait,
            Condition::RemoteServerTimeout,
            "too <late>",
        ),
        &mut out,
    );
    let text = String::from_utf8(out).unwrap();
    let answer = stanza(&text);
    assert_eq!((answer.kind, answer.type_name()), (Kind::Iq, "error"));
    assert_eq!(
        (answer.id.as_deref(), answer.from.as_deref()),
        (Some("1'"), Some("p/x"))
    );
    assert_eq!(answer.to.as_deref(), Some("a@b/<"));
    let error = answer.error().unwrap().unwrap();
    assert_eq!(error.condition, "remote-server-timeout");
    assert!(
        text.contains("<error type='wait'>") && text.contains(">too &lt;late&gt;</text>"),
        "{text}"
    );
    let mut out = Vec::new();
    get.question().reply(Reply::Result(""), &mut out);
    assert_eq!(
        String::from_utf8(out).unwrap(),
        "<iq type='result' id='1&apos;' from='p/x' to='a@b/&lt;'></iq>"
    );
    // Each is one whole stanza.
    let mut framer = Framer::new(10_000);
    framer.receive(format!("<stream:stream>{text}").as_bytes());
    framer.next_frame().unwrap();
    assert_eq!(framer.next_frame(), Ok(Some(Frame::Stanza(&text))));
}
