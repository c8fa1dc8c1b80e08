//! A stack that does what a test says.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard},
    time::{Duration, Instant},
};

use crate::{
    client::{
        Client, Config, Event, Memory, Stack,
        testing::{Authority, Issued, PRESENT, server_params},
    },
    session::{Agreement, Fault, SendError, Session, Version},
    stack::{ClientSettings, Resumption},
};

pub(super) const NAME: &str = "chat.example.org";

/// What the stack does next, and what it was told.
#[derive(Default)]
pub(super) struct Script {
    pub(super) established: Option<Agreement>,
    pub(super) certificates: Vec<Vec<u8>>,
    pub(super) payload: Vec<u8>,
    pub(super) fault: Option<Fault>,
    pub(super) closed_by_peer: bool,
    pub(super) timeout: Option<Instant>,
    pub(super) outgoing: VecDeque<Vec<u8>>,

    pub(super) records: Vec<Vec<u8>>,
    pub(super) timeouts: usize,
    pub(super) closed: usize,
}

#[derive(Clone, Default)]
pub(super) struct Scripted(Arc<Mutex<Script>>);

impl Scripted {
    pub(super) fn script(&self) -> MutexGuard<'_, Script> {
        self.0.lock().unwrap()
    }

    /// Ends the handshake at the next record, as a full one.
    pub(super) fn establish(&self, version: Version, server: &Issued) {
        let mut script = self.script();
        script.established = Some(agreement(version, false));
        script.certificates.clone_from(&server.chain);
    }
}

pub(super) fn agreement(version: Version, resumed: bool) -> Agreement {
    Agreement {
        version,
        suite: 0xcca9,
        resumed,
        server_name: Some(NAME.to_owned()),
    }
}

impl Session for Scripted {
    fn handle_record(&mut self, _: Instant, record: &[u8]) -> Result<(), Fault> {
        let mut script = self.script();
        script.records.push(record.to_vec());
        script.fault.take().map_or(Ok(()), Err)
    }

    fn poll_transmit(&mut self, out: &mut Vec<u8>, _: usize) -> bool {
        match self.script().outgoing.pop_front() {
            None => false,
            Some(datagram) => {
                out.extend(datagram);
                true
            }
        }
    }

    fn receive(&mut self, out: &mut Vec<u8>) -> usize {
        let payload = std::mem::take(&mut self.script().payload);
        out.extend(&payload);
        payload.len()
    }

    fn send(&mut self, payload: &[u8]) -> Result<(), SendError> {
        self.script().outgoing.push_back(payload.to_vec());
        Ok(())
    }

    fn poll_timeout(&self) -> Option<Instant> {
        self.script().timeout
    }

    fn handle_timeout(&mut self, _: Instant) {
        self.script().timeouts += 1;
    }

    fn is_established(&self) -> bool {
        self.script().established.is_some()
    }

    fn is_newest(&self) -> bool {
        false
    }

    fn is_over(&self) -> bool {
        false
    }

    fn close(&mut self) {
        let mut script = self.script();
        script.closed += 1;
        if script.established.is_some() {
            script.outgoing.push_back(b"goodbye".to_vec());
        }
    }

    fn is_closed_by_peer(&self) -> bool {
        self.script().closed_by_peer
    }

    fn connection_id(&self) -> Option<&[u8]> {
        None
    }

    fn overhead(&self) -> usize {
        0
    }

    fn export(&self, _: &[u8], _: &[u8], _: &mut [u8]) -> bool {
        false
    }

    fn peer_certificates(&self) -> &[Vec<u8>] {
        // Tests run for a moment only.
        Box::leak(self.script().certificates.clone().into_boxed_slice())
    }

    fn agreement(&self) -> Option<Agreement> {
        self.script().established.clone()
    }

    fn footprint(&self) -> usize {
        0
    }
}

impl Stack for Scripted {
    fn take_resumption(&mut self) -> Option<Resumption> {
        None
    }
}

/// A client over a scripted stack, at a clock that stands.
pub(super) struct World {
    pub(super) client: Client,
    pub(super) stack: Scripted,
    pub(super) start: Instant,
    /// Which version the client asked the stack for.
    pub(super) version: Version,
}

impl World {
    pub(super) fn new(config: &Config, memory: &Memory) -> Self {
        let (stack, start) = (Scripted::default(), Instant::now());
        let mut version = Version::Dtls12;
        let connect = |settings: &ClientSettings| {
            version = settings.version;
            assert!(settings.session.is_none());
            assert_eq!(settings.server_name, config.name.to_string());
            Ok(Box::new(stack.clone()) as Box<dyn Stack>)
        };
        let client =
            Client::with_stack(config.clone(), memory.clone(), start, PRESENT, connect).unwrap();
        Self {
            client,
            stack,
            start,
            version,
        }
    }

    /// One with the usual settings.
    pub(super) fn usual(authority: &Authority) -> Self {
        Self::new(&usual(authority), &Memory::default())
    }

    pub(super) fn at(&self, seconds: u64) -> Instant {
        self.start + Duration::from_secs(seconds)
    }

    /// Any record comes.
    pub(super) fn record(&mut self) {
        self.client.handle_datagram(self.start, PROTECTED);
    }

    pub(super) fn events(&mut self) -> Vec<Event> {
        std::iter::from_fn(|| self.client.poll_event()).collect()
    }

    pub(super) fn datagrams(&mut self) -> Vec<Vec<u8>> {
        std::iter::from_fn(|| self.client.poll_transmit()).collect()
    }
}

/// A record under keys, as it seems.
pub(super) const PROTECTED: &[u8] = &[23, 0xfe, 0xfd, 0, 1, 0, 0, 0, 0, 0, 1, 0, 1, 0];

pub(super) fn usual(authority: &Authority) -> Config {
    Config::new(NAME.parse().unwrap(), 5684, authority.trust())
}

pub(super) fn good_server(authority: &Authority) -> Issued {
    authority.issue(&server_params(&[NAME]))
}
