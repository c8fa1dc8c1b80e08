use std::path::Path;

use rustix::process::Signal;

use super::{
    Absence, Peer, Running, Service, Setup, accepts_connections, first_line, free_address,
    write_config,
};
use crate::error::Error;
use crate::process::Process;

pub(super) const NAME: &str = "tinyproxy";

const PROGRAM: &str = "/usr/bin/tinyproxy";

/// tinyproxy as Debian ships it: a thread for each connection.
pub(super) struct Tinyproxy;

impl Peer for Tinyproxy {
    fn start(&self, setup: &Setup, directory: &Path, core: usize) -> Result<Running, Error> {
        let address = free_address()?;
        let file = directory.join("tinyproxy.conf");
        let port = address.port();
        write_config(&file, &configuration(setup, directory, port))?;
        let arguments = ["-d", "-c", &file.to_string_lossy()];
        let mut process = Process::start(Path::new(PROGRAM), &arguments, core, directory)?;
        process.await_ready(|_| accepts_connections(address).then_some(()))?;
        Ok(Running {
            address,
            process,
            access_log: Some(directory.join("access.log")),
            record_lines: 3,
            graceful: Signal::TERM,
            // A thread that takes the signal does not wake the one that waits for connections.
            misses_signals: true,
        })
    }

    fn name(&self) -> &'static str {
        NAME
    }

    fn absence(&self, service: Service) -> Option<Absence> {
        (service != Service::Connect).then_some(Absence::OnlyConnect)
    }

    fn syncs_log(&self) -> bool {
        true
    }

    fn note(&self) -> Option<&'static str> {
        Some(
            "tinyproxy writes three lines per connection (LogLevel Connect) and waits for the disk \
             with each (fsync). Its log is in memory (/dev/shm); on a disk it would need more.",
        )
    }

    fn version(&self) -> Result<String, Error> {
        first_line(Path::new(PROGRAM), "-v")
    }
}

fn configuration(setup: &Setup, directory: &Path, port: u16) -> String {
    let directory = directory.display();
    let origin_port = setup.origin.port();
    format!(
        "\
Listen 127.0.0.1
Port {port}
MaxClients 8000
Timeout 3600
LogFile \"{directory}/access.log\"
LogLevel Connect
PidFile \"{directory}/tinyproxy.pid\"
Allow 127.0.0.1
ConnectPort {origin_port}
"
    )
}
