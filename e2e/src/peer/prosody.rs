use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

use super::certificate;
use crate::Process;

/// A running Prosody for `some-domain.example`, with the account `user` and the services that
/// mod_net_proxy's table names, but without that module.
#[derive(Debug)]
pub struct Prosody {
    process: Process,
    directory: TempDir,
}

/// A module of ours, so that its log has the addresses of clients.
const WHO_IS_IT: &str = r#"
module:hook("resource-bind", function (event)
    module:log("info", "bound %s from %s", event.session.full_jid, event.session.ip);
end);
"#;

/// Where its services listen, on all addresses.
#[derive(Clone, Copy, Debug)]
#[allow(missing_docs)]
pub struct Ports {
    pub c2s: u16,
    pub s2s: u16,
    pub proxy65: u16,
    pub http: u16,
    pub multiplex: u16,
}

impl Prosody {
    /// The domain that it serves.
    pub const DOMAIN: &str = "some-domain.example";

    /// The password of `user`.
    pub const PASSWORD: &str = "correct horse";

    /// Starts it and waits until every service listens.
    pub fn start(ports: Ports) -> Self {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let [chain, key, _] = certificate(directory.path(), Self::DOMAIN);
        let plugin = directory.path().join("mod_who_is_it.lua");
        fs::write(plugin, WHO_IS_IT).expect("writing to a temporary directory");
        let config = directory.path().join("prosody.cfg.lua");
        fs::write(
            &config,
            configuration(directory.path(), &chain, &key, ports),
        )
        .expect("writing to a temporary directory");
        let registered = Command::new("prosodyctl")
            .args(["--root", "--config"])
            .arg(&config)
            .args(["register", "user", Self::DOMAIN, Self::PASSWORD])
            .output()
            .expect("prosodyctl; `cargo xtask setup` gets it");
        assert!(registered.status.success(), "{registered:?}");
        let mut command = Command::new("prosody");
        let mut process = Process::start("prosody", command.arg("-F").arg("--config").arg(&config));
        let Ports {
            c2s,
            s2s,
            proxy65,
            http,
            multiplex,
        } = ports;
        for port in [c2s, s2s, proxy65, http, multiplex] {
            process.wait_for_port(port);
        }
        Self { process, directory }
    }

    /// Waits until its log says that `jid` has come from this address.
    pub fn sees(&self, jid: &str, address: &str) {
        self.process
            .wait_for_line(&format!("bound {jid} from {address}"));
    }

    /// The certificate of the domain, which is its own authority.
    pub fn certificate(&self) -> PathBuf {
        self.directory.path().join(format!("{}.crt", Self::DOMAIN))
    }
}

fn configuration(directory: &Path, chain: &Path, key: &Path, ports: Ports) -> String {
    let Ports {
        c2s,
        s2s,
        proxy65,
        http,
        multiplex,
    } = ports;
    let (directory, chain, key) = (directory.display(), chain.display(), key.display());
    let domain = Prosody::DOMAIN;
    format!(
        r#"
run_as_root = true
daemonize = false
pidfile = "{directory}/prosody.pid"
data_path = "{directory}"
admin_socket = "{directory}/prosody.sock"
interfaces = {{ "0.0.0.0" }}
local_interfaces = {{ "0.0.0.0" }}
c2s_ports = {{ {c2s} }}
s2s_ports = {{ {s2s} }}
proxy65_ports = {{ {proxy65} }}
http_ports = {{ {http} }}
ports = {{ {multiplex} }}
c2s_direct_tls_ports = {{ }}
s2s_direct_tls_ports = {{ }}
https_ports = {{ }}
ssl_ports = {{ }}
http_interfaces = {{ "0.0.0.0" }}
proxy65_interfaces = {{ "0.0.0.0" }}
authentication = "internal_hashed"
c2s_require_encryption = false
s2s_require_encryption = false
consider_bosh_secure = true
ssl = {{ certificate = "{chain}"; key = "{key}" }}
modules_enabled = {{ "roster", "saslauth", "tls", "dialback", "disco", "ping", "posix", "bosh",
    "websocket", "net_multiplex", "who_is_it" }}
plugin_paths = {{ "{directory}" }}
trusted_proxies = {{ "127.0.0.1" }}
consider_websocket_secure = true
log = {{ info = "*console" }}
VirtualHost "{domain}"
Component "proxy.{domain}" "proxy65"
    proxy65_address = "127.0.0.1"
"#
    )
}
