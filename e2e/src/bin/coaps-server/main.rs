//! A CoAP server over DTLS for the tests, made of the library of Vestibule.
//!
//! ```text
//! coaps-server --bind ADDR… --chain FILE --key FILE [--workers N] [--ticket-key FILE] [--raw-echo]
//!              [--versions 1.2|1.3] [--post-quantum] [--unlimited] [--idle SECONDS] [--tick MS]
//! ```
//!
//! It says `listening on ADDR` for each address, then a line for each thing that happens:
//!
//! ```text
//! opened ID 1.2 c02b full|resumed REMOTE to LOCAL
//! moved ID REMOTE
//! closed ID WHY in DATAGRAMS BYTES out DATAGRAMS BYTES
//! ```
//!
//! With SIGUSR1 it says its metrics, the last line of which is `# EOF`; with SIGHUP it shows the
//! certificate that is in its files then, and says `replaced`; with SIGTERM it ends, and says
//! `ended`. What it serves says [`site`]; with `--raw-echo` every payload comes back as it is.

mod arguments;
mod site;

use std::path::Path;
use std::time::Duration;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio::signal::unix::{SignalKind, signal};
use vestibule::coaps::dtls::Identity;
use vestibule::coaps::dtls::server::Limits;
use vestibule::coaps::{self, Config, CountingAllocator, Server};

use self::arguments::Arguments;
use self::site::Site;

/// As in the program: sessions are bounded by what they allocate.
#[global_allocator]
static ALLOCATOR: CountingAllocator = CountingAllocator;

/// How long requests are waited for at the end.
const PATIENCE: Duration = Duration::from_secs(5);

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let arguments = Arguments::of_process();
    let mut config = Config::new(arguments.bind.clone(), identity(&arguments));
    config.workers = arguments.workers;
    config.security.key_log = coaps::key_log();
    config.security.post_quantum = arguments.post_quantum;
    if let Some(versions) = arguments.versions {
        config.security.versions = versions;
    }
    if let Some(path) = &arguments.ticket_key {
        let key = coaps::ticket_key(path);
        config.security.ticket_key = key.unwrap_or_else(|error| panic!("{error}"));
    }
    if let Some(idle) = arguments.idle {
        config.dtls.idle_lifetime = idle;
    }
    if arguments.unlimited {
        config.limits = Limits {
            half_open: 1 << 20,
            half_open_per_source: 1 << 20,
            associations: 1 << 20,
            associations_per_source: 1 << 20,
            handshakes_per_minute: u32::MAX,
            handshake_burst: u32::MAX,
        };
    }
    let (raw_echo, tick) = (arguments.raw_echo, arguments.tick);
    let server = Server::start(config, move |setup| Site::new(setup, raw_echo, tick));
    let mut server = server.unwrap_or_else(|error| panic!("{error}"));
    let watch = |kind| signal(kind).expect("a signal can be watched");
    let mut usr1 = watch(SignalKind::user_defined1());
    let mut hangup = watch(SignalKind::hangup());
    let mut terminate = watch(SignalKind::terminate());
    for address in server.local_addrs() {
        println!("listening on {address}");
    }
    loop {
        tokio::select! {
            _ = usr1.recv() => print!("{}", server.metrics("test")),
            _ = hangup.recv() => {
                server.replace_identity(identity(&arguments));
                println!("replaced");
            }
            _ = terminate.recv() => break,
        }
    }
    server.shutdown(PATIENCE).await;
    println!("ended");
}

fn identity(arguments: &Arguments) -> Identity {
    let read = |path: &Path| CertificateDer::pem_file_iter(path)?.collect::<Result<Vec<_>, _>>();
    let chain = read(&arguments.chain).expect("a chain in PEM");
    let chain = chain.iter().map(|der| der.to_vec()).collect();
    let key = PrivateKeyDer::from_pem_file(&arguments.key).expect("a key in PEM");
    Identity::new(chain, key.secret_der()).unwrap_or_else(|error| panic!("{error}"))
}
