//! Logs that nobody takes: neither the traffic nor the end of the process waits for them.

use std::fmt::Write as _;
use std::fs::{self, File, OpenOptions};
use std::io::{BufRead, BufReader, ErrorKind, Write};
use std::net::SocketAddr;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::Signal;
use tempfile::TempDir;
use vestibule_e2e::{
    Origin, PATIENCE, Process, ReservedPort, connect, eventually, exchange, http_get, program,
    try_connect,
};

/// How long the end may take: longer than the logs are waited for.
const END: Duration = Duration::from_secs(20);

/// The program with one of its standard streams going into a pipe that is full.
struct Stuck {
    process: Process,
    listener: ReservedPort,
    admin: ReservedPort,
    directory: TempDir,
    /// Both ends of the pipe. Nobody reads.
    _pipe: File,
}

impl Stuck {
    /// Starts it with `stream` (`1` or `2`) stuck, and these keys of `[log]` and further tables.
    fn start(stream: u8, log: &str, origin: &Origin, tables: &str) -> Self {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let (listener, admin) = (ReservedPort::new(), ReservedPort::new());
        let text = format!(
            "[runtime]\nworkers = 2\n[log]\n{log}\n\
             [admin]\nlisten = \"{}\"\ncontrol = \"{}\"\n\
             [[listener]]\nname = \"in\"\nbind = \"{}\"\nservice = \"echo\"\n\
             [service.echo]\nupstreams = [\"{}\"]\n{tables}",
            admin.address(),
            control(directory.path()).display(),
            listener.address(),
            origin.address(),
        );
        let config = directory.path().join("vestibule.toml");
        fs::write(&config, text).expect("writing to a temporary directory");
        let path = directory.path().join("pipe");
        let pipe = full_pipe(&path);
        let mut shell = Command::new("sh");
        shell
            .args(["-c", &format!("exec \"$0\" run \"$1\" {stream}>\"$2\"")])
            .args([program().get_program(), config.as_os_str()])
            .arg(path);
        let process = Process::start("vestibule", &mut shell);
        let stuck = Self {
            process,
            listener,
            admin,
            directory,
            _pipe: pipe,
        };
        eventually("the listener", || try_connect(stuck.address()).is_ok());
        stuck
    }

    fn address(&self) -> SocketAddr {
        self.listener.address()
    }

    /// Panics unless traffic, probes and the control socket are as ever.
    fn works(&self) {
        for _ in 0..100 {
            exchange(&mut connect(self.address()), b"hello");
        }
        let asked = Instant::now();
        assert_eq!(http_get(self.admin.address(), "/healthz").0, 200);
        let shown = self.command(&["show", "services"]);
        assert!(shown.status.success(), "{shown:?}");
        assert!(asked.elapsed() < Duration::from_secs(20));
    }

    fn command(&self, arguments: &[&str]) -> Output {
        let mut command = program();
        command.args(arguments).arg("--control");
        command.arg(control(self.directory.path()));
        command.output().expect("running the program")
    }

    /// Asks the process to end once; panics unless it soon does. Answers how long it took.
    fn ends(&mut self) -> Duration {
        let asked = Instant::now();
        self.process.signal(Signal::TERM);
        assert_eq!(self.process.wait().code(), Some(0));
        let took = asked.elapsed();
        assert!(took < END, "{took:?}");
        took
    }
}

fn control(directory: &Path) -> PathBuf {
    directory.join("control.sock")
}

/// A named pipe that takes no more.
fn full_pipe(path: &Path) -> File {
    let made = Command::new("mkfifo").arg(path).status();
    assert!(made.expect("mkfifo, of coreutils").success());
    // With both ends open, opening waits for nobody.
    let pipe = OpenOptions::new().read(true).write(true).open(path);
    let mut pipe = pipe.expect("a pipe");
    rustix::io::ioctl_fionbio(&pipe, true).expect("O_NONBLOCK");
    loop {
        match pipe.write(&[b'\n'; 4096]) {
            Ok(_) => {}
            Err(error) if error.kind() == ErrorKind::WouldBlock => return pipe,
            Err(error) => panic!("filling a pipe: {error}"),
        }
    }
}

#[test]
fn an_access_log_that_nobody_takes_stops_nothing() {
    let origin = Origin::echo();
    let mut stuck = Stuck::start(1, "access = \"stdout\"", &origin, "");
    // Longer than records stay with a worker: the log's thread is stuck now.
    for _ in 0..3 {
        stuck.works();
        thread::sleep(Duration::from_millis(150));
    }
    let reloaded = stuck.command(&["reload"]);
    assert!(reloaded.status.success(), "{reloaded:?}");
    stuck.process.signal(Signal::HUP);
    stuck.works();
    let took = stuck.ends();
    // It was stuck indeed: somebody might have read after all, and was waited for.
    assert!(took > Duration::from_secs(1), "{took:?}");
}

/// Far more lines than may wait for somebody who reads.
#[test]
fn an_event_log_that_nobody_takes_stops_nothing() {
    const UNUSED: usize = 200;
    const RELOADS: usize = 30;
    let origin = Origin::echo();
    // Each reload warns of each service that nothing leads to.
    let mut tables = String::new();
    for n in 0..UNUSED {
        let _ = writeln!(tables, "[service.u{n}]\nupstreams = [\"127.0.0.1:1\"]");
    }
    let log = "level = \"debug\"\naccess = \"off\"";
    let mut stuck = Stuck::start(2, log, &origin, &tables);
    stuck.works();
    let control = UnixStream::connect(control(stuck.directory.path())).expect("the socket");
    control
        .set_read_timeout(Some(PATIENCE))
        .expect("a time that is not 0");
    let mut answers = BufReader::new(&control);
    for _ in 0..RELOADS {
        (&control)
            .write_all(b"{\"command\":\"reload\"}\n")
            .expect("a request");
        let mut answer = String::new();
        answers.read_line(&mut answer).expect("an answer in time");
        assert!(answer.contains("\"answer\":\"reloaded\""), "{answer}");
        assert!(answer.contains("u199"), "a warning of each service");
    }
    stuck.process.signal(Signal::HUP);
    stuck.works();
    stuck.ends();
}

/// When the end waits for connections, a second signal still ends it, whatever is stuck.
#[test]
fn a_second_signal_does_not_wait_for_stuck_logs() {
    let origin = Origin::echo();
    for (stream, log) in [(1, "access = \"stdout\""), (2, "access = \"off\"")] {
        let limits = "[limits]\ndrain_timeout = \"1h\"\n";
        let mut stuck = Stuck::start(stream, log, &origin, limits);
        stuck.works();
        let mut live = connect(stuck.address());
        exchange(&mut live, b"hello");
        stuck.process.signal(Signal::TERM);
        eventually("the listener to be closed", || {
            try_connect(stuck.address()).is_err()
        });
        exchange(&mut live, b"draining");
        assert!(stuck.process.ended().is_none());
        stuck.ends();
    }
}
