//! Prosody as Debian ships it.

use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::path::Path;
use std::process::Command;

use super::{BOT, COMPONENT, DOMAIN, PASSWORD, Ports, SECRET, USER, write};
use crate::error::Error;
use crate::process::{Process, SERVER_START};

pub(super) fn start(ports: Ports, directory: &Path, core: usize) -> Result<Process, Error> {
    let file = directory.join("prosody.cfg.lua");
    write(&file, &configuration(ports, directory))?;
    let file = file.to_string_lossy();
    for user in [BOT, USER] {
        let registered = Command::new("prosodyctl")
            .args(["--root", "--config", &file])
            .args(["register", user, DOMAIN, PASSWORD])
            .output()
            .map_err(Error::io("run prosodyctl"))?;
        if !registered.status.success() {
            let said = String::from_utf8_lossy(&registered.stdout).into_owned();
            return Err(Error::io("register an account with prosodyctl")(
                io::Error::other(said),
            ));
        }
    }
    let arguments = ["-F", "--config", &file];
    let mut process = Process::start(Path::new("prosody"), &arguments, core, directory)?;
    process.await_ready_within(SERVER_START, |_| {
        let open = |port| TcpStream::connect(SocketAddr::from((Ipv4Addr::LOCALHOST, port))).is_ok();
        (open(ports.clients) && open(ports.component)).then_some(())
    })?;
    Ok(process)
}

fn configuration(ports: Ports, directory: &Path) -> String {
    let directory = directory.display();
    let Ports {
        clients, component, ..
    } = ports;
    format!(
        r#"
run_as_root = true
daemonize = false
pidfile = "{directory}/prosody.pid"
data_path = "{directory}/data"
interfaces = {{ "127.0.0.1" }}
local_interfaces = {{ "127.0.0.1" }}
c2s_ports = {{ {clients} }}
c2s_direct_tls_ports = {{ }}
http_ports = {{ }}
https_ports = {{ }}
component_ports = {{ {component} }}
component_interfaces = {{ "127.0.0.1" }}
authentication = "internal_hashed"
storage = "internal"
c2s_require_encryption = false
allow_unencrypted_plain_auth = true
modules_enabled = {{ "disco", "ping", "roster", "saslauth" }}
modules_disabled = {{ "s2s", "tls" }}
log = {{ warn = "{directory}/prosody.log" }}

VirtualHost "{DOMAIN}"

Component "{COMPONENT}"
    component_secret = "{SECRET}"
"#
    )
}
