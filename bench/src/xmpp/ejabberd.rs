//! ejabberd as Debian ships it, without Erlang's distribution.

use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::path::Path;

use super::{BOT, COMPONENT, DOMAIN, PASSWORD, Ports, SECRET, USER, write};
use crate::error::Error;
use crate::process::{Process, SERVER_START};

/// Where Debian's libraries of Erlang are that do not belong to it.
const LIBRARIES: [&str; 2] = ["/usr/lib/x86_64-linux-gnu", "/usr/lib/aarch64-linux-gnu"];

pub(super) fn start(ports: Ports, directory: &Path, core: usize) -> Result<Process, Error> {
    let file = directory.join("ejabberd.yml");
    write(&file, &configuration(ports))?;
    let path = |name: &str| directory.join(name).to_string_lossy().into_owned();
    let libraries = LIBRARIES.into_iter().find(|path| Path::new(path).is_dir());
    let database = format!("\"{}\"", path("mnesia"));
    let variables = [
        format!("ERL_LIBS={}", libraries.unwrap_or(LIBRARIES[0])),
        format!("EJABBERD_CONFIG_PATH={}", file.display()),
        format!("EJABBERD_LOG_PATH={}", path("ejabberd.log")),
        format!("HOME={}", directory.display()),
        format!("ERL_CRASH_DUMP={}", path("erl_crash.dump")),
    ];
    // One scheduler, as there is one core.
    let erl = [
        "erl", "+S", "1:1", "+K", "true", "-noinput", "-mnesia", "dir", &database, "-s", "ejabberd",
    ];
    let variables = variables.iter().map(String::as_str);
    let arguments: Vec<&str> = variables.chain(erl).collect();
    let mut process = Process::start(Path::new("env"), &arguments, core, directory)?;
    process.await_ready_within(SERVER_START, |_| {
        let registered = [BOT, USER].map(|user| register(ports.http, user));
        let open = |port| TcpStream::connect(SocketAddr::from((Ipv4Addr::LOCALHOST, port))).is_ok();
        let is_ready = registered.iter().all(|result| matches!(result, Ok(true)))
            && open(ports.clients)
            && open(ports.component);
        is_ready.then_some(())
    })?;
    Ok(process)
}

/// Makes an account by the interface of commands; whether it is there now.
fn register(port: u16, user: &str) -> io::Result<bool> {
    let body = format!(r#"{{"user":"{user}","host":"{DOMAIN}","password":"{PASSWORD}"}}"#);
    let mut socket = TcpStream::connect(SocketAddr::from((Ipv4Addr::LOCALHOST, port)))?;
    write!(
        socket,
        "POST /api/register HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\
         Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )?;
    let mut answer = String::new();
    socket.read_to_string(&mut answer)?;
    let status = answer.split_whitespace().nth(1);
    // 409: it is there already.
    Ok(matches!(status, Some("200" | "409")))
}

fn configuration(ports: Ports) -> String {
    let Ports {
        clients,
        component,
        http,
    } = ports;
    format!(
        r#"
hosts:
  - {DOMAIN}
loglevel: warning
listen:
  -
    port: {clients}
    ip: "127.0.0.1"
    module: ejabberd_c2s
    shaper: none
    access: anyone
  -
    port: {component}
    ip: "127.0.0.1"
    module: ejabberd_service
    shaper: none
    access: anyone
    hosts:
      "{COMPONENT}":
        password: "{SECRET}"
  -
    port: {http}
    ip: "127.0.0.1"
    module: ejabberd_http
    request_handlers:
      /api: mod_http_api
acl:
  loopback:
    ip:
      - 127.0.0.0/8
access_rules:
  anyone:
    allow: all
api_permissions:
  "bench":
    from: mod_http_api
    who:
      access:
        allow:
          - acl: loopback
    what: "*"
auth_method: internal
auth_password_format: scram
modules:
  mod_disco: {{}}
  mod_ping: {{}}
  mod_roster: {{}}
"#
    )
}
