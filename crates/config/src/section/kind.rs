//! What belongs to one `kind` of service only.

use std::time::Duration;

use ipnet::IpNet;
use toml::{Spanned, de::DeValue};

use crate::{
    Connect, Http, ServiceKind,
    code::Code,
    diagnostic::{Problem, quote},
    reader::{DurationKey, Reader, Table},
    value::network,
};

const REQUEST_TIMEOUT: DurationKey = DurationKey {
    key: "request_timeout",
    default: Duration::from_secs(10),
    min: Duration::from_millis(100),
    max: Duration::from_secs(300),
};
const KEEP_ALIVE_TIMEOUT: DurationKey = DurationKey {
    key: "keep_alive_timeout",
    default: Duration::from_secs(60),
    min: Duration::from_millis(100),
    max: Duration::from_secs(24 * 3600),
};
const RESPONSE_TIMEOUT: DurationKey = DurationKey {
    key: "response_timeout",
    default: Duration::from_secs(300),
    min: Duration::from_millis(100),
    max: Duration::from_secs(24 * 3600),
};

/// The words for `kind`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Word {
    Connect,
    Http,
    Tcp,
}

/// Keys that only some kinds have.
const OF_KINDS: &[(&str, &[Word])] = &[
    ("balance", &[Word::Http, Word::Tcp]),
    ("health", &[Word::Http, Word::Tcp]),
    ("keep_alive_timeout", &[Word::Http]),
    ("realm", &[Word::Connect]),
    ("request_timeout", &[Word::Connect, Word::Http]),
    ("response_timeout", &[Word::Http]),
    ("tls", &[Word::Http, Word::Tcp]),
    ("trusted_proxies", &[Word::Http]),
    ("upstreams", &[Word::Http, Word::Tcp]),
    ("users", &[Word::Connect]),
];

impl Word {
    /// As it is written.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Connect => "connect",
            Self::Http => "http",
            Self::Tcp => "tcp",
        }
    }
}

/// Reads the kind; `None` when it is wrong.
pub(super) fn word(r: &mut Reader<'_>, table: &Table<'_>) -> Option<Word> {
    if !table.has("kind") {
        return Some(Word::Tcp);
    }
    let words = [
        ("connect", Word::Connect),
        ("http", Word::Http),
        ("tcp", Word::Tcp),
    ];
    r.choice(table, "kind", &words)
}

/// Reads what belongs to this kind only, and reports keys of others.
pub(super) fn kind(r: &mut Reader<'_>, table: &Table<'_>, word: Word) -> ServiceKind {
    for (key, words) in OF_KINDS {
        let off = |value: &DeValue<'_>| value.as_bool() == Some(false);
        if let Some(value) = table.value(key)
            && !words.contains(&word)
            && !off(value.get_ref())
        {
            misplaced(r, table, key, words, word);
        }
    }
    match word {
        Word::Connect => ServiceKind::Connect(Connect {
            users: r.file(table, "users"),
            realm: r
                .text(table, "realm", realm)
                .unwrap_or_else(|| "vestibule".to_owned()),
            request_timeout: r.duration(table, &REQUEST_TIMEOUT),
        }),
        Word::Http => ServiceKind::Http(Http {
            trusted_proxies: trusted(r, table),
            request_timeout: r.duration(table, &REQUEST_TIMEOUT),
            keep_alive_timeout: r.duration(table, &KEEP_ALIVE_TIMEOUT),
            response_timeout: r.duration(table, &RESPONSE_TIMEOUT),
            matrix: None,
        }),
        Word::Tcp => ServiceKind::Tcp,
    }
}

/// The reverse proxy with the default of everything, for the TCP side of the gateway at this index.
pub(super) fn tcp_side(gateway: usize, trusted_proxies: Vec<IpNet>) -> ServiceKind {
    ServiceKind::Http(Http {
        trusted_proxies,
        request_timeout: REQUEST_TIMEOUT.default,
        keep_alive_timeout: KEEP_ALIVE_TIMEOUT.default,
        response_timeout: RESPONSE_TIMEOUT.default,
        matrix: Some(gateway),
    })
}

fn misplaced(r: &mut Reader<'_>, table: &Table<'_>, key: &str, words: &[Word], word: Word) {
    let kinds: Vec<_> = words.iter().map(|word| quote(word.name())).collect();
    let message = format!(
        "{} is for services of kind {}, not {}",
        quote(key),
        kinds.join(" and "),
        quote(word.name()),
    );
    let help = match (key, word) {
        ("upstreams", Word::Connect) => {
            "the client says where it wants to be carried: write `allow` instead"
        }
        ("tls", Word::Connect) => "the client speaks TLS with its target itself: leave it out",
        ("health", Word::Connect) => "there is nothing to check: leave it out",
        _ => "leave it out, or write another `kind`",
    };
    let problem = Problem::new(Code::WrongKind, message).help(help);
    let span = table.key_span(key).unwrap_or_else(|| table.span().clone());
    match table.value("kind") {
        Some(kind) => r.conflict(span, problem, &kind.span(), "this is its kind"),
        None => r.error(span, problem),
    }
}

/// `trusted_proxies`.
pub(super) fn trusted(r: &mut Reader<'_>, table: &Table<'_>) -> Vec<IpNet> {
    let networks = r.texts(table, "trusted_proxies", network::parse);
    let networks = networks.into_iter().flatten();
    let networks: Vec<IpNet> = networks.map(Spanned::into_inner).collect();
    if let (Some(value), true) = (
        table.value("trusted_proxies"),
        networks.iter().any(|network| network.prefix_len() == 0),
    ) {
        let message = "anyone may claim any client address";
        let problem = Problem::new(Code::TrustsEveryone, message)
            .help("write the addresses of the proxies in front of this one");
        r.warning(value.span(), problem);
    }
    networks
}

fn realm(text: &str) -> Result<String, Problem> {
    let fits = (1..=64).contains(&text.len()) && !text.chars().any(char::is_control);
    match fits {
        true => Ok(text.to_owned()),
        false => {
            let message = "a realm has 1 to 64 bytes and no control characters";
            let problem = Problem::new(Code::OutOfRange, message);
            Err(problem.help("write the name of this proxy, such as `proxy.example.org`"))
        }
    }
}
