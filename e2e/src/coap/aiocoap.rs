use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use serde::Deserialize;
use serde_json::Value;

use super::program::Program;
use crate::{PATIENCE, Process, wait_for};

/// A client by aiocoap while it runs: one request, or one observation.
#[derive(Debug)]
pub struct AiocoapClient(Program);

/// A server by aiocoap.
#[derive(Debug)]
pub struct AiocoapServer {
    process: Process,
    address: SocketAddr,
}

/// What a client by aiocoap tells of a response.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Told {
    /// The code, as in 2.05; empty when this is the end of an observation.
    pub code: String,
    /// Content-Format.
    pub format: Option<u16>,
    /// Observe.
    pub observe: Option<u32>,
    /// Max-Age, if it is not what it is by default.
    pub max_age: Option<u32>,
    /// The body.
    pub body: String,
    /// The body in hexadecimal digits, if the order asks for that.
    pub hex: String,
    /// How the observation has ended: `cancelled` by the client, or `ended` by the server.
    pub end: Option<String>,
}

impl AiocoapClient {
    /// Starts it with this order, which the script explains.
    pub fn start(order: &Value) -> Self {
        let script = directory().join("aiocoap_client.py");
        let mut command = Command::new(python());
        Self(Program::start(command.arg(script).arg(order.to_string())))
    }

    /// Runs it to its end; it must have nothing to complain about.
    #[track_caller]
    pub fn run(order: &Value) -> Vec<Told> {
        Self::start(order).finish()
    }

    /// Waits for its end; it must have nothing to complain about.
    #[track_caller]
    pub fn finish(self) -> Vec<Told> {
        self.finish_within(PATIENCE)
    }

    /// As [`Self::finish`], for what may take as long as this.
    #[track_caller]
    pub fn finish_within(mut self, patience: Duration) -> Vec<Told> {
        let status = self.0.wait(patience);
        let complaints = self.0.stderr();
        assert!(status.success() && complaints.is_empty(), "{complaints}");
        self.told()
    }

    /// Kills it; it must have had nothing to complain about.
    #[track_caller]
    pub fn stop(self) -> Vec<Told> {
        let complaints = self.0.stderr();
        assert!(complaints.is_empty(), "{complaints}");
        self.told()
    }

    /// Waits until it has told this often of something.
    pub fn wait_for_told(&self, count: usize) -> Vec<Told> {
        wait_for("aiocoap to tell", || {
            let told = self.told();
            (told.len() >= count).then_some(told)
        })
    }

    /// What it has told so far.
    pub fn told(&self) -> Vec<Told> {
        let output = self.0.stdout();
        // The last line may not be whole.
        let (lines, _) = output.rsplit_once('\n').unwrap_or_default();
        let parse = |line| serde_json::from_str(line).expect("a line of JSON");
        lines.lines().map(parse).collect()
    }
}

impl AiocoapServer {
    /// Starts it on a free port of 127.0.0.1.
    pub fn start() -> Self {
        let script = directory().join("aiocoap_server.py");
        let process = Process::start("aiocoap", Command::new(python()).arg(script));
        let port: u16 = wait_for("aiocoap to name its port", || {
            let line = process.stdout_line(0)?;
            line.strip_prefix("port ")?.parse().ok()
        });
        Self {
            process,
            address: SocketAddr::from(([127, 0, 0, 1], port)),
        }
    }

    /// Where it is reached.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Sets a new state of its observable resource.
    pub fn publish(&mut self, state: &str) {
        self.process.say(state);
    }

    /// Waits until it has printed a line that contains `text`.
    pub fn wait_for_line(&self, text: &str) {
        self.process.wait_for_line(text);
    }

    /// What it has executed: method, path and length of the body of each request.
    pub fn executed(&self) -> Vec<String> {
        let mut lines = self.process.stdout().split_off(1);
        lines.retain(|line| !line.starts_with("observers "));
        lines
    }

    /// What it complains about.
    pub fn complaints(&self) -> Vec<String> {
        self.process.stderr()
    }
}

fn directory() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src/coap")
}

fn python() -> PathBuf {
    let python = Path::new(env!("CARGO_MANIFEST_DIR")).join("../.peers/venv/bin/python");
    assert!(python.exists(), "no aiocoap: run `cargo xtask setup`");
    python
}
