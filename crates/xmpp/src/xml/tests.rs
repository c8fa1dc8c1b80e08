use std::borrow::Cow;

use proptest::prelude::*;

use super::*;
use crate::Malformed;

fn tag(text: &str) -> Result<Tag<'_>, Malformed> {
    Tag::parse(text).map(|(tag, _)| tag)
}

/// Names and raw values.
fn attributes(text: &str) -> Result<Vec<(&str, &str)>, Malformed> {
    let attributes = tag(text)?.attributes();
    attributes
        .map(|one| one.map(|one| (one.name, one.raw_value)))
        .collect()
}

#[test]
fn tags_end_where_they_end() {
    for (text, raw, name) in [
        ("<a>b", "<a>", "a"),
        ("<a/>", "<a/>", "a"),
        ("<a\n/>", "<a\n/>", "a"),
        ("<x:a b='>'>", "<x:a b='>'>", "x:a"),
        ("<é c=\"'>\"/>", "<é c=\"'>\"/>", "é"),
    ] {
        let tag = tag(text).unwrap();
        assert_eq!((tag.raw(), tag.name()), (raw, name));
        assert_eq!(tag.is_empty(), raw.ends_with("/>"));
    }
    for text in [
        "", "a", "<", "<a", "< a>", "<1>", "</a>", "<a b='>", "<x:>", "<a=b>",
    ] {
        assert!(tag(text).is_err(), "{text}");
    }
}

#[test]
fn attributes_are_read_as_they_are_written() {
    assert_eq!(attributes("<a>"), Ok(vec![]));
    assert_eq!(attributes("<a \n/>"), Ok(vec![]));
    let text = "<a b='1' xml:c = \"2'\"\td='&lt;/>'/>";
    assert_eq!(
        attributes(text),
        Ok(vec![("b", "1"), ("xml:c", "2'"), ("d", "&lt;/>")])
    );
    let spans: Vec<_> = tag(text)
        .unwrap()
        .attributes()
        .map(|one| &text[one.unwrap().span])
        .collect();
    assert_eq!(spans.concat(), &text[2..text.len() - 2]);
    for text in [
        "<a b>",
        "<a b=1>",
        "<a b='1'c='2'>",
        "<a ='1'>",
        "<a b='1'/c='2'>",
        "<a b c='1'>",
    ] {
        assert_eq!(attributes(text), Err(Malformed::Attribute), "{text}");
    }
}

#[test]
fn references_are_resolved() {
    assert_eq!(unescape("plain é"), Ok(Cow::Borrowed("plain é")));
    assert_eq!(
        unescape("&lt;&gt;&amp;&apos;&quot;").as_deref(),
        Ok("<>&'\"")
    );
    assert_eq!(unescape("a&#65;&#x1F600;b").as_deref(), Ok("aA😀b"));
    for raw in [
        "&", "&;", "&lt", "&foo;", "&#;", "&#x;", "&#0;", "&#xD800;", "&#+5;", "&#xfffe;", "&LT;",
    ] {
        assert_eq!(unescape(raw), Err(Malformed::Entity), "{raw}");
    }
}

#[test]
fn what_xml_does_not_have_is_left_out() {
    let mut out = b"<".to_vec();
    escape_into("a\u{fffe}b\0\u{fb01}\u{ffff}\u{fffd}\x1f'", &mut out);
    assert_eq!(out, "<ab\u{fb01}\u{fffd}&apos;".as_bytes());
}

#[test]
fn namespaces_are_those_of_the_nearest_declaration() {
    let outer = [tag("<iq xmlns:x='of:x' xmlns='of:iq'>").unwrap()];
    let of = |text| {
        tag(text)
            .unwrap()
            .namespace(&outer, "default")
            .map(Cow::into_owned)
    };
    assert_eq!(of("<a>").as_deref(), Ok("of:iq"));
    assert_eq!(of("<x:a>").as_deref(), Ok("of:x"));
    assert_eq!(of("<a xmlns='own'>").as_deref(), Ok("own"));
    assert_eq!(
        of("<x:a xmlns='own' xmlns:x='also &amp; own'>").as_deref(),
        Ok("also & own")
    );
    assert_eq!(of("<y:a>"), Err(Malformed::Prefix));
    let bare = tag("<a>").unwrap().namespace(&[], "default");
    assert_eq!(bare.as_deref(), Ok("default"));
}

#[test]
fn content_comes_in_pieces() {
    let tokens: Vec<_> = Content::new("a&lt;<b c='1'><![CDATA[<&]]></b ><d/></iq>")
        .map(Result::unwrap)
        .collect();
    assert_eq!(
        tokens,
        [
            Token::Text("a<".into()),
            Token::Start(tag("<b c='1'>").unwrap()),
            Token::Text("<&".into()),
            Token::End("b"),
            Token::Start(tag("<d/>").unwrap()),
            Token::End("iq"),
        ]
    );
    for text in ["&", "<b", "</b", "<![CDATA[", "<1>"] {
        let mut content = Content::new(text);
        assert!(content.next().unwrap().is_err(), "{text}");
        assert_eq!(content.next(), None);
    }
}

#[test]
fn the_text_of_an_element_is_that_outside_of_others() {
    let mut content = Content::new("a<c>x<c/></c><![CDATA[b]]></b>rest");
    let text = content.rest_of(&tag("<b>").unwrap());
    assert_eq!(text.as_deref(), Ok("ab"));
    assert_eq!(content.next(), Some(Ok(Token::Text("rest".into()))));
    let mut unended = Content::new("a<b>");
    assert_eq!(unended.rest_of(&tag("<b>").unwrap()), Err(Malformed::Tag));
}

proptest! {
    #[test]
    fn what_is_escaped_comes_back(text in "[ -~\t\r\né😀]{0,20}") {
        let mut out = Vec::new();
        escape_into(&text, &mut out);
        let escaped = String::from_utf8(out).unwrap();
        prop_assert!(!escaped.contains(['<', '>', '\'', '"']));
        prop_assert_eq!(unescape(&escaped).unwrap(), text);
    }

    #[test]
    fn any_text_is_survived(text in "[<>/!\\[\\]'\"= a:&;#xé?-]{0,40}") {
        let _ = Content::new(&text).count();
        if let Ok((tag, rest)) = Tag::parse(&text) {
            prop_assert_eq!(format!("{}{rest}", tag.raw()), &text[..]);
            let _ = tag.attributes().count();
        }
    }
}
