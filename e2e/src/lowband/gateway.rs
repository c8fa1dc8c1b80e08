use std::net::{SocketAddr, UdpSocket};

use vestibule_dtls::client::{Config, Memory, Versions};
use vestibule_dtls::session::Version;

use super::{MatrixClient, Script};
use crate::dtls::{Association, CoapsClient, DimplClient, DimplVersion, client_config};
use crate::{Authority, Leaf, Metrics, Namespace, Setup, Vestibule, free_ports, wait_for};

/// A gateway of `vestibule run` before a homeserver, on loopback or in a network namespace.
#[derive(Debug)]
pub struct LowbandGateway {
    vestibule: Option<Vestibule>,
    setup: LowbandSetup,
    authority: Authority,
    leaf: Leaf,
    address: SocketAddr,
}

/// What a gateway is told.
#[derive(Clone, Debug)]
pub struct LowbandSetup {
    homeserver: SocketAddr,
    bind: SocketAddr,
    keys: String,
    limits: String,
    namespace: Option<String>,
}

/// The name of the gateway, in its configuration and metrics.
const GATEWAY: &str = "gateway";

/// The name in its certificate.
const NAME: &str = "matrix.example.org";

/// Far enough for many clients of one address.
const HANDSHAKES: &str = "handshakes_per_minute = 100000\nhandshake_burst = 10000\n";

impl LowbandGateway {
    /// Starts one before this homeserver, with what is usual.
    #[track_caller]
    pub fn before(homeserver: SocketAddr) -> Self {
        Self::setup(homeserver).start()
    }

    /// One before this homeserver.
    pub fn setup(homeserver: SocketAddr) -> LowbandSetup {
        LowbandSetup {
            homeserver,
            bind: SocketAddr::from(([127, 0, 0, 1], 0)),
            keys: String::new(),
            limits: String::new(),
            namespace: None,
        }
    }

    /// Where it is.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The process.
    #[track_caller]
    pub fn vestibule(&mut self) -> &mut Vestibule {
        self.vestibule.as_mut().expect("a gateway that runs")
    }

    /// What it counts now.
    #[track_caller]
    pub fn metrics(&self) -> Metrics {
        let vestibule = self.vestibule.as_ref();
        vestibule.expect("a gateway that runs").metrics()
    }

    /// The sum of what it counts under `vestibule_lowband_NAME_total` with these labels.
    #[track_caller]
    pub fn count(&self, name: &str, labels: &[(&str, &str)]) -> u64 {
        let labels = [&[("gateway", GATEWAY)], labels].concat();
        let name = format!("vestibule_lowband_{name}_total");
        self.metrics().sum(&name, &labels)
    }

    /// Tells it to end, and waits until it has.
    #[track_caller]
    pub fn stop(&mut self) {
        let status = self.vestibule().terminate();
        assert!(status.success(), "{status}");
        self.vestibule = None;
    }

    /// Kills it: it has no time for anything.
    pub fn kill(&mut self) {
        self.vestibule = None;
    }

    /// Starts it again, where it was: see [`LowbandSetup::at_a_port_of_its_own`].
    #[track_caller]
    pub fn start_again(&mut self) {
        self.setup.bind = self.address;
        self.vestibule = Some(self.setup.run(&self.leaf));
    }

    /// What a client needs to trust it.
    pub fn client_config(&self, version: Version) -> Config {
        let mut config = client_config(&self.authority, NAME);
        config.versions = Versions::Only(version);
        config
    }

    /// A client with this token, by DTLS 1.3.
    #[track_caller]
    pub fn client_of(&self, token: &str) -> MatrixClient {
        MatrixClient::new(self.coaps(Version::Dtls13), token)
    }

    /// A client that says what it is told.
    #[track_caller]
    pub fn coaps(&self, version: Version) -> CoapsClient {
        self.coaps_over(loopback(), version)
    }

    /// As [`Self::coaps`], over this socket.
    #[track_caller]
    pub fn coaps_over(&self, socket: UdpSocket, version: Version) -> CoapsClient {
        let config = self.client_config(version);
        CoapsClient::connect(socket, self.address, config, Memory::default())
    }

    /// A client that says what it is told byte by byte, over DTLS 1.2 of a stack that is not ours, and
    /// without Connection ID, as clients written in Go have it.
    #[track_caller]
    pub fn script(&self) -> Script {
        const MTU: usize = 1400;
        let client = DimplClient::connect(self.address, DimplVersion::Dtls12, MTU);
        Script::over(client)
    }

    /// As [`Self::script`], by our DTLS over this socket.
    #[track_caller]
    pub fn script_over(&self, socket: UdpSocket, version: Version) -> Script {
        let config = self.client_config(version);
        let association = Association::connect(socket, self.address, config, Memory::default());
        Script::over(association.expect("an association"))
    }
}

impl LowbandSetup {
    /// With these lines of `[[low_bandwidth]]` as well.
    pub fn keys(mut self, keys: &str) -> Self {
        self.keys.push_str(keys);
        self.keys.push('\n');
        self
    }

    /// With these lines of its `limits` as well.
    pub fn limits(mut self, limits: &str) -> Self {
        self.limits.push_str(limits);
        self.limits.push('\n');
        self
    }

    /// At a port that nobody takes while it does not run.
    pub fn at_a_port_of_its_own(mut self) -> Self {
        self.bind.set_port(free_ports(1));
        self
    }

    /// On this machine, at this address.
    pub fn there(mut self, namespace: &Namespace, bind: &str) -> Self {
        self.namespace = Some(namespace.path());
        self.bind = bind.parse().expect("an address");
        self
    }

    /// Starts it.
    #[track_caller]
    pub fn start(self) -> LowbandGateway {
        let authority = Authority::new();
        let leaf = authority.server(&[NAME]);
        let vestibule = self.run(&leaf);
        let address = wait_for("the gateway to listen", || {
            let listening = vestibule.events("listening for DTLS");
            listening.first()?["address"].as_str()?.parse().ok()
        });
        LowbandGateway {
            vestibule: Some(vestibule),
            setup: self,
            authority,
            leaf,
            address,
        }
    }

    #[track_caller]
    fn run(&self, leaf: &Leaf) -> Vestibule {
        let mut setup = Setup::new(self.text(leaf));
        if let Some(namespace) = &self.namespace {
            setup = setup.namespace(namespace);
        }
        setup.start()
    }

    fn text(&self, leaf: &Leaf) -> String {
        let Self {
            homeserver,
            bind,
            keys,
            limits,
            namespace: _,
        } = self;
        // Those of the test come first, for a key must not stand twice.
        let handshakes = match limits.contains("handshake") {
            true => "",
            false => HANDSHAKES,
        };
        format!(
            "[[low_bandwidth]]\nname = \"{GATEWAY}\"\nbind = \"{bind}\"\n\
             homeserver = \"http://{homeserver}\"\ncertificate = {}\n{keys}\n\
             [low_bandwidth.limits]\n{handshakes}{limits}\n",
            leaf.table(),
        )
    }
}

fn loopback() -> UdpSocket {
    UdpSocket::bind("127.0.0.1:0").expect("a free port")
}
