//! Started as root with `runtime.user`: what is given away, and what is not. Needs root.

use std::fs::{self, Permissions};
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::process::Output;

use rustix::process::Signal;
use tempfile::TempDir;
use vestibule_e2e::{Origin, Process, connect, exchange, program, wait_for};

/// Somebody other than root whom every system has.
const USER: &str = "nobody";

/// A directory for the program's files, beside one of root's, `precious`, that is none of its own.
struct Stage {
    origin: Origin,
    directory: TempDir,
}

impl Stage {
    fn new() -> Self {
        assert!(
            rustix::process::geteuid().is_root(),
            "only root can become another user: run this test as root"
        );
        let directory = tempfile::tempdir().expect("a temporary directory");
        // The user is to reach what it is given.
        fs::set_permissions(directory.path(), Permissions::from_mode(0o755)).expect("chmod");
        fs::write(directory.path().join("precious"), "precious").expect("a file of root's");
        Self {
            origin: Origin::echo(),
            directory,
        }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// Starts the program as root.
    fn start(&self) -> Process {
        let text = format!(
            "[runtime]\nworkers = 1\nuser = \"{USER}\"\n\
             [log]\nformat = \"json\"\naccess = \"{}\"\n\
             [admin]\ncontrol = \"{}\"\n\
             [[listener]]\nname = \"tcp\"\nbind = \"127.0.0.1:0\"\nservice = \"s\"\n\
             [[listener]]\nname = \"unix\"\nbind = \"unix:{}\"\nservice = \"s\"\n\
             [service.s]\nupstreams = [\"{}\"]\n",
            self.path("access.log").display(),
            self.path("control.sock").display(),
            self.path("in.sock").display(),
            self.origin.address(),
        );
        let config = self.path("vestibule.toml");
        fs::write(&config, text).expect("writing to a temporary directory");
        Process::start("vestibule", program().arg("run").arg(config))
    }

    /// Panics unless the start is refused with these words, and root's file is as it was.
    #[track_caller]
    fn is_refused(&self, words: &[&str]) {
        let mut process = self.start();
        assert_eq!(process.wait().code(), Some(1));
        let said = wait_for("a reason", || {
            let lines = process.stderr().join("\n");
            lines.contains("vestibule: ").then_some(lines)
        });
        for word in words {
            assert!(said.contains(word), "{word} in {said}");
        }
        let precious = self.path("precious");
        assert_eq!(owner(&precious), 0);
        assert_eq!(fs::read(precious).expect("the file"), b"precious");
    }
}

fn owner(path: &Path) -> u32 {
    fs::symlink_metadata(path)
        .unwrap_or_else(|error| panic!("{}: {error}", path.display()))
        .uid()
}

fn user_id() -> u32 {
    let id = std::process::Command::new("id")
        .args(["-u", USER])
        .output()
        .expect("id, of coreutils");
    let id = String::from_utf8_lossy(&id.stdout).trim().to_owned();
    id.parse().expect("the number of a user")
}

#[test]
fn the_user_gets_its_sockets_and_its_log() {
    let stage = Stage::new();
    let mut process = stage.start();
    process.wait_for_line("\"ready\"");
    let user = user_id();
    for name in ["access.log", "control.sock", "in.sock"] {
        assert_eq!(owner(&stage.path(name)), user, "{name}");
    }
    // Every thread has become the user, with no way back and no further groups.
    for thread in fs::read_dir(format!("/proc/{}/task", process.id())).expect("threads") {
        let status = thread.expect("a thread").path().join("status");
        let status = fs::read_to_string(status).expect("the status of a thread");
        let field = |name: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(name));
            line.unwrap_or_else(|| panic!("no {name} in {status}"))
                .split_whitespace()
                .map(str::to_owned)
                .collect::<Vec<_>>()
        };
        assert_eq!(field("Uid:"), [(); 4].map(|()| user.to_string()));
        assert_eq!(field("CapEff:"), ["0000000000000000"]);
        assert!(!field("Groups:").contains(&"0".to_owned()), "{status}");
    }
    // The log is the user's, and works.
    let listeners = command(&stage, &["show", "listeners", "--json"]);
    let listeners: serde_json::Value =
        serde_json::from_slice(&listeners.stdout).expect("an answer in JSON");
    let address = listeners["listeners"]
        .as_array()
        .expect("a list")
        .iter()
        .find(|shown| shown["listener"] == "tcp")
        .and_then(|shown| shown["address"].as_str()?.parse().ok())
        .expect("the address");
    exchange(&mut connect(address), b"hello");
    wait_for("the record", || {
        let text = fs::read_to_string(stage.path("access.log")).ok()?;
        text.contains("\"close\"").then_some(())
    });
    process.signal(Signal::TERM);
    assert_eq!(process.wait().code(), Some(0));
    assert_eq!(owner(&stage.path("precious")), 0);
}

fn command(stage: &Stage, arguments: &[&str]) -> Output {
    let mut command = program();
    command.args(arguments).arg("--control");
    command.arg(stage.path("control.sock"));
    let output = command.output().expect("running the program");
    assert!(output.status.success(), "{output:?}");
    output
}

/// Whoever may write to the directory could otherwise have any file of root's.
#[test]
fn a_log_that_is_a_link_is_not_given_away() {
    let stage = Stage::new();
    let (log, precious) = (stage.path("access.log"), stage.path("precious"));
    symlink(&precious, &log).expect("a symbolic link");
    stage.is_refused(&["cannot give the access log", "symbolic links"]);
    // Nor is a file made where the link leads to nothing.
    fs::remove_file(&log).expect("the link");
    symlink(stage.path("nothing"), &log).expect("a symbolic link");
    stage.is_refused(&["cannot give the access log", "symbolic links"]);
    assert!(!stage.path("nothing").exists());
    fs::remove_file(&log).expect("the link");
    fs::hard_link(&precious, &log).expect("a hard link");
    stage.is_refused(&["cannot give the access log", "another name"]);
    // Without the link, nothing is in the way.
    fs::remove_file(&log).expect("the link");
    stage.start().wait_for_line("\"ready\"");
}

#[test]
fn a_socket_that_is_a_link_is_not_given_away() {
    let stage = Stage::new();
    for name in ["in.sock", "control.sock"] {
        let path = stage.path(name);
        symlink(stage.path("precious"), &path).expect("a symbolic link");
        stage.is_refused(&["not a socket"]);
        fs::remove_file(&path).expect("the link");
        // Not even a link to a socket that could be replaced.
        let dead = stage.path("dead.sock");
        drop(UnixListener::bind(&dead).expect("a socket"));
        symlink(&dead, &path).expect("a symbolic link");
        stage.is_refused(&["not a socket"]);
        assert_eq!(owner(&dead), 0);
        fs::remove_file(&path).expect("the link");
        fs::remove_file(&dead).expect("the socket");
    }
    stage.start().wait_for_line("\"ready\"");
}
