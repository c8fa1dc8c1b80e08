use super::*;

const HEADER: &str = "<?xml version='1.0'?><stream:stream id='3BF96D32' xml:lang='en' from='p.example' \
                      xmlns:stream='http://etherx.jabber.org/streams' xmlns='jabber:component:accept'>";

fn stream() -> Stream {
    Stream::new("p.example", "test", 200)
}

/// What happens when the server sends this, one line for each event.
fn events(text: &str) -> Vec<String> {
    let mut stream = stream();
    let mut seen = Vec::new();
    for byte in text.as_bytes() {
        stream.receive(&[*byte]);
        loop {
            seen.push(match stream.next_event() {
                Ok(None) => break,
                Ok(Some(Event::End)) => "end".to_owned(),
                Ok(Some(Event::Established)) => "established".to_owned(),
                Ok(Some(Event::Send(bytes))) => String::from_utf8(bytes).unwrap(),
                Ok(Some(Event::Stanza(stanza))) => stanza.raw().to_owned(),
                Ok(Some(Event::TooLarge(tag))) => {
                    format!("too large: {:?}", tag.and_then(|tag| tag.id))
                }
                Err(failure) => {
                    seen.push(failure.to_string());
                    return seen;
                }
            });
        }
    }
    seen
}

#[test]
fn a_component_introduces_itself() {
    let text = String::from_utf8(stream().header()).unwrap();
    assert_eq!(
        text,
        "<?xml version='1.0'?><stream:stream xmlns='jabber:component:accept' \
         xmlns:stream='http://etherx.jabber.org/streams' to='p.example'>"
    );
    // The example of XEP-0114.
    let handshake = "<handshake>aaee83c26aeeafcbabeabfcbcd50df997e0a2a1e</handshake>";
    let large = "x".repeat(300);
    let text = format!(
        "{HEADER}<handshake></handshake> <iq id='1'/>\n<iq id='2'>{large}</iq><message/></stream:stream>"
    );
    assert_eq!(
        events(&text),
        [
            handshake,
            "established",
            "<iq id='1'/>",
            "too large: Some(\"2\")",
            "<message/>",
            "end"
        ]
    );
}

#[test]
fn servers_say_why_not() {
    let says = |error: &str| events(&format!("{HEADER}<stream:error>{error}</stream:error>")).pop();
    let xmlns = format!("xmlns='{STREAM_ERRORS}'");
    assert_eq!(
        says(&format!(
            "<not-authorized {xmlns}/><text {xmlns}>Given token does not match</text>"
        ))
        .as_deref(),
        Some("the server says not-authorized: Given token does not match")
    );
    let conflict =
        format!("<text {xmlns} xml:lang='en'></text><conflict {xmlns}></conflict><x xmlns='y'/>");
    assert_eq!(says(&conflict).as_deref(), Some("the server says conflict"));
    assert_eq!(says("").as_deref(), Some("the server says "));
    // Also to those whom it does not know, and instead of an id.
    let without = HEADER.replace("id='3BF96D32'", "id=''");
    assert_eq!(
        events(&format!(
            "{without}<stream:error><host-unknown {xmlns}/></stream:error>"
        )),
        ["the server says host-unknown"]
    );
    // Afterwards as well.
    let text = format!("{HEADER}<handshake/><stream:error><reset {xmlns}/></stream:error>");
    assert_eq!(events(&text)[1..], ["established", "the server says reset"]);
}

#[test]
fn what_is_no_port_for_components_is_told() {
    let of_clients = HEADER.replace("component:accept", "client");
    let first = |text: &str| events(text).remove(0);
    assert_eq!(
        first(&of_clients),
        "the server's stream is for `jabber:client`"
    );
    let more = HEADER.replace("xml:lang='en'", "xmlns:db='jabber:server:dialback'");
    assert_eq!(
        first(&more),
        "the server's stream is for `jabber:server:dialback`"
    );
    let without = HEADER.replace("id='3BF96D32'", "id=''");
    assert_eq!(
        first(&format!("{without}<handshake/>")),
        "the server's stream has no id"
    );
    assert_eq!(first("<html>"), "the server does not begin an XMPP stream");
    assert_eq!(
        first("HTTP/1.1 400 Bad Request\r\n"),
        Malformed::Text.to_string()
    );
    let early = format!("{HEADER}<iq/>");
    assert_eq!(
        events(&early)[1],
        "the server sends stanzas before the handshake"
    );
}

#[test]
fn there_is_help_where_it_is_known() {
    let server = |condition: &str| Failure::Server {
        condition: condition.to_owned(),
        text: String::new(),
    };
    for condition in [
        "conflict",
        "host-unknown",
        "not-authorized",
        "policy-violation",
    ] {
        assert!(server(condition).help().is_some(), "{condition}");
    }
    assert!(
        Failure::Namespace("jabber:client".to_owned())
            .help()
            .unwrap()
            .contains("5347")
    );
    assert_eq!(server("system-shutdown").help(), None);
}

#[test]
fn secrets_are_not_shown() {
    assert!(!format!("{:?}", stream()).contains("test"));
}

#[test]
fn the_last_word_names_the_rule() {
    let text = String::from_utf8(error(Malformed::Comment)).unwrap();
    assert_eq!(
        text,
        format!(
            "<stream:error><restricted-xml xmlns='{STREAM_ERRORS}'/></stream:error></stream:stream>"
        )
    );
}
