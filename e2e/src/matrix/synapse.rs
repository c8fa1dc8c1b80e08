use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use rustix::process::Signal;
use serde_json::{Value, json};
use tempfile::TempDir;

use super::http::{Reply, ask_http};
use crate::{Process, ReservedPort, wait_at_most};

/// A Synapse on loopback, with SQLite, where everybody may register and there are no limits, or
/// others than by default. It is killed when this is dropped, and when the test program ends.
#[derive(Debug)]
pub struct Synapse {
    /// `None` while it is stopped.
    process: Option<Process>,
    port: ReservedPort,
    directory: TempDir,
}

/// An account of it, and a device that is logged in.
#[derive(Clone, Debug)]
pub struct User {
    /// `@name:server`.
    pub id: String,
    /// What it is called without the server.
    pub name: String,
    /// The access token.
    pub token: String,
}

/// How long it may take until it answers. It takes seconds of a processor.
const START: Duration = Duration::from_secs(240);

impl Synapse {
    /// The name of the server.
    pub const NAME: &str = "synapse.example";

    /// The password of every account.
    pub const PASSWORD: &str = "correct horse";

    /// Starts one.
    pub fn start() -> Self {
        Self::with_settings("")
    }

    /// Starts one with settings that stand in place of ours, in YAML: limits, for instance, such as
    /// `rc_message: {per_second: 0.1, burst_count: 1}`.
    pub fn with_settings(settings: &str) -> Self {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let port = ReservedPort::new();
        let write = |name: &str, text: &str| {
            fs::write(directory.path().join(name), text).expect("a temporary directory");
        };
        write("ours.yaml", &configuration(directory.path(), port.port()));
        // With nothing at all in it, Synapse takes a file for broken.
        write("test.yaml", &format!("report_stats: false\n{settings}\n"));
        // A seed that everybody knows is good enough for a server that talks to no other.
        write(
            "signing.key",
            &format!("ed25519 a_test {}\n", "A".repeat(43)),
        );
        let mut synapse = Self {
            process: None,
            port,
            directory,
        };
        synapse.restart();
        synapse
    }

    /// The one that all tests of this program share. Nobody may stop it.
    pub fn shared() -> &'static Self {
        static SHARED: OnceLock<Synapse> = OnceLock::new();
        SHARED.get_or_init(Self::start)
    }

    /// Where it listens, or will again.
    pub fn address(&self) -> SocketAddr {
        self.port.address()
    }

    /// Its URL.
    pub fn url(&self) -> String {
        format!("http://{}", self.address())
    }

    /// Ends it in good order. Nobody listens at its address then.
    pub fn stop(&mut self) {
        if let Some(mut process) = self.process.take() {
            process.signal(Signal::TERM);
            wait_at_most(START, "Synapse to end", || process.ended());
        }
    }

    /// Starts it anew, at the same address and with all that it knew. It may be stopped already.
    pub fn restart(&mut self) {
        self.stop();
        let directory = self.directory.path();
        let mut command = Command::new(python());
        command
            .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("src/matrix/synapse_main.py"))
            .arg("--config-path")
            .arg(directory.join("ours.yaml"))
            .arg("--config-path")
            .arg(directory.join("test.yaml"))
            .current_dir(directory);
        let mut process = Process::start("Synapse", &mut command);
        let address = self.address();
        wait_at_most(START, "Synapse to answer", || {
            if let Some(status) = process.ended() {
                panic!("Synapse has ended: {status}");
            }
            let target = "/_matrix/client/versions";
            ask_http(address, "GET", target, None, None).ok()
        });
        self.process = Some(process);
    }

    /// Asks it over HTTP, in a user's name or in nobody's. `target` is percent-encoded.
    #[track_caller]
    pub fn ask(
        &self,
        user: Option<&User>,
        method: &str,
        target: &str,
        body: Option<&Value>,
    ) -> Reply {
        let token = user.map(|user| &*user.token);
        ask_http(self.address(), method, target, token, body)
            .unwrap_or_else(|error| panic!("{method} {target}: {error}"))
    }

    /// A new account whose name begins with this.
    #[track_caller]
    pub fn register(&self, name: &str) -> User {
        let name = unique(name);
        let account = account(&name);
        let target = "/_matrix/client/v3/register";
        let answer = self.ask(None, "POST", target, Some(&account)).good();
        User::from_answer(&name, &answer)
    }

    /// A new room of this user, which everybody may join. Its id.
    #[track_caller]
    pub fn create_room(&self, user: &User) -> String {
        let target = "/_matrix/client/v3/createRoom";
        let body = json!({"preset": "public_chat"});
        let answer = self.ask(Some(user), "POST", target, Some(&body)).good();
        member(&answer, "room_id")
    }

    /// Makes this user join a room.
    #[track_caller]
    pub fn join(&self, user: &User, room: &str) {
        let target = format!("/_matrix/client/v3/join/{}", segment(room));
        self.ask(Some(user), "POST", &target, Some(&json!({})))
            .good();
    }

    /// Sends a text into a room. The id of the event.
    #[track_caller]
    pub fn send(&self, user: &User, room: &str, text: &str) -> String {
        let target = format!(
            "/_matrix/client/v3/rooms/{}/send/m.room.message/{}",
            segment(room),
            unique("t")
        );
        let body = json!({"msgtype": "m.text", "body": text});
        let answer = self.ask(Some(user), "PUT", &target, Some(&body)).good();
        member(&answer, "event_id")
    }
}

impl User {
    /// From the answer to a login or a registration with this name.
    #[track_caller]
    pub fn from_answer(name: &str, answer: &Value) -> Self {
        Self {
            id: member(answer, "user_id"),
            name: name.to_owned(),
            token: member(answer, "access_token"),
        }
    }
}

/// A name that begins like this and that nothing else in this test program has.
pub fn unique(name: &str) -> String {
    static MADE: AtomicU64 = AtomicU64::new(1);
    format!("{name}{}", MADE.fetch_add(1, Ordering::Relaxed))
}

/// What registers an account of this name.
pub fn account(name: &str) -> Value {
    json!({
        "username": name,
        "password": Synapse::PASSWORD,
        "auth": {"type": "m.login.dummy"},
    })
}

/// A member of an answer that is text.
#[track_caller]
pub fn member(answer: &Value, name: &str) -> String {
    let value = answer[name].as_str();
    value
        .unwrap_or_else(|| panic!("no {name} in {answer}"))
        .to_owned()
}

/// An id of Matrix as a segment of a path.
pub fn segment(id: &str) -> String {
    let encode = |byte: u8| match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
            char::from(byte).to_string()
        }
        _ => format!("%{byte:02X}"),
    };
    id.bytes().map(encode).collect()
}

fn python() -> PathBuf {
    let python = Path::new(env!("CARGO_MANIFEST_DIR")).join("../.peers/synapse/bin/python");
    assert!(python.exists(), "no Synapse: run `cargo xtask setup`");
    python
}

fn configuration(directory: &Path, port: u16) -> String {
    let directory = directory.display();
    let plenty = "{per_second: 100000, burst_count: 100000}";
    let name = Synapse::NAME;
    format!(
        r#"
server_name: {name}
report_stats: false
signing_key_path: {directory}/signing.key
pid_file: {directory}/synapse.pid
media_store_path: {directory}/media
database:
  name: sqlite3
  args: {{database: {directory}/synapse.db}}
listeners:
  - port: {port}
    type: http
    tls: false
    bind_addresses: [127.0.0.1]
    x_forwarded: true
    resources: [{{names: [client], compress: false}}]
trusted_key_servers: []
suppress_key_server_warning: true
federation_domain_whitelist: []
enable_registration: true
enable_registration_without_verification: true
bcrypt_rounds: 4
macaroon_secret_key: a secret that everybody knows
form_secret: another one
rc_message: {plenty}
rc_registration: {plenty}
rc_login: {{address: {plenty}, account: {plenty}, failed_attempts: {plenty}}}
rc_joins: {{local: {plenty}, remote: {plenty}}}
rc_joins_per_room: {plenty}
rc_invites: {{per_room: {plenty}, per_user: {plenty}, per_issuer: {plenty}}}
rc_room_creation: {plenty}
rc_user_directory: {plenty}
rc_profile: {plenty}
"#
    )
}
