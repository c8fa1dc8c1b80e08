use std::net::SocketAddr;
use std::process::Command;

use super::program::Program;
use crate::{Process, wait_for};

/// libcoap's client while it runs.
#[derive(Debug)]
pub struct LibcoapClient(Program);

/// What libcoap's client has printed.
#[derive(Clone, Debug)]
pub struct Printed {
    /// Bodies of successes, a line each.
    pub bodies: String,
    /// Codes and bodies of errors.
    pub errors: String,
}

/// libcoap's example server.
#[derive(Debug)]
pub struct LibcoapServer {
    process: Process,
    address: SocketAddr,
}

/// With what libcoap begins the lines of its log that somebody should look at, after the time.
const COMPLAINTS: [&str; 5] = [" WARN ", " ERR ", " CRIT ", " ALRT ", " EMRG "];

impl LibcoapClient {
    /// Starts it with these arguments, of which the last is a URL.
    pub fn start(arguments: &[&str]) -> Self {
        let mut command = Command::new("coap-client-notls");
        // With warnings; it waits for 12 s at most, and ends bodies with a line feed.
        command.args(["-v", "4", "-B", "12", "-w"]).args(arguments);
        Self(Program::start(&mut command))
    }

    /// Runs it to its end; it must have nothing to complain about.
    #[track_caller]
    pub fn run(arguments: &[&str]) -> Printed {
        Self::start(arguments).finish()
    }

    /// Waits for its end; it must have nothing to complain about.
    #[track_caller]
    pub fn finish(mut self) -> Printed {
        let status = self.0.wait();
        let printed = Printed {
            bodies: self.0.stdout().trim_end_matches('\n').to_owned(),
            errors: self.0.stderr().trim_end().to_owned(),
        };
        assert!(status.success(), "{status}: {printed:?}");
        let lines = printed.bodies.lines().chain(printed.errors.lines());
        let complaints: Vec<&str> = lines.filter(|line| is_complaint(line)).collect();
        assert!(complaints.is_empty(), "{complaints:?}");
        printed
    }

    /// Waits until it has printed this.
    pub fn wait_for_output(&self, text: &str) {
        self.0.wait_for_output(text);
    }
}

impl LibcoapServer {
    /// Starts it on a free port of 127.0.0.1.
    pub fn start(arguments: &[&str]) -> Self {
        let mut command = Command::new("coap-server-notls");
        command.args(["-A", "127.0.0.1", "-p", "0", "-v", "7"]);
        let process = Process::start("coap-server-notls", command.args(arguments));
        let address = wait_for("coap-server-notls to name its port", || {
            let lines = process.stdout();
            let (_, address) = lines
                .iter()
                .find_map(|line| line.split_once("UDP  endpoint "))?;
            address.trim().parse().ok()
        });
        Self { process, address }
    }

    /// Where it is reached.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// What it complains about.
    pub fn complaints(&self) -> Vec<String> {
        let mut lines = self.process.stdout();
        lines.extend(self.process.stderr());
        lines.retain(|line| is_complaint(line));
        lines
    }
}

fn is_complaint(line: &str) -> bool {
    COMPLAINTS.iter().any(|level| line.contains(level))
}
