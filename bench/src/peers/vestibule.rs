use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use rustix::process::Signal;

use super::{
    Absence, Peer, Running, Service, Setup, TlsRole, certificate_files, first_line, free_address,
    write_config,
};
use crate::coaps::Key;
use crate::error::Error;
use crate::process::Process;
use crate::tls::{CA, CERTIFICATE, KEY, SERVER_NAME};
use crate::xmpp::{BOT, COMPONENT, DOMAIN, SECRET};

pub(super) const NAME: &str = "vestibule";

/// Our release build.
pub(super) struct Vestibule {
    program: PathBuf,
}

impl Vestibule {
    /// The program that `VESTIBULE_BIN` names, else the one beside this program.
    pub(super) fn find() -> Self {
        let beside = || {
            let own = std::env::current_exe().unwrap_or_default();
            own.with_file_name("vestibule")
        };
        Self {
            program: std::env::var_os("VESTIBULE_BIN").map_or_else(beside, PathBuf::from),
        }
    }
}

impl Peer for Vestibule {
    fn start(&self, setup: &Setup, directory: &Path, core: usize) -> Result<Running, Error> {
        match setup.service {
            Service::Coaps(handshake) => return start_coaps(handshake.key, directory, core),
            Service::DtlsHellos => return start_coaps(Key::Ecdsa, directory, core),
            Service::Component
            | Service::Connect
            | Service::Http
            | Service::LowBandwidth
            | Service::Tcp => {}
        }
        let file = directory.join("vestibule.toml");
        let access_log = directory.join("access.log");
        let gateway = free_address()?;
        write_config(&file, &configuration(setup, gateway, &access_log))?;
        let arguments = ["run", &file.to_string_lossy()];
        let mut process = Process::start(&self.program, &arguments, core, directory)?;
        let events = directory.join("stderr.log");
        let address = process.await_ready(|_| {
            let events = std::fs::read_to_string(&events).unwrap_or_default();
            match setup.service {
                Service::Component => is_ready(&events).then_some(setup.origin),
                Service::LowBandwidth => is_ready(&events).then_some(gateway),
                _ => listening_address(&events),
            }
        })?;
        Ok(Running {
            address,
            process,
            access_log: Some(access_log),
            record_lines: 1,
            graceful: Signal::TERM,
            misses_signals: false,
        })
    }

    fn name(&self) -> &'static str {
        NAME
    }

    fn absence(&self, _service: Service) -> Option<Absence> {
        None
    }

    fn knows_post_quantum(&self) -> Result<bool, Error> {
        Ok(true)
    }

    fn note(&self) -> Option<&'static str> {
        Some(
            "Vestibule writes one record per request and one per connection in the rows `http` and \
             `http-short`, HAProxy and nginx only the first.",
        )
    }

    fn version(&self) -> Result<String, Error> {
        first_line(&self.program, "--version")
    }
}

/// The library, with an application that does nothing else: `vestibule-bench-coaps` of this crate.
fn start_coaps(key: Key, directory: &Path, core: usize) -> Result<Running, Error> {
    let own = std::env::current_exe().map_err(Error::io("find this program"))?;
    let program = own.with_file_name("vestibule-bench-coaps");
    let (certificate, key) = certificate_files(key, directory);
    let mut process = Process::start(&program, &[&certificate, &key], core, directory)?;
    let output = directory.join("stdout.log");
    let address = process.await_ready(|_| {
        let output = std::fs::read_to_string(&output).ok()?;
        output.lines().next()?.parse().ok()
    })?;
    Ok(Running {
        address,
        process,
        access_log: None,
        record_lines: 1,
        graceful: Signal::TERM,
        misses_signals: false,
    })
}

/// Not for CoAP alone, which another program serves. `gateway` is where a gateway is to listen.
fn configuration(setup: &Setup, gateway: SocketAddr, access_log: &Path) -> String {
    let part = match setup.service {
        Service::Component => component(setup.origin),
        Service::LowBandwidth => low_bandwidth(setup.origin, gateway),
        _ => proxy(setup),
    };
    let access_log = access_log.display();
    format!(
        "\
[runtime]
workers = 1

[limits]
connections = 8000
drain_timeout = \"1s\"

[log]
format = \"json\"
access = \"{access_log}\"

{part}"
    )
}

fn component(server: SocketAddr) -> String {
    format!(
        "\
[[component]]
domain = \"{COMPONENT}\"
server = \"{server}\"
secret = \"{SECRET}\"
target = \"{BOT}@{DOMAIN}\"
"
    )
}

/// Its limits are the defaults, without that of the rate at which one client asks.
fn low_bandwidth(homeserver: SocketAddr, bind: SocketAddr) -> String {
    format!(
        "\
[[low_bandwidth]]
bind = \"{bind}\"
homeserver = \"http://{homeserver}\"
certificate = {{ chain = \"{CERTIFICATE}\", key = \"{KEY}\" }}

[low_bandwidth.limits]
requests_per_minute = 0
"
    )
}

fn proxy(setup: &Setup) -> String {
    let accept = if setup.accept_proxy {
        "[listener.proxy_protocol]\ntrusted = [\"127.0.0.0/8\"]\n"
    } else {
        ""
    };
    let send = if setup.send_proxy {
        "send_proxy = \"v2\"\n"
    } else {
        ""
    };
    let origin = setup.origin;
    let target = match setup.service {
        Service::Connect => format!("kind = \"connect\"\nallow = [\"{origin}\"]"),
        Service::Http => format!("kind = \"http\"\nupstreams = [\"{origin}\"]"),
        _ => format!("upstreams = [\"{origin}\"]"),
    };
    let Tls {
        certificate,
        listener,
        route,
        service,
    } = Tls::new(setup.tls);
    format!(
        "\
{certificate}[[listener]]
name = \"in\"
bind = \"127.0.0.1:0\"
{route}
{accept}{listener}
[service.origin]
{target}
connect_timeout = \"5s\"
{send}{service}"
    )
}

/// The parts of the configuration that speak of TLS. Files are beside it.
struct Tls {
    certificate: String,
    /// The table of the listener.
    listener: &'static str,
    /// How the service is found.
    route: String,
    /// Lines of the service.
    service: String,
}

impl Tls {
    fn new(role: TlsRole) -> Self {
        let plain = Self {
            certificate: String::new(),
            listener: "",
            route: "service = \"origin\"".to_owned(),
            service: String::new(),
        };
        match role {
            TlsRole::None => plain,
            TlsRole::Originate => Self {
                service: format!(
                    "tls = {{ server_name = \"{SERVER_NAME}\", ca = \"{CA}\", \
                     groups = [\"X25519\"] }}\n"
                ),
                ..plain
            },
            TlsRole::Passthrough => Self {
                listener: "[listener.tls]\nmode = \"peek\"\n",
                route: format!("routes = [{{ sni = [\"{SERVER_NAME}\"], service = \"origin\" }}]"),
                ..plain
            },
            TlsRole::Terminate => Self {
                certificate: format!(
                    "[[certificate]]\nchain = \"{CERTIFICATE}\"\nkey = \"{KEY}\"\n\n"
                ),
                listener: "[listener.tls]\nmode = \"terminate\"\n",
                ..plain
            },
        }
    }
}

/// The address of the first listener, once the event log says that everything is ready.
fn listening_address(events: &str) -> Option<SocketAddr> {
    if !is_ready(events) {
        return None;
    }
    find(events, "listening")?["address"].as_str()?.parse().ok()
}

fn is_ready(events: &str) -> bool {
    find(events, "ready").is_some()
}

/// The first event with this message.
fn find(events: &str, message: &str) -> Option<serde_json::Value> {
    events
        .lines()
        .filter_map(|line| serde_json::from_str(line).ok())
        .find(|event: &serde_json::Value| event["message"] == message)
}

#[cfg(test)]
mod tests;
