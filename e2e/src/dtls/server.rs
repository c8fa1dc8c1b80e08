use std::net::SocketAddr;
use std::process::{Command, ExitStatus};

use rustix::process::Signal;

use super::proportional_memory;
use crate::{Leaf, Metrics, Process, wait_for};

/// `coaps-server`, the server of this package: our library with a small application.
#[derive(Debug)]
pub struct CoapsServer {
    process: Process,
    address: SocketAddr,
}

/// An association, as the server saw it begin.
#[derive(Clone, Debug)]
pub struct Opened {
    /// Its id: the number of the worker, a dash, and a number.
    pub id: String,
    /// `1.2` or `1.3`.
    pub version: String,
    /// The number of the suite, four hexadecimal digits.
    pub suite: String,
    /// Whether it resumed another one.
    pub resumed: bool,
    /// Where the client was.
    pub remote: SocketAddr,
}

impl CoapsServer {
    /// Starts the program at `path` on a free port of 127.0.0.1 with this certificate and these
    /// further arguments (separated by spaces).
    pub fn start(path: &str, leaf: &Leaf, arguments: &str) -> Self {
        let mut command = Command::new(path);
        command.args(["--bind", "127.0.0.1:0"]);
        Self::run(&mut command, leaf, arguments)
    }

    /// As [`Self::start`], where the command has the program and its addresses.
    pub fn run(command: &mut Command, leaf: &Leaf, arguments: &str) -> Self {
        command.arg("--chain").arg(&leaf.chain);
        command.arg("--key").arg(&leaf.key);
        command.args(arguments.split_whitespace());
        let process = Process::start("coaps-server", command);
        let address = wait_for("coaps-server to listen", || {
            let line = process.stdout_line(0)?;
            line.strip_prefix("listening on ")?.parse().ok()
        });
        Self { process, address }
    }

    /// Where it is reached, the first address if there are several.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The associations that have begun, in order.
    pub fn opened(&self) -> Vec<Opened> {
        self.lines("opened", |words| {
            let [id, version, suite, how, remote, "to", ..] = words else {
                return None;
            };
            Some(Opened {
                id: (*id).to_owned(),
                version: (*version).to_owned(),
                suite: (*suite).to_owned(),
                resumed: *how == "resumed",
                remote: remote.parse().ok()?,
            })
        })
    }

    /// The addresses that the server has adopted, with the ids of their associations, in order.
    pub fn moved(&self) -> Vec<(String, SocketAddr)> {
        self.lines("moved", |words| match words {
            [id, remote] => Some(((*id).to_owned(), remote.parse().ok()?)),
            _ => None,
        })
    }

    /// Why associations have ended, in order.
    pub fn closed(&self) -> Vec<String> {
        self.lines("closed", |words| Some((*words.get(1)?).to_owned()))
    }

    /// Waits until so many associations have begun; the last of them.
    #[track_caller]
    pub fn wait_for_opened(&self, count: usize) -> Opened {
        wait_for(&format!("{count} associations"), || {
            self.opened().into_iter().nth(count - 1)
        })
    }

    /// Waits until the server has adopted so many addresses; the last of them.
    #[track_caller]
    pub fn wait_for_moved(&self, count: usize) -> SocketAddr {
        let (_, remote) = wait_for(&format!("{count} moves"), || {
            self.moved().into_iter().nth(count - 1)
        });
        remote
    }

    /// Waits until so many associations have ended; why the last of them did.
    #[track_caller]
    pub fn wait_for_closed(&self, count: usize) -> String {
        wait_for(&format!("the end of {count} associations"), || {
            self.closed().into_iter().nth(count - 1)
        })
    }

    /// Its metrics, as they are now.
    #[track_caller]
    pub fn metrics(&self) -> Metrics {
        const END: &str = "# EOF";
        let ends = || {
            let lines = self.process.stdout();
            lines.iter().filter(|line| *line == END).count()
        };
        let before = ends();
        self.process.signal(Signal::USR1);
        wait_for("the metrics", || (ends() > before).then_some(()));
        let lines = self.process.stdout();
        // Between the last two ends, with what was said in between.
        let mut blocks = lines.split(|line| line == END);
        let last = blocks.nth(before).unwrap_or_default();
        Metrics::from(last.join("\n"))
    }

    /// The sum of what is counted under `vestibule_dtls_NAME_total`, with these labels.
    #[track_caller]
    pub fn count(&self, name: &str, labels: &[(&str, &str)]) -> u64 {
        let name = format!("vestibule_dtls_{name}_total");
        self.metrics().sum(&name, labels)
    }

    /// Its memory in bytes (PSS).
    pub fn memory(&self) -> usize {
        proportional_memory(self.process.id())
    }

    /// Tells it to show the certificate that is in its files now, and waits until it does.
    #[track_caller]
    pub fn reload(&self) {
        let replaced = || {
            let lines = self.process.stdout();
            lines.iter().filter(|line| *line == "replaced").count()
        };
        let before = replaced();
        self.process.signal(Signal::HUP);
        wait_for("the certificate", || (replaced() > before).then_some(()));
    }

    /// Tells it to end.
    pub fn terminate(&self) {
        self.process.signal(Signal::TERM);
    }

    /// Waits for its end.
    #[track_caller]
    pub fn wait(&mut self) -> ExitStatus {
        self.process.wait()
    }

    /// What `read` makes of the words behind `event` in each line about such an event.
    fn lines<T>(&self, event: &str, read: impl Fn(&[&str]) -> Option<T>) -> Vec<T> {
        let lines = self.process.stdout();
        let mut found = Vec::new();
        for line in &lines {
            let words: Vec<&str> = line.split(' ').collect();
            if words[0] == event {
                found.push(read(&words[1..]).unwrap_or_else(|| panic!("{line}")));
            }
        }
        found
    }
}
