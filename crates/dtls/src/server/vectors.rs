//! What must hold for any script of datagrams, time and calls.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
    time::{Duration, Instant},
};

use super::{
    AssociationId, Config, Event, Limits, Local, Path, Server, Shared, TrialId,
    toy::{self, Does, ToyAccept},
};
use crate::session::{ConnectionId, MAX_PAYLOAD};

/// A server, and all that was seen of it.
struct Script<'a> {
    input: &'a [u8],
    server: Server,
    shared: Arc<Shared>,
    now: Instant,
    /// The ids that were seen.
    associations: Vec<(AssociationId, Option<ConnectionId>)>,
    begin: Instant,
    opened: usize,
    closed: usize,
    /// Bytes that came from a path, and that went there, while nobody has shown to be there.
    traffic: HashMap<Path, (usize, usize)>,
    /// Where associations have shown to be.
    homes: HashMap<AssociationId, Path>,
    /// Where somebody has returned a cookie, and may get a flight.
    cookies: HashSet<Path>,
    trials: Vec<(AssociationId, TrialId)>,
    questions: usize,
    sequence: u64,
}

/// Runs a script.
///
/// # Panics
/// More than three times the received bytes went to an address where nobody has shown to be, something is left after
/// the end, or an association was opened or closed without its other event.
pub fn check_server(input: &[u8]) {
    let with_id = input.first().is_none_or(|first| first & 1 == 0);
    let limits = Limits {
        half_open: 12,
        associations: 20,
        ..Limits::default()
    };
    let shared = Shared::new(limits);
    let accept = Box::new(ToyAccept { with_id, made: 0 });
    let config = Arc::new(Config::default());
    let now = Instant::now();
    let mut script = Script {
        input: input.get(1..).unwrap_or_default(),
        server: Server::new(config, shared.clone(), accept, 3, [5; 32]),
        shared,
        now,
        begin: now,
        associations: Vec::new(),
        opened: 0,
        closed: 0,
        traffic: HashMap::new(),
        homes: HashMap::new(),
        cookies: HashSet::new(),
        trials: Vec::new(),
        questions: 0,
        sequence: 0,
    };
    while !script.input.is_empty() {
        script.step();
        script.look();
    }
    script.finish();
}

impl Script<'_> {
    fn byte(&mut self) -> u8 {
        let Some((&first, rest)) = self.input.split_first() else {
            return 0;
        };
        self.input = rest;
        first
    }

    fn bytes(&mut self, most: usize) -> Vec<u8> {
        let (taken, rest) = self.input.split_at(most.min(self.input.len()));
        self.input = rest;
        taken.to_vec()
    }

    /// One of a few paths, some of which share an address.
    fn path(&mut self) -> Path {
        let choice = self.byte();
        Path {
            remote: ([192, 0, 2, choice >> 2 & 3], 1000 + u16::from(choice & 3)).into(),
            local: Local {
                socket: u16::from(choice >> 7),
                address: None,
            },
        }
    }

    fn step(&mut self) {
        match self.byte() % 10 {
            0 => {
                let path = self.path();
                let length = usize::from(self.byte());
                let datagram = self.bytes(length);
                self.give(path, &datagram);
            }
            1 | 2 => self.hello(),
            3 | 4 => self.record(),
            5 => {
                let time = Duration::from_millis(u64::from(self.byte()) * 500);
                self.now += time;
                self.server.handle_timeout(self.now);
            }
            6 => {
                if let Some((id, _)) = self.association() {
                    let length = usize::from(self.byte()) * 70;
                    let payload = vec![0; length.min(MAX_PAYLOAD)];
                    let _ = self.server.send(self.now, id, &payload);
                }
            }
            7 => {
                let path = self.path();
                let choice = self.byte();
                let count = self.trials.len().max(1);
                let trial = self.trials.get(usize::from(choice) / 4 % count).copied();
                match trial {
                    Some((id, trial)) if choice & 3 == 0 => {
                        self.server.doubt(self.now, id, trial);
                    }
                    Some((id, trial)) if choice & 3 == 1 => {
                        self.server.ask(self.now, id, trial, &[0; 4]);
                    }
                    Some((id, trial)) => {
                        self.server.confirm(self.now, id, trial, path);
                    }
                    None => {}
                }
            }
            8 => {
                if let Some((id, _)) = self.association() {
                    let lifetime = Duration::from_secs(u64::from(self.byte()));
                    self.server.set_lifetime(self.now, id, lifetime);
                }
            }
            _ => {
                if let Some((id, _)) = self.association() {
                    self.server.close(self.now, id);
                }
            }
        }
    }

    fn association(&mut self) -> Option<(AssociationId, Option<ConnectionId>)> {
        let choice = usize::from(self.byte());
        let count = self.associations.len().max(1);
        self.associations.get(choice % count).copied()
    }

    /// A hello: with the right cookie, a wrong one, or none; whole or in pieces.
    fn hello(&mut self) {
        let path = self.path();
        let (kind, attempt) = (self.byte(), self.byte());
        let right = toy::cookie(path.remote);
        let cookie: &[u8] = match kind & 3 {
            0 => &[],
            1 => &[9; 8],
            _ => &right,
        };
        let hello = toy::hello(attempt, cookie, kind & 4 != 0);
        if cookie == right {
            self.cookies.insert(path);
        }
        match kind & 8 {
            0 => self.give(path, &hello),
            _ => {
                for piece in toy::pieces(&hello, 30 + usize::from(kind >> 4) * 8) {
                    self.give(path, &piece);
                }
            }
        }
    }

    /// A record of somebody who is there, or in handshake.
    fn record(&mut self) {
        let path = self.path();
        let choice = self.byte();
        let does = match choice & 7 {
            0 | 1 => Does::Finish,
            2 => Does::Close,
            3 => Does::Break,
            _ => Does::Carry,
        };
        let half_open = self.server.table.at(&path).half_open;
        let half_open = half_open.and_then(|slot| self.server.table.get(slot));
        let cid = match half_open.filter(|_| choice & 8 == 0) {
            Some(association) => association.has_cid().then_some(association.cid),
            None => self.association().and_then(|(_, cid)| cid),
        };
        self.sequence += 1;
        let sequence = self.sequence - u64::from(choice >> 6).min(self.sequence);
        let length = usize::from(self.byte());
        let record = toy::record(cid, sequence, does, &vec![0; length]);
        self.give(path, &record);
    }

    fn give(&mut self, path: Path, datagram: &[u8]) {
        self.traffic.entry(path).or_default().0 += datagram.len();
        self.server.handle_stray(self.now, path, datagram);
    }

    /// Looks at what has come of it.
    fn look(&mut self) {
        while let Some(event) = self.server.poll_event() {
            match event {
                Event::Opened { id, path, .. } => {
                    self.opened += 1;
                    self.homes.insert(id, path);
                    let cid = self.server.association(id).and_then(|it| it.connection_id);
                    self.associations.push((id, cid));
                }
                Event::Moved { id, path } => {
                    self.homes.insert(id, path);
                }
                Event::Closed { .. } => self.closed += 1,
                Event::ProofWanted { id, trial, .. } => {
                    self.trials.push((id, trial));
                    self.questions += 1;
                }
                Event::Received { .. } => {}
            }
        }
        while let Some(transmit) = self.server.poll_transmit() {
            let path = transmit.path;
            if self.cookies.contains(&path) || self.homes.values().any(|home| *home == path) {
                continue;
            }
            let (came, went) = self.traffic.entry(path).or_default();
            *went += transmit.bytes.len();
            assert!(
                *went <= 3 * *came,
                "{went} bytes to {path:?}, from which {came} came"
            );
        }
        self.homes
            .retain(|id, _| self.server.association(*id).is_some());
        let at_most = self.now.saturating_duration_since(self.begin).as_secs() as usize + 1;
        assert!(self.questions <= at_most * self.opened.max(1));
        let (half_open, associations) = self.shared.present();
        assert_eq!(associations, self.server.len());
        let open = self.server.associations().count();
        assert_eq!(half_open + open, associations);
        assert_eq!(self.opened - self.closed, open);
    }

    fn finish(mut self) {
        self.now += Duration::from_secs(60);
        self.server.handle_timeout(self.now);
        self.server.close_all(self.now);
        self.look();
        assert!(self.server.is_empty());
        assert_eq!(self.server.poll_timeout(), None);
        assert_eq!(self.opened, self.closed);
    }
}
