use std::{
    fmt, io,
    net::{SocketAddr, TcpListener},
    sync::{Arc, atomic::Ordering},
    thread::JoinHandle,
};

use serde_json::{Value, json};
use tokio::{net::TcpListener as Listener, sync::oneshot};

use crate::{
    Fault, Options, Record,
    server::{self, Shared},
    state::{Draft, State},
};

/// A homeserver that runs, on a thread of its own. It stops when it is dropped.
pub struct Homeserver {
    shared: Arc<Shared>,
    address: SocketAddr,
    /// Tells the thread to end; `None` only while this is taken apart.
    running: Option<(oneshot::Sender<()>, JoinHandle<()>)>,
}

/// A homeserver that does not run, with all that it knows, its faults and its journal.
pub struct Stopped {
    shared: Arc<Shared>,
    address: SocketAddr,
}

impl Homeserver {
    /// Starts one that knows nobody.
    ///
    /// # Errors
    ///
    /// When the address cannot be bound, or there is no thread to be had.
    pub fn start(options: Options) -> io::Result<Self> {
        let listener = TcpListener::bind(options.bind)?;
        let address = listener.local_addr()?;
        Self::run(listener, Arc::new(Shared::new(options, address)), address)
    }

    /// Starts one again, where it was and with all that it knows: access tokens and the tokens of
    /// sync stay valid.
    ///
    /// # Errors
    ///
    /// As those of [`Homeserver::start`].
    pub fn start_with(stopped: Stopped) -> io::Result<Self> {
        let listener = TcpListener::bind(stopped.address)?;
        Self::run(listener, stopped.shared, stopped.address)
    }

    fn run(listener: TcpListener, shared: Arc<Shared>, address: SocketAddr) -> io::Result<Self> {
        listener.set_nonblocking(true)?;
        let (stop, stopped) = oneshot::channel();
        let runtime = tokio::runtime::Builder::new_current_thread;
        let own = Arc::clone(&shared);
        let serve = move || {
            // Without a runtime there is nobody who accepts; the caller sees connections refused.
            let Ok(runtime) = runtime().enable_all().build_local(Default::default()) else {
                return;
            };
            runtime.block_on(async {
                if let Ok(listener) = Listener::from_std(listener) {
                    tokio::select! {
                        _ = stopped => {}
                        () = server::serve(listener, own) => {}
                    }
                }
            });
        };
        let thread = std::thread::Builder::new()
            .name("homeserver".into())
            .spawn(serve)?;
        Ok(Self {
            shared,
            address,
            running: Some((stop, thread)),
        })
    }

    /// Stops at once: whoever waits for an answer sees the end of the connection.
    pub fn stop(mut self) -> Stopped {
        self.end();
        Stopped {
            shared: Arc::clone(&self.shared),
            address: self.address,
        }
    }

    fn end(&mut self) {
        if let Some((stop, thread)) = self.running.take() {
            let _ = stop.send(());
            let _ = thread.join();
        }
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Where clients shall find it.
    pub fn base_url(&self) -> &str {
        self.shared.base_url()
    }

    /// Answers all requests that come from now on in this way, instead of all faults set before.
    pub fn set_fault(&self, fault: Fault) {
        self.shared.faults().set(fault);
    }

    /// Answers requests whose path begins so in this way, from now on. The longest such beginning
    /// counts.
    pub fn set_fault_below(&self, prefix: &str, fault: Fault) {
        self.shared.faults().set_below(prefix, fault);
    }

    /// The last requests, oldest first: at most [`Options::journal`].
    pub fn journal(&self) -> Vec<Record> {
        self.shared.journal().records()
    }

    /// Empties the journal.
    pub fn clear_journal(&self) {
        self.shared.journal().clear();
    }

    /// How many requests came so far.
    pub fn requests(&self) -> u64 {
        self.shared.counters.requests.load(Ordering::Relaxed)
    }

    /// How many connections were accepted so far.
    pub fn accepted(&self) -> u64 {
        self.shared.counters.accepted.load(Ordering::Relaxed)
    }

    /// How many connections there are.
    pub fn connections(&self) -> u64 {
        self.shared.counters.connections.load(Ordering::Relaxed)
    }

    /// How many syncs wait for news.
    pub fn waiting(&self) -> u64 {
        self.shared.counters.waiting.load(Ordering::Relaxed)
    }

    /// How many syncs of this user wait for news.
    pub fn waiting_of(&self, user: &str) -> usize {
        self.state(|state| state.user(user).map_or(0, |user| user.waiting))
    }

    /// Makes an account, or changes its password, and says the user's identifier.
    pub fn register(&self, name: &str, password: &str) -> String {
        self.state(|state| state.register(name, password))
    }

    /// An access token of a new device of this user; `None` when there is no such user.
    pub fn log_in(&self, user: &str) -> Option<String> {
        self.state(|state| state.log_in(user, None, None).map(|session| session.token))
    }

    /// Makes a room of one user which others have joined already, and says its identifier. Those
    /// who have no account are left out.
    pub fn create_room(&self, creator: &str, members: &[&str]) -> String {
        self.state(|state| {
            let room = state.create_room(creator, &json!({ "preset": "public_chat" }));
            for member in members {
                if state.user(member).is_some() {
                    state.join(&room, member);
                }
            }
            room
        })
    }

    /// Sends a message of text; the event's identifier, or `None` when the sender is not in the
    /// room.
    pub fn send_text(&self, room: &str, sender: &str, text: &str) -> Option<String> {
        let draft = Draft {
            kind: "m.room.message",
            state_key: None,
            content: json!({ "msgtype": "m.text", "body": text }),
        };
        self.state(|state| {
            let joined = state.is_joined(room, sender);
            joined.then(|| state.append(room, sender, draft)).flatten()
        })
    }

    /// The events of a room that are kept, oldest first, as clients get them.
    pub fn events(&self, room: &str) -> Vec<Value> {
        self.state(|state| {
            let room = state.room(room);
            room.map_or_else(Vec::new, |room| {
                room.timeline().map(|event| event.to_json()).collect()
            })
        })
    }

    /// The texts of a room's messages that are kept, oldest first.
    pub fn texts(&self, room: &str) -> Vec<String> {
        let text = |event: Value| Some(event["content"]["body"].as_str()?.to_owned());
        self.events(room).into_iter().filter_map(text).collect()
    }

    fn state<T>(&self, with: impl FnOnce(&mut State) -> T) -> T {
        with(&mut self.shared.state())
    }
}

impl Drop for Homeserver {
    fn drop(&mut self) {
        self.end();
    }
}

impl Stopped {
    /// Where it listened.
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

impl fmt::Debug for Homeserver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Homeserver")
            .field("address", &self.address)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for Stopped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Stopped")
            .field("address", &self.address)
            .finish_non_exhaustive()
    }
}
