use std::ffi::OsStr;
use std::net::SocketAddr;
use std::process::Command;
use std::time::Duration;

use super::program::Program;
use crate::{Leaf, PATIENCE, Process, wait_for};

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

/// What it complains about when a flight of the handshake comes again, as it must on a bad path.
const REPEATED: &str = "Discarded replayed handshake packet";

/// What it says when there is nobody to send the request to.
const NOT_SENT: &str = "cannot send CoAP pdu";

impl LibcoapClient {
    /// Starts it with these arguments, of which the last is a URL.
    pub fn start(arguments: &[&str]) -> Self {
        let mut command = Command::new("coap-client-notls");
        // With warnings; it waits for 50 s at most, and ends bodies with a line feed.
        command.args(["-v", "4", "-B", "50", "-w"]).args(arguments);
        Self(Program::start(&mut command))
    }

    /// Starts the one with this TLS library, `openssl` or `gnutls`, with these arguments, of which the
    /// last is a URL. It does not care whose certificate it is shown.
    pub fn with_dtls(library: &str, arguments: &[&str]) -> Self {
        let mut command = Command::new(format!("coap-client-{library}"));
        command.args(["-v", "4", "-w", "-n"]).args(arguments);
        Self(Program::start(&mut command))
    }

    /// Runs it to its end; it must have nothing to complain about.
    #[track_caller]
    pub fn run(arguments: &[&str]) -> Printed {
        Self::start(arguments).finish()
    }

    /// As [`Self::finish`], for a handshake and a request on a bad path, which may take as long as this.
    /// `None`: there was no handshake, so that nothing has been sent. The client waits for 5 s for one.
    #[track_caller]
    pub fn try_finish(mut self, patience: Duration) -> Option<Printed> {
        self.0.wait(patience);
        let has_sent = !self.0.stdout().contains(NOT_SENT);
        has_sent.then(|| self.finish())
    }

    /// Whether it has ended.
    pub fn has_ended(&mut self) -> bool {
        self.0.has_ended()
    }

    /// Waits for its end; it must have nothing to complain about.
    #[track_caller]
    pub fn finish(self) -> Printed {
        self.finish_within(PATIENCE)
    }

    /// As [`Self::finish`], for what may take as long as this.
    #[track_caller]
    pub fn finish_within(mut self, patience: Duration) -> Printed {
        let status = self.0.wait(patience);
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

    /// Starts the one with this TLS library, `openssl` or `gnutls`, which speaks DTLS with this certificate.
    pub fn with_dtls(library: &str, leaf: &Leaf, arguments: &[&str]) -> Self {
        let name = format!("coap-server-{library}");
        let (chain, key) = (leaf.chain.as_os_str(), leaf.key.as_os_str());
        // DTLS has the port after the one that it is given, and TLS the same, which comes last.
        let (process, port) = Process::on_free_ports(&name, 2, "created TLS  endpoint", |port| {
            let mut command = Command::new(&name);
            command
                .args(["-A", "127.0.0.1", "-p", &port.to_string(), "-v", "7", "-n"])
                .args([OsStr::new("-c"), chain, OsStr::new("-j"), key])
                .args(arguments);
            command
        });
        Self {
            process,
            address: SocketAddr::from(([127, 0, 0, 1], port + 1)),
        }
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

/// Whether somebody should look at this line of a program by libcoap.
pub fn is_complaint(line: &str) -> bool {
    COMPLAINTS.iter().any(|level| line.contains(level)) && !line.contains(REPEATED)
}
