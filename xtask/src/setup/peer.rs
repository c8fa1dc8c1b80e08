use std::path::{Path, PathBuf};
use std::process::Command;

use crate::command;

/// The Python of the system. A version manager's Python may come first in `PATH` and may lack what
/// Debian's packages bring, so this one is named by its path.
pub(super) const PYTHON: &str = "/usr/bin/python3";

/// A program that tests or the benchmark run.
#[derive(Debug)]
pub(super) struct Peer {
    pub(super) name: &'static str,
    /// The Debian package that brings it.
    pub(super) package: &'static str,
    /// True if the package brings a service that would start at installation and at boot.
    pub(super) service: bool,
    probe: Probe,
}

/// How to see whether a peer is there, whatever installed it.
#[derive(Debug)]
enum Probe {
    Command(&'static str),
    NginxStream,
    PythonVenv,
}

pub(super) const PEERS: &[Peer] = &[
    Peer::command("chromium", "chromium", "chromium"),
    Peer::command("coap-client", "libcoap3-bin", "coap-client-notls"),
    Peer::command("coap-server", "libcoap3-bin", "coap-server-notls"),
    Peer::command("curl", "curl", "curl"),
    Peer {
        name: "ejabberd",
        package: "ejabberd",
        service: true,
        probe: Probe::Command("ejabberdctl"),
    },
    // Erlang's port mapper, which ejabberd's package brings and the tests do not need.
    Peer::service("epmd", "erlang-base"),
    Peer::command("gnutls-cli", "gnutls-bin", "gnutls-cli"),
    Peer::service("haproxy", "haproxy"),
    Peer::command("htpasswd", "apache2-utils", "htpasswd"),
    Peer::command("iproute2", "iproute2", "ss"),
    Peer::command("nft", "nftables", "nft"),
    Peer::service("nginx", "nginx"),
    Peer {
        name: "nginx stream module",
        package: "libnginx-mod-stream",
        service: false,
        probe: Probe::NginxStream,
    },
    Peer::command("openssl", "openssl", "openssl"),
    Peer::service("prosody", "prosody"),
    Peer {
        name: "python3 with venv",
        package: "python3-venv",
        service: false,
        probe: Probe::PythonVenv,
    },
    Peer::command("slowhttptest", "slowhttptest", "slowhttptest"),
    Peer::command("socat", "socat", "socat"),
    // With OpenSSL, so that it can wait for TLS, and speak it with another proxy.
    Peer::service("squid", "squid-openssl"),
    Peer::command("testssl", "testssl.sh", "testssl"),
    Peer::service("tinyproxy", "tinyproxy"),
];

impl Peer {
    pub(super) fn is_present(&self) -> bool {
        match self.probe {
            Probe::Command(program) => find_program(program).is_some(),
            Probe::NginxStream => nginx_has_stream(),
            Probe::PythonVenv => {
                command::succeeds(Command::new(PYTHON).args(["-c", "import ensurepip, venv"]))
            }
        }
    }

    const fn command(name: &'static str, package: &'static str, program: &'static str) -> Self {
        Self {
            name,
            package,
            service: false,
            probe: Probe::Command(program),
        }
    }

    const fn service(name: &'static str, package: &'static str) -> Self {
        Self {
            name,
            package,
            service: true,
            probe: Probe::Command(name),
        }
    }
}

/// Finds a program in `PATH` and in the directories of system programs, which users' paths lack.
fn find_program(program: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path)
        .chain(["/usr/local/sbin", "/usr/sbin", "/sbin"].map(PathBuf::from))
        .map(|directory| directory.join(program))
        .find(|file| file.is_file())
}

/// Debian ships the stream module as a file beside nginx; other builds may have it compiled in.
fn nginx_has_stream() -> bool {
    if Path::new("/usr/lib/nginx/modules/ngx_stream_module.so").is_file() {
        return true;
    }
    let Some(nginx) = find_program("nginx") else {
        return false;
    };
    let Ok(output) = Command::new(nginx).arg("-V").output() else {
        return false;
    };
    String::from_utf8_lossy(&output.stderr)
        .split_whitespace()
        .any(|option| option == "--with-stream")
}
