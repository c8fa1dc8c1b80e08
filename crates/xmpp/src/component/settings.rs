//! What a component does, as its operator wants it.

use std::time::Duration;

/// What a component does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// The component's own domain, [prepared](crate::jid::prepare).
    pub domain: String,
    /// The accounts whose resources answer, bare addresses, prepared. None of them is in `domain`.
    pub targets: Vec<String>,
    /// What the addresses look like that stand for who has asked.
    pub mode: Mode,
    /// Which resource gets a request.
    pub balance: Balance,
    /// For whom [`Balance::Sticky`] chooses the same resource.
    pub policy_key: PolicyKey,
    /// How long a request may take in all.
    pub timeout: Duration,
    /// How long one resource may take before another one is asked, where that is allowed.
    pub attempt_timeout: Duration,
    /// How many resources are asked for one request at most; at least 1.
    pub attempts: u32,
    /// Which requests of type `set` may be asked of another resource. Those of type `get` always may.
    pub retry_sets: RetrySets,
    /// Whose requests are let through; empty: anybody's.
    pub allow: Vec<Requester>,
    /// Whose requests are refused, even where they are let through by `allow`.
    pub deny: Vec<Requester>,
    /// Namespaces of payloads that are let through; empty: any.
    pub namespaces: Vec<String>,
    /// How many requests a requester may begin, by bare address.
    pub rate: Option<Rate>,
    /// The largest stanza that is sent, in bytes.
    pub max_stanza: usize,
    /// How many requests may wait for their answers at once.
    pub max_pending: usize,
    /// How many of them may come from one bare address.
    pub max_pending_per_requester: usize,
    /// How many bytes the texts of pending requests may take, and what is kept of them for another
    /// attempt.
    pub max_pending_bytes: usize,
    /// Who answers questions about the component itself.
    pub about: About,
}

/// What the addresses look like that stand for who has asked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Mode {
    /// `proxy.example/TOKEN`, which only we can read.
    #[default]
    Opaque,
    /// `proxy.example/user@example.org/res`, as Prosody's mod_client_proxy has it.
    Compat,
    /// `user\40example.org@proxy.example/res` (XEP-0106).
    Escaped,
}

/// Which resource gets a request.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Balance {
    /// Any.
    #[default]
    Random,
    /// One after the other.
    RoundRobin,
    /// The one with the fewest requests that it has not answered.
    LeastOutstanding,
    /// One after the other among those of the highest priority.
    Priority,
    /// The same for the same requester, as long as it is there.
    Sticky,
}

/// For whom [`Balance::Sticky`] chooses the same resource.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum PolicyKey {
    /// For each full address.
    #[default]
    Full,
    /// For each bare address: all resources of an account.
    Bare,
}

/// Which requests of type `set` may be asked of another resource.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum RetrySets {
    /// All: what they do can be done twice.
    All,
    /// Those whose payload has one of these namespaces.
    Namespaces(Vec<String>),
    /// None: whether one was done is not known.
    #[default]
    Never,
}

/// Who is meant.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Requester {
    /// All of a domain, itself included; prepared.
    Domain(String),
    /// All resources of a bare address, prepared. A domain alone is [`Requester::Domain`].
    Account(String),
    /// One full address, prepared.
    Full(String),
}

/// At most this many in this time, and as many at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Rate {
    /// At least 1.
    pub count: u32,
    /// Not 0.
    pub per: Duration,
}

/// Who answers questions about the component itself, that is about its domain without a resource.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct About {
    /// disco#info without a node (XEP-0030).
    pub disco: Answerer,
    /// Version (XEP-0092).
    pub version: Answerer,
    /// Ping (XEP-0199).
    pub ping: Answerer,
    /// What the component is called in disco#info.
    pub name: String,
    /// Further features in disco#info: namespaces that the service has.
    pub features: Vec<String>,
    /// The name and version of the program in answers about the version.
    pub software: (String, String),
}

/// Who answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Answerer {
    /// The component.
    Local,
    /// A resource, as for every other request.
    Forward,
}

impl Default for Settings {
    /// Without a domain and targets.
    fn default() -> Self {
        Self {
            domain: String::new(),
            targets: Vec::new(),
            mode: Mode::default(),
            balance: Balance::default(),
            policy_key: PolicyKey::default(),
            timeout: Duration::from_secs(20),
            attempt_timeout: Duration::from_secs(8),
            attempts: 2,
            retry_sets: RetrySets::default(),
            allow: Vec::new(),
            deny: Vec::new(),
            namespaces: Vec::new(),
            rate: None,
            max_stanza: 500_000,
            max_pending: 100_000,
            max_pending_per_requester: 64,
            max_pending_bytes: 64 << 20,
            about: About::default(),
        }
    }
}

impl Default for About {
    fn default() -> Self {
        Self {
            disco: Answerer::Local,
            version: Answerer::Local,
            ping: Answerer::Forward,
            name: "Vestibule".to_owned(),
            features: Vec::new(),
            software: ("Vestibule".to_owned(), env!("CARGO_PKG_VERSION").to_owned()),
        }
    }
}
