use std::fs;
use std::net::SocketAddr;
use std::process::Command;

use tempfile::TempDir;

use crate::{Leaf, Process, ReservedPort, wait_for};

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
        let answer = "$proxy_protocol_addr:$proxy_protocol_port";
        Self::run("proxy_protocol", "", answer)
    }

    /// As [`Self::start`], with TLS after the header; the answer names the server's name that the
    /// client has sent, and the version, too.
    pub fn with_tls(leaf: &Leaf) -> Self {
        let (chain, key) = (leaf.chain.display(), leaf.key.display());
        let keys = format!(
            "ssl_certificate {chain};\nssl_certificate_key {key};\n\
             ssl_protocols TLSv1.2 TLSv1.3;\n"
        );
        let answer = "$proxy_protocol_addr:$proxy_protocol_port $ssl_server_name $ssl_protocol";
        Self::run("proxy_protocol ssl", &keys, answer)
    }

    fn run(listen: &str, keys: &str, answer: &str) -> Self {
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
             server {{\nlisten {} {listen};\n{keys}return 200 \"{answer}\\n\";\n}}\n}}\n",
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
