//! Every kind of stanza, from everybody, to every kind of address, in every state.

use super::*;

/// Who sends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum From {
    Other,
    Target,
}

/// Where it goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum To {
    /// The domain.
    Domain,
    /// An address that has the form of none of ours.
    Plain,
    /// The address of a requester.
    Token,
}

/// What happens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Then {
    Dropped,
    Error(&'static str),
    /// A resource is asked.
    Forwarded,
    /// Presence of ours, of these types.
    Presence(&'static [&'static str]),
}

use Then::{Dropped as Drop, Error, Forwarded, Presence};

const TABLE: &[(&str, &[&str], From, To, Then)] = &[
    ("iq", &["get", "set"], From::Other, To::Domain, Forwarded),
    ("iq", &["get", "set"], From::Other, To::Plain, Forwarded),
    (
        "iq",
        &["get", "set"],
        From::Other,
        To::Token,
        Error("item-not-found"),
    ),
    ("iq", &["get", "set"], From::Target, To::Domain, Forwarded),
    ("iq", &["get", "set"], From::Target, To::Plain, Forwarded),
    (
        "iq",
        &["get", "set"],
        From::Target,
        To::Token,
        Error("feature-not-implemented"),
    ),
    ("iq", &["result", "error"], From::Other, To::Domain, Drop),
    ("iq", &["result", "error"], From::Other, To::Plain, Drop),
    ("iq", &["result", "error"], From::Other, To::Token, Drop),
    ("iq", &["result", "error"], From::Target, To::Domain, Drop),
    ("iq", &["result", "error"], From::Target, To::Plain, Drop),
    ("iq", &["result", "error"], From::Target, To::Token, Drop),
    (
        "iq",
        &["", "GET", "subscribe"],
        From::Other,
        To::Domain,
        Error("bad-request"),
    ),
    (
        "iq",
        &["", "GET", "subscribe"],
        From::Target,
        To::Token,
        Error("bad-request"),
    ),
    (
        "message",
        &["", "chat", "normal", "headline", "groupchat"],
        From::Other,
        To::Domain,
        Error("feature-not-implemented"),
    ),
    (
        "message",
        &["", "chat", "normal", "headline", "groupchat"],
        From::Other,
        To::Plain,
        Error("feature-not-implemented"),
    ),
    (
        "message",
        &["", "chat"],
        From::Other,
        To::Token,
        Error("feature-not-implemented"),
    ),
    (
        "message",
        &["", "chat", "normal", "headline", "groupchat"],
        From::Target,
        To::Domain,
        Error("bad-request"),
    ),
    (
        "message",
        &["", "chat"],
        From::Target,
        To::Plain,
        Error("feature-not-implemented"),
    ),
    (
        "message",
        &["", "chat"],
        From::Target,
        To::Token,
        Error("feature-not-implemented"),
    ),
    ("message", &["error"], From::Other, To::Domain, Drop),
    ("message", &["error"], From::Other, To::Plain, Drop),
    ("message", &["error"], From::Other, To::Token, Drop),
    ("message", &["error"], From::Target, To::Domain, Drop),
    ("message", &["error"], From::Target, To::Plain, Drop),
    ("message", &["error"], From::Target, To::Token, Drop),
    (
        "presence",
        &[
            "",
            "unavailable",
            "subscribe",
            "subscribed",
            "unsubscribe",
            "unsubscribed",
            "probe",
        ],
        From::Other,
        To::Domain,
        Error("bad-request"),
    ),
    (
        "presence",
        &["", "unavailable", "subscribe", "probe"],
        From::Other,
        To::Plain,
        Error("bad-request"),
    ),
    (
        "presence",
        &["", "unavailable", "subscribe", "probe"],
        From::Other,
        To::Token,
        Error("bad-request"),
    ),
    ("presence", &["error"], From::Other, To::Domain, Drop),
    ("presence", &["error"], From::Other, To::Plain, Drop),
    ("presence", &["error"], From::Other, To::Token, Drop),
    (
        "presence",
        &["error", "unavailable", "", "unsubscribed"],
        From::Target,
        To::Domain,
        Drop,
    ),
    (
        "presence",
        &[
            "",
            "unavailable",
            "subscribe",
            "subscribed",
            "unsubscribe",
            "unsubscribed",
            "probe",
            "error",
        ],
        From::Target,
        To::Plain,
        Drop,
    ),
    (
        "presence",
        &[
            "",
            "unavailable",
            "subscribe",
            "subscribed",
            "unsubscribe",
            "unsubscribed",
            "probe",
            "error",
        ],
        From::Target,
        To::Token,
        Drop,
    ),
    (
        "presence",
        &["probe"],
        From::Target,
        To::Domain,
        Presence(&[""]),
    ),
    (
        "presence",
        &["subscribe"],
        From::Target,
        To::Domain,
        Presence(&["subscribed", ""]),
    ),
    (
        "presence",
        &["subscribed"],
        From::Target,
        To::Domain,
        Presence(&["probe", ""]),
    ),
    (
        "presence",
        &["unsubscribe"],
        From::Target,
        To::Domain,
        Presence(&["unsubscribed"]),
    ),
    ("other", &["", "get"], From::Other, To::Domain, Drop),
    ("other", &["", "get"], From::Target, To::Token, Drop),
];

/// What the component is when the stanza comes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// The target is there.
    There,
    /// The target is subscribed to and away.
    Away,
    /// The target was never subscribed to.
    Unknown,
    /// The process ends.
    Leaving,
}

fn lab(state: State) -> Lab {
    match state {
        State::There => Lab::new(&["a", "b"]),
        State::Away => Lab::new(&[]),
        State::Unknown => {
            let mut lab = Lab::without_link(settings());
            lab.component.handle_established(lab.now);
            lab.output();
            lab.pass(seconds(3));
            lab
        }
        State::Leaving => {
            let mut lab = Lab::new(&["a", "b"]);
            lab.component.handle_leaving();
            lab
        }
    }
}

#[test]
fn every_stanza_is_treated_as_it_should() {
    let token = tokens().make(TARGET, USER, DOMAIN).expect("a token");
    let mut cases = 0;
    for state in [State::There, State::Away, State::Unknown, State::Leaving] {
        for (name, kinds, from, to, then) in TABLE {
            for kind in *kinds {
                cases += 1;
                let mut lab = lab(state);
                let sender = match from {
                    From::Other => "other@a.example/x".to_owned(),
                    From::Target => format!("{TARGET}/z"),
                };
                let address = match to {
                    To::Domain => DOMAIN.to_owned(),
                    To::Plain => format!("n@{DOMAIN}/r"),
                    To::Token => format!("{DOMAIN}/{token}"),
                };
                let kind_attribute = match *kind {
                    "" => String::new(),
                    kind => format!("type='{kind}'"),
                };
                let stanza = format!(
                    "<{name} {kind_attribute} from='{sender}' to='{address}' id='7'><x xmlns='urn:x'/></{name}>"
                );
                let sent = lab.sends(&stanza);
                let sent: Vec<Sent> = sent.iter().map(|raw| read(raw)).collect();
                let case = format!("{state:?}: {stanza} -> {sent:#?}");
                let then = match (then, state) {
                    (Forwarded, State::Away | State::Unknown) => Error("recipient-unavailable"),
                    (Forwarded, State::Leaving) => Error("remote-server-timeout"),
                    // Whoever is let in is asked first what it is.
                    (Error("item-not-found"), State::Leaving) => Error("remote-server-timeout"),
                    (then, _) => *then,
                };
                match then {
                    Drop => assert!(sent.is_empty(), "{case}"),
                    Forwarded => {
                        assert_eq!((sent.len(), &*sent[0].kind), (1, *kind), "{case}");
                        assert!(sent[0].to.starts_with(TARGET), "{case}");
                        assert_eq!(lab.component.pending(), 1);
                    }
                    Error(condition) => {
                        let [sent] = &sent[..] else { panic!("{case}") };
                        assert_eq!(&sent.name, name, "{case}");
                        assert_eq!(
                            [&*sent.kind, &sent.condition, &sent.from, &sent.to, &sent.id],
                            ["error", condition, &*address, &sender, "7"],
                            "{case}"
                        );
                        assert!(sent.raw.contains("</text>"), "{case}");
                    }
                    Presence(kinds) => {
                        let seen: Vec<&str> = sent.iter().map(|sent| &*sent.kind).collect();
                        assert_eq!(seen, kinds, "{case}");
                        for sent in &sent {
                            assert_eq!(
                                [&*sent.name, &sent.from, &sent.to],
                                ["presence", DOMAIN, TARGET],
                                "{case}"
                            );
                        }
                    }
                }
                if then != Forwarded {
                    assert_eq!(lab.component.pending(), 0, "{case}");
                }
            }
        }
    }
    assert!(cases > 400, "{cases}");
}

#[test]
fn requests_without_what_they_need_are_refused() {
    let mut lab = Lab::new(&["a"]);
    let attributes = format!("type='get' from='{USER}' to='{DOMAIN}'");
    for stanza in [
        format!("<iq {attributes} id='1'/>"),
        format!("<iq {attributes} id='1'></iq>"),
        format!("<iq {attributes} id='1'>text</iq>"),
        format!("<iq {attributes}><x xmlns='urn:x'/></iq>"),
        format!("<iq {attributes} id=''><x xmlns='urn:x'/></iq>"),
        format!("<iq {attributes} id='1'><n:x/></iq>"),
    ] {
        let back = one(&lab.sends(&stanza));
        assert_eq!(
            (&*back.kind, &*back.condition),
            ("error", "bad-request"),
            "{stanza}"
        );
    }
    assert_eq!(lab.outcomes(), ["bad_request"; 6]);
}

#[test]
fn stanzas_without_addresses_are_dropped() {
    let mut lab = Lab::new(&["a"]);
    for (stanza, reason) in [
        (
            "<iq type='get' id='1' to='p.example'><x xmlns='urn:x'/></iq>",
            "malformed",
        ),
        (
            "<iq type='get' id='1' to='p.example' from='@'><x xmlns='urn:x'/></iq>",
            "malformed",
        ),
        (
            "<iq type='get' id='1' from='a@b/c'><x xmlns='urn:x'/></iq>",
            "foreign_to",
        ),
        (
            "<iq type='get' id='1' from='a@b/c' to='q.example'><x xmlns='urn:x'/></iq>",
            "foreign_to",
        ),
        (
            "<iq type='get' id='1' from='a@b/c' to='p.example/'><x xmlns='urn:x'/></iq>",
            "foreign_to",
        ),
    ] {
        assert_eq!(lab.sends(stanza), [""; 0], "{stanza}");
        assert!(
            lab.drops().iter().any(|(name, _)| *name == reason),
            "{stanza}"
        );
    }
    assert_eq!(lab.drops(), [("foreign_to", 3), ("malformed", 2)]);
}

#[test]
fn the_component_answers_for_itself() {
    let asks = |namespace: &str, more: &str| {
        let to = if more == "n@" { "n@p.example" } else { DOMAIN };
        let node = if more == "node" { "node='n'" } else { "" };
        let name = if namespace == "urn:xmpp:ping" {
            "ping"
        } else {
            "query"
        };
        format!(
            "<iq type='get' id='1' from='{USER}' to='{to}'><{name} xmlns='{namespace}' {node}/></iq>"
        )
    };
    let disco = "http://jabber.org/protocol/disco#info";
    let mut local = settings();
    local.about.name = "A & B".to_owned();
    local.about.features = vec!["urn:x".to_owned(), disco.to_owned()];
    let mut lab = Lab::with(local.clone(), &["a"]);
    let found = one(&lab.sends(&asks(disco, "")));
    assert_eq!(
        (&*found.kind, &*found.from, &*found.to),
        ("result", DOMAIN, USER)
    );
    assert!(
        found
            .raw
            .contains("<identity category='component' type='generic' name='A &amp; B'/>")
    );
    assert_eq!(found.raw.matches("<feature ").count(), 4);
    let version = one(&lab.sends(&asks("jabber:iq:version", "")));
    assert!(
        version.raw.contains("<name>Vestibule</name><version>"),
        "{}",
        version.raw
    );
    assert_eq!(lab.outcomes(), ["local"; 2]);
    for forwarded in [
        asks("urn:xmpp:ping", ""),
        asks(disco, "node"),
        asks(disco, "n@"),
        asks("http://jabber.org/protocol/disco#items", ""),
    ] {
        assert_eq!(
            one(&lab.sends(&forwarded)).to,
            format!("{TARGET}/a"),
            "{forwarded}"
        );
    }
    // Nothing of it can be set.
    let set = asks("jabber:iq:version", "").replace("type='get'", "type='set'");
    assert_eq!(one(&lab.sends(&set)).to, format!("{TARGET}/a"));
    // And the other way round.
    local.about.disco = Answerer::Forward;
    local.about.version = Answerer::Forward;
    local.about.ping = Answerer::Local;
    let mut lab = Lab::with(local, &["a"]);
    for forwarded in [asks(disco, ""), asks("jabber:iq:version", "")] {
        assert_eq!(one(&lab.sends(&forwarded)).to, format!("{TARGET}/a"));
    }
    let pong = one(&lab.sends(&asks("urn:xmpp:ping", "")));
    assert_eq!(
        (&*pong.kind, &*pong.from, &*pong.to),
        ("result", DOMAIN, USER)
    );
}
