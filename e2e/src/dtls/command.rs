use std::io::{Read, Write};
use std::net::SocketAddr;
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use crate::wait_for;

/// A running program that reads and writes bytes, not lines. What it writes is kept; it is killed
/// when this is dropped.
#[derive(Debug)]
pub struct RawProcess {
    name: String,
    child: Child,
    stdin: Option<ChildStdin>,
    output: Arc<Mutex<Vec<u8>>>,
    readers: Vec<JoinHandle<()>>,
}

impl RawProcess {
    /// Starts `command`.
    pub fn start(command: &mut Command) -> Self {
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| {
                panic!(
                    "cannot start {command:?}: {error}; `cargo xtask setup` gets what is missing"
                )
            });
        let output = Arc::default();
        let readers = vec![
            collect(child.stdout.take(), &output),
            collect(child.stderr.take(), &output),
        ];
        Self {
            name: format!("{command:?}"),
            stdin: child.stdin.take(),
            child,
            output,
            readers,
        }
    }

    /// Writes this to its standard input, in one piece.
    pub fn send(&mut self, bytes: &[u8]) {
        let stdin = self.stdin.as_mut().expect("standard input is open");
        let written = stdin.write_all(bytes).and_then(|()| stdin.flush());
        written.unwrap_or_else(|error| panic!("{}: {error}", self.name));
    }

    /// Ends its standard input.
    pub fn close_stdin(&mut self) {
        self.stdin = None;
    }

    /// Waits until these bytes have been written to standard output or error.
    #[track_caller]
    pub fn wait_for(&self, bytes: impl AsRef<[u8]>) {
        let bytes = bytes.as_ref();
        wait_for(
            &format!("{bytes:02x?} ({}) of {}", bytes.escape_ascii(), self.name),
            || self.has(bytes).then_some(()),
        );
    }

    /// Whether these bytes have been written.
    pub fn has(&self, bytes: impl AsRef<[u8]>) -> bool {
        let bytes = bytes.as_ref();
        let output = self.output.lock().unwrap_or_else(PoisonError::into_inner);
        output.windows(bytes.len()).any(|window| window == bytes)
    }

    /// Waits for the end; everything that was written is there then.
    #[track_caller]
    pub fn wait(&mut self) -> ExitStatus {
        let status = wait_for(&format!("{} to end", self.name), || self.ended());
        for reader in self.readers.drain(..) {
            reader.join().expect("a thread that does not panic");
        }
        status
    }

    /// As [`Self::wait`], and how long it took.
    #[track_caller]
    pub fn wait_timed(&mut self) -> (ExitStatus, Duration) {
        let start = Instant::now();
        (self.wait(), start.elapsed())
    }

    /// How it ended, if it has.
    pub fn ended(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().expect("a child of ours")
    }

    /// What was written so far, to standard output and to standard error.
    pub fn text(&self) -> String {
        let output = self.output.lock().unwrap_or_else(PoisonError::into_inner);
        String::from_utf8_lossy(&output).into_owned()
    }
}

impl Drop for RawProcess {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        if thread::panicking() {
            let text = self.text();
            let tail: Vec<&str> = text.lines().rev().take(60).collect();
            let tail: Vec<&str> = tail.into_iter().rev().collect();
            eprintln!("--- {} wrote:\n{}", self.name, tail.join("\n"));
        }
    }
}

/// `openssl s_client` over DTLS 1.2 to `address` with these further arguments (separated by
/// spaces). What it is told to send goes out as one record. When its input ends, it says
/// close_notify.
pub fn openssl_dtls(address: SocketAddr, arguments: &str) -> RawProcess {
    let mut command = Command::new("openssl");
    command.args(["s_client", "-dtls1_2", "-connect", &address.to_string()]);
    RawProcess::start(command.args(arguments.split_whitespace()))
}

/// `gnutls-cli` over UDP to `address` with these further arguments (separated by spaces).
pub fn gnutls_udp(address: SocketAddr, arguments: &str) -> RawProcess {
    let mut command = Command::new("gnutls-cli");
    command.args(["--udp", "--port", &address.port().to_string()]);
    command.args(arguments.split_whitespace());
    RawProcess::start(command.arg(address.ip().to_string()))
}

/// libcoap's client over this library (`openssl` or `gnutls`), for `coaps://ADDRESS/PATH` with
/// these further arguments. It waits for 50 s at most, and its log has warnings.
pub fn libcoap(library: &str, address: SocketAddr, path: &str, arguments: &[&str]) -> Command {
    let mut command = Command::new(format!("coap-client-{library}"));
    command.args(["-v", "4", "-B", "50", "-w"]).args(arguments);
    command.arg(format!("coaps://{address}{path}"));
    command
}

fn collect(
    stream: Option<impl Read + Send + 'static>,
    into: &Arc<Mutex<Vec<u8>>>,
) -> JoinHandle<()> {
    let mut stream = stream.expect("a stream that was asked for");
    let into = Arc::clone(into);
    thread::spawn(move || {
        let mut buffer = [0; 8192];
        while let Ok(n @ 1..) = stream.read(&mut buffer) {
            let mut output = into.lock().unwrap_or_else(PoisonError::into_inner);
            output.extend_from_slice(&buffer[..n]);
        }
    })
}
