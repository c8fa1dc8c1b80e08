use std::fs;
use std::process::Command;

use tempfile::TempDir;

use crate::Process;

/// A running HAProxy.
#[derive(Debug)]
pub struct Haproxy {
    process: Process,
    _directory: TempDir,
}

impl Haproxy {
    /// Starts it with this configuration after a `global` section of ours that logs to standard
    /// output, and waits until it listens on `port`.
    pub fn start(config: &str, port: u16) -> Self {
        let global = "global\n\tlog stdout format raw local0\n\tmaxconn 500\n";
        let mut command = Command::new("haproxy");
        Self::run(&mut command, &format!("{global}\n{config}"), port)
    }

    /// Starts `command`, which ends in `haproxy`, with exactly this configuration.
    pub fn run(command: &mut Command, config: &str, port: u16) -> Self {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let path = directory.path().join("haproxy.cfg");
        fs::write(&path, config).expect("writing to a temporary directory");
        let command = command.args(["-db", "-f"]).arg(&path);
        let mut process = Process::start("haproxy", command);
        process.wait_for_port(port);
        Self {
            process,
            _directory: directory,
        }
    }

    /// The process.
    pub fn process(&self) -> &Process {
        &self.process
    }
}
