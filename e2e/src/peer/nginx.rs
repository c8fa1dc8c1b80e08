use std::fs;
use std::net::SocketAddr;
use std::process::Command;

use tempfile::TempDir;

use crate::{Process, ReservedPort, wait_for};

/// A running nginx that requires a PROXY header. Every path answers with the client that the
/// header names; the log does the same.
#[derive(Debug)]
pub struct Nginx {
    _process: Process,
    directory: TempDir,
    port: ReservedPort,
}

impl Nginx {
    /// Starts it and waits until it listens.
    pub fn start() -> Self {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let port = ReservedPort::new();
        let path = directory.path().display();
        let config = format!(
            "daemon off;\nmaster_process off;\nuser root;\npid {path}/nginx.pid;\n\
             events {{ worker_connections 64; }}\n\
             http {{\n\
             client_body_temp_path {path}/body;\nproxy_temp_path {path}/proxy;\n\
             fastcgi_temp_path {path}/fastcgi;\nuwsgi_temp_path {path}/uwsgi;\n\
             scgi_temp_path {path}/scgi;\n\
             log_format told '$proxy_protocol_addr:$proxy_protocol_port \
             $proxy_protocol_server_addr:$proxy_protocol_server_port $request_uri';\n\
             access_log {path}/access.log told;\n\
             server {{\nlisten {} proxy_protocol;\n\
             return 200 \"$proxy_protocol_addr:$proxy_protocol_port\\n\";\n}}\n}}\n",
            port.address()
        );
        let file = directory.path().join("nginx.conf");
        fs::write(&file, config).expect("writing to a temporary directory");
        let mut command = Command::new("nginx");
        command.args(["-e", "stderr", "-p"]).arg(directory.path());
        let mut process = Process::start("nginx", command.arg("-c").arg(&file));
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

    /// Waits for the line of its log that ends in `path`: the client and its destination.
    pub fn logged(&self, path: &str) -> String {
        wait_for(&format!("nginx to log {path}"), || {
            let log = self.directory.path().join("access.log");
            let text = fs::read_to_string(log).ok()?;
            let line = text.lines().find(|line| line.ends_with(path))?;
            Some(line.trim_end_matches(path).trim_end().to_owned())
        })
    }
}
