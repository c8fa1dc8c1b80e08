use std::path::Path;

use rustix::process::Signal;
use vestibule_dtls::session::Version;

use super::{
    Absence, Peer, Running, Service, Setup, accepts_connections, certificate_files,
    first_free_address, output,
};
use crate::error::Error;
use crate::process::Process;

pub(super) const GNUTLS: &str = "libcoap-gnutls";
pub(super) const OPENSSL: &str = "libcoap-openssl";

/// The example server of libcoap, with one of the TLS libraries that it can be built with.
pub(super) struct Libcoap {
    name: &'static str,
    program: &'static str,
    gives_tickets: bool,
}

impl Libcoap {
    pub(super) const GNUTLS: Self = Self {
        name: GNUTLS,
        program: "coap-server-gnutls",
        gives_tickets: false,
    };
    pub(super) const OPENSSL: Self = Self {
        name: OPENSSL,
        program: "coap-server-openssl",
        gives_tickets: true,
    };
}

impl Peer for Libcoap {
    fn start(&self, setup: &Setup, directory: &Path, core: usize) -> Result<Running, Error> {
        let Service::Coaps(handshake) = setup.service else {
            return Err(Error::Ended(format!("{} serves CoAP only", self.name)));
        };
        let (certificate, key) = certificate_files(handshake.key, directory);
        // DTLS has the port after the one that is asked for, and TLS over TCP the same.
        let mut address = first_free_address(2)?;
        let port = address.port().to_string();
        address.set_port(address.port() + 1);
        let arguments = [
            "-A",
            "127.0.0.1",
            "-p",
            &port,
            "-c",
            &certificate,
            "-j",
            &key,
            // Asks clients for no certificate.
            "-n",
        ];
        let mut process = Process::start(Path::new(self.program), &arguments, core, directory)?;
        process.await_ready(|_| accepts_connections(address).then_some(()))?;
        Ok(Running {
            address,
            process,
            access_log: None,
            record_lines: 1,
            graceful: Signal::TERM,
            misses_signals: false,
        })
    }

    fn name(&self) -> &'static str {
        self.name
    }

    fn absence(&self, service: Service) -> Option<Absence> {
        match service {
            Service::Coaps(handshake) if handshake.version == Version::Dtls13 => {
                Some(Absence::NoDtls13)
            }
            Service::Coaps(handshake) if handshake.resumes && !self.gives_tickets => {
                Some(Absence::NoTickets)
            }
            Service::Coaps(_) => None,
            Service::DtlsHellos => Some(Absence::OneHundredHellos),
            _ => Some(Absence::OnlyCoaps),
        }
    }

    fn note(&self) -> Option<&'static str> {
        None
    }

    fn version(&self) -> Result<String, Error> {
        // It calls any option it does not know a mistake, and says all the same who it is.
        let text = output(Path::new(self.program), "--version")?;
        let said = |start: &str| {
            let line = text.lines().find(|line| line.starts_with(start))?;
            Some(line[start.len()..].trim().to_owned())
        };
        let version = said(&format!("{} ", self.program)).unwrap_or_default();
        let version = version.split(" -- ").next().unwrap_or_default();
        let library = said("TLS Library:").unwrap_or_default();
        Ok(format!("{} {version}, {library}", self.program))
    }
}
