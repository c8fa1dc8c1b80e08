//! Names whose look-up hangs, because the name server never answers: the end does not wait for it.

use std::fs;
use std::io::Write;
use std::net::{SocketAddr, UdpSocket};
use std::process::Command;
use std::time::{Duration, Instant};

use rustix::process::Signal;
use tempfile::TempDir;
use vestibule_e2e::{
    Hello, PATIENCE, Process, Record, connect, in_network_namespace, program, wait_for,
};

const LISTENER: SocketAddr =
    SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 5222);

/// The program in a network namespace of the test's own, with a name server that takes questions
/// and never answers.
struct Hanging {
    process: Process,
    server: UdpSocket,
    _directory: TempDir,
}

impl Hanging {
    fn start(tables: &str) -> Self {
        let server = UdpSocket::bind("127.0.0.1:53").expect("a namespace of the test's own");
        server.set_read_timeout(Some(PATIENCE)).expect("a time");
        let directory = tempfile::tempdir().expect("a temporary directory");
        let file = |name: &str, text: &str| {
            let path = directory.path().join(name);
            fs::write(&path, text).expect("writing to a temporary directory");
            path
        };
        let resolver = file(
            "resolv.conf",
            "nameserver 127.0.0.1\noptions timeout:30 attempts:1\n",
        );
        let switch = file("nsswitch.conf", "hosts: files dns\n");
        let config = file(
            "vestibule.toml",
            &format!(
                "[limits]\ndrain_timeout = \"500ms\"\n\
                 [log]\nformat = \"json\"\naccess = \"stdout\"\n{tables}"
            ),
        );
        // In a mount namespace, so that the system's own files stay as they are.
        let mut command = Command::new("unshare");
        command
            .args(["--mount", "sh", "-c"])
            .arg(
                "mount --bind \"$1\" /etc/resolv.conf && mount --bind \"$2\" /etc/nsswitch.conf \
                 && exec \"$0\" run \"$3\"",
            )
            .args([program().get_program(), resolver.as_os_str()])
            .args([switch, config]);
        let process = Process::start("vestibule", &mut command);
        process.wait_for_line("\"ready\"");
        Self {
            process,
            server,
            _directory: directory,
        }
    }

    /// Waits until somebody asks for a name with this label.
    #[track_caller]
    fn is_asked_for(&self, label: &str) {
        let mut question = [0; 512];
        let n = self.server.recv(&mut question).expect("a question");
        let question = &question[..n];
        let found = question.windows(label.len()).any(|w| w == label.as_bytes());
        assert!(found, "{label} in {question:?}");
    }

    #[track_caller]
    fn ends_within(&mut self, limit: Duration) {
        let asked = Instant::now();
        self.process.signal(Signal::TERM);
        assert_eq!(self.process.wait().code(), Some(0));
        assert!(asked.elapsed() < limit, "{:?}", asked.elapsed());
    }

    /// Waits for the access record of a client that waited until the end.
    #[track_caller]
    fn has_told_of_the_client(&self) {
        let record = wait_for("the access record", || {
            let lines = self.process.stdout();
            lines.first().map(|line| Record::parse(line))
        });
        record.assert(&[("end", "shutdown"), ("ended_by", "vestibule")]);
    }
}

const BY_NAME: &str = "[[listener]]\nname = \"in\"\nbind = \"127.0.0.1:5222\"\nservice = \"s\"\n\
                       [service.s]\nupstreams = [\"xmpp.example.org:5222\"]\n";

#[test]
fn the_end_does_not_wait_for_the_name_of_an_upstream() {
    if !in_network_namespace("the_end_does_not_wait_for_the_name_of_an_upstream") {
        return;
    }
    let mut hanging = Hanging::start(BY_NAME);
    hanging.is_asked_for("xmpp");
    hanging.ends_within(Duration::from_secs(20));
}

#[test]
fn the_end_does_not_wait_for_a_client_that_waits_for_a_name() {
    if !in_network_namespace("the_end_does_not_wait_for_a_client_that_waits_for_a_name") {
        return;
    }
    let mut hanging = Hanging::start(BY_NAME);
    hanging.is_asked_for("xmpp");
    let mut client = connect(LISTENER);
    client.write_all(b"hello").expect("a byte");
    hanging.ends_within(Duration::from_secs(20));
    hanging.has_told_of_the_client();
}

/// The name that a client asks for is looked up while it waits.
#[test]
fn the_end_does_not_wait_for_the_name_that_a_client_asked_for() {
    if !in_network_namespace("the_end_does_not_wait_for_the_name_that_a_client_asked_for") {
        return;
    }
    let mut hanging = Hanging::start(
        "[[listener]]\nname = \"in\"\nbind = \"127.0.0.1:5222\"\n\
         routes = [{ sni = [\"*.example.org\"], service = \"any\" }]\n\
         [listener.tls]\nmode = \"peek\"\n\
         [service.any]\nupstreams = [\"sni:443\"]\nallow = [\"*.example.org\"]\n",
    );
    let mut client = connect(LISTENER);
    let hello = Hello::new().sni("chat.example.org").records();
    client.write_all(&hello).expect("a hello");
    hanging.is_asked_for("chat");
    hanging.ends_within(Duration::from_secs(20));
    hanging.has_told_of_the_client();
}
