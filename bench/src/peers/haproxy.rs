use std::path::Path;

use rustix::process::Signal;

use super::{Peer, Running, Setup, accepts_connections, first_line, free_address, write_config};
use crate::error::Error;
use crate::process::Process;

pub(super) const NAME: &str = "haproxy";

const PROGRAM: &str = "/usr/sbin/haproxy";

/// HAProxy as Debian ships it: default buffers, no splicing, `option tcplog` to a file.
pub(super) struct Haproxy;

impl Peer for Haproxy {
    fn start(&self, setup: &Setup, directory: &Path, core: usize) -> Result<Running, Error> {
        let address = free_address()?;
        let file = directory.join("haproxy.cfg");
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
        write_config(
            &file,
            &format!(
                "\
global
    nbthread 1
    maxconn 8000
    log stdout format raw local0 info

defaults
    mode tcp
    log global
    option tcplog
    timeout connect 5s
    timeout client 1h
    timeout server 1h

frontend in
    bind {address}{accept}
    default_backend out

backend out
    server origin {origin}{send}
"
            ),
        )?;
        let arguments = ["-db", "-f", &file.to_string_lossy()];
        let mut process = Process::start(Path::new(PROGRAM), &arguments, core, directory)?;
        process.await_ready(|_| accepts_connections(address).then_some(()))?;
        Ok(Running {
            address,
            process,
            access_log: directory.join("stdout.log"),
            graceful: Signal::USR1,
        })
    }

    fn name(&self) -> &'static str {
        NAME
    }

    fn note(&self) -> Option<&'static str> {
        None
    }

    fn version(&self) -> Result<String, Error> {
        let line = first_line(Path::new(PROGRAM), "-v")?;
        Ok(line.split(" - ").next().unwrap_or_default().to_owned())
    }
}
