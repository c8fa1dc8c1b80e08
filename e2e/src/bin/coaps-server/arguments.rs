//! What the program is asked for.

use std::fmt::Debug;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use vestibule::coaps::dtls::session::Version;

/// What the program is asked for.
#[derive(Debug)]
pub(crate) struct Arguments {
    pub(crate) bind: Vec<SocketAddr>,
    pub(crate) chain: PathBuf,
    pub(crate) key: PathBuf,
    pub(crate) ticket_key: Option<PathBuf>,
    pub(crate) workers: usize,
    /// Those that are spoken, if not all are.
    pub(crate) versions: Option<&'static [Version]>,
    pub(crate) post_quantum: bool,
    pub(crate) raw_echo: bool,
    /// Whether many clients may come from one address.
    pub(crate) unlimited: bool,
    pub(crate) idle: Option<Duration>,
    /// Between two states of `/ticks`.
    pub(crate) tick: Duration,
}

impl Arguments {
    /// Those of the process. Panics when they are wrong.
    pub(crate) fn of_process() -> Self {
        let mut found = Self {
            bind: Vec::new(),
            chain: PathBuf::new(),
            key: PathBuf::new(),
            ticket_key: None,
            workers: 1,
            versions: None,
            post_quantum: false,
            raw_echo: false,
            unlimited: false,
            idle: None,
            tick: Duration::from_secs(1),
        };
        let mut words = std::env::args().skip(1);
        while let Some(word) = words.next() {
            let mut value = || {
                let next = words.next();
                next.unwrap_or_else(|| panic!("{word} wants a value"))
            };
            match word.as_str() {
                "--bind" => found.bind.push(parse(&value())),
                "--chain" => found.chain = value().into(),
                "--key" => found.key = value().into(),
                "--ticket-key" => found.ticket_key = Some(value().into()),
                "--workers" => found.workers = parse(&value()),
                "--versions" => found.versions = Some(versions(&value())),
                "--post-quantum" => found.post_quantum = true,
                "--raw-echo" => found.raw_echo = true,
                "--unlimited" => found.unlimited = true,
                "--idle" => found.idle = Some(Duration::from_secs(parse(&value()))),
                "--tick" => found.tick = Duration::from_millis(parse(&value())),
                _ => panic!("{word} is not known"),
            }
        }
        found
    }
}

fn versions(word: &str) -> &'static [Version] {
    match word {
        "1.2" => &[Version::Dtls12],
        "1.3" => &[Version::Dtls13],
        _ => panic!("{word} is no version"),
    }
}

fn parse<T: FromStr<Err: Debug>>(word: &str) -> T {
    let parsed = word.parse();
    parsed.unwrap_or_else(|error| panic!("{word}: {error:?}"))
}
