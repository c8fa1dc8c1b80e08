use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use serde::Deserialize;
use serde_json::{Value, json};

use super::load::{Load, Report};
use super::login::Login;
use super::stanza::Stanza;
use crate::{PATIENCE, Process, eventually, wait_for};

/// What the clients run.
const PROGRAM: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/src/xmpp/clients.py");

/// The namespace of the requests of loads; every client answers them with a result at first.
const WORK: &str = "urn:vestibule:e2e:work";

/// Clients of XMPP, by slixmpp, in a process of their own. It is killed when this and all clients
/// are dropped.
#[derive(Clone, Debug)]
pub struct XmppClients(Arc<Mutex<Driver>>);

/// A client that has logged in.
#[derive(Debug)]
pub struct XmppClient {
    driver: Arc<Mutex<Driver>>,
    name: String,
    jid: String,
    /// What it has received and nobody has looked for yet.
    inbox: Mutex<Vec<Stanza>>,
}

/// How a client answers a request.
#[derive(Clone, Copy, Debug)]
pub enum Answer {
    /// With an error.
    Error,
    /// With a result that names the resource.
    Result,
    /// With a result after this time.
    ResultAfter(Duration),
    /// With a result that has this many bytes of text.
    ResultOf(usize),
    /// Never.
    Silence,
}

#[derive(Debug)]
struct Driver {
    process: Process,
    orders: usize,
    logins: usize,
    /// Lines of its output that were read.
    read: usize,
}

#[derive(Deserialize)]
struct Told {
    n: usize,
    #[serde(default)]
    value: Value,
    error: Option<String>,
}

impl XmppClients {
    /// Starts the process. Nobody is logged in.
    pub fn start() -> Self {
        let python = root().join(".peers/venv/bin/python");
        assert!(python.exists(), "no slixmpp: run `cargo xtask setup`");
        let process = Process::start("clients", Command::new(python).arg(PROGRAM));
        Self(Arc::new(Mutex::new(Driver {
            process,
            orders: 0,
            logins: 0,
            read: 0,
        })))
    }

    /// Logs in.
    #[track_caller]
    pub fn login(&self, login: &Login) -> XmppClient {
        let mut driver = lock(&self.0);
        driver.logins += 1;
        let name = format!("client{}", driver.logins);
        let jid = driver.obey(&name, login.order(), PATIENCE);
        drop(driver);
        assert_eq!(jid, login.jid(), "another resource was bound");
        XmppClient {
            driver: Arc::clone(&self.0),
            jid: login.jid().to_owned(),
            name,
            inbox: Mutex::default(),
        }
    }

    /// How often the sets of loads were done, by key. None should be there twice.
    pub fn sets_done(&self) -> BTreeMap<String, usize> {
        let done = lock(&self.0).obey("", json!({ "order": "done" }), PATIENCE);
        serde_json::from_value(done["set"].clone()).expect("numbers by key")
    }
}

impl XmppClient {
    /// Its full address.
    pub fn jid(&self) -> &str {
        &self.jid
    }

    /// Sends this text.
    pub fn send(&self, xml: &str) {
        self.order(json!({ "order": "send", "xml": xml }));
    }

    /// Sends an `<iq/>`, of which the text lacks only the id, and waits for its answer, wherever it is
    /// from.
    #[track_caller]
    pub fn ask(&self, iq: &str) -> Stanza {
        let answer = self.ask_for(iq, PATIENCE);
        answer.unwrap_or_else(|| panic!("{}: no answer to {iq}", self.jid))
    }

    /// As [`Self::ask`], but waits only so long.
    #[track_caller]
    pub fn ask_for(&self, iq: &str, patience: Duration) -> Option<Stanza> {
        let rest = iq.strip_prefix("<iq ").expect("an <iq/> with attributes");
        let id = lock(&self.driver).orders;
        let id = format!("{}-asks-{id}", self.name);
        self.ask_as(&format!("<iq id='{id}' {rest}"), &id, patience)
    }

    /// Sends an `<iq/>` with this id and waits for its answer.
    #[track_caller]
    pub fn ask_as(&self, iq: &str, id: &str, patience: Duration) -> Option<Stanza> {
        let order =
            json!({ "order": "ask", "id": id, "xml": iq, "patience": patience.as_secs_f64() });
        let answer = self.order_within(order, patience + PATIENCE);
        let answer: Option<Stanza> = serde_json::from_value(answer).expect("a stanza, or none");
        if let Some(answer) = &answer {
            assert_eq!(answer.id, id, "{}", answer.xml);
        }
        answer
    }

    /// Waits for a stanza that is no answer to [`Self::ask`], and takes it.
    #[track_caller]
    pub fn receives(&self, what: &str, is_it: impl Fn(&Stanza) -> bool) -> Stanza {
        wait_for(&format!("{} to receive {what}", self.jid), || {
            self.take(&is_it)
        })
    }

    /// As [`Self::receives`], but does not wait.
    #[track_caller]
    pub fn take(&self, is_it: impl Fn(&Stanza) -> bool) -> Option<Stanza> {
        let fresh = self.order(json!({ "order": "inbox" }));
        let fresh: Vec<Stanza> = serde_json::from_value(fresh).expect("stanzas");
        let mut inbox = self.inbox.lock().unwrap_or_else(PoisonError::into_inner);
        inbox.extend(fresh);
        let index = inbox.iter().position(is_it)?;
        Some(inbox.remove(index))
    }

    /// Panics if such a stanza has come or comes within half a second.
    #[track_caller]
    pub fn receives_no(&self, what: &str, is_it: impl Fn(&Stanza) -> bool) {
        thread::sleep(Duration::from_millis(500));
        let found = self.take(is_it);
        assert!(found.is_none(), "{what}: {found:?}");
    }

    /// How it answers requests with this namespace. All but those of loads get an error at first.
    pub fn answers(&self, namespace: &str, answer: Answer) {
        let answer = match answer {
            Answer::Error => json!({ "how": "error" }),
            Answer::Result => json!({ "how": "result" }),
            Answer::ResultAfter(time) => json!({ "how": "result", "seconds": time.as_secs_f64() }),
            Answer::ResultOf(bytes) => json!({ "how": "result", "filler": bytes }),
            Answer::Silence => json!({ "how": "silence" }),
        };
        self.order(json!({ "order": "answer", "namespace": namespace, "answer": answer }));
    }

    /// As [`Self::answers`], for requests of loads.
    pub fn answers_work(&self, answer: Answer) {
        self.answers(WORK, answer);
    }

    /// Begins to send many requests.
    pub fn begin(&self, load: &Load) {
        let label = lock(&self.driver).orders;
        self.order(load.order(label));
    }

    /// Waits until this many requests of the load are over.
    #[track_caller]
    pub fn progresses(&self, count: u64) {
        eventually(&format!("{count} requests to be over"), || {
            let over = self.order(json!({ "order": "progress" }));
            over.as_u64().is_some_and(|over| over >= count)
        });
    }

    /// Waits until the load is over.
    #[track_caller]
    pub fn report(&self) -> Report {
        let report = self.order_within(json!({ "order": "report" }), 4 * PATIENCE);
        serde_json::from_value(report).expect("a report")
    }

    /// Sends many requests and waits until they are over.
    #[track_caller]
    pub fn run(&self, load: &Load) -> Report {
        self.begin(load);
        self.report()
    }

    /// Cuts the connection, without a word.
    #[track_caller]
    pub fn cut(&self) {
        self.order(json!({ "order": "cut" }));
    }

    /// Says that it is unavailable, and leaves.
    #[track_caller]
    pub fn leave(&self) {
        self.order(json!({ "order": "leave" }));
    }

    #[track_caller]
    fn order(&self, order: Value) -> Value {
        self.order_within(order, PATIENCE)
    }

    #[track_caller]
    fn order_within(&self, order: Value, patience: Duration) -> Value {
        lock(&self.driver).obey(&self.name, order, patience)
    }
}

impl Driver {
    /// Gives an order and waits for the answer.
    #[track_caller]
    fn obey(&mut self, client: &str, mut order: Value, patience: Duration) -> Value {
        self.orders += 1;
        order["n"] = self.orders.into();
        order["client"] = client.into();
        self.process.say(&order.to_string());
        let begun = Instant::now();
        loop {
            if let Some(line) = self.process.stdout_line(self.read) {
                self.read += 1;
                let told: Told = serde_json::from_str(&line).expect("an answer in JSON");
                assert_eq!(told.n, self.orders, "answers out of order: {line}");
                assert_eq!(told.error, None, "{order}");
                return told.value;
            }
            assert!(self.process.ended().is_none(), "the clients have ended");
            assert!(begun.elapsed() < patience, "waited in vain for {order}");
            thread::sleep(Duration::from_millis(2));
        }
    }
}

fn lock(driver: &Arc<Mutex<Driver>>) -> std::sync::MutexGuard<'_, Driver> {
    driver.lock().unwrap_or_else(PoisonError::into_inner)
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .expect("the workspace")
}
