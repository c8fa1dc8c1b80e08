use std::fmt;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;

use rustix::process::Signal;
use tempfile::TempDir;

use super::{ejabberd, prosody};
use crate::{Process, ReservedPort};

/// Whose server it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum XmppKind {
    /// ProcessOne's ejabberd, in Erlang.
    Ejabberd,
    /// Prosody, in Lua.
    Prosody,
}

/// What a test wants of a server.
#[derive(Clone, Debug)]
pub struct XmppSetup {
    kind: XmppKind,
    components: Vec<String>,
    accounts: Vec<String>,
    pub(super) resumption: bool,
    pub(super) certificate: Option<PathBuf>,
}

/// A running server for [`XmppServer::DOMAIN`]. It is killed when this is dropped.
#[derive(Debug)]
pub struct XmppServer {
    setup: XmppSetup,
    ports: Ports,
    process: Process,
    directory: TempDir,
}

/// Where a server listens.
#[derive(Debug)]
pub(super) struct Ports {
    pub(super) clients: ReservedPort,
    /// For orders of ours.
    pub(super) http: ReservedPort,
    /// By domain.
    pub(super) components: Vec<(String, ReservedPort)>,
}

impl XmppSetup {
    /// Without components and accounts.
    pub fn new(kind: XmppKind) -> Self {
        Self {
            kind,
            components: Vec::new(),
            accounts: Vec::new(),
            resumption: false,
            certificate: None,
        }
    }

    /// With a component of this domain, whose secret is [`XmppServer::SECRET`].
    pub fn component(mut self, domain: &str) -> Self {
        self.components.push(domain.to_owned());
        self
    }

    /// With accounts of these names, whose password is [`XmppServer::PASSWORD`].
    pub fn accounts(mut self, names: &[&str]) -> Self {
        self.accounts
            .extend(names.iter().map(|&name| name.to_owned()));
        self
    }

    /// Streams of clients may be resumed (XEP-0198): who is cut off stays available for minutes.
    pub fn resumption(mut self) -> Self {
        self.resumption = true;
        self
    }

    /// Components speak TLS with this certificate and key, both in one file. Only ejabberd can.
    pub fn tls(mut self, certificate: &Path) -> Self {
        assert_eq!(self.kind, XmppKind::Ejabberd, "Prosody has no TLS there");
        self.certificate = Some(certificate.to_owned());
        self
    }

    /// Starts it and waits until it listens.
    pub fn start(self) -> XmppServer {
        let port = |domain: &String| (domain.clone(), ReservedPort::new());
        let ports = Ports {
            clients: ReservedPort::new(),
            http: ReservedPort::new(),
            components: self.components.iter().map(port).collect(),
        };
        let directory = tempfile::tempdir().expect("a temporary directory");
        let process = self.run(directory.path(), &ports);
        let server = XmppServer {
            setup: self,
            ports,
            process,
            directory,
        };
        server
            .setup
            .accounts
            .iter()
            .for_each(|name| server.register(name));
        server
    }

    fn run(&self, directory: &Path, ports: &Ports) -> Process {
        let mut command = match self.kind {
            XmppKind::Ejabberd => ejabberd::command(self, directory, ports),
            XmppKind::Prosody => prosody::command(self, directory, ports),
        };
        let mut process = Process::start(&self.kind.to_string(), &mut command);
        for port in ports.listening(self.kind) {
            process.wait_for_port(port);
        }
        process
    }
}

impl XmppServer {
    /// The domain that it serves.
    pub const DOMAIN: &str = "xmpp.example";

    /// The password of every account.
    pub const PASSWORD: &str = "correct horse";

    /// The secret of every component.
    pub const SECRET: &str = "battery staple";

    /// Where clients connect.
    pub fn client_address(&self) -> SocketAddr {
        self.ports.clients.address()
    }

    /// Where the component of this domain connects.
    #[track_caller]
    pub fn component_address(&self, domain: &str) -> SocketAddr {
        match self.setup.kind {
            XmppKind::Ejabberd => self.ports.component(domain),
            XmppKind::Prosody => self.ports.components[0].1.address(),
        }
    }

    /// The start of Vestibule's table for the component of this domain, up to its target.
    #[track_caller]
    pub fn component(&self, domain: &str, target: &str) -> String {
        Self::component_at(&self.component_address(domain).to_string(), domain, target)
    }

    /// As [`Self::component`], but it connects elsewhere.
    pub fn component_at(server: &str, domain: &str, target: &str) -> String {
        format!(
            "[[component]]\ndomain = \"{domain}\"\nserver = \"{server}\"\nsecret = \"{}\"\n\
             target = \"{target}@{}\"\n",
            Self::SECRET,
            Self::DOMAIN
        )
    }

    /// Makes an account.
    pub fn register(&self, name: &str) {
        match self.setup.kind {
            XmppKind::Ejabberd => ejabberd::register(self.ports.http.address(), name),
            XmppKind::Prosody => prosody::register(self.directory.path(), name),
        }
    }

    /// Asks it to end, waits until it has, and starts it again with the same accounts.
    pub fn restart(&mut self) {
        self.stop();
        self.start_again();
    }

    /// Asks it to end and waits until it has.
    pub fn stop(&mut self) {
        self.process.signal(Signal::TERM);
        self.process.wait();
    }

    /// Starts it after [`Self::stop`].
    pub fn start_again(&mut self) {
        self.process = self.setup.run(self.directory.path(), &self.ports);
    }
}

impl Ports {
    fn component(&self, domain: &str) -> SocketAddr {
        let port = self.components.iter().find(|(found, _)| found == domain);
        let (_, port) = port.unwrap_or_else(|| panic!("no component {domain}"));
        port.address()
    }

    fn listening(&self, kind: XmppKind) -> Vec<u16> {
        let components = self.components.iter().map(|(_, port)| port.port());
        let mut ports = vec![self.clients.port()];
        match kind {
            XmppKind::Ejabberd => {
                ports.push(self.http.port());
                ports.extend(components);
            }
            // One port takes all components.
            XmppKind::Prosody => ports.extend(components.take(1)),
        }
        ports
    }
}

impl fmt::Display for XmppKind {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Ejabberd => "ejabberd",
            Self::Prosody => "prosody",
        })
    }
}

/// Runs a command that must succeed.
pub(super) fn run(command: &mut Command) {
    let output = command.output();
    let output = output.unwrap_or_else(|error| {
        panic!("cannot start {command:?}: {error}; `cargo xtask setup` gets what is missing")
    });
    assert!(output.status.success(), "{command:?}: {output:?}");
}
