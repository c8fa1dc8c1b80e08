//! Bytes, read as settings and stanzas.

use std::time::Duration;

use super::{DOMAIN, TARGETS, USERS};
use crate::component::{
    About, Answerer, Balance, LOOKUP, Mode, PolicyKey, Rate, Requester, RetrySets, Settings,
};
use crate::stanza::{Reply, Stanza};
use crate::xml::escape_into;

pub(super) struct Plan<'a> {
    rest: &'a [u8],
    len: usize,
}

impl<'a> Plan<'a> {
    pub(super) fn new(rest: &'a [u8]) -> Self {
        let len = rest.len();
        Self { rest, len }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    /// Of the whole plan.
    pub(super) fn is_odd(&self) -> bool {
        self.len % 2 == 1
    }

    /// The next byte; 0 behind the end.
    pub(super) fn byte(&mut self) -> u8 {
        let Some((byte, rest)) = self.rest.split_first() else {
            return 0;
        };
        self.rest = rest;
        *byte
    }

    fn pick<T: Clone>(&mut self, from: &[T]) -> T {
        from[usize::from(self.byte()) % from.len()].clone()
    }

    /// The text up to the end of the line.
    pub(super) fn raw(&mut self) -> &'a str {
        let end = self.rest.iter().position(|byte| *byte == b'\n');
        let (line, rest) = self.rest.split_at(end.unwrap_or(self.rest.len()));
        self.rest = rest;
        str::from_utf8(line).unwrap_or_default()
    }

    pub(super) fn settings(&mut self) -> Settings {
        let [a, b, c, d] = [(); 4].map(|()| self.byte());
        let bit = |byte: u8, bit: u8| byte >> bit & 1 == 1;
        let answerer = |is_local| match is_local {
            true => Answerer::Local,
            false => Answerer::Forward,
        };
        let modes = [Mode::Opaque, Mode::Opaque, Mode::Compat, Mode::Escaped];
        let balances = [
            Balance::Random,
            Balance::RoundRobin,
            Balance::LeastOutstanding,
            Balance::Priority,
            Balance::Sticky,
        ];
        let retry_sets = [
            RetrySets::Never,
            RetrySets::All,
            RetrySets::Namespaces(vec!["urn:x".to_owned()]),
        ];
        let user = || Requester::Account("user@a.example".to_owned());
        Settings {
            domain: DOMAIN.to_owned(),
            targets: TARGETS[..1 + usize::from(bit(a, 0))]
                .iter()
                .map(|&target| target.to_owned())
                .collect(),
            mode: modes[usize::from(a >> 1 & 3)],
            balance: balances[usize::from(a >> 3) % balances.len()],
            policy_key: if bit(b, 0) {
                PolicyKey::Bare
            } else {
                PolicyKey::Full
            },
            attempts: 1 + u32::from(b >> 1 & 3),
            retry_sets: retry_sets[usize::from(b >> 3 & 3) % 3].clone(),
            allow: few(bit(b, 5), vec![user()], Vec::new()),
            deny: few(bit(b, 6), vec![user()], Vec::new()),
            namespaces: few(bit(b, 7), vec!["urn:x".to_owned()], Vec::new()),
            rate: bit(c, 0).then_some(Rate {
                count: 2,
                per: Duration::from_secs(1),
            }),
            max_stanza: few(bit(c, 1), 250, 500_000),
            max_pending: few(bit(c, 2), 3, 1000),
            max_pending_per_requester: few(bit(c, 3), 2, 64),
            max_pending_bytes: few(bit(c, 4), 200, 1 << 20),
            attempt_timeout: Duration::from_secs(few(bit(c, 5), 30, 8)),
            about: About {
                disco: answerer(bit(d, 0)),
                version: answerer(bit(d, 1)),
                ping: answerer(bit(d, 2)),
                ..About::default()
            },
            ..Settings::default()
        }
    }

    /// A resource of a target.
    fn resource(&mut self) -> String {
        let resource = self.pick(&["r1", "r2", "<&>", "r4"]);
        format!("{}/{resource}", self.pick(&TARGETS))
    }

    pub(super) fn presence(&mut self) -> String {
        let from = escaped(&self.resource());
        let kind = self.pick(&["", "", "", " type='unavailable'", " type='error'"]);
        let inside = self.pick(&[
            "",
            "<show>dnd</show>",
            "<priority>-1</priority>",
            "<priority>5</priority><show>xa</show>",
        ]);
        format!("<presence{kind} from='{from}' to='{DOMAIN}'>{inside}</presence>")
    }

    pub(super) fn subscription(&mut self) -> String {
        let from = self.pick(&TARGETS);
        let kind = self.pick(&[
            "subscribed",
            "subscribed",
            "unsubscribed",
            "subscribe",
            "unavailable",
            "error",
        ]);
        format!("<presence type='{kind}' from='{from}' to='{DOMAIN}'/>")
    }

    /// A request, of an address of which something was `asked` perhaps.
    pub(super) fn request(&mut self, asked: &[String]) -> String {
        let from = escaped(self.pick(&USERS));
        let address = self.asked(asked).and_then(|raw| {
            let stanza = Stanza::parse(raw).ok()?;
            stanza.from.map(|from| escaped(&from))
        });
        let to = match (self.byte() % 8, address) {
            (0, _) => format!("node@{DOMAIN}"),
            (1, _) => format!("{DOMAIN}/resource"),
            (2, _) => "elsewhere.example".to_owned(),
            (3, Some(address)) => address,
            _ => DOMAIN.to_owned(),
        };
        let kind = self.pick(&["get", "get", "set", "other"]);
        let id = match self.byte() % 8 {
            0 => String::new(),
            1 => "i".repeat(300),
            id => id.to_string(),
        };
        let lookup = format!("<lookup xmlns='{LOOKUP}' address='{to}'/>");
        let payload = self.pick(&[
            "<x xmlns='urn:x'/>",
            "<x xmlns='urn:x' sid='1'/>",
            "<ping xmlns='urn:xmpp:ping'/>",
            "<query xmlns='http://jabber.org/protocol/disco#info'/>",
            "<query xmlns='jabber:iq:version'/>",
            "text",
            &lookup,
        ]);
        let to_lookup = if payload == lookup { DOMAIN } else { &to };
        format!("<iq type='{kind}' from='{from}' to='{to_lookup}' id='{id}'>{payload}</iq>")
    }

    /// An answer to something that was `asked`, from who was asked or somebody else.
    pub(super) fn answer(&mut self, asked: &[String]) -> Option<String> {
        let asked = Stanza::parse(self.asked(asked)?).ok()?;
        let mut question = asked.question();
        let other = self.resource();
        if self.byte().is_multiple_of(8) {
            question.to = Some(&other);
        }
        let condition = self.pick(&[
            "",
            "",
            "service-unavailable",
            "recipient-unavailable",
            "item-not-found",
        ]);
        let mut out = Vec::new();
        question.reply(Reply::Result("<x xmlns='urn:x' sid='2'/>"), &mut out);
        let result = String::from_utf8(out).ok()?;
        if condition.is_empty() {
            return Some(result);
        }
        let error = format!(
            "<error type='cancel'><{condition} xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error>"
        );
        let error = result.replace("<x xmlns='urn:x' sid='2'/>", &error);
        Some(error.replace("type='result'", "type='error'"))
    }

    /// Something that is no request.
    pub(super) fn other(&mut self) -> String {
        let from = escaped(self.pick(&USERS));
        let name = self.pick(&["message", "presence", "iq"]);
        let kind = self.pick(&["", "chat", "error", "result", "subscribe", "probe"]);
        let to = self.pick(&[DOMAIN, "p.example/AAAA", "n@p.example"]);
        format!("<{name} type='{kind}' from='{from}' to='{to}' id='9'/>")
    }

    /// One of the latest.
    fn asked<'b>(&mut self, asked: &'b [String]) -> Option<&'b str> {
        let back = 1 + usize::from(self.byte() % 16);
        let at = asked.len().checked_sub(back).or(asked.len().checked_sub(1));
        at.map(|at| asked[at].as_str())
    }
}

fn few<T>(is_few: bool, few: T, many: T) -> T {
    if is_few { few } else { many }
}

fn escaped(text: &str) -> String {
    let mut out = Vec::new();
    escape_into(text, &mut out);
    String::from_utf8(out).unwrap_or_default()
}
