use std::path::Path;

use rustix::process::Signal;

use super::{Absence, Peer, Running, Service, Setup};
use crate::error::Error;
use crate::process::Process;
use crate::xmpp::{BOT, COMPONENT, DOMAIN, RESOURCE, SECRET};

pub(super) const NAME: &str = "relay";

/// The other program of this crate, `vestibule-bench-relay`.
pub(super) struct Relay;

impl Peer for Relay {
    fn start(&self, setup: &Setup, directory: &Path, core: usize) -> Result<Running, Error> {
        let own = std::env::current_exe().map_err(Error::io("find this program"))?;
        let program = own.with_file_name("vestibule-bench-relay");
        let (server, target) = (
            setup.origin.to_string(),
            format!("{BOT}@{DOMAIN}/{RESOURCE}"),
        );
        let arguments = [&server, COMPONENT, SECRET, &target];
        let mut process = Process::start(&program, &arguments, core, directory)?;
        process.await_ready(|_| Some(()))?;
        Ok(Running {
            address: setup.origin,
            process,
            access_log: None,
            record_lines: 1,
            graceful: Signal::TERM,
            misses_signals: false,
        })
    }

    fn name(&self) -> &'static str {
        NAME
    }

    fn absence(&self, service: Service) -> Option<Absence> {
        (service != Service::Component).then_some(Absence::OnlyComponent)
    }

    fn note(&self) -> Option<&'static str> {
        Some(
            "relay is a component of this benchmark that changes addresses and does nothing else: it \
             has no timeouts, no limits, one resource, and writes no access records.",
        )
    }

    fn version(&self) -> Result<String, Error> {
        Ok(format!("{NAME} {}", env!("CARGO_PKG_VERSION")))
    }
}
