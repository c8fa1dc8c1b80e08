use std::collections::VecDeque;
use std::mem;
use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::time::{Duration, Instant};

use super::client::{Buffers, Client};
use super::dialogue::Index;
use super::{Dialogue, Handshake};
use crate::error::Error;
use crate::load::{Progress, client_error};
use crate::system::Poller;

/// So many handshakes are under way at once.
const CONCURRENT: usize = 32;

/// How long to wait for datagrams, and how often to look at the timers.
const TICK: Duration = Duration::from_millis(100);

/// So many sockets of closed associations stay open for a while. The server's good-bye would else
/// meet no socket, and the kernel's word about that would be counted as the server's work.
const LINGERING: usize = 64;

/// Clients that wait for datagrams together, on one thread.
pub(crate) struct Clients {
    address: SocketAddr,
    handshake: Handshake,
    /// What the client of this number says.
    dialogue: Box<dyn FnMut(usize) -> Box<dyn Dialogue>>,
    clients: Vec<Client>,
    poller: Poller,
    ready: Vec<usize>,
    /// Whose question was answered in the last step.
    answered: Vec<usize>,
    lingering: VecDeque<UdpSocket>,
    /// When the timers were looked at.
    ticked: Instant,
    buffers: Buffers,
}

impl Clients {
    /// None yet, all of one server, that ask for `/`.
    ///
    /// # Errors
    ///
    /// [`Error::Io`].
    pub(crate) fn new(address: SocketAddr, handshake: Handshake) -> Result<Self, Error> {
        Self::with(address, handshake, |_| Box::new(Index::new()))
    }

    /// None yet, all of one server. `dialogue` makes what each of them says, by its number.
    ///
    /// # Errors
    ///
    /// [`Error::Io`].
    pub(crate) fn with(
        address: SocketAddr,
        handshake: Handshake,
        dialogue: impl FnMut(usize) -> Box<dyn Dialogue> + 'static,
    ) -> Result<Self, Error> {
        Ok(Self {
            address,
            handshake,
            dialogue: Box::new(dialogue),
            clients: Vec::new(),
            poller: Poller::new().map_err(client_error)?,
            ready: Vec::new(),
            answered: Vec::new(),
            lingering: VecDeque::new(),
            ticked: Instant::now(),
            buffers: Buffers::new(),
        })
    }

    /// Opens `count` associations more, and waits until each has had an answer.
    ///
    /// # Errors
    ///
    /// [`Error::Stalled`], and those of the handshake and the answer.
    pub(crate) fn open(&mut self, count: usize) -> Result<(), Error> {
        let (goal, mut answered) = (self.clients.len() + count, self.clients.len());
        let mut progress = Progress::new();
        while answered < goal {
            while self.clients.len() < goal.min(answered + CONCURRENT) {
                self.add()?;
            }
            progress.check(self.step()?)?;
            answered += self.answered.len();
        }
        Ok(())
    }

    /// Lets what was begun come to rest: acknowledgements, and what else waits for a timer.
    ///
    /// # Errors
    ///
    /// Those of the associations.
    pub(crate) fn settle(&mut self, time: Duration) -> Result<(), Error> {
        let end = Instant::now() + time;
        while Instant::now() < end {
            self.step()?;
        }
        Ok(())
    }

    /// Asks on each association again and again until `is_over`, and tells `count` of the answers.
    ///
    /// # Errors
    ///
    /// [`Error::Stalled`], and those of the answers.
    pub(crate) fn ask_again(
        &mut self,
        is_over: impl Fn() -> bool,
        count: impl Fn(u64),
    ) -> Result<(), Error> {
        for client in &mut self.clients {
            client.ask(&mut self.buffers)?;
        }
        let mut progress = Progress::new();
        while !is_over() {
            progress.check(self.step()?)?;
            count(self.answered.len() as u64);
            for &token in &self.answered {
                self.clients[token].ask(&mut self.buffers)?;
            }
        }
        Ok(())
    }

    /// Opens associations again and again until `is_over`, 32 at a time, closes each after its answer,
    /// and tells `count` of those.
    ///
    /// # Errors
    ///
    /// [`Error::Stalled`], and those of the handshakes and the answers.
    pub(crate) fn connect_again(
        &mut self,
        is_over: impl Fn() -> bool,
        count: impl Fn(u64),
    ) -> Result<(), Error> {
        while self.clients.len() < CONCURRENT {
            self.add()?;
        }
        let mut progress = Progress::new();
        while !is_over() {
            progress.check(self.step()?)?;
            count(self.answered.len() as u64);
            while let Some(token) = self.answered.pop() {
                self.replace(token)?;
            }
        }
        Ok(())
    }

    /// Handles what has come, and waits for it a little; whether something has.
    fn step(&mut self) -> Result<bool, Error> {
        self.ready.clear();
        self.answered.clear();
        let waited = self.poller.wait(&mut self.ready, TICK);
        waited.map_err(client_error)?;
        for &token in &self.ready {
            if self.clients[token].handle_readable(&mut self.buffers)? {
                self.answered.push(token);
            }
        }
        if self.ticked.elapsed() >= TICK {
            self.ticked = Instant::now();
            for client in &mut self.clients {
                client.handle_timeout(self.ticked, &mut self.buffers)?;
            }
        }
        Ok(!self.ready.is_empty())
    }

    fn add(&mut self) -> Result<(), Error> {
        let token = self.clients.len();
        let (host, address) = (host(token), self.address);
        let dialogue = (self.dialogue)(token);
        let buffers = &mut self.buffers;
        let client = Client::open(host, address, self.handshake, None, dialogue, buffers)?;
        self.watch(&client, token)?;
        self.clients.push(client);
        Ok(())
    }

    /// Closes an association and opens another one, from another port of the same host.
    fn replace(&mut self, token: usize) -> Result<(), Error> {
        let dialogue = (self.dialogue)(token);
        let Self {
            handshake, buffers, ..
        } = self;
        let resumption = self.clients[token].close(buffers)?;
        let resumption = resumption.filter(|_| handshake.resumes);
        let (host, address) = (host(token), self.address);
        let client = Client::open(host, address, *handshake, resumption, dialogue, buffers)?;
        self.watch(&client, token)?;
        let old = mem::replace(&mut self.clients[token], client);
        self.poller.remove(&old.socket).map_err(client_error)?;
        self.lingering.push_back(old.socket);
        if self.lingering.len() > LINGERING {
            self.lingering.pop_front();
        }
        Ok(())
    }

    fn watch(&self, client: &Client, token: usize) -> Result<(), Error> {
        let added = self.poller.add(&client.socket, token);
        added.map_err(client_error)
    }
}

/// The address of a client, which has it alone: one of 127.0.0.0/8 behind the first 256.
fn host(token: usize) -> Ipv4Addr {
    let number = (token % 60_000) as u16 + 256;
    let [high, low] = number.to_be_bytes();
    Ipv4Addr::new(127, 0, high, low)
}

#[cfg(test)]
mod tests;
