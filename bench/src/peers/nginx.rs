use std::path::Path;

use rustix::process::Signal;

use super::{
    Absence, Peer, Running, Service, Setup, TlsRole, accepts_connections, first_line, free_address,
    library_knows_post_quantum, output, write_config,
};
use crate::error::Error;
use crate::process::Process;
use crate::system;
use crate::tls::{CA, CERTIFICATE, KEY, SERVER_NAME};

pub(super) const NAME: &str = "nginx";

const PROGRAM: &str = "/usr/sbin/nginx";
const STREAM_MODULE: &str = "/usr/lib/nginx/modules/ngx_stream_module.so";

/// nginx as Debian ships it, with one worker; TCP is for its stream module.
pub(super) struct Nginx;

impl Peer for Nginx {
    fn start(&self, setup: &Setup, directory: &Path, core: usize) -> Result<Running, Error> {
        let address = free_address()?;
        let file = directory.join("nginx.conf");
        let access_log = directory.join("access.log");
        write_config(
            &file,
            &configuration(setup, directory, &address.to_string()),
        )?;
        let file = file.to_string_lossy();
        let errors = directory.join("stderr.log");
        let arguments = ["-c", &file, "-e", &errors.to_string_lossy()];
        let mut process = Process::start(Path::new(PROGRAM), &arguments, core, directory)?;
        process.await_ready(|pid| {
            // The socket listens before the worker exists that is to be measured.
            let has_worker = system::children_of(pid).is_ok_and(|workers| !workers.is_empty());
            (has_worker && accepts_connections(address)).then_some(())
        })?;
        Ok(Running {
            address,
            process,
            access_log: Some(access_log),
            record_lines: 1,
            graceful: Signal::QUIT,
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
        let text = output(Path::new(PROGRAM), "-V")?;
        // It names the library that it runs with only if it was built with another version.
        let marker = ["(running with ", "built with "]
            .into_iter()
            .find(|marker| text.contains(marker));
        Ok(marker.is_some_and(|marker| library_knows_post_quantum(&text, marker)))
    }

    fn note(&self) -> Option<&'static str> {
        Some("nginx 1.22 sends PROXY headers of version 1 only, also in the row `proxy-out`.")
    }

    fn version(&self) -> Result<String, Error> {
        let line = first_line(Path::new(PROGRAM), "-v")?;
        Ok(line.trim_start_matches("nginx version: ").to_owned())
    }
}

fn configuration(setup: &Setup, directory: &Path, address: &str) -> String {
    // Debian has the module in a file of its own; elsewhere it may be compiled in.
    let module = if Path::new(STREAM_MODULE).exists() {
        format!("load_module {STREAM_MODULE};")
    } else {
        String::new()
    };
    let service = if setup.service == Service::Http {
        http(setup, directory, address)
    } else {
        stream(setup, directory, address)
    };
    let directory = directory.display();
    // The worker keeps our user, because another one's memory figures may not be read.
    format!(
        "\
{module}
user root root;
worker_processes 1;
worker_rlimit_nofile 16000;
daemon off;
pid {directory}/nginx.pid;
events {{
    worker_connections 8000;
}}
{service}"
    )
}

/// Connections on both sides are kept as long as the other end likes.
fn http(setup: &Setup, directory: &Path, address: &str) -> String {
    let origin = setup.origin;
    let directory = directory.display();
    format!(
        "\
http {{
    log_format record '$remote_addr:$remote_port [$time_iso8601] $host \"$request\" $status '
                      '$request_length $bytes_sent $request_time '
                      '$upstream_addr $upstream_connect_time $upstream_response_time';
    access_log {directory}/access.log record buffer=64k flush=1s;
    client_body_temp_path {directory}/client_body;
    proxy_temp_path {directory}/proxy;
    fastcgi_temp_path {directory}/fastcgi;
    uwsgi_temp_path {directory}/uwsgi;
    scgi_temp_path {directory}/scgi;
    keepalive_requests 1000000000;
    upstream origin {{
        server {origin};
        keepalive 64;
        keepalive_requests 1000000000;
    }}
    server {{
        listen {address};
        location / {{
            proxy_pass http://origin;
            proxy_http_version 1.1;
            proxy_set_header Connection \"\";
            proxy_set_header Host $host;
            proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
            proxy_connect_timeout 5s;
        }}
    }}
}}
"
    )
}

fn stream(setup: &Setup, directory: &Path, address: &str) -> String {
    let accept = if setup.accept_proxy {
        " proxy_protocol"
    } else {
        ""
    };
    let trust = if setup.accept_proxy {
        "set_real_ip_from 127.0.0.0/8;"
    } else {
        ""
    };
    let send = if setup.send_proxy { "on" } else { "off" };
    let directory = directory.display();
    let ssl = if setup.tls == TlsRole::Terminate {
        " ssl"
    } else {
        ""
    };
    let Tls {
        log,
        routes,
        server,
        target,
    } = Tls::new(setup, &directory.to_string());
    format!(
        "\
stream {{
    log_format record '$remote_addr:$remote_port [$time_iso8601] $server_addr:$server_port '
                      '$upstream_addr $upstream_connect_time $session_time '
                      '$bytes_received $bytes_sent $status{log}';
    access_log {directory}/access.log record buffer=64k flush=1s;
    {routes}
    server {{
        listen {address}{accept}{ssl};
        {trust}
        {server}
        proxy_pass {target};
        proxy_protocol {send};
        proxy_connect_timeout 5s;
        proxy_timeout 1h;
    }}
}}
"
    )
}

/// The parts of the configuration that speak of TLS.
struct Tls {
    /// Further variables of the access record.
    log: &'static str,
    /// How the target is found.
    routes: String,
    /// Lines of the server.
    server: String,
    target: String,
}

impl Tls {
    fn new(setup: &Setup, directory: &str) -> Self {
        let origin = setup.origin;
        let plain = Self {
            log: "",
            routes: String::new(),
            server: String::new(),
            target: origin.to_string(),
        };
        match setup.tls {
            TlsRole::None => plain,
            TlsRole::Originate => Self {
                server: format!(
                    "proxy_ssl on; proxy_ssl_protocols TLSv1.2 TLSv1.3; \
                     proxy_ssl_trusted_certificate {directory}/{CA}; proxy_ssl_verify on; \
                     proxy_ssl_name {SERVER_NAME}; proxy_ssl_server_name on;"
                ),
                ..plain
            },
            TlsRole::Passthrough => Self {
                log: " $ssl_preread_server_name",
                routes: format!(
                    "upstream origin {{ server {origin}; }} \
                     map $ssl_preread_server_name $target {{ {SERVER_NAME} origin; }}"
                ),
                server: "ssl_preread on;".to_owned(),
                target: "$target".to_owned(),
            },
            TlsRole::Terminate => Self {
                log: " $ssl_protocol $ssl_cipher $ssl_server_name",
                server: format!(
                    "ssl_certificate {directory}/{CERTIFICATE}; \
                     ssl_certificate_key {directory}/{KEY}; ssl_protocols TLSv1.2 TLSv1.3;"
                ),
                ..plain
            },
        }
    }
}
