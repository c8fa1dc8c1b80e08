//! What the scenarios play on: upstreams, a configuration that knows them, and the supervisor that
//! runs it.

use std::{
    cell::RefCell,
    collections::HashMap,
    fs,
    future::Future,
    io,
    net::{IpAddr, Ipv4Addr, SocketAddr},
    path::{Path, PathBuf},
    rc::Rc,
    time::{Duration, Instant},
};

use socket2::{Domain, Socket, Type};
use tokio::{
    net::{TcpListener, TcpStream, UnixListener},
    sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel},
};

use vestibule_config::Admin;

use super::{
    authority::Authority,
    client::exchange,
    configuration::{Upstreams, configuration, local_proxy},
    directory::Directory,
    matrix::{GATEWAY, Matrix},
    origin::{Manner, Origin, Seen},
    peers::Peers,
    table::{Missed, PATIENCE},
    xmpp_server::XmppServer,
};
use crate::{
    admin::{self, Served},
    log::event,
    material,
    supervisor::Supervisor,
};

/// Everything runs and can be reached.
pub(super) struct Stage {
    addresses: RefCell<HashMap<String, SocketAddr>>,
    admin: SocketAddr,
    authority: Authority,
    directory: Directory,
    matrix: Matrix,
    peers: Rc<Peers>,
    seen: RefCell<UnboundedReceiver<Seen>>,
    supervisor: Rc<Supervisor>,
    upstreams: Upstreams,
    xmpp_server: XmppServer,
    _served: Served,
    dead: Dead,
}

const LOOPBACK: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 0);

/// How often something is looked for that must come soon.
const LOOK: Duration = Duration::from_millis(5);

impl Stage {
    /// Starts it all.
    ///
    /// # Errors
    ///
    /// What could not be done, in a sentence.
    pub(super) async fn start() -> Result<Self, String> {
        let directory = Directory::new()
            .map_err(|error| format!("cannot make a directory for temporary files: {error}"))?;
        let authority = issue(directory.path())
            .map_err(|error| format!("cannot make certificates: {error}"))?;
        let peers = Peers::new(directory.path())?;
        let (tells, seen) = unbounded_channel();
        let (upstreams, dead) = open_upstreams(directory.path(), &tells, &peers)
            .await
            .map_err(|error| format!("cannot start the upstreams: {error}"))?;
        let xmpp_server = XmppServer::start()
            .await
            .map_err(|error| format!("cannot start the XMPP server: {error}"))?;
        let matrix = Matrix::start(&directory.path().join(AUTHORITIES))
            .map_err(|error| format!("cannot start the homeserver: {error}"))?;
        let text = configuration(
            &directory.path().join(ACCESS_LOG),
            &upstreams,
            xmpp_server.address(),
            &matrix,
            has_ipv6().await,
        );
        let path = directory.path().join(CONFIG);
        fs::write(&path, &text)
            .map_err(|error| format!("cannot write {}: {error}", path.display()))?;
        let (loaded, material) = material::load(&path, None);
        let (Some(config), Some(material)) = (loaded.config, material) else {
            return Err(loaded.report.render(false));
        };
        let level = event::start(&config.log);
        let endpoints = admin::bind(&Admin {
            listen: Some(LOOPBACK),
            control: Some(directory.path().join(CONTROL)),
        })?;
        let supervisor = Supervisor::start(config, material, Some(path), Some(level))?;
        let admin = admin::serve(&supervisor, endpoints)?;
        let stage = Self {
            addresses: RefCell::default(),
            admin: admin.http.unwrap_or(LOOPBACK),
            authority,
            directory,
            matrix,
            peers,
            seen: RefCell::new(seen),
            supervisor,
            upstreams,
            xmpp_server,
            _served: admin,
            dead,
        };
        stage.learn_addresses();
        let local_proxy = local_proxy(stage.address("members"), &stage.upstreams["v2"]);
        match stage.reload_with(&local_proxy) {
            Ok(()) => Ok(stage),
            Err(Missed::Failed(why)) => Err(why),
            Err(Missed::Skipped(why)) => Err(why.to_owned()),
        }
    }

    /// Where a listener of the configuration listens.
    ///
    /// # Panics
    ///
    /// If there is no such listener.
    pub(super) fn address(&self, listener: &str) -> SocketAddr {
        self.addresses.borrow()[listener]
    }

    /// Whether there is a listener of this name.
    pub(super) fn has(&self, listener: &str) -> bool {
        self.addresses.borrow().contains_key(listener)
    }

    /// Where an upstream is, as the configuration has it.
    ///
    /// # Panics
    ///
    /// If there is no such upstream.
    pub(super) fn upstream(&self, name: &str) -> &str {
        &self.upstreams[name]
    }

    /// The upstream that is down.
    pub(super) fn dead(&self) -> SocketAddr {
        self.dead.address
    }

    /// Where `/metrics` is.
    pub(super) fn admin(&self) -> SocketAddr {
        self.admin
    }

    /// Those who speak TLS.
    pub(super) fn peers(&self) -> &Peers {
        &self.peers
    }

    /// Puts another certificate for chat.example.org in the place of the first, which goes by
    /// `common_name`.
    ///
    /// # Errors
    ///
    /// When it cannot be written.
    pub(super) fn replace_certificate(&self, common_name: &str) -> io::Result<()> {
        let directory = self.directory.path();
        self.authority
            .issue(directory, "chat", common_name, &["chat.example.org"])
    }

    /// The server that hosts the component.
    pub(super) fn xmpp_server(&self) -> &XmppServer {
        &self.xmpp_server
    }

    /// The homeserver and the gateway before it.
    pub(super) fn matrix(&self) -> &Matrix {
        &self.matrix
    }

    pub(super) fn config_path(&self) -> PathBuf {
        self.directory.path().join(CONFIG)
    }

    pub(super) fn control_path(&self) -> PathBuf {
        self.directory.path().join(CONTROL)
    }

    pub(super) fn access_log_path(&self) -> PathBuf {
        self.directory.path().join(ACCESS_LOG)
    }

    /// The next connection that an upstream tells of. Scenarios are played one after the other, so
    /// it is the scenario's own.
    ///
    /// # Errors
    ///
    /// When none has been told of, although the client has seen the end of its connection.
    pub(super) fn seen(&self) -> Result<Seen, Missed> {
        let next = self.seen.borrow_mut().try_recv();
        next.map_err(|_| Missed::Failed("no upstream saw the connection".into()))
    }

    /// Whether no upstream has seen a connection that [`Self::seen`] has not answered yet.
    pub(super) fn nothing_seen(&self) -> bool {
        self.seen.borrow().is_empty()
    }

    /// No more is asked of the upstreams: what they see need not be kept.
    pub(super) fn forget_origins(&self) {
        self.seen.borrow_mut().close();
    }

    /// The first access record with all of these words, such as `listener=plain`, once it is
    /// written.
    pub(super) async fn record(&self, words: &[&str]) -> String {
        loop {
            let log = fs::read_to_string(self.access_log_path()).unwrap_or_default();
            let all = |line: &&str| words.iter().all(|word| line.split(' ').any(|w| w == *word));
            if let Some(line) = log.lines().find(all) {
                return line.to_owned();
            }
            tokio::time::sleep(LOOK).await;
        }
    }

    /// What the admin listener answers.
    ///
    /// # Errors
    ///
    /// When it cannot be reached.
    pub(super) async fn admin_page(&self, path: &str) -> Result<String, Missed> {
        let request = format!("GET {path} HTTP/1.1\r\nHost: demo\r\nConnection: close\r\n\r\n");
        let answer = exchange(self.admin, request.as_bytes(), b"").await?.answer;
        Ok(String::from_utf8_lossy(&answer).into_owned())
    }

    /// Waits for this line of `/metrics`: a connection is counted when it has ended, of which its
    /// client may know first.
    ///
    /// # Errors
    ///
    /// When it does not come soon.
    pub(super) async fn counted(&self, line: &str) -> Result<(), Missed> {
        let begun = Instant::now();
        while begun.elapsed() < PATIENCE / 2 {
            if self
                .admin_page("/metrics")
                .await?
                .lines()
                .any(|l| l == line)
            {
                return Ok(());
            }
            tokio::time::sleep(LOOK).await;
        }
        Err(Missed::Failed(format!("not counted: {line}")))
    }

    /// Adds `text` to the configuration and has it read again.
    ///
    /// # Errors
    ///
    /// Why it was refused.
    pub(super) fn reload_with(&self, text: &str) -> Result<(), Missed> {
        let path = self.config_path();
        let whole = fs::read_to_string(&path)? + text;
        fs::write(&path, whole)?;
        match self.supervisor.reload() {
            Ok(_) => {
                self.learn_addresses();
                Ok(())
            }
            Err(error) => Err(Missed::Failed(error.to_string())),
        }
    }

    /// Ends it all; live connections get a moment, unless `now` completes.
    pub(super) async fn end(&self, now: impl Future<Output = ()>) {
        self.supervisor.shut_down(now).await;
    }

    fn learn_addresses(&self) {
        let known = self.supervisor.listening().into_iter();
        *self.addresses.borrow_mut() = known
            .filter_map(|listening| Some((listening.listener, listening.address.parse().ok()?)))
            .collect();
    }
}

const AUTHORITIES: &str = "ca.pem";
const ACCESS_LOG: &str = "access.log";
const CONFIG: &str = "vestibule.toml";
const CONTROL: &str = "control.sock";

/// An upstream that is down.
struct Dead {
    address: SocketAddr,
    /// Bound but not listening: whoever connects is refused, and nobody else gets the port.
    _socket: Socket,
}

/// Name, manner, and whether a PROXY header is expected.
const ORIGINS: [(&str, Manner, bool); 10] = [
    ("a", Manner::Echoes, false),
    ("b", Manner::Echoes, false),
    ("chat", Manner::Echoes, true),
    ("office", Manner::Echoes, true),
    ("patient", Manner::AnswersAfterEnd, true),
    ("plain", Manner::Echoes, false),
    ("terminated", Manner::Echoes, true),
    ("tlvs", Manner::Echoes, true),
    ("v1", Manner::Echoes, true),
    ("v2", Manner::Echoes, true),
];

/// Who may use the explicit proxy, with bcrypt at its lowest cost: alice, and her password.
const USERS: &str = "alice:$2y$04$bYkQbIvwIxATCUSl5Fy3zejH27P6UAkVKLAe6fHTtkteZTrOm.QTy\n";

/// Hers.
const PASSWORD: &str = "open sesame\n";

/// Makes an authority and all certificates: those of Vestibule (`chat` and `web`), of an upstream,
/// and of a client; and the files of the explicit proxies.
fn issue(directory: &Path) -> io::Result<Authority> {
    let authority = Authority::new()?;
    fs::write(directory.join(AUTHORITIES), authority.pem())?;
    fs::write(directory.join("htpasswd"), USERS)?;
    fs::write(directory.join("alice.secret"), PASSWORD)?;
    for (file, common_name, names) in [
        ("alice", "alice", &[][..]),
        ("chat", "chat.example.org", &["chat.example.org"]),
        ("gateway", GATEWAY, &[GATEWAY]),
        (
            "upstream",
            "the upstream",
            &["chat.example.org", "xmpp.internal"],
        ),
        ("web", "*.example.net", &["*.example.net"]),
    ] {
        authority.issue(directory, file, common_name, names)?;
    }
    Ok(authority)
}

async fn open_upstreams(
    directory: &Path,
    tells: &UnboundedSender<Seen>,
    peers: &Rc<Peers>,
) -> io::Result<(Upstreams, Dead)> {
    let origin = |name, manner, takes_header| Origin {
        name,
        manner,
        takes_header,
        tells: tells.clone(),
    };
    let mut upstreams = Upstreams::new();
    for (name, manner, takes_header) in ORIGINS {
        let listener = TcpListener::bind(LOOPBACK).await?;
        upstreams.insert(name, listener.local_addr()?.to_string());
        origin(name, manner, takes_header).serve_tcp(listener);
    }
    let listener = TcpListener::bind(LOOPBACK).await?;
    upstreams.insert("secret", listener.local_addr()?.to_string());
    origin("secret", Manner::Echoes, true).serve_tls(listener, Rc::clone(peers));

    let path = directory.join("origin.sock");
    origin("unix", Manner::Echoes, true).serve_unix(UnixListener::bind(&path)?);
    upstreams.insert("unix", format!("unix:{}", path.display()));

    let dead = open_dead()?;
    upstreams.insert("dead", dead.address.to_string());
    Ok((upstreams, dead))
}

fn open_dead() -> io::Result<Dead> {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None)?;
    socket.bind(&LOOPBACK.into())?;
    let address = socket.local_addr()?.as_socket().unwrap_or(LOOPBACK);
    Ok(Dead {
        address,
        _socket: socket,
    })
}

async fn has_ipv6() -> bool {
    match TcpListener::bind("[::1]:0").await {
        Ok(listener) => match listener.local_addr() {
            Ok(address) => TcpStream::connect(address).await.is_ok(),
            Err(_) => false,
        },
        Err(_) => false,
    }
}
