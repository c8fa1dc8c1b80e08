//! The same by HTTP/2 over TLS 1.3 with gzip: curl, and nginx before the homeserver as it often is. What
//! goes between them is counted.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::Command;
use std::sync::{Arc, Mutex};
use std::thread;

use vestibule_e2e::{Nginx, eventually};

use super::NAME;
use super::cost::{Cost, Tally, least};

/// The homeserver as clients find it on the web.
pub(crate) struct Web {
    _nginx: Nginx,
    relay: Relay,
    certificate: String,
}

/// A request as curl is told it.
#[derive(Clone)]
pub(crate) struct Ask {
    pub(crate) method: &'static str,
    pub(crate) path: String,
    pub(crate) body: &'static str,
    /// The access token.
    pub(crate) token: Option<String>,
}

/// How often something is done for a mean.
const TIMES: usize = 20;

/// How often each connection is made: the one that costs least counts.
const CONNECTIONS: usize = 5;

impl Web {
    /// In front of this homeserver, with the certificate of these files.
    pub(crate) fn start(homeserver: SocketAddr, chain: &Path, key: &Path) -> Self {
        let nginx = Nginx::in_front_of_homeserver(homeserver, chain, key);
        Self {
            relay: Relay::start(nginx.address()),
            _nginx: nginx,
            certificate: chain.display().to_string(),
        }
    }

    /// What a connection costs on which this is asked for, one after the other, to its end.
    #[track_caller]
    pub(crate) fn cost(&self, asks: &[Ask]) -> Cost {
        least(CONNECTIONS, |_| self.once(asks))
    }

    /// What this costs on a connection on which it was asked for before: the mean of [`TIMES`], because
    /// frames share records of TLS or do not.
    #[track_caller]
    pub(crate) fn cost_of_more(&self, ask: &Ask) -> Cost {
        let asks = vec![ask.clone(); 1 + TIMES];
        (self.cost(&asks) - self.cost(&asks[..1])) / TIMES
    }

    #[track_caller]
    fn once(&self, asks: &[Ask]) -> Cost {
        let port = self.relay.address.port();
        let mut command = Command::new("curl");
        for (at, ask) in asks.iter().enumerate() {
            if at > 0 {
                command.arg("--next");
            }
            // Each has its own.
            command.args(["--silent", "--show-error", "--max-time", "60", "--http2"]);
            command.args(["--tlsv1.3", "--compressed", "--cacert", &self.certificate]);
            command.args(["--output", "/dev/null"]);
            command.args([
                "--write-out",
                "%{http_code} %{http_version} %{num_connects}\n",
            ]);
            command.args(["--request", ask.method]);
            command.args(["--resolve", &format!("{NAME}:{port}:127.0.0.1")]);
            if let Some(token) = &ask.token {
                command.args(["--header", &format!("Authorization: Bearer {token}")]);
            }
            if !ask.body.is_empty() {
                command.args(["--header", "Content-Type: application/json"]);
                command.args(["--data-binary", ask.body]);
            }
            command.arg(format!("https://{NAME}:{port}{}", ask.path));
        }
        let output = command.output().expect("curl; `cargo xtask setup` gets it");
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(output.status.success(), "{output:?}");
        let connects = ["1"].into_iter().chain(std::iter::repeat("0"));
        let wanted: Vec<String> = connects
            .map(|it| format!("200 2 {it}"))
            .take(asks.len())
            .collect();
        assert_eq!(said.lines().collect::<Vec<_>>(), wanted, "{output:?}");
        self.relay.take()
    }
}

/// Counts what it carries, one connection after another.
struct Relay {
    address: SocketAddr,
    carried: Arc<Mutex<Vec<Cost>>>,
}

/// The payload of a segment on a path of 1,500 bytes, with time stamps.
const SEGMENT: usize = 1448;

impl Relay {
    fn start(target: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("a bound socket");
        let carried = Arc::new(Mutex::new(Vec::new()));
        let own = Arc::clone(&carried);
        // It ends with the process of the test.
        thread::spawn(move || {
            for client in listener.incoming() {
                let client = client.expect("a connection");
                let server = TcpStream::connect(target).expect("nginx");
                for socket in [&client, &server] {
                    socket.set_nodelay(true).expect("TCP_NODELAY");
                }
                let (from_server, to_client) = (clone(&server), clone(&client));
                let down = thread::spawn(move || carry(from_server, to_client));
                let up = carry(client, server);
                let down = down.join().expect("a thread");
                own.lock().expect("no panic").push(Cost { up, down });
            }
        });
        Self { address, carried }
    }

    /// What the connection that has just ended has cost, with the three segments it began with.
    fn take(&self) -> Cost {
        let take = || self.carried.lock().expect("no panic").pop();
        let mut taken = None;
        eventually("the end of a connection", || {
            taken = take();
            taken.is_some()
        });
        let mut cost = taken.unwrap_or_default();
        // The two SYN have eight bytes more of options each, which are left out.
        cost.up.packets += 2;
        cost.down.packets += 1;
        cost
    }
}

/// Carries until the end: bytes, and the fewest segments that have them as they came.
fn carry(mut from: TcpStream, mut to: TcpStream) -> Tally {
    let (mut tally, mut buffer) = (Tally::default(), vec![0; 1 << 16]);
    while let Ok(length @ 1..) = from.read(&mut buffer) {
        tally.add(length, length.div_ceil(SEGMENT));
        if to.write_all(&buffer[..length]).is_err() {
            break;
        }
    }
    let _ = to.shutdown(Shutdown::Write);
    tally
}

fn clone(socket: &TcpStream) -> TcpStream {
    socket.try_clone().expect("a file descriptor")
}
