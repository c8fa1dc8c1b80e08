use std::fs::{self, File};
use std::io;
use std::net::{SocketAddr, TcpStream};
use std::os::fd::AsFd;
use std::process::Command;
use std::thread;

use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};
use socket2::{Domain, Socket, Type};

use crate::{PATIENCE, Process, eventually};

/// Set inside of the namespace.
const INSIDE: &str = "VESTIBULE_E2E_NAMESPACE";

/// For tests that need certain addresses and ports: runs the test of this name once more, alone in
/// a new network namespace, and answers `false`; there, this answers `true`.
///
/// Needs root, or a kernel that lets users make namespaces.
pub fn in_network_namespace(test: &str) -> bool {
    if std::env::var_os(INSIDE).is_some() {
        ip("link set lo up");
        return true;
    }
    let own = std::env::current_exe().expect("the path of the running test");
    let mut unshare = Command::new("unshare");
    unshare.arg("--net");
    if !rustix::process::geteuid().is_root() {
        unshare.args(["--user", "--map-root-user"]);
    }
    let status = unshare
        .arg(own)
        .args(["--exact", test, "--nocapture"])
        .env(INSIDE, "1")
        .status()
        .expect("unshare, of util-linux");
    assert!(status.success(), "inside of the namespace: {status}");
    false
}

/// Another machine, as far as the network goes, joined to ours by a cable. It goes when this is
/// dropped.
#[derive(Debug)]
pub struct Namespace {
    holder: Process,
}

impl Namespace {
    /// Joins a new one to ours, which must be a namespace of the test's own.
    ///
    /// `here` and `there` are addresses with a prefix of the two ends of the cable.
    pub fn joined(here: &str, there: &str) -> Self {
        let other = Self::linked("here");
        ip(&format!("addr add {here} dev here"));
        ip("link set here up");
        other.ip(&format!("addr add {there} dev there"));
        other.ip("link set there up");
        other
    }

    /// Joins a new one to ours, which must be a namespace of the test's own. Our end of the cable is
    /// called `link`, the other one `there`; both have no address and are down.
    pub fn linked(link: &str) -> Self {
        let mut sleep = Command::new("unshare");
        let holder = Process::start("namespace", sleep.args(["--net", "sleep", "infinity"]));
        let of = |id: &str| fs::read_link(format!("/proc/{id}/ns/net")).ok();
        let id = holder.id().to_string();
        eventually("a second namespace", || {
            of(&id).is_some_and(|found| Some(found) != of("self"))
        });
        let other = Self { holder };
        ip(&format!(
            "link add {link} type veth peer name there netns {id}"
        ));
        other.ip("link set lo up");
        other
    }

    /// The file that stands for it.
    pub fn path(&self) -> String {
        format!("/proc/{}/ns/net", self.holder.id())
    }

    /// Runs `ip` there.
    pub fn ip(&self, arguments: &str) {
        run(self.command("ip").args(arguments.split(' ')));
    }

    /// A command that will run there.
    pub fn command(&self, program: &str) -> Command {
        let mut command = Command::new("nsenter");
        command.arg(format!("--net=/proc/{}/ns/net", self.holder.id()));
        command.arg(program);
        command
    }

    /// Connects from there, from this source address.
    ///
    /// # Errors
    ///
    /// When nobody accepts.
    pub fn connect(&self, source: SocketAddr, destination: SocketAddr) -> io::Result<TcpStream> {
        let namespace = File::open(format!("/proc/{}/ns/net", self.holder.id()))?;
        // A socket belongs to the namespace of the thread that made it.
        let connecting = thread::spawn(move || -> io::Result<TcpStream> {
            let kind = LinkNameSpaceType::Network;
            move_into_link_name_space(namespace.as_fd(), Some(kind))?;
            let socket = Socket::new(Domain::for_address(destination), Type::STREAM, None)?;
            socket.bind(&source.into())?;
            socket.connect_timeout(&destination.into(), PATIENCE)?;
            socket.set_read_timeout(Some(PATIENCE))?;
            Ok(socket.into())
        });
        connecting.join().expect("a thread that does not panic")
    }
}

/// Runs `ip` here.
pub(crate) fn ip(arguments: &str) {
    run(Command::new("ip").args(arguments.split(' ')));
}

fn run(command: &mut Command) {
    let output = command.output();
    let output = output.unwrap_or_else(|error| panic!("{command:?}: {error}"));
    assert!(output.status.success(), "{command:?}: {output:?}");
}
