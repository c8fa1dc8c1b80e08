use std::net::SocketAddr;
use std::process::{Command, Output};

use crate::Process;

/// `openssl s_client` to `address` with these further arguments (separated by spaces). What it is
/// told to say, it sends; when its input ends, it says close_notify.
pub fn openssl_client(address: SocketAddr, arguments: &str) -> Process {
    let mut command = Command::new("openssl");
    command.args(["s_client", "-connect", &address.to_string()]);
    Process::start("openssl", command.args(arguments.split_whitespace()))
}

/// `gnutls-cli` to `address` with these further arguments (separated by spaces).
pub fn gnutls_client(address: SocketAddr, arguments: &str) -> Process {
    let mut command = Command::new("gnutls-cli");
    command.args(["--port", &address.port().to_string()]);
    command.args(arguments.split_whitespace());
    Process::start("gnutls-cli", command.arg(address.ip().to_string()))
}

/// `curl` for `https://NAME:PORT/PATH` at `address`, with these further arguments (separated by
/// spaces).
pub fn curl(address: SocketAddr, name: &str, path: &str, arguments: &str) -> Output {
    let (ip, port) = (address.ip(), address.port());
    Command::new("curl")
        .args(["--silent", "--show-error", "--max-time", "60"])
        .args(["--resolve", &format!("{name}:{port}:{ip}")])
        .args(arguments.split_whitespace())
        .arg(format!("https://{name}:{port}{path}"))
        .output()
        .expect("curl; `cargo xtask setup` gets it")
}
