use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;

use tempfile::TempDir;

use crate::{Authority, Leaf, Process, ReservedPort, wait_for};

/// A running nginx. Unless it is [in front](Self::in_front_of), it requires a PROXY header; every
/// path answers with the client that the header names, and the log does the same.
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
        let port = ReservedPort::new();
        let address = port.address();
        let config = format!(
            "http {{\n\
             client_body_temp_path body;\nproxy_temp_path proxy;\nfastcgi_temp_path fastcgi;\n\
             uwsgi_temp_path uwsgi;\nscgi_temp_path scgi;\n\
             log_format told '$proxy_protocol_addr:$proxy_protocol_port \
             $proxy_protocol_server_addr:$proxy_protocol_server_port $request_uri';\n\
             access_log access.log told;\n\
             server {{\nlisten {address} {listen};\n{keys}return 200 \"{answer}\\n\";\n}}\n}}\n"
        );
        Self::start_with(port, &config)
    }

    /// Requires no header of the PROXY protocol, but believes X-Forwarded-For; every path answers
    /// with the client that it names, and the log does the same.
    pub fn believing_forwarded() -> Self {
        let port = ReservedPort::new();
        let address = port.address();
        let config = format!(
            "http {{\n\
             client_body_temp_path body;\nproxy_temp_path proxy;\nfastcgi_temp_path fastcgi;\n\
             uwsgi_temp_path uwsgi;\nscgi_temp_path scgi;\n\
             log_format told '$remote_addr $request_uri';\naccess_log access.log told;\n\
             server {{\nlisten {address};\nset_real_ip_from 127.0.0.1;\n\
             real_ip_header X-Forwarded-For;\nreturn 200 \"$remote_addr\\n\";\n}}\n}}\n"
        );
        Self::start_with(port, &config)
    }

    /// Starts it with this section, which makes it listen on `port`. Its files are in a directory of
    /// its own.
    fn start_with(port: ReservedPort, section: &str) -> Self {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let config = format!(
            "{}daemon off;\nmaster_process off;\nuser root;\npid nginx.pid;\n\
             events {{ worker_connections 64; }}\n{section}",
            stream_module()
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

    /// Starts one that carries whatever comes to `upstream`: behind a PROXY header, and inside of TLS
    /// with the server named `name`, which it verifies.
    pub fn in_front_of(upstream: SocketAddr, authority: &Authority, name: &str) -> Self {
        let (port, root) = (ReservedPort::new(), authority.root());
        let address = port.address();
        let config = format!(
            "stream {{\nserver {{\nlisten {address};\nproxy_pass {upstream};\nproxy_protocol on;\n\
             proxy_ssl on;\nproxy_ssl_verify on;\nproxy_ssl_verify_depth 3;\n\
             proxy_ssl_trusted_certificate {};\nproxy_ssl_server_name on;\n\
             proxy_ssl_name {name};\nproxy_ssl_protocols TLSv1.2 TLSv1.3;\n}}\n}}\n",
            root.display()
        );
        Self::start_with(port, &config)
    }

    /// Starts one that speaks HTTP/2 over TLS 1.3 in front of the homeserver at `upstream`, compresses
    /// JSON by gzip as well as zlib does by default, and shows this certificate.
    pub fn in_front_of_homeserver(upstream: SocketAddr, chain: &Path, key: &Path) -> Self {
        let port = ReservedPort::new();
        let address = port.address();
        let (chain, key) = (chain.display(), key.display());
        let config = format!(
            "http {{\n\
             client_body_temp_path body;\nproxy_temp_path proxy;\nfastcgi_temp_path fastcgi;\n\
             uwsgi_temp_path uwsgi;\nscgi_temp_path scgi;\naccess_log off;\n\
             server {{\nlisten {address} ssl http2;\n\
             ssl_certificate {chain};\nssl_certificate_key {key};\nssl_protocols TLSv1.3;\n\
             gzip on;\ngzip_comp_level 6;\ngzip_proxied any;\ngzip_types application/json;\n\
             location / {{\nproxy_pass http://{upstream};\nproxy_http_version 1.1;\n\
             proxy_set_header Connection \"\";\n}}\n}}\n}}\n"
        );
        Self::start_with(port, &config)
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

/// Debian ships it as a file beside nginx; other builds may have it compiled in.
fn stream_module() -> String {
    let module = Path::new("/usr/lib/nginx/modules/ngx_stream_module.so");
    match module.exists() {
        true => format!("load_module {};\n", module.display()),
        false => String::new(),
    }
}
