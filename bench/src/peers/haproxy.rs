use std::path::Path;

use rustix::process::Signal;

use super::{
    Absence, Peer, Running, Service, Setup, TlsRole, accepts_connections, first_line, free_address,
    library_knows_post_quantum, output, write_config,
};
use crate::error::Error;
use crate::process::Process;
use crate::tls::{CA, CERTIFICATE_AND_KEY, SERVER_NAME};

pub(super) const NAME: &str = "haproxy";

const PROGRAM: &str = "/usr/sbin/haproxy";

/// HAProxy as Debian ships it: default buffers, no splicing, its own log formats to a file.
pub(super) struct Haproxy;

impl Peer for Haproxy {
    fn start(&self, setup: &Setup, directory: &Path, core: usize) -> Result<Running, Error> {
        let address = free_address()?;
        let file = directory.join("haproxy.cfg");
        write_config(
            &file,
            &configuration(setup, directory, &address.to_string()),
        )?;
        let arguments = ["-db", "-f", &file.to_string_lossy()];
        let mut process = Process::start(Path::new(PROGRAM), &arguments, core, directory)?;
        process.await_ready(|_| accepts_connections(address).then_some(()))?;
        Ok(Running {
            address,
            process,
            access_log: Some(directory.join("stdout.log")),
            record_lines: 1,
            graceful: Signal::USR1,
            misses_signals: false,
        })
    }

    fn name(&self) -> &'static str {
        NAME
    }

    fn absence(&self, service: Service) -> Option<Absence> {
        match service {
            Service::Coaps(_) | Service::DtlsHellos => Some(Absence::NoCoaps),
            Service::Component => Some(Absence::NoComponent),
            Service::Connect => Some(Absence::NoConnect),
            Service::LowBandwidth => Some(Absence::NoLowBandwidth),
            Service::Http | Service::Tcp => None,
        }
    }

    fn knows_post_quantum(&self) -> Result<bool, Error> {
        let text = output(Path::new(PROGRAM), "-vv")?;
        Ok(library_knows_post_quantum(
            &text,
            "Running on OpenSSL version : ",
        ))
    }

    fn note(&self) -> Option<&'static str> {
        None
    }

    fn version(&self) -> Result<String, Error> {
        let line = first_line(Path::new(PROGRAM), "-v")?;
        Ok(line.split(" - ").next().unwrap_or_default().to_owned())
    }
}

fn configuration(setup: &Setup, directory: &Path, address: &str) -> String {
    let directory = directory.display();
    let accept = if setup.accept_proxy {
        " accept-proxy"
    } else {
        ""
    };
    let send = if setup.send_proxy {
        " send-proxy-v2"
    } else {
        ""
    };
    let origin = setup.origin;
    let terminate = if setup.tls == TlsRole::Terminate {
        format!(" ssl crt {directory}/{CERTIFICATE_AND_KEY}")
    } else {
        String::new()
    };
    let originate = if setup.tls == TlsRole::Originate {
        format!(
            " ssl ca-file {directory}/{CA} verify required verifyhost {SERVER_NAME} \
             sni str({SERVER_NAME})"
        )
    } else {
        String::new()
    };
    let (mode, forwarded) = if setup.service == Service::Http {
        // By default the first request of a client would have a connection of its own.
        ("http", "    http-reuse always\n    option forwardfor\n")
    } else {
        ("tcp", "")
    };
    // What `option tcplog` writes; where TLS is terminated, what was negotiated as well.
    let log = if setup.service == Service::Http {
        "option httplog"
    } else if setup.tls == TlsRole::Terminate {
        "log-format \"%ci:%cp [%t] %ft %b/%s %Tw/%Tc/%Tt %B %ts %ac/%fc/%bc/%sc/%rc %sq/%bq \
         %sslv %sslc %[ssl_fc_sni]\""
    } else {
        "option tcplog"
    };
    let route = if setup.tls == TlsRole::Passthrough {
        format!(
            "\
    tcp-request inspect-delay 5s
    tcp-request content accept if {{ req.ssl_hello_type 1 }}
    use_backend out if {{ req.ssl_sni -i {SERVER_NAME} }}"
        )
    } else {
        "    default_backend out".to_owned()
    };
    format!(
        "\
global
    nbthread 1
    maxconn 8000
    log stdout format raw local0 info

defaults
    mode {mode}
    log global
    {log}
    timeout connect 5s
    timeout client 1h
    timeout server 1h

frontend in
    bind {address}{accept}{terminate}
{route}

backend out
{forwarded}    server origin {origin}{send}{originate}
"
    )
}
