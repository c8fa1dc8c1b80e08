use std::fs;
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt;
use std::process::Command;

use tempfile::TempDir;

use crate::{Process, ReservedPort, wait_for};

/// A running squid that lets everyone through to everywhere, without a cache.
#[derive(Debug)]
pub struct Squid {
    _process: Process,
    directory: TempDir,
    port: ReservedPort,
}

impl Squid {
    /// Starts it with these further lines of its configuration, which stand before the rule that lets
    /// everyone through.
    pub fn start(lines: &str) -> Self {
        let directory = tempfile::tempdir().expect("a temporary directory");
        // It becomes another user.
        let open = fs::Permissions::from_mode(0o777);
        fs::set_permissions(directory.path(), open).expect("a directory of ours");
        let (port, path) = (ReservedPort::new(), directory.path().display());
        let config = format!(
            "http_port 127.0.0.1:{}\n{lines}\nhttp_access allow all\ncache deny all\ncache_mem 1 MB\n\
             pid_filename {path}/squid.pid\naccess_log stdio:{path}/access.log\n\
             cache_log {path}/cache.log\ncoredump_dir {path}\nshutdown_lifetime 0 seconds\n\
             visible_hostname e2e\npinger_enable off\nnetdb_filename none\n",
            port.port()
        );
        let file = directory.path().join("squid.conf");
        fs::write(&file, config).expect("writing to a temporary directory");
        let mut command = Command::new("squid");
        let mut process = Process::start("squid", command.args(["-N", "-f"]).arg(&file));
        process.wait_for_port(port.port());
        Self {
            _process: process,
            directory,
            port,
        }
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.port.address()
    }

    /// Waits for the line of its log that contains `text`.
    pub fn logged(&self, text: &str) -> String {
        wait_for(&format!("squid to log {text}"), || {
            let log = fs::read_to_string(self.directory.path().join("access.log")).ok()?;
            let line = log.lines().find(|line| line.contains(text))?;
            Some(line.to_owned())
        })
    }
}
