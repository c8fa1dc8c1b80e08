//! CoAP over DTLS.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use bytes::Bytes;
use vestibule_dtls::{
    Client,
    client::{Closed, Config, Event, Fingerprint, Memory, PeerName, Roots, Trust, UnixTime},
};

use super::{Association, Happened, Opened};
use crate::{
    cli::{
        coap::{arguments::Arguments, trouble::Trouble},
        streams::say,
    },
    tls::dtls::{read_authorities, system_authorities, told_key_log},
};

/// An association of DTLS.
pub(in crate::cli::coap) struct Dtls {
    client: Client,
}

/// How much longer than the caller the client waits: the caller knows better what to say. It begins to
/// wait later, on a machine that does much else by seconds.
const SPARE: Duration = Duration::from_secs(60);

impl Dtls {
    /// Begins one with the server that the arguments name.
    ///
    /// # Errors
    /// The authorities cannot be read, or the stack does not work.
    pub(in crate::cli::coap) fn new(arguments: &Arguments, port: u16) -> Result<Self, Trouble> {
        let host = &arguments.target.place.host;
        // A zone says which way, not who.
        let name = host.split('%').next().unwrap_or_default();
        let name: PeerName = name.parse().map_err(|_| Trouble::Name(host.clone()))?;
        let config = Config {
            versions: arguments.versions(),
            handshake_timeout: arguments.connect_timeout + SPARE,
            key_log: told_key_log(|error| {
                say(format_args!(
                    "vestibule: SSLKEYLOGFILE cannot be written, and secrets are missing there: {error}"
                ));
            }),
            ..Config::new(name, port, trust(arguments)?)
        };
        let asked = std::env::var_os("SSLKEYLOGFILE").is_some_and(|path| !path.is_empty());
        if asked {
            say(match config.key_log {
                Some(_) => {
                    "vestibule: SSLKEYLOGFILE is set: who reads that file can decrypt all of this"
                }
                None => "vestibule: SSLKEYLOGFILE cannot be opened, and no secrets are written",
            });
        }
        // A process makes one association, and has nothing to resume.
        let memory = Memory::new(0);
        let client = Client::new(config, memory, Instant::now(), UnixTime::now());
        Ok(Self {
            client: client.map_err(Trouble::Stack)?,
        })
    }
}

/// What makes the server's certificate good.
fn trust(arguments: &Arguments) -> Result<Trust, Trouble> {
    if arguments.insecure {
        return Ok(Trust::Insecure);
    }
    if let Some(fingerprint) = arguments.fingerprint {
        return Ok(Trust::Fingerprint(fingerprint));
    }
    let roots = match &arguments.cacert {
        Some(path) => {
            let error = |why| Trouble::Authorities(path.clone(), why);
            let found = read_authorities(path).map_err(error)?;
            Roots::new(found.iter().map(Vec::as_slice)).map_err(|why| error(why.to_string()))?
        }
        None => {
            let found = system_authorities();
            Roots::parsable(found.iter().map(Vec::as_slice)).map_err(|_| Trouble::NoAuthorities)?
        }
    };
    Ok(Trust::Roots(Arc::new(roots)))
}

impl Association for Dtls {
    fn handle_datagram(&mut self, now: Instant, datagram: &[u8]) {
        self.client.handle_datagram(now, datagram);
    }

    fn handle_timeout(&mut self, now: Instant) {
        self.client.handle_timeout(now);
    }

    fn poll_timeout(&self) -> Option<Instant> {
        self.client.poll_timeout()
    }

    fn poll_transmit(&mut self) -> Option<Bytes> {
        self.client.poll_transmit().map(Bytes::from)
    }

    fn poll_event(&mut self) -> Option<Happened> {
        Some(match self.client.poll_event()? {
            Event::Connected(agreement) => {
                let leaf = self.client.peer_certificates().first();
                Happened::Open(Some(Opened {
                    agreement,
                    fingerprint: leaf.map(|der| Fingerprint::of(der)),
                }))
            }
            Event::Received(message) => Happened::Received(message),
            Event::Closed(Closed::Refused(refusal)) => {
                Happened::Closed(Trouble::Certificate(refusal))
            }
            Event::Closed(why) => Happened::Closed(Trouble::Closed(why)),
        })
    }

    fn send(&mut self, _: Instant, message: &[u8]) -> Result<(), Trouble> {
        self.client.send(message).map_err(Trouble::Unsent)
    }

    fn close(&mut self, now: Instant) {
        self.client.close(now);
    }
}
