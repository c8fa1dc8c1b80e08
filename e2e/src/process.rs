use std::io::{BufRead, BufReader, Read, Write};
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use crate::{PATIENCE, eventually, free_ports, wait_at_most, wait_for};

/// How often free ports are looked for.
const ATTEMPTS: usize = 30;

/// What programs say of a port that is somebody else's.
const IN_USE: &str = "Address already in use";

/// How long what a program has written may be under way to us when it has ended.
const LAST_WORDS: Duration = Duration::from_secs(5);

/// A running program. What it writes is kept; it is killed when this is dropped.
#[derive(Debug)]
pub struct Process {
    name: String,
    child: Child,
    stdin: Option<ChildStdin>,
    stdout: Lines,
    stderr: Lines,
}

type Lines = Arc<Mutex<Vec<String>>>;

impl Process {
    /// Starts `command`; `name` is for messages.
    pub fn start(name: &str, command: &mut Command) -> Self {
        let mut child = command
            .env("PATH", path_with_sbin())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| {
                panic!(
                    "cannot start {command:?}: {error}; `cargo xtask setup` gets what is missing"
                )
            });
        let stdout = collect(child.stdout.take());
        let stderr = collect(child.stderr.take());
        Self {
            name: name.to_owned(),
            stdin: child.stdin.take(),
            child,
            stdout,
            stderr,
        }
    }

    /// Starts what `command` makes of the first of `count` free ports in a row of 127.0.0.1, and waits
    /// until it writes a line that contains `ready`. Somebody may take a port just before: then others
    /// are tried. Answers the first port, too.
    pub fn on_free_ports(
        name: &str,
        count: u16,
        ready: &str,
        mut command: impl FnMut(u16) -> Command,
    ) -> (Self, u16) {
        let mut said = Vec::new();
        for _ in 0..ATTEMPTS {
            let port = free_ports(count);
            let mut process = Self::start(name, &mut command(port));
            let has_ports = wait_for(&format!("{name} to write {ready:?}"), || {
                // Asked for before what it has said, which is all then.
                let ended = process.has_said_all();
                said = process.stdout();
                said.extend(process.stderr());
                let says = |text| said.iter().any(|line| line.contains(text));
                if says(IN_USE) {
                    return Some(false);
                }
                if says(ready) {
                    return Some(true);
                }
                assert!(!ended, "{name} has ended");
                None
            });
            if has_ports {
                return (process, port);
            }
        }
        panic!(
            "{name} has found no free ports {ATTEMPTS} times; the last time it said:\n{}",
            said.join("\n")
        );
    }

    /// Writes a line to its standard input.
    pub fn say(&mut self, line: &str) {
        let stdin = self.stdin.as_mut().expect("standard input is open");
        writeln!(stdin, "{line}").unwrap_or_else(|error| panic!("{}: {error}", self.name));
    }

    /// Ends its standard input.
    pub fn close_stdin(&mut self) {
        self.stdin = None;
    }

    /// Waits for the end. What it has written is known then, unless a child of its own goes on with that.
    pub fn wait(&mut self) -> ExitStatus {
        let status = wait_for(&format!("{} to end", self.name), || self.ended());
        let start = Instant::now();
        while !self.has_said_all() && start.elapsed() < LAST_WORDS {
            thread::sleep(Duration::from_millis(1));
        }
        status
    }

    /// How it ended, if it has.
    pub fn ended(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().expect("a child of ours")
    }

    /// Whether it has ended, and everything that it has written is known.
    fn has_said_all(&mut self) -> bool {
        let is_whole = |lines: &Lines| Arc::strong_count(lines) == 1;
        self.ended().is_some() && is_whole(&self.stdout) && is_whole(&self.stderr)
    }

    /// Its process id.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Sends a signal.
    pub fn signal(&self, signal: Signal) {
        let id = i32::try_from(self.child.id()).expect("a process id");
        let id = Pid::from_raw(id).expect("a process id is not 0");
        kill_process(id, signal).unwrap_or_else(|error| panic!("{}: {error}", self.name));
    }

    /// What it has written to standard output so far.
    pub fn stdout(&self) -> Vec<String> {
        lines(&self.stdout)
    }

    /// The line of this index, from 0, of standard output, if it was written already.
    pub fn stdout_line(&self, index: usize) -> Option<String> {
        lines_of(&self.stdout).get(index).cloned()
    }

    /// What it has written to standard error so far.
    pub fn stderr(&self) -> Vec<String> {
        lines(&self.stderr)
    }

    /// Waits until a line that it has written contains `text`.
    pub fn wait_for_line(&self, text: &str) {
        eventually(&format!("{} to write {text:?}", self.name), || {
            let has = |lines: &Lines| lines_of(lines).iter().any(|line| line.contains(text));
            has(&self.stdout) || has(&self.stderr)
        });
    }

    /// Waits until somebody listens on this TCP port of its network namespace. Nobody connects to
    /// find out, so that the first connection is the test's own.
    pub fn wait_for_port(&mut self, port: u16) {
        // Some servers take seconds of a processor before.
        let what = format!("{} to listen on port {port}", self.name);
        wait_at_most(4 * PATIENCE, &what, || {
            assert!(self.ended().is_none(), "{} has ended", self.name);
            let listens = ["tcp", "tcp6"].iter().any(|table| {
                std::fs::read_to_string(format!("/proc/{}/net/{table}", self.id()))
                    .is_ok_and(|table| table.lines().any(|line| is_listening(line, port)))
            });
            listens.then_some(())
        });
    }

    /// File descriptors that it has open.
    pub fn open_descriptors(&self) -> usize {
        std::fs::read_dir(format!("/proc/{}/fd", self.id()))
            .expect("the descriptors of a child")
            .count()
    }

    /// Memory that it holds, in bytes, without what the kernel holds for its sockets.
    pub fn resident_memory(&self) -> usize {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.id()))
            .expect("the status of a child");
        let kilobytes = status
            .lines()
            .find_map(|line| line.strip_prefix("VmRSS:")?.trim().strip_suffix(" kB"))
            .expect("VmRSS in the status of a process");
        kilobytes.parse::<usize>().expect("a number of kilobytes") * 1024
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        if thread::panicking() {
            let (stdout, stderr) = (self.stdout(), self.stderr());
            let tail = |lines: &[String]| lines[lines.len().saturating_sub(40)..].join("\n");
            eprintln!(
                "--- {} wrote:\n{}\n{}",
                self.name,
                tail(&stdout),
                tail(&stderr)
            );
        }
    }
}

/// Whether this line of `/proc/net/tcp` is of a socket that listens on `port`.
fn is_listening(line: &str, port: u16) -> bool {
    const LISTEN: &str = "0A";
    let mut fields = line.split_whitespace().skip(1);
    let (local, state) = (fields.next(), fields.nth(1));
    let suffix = format!(":{port:04X}");
    local.is_some_and(|local| local.ends_with(&suffix)) && state == Some(LISTEN)
}

/// Debian's daemons are where only root's `PATH` leads.
fn path_with_sbin() -> String {
    let path = std::env::var("PATH").unwrap_or_default();
    format!("{path}:/usr/local/sbin:/usr/sbin:/sbin")
}

fn collect(stream: Option<impl Read + Send + 'static>) -> Lines {
    let lines = Lines::default();
    let stream = stream.expect("a stream that was asked for");
    thread::spawn({
        let lines = Arc::clone(&lines);
        move || {
            for line in BufReader::new(stream).split(b'\n') {
                let Ok(line) = line else { return };
                let line = String::from_utf8_lossy(&line).into_owned();
                lines_of(&lines).push(line);
            }
        }
    });
    lines
}

fn lines(lines: &Lines) -> Vec<String> {
    lines_of(lines).clone()
}

fn lines_of(lines: &Lines) -> std::sync::MutexGuard<'_, Vec<String>> {
    lines.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sh(script: &str) -> Command {
        let mut sh = Command::new("sh");
        sh.args(["-c", script]);
        sh
    }

    #[test]
    fn ports_that_are_taken_are_left_to_whoever_has_them() {
        let mut tried = Vec::new();
        let (process, port) = Process::on_free_ports("sh", 2, "ready", |port| {
            tried.push(port);
            match tried.len() {
                1 => sh("echo bind: Address already in use; exec sleep 60"),
                2 => sh("echo bind: Address already in use >&2; exit 1"),
                _ => sh("echo ready; exec sleep 60"),
            }
        });
        assert_eq!((tried.len(), tried[2]), (3, port));
        assert_eq!(process.stdout(), ["ready"]);
    }

    #[test]
    #[should_panic = "sh has ended"]
    fn other_failures_are_not_tried_again() {
        Process::on_free_ports("sh", 1, "ready", |_| sh("echo no such file; exit 1"));
    }
}
