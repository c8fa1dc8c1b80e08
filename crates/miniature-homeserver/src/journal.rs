use std::{collections::VecDeque, fmt, net::SocketAddr, time::Instant};

use hyper::{HeaderMap, Method, Version};

/// A request that a [`Homeserver`](crate::Homeserver) got.
#[derive(Clone)]
pub struct Record {
    /// When its head was there.
    pub at: Instant,
    /// Who sent it.
    pub peer: SocketAddr,
    /// Which HTTP it came by.
    pub version: Version,
    /// `GET`, `PUT` and so on.
    pub method: Method,
    /// As it came, escaped.
    pub path: String,
    /// What stands behind the question mark.
    pub query: Option<String>,
    headers: Vec<(String, String)>,
}

impl Record {
    /// What is kept of a request. Everything is copied, so that no buffer is held.
    pub(crate) fn new(peer: SocketAddr, head: &hyper::http::request::Parts) -> Self {
        Self {
            at: Instant::now(),
            peer,
            version: head.version,
            method: head.method.clone(),
            path: head.uri.path().to_owned(),
            query: head.uri.query().map(str::to_owned),
            headers: copied(
                &head.headers,
                head.uri
                    .authority()
                    .map(hyper::http::uri::Authority::as_str),
            ),
        }
    }

    /// The first value of a header field, by its name in small letters. The `:authority` of HTTP/2
    /// is `host`.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers(name).next()
    }

    /// All values of a header field, by its name in small letters.
    pub fn headers(&self, name: &str) -> impl Iterator<Item = &str> {
        self.headers
            .iter()
            .filter(move |(known, _)| known == name)
            .map(|(_, value)| value.as_str())
    }

    /// The names of all header fields, in small letters.
    pub fn header_names(&self) -> impl Iterator<Item = &str> {
        self.headers.iter().map(|(name, _)| name.as_str())
    }

    /// The access token.
    pub fn token(&self) -> Option<&str> {
        self.header("authorization")?.strip_prefix("Bearer ")
    }

    /// Path and query, as they came.
    pub fn path_and_query(&self) -> String {
        match &self.query {
            Some(query) => format!("{}?{query}", self.path),
            None => self.path.clone(),
        }
    }
}

impl fmt::Debug for Record {
    /// Without queries and values of header fields, which may have tokens.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} from {}", self.method, self.path, self.peer)
    }
}

fn copied(headers: &HeaderMap, authority: Option<&str>) -> Vec<(String, String)> {
    let text = |value: &[u8]| String::from_utf8_lossy(value).into_owned();
    let own = headers
        .iter()
        .map(|(name, value)| (name.as_str().to_owned(), text(value.as_bytes())));
    authority
        .map(|authority| ("host".to_owned(), authority.to_owned()))
        .into_iter()
        .chain(own)
        .collect()
}

/// The last requests.
#[derive(Debug)]
pub(crate) struct Journal {
    records: VecDeque<Record>,
    most: usize,
}

impl Journal {
    /// Keeps `most` records.
    pub(crate) fn new(most: usize) -> Self {
        Self {
            records: VecDeque::new(),
            most,
        }
    }

    /// Whether a record would be kept.
    pub(crate) fn is_kept(&self) -> bool {
        self.most > 0
    }

    /// Keeps a record, and forgets the oldest when there are too many.
    pub(crate) fn push(&mut self, record: Record) {
        if self.records.len() >= self.most {
            self.records.pop_front();
        }
        self.records.push_back(record);
    }

    /// All that are kept, oldest first.
    pub(crate) fn records(&self) -> Vec<Record> {
        self.records.iter().cloned().collect()
    }

    /// Forgets all.
    pub(crate) fn clear(&mut self) {
        self.records.clear();
    }
}
