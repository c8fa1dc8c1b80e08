use std::os::unix::fs::chown;
use std::path::Path;

use rustix::process::{Signal, geteuid};

use super::{
    Absence, Peer, Running, Service, Setup, accepts_connections, first_line, free_address,
    write_config,
};
use crate::error::Error;
use crate::process::Process;

pub(super) const NAME: &str = "squid";

const PROGRAM: &str = "/usr/sbin/squid";

/// The user and the group that own nothing, by number.
const NOBODY: u32 = 65534;

/// squid as Debian ships it, one process, without a cache.
pub(super) struct Squid;

impl Peer for Squid {
    fn start(&self, setup: &Setup, directory: &Path, core: usize) -> Result<Running, Error> {
        let address = free_address()?;
        let file = directory.join("squid.conf");
        write_config(
            &file,
            &configuration(setup, directory, &address.to_string()),
        )?;
        let file = file.to_string_lossy();
        // Its shared memory has the name of the service. What another squid holds or left behind
        // under the default name would keep this one from starting.
        let service = format!("bench{}", address.port());
        let squid = ["-N", "-n", &service, "-f", &file];
        let mut process = if geteuid().is_root() {
            // squid does not run as root and would change its user, after which the kernel no
            // longer ends it with us.
            chown(directory, Some(NOBODY), Some(NOBODY))
                .map_err(Error::io(format!("give {} away", directory.display())))?;
            let nobody = NOBODY.to_string();
            let as_nobody = ["--reuid", &nobody, "--regid", &nobody, "--clear-groups"];
            let with_us = ["--pdeathsig", "TERM", PROGRAM];
            let arguments = [&as_nobody[..], &with_us, &squid].concat();
            Process::start(Path::new("setpriv"), &arguments, core, directory)?
        } else {
            Process::start(Path::new(PROGRAM), &squid, core, directory)?
        };
        process.await_ready(|_| accepts_connections(address).then_some(()))?;
        Ok(Running {
            address,
            process,
            access_log: Some(directory.join("access.log")),
            record_lines: 1,
            graceful: Signal::TERM,
            misses_signals: false,
        })
    }

    fn name(&self) -> &'static str {
        NAME
    }

    fn absence(&self, service: Service) -> Option<Absence> {
        (service != Service::Connect).then_some(Absence::OnlyConnect)
    }

    fn note(&self) -> Option<&'static str> {
        None
    }

    fn version(&self) -> Result<String, Error> {
        first_line(Path::new(PROGRAM), "-v")
    }
}

fn configuration(setup: &Setup, directory: &Path, address: &str) -> String {
    let directory = directory.display();
    let (origin, origin_port) = (setup.origin.ip(), setup.origin.port());
    format!(
        "\
workers 1
http_port {address}
acl CONNECT method CONNECT
acl clients src 127.0.0.0/8
acl origin dst {origin}
acl origin_port port {origin_port}
http_access allow CONNECT clients origin origin_port
http_access deny all
cache deny all
access_log stdio:{directory}/access.log
buffered_logs on
cache_log {directory}/cache.log
coredump_dir none
pid_filename none
pinger_enable off
max_filedescriptors 16000
shutdown_lifetime 1 second
"
    )
}
