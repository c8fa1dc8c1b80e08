//! Components that talk to a server of ours: a socket on which the test says what a server would.

mod endings;
mod links;
mod reloads;
mod server;
mod streams;

use std::{
    fs,
    path::PathBuf,
    sync::Arc,
    time::{Duration, Instant},
};

use tempfile::TempDir;
use vestibule_config::{AccessLog, LogFormat, Tcp};

use self::server::{ALONE, Peer, Server};
use super::{
    ComponentView, Handle, Message, Spec, create_missing_keys, shared::Pace, thread::start_with,
};
use crate::{log::access, material::Material, sys::TcpOptions};

const DOMAIN: &str = "proxy.example";
const SECRET: &str = "hush";

/// How long the test waits for what must happen.
const PATIENCE: Duration = Duration::from_secs(60);

/// Components on a thread of their own, as the supervisor has them.
struct Program {
    handle: Handle,
    access: Option<access::Writer>,
    directory: TempDir,
}

impl Program {
    /// With one component at `server`, and these keys of its table.
    fn start(server: &Server, keys: &str, pace: Pace) -> Self {
        let program = Self::idle(pace);
        program.apply(&component(DOMAIN, server, keys));
        program
    }

    /// Without any component.
    fn idle(pace: Pace) -> Self {
        let directory = TempDir::new().unwrap();
        let log = AccessLog::File(directory.path().join("access"));
        let access = access::Writer::start(&log, LogFormat::Json).unwrap();
        let handle = start_with(access.buffer(), tcp(), pace).unwrap();
        Self {
            handle,
            access: Some(access),
            directory,
        }
    }

    /// The components of a configuration. It must be good.
    fn specs(&self, text: &str) -> Vec<Arc<Spec>> {
        let path = self.directory.path().join("a.toml");
        let loaded = vestibule_config::parse(path.to_str().unwrap(), text);
        let config = loaded
            .config
            .unwrap_or_else(|| panic!("{}", loaded.report.render(false)));
        let material = Material::load(&config, None).material.unwrap();
        Spec::all(&config, &material)
    }

    /// Has exactly the components of this configuration.
    fn apply(&self, text: &str) {
        self.apply_draining(text, Duration::from_millis(300));
    }

    /// The same; what is no longer there has this time to answer what it owes.
    fn apply_draining(&self, text: &str, drain_timeout: Duration) {
        let components = self.specs(text);
        create_missing_keys(&components).unwrap();
        self.handle.send(Message::Apply {
            components,
            drain_timeout,
            tcp: tcp(),
        });
    }

    fn views(&self) -> Vec<ComponentView> {
        self.handle.ask(Message::Show).blocking_recv().unwrap()
    }

    /// Waits until the only component is like this.
    fn wait_for(&self, is: impl Fn(&ComponentView) -> bool) -> ComponentView {
        let start = Instant::now();
        loop {
            let view = self.views().remove(0);
            if is(&view) {
                return view;
            }
            assert!(start.elapsed() < PATIENCE, "{view:?}");
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// Begins to end all components.
    fn leave(&self, limit: Duration) -> tokio::sync::oneshot::Receiver<()> {
        self.handle.ask(|done| Message::Leave { limit, done })
    }

    /// Ends the thread; answers the records that were written.
    fn finish(mut self) -> Vec<serde_json::Value> {
        let finished = self.handle.ask(Message::Finish);
        finished.blocking_recv().unwrap();
        self.handle.join();
        self.access.take().unwrap().finish();
        let log = fs::read_to_string(self.path("access")).unwrap();
        let lines = log.lines();
        lines
            .map(|line| serde_json::from_str(line).unwrap())
            .collect()
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }
}

/// Nothing special.
fn tcp() -> TcpOptions {
    TcpOptions::new(&Tcp {
        keepalive_idle: None,
        keepalive_interval: Duration::from_secs(30),
        user_timeout: None,
        mark: None,
    })
}

/// A component's table.
fn component(domain: &str, server: &Server, keys: &str) -> String {
    let has = |key: &str| keys.lines().any(|line| line.trim().starts_with(key));
    let default = |key: &str, value: &str| match has(key) {
        true => String::new(),
        false => format!("{key} = {value}\n"),
    };
    format!(
        "[[component]]\ndomain = '{domain}'\nserver = '{}'\n{}{}{}{keys}\n",
        server.address(),
        default("secret", &format!("'{SECRET}'")),
        default("target", "'bot@example.org'"),
        default("jat", "{ mode = 'compat' }"),
    )
}

/// Everything quick.
fn quick() -> Pace {
    let millis = Duration::from_millis;
    Pace {
        first_wait: millis(20),
        longest_wait: millis(100),
        ..Pace::default()
    }
}

/// A request of `user@example.org/x` to the component.
fn request(kind: &str, id: &str) -> String {
    format!(
        "<iq type='{kind}' id='{id}' from='user@example.org/x' to='{DOMAIN}'>\
         <query xmlns='urn:example:a'/></iq>"
    )
}

impl Peer {
    /// Tells of a resource of the target, which is approved.
    fn bring_up(&mut self, resource: &str) {
        self.read_until("type='subscribe'");
        self.say(&format!(
            "<presence type='subscribed' from='bot@example.org' to='{DOMAIN}'/>\
             <presence from='bot@example.org/{resource}' to='{DOMAIN}'/>"
        ));
    }

    /// Reads a request that the resource is asked, and answers it.
    fn serve(&mut self, resource: &str, id: &str) {
        let asked = self.read_until("</iq>");
        let has = |part: &str| assert!(asked.contains(part), "{part}: {asked}");
        has(&format!("to='bot@example.org/{resource}'"));
        has(&format!("from='{DOMAIN}/user@example.org/x'"));
        has(&format!("id='{id}'"));
        self.say(&format!(
            "<iq type='result' id='{id}' from='bot@example.org/{resource}' \
             to='{DOMAIN}/user@example.org/x'><query xmlns='urn:example:a'/></iq>"
        ));
        let answer = self.read_until("</iq>");
        let has = |part: &str| assert!(answer.contains(part), "{part}: {answer}");
        has("type='result'");
        has("to='user@example.org/x'");
        has(&format!("from='{DOMAIN}'"));
        has(&format!("id='{id}'"));
    }
}
