use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::{Origin, field, wait_for};

/// A homeserver that answers what a test says, and shows the test every byte that it was asked.
#[derive(Debug)]
pub struct StubHomeserver {
    origin: Origin,
    asked: Arc<Mutex<Vec<Asked>>>,
}

/// A request that it got.
#[derive(Clone, Debug)]
pub struct Asked {
    /// `GET` and so on.
    pub method: String,
    /// Path and query, as they came.
    pub target: String,
    /// The whole head.
    pub head: String,
    /// The body.
    pub body: String,
}

/// What it answers.
#[derive(Clone, Debug)]
pub struct Reply {
    status: u16,
    content_type: &'static str,
    fields: String,
    body: Vec<u8>,
}

/// Bodies of `/sync`, of which a client that says `since=s3` gets the fourth.
#[derive(Debug, Default)]
pub struct SyncFeed {
    bodies: Mutex<Vec<Value>>,
    news: Condvar,
}

impl StubHomeserver {
    /// Answers by `answer`, which may take its time. Where it says nothing, `/versions` says 1.11, and
    /// everything else is not there.
    pub fn start(answer: impl Fn(&Asked) -> Option<Reply> + Clone + Send + 'static) -> Self {
        let asked = Arc::<Mutex<Vec<Asked>>>::default();
        let journal = Arc::clone(&asked);
        let origin = Origin::serve(move |stream| {
            let Ok(mut writer) = stream.try_clone() else {
                return;
            };
            let mut reader = BufReader::new(stream);
            while let Some(request) = Asked::read(&mut reader) {
                lock(&journal).push(request.clone());
                let reply = answer(&request).unwrap_or_else(|| Reply::usual(&request));
                if !reply.write(&mut writer) {
                    return;
                }
            }
        });
        Self { origin, asked }
    }

    /// Answers all that is asked by 200 and this.
    pub fn saying(body: Value) -> Self {
        Self::start(move |asked| {
            let is_versions = asked.path() == "/_matrix/client/versions";
            (!is_versions).then(|| Reply::json(200, &body))
        })
    }

    /// Answers `/sync` from this feed, and all else by 200 and `{}`.
    pub fn feeding(feed: &Arc<SyncFeed>) -> Self {
        let feed = Arc::clone(feed);
        Self::start(move |asked| match asked.path() {
            "/_matrix/client/versions" => None,
            path if path.ends_with("/sync") => Some(feed.answer(asked)),
            _ => Some(Reply::json(200, &json!({}))),
        })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.origin.address()
    }

    /// What it was asked so far, without what the gateway asks of itself.
    pub fn asked(&self) -> Vec<Asked> {
        let asked = lock(&self.asked).clone();
        let own = |asked: &Asked| {
            asked.path() == "/_matrix/client/versions" && asked.field("authorization").is_none()
        };
        asked.into_iter().filter(|asked| !own(asked)).collect()
    }

    /// How often `/versions` was asked for without a token.
    pub fn versions_asked(&self) -> usize {
        let asked = lock(&self.asked);
        let versions = asked
            .iter()
            .filter(|it| it.target == "/_matrix/client/versions");
        versions.count()
    }

    /// Waits for the last of so many requests.
    #[track_caller]
    pub fn wait_for_asked(&self, count: usize) -> Asked {
        wait_for(&format!("{count} requests at the homeserver"), || {
            self.asked().into_iter().nth(count - 1)
        })
    }
}

impl Asked {
    /// The path.
    pub fn path(&self) -> &str {
        self.target.split('?').next().unwrap_or_default()
    }

    /// The query; empty when there is none.
    pub fn query(&self) -> &str {
        self.target.split_once('?').map_or("", |(_, query)| query)
    }

    /// The first value of this key in the query.
    pub fn query_value(&self, key: &str) -> Option<&str> {
        let mut pairs = self.query().split('&').filter_map(|it| it.split_once('='));
        pairs.find_map(|(found, value)| (found == key).then_some(value))
    }

    /// A header field.
    pub fn field(&self, name: &str) -> Option<&str> {
        field(&self.head, name)
    }

    /// The access token.
    pub fn token(&self) -> Option<&str> {
        self.field("authorization")?.strip_prefix("Bearer ")
    }

    fn read(reader: &mut BufReader<TcpStream>) -> Option<Self> {
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            if reader.read_line(&mut head).ok()? == 0 {
                return None;
            }
        }
        let mut words = head.split(' ');
        let (method, target) = (words.next()?.to_owned(), words.next()?.to_owned());
        let length = field(&head, "content-length").map_or(Some(0), |it| it.parse().ok())?;
        let mut body = vec![0; length];
        reader.read_exact(&mut body).ok()?;
        Some(Self {
            method,
            target,
            head,
            body: String::from_utf8_lossy(&body).into_owned(),
        })
    }
}

impl Reply {
    /// JSON.
    pub fn json(status: u16, body: &Value) -> Self {
        Self::of(status, "application/json", body.to_string())
    }

    /// An error of Matrix.
    pub fn error(status: u16, errcode: &str) -> Self {
        Self::json(
            status,
            &json!({"errcode": errcode, "error": "as the test wants it"}),
        )
    }

    /// Anything.
    pub fn of(status: u16, content_type: &'static str, body: impl Into<Vec<u8>>) -> Self {
        Self {
            status,
            content_type,
            fields: String::new(),
            body: body.into(),
        }
    }

    /// With this header field as well.
    pub fn with(mut self, name: &str, value: &str) -> Self {
        self.fields.push_str(&format!("{name}: {value}\r\n"));
        self
    }

    fn usual(asked: &Asked) -> Self {
        match asked.path() {
            "/_matrix/client/versions" => Self::json(200, &json!({"versions": ["v1.11"]})),
            _ => Self::error(404, "M_UNRECOGNIZED"),
        }
    }

    fn write(&self, stream: &mut TcpStream) -> bool {
        let Self {
            status,
            content_type,
            fields,
            body,
        } = self;
        let length = body.len();
        let head = format!(
            "HTTP/1.1 {status} Status\r\nContent-Type: {content_type}\r\n{fields}Content-Length: \
             {length}\r\n\r\n"
        );
        let bytes = [head.as_bytes(), body].concat();
        stream.write_all(&bytes).is_ok()
    }
}

impl SyncFeed {
    /// One with nothing new.
    pub fn new() -> Arc<Self> {
        Arc::default()
    }

    /// Adds a body, and wakes who waits for it. It has a message of this text, and as much beside it
    /// as is needed for a body of JSON of this size.
    pub fn push(&self, text: &str, size: usize) {
        let body = |padding: usize| {
            let padding = "x".repeat(padding);
            let content = json!({"msgtype": "m.text", "body": text, "padding": padding});
            let event = json!({"type": "m.room.message", "content": content});
            json!({"rooms": {"join": {"!r:hs": {"timeline": {"events": [event]}}}}})
        };
        let least = body(0).to_string().len();
        lock(&self.bodies).push(body(size.saturating_sub(least)));
        self.news.notify_all();
    }

    /// Answers such a request, when there is something or its time is over.
    pub fn answer(&self, asked: &Asked) -> Reply {
        let since = asked
            .query_value("since")
            .and_then(|it| it.strip_prefix('s'));
        let since: usize = since.map_or(0, |it| it.parse().expect("a since of ours"));
        let timeout = asked
            .query_value("timeout")
            .map_or(0, |it| it.parse().expect("a number of milliseconds"));
        let end = Instant::now() + Duration::from_millis(timeout);
        let mut bodies = lock(&self.bodies);
        loop {
            if let Some(body) = bodies.get(since) {
                let mut body = body.clone();
                body["next_batch"] = json!(format!("s{}", since + 1));
                return Reply::json(200, &body);
            }
            let left = end.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Reply::json(200, &json!({"next_batch": format!("s{since}")}));
            }
            let waited = self.news.wait_timeout(bodies, left);
            bodies = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
