//! `cargo xtask setup`: gets the programs that the tests and the benchmark run, if they are missing.

mod debian;
mod peer;
mod python;
#[cfg(test)]
mod tests;

use std::time::Instant;

use self::peer::{PEERS, Peer};
use crate::error::Error;
use crate::workspace_root;

/// Installs what is missing and says each step. Does nothing, quickly, when all is there.
///
/// Packages are installed without letting them start their services, and services that already
/// run are not touched. What is written in Python goes into virtual environments under `.peers/`.
///
/// # Errors
///
/// [`Error::MissingPeers`] where packages are missing and the system is not Debian-like;
/// else what stopped the package manager or Python.
pub(crate) fn run() -> Result<(), Error> {
    let started = Instant::now();
    let missing: Vec<&Peer> = PEERS.iter().filter(|peer| !peer.is_present()).collect();
    if missing.is_empty() {
        println!("setup: {} programs are present", PEERS.len());
    } else if debian::is_debian_like() {
        debian::install(&missing)?;
    } else {
        return Err(Error::MissingPeers(
            missing.iter().map(|peer| peer.name).collect(),
        ));
    }
    let peers = workspace_root().join(".peers");
    for environment in python::ENVIRONMENTS {
        environment.make(&peers)?;
    }
    println!("setup: done in {:.1} s", started.elapsed().as_secs_f64());
    Ok(())
}
