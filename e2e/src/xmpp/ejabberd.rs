use std::fmt::Write as _;
use std::fs;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Command;

use super::server::{Ports, XmppServer, XmppSetup};
use crate::PATIENCE;

/// Writes its configuration; answers the command that runs it, as whoever runs the tests and with
/// its files in `directory`. The virtual machine is not distributed: nothing listens but what the
/// configuration names.
pub(super) fn command(setup: &XmppSetup, directory: &Path, ports: &Ports) -> Command {
    let path = directory.join("ejabberd.yml");
    fs::write(&path, configuration(setup, ports)).expect("a temporary directory");
    let mut command = Command::new("erl");
    command
        .env("ERL_LIBS", libraries())
        .env("ERL_CRASH_DUMP", "/dev/null")
        .env("EJABBERD_CONFIG_PATH", path)
        .env("EJABBERD_LOG_PATH", directory.join("ejabberd.log"))
        // Schedulers that have nothing to do sleep at once: the machine has other work.
        .args(["+K", "true", "+sbwt", "none", "-noinput", "-mnesia", "dir"])
        .arg(format!("\"{}\"", directory.join("database").display()))
        .args(["-s", "ejabberd"]);
    command
}

/// Makes an account on the running server, by its HTTP interface.
pub(super) fn register(address: SocketAddr, name: &str) {
    let (domain, password) = (XmppServer::DOMAIN, XmppServer::PASSWORD);
    let order =
        format!("{{\"user\":\"{name}\",\"host\":\"{domain}\",\"password\":\"{password}\"}}");
    let mut stream = TcpStream::connect(address).expect("ejabberd's HTTP listener");
    stream
        .set_read_timeout(Some(PATIENCE))
        .expect("a time that is not 0");
    write!(
        stream,
        "POST /api/register HTTP/1.1\r\nHost: {domain}\r\nContent-Type: application/json\r\n\
         Content-Length: {}\r\nConnection: close\r\n\r\n{order}",
        order.len()
    )
    .expect("ejabberd's HTTP listener takes an order");
    let mut answer = String::new();
    stream
        .read_to_string(&mut answer)
        .expect("an answer in UTF-8");
    assert!(answer.contains("successfully registered"), "{answer}");
}

/// Where Debian puts Erlang's libraries that are not part of Erlang, ejabberd among them; the place
/// is named after the machine's architecture.
fn libraries() -> PathBuf {
    let is_ejabberd = |path: &Path| {
        let name = path.file_name().and_then(|name| name.to_str());
        name.is_some_and(|name| name.starts_with("ejabberd-"))
    };
    let entries = |path: &Path| {
        let entries = fs::read_dir(path).into_iter().flatten().flatten();
        entries.map(|entry| entry.path())
    };
    entries(Path::new("/usr/lib"))
        .find(|place| entries(place).any(|path| is_ejabberd(&path)))
        .expect("ejabberd; `cargo xtask setup` gets it")
}

fn configuration(setup: &XmppSetup, ports: &Ports) -> String {
    let (domain, secret) = (XmppServer::DOMAIN, XmppServer::SECRET);
    let mut text = format!(
        r#"
hosts: ["{domain}"]
loglevel: info
log_rotate_count: 0
acme: {{auto: false}}
s2s_access: none
auth_method: internal
auth_password_format: scram
api_permissions:
  tests: {{from: mod_http_api, who: all, what: register}}
modules:
  mod_disco: {{}}
  mod_http_api: {{}}
  mod_ping: {{}}
  mod_roster: {{}}
"#
    );
    if setup.resumption {
        text.push_str("  mod_stream_mgmt: {resume_timeout: 300}\n");
    }
    // A certificate for all of the server would not be used there.
    let tls = setup.certificate.as_ref().map_or_else(String::new, |path| {
        format!(", tls: true, certfile: \"{}\"", path.display())
    });
    text.push_str("listen:\n");
    let mut listen = |port: u16, module: &str| {
        let _ = writeln!(
            text,
            "  - {{port: {port}, ip: \"127.0.0.1\", module: {module}}}"
        );
    };
    listen(
        ports.clients.port(),
        "ejabberd_c2s, starttls: false, shaper: none, access: all",
    );
    listen(
        ports.http.port(),
        "ejabberd_http, request_handlers: {/api: mod_http_api}",
    );
    // A listener for each: every connection to one gets the stanzas of all components of it.
    for (component, port) in &ports.components {
        let hosts = format!("hosts: {{\"{component}\": {{password: \"{secret}\"}}}}");
        let module = format!("ejabberd_service, access: all, shaper: none, {hosts}{tls}");
        listen(port.port(), &module);
    }
    text
}
