//! Jabber Address Translation, there and back.

use super::*;

/// The four stanzas of mod_client_proxy's documentation.
#[test]
fn a_request_goes_there_and_its_answer_back() {
    let mut lab = Lab::new(&["a"]);
    let sent = lab.sends(
        "<iq type='get' id='1234' to='p.example' xml:lang='en' from='user@a.example/abc'>\
         <q:query xmlns:q='urn:q' a=\"&quot;1'\"><![CDATA[<&]]> <x/></q:query></iq>",
    );
    let asked = one(&sent);
    let token = asked.from.strip_prefix("p.example/").expect("a token");
    assert_eq!(
        asked.raw,
        format!(
            "<iq type='get' id='1234' to='bot@b.example/a' xml:lang='en' from='p.example/{token}'>\
             <q:query xmlns:q='urn:q' a=\"&quot;1'\"><![CDATA[<&]]> <x/></q:query></iq>"
        )
    );
    assert_eq!(lab.component.pending(), 1);
    let back = lab.sends(&answer(&asked, "result"));
    assert_eq!(
        back,
        [
            "<iq type='result' from='p.example' to='user@a.example/abc' id='1234'><x xmlns='urn:x'>yes</x></iq>"
        ]
    );
    assert_eq!(
        (lab.component.pending(), lab.outcomes()),
        (0, vec!["result"])
    );
    assert_eq!(lab.pass(seconds(100)), [""; 0]);
}

#[test]
fn the_address_that_was_asked_answers() {
    let mut lab = Lab::new(&["a"]);
    let mut seen = Vec::new();
    for to in [
        "p.example",
        "n@p.example",
        "p.example/r1",
        "n@p.example/r 2",
    ] {
        let asked = one(&lab.sends(&request(USER, to, "get", "1")));
        assert!(!seen.contains(&asked.from), "{to}");
        let back = one(&lab.sends(&answer(&asked, "result")));
        assert_eq!((back.from.as_str(), back.to.as_str()), (to, USER));
        seen.push(asked.from);
    }
}

#[test]
fn the_same_requester_has_the_same_address() {
    let mut lab = Lab::new(&["a"]);
    let first = lab.asked("get", "1");
    lab.sends(&answer(&first, "result"));
    assert_eq!(lab.asked("set", "2").from, first.from);
    let other = one(&lab.sends(&request("user@a.example/abd", DOMAIN, "get", "1")));
    assert_ne!(other.from, first.from);
}

/// The answers of one are not those of the other, though a requester may repeat itself.
#[test]
fn requests_with_the_same_id_are_told_apart() {
    let mut lab = Lab::new(&["a"]);
    let asked: Vec<_> = (0..3).map(|_| lab.asked("get", "same")).collect();
    assert_eq!(asked[0].id, "same");
    assert!(asked[1].id != asked[0].id && asked[1].id != asked[2].id);
    for asked in asked.iter().rev() {
        let back = one(&lab.sends(&answer(asked, "result")));
        assert_eq!(back.id, "same");
    }
    let long = "i".repeat(300);
    let asked = lab.asked("get", &long);
    assert!(asked.id.len() < 40, "{}", asked.id);
    assert_eq!(one(&lab.sends(&answer(&asked, "result"))).id, long);
}

#[test]
fn addresses_can_be_those_of_the_module() {
    let settings = Settings {
        mode: Mode::Compat,
        ..settings()
    };
    let mut lab = Lab::with(settings, &["a"]);
    let asked = lab.asked("get", "1");
    assert_eq!(asked.from, "p.example/user@a.example/abc");
    let back = one(&lab.sends(&answer(&asked, "result")));
    assert_eq!((back.from.as_str(), back.to.as_str()), (DOMAIN, USER));
    // What does not fit is refused, and told.
    let long = format!("user@a.example/{}", "r".repeat(1020));
    let back = one(&lab.sends(&request(&long, DOMAIN, "get", "1")));
    assert_eq!((back.to, back.condition.as_str()), (long, "jid-malformed"));
    assert_eq!(lab.outcomes(), ["result", "address_too_long"]);
}

#[test]
fn addresses_can_be_escaped() {
    let settings = Settings {
        mode: Mode::Escaped,
        ..settings()
    };
    let mut lab = Lab::with(settings, &["a"]);
    let asked = lab.asked("get", "1");
    assert_eq!(asked.from, r"user\40a.example@p.example/abc");
    let back = one(&lab.sends(&answer(&asked, "result")));
    assert_eq!((back.from.as_str(), back.to.as_str()), (DOMAIN, USER));
}

#[test]
fn long_requesters_have_handles() {
    let mut lab = Lab::new(&["a"]);
    let long = format!("{}@a.example/{}", "u".repeat(1000), "r".repeat(1000));
    let asked = one(&lab.sends(&request(&long, DOMAIN, "get", "1")));
    assert!(asked.from.starts_with("p.example/~") && asked.from.len() < 60);
    let again = one(&lab.sends(&request(&long, DOMAIN, "get", "2")));
    assert_eq!(again.from, asked.from);
    let back = one(&lab.sends(&answer(&asked, "result")));
    assert_eq!((back.from.as_str(), &back.to), (DOMAIN, &long));
    let found = one(&lab.sends(&look_up(&format!("{TARGET}/a"), &asked.from)));
    assert!(found.raw.contains(&format!("sender='{long}'")));
    // A domain that makes many up has only some.
    let refused = (0..500).filter(|i| {
        let long = format!("{i}{}@c.example/{}", "u".repeat(1000), "r".repeat(1000));
        let sent = one(&lab.sends(&request(&long, DOMAIN, "get", "1")));
        match sent.kind.as_str() {
            "error" => sent.condition == "resource-constraint",
            _ => {
                lab.sends(&answer(&sent, "result"));
                false
            }
        }
    });
    assert_eq!(refused.count(), 300);
}

fn look_up(from: &str, address: &str) -> String {
    format!(
        "<iq type='get' id='l' from='{from}' to='{DOMAIN}'><lookup xmlns='{LOOKUP}' address='{address}'/></iq>"
    )
}

#[test]
fn who_has_asked_is_told_to_who_was_asked_only() {
    let settings = Settings {
        targets: vec![TARGET.to_owned(), "two@b.example".to_owned()],
        ..settings()
    };
    let mut lab = Lab::with(settings, &["a"]);
    let asked = one(&lab.sends(&request(USER, "n@p.example", "get", "1")));
    let found = one(&lab.sends(&look_up(&format!("{TARGET}/other"), &asked.from)));
    assert_eq!(found.kind, "result");
    assert!(
        found
            .raw
            .contains("sender='user@a.example/abc' asked='n@p.example'"),
        "{}",
        found.raw
    );
    let two = look_up("two@b.example/a", &asked.from);
    let forged = look_up(&format!("{TARGET}/a"), &format!("{}A", asked.from));
    let foreign = look_up(&format!("{TARGET}/a"), &asked.from.replace("p.ex", "q.ex"));
    let [nothing, other] = [
        look_up(&format!("{TARGET}/a"), ""),
        look_up(USER, &asked.from),
    ];
    for refused in [two, forged, foreign, nothing, other] {
        assert_eq!(one(&lab.sends(&refused)).condition, "item-not-found");
    }
}

#[test]
fn the_target_may_ask_itself() {
    let mut lab = Lab::new(&["a"]);
    let me = format!("{TARGET}/a");
    let asked = one(&lab.sends(&request(&me, DOMAIN, "get", "1")));
    assert_eq!(asked.to, me);
    let back = one(&lab.sends(&answer(&asked, "result")));
    assert_eq!((back.from.as_str(), back.to), (DOMAIN, me));
}
