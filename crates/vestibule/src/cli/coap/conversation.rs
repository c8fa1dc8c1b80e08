//! A socket, an association and an endpoint, and the time that passes between them.

use std::{
    io::{self, ErrorKind},
    net::{Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket},
    sync::Arc,
    time::{Duration, Instant},
};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use vestibule_coap::{
    Endpoint,
    endpoint::{Budget, Config, Event},
};

use super::{
    association::{Association, Happened, Opened},
    interrupt::Interrupt,
    log::Log,
    meter::{Direction, Meter},
    trouble::Trouble,
};

/// All that a conversation with one address of a server consists of.
pub(super) struct Conversation<'a> {
    pub(super) endpoint: Endpoint,
    pub(super) remote: SocketAddr,
    association: Box<dyn Association>,
    socket: UdpSocket,
    interrupt: &'a Interrupt,
    log: &'a mut Log,
    meter: &'a mut Meter,
    is_open: bool,
    /// Whether there is DTLS.
    is_protected: bool,
    is_over: bool,
    buffer: Vec<u8>,
    /// The length of the datagram that came last.
    length: usize,
    /// Whether that one is to be explained yet.
    is_unexplained: bool,
}

/// What a conversation has come to.
#[derive(Debug)]
pub(super) enum Step {
    /// The association is open.
    Open(Option<Opened>),
    /// Something has happened to the endpoint.
    Event(Event),
    /// The time is over that was waited for.
    Due,
    /// A signal asks for the end.
    Interrupted,
}

/// The longest datagram that is received, in bytes.
const DATAGRAM: usize = 64 << 10;

/// How long the goodbye may take. Nobody waits for it but the server, which else keeps the association for a while.
const GOODBYE: Duration = Duration::from_secs(1);

/// How many bytes the endpoint may keep for a server that asks us for something.
const BUDGET: usize = 1 << 20;

impl<'a> Conversation<'a> {
    /// Begins one with this address.
    ///
    /// # Errors
    /// There is no way there.
    pub(super) fn new(
        remote: SocketAddr,
        association: Box<dyn Association>,
        config: Config,
        interrupt: &'a Interrupt,
        log: &'a mut Log,
        meter: &'a mut Meter,
    ) -> Result<Self, Trouble> {
        let socket = connected(remote).map_err(|error| Trouble::Network(remote, error))?;
        let budget = Budget::new(BUDGET);
        Ok(Self {
            endpoint: Endpoint::new(Arc::new(config), budget, rand::random()),
            remote,
            association,
            socket,
            interrupt,
            log,
            meter,
            is_open: false,
            is_protected: false,
            is_over: false,
            buffer: vec![0; DATAGRAM],
            length: 0,
            is_unexplained: false,
        })
    }

    /// Carries on until something happens, or until a time.
    ///
    /// # Errors
    /// There is no server, or it has ended the association.
    pub(super) fn next(&mut self, until: Option<Instant>) -> Result<Step, Trouble> {
        loop {
            let now = Instant::now();
            if let Some(step) = self.settle(now)? {
                return Ok(step);
            }
            if self.interrupt.take() {
                return Ok(Step::Interrupted);
            }
            if until.is_some_and(|until| until <= now) {
                return Ok(Step::Due);
            }
            let wake = [
                until,
                self.association.poll_timeout(),
                self.is_open.then(|| self.endpoint.poll_timeout()).flatten(),
            ];
            self.wait(now, wake.into_iter().flatten().min())?;
            self.receive()?;
            self.handle_timeouts(Instant::now());
        }
    }

    /// Sends what is to be sent, and tells the server that this is the end. That takes a moment if the server
    /// could not understand it yet.
    pub(super) fn close(&mut self) {
        let start = Instant::now();
        // Whatever is the matter now, it is the end.
        let _ = self.settle(start);
        if self.is_protected && !self.is_over {
            self.note(|| "goodbye (close_notify)".to_owned());
        }
        self.is_over = true;
        self.association.close(start);
        while self.transmit(Instant::now(), None).is_ok() {
            let now = Instant::now();
            let until = start + GOODBYE;
            let Some(due) = self.association.poll_timeout() else {
                break;
            };
            let waited = self.wait(now, Some(due.min(until)));
            if now >= until || self.interrupt.take() || waited.is_err() || self.receive().is_err() {
                break;
            }
            self.explain(Instant::now());
            self.handle_timeouts(Instant::now());
        }
    }

    /// What was heard last.
    pub(super) fn last_heard(&self) -> String {
        self.log.last_heard(Instant::now())
    }

    /// Whether the server has sent anything.
    pub(super) fn has_heard(&self) -> bool {
        self.log.has_heard()
    }

    /// When it was said that there will be no association, if nothing has come since.
    pub(super) fn alert(&self) -> Option<Instant> {
        self.log.alert()
    }

    /// Says something with `-v`.
    pub(super) fn note(&self, text: impl FnOnce() -> String) {
        self.log.note(Instant::now(), text);
    }

    /// Hands on what one side has for the other, until there is something to tell.
    fn settle(&mut self, now: Instant) -> Result<Option<Step>, Trouble> {
        while let Some(happened) = self.association.poll_event() {
            match happened {
                Happened::Open(opened) => {
                    (self.is_open, self.is_protected) = (true, opened.is_some());
                    self.explain(now);
                    // The last flight may be ours.
                    self.transmit(now, None)?;
                    if self.is_protected {
                        self.meter.established(now);
                    }
                    return Ok(Some(Step::Open(opened)));
                }
                Happened::Received(message) => {
                    self.is_unexplained = false;
                    let (log, meter) = (&mut *self.log, &mut *self.meter);
                    log.message(now, meter, Direction::Down, &message, self.length);
                    // What is wrong with it was logged; the endpoint answers to it as it should.
                    let _ = self.endpoint.handle_datagram(now, &message);
                }
                Happened::Closed(trouble) => {
                    self.explain(now);
                    self.is_over = true;
                    return Err(trouble);
                }
            }
        }
        self.explain(now);
        self.transmit(now, None)?;
        while self.is_open && !self.is_over {
            let Some(message) = self.endpoint.poll_transmit() else {
                break;
            };
            self.association.send(now, &message)?;
            self.transmit(now, Some(&message))?;
        }
        Ok(self.endpoint.poll_event().map(Step::Event))
    }

    /// Sends the datagrams of the association, of which one carries `message`.
    fn transmit(&mut self, now: Instant, mut message: Option<&[u8]>) -> Result<(), Trouble> {
        while let Some(datagram) = self.association.poll_transmit() {
            self.meter.datagram(Direction::Up, datagram.len());
            let (log, meter) = (&mut *self.log, &mut *self.meter);
            match message.take() {
                Some(message) => log.message(now, meter, Direction::Up, message, datagram.len()),
                None => log.datagram(now, Direction::Up, &datagram),
            }
            if let Err(error) = self.socket.send(&datagram) {
                self.failed(error)?;
            }
        }
        Ok(())
    }

    /// Waits for a datagram or a signal.
    fn wait(&self, now: Instant, until: Option<Instant>) -> Result<(), Trouble> {
        let wait = until.map(|until| until.saturating_duration_since(now));
        // A kernel that rounds down must not make this a busy loop.
        let wait = wait.map(|wait| timespec(wait + Duration::from_millis(1)));
        let mut fds = [
            PollFd::new(&self.socket, PollFlags::IN),
            PollFd::new(self.interrupt, PollFlags::IN),
        ];
        match poll(&mut fds, wait.as_ref()) {
            Err(error) if error != rustix::io::Errno::INTR => {
                Err(Trouble::Network(self.remote, error.into()))
            }
            _ => Ok(()),
        }
    }

    fn receive(&mut self) -> Result<(), Trouble> {
        loop {
            match self.socket.recv(&mut self.buffer) {
                Ok(length) => {
                    let now = Instant::now();
                    self.meter.datagram(Direction::Down, length);
                    (self.length, self.is_unexplained) = (length, true);
                    let datagram = &self.buffer[..length];
                    self.association.handle_datagram(now, datagram);
                    return Ok(());
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                Err(error) => self.failed(error)?,
            }
        }
    }

    /// Explains the datagram that came last, if nothing else has explained it.
    fn explain(&mut self, now: Instant) {
        if std::mem::take(&mut self.is_unexplained) {
            let datagram = &self.buffer[..self.length];
            self.log.datagram(now, Direction::Down, datagram);
        }
    }

    fn handle_timeouts(&mut self, now: Instant) {
        let is_due = |at: Option<Instant>| at.is_some_and(|at| at <= now);
        if is_due(self.association.poll_timeout()) {
            self.association.handle_timeout(now);
        }
        if self.is_open && is_due(self.endpoint.poll_timeout()) {
            self.endpoint.handle_timeout(now);
        }
    }

    /// What the kernel says of earlier datagrams. Anybody on the way could say the same, so that it
    /// only counts as long as nobody was heard.
    fn failed(&self, error: io::Error) -> Result<(), Trouble> {
        match error.kind() {
            ErrorKind::WouldBlock | ErrorKind::Interrupted => Ok(()),
            _ if self.log.has_heard() => {
                self.note(|| format!("{error}; this may pass"));
                Ok(())
            }
            ErrorKind::ConnectionRefused => Err(Trouble::Refused(self.remote)),
            _ => Err(Trouble::Network(self.remote, error)),
        }
    }
}

fn connected(remote: SocketAddr) -> io::Result<UdpSocket> {
    let socket = match remote {
        SocketAddr::V4(_) => UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0)),
        SocketAddr::V6(_) => UdpSocket::bind((Ipv6Addr::UNSPECIFIED, 0)),
    }?;
    socket.connect(remote)?;
    socket.set_nonblocking(true)?;
    Ok(socket)
}

fn timespec(duration: Duration) -> Timespec {
    Timespec {
        tv_sec: i64::try_from(duration.as_secs()).unwrap_or(i64::MAX),
        tv_nsec: duration.subsec_nanos().into(),
    }
}
