use std::fs;
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Output};

use rustix::process::Signal;
use serde_json::Value;
use tempfile::TempDir;

use crate::{Metrics, Process, Record, name_server, wait_for};

/// What a test wants Vestibule to be told, beside its logs and its admin listener.
#[derive(Clone, Debug)]
pub struct Setup {
    /// What stands before the first table.
    top: String,
    /// Worker threads.
    workers: usize,
    /// `log.format`.
    log_format: &'static str,
    /// The tables of the test.
    tables: String,
    /// RLIMIT_NOFILE, soft and hard.
    descriptors: Option<u32>,
    /// Variables of its environment.
    environment: Vec<(&'static str, PathBuf)>,
    /// Whether it resolves names by the test's own name server.
    name_server: bool,
    /// The file of the network namespace in which it runs, if not in the test's.
    namespace: Option<String>,
}

impl Setup {
    /// Two workers, logs in JSON, and these tables.
    pub fn new(tables: impl Into<String>) -> Self {
        Self {
            top: String::new(),
            workers: 2,
            log_format: "json",
            tables: tables.into(),
            descriptors: None,
            environment: Vec::new(),
            name_server: false,
            namespace: None,
        }
    }

    /// What stands before the first table.
    pub fn top(mut self, top: impl Into<String>) -> Self {
        self.top = top.into();
        self
    }

    /// How many worker threads there are.
    pub fn workers(mut self, workers: usize) -> Self {
        self.workers = workers;
        self
    }

    /// Writes the access log as text; the event log too, so that events cannot be asked for.
    pub fn text_log(mut self) -> Self {
        self.log_format = "text";
        self
    }

    /// How many file descriptors the process may have.
    pub fn descriptors(mut self, limit: u32) -> Self {
        self.descriptors = Some(limit);
        self
    }

    /// Sets a variable of its environment to a path.
    pub fn environment(mut self, variable: &'static str, path: PathBuf) -> Self {
        self.environment.push((variable, path));
        self
    }

    /// Resolves names by the [`NameServer`](crate::NameServer) of the test, and by nothing else.
    pub fn name_server(mut self) -> Self {
        self.name_server = true;
        self
    }

    /// Runs in this network namespace.
    pub fn namespace(mut self, path: &str) -> Self {
        self.namespace = Some(path.to_owned());
        self
    }

    /// Starts Vestibule and waits until it is ready.
    pub fn start(self) -> Vestibule {
        let vestibule = self.spawn();
        vestibule.process.wait_for_line("ready");
        vestibule
    }

    /// Starts Vestibule, which may refuse to run.
    pub fn spawn(self) -> Vestibule {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let config = directory.path().join("vestibule.toml");
        fs::write(&config, self.text(directory.path())).expect("writing to a temporary directory");
        let mut command = program();
        if let Some(limit) = self.descriptors {
            let program = command.get_program().to_owned();
            command = Command::new("prlimit");
            command.arg(format!("--nofile={limit}")).arg(program);
        }
        if let Some(namespace) = &self.namespace {
            let inside = command;
            command = Command::new("nsenter");
            command.arg(format!("--net={namespace}"));
            command.arg(inside.get_program()).args(inside.get_args());
        }
        command.arg("run").arg(&config);
        if self.name_server {
            command = name_server::asking(&command, directory.path());
        }
        command.envs(self.environment.iter().map(|(name, path)| (name, path)));
        let process = Process::start("vestibule", &mut command);
        Vestibule {
            setup: self,
            process,
            directory,
        }
    }

    fn text(&self, directory: &Path) -> String {
        let Self {
            top,
            workers,
            log_format,
            tables,
            descriptors: _,
            environment: _,
            name_server: _,
            namespace: _,
        } = self;
        let path = |name: &str| directory.join(name).display().to_string();
        format!(
            "{top}\n\
             [runtime]\nworkers = {workers}\n\
             [log]\nformat = \"{log_format}\"\naccess = \"{}\"\n\
             [admin]\nlisten = \"127.0.0.1:0\"\ncontrol = \"{}\"\n\
             {tables}",
            path("access.log"),
            path("control.sock"),
        )
    }
}

/// The program under test, running. It is killed when this is dropped.
#[derive(Debug)]
pub struct Vestibule {
    setup: Setup,
    process: Process,
    directory: TempDir,
}

impl Vestibule {
    /// Starts Vestibule with [`Setup::new`] of these tables and waits until it is ready.
    pub fn start(tables: impl Into<String>) -> Self {
        Setup::new(tables).start()
    }

    /// The process.
    pub fn process(&mut self) -> &mut Process {
        &mut self.process
    }

    /// Where its files are.
    pub fn directory(&self) -> &Path {
        self.directory.path()
    }

    /// Its configuration file.
    pub fn config(&self) -> PathBuf {
        self.directory.path().join("vestibule.toml")
    }

    /// Its control socket.
    pub fn control(&self) -> PathBuf {
        self.directory.path().join("control.sock")
    }

    /// The TCP address of this listener; of the first one, if there are several.
    pub fn address(&self, listener: &str) -> SocketAddr {
        let text = wait_for(&format!("listener {listener} to listen"), || {
            self.addresses(listener).into_iter().next()
        });
        text.parse()
            .unwrap_or_else(|_| panic!("{text} is no TCP address"))
    }

    /// The addresses that this listener has announced, in order.
    pub fn addresses(&self, listener: &str) -> Vec<String> {
        let events = self.events("listening");
        events
            .iter()
            .filter(|event| event["listener"] == listener)
            .map(|event| event["address"].as_str().unwrap_or_default().to_owned())
            .collect()
    }

    /// Events with this message, in order.
    pub fn events(&self, message: &str) -> Vec<Value> {
        self.all_events()
            .into_iter()
            .filter(|event| event["message"] == message)
            .collect()
    }

    /// Every event so far.
    pub fn all_events(&self) -> Vec<Value> {
        let lines = self.process.stderr();
        lines
            .iter()
            .filter_map(|line| serde_json::from_str(line).ok())
            .collect()
    }

    /// The event log so far, as it was written.
    pub fn event_lines(&self) -> Vec<String> {
        self.process.stderr()
    }

    /// The address of the admin listener.
    pub fn admin(&self) -> SocketAddr {
        let event = wait_for("the admin listener", || {
            self.events("admin listening").into_iter().next()
        });
        event["address"]
            .as_str()
            .and_then(|address| address.parse().ok())
            .unwrap_or_else(|| panic!("{event} names no address"))
    }

    /// What `/metrics` says now.
    pub fn metrics(&self) -> Metrics {
        Metrics::scrape(self.admin())
    }

    /// Where access records are written.
    pub fn access_log(&self) -> PathBuf {
        self.directory.path().join("access.log")
    }

    /// The access records so far.
    pub fn records(&self) -> Vec<Record> {
        let text = fs::read_to_string(self.access_log()).unwrap_or_default();
        // The last line may be half written.
        let whole = text.rfind('\n').map_or(0, |end| end + 1);
        text[..whole].lines().map(Record::parse).collect()
    }

    /// Waits for the one record that `is_it`.
    #[track_caller]
    pub fn record(&self, what: &str, is_it: impl Fn(&Record) -> bool) -> Record {
        let record = wait_for(&format!("the access record of {what}"), || {
            self.records().into_iter().find(|record| is_it(record))
        });
        let all = self.records().iter().filter(|record| is_it(record)).count();
        assert_eq!(all, 1, "records of {what}");
        record
    }

    /// Waits for the record of the connection from this client, with or without a PROXY header.
    #[track_caller]
    pub fn record_of(&self, client: SocketAddr) -> Record {
        let client = client.to_string();
        self.record(&format!("client {client}"), |record| {
            record.text("client") == client || record.text("peer") == client
        })
    }

    /// Waits until there are this many records.
    #[track_caller]
    pub fn wait_for_records(&self, count: usize) -> Vec<Record> {
        wait_for(&format!("{count} access records"), || {
            Some(self.records()).filter(|records| records.len() >= count)
        })
    }

    /// Writes these tables into the configuration file; nothing is reloaded.
    pub fn rewrite(&mut self, tables: impl Into<String>) {
        self.setup.tables = tables.into();
        let text = self.setup.text(self.directory.path());
        // Whole or not at all: a reload may be under way.
        let fresh = self.directory.path().join("vestibule.toml.new");
        fs::write(&fresh, text).expect("writing to a temporary directory");
        fs::rename(&fresh, self.config()).expect("renaming in a temporary directory");
    }

    /// Sends SIGHUP and waits until the reload has succeeded; panics when it is refused.
    #[track_caller]
    pub fn reload_by_signal(&self) {
        let before = self.events("reloaded").len();
        self.process.signal(Signal::HUP);
        wait_for("the reload", || {
            (self.events("reloaded").len() > before).then_some(())
        });
    }

    /// Runs a command of the program that talks to this process.
    pub fn command(&self, arguments: &[&str]) -> Output {
        program()
            .args(arguments)
            .arg("--control")
            .arg(self.control())
            .output()
            .expect("running the program")
    }

    /// As [`Self::command`] with `--json`: the answer, which must not be a failure.
    #[track_caller]
    pub fn ask(&self, arguments: &[&str]) -> Value {
        let mut arguments = arguments.to_vec();
        arguments.push("--json");
        let output = self.command(&arguments);
        assert!(output.status.success(), "{arguments:?}: {output:?}");
        serde_json::from_slice(&output.stdout).expect("an answer in JSON")
    }

    /// Asks the process to end and waits until it has.
    pub fn terminate(&mut self) -> ExitStatus {
        self.process.signal(Signal::TERM);
        self.process.wait()
    }
}

/// Runs `check` on a file of this text; `extra` are further arguments.
pub fn check(text: &str, extra: &[&str]) -> Output {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let path = directory.path().join("vestibule.toml");
    fs::write(&path, text).expect("writing to a temporary directory");
    program()
        .arg("check")
        .args(extra)
        .arg(&path)
        .output()
        .expect("running the program")
}

/// The program under test: `VESTIBULE_BIN`, else what was built last.
pub fn program() -> Command {
    let named = std::env::var_os("VESTIBULE_BIN").map(PathBuf::from);
    let path = named.unwrap_or_else(|| {
        let target = target_directory();
        ["e2e", "release", "debug"]
            .iter()
            .map(|profile| target.join(profile).join("vestibule"))
            .filter(|path| path.exists())
            .max_by_key(|path| fs::metadata(path).and_then(|found| found.modified()).ok())
            .unwrap_or_else(|| target.join("release/vestibule"))
    });
    let executable = fs::metadata(&path)
        .is_ok_and(|found| found.is_file() && found.permissions().mode() & 0o111 != 0);
    assert!(
        executable,
        "there is no program to test at {}: run `cargo xtask test`, or `cargo build --release -p \
         vestibule` first",
        path.display()
    );
    Command::new(path)
}

/// Where cargo put the running test: `<target>/<profile>/deps/<test>`.
fn target_directory() -> PathBuf {
    let test = std::env::current_exe().expect("the path of the running test");
    test.ancestors()
        .nth(3)
        .expect("a test runs inside the target directory")
        .to_path_buf()
}
