use vestibule_miniature_homeserver::Homeserver;

use crate::cli::Arguments;
use crate::error::Error;
use crate::matrix;
use crate::origin::Origin;
use crate::peers::{self, Absence, Peer, Setup};
use crate::report::{DIRECT, Report};
use crate::rows::{self, Row, Sample, Target, Window};
use crate::system::{self, Machine};
use crate::tls::Identity;
use crate::xmpp::Server;

/// A file system in memory.
const MEMORY: &str = "/dev/shm";

/// Measures every row for every proxy and prints the table.
///
/// In each round all proxies have their turn, and each round begins with another one, so that what
/// disturbs the machine for a while disturbs all of them.
///
/// # Errors
///
/// The first measurement that fails ends the run: figures of work that was not done right are
/// worth nothing.
pub(crate) fn run(arguments: &Arguments) -> Result<(), Error> {
    let machine = Machine::this();
    for core in [arguments.proxy_core, arguments.load_core] {
        if core >= machine.cores {
            return Err(Error::TooFewCores {
                wanted: core,
                present: machine.cores,
            });
        }
    }
    system::raise_descriptor_limit()?;
    system::pin_to(arguments.load_core)?;

    let peers: Vec<Box<dyn Peer>> = arguments
        .peers
        .iter()
        .filter_map(|name| peers::by_name(name))
        .collect();
    let mut report = Report::new(machine, arguments);
    for peer in &peers {
        report.add_peer(peer.name(), peer.version()?, peer.note());
    }

    let identity = Identity::generate()?;
    let bench = Bench {
        origin: Origin::start(&identity)?,
        identity,
        window: Window {
            length: arguments.seconds,
            proxy_core: arguments.proxy_core,
        },
        load_core: arguments.load_core,
        rounds: arguments.rounds,
    };
    let rows = rows::all();
    let is_wanted =
        |row: &dyn Row| arguments.only.is_empty() || arguments.only.iter().any(|id| id == row.id());
    for row in rows.iter().filter(|row| is_wanted(row.as_ref())) {
        bench.run_row(row.as_ref(), &peers, &mut report)?;
    }

    println!("{}", report.to_markdown());
    if let Some(file) = &arguments.json {
        report.write_json(file)?;
    }
    Ok(())
}

struct Bench {
    identity: Identity,
    origin: Origin,
    window: Window,
    load_core: usize,
    rounds: u32,
}

/// What a row uses instead of the origin.
#[derive(Clone, Copy)]
struct Servers<'a> {
    xmpp: Option<&'a Server>,
    homeserver: Option<&'a Homeserver>,
}

impl Bench {
    fn run_row(
        &self,
        row: &dyn Row,
        peers: &[Box<dyn Peer>],
        report: &mut Report,
    ) -> Result<(), Error> {
        report.begin_row(row);
        let mut order: Vec<Option<&dyn Peer>> = Vec::new();
        if row.has_direct() {
            order.push(None);
        }
        for peer in peers {
            match absence(row, peer.as_ref())? {
                Some(absence) => report.add_absence(peer.name(), absence),
                None => order.push(Some(peer.as_ref())),
            }
        }
        let server = row.server().map(|kind| Server::start(kind, self.load_core));
        let server = server.transpose().map_err(|cause| Error::Measurement {
            row: row.id(),
            peer: "server",
            cause: Box::new(cause),
        })?;
        let homeserver = row.has_homeserver().then(matrix::start_homeserver);
        let homeserver = homeserver.transpose()?;
        let servers = Servers {
            xmpp: server.as_ref(),
            homeserver: homeserver.as_ref(),
        };
        for round in 1..=self.rounds {
            for peer in &order {
                let name = peer.map_or(DIRECT, Peer::name);
                let sample = match peer {
                    Some(peer) => self.measure(row, *peer, servers),
                    None => self.measure_direct(row, servers),
                }
                .map_err(|cause| Error::Measurement {
                    row: row.id(),
                    peer: name,
                    cause: Box::new(cause),
                })?;
                eprintln!("{}", progress(row, round, self.rounds, name, &sample));
                report.add_sample(name, sample);
            }
            order.rotate_left(1);
        }
        Ok(())
    }

    /// A fresh process for each measurement, ended before the next one.
    fn measure(
        &self,
        row: &dyn Row,
        peer: &dyn Peer,
        servers: Servers<'_>,
    ) -> Result<Sample, Error> {
        let parent = if peer.syncs_log() {
            MEMORY.into()
        } else {
            std::env::temp_dir()
        };
        let directory = tempfile::Builder::new()
            .prefix("vestibule-bench-")
            .tempdir_in(parent)
            .map_err(Error::io("make a directory for the proxy's files"))?;
        self.identity.write(directory.path())?;
        let Servers { xmpp, homeserver } = servers;
        let origin = match (xmpp, homeserver) {
            (Some(server), _) => server.component,
            (None, Some(homeserver)) => homeserver.address(),
            (None, None) => self.origin.address(row.behaviour(false)),
        };
        let setup = Setup {
            origin,
            accept_proxy: row.accepts_proxy(),
            send_proxy: row.sends_proxy(),
            service: row.service(),
            tls: row.tls(),
        };
        let running = peer.start(&setup, directory.path(), self.window.proxy_core)?;
        let target = Target {
            address: xmpp.map_or(running.address, |server| server.clients),
            origin,
            process: Some(&running.process),
            server: xmpp,
            homeserver,
        };
        let sample = row.measure(&target, &self.window)?;
        running.stop(sample.records)?;
        Ok(sample)
    }

    fn measure_direct(&self, row: &dyn Row, servers: Servers<'_>) -> Result<Sample, Error> {
        let address = match servers.xmpp {
            Some(server) => server.clients,
            None => self.origin.address(row.behaviour(true)),
        };
        row.measure(
            &Target {
                address,
                origin: address,
                process: None,
                server: servers.xmpp,
                homeserver: servers.homeserver,
            },
            &self.window,
        )
    }
}

/// Why the peer has no part in the row; none if it has.
fn absence(row: &dyn Row, peer: &dyn Peer) -> Result<Option<Absence>, Error> {
    if let Some(absence) = peer.absence(row.service()) {
        return Ok(Some(absence));
    }
    let lacks = row.needs_post_quantum() && !peer.knows_post_quantum()?;
    Ok(lacks.then_some(Absence::NoPostQuantum))
}

fn progress(row: &dyn Row, round: u32, rounds: u32, name: &str, sample: &Sample) -> String {
    let cost = sample
        .cost
        .map(|cost| format!("{cost:.3} {}, ", row.cost_unit()))
        .unwrap_or_default();
    let (id, beside, unit) = (row.id(), sample.beside, row.beside_unit());
    format!("{id} {round}/{rounds} {name}: {cost}{beside:.1} {unit}")
}
