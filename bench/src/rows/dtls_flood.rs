use std::collections::VecDeque;
use std::io::ErrorKind;
use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::thread;
use std::time::{Duration, Instant};

use super::{Row, Sample, Target, Window};
use crate::coaps::{Handshake, client_hello};
use crate::error::Error;
use crate::load::{STALL, client_error};
use crate::peers::Service;
use crate::system;

const HELLOS: u32 = 100_000;

/// So many were sent already when memory is read for the first time.
const BEFORE: u32 = 1000;

/// So many may be without an answer.
const WINDOW: usize = 64;

/// How long the oldest of them is waited for.
const PATIENCE: Duration = Duration::from_millis(10);

/// The time in which memory settles before it is read.
const SETTLE: Duration = Duration::from_millis(500);

/// Where the random bytes of a ClientHello are: behind the headers of the record and of the message
/// and the version.
const RANDOM: usize = 13 + 12 + 2;

/// 100,000 hellos without a cookie, each from another address, which then is silent.
pub(super) struct DtlsFlood;

impl Row for DtlsFlood {
    fn measure(&self, target: &Target<'_>, window: &Window) -> Result<Sample, Error> {
        let process = target.process.ok_or(Error::Stalled)?;
        let mut flood = Flood::new(target.address)?;
        flood.send(BEFORE)?;
        thread::sleep(SETTLE);
        let memory_before = process.pss()?;
        let busy_before = system::core_busy(window.proxy_core)?;
        let (cpu_before, started) = (process.cpu_time()?, Instant::now());
        flood.send(HELLOS)?;
        let cpu = process.cpu_time()?.saturating_sub(cpu_before);
        let seconds = started.elapsed().as_secs_f64();
        let busy = system::core_busy(window.proxy_core)?.saturating_sub(busy_before);
        thread::sleep(SETTLE);
        let memory = process.pss()?;
        Ok(Sample {
            cost: Some(cpu.as_secs_f64() * 1e6 / f64::from(HELLOS)),
            beside: (memory as f64 - memory_before as f64) / 1e3,
            records: 0,
            failures: flood.unanswered,
            foreign: busy.saturating_sub(cpu).as_secs_f64() / seconds,
        })
    }

    fn id(&self) -> &'static str {
        "dtls-flood"
    }

    fn title(&self) -> &'static str {
        "100,000 hellos without a cookie"
    }

    fn cost_unit(&self) -> &'static str {
        "CPU µs/hello"
    }

    fn beside_unit(&self) -> &'static str {
        "PSS kB, growth in all"
    }

    fn failures(&self) -> &'static str {
        "hellos that had no answer within 10 ms"
    }

    fn has_direct(&self) -> bool {
        false
    }

    fn service(&self) -> Service {
        Service::DtlsHellos
    }
}

struct Flood {
    address: SocketAddr,
    hello: Vec<u8>,
    /// How many were sent.
    sent: u32,
    unanswered: u64,
    waiting: VecDeque<UdpSocket>,
    answered: Instant,
}

impl Flood {
    fn new(address: SocketAddr) -> Result<Self, Error> {
        Ok(Self {
            address,
            hello: client_hello(Handshake::DTLS12)?,
            sent: 0,
            unanswered: 0,
            waiting: VecDeque::new(),
            answered: Instant::now(),
        })
    }

    /// Sends so many hellos, and waits for their answers. A socket stays open until its answer has
    /// come, because the kernel's word about a closed one would be counted as the server's work.
    fn send(&mut self, count: u32) -> Result<(), Error> {
        self.answered = Instant::now();
        for _ in 0..count {
            self.send_one()?;
            if self.waiting.len() >= WINDOW {
                self.await_oldest()?;
            }
        }
        while !self.waiting.is_empty() {
            self.await_oldest()?;
        }
        Ok(())
    }

    /// From the next address of the loopback network 127.0.0.0/8, with other random bytes.
    fn send_one(&mut self) -> Result<(), Error> {
        self.sent += 1;
        let random = self.hello.get_mut(RANDOM..RANDOM + 4);
        random
            .ok_or(Error::Stalled)?
            .copy_from_slice(&self.sent.to_be_bytes());
        let [_, high, middle, low] = self.sent.to_be_bytes();
        let socket = UdpSocket::bind((Ipv4Addr::new(127, high + 1, middle, low), 0));
        let socket = socket.map_err(client_error)?;
        socket
            .set_read_timeout(Some(PATIENCE))
            .and_then(|()| socket.connect(self.address))
            .and_then(|()| socket.send(&self.hello))
            .map_err(client_error)?;
        self.waiting.push_back(socket);
        Ok(())
    }

    fn await_oldest(&mut self) -> Result<(), Error> {
        let Some(socket) = self.waiting.pop_front() else {
            return Ok(());
        };
        match socket.recv(&mut [0; 1500]) {
            Ok(_) => self.answered = Instant::now(),
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {
                self.unanswered += 1;
            }
            Err(error) => return Err(client_error(error)),
        }
        if self.answered.elapsed() > STALL {
            return Err(Error::Stalled);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
