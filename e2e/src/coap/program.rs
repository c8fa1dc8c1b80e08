use std::fs::{self, File};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread;
use std::time::Duration;

use tempfile::TempDir;

use crate::{eventually, wait_at_most};

/// A program that runs to its end and writes into files, so that everything it has written is there
/// when it has ended. It is killed when this is dropped.
#[derive(Debug)]
pub(super) struct Program {
    name: String,
    child: Child,
    directory: TempDir,
}

impl Program {
    /// Starts it.
    pub(super) fn start(command: &mut Command) -> Self {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let file = |name| {
            let file = File::create(directory.path().join(name));
            Stdio::from(file.expect("a file in a temporary directory"))
        };
        let child = command
            .stdin(Stdio::null())
            .stdout(file("stdout"))
            .stderr(file("stderr"))
            .spawn()
            .unwrap_or_else(|error| {
                panic!(
                    "cannot start {command:?}: {error}; `cargo xtask setup` gets what is missing"
                )
            });
        Self {
            name: format!("{command:?}"),
            child,
            directory,
        }
    }

    /// Waits for its end, for as long as this.
    pub(super) fn wait(&mut self, patience: Duration) -> ExitStatus {
        wait_at_most(patience, &format!("{} to end", self.name), || {
            self.child.try_wait().expect("a child of ours")
        })
    }

    /// Whether it has ended.
    pub(super) fn has_ended(&mut self) -> bool {
        self.child.try_wait().expect("a child of ours").is_some()
    }

    /// Waits until its standard output contains `text`.
    pub(super) fn wait_for_output(&self, text: &str) {
        eventually(&format!("{} to write {text:?}", self.name), || {
            self.stdout().contains(text)
        });
    }

    /// What it has written to standard output so far.
    pub(super) fn stdout(&self) -> String {
        self.read("stdout")
    }

    /// What it has written to standard error so far.
    pub(super) fn stderr(&self) -> String {
        self.read("stderr")
    }

    fn read(&self, name: &str) -> String {
        let bytes = fs::read(self.directory.path().join(name));
        let bytes = bytes.expect("a file in a temporary directory");
        String::from_utf8_lossy(&bytes).into_owned()
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        if thread::panicking() {
            let (stdout, stderr) = (self.stdout(), self.stderr());
            let head = |text: &str| text.chars().take(2000).collect::<String>();
            eprintln!(
                "--- {} wrote:\n{}\n{}",
                self.name,
                head(&stdout),
                head(&stderr)
            );
        }
    }
}
