use std::fs;
use std::net::SocketAddr;
use std::process::Command;

use tempfile::TempDir;

use crate::{Process, ReservedPort};

/// A running tinyproxy.
#[derive(Debug)]
pub struct Tinyproxy {
    process: Process,
    _directory: TempDir,
    port: ReservedPort,
}

impl Tinyproxy {
    /// Starts it with these further lines of its configuration.
    pub fn start(lines: &str) -> Self {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let port = ReservedPort::new();
        let config = format!(
            "Port {}\nListen 127.0.0.1\nTimeout 60\nLogLevel Connect\nMaxClients 100\n{lines}\n",
            port.port()
        );
        let file = directory.path().join("tinyproxy.conf");
        fs::write(&file, config).expect("writing to a temporary directory");
        let mut command = Command::new("tinyproxy");
        let mut process = Process::start("tinyproxy", command.arg("-d").arg("-c").arg(&file));
        process.wait_for_port(port.port());
        Self {
            process,
            _directory: directory,
            port,
        }
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.port.address()
    }

    /// Waits until it has logged a line with this text.
    pub fn logs(&self, text: &str) {
        self.process.wait_for_line(text);
    }
}
