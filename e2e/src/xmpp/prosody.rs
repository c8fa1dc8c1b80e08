use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::server::{Ports, XmppServer, XmppSetup, run};

/// Writes its configuration; answers the command that runs it.
pub(super) fn command(setup: &XmppSetup, directory: &Path, ports: &Ports) -> Command {
    let path = configuration_path(directory);
    fs::write(&path, configuration(setup, directory, ports)).expect("a temporary directory");
    let mut command = Command::new("prosody");
    command.arg("-F").arg("--config").arg(path);
    command
}

/// Makes an account. The server may run.
pub(super) fn register(directory: &Path, name: &str) {
    run(Command::new("prosodyctl")
        .args(["--root", "--config"])
        .arg(configuration_path(directory))
        .args(["register", name, XmppServer::DOMAIN, XmppServer::PASSWORD]));
}

fn configuration_path(directory: &Path) -> PathBuf {
    directory.join("prosody.cfg.lua")
}

fn configuration(setup: &XmppSetup, directory: &Path, ports: &Ports) -> String {
    let (directory, clients) = (directory.display(), ports.clients.port());
    let (domain, secret) = (XmppServer::DOMAIN, XmppServer::SECRET);
    let smacks = if setup.resumption { "\"smacks\"" } else { "" };
    let component_port = ports.components.first().map(|(_, port)| port.port());
    let component_port = component_port.map_or_else(String::new, |port| port.to_string());
    let mut text = format!(
        r#"
run_as_root = true
daemonize = false
pidfile = "{directory}/prosody.pid"
data_path = "{directory}"
interfaces = {{ "127.0.0.1" }}
local_interfaces = {{ "127.0.0.1" }}
c2s_ports = {{ {clients} }}
c2s_direct_tls_ports = {{ }}
component_ports = {{ {component_port} }}
authentication = "internal_hashed"
c2s_require_encryption = false
c2s_stanza_size_limit = 10485760
modules_enabled = {{ "roster", "saslauth", "disco", "ping", {smacks} }}
modules_disabled = {{ "s2s" }}
log = {{ info = "*console" }}
VirtualHost "{domain}"
"#
    );
    for (component, _) in &ports.components {
        let _ = writeln!(
            text,
            "Component \"{component}\"\n    component_secret = \"{secret}\""
        );
    }
    text
}
