//! A leg as hyper reads and writes it.

use std::{
    cell::{Cell, RefCell},
    io,
    pin::Pin,
    rc::Rc,
    sync::Arc,
    task::{Context, Poll, Waker, ready},
};

use hyper::{
    http::request::Parts,
    rt::{Read, ReadBufCursor, Write},
};

use super::watch::Watch;
use crate::{
    ending::Party,
    plan::Service,
    relay::Leg,
    worker::{Connection, Tick, Worker},
};

/// Reads in one turn, of a client that never stops. One of HTTP/2 may have thousands of frames in
/// each, and all others wait meanwhile.
const READS: u32 = 2;

/// A leg, with what has come from it already and what it is still owed.
pub(super) struct Io {
    leg: Leg,
    flow: Rc<Flow>,
    /// Read before anything else, from this place on.
    unread: (Vec<u8>, usize),
    /// Written before anything else, from this place on.
    owed: (Vec<u8>, usize),
    /// Whether FIN is left to whoever takes the leg back.
    keeps_open: bool,
    /// Reads since there was nothing to read, or everybody else had a turn.
    reads: u32,
}

/// What has moved on a leg. Bytes of clients are counted in all statistics.
pub(super) struct Flow {
    worker: Rc<Worker>,
    connection: Rc<Connection>,
    service: Arc<Service>,
    party: Party,
    /// When a byte has moved last.
    active: Cell<Tick>,
    /// Bytes that came.
    got: Cell<u64>,
    /// Whether FIN has come.
    ended: Cell<bool>,
    /// Whether FIN only says that there will be no other request.
    holds_end: Cell<bool>,
    /// Who waits for FIN that is held back.
    held: RefCell<Option<Waker>>,
    /// Who has taken all that it was given of the body of a request, and waits for more.
    taker: RefCell<Option<Waker>>,
    /// How reading or writing has failed first.
    failed: Cell<Option<io::ErrorKind>>,
    /// Whether the leg has taken all that was written.
    flushed: Cell<bool>,
    /// The head of a request, as it came.
    watch: RefCell<Watch>,
}

impl Io {
    /// `leg`, from which `unread` has come, and to which `owed` must be written first. Neither is
    /// counted.
    pub(super) fn new(leg: Leg, flow: Rc<Flow>, unread: Vec<u8>, owed: Vec<u8>) -> Self {
        flow.got.set(unread.len() as u64);
        Self {
            leg,
            flow,
            unread: (unread, 0),
            owed: (owed, 0),
            keeps_open: false,
            reads: 0,
        }
    }

    /// Leaves FIN to whoever takes the leg back.
    pub(super) fn kept_open(mut self) -> Self {
        self.keeps_open = true;
        self
    }

    /// The leg, and what was not read of what had come before.
    pub(super) fn into_leg(self) -> (Leg, Vec<u8>) {
        let (mut unread, from) = self.unread;
        unread.drain(..from);
        (self.leg, unread)
    }

    fn poll_owed(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let (owed, from) = &mut self.owed;
        while *from < owed.len() {
            match ready!(self.leg.poll_write(cx, &owed[*from..])) {
                Ok(n) => *from += n,
                Err(error) => return Poll::Ready(Err(self.flow.fails(error))),
            }
        }
        self.owed = (Vec::new(), 0);
        Poll::Ready(Ok(()))
    }
}

impl Flow {
    /// Of a leg towards `party`.
    pub(super) fn new(
        worker: &Rc<Worker>,
        connection: &Rc<Connection>,
        service: &Arc<Service>,
        party: Party,
    ) -> Rc<Self> {
        Rc::new(Self {
            worker: Rc::clone(worker),
            connection: Rc::clone(connection),
            service: Arc::clone(service),
            party,
            active: Cell::new(worker.timers.now()),
            got: Cell::new(0),
            ended: Cell::new(false),
            holds_end: Cell::new(false),
            held: RefCell::default(),
            taker: RefCell::default(),
            failed: Cell::new(None),
            flushed: Cell::new(true),
            watch: RefCell::new(Watch::Off),
        })
    }

    /// Looks at the heads of requests from now on, of which `received` has come.
    pub(super) fn watch_heads(&self, received: &[u8]) {
        let mut watch = Watch::new();
        watch.saw(received);
        self.watch.replace(watch);
    }

    /// The last request is answered.
    pub(super) fn watch_next_head(&self) {
        self.watch.borrow_mut().next();
    }

    /// A body was not read to its end: what comes behind it is not known to be a head.
    pub(super) fn lose_heads(&self) {
        self.watch.borrow_mut().lose();
    }

    /// Whether the head of `request` was seen, and has no Content-Length. Always with HTTP/2.
    pub(super) fn has_one_length(&self, request: &Parts) -> bool {
        self.watch.borrow().has_one_length(request)
    }

    /// Keeps FIN to itself from now on, or not any more. A client that has sent a whole request may
    /// close its side and wait for the response (RFC 9112 section 9.6); hyper would take it for
    /// gone, even before it is known here that it has read a body to its end. Nothing with HTTP/2,
    /// where FIN ends everything.
    pub(super) fn hold_end(&self, holds: bool) {
        self.holds_end.set(holds && self.is_http1());
        self.taker.take();
        if !holds && let Some(waker) = self.held.take() {
            waker.wake();
        }
    }

    /// The body of a request is not whole, and all that hyper has of it was taken. If FIN has come,
    /// hyper is told, because it waits for the rest; else whoever calls this is woken by FIN.
    pub(super) fn lacks_body(&self, cx: &Context<'_>) {
        if self.has_ended() {
            self.hold_end(false);
        } else if self.is_http1() {
            self.taker.replace(Some(cx.waker().clone()));
        }
    }

    /// FIN was held back. Who takes a body looks whether it lacks anything.
    fn holds(&self, waker: Waker) {
        self.held.replace(Some(waker));
        if let Some(taker) = self.taker.take() {
            taker.wake();
        }
    }

    /// Whether heads are watched, which those of HTTP/2 are not.
    pub(super) fn is_http1(&self) -> bool {
        !matches!(*self.watch.borrow(), Watch::Off)
    }

    /// When a byte has moved last, or [`Self::touch`] was called.
    pub(super) fn active(&self) -> Tick {
        self.active.get()
    }

    /// Says that silence begins now.
    pub(super) fn touch(&self) {
        self.active.set(self.worker.timers.now());
    }

    /// How many bytes have come.
    pub(super) fn got(&self) -> u64 {
        self.got.get()
    }

    /// Whether FIN has come.
    pub(super) fn has_ended(&self) -> bool {
        self.ended.get()
    }

    /// How reading or writing has failed first.
    pub(super) fn failure(&self) -> Option<io::ErrorKind> {
        self.failed.get()
    }

    /// Whether the leg has taken all that was written.
    pub(super) fn is_flushed(&self) -> bool {
        self.flushed.get()
    }

    fn read(&self, n: usize) {
        if n == 0 {
            return self.ended.set(true);
        }
        self.touch();
        let n = n as u64;
        self.got.set(self.got.get() + n);
        if self.party == Party::Client {
            self.connection
                .received
                .set(self.connection.received.get() + n);
            self.service.stats.received.add(self.worker.id, n);
        }
    }

    fn wrote(&self, n: usize) {
        self.touch();
        if self.party == Party::Client {
            let n = n as u64;
            self.connection.sent.set(self.connection.sent.get() + n);
            self.service.stats.sent.add(self.worker.id, n);
        }
    }

    fn fails(&self, error: io::Error) -> io::Error {
        if self.failed.get().is_none() {
            self.failed.set(Some(error.kind()));
        }
        error
    }
}

impl Read for Io {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        mut buffer: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        let this = &mut *self;
        let (unread, from) = &mut this.unread;
        if *from < unread.len() {
            let n = buffer.remaining().min(unread.len() - *from);
            buffer.put_slice(&unread[*from..*from + n]);
            *from += n;
            if *from == unread.len() {
                this.unread = (Vec::new(), 0);
            }
            return Poll::Ready(Ok(()));
        }
        if this.reads == READS {
            this.reads = 0;
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        let (leg, flow, reads) = (&mut this.leg, &this.flow, &mut this.reads);
        // By way of the scratch buffer: hyper's own is not initialized, and to fill it with zeroes
        // costs more than to copy what has come.
        flow.worker.with_scratch(|scratch| {
            let room = buffer.remaining().min(scratch.len());
            let Poll::Ready(read) = leg.poll_read(cx, &mut scratch[..room]) else {
                *reads = 0;
                return Poll::Pending;
            };
            *reads += 1;
            match read {
                Ok(0) if flow.holds_end.get() => {
                    flow.read(0);
                    *reads = 0;
                    flow.holds(cx.waker().clone());
                    Poll::Pending
                }
                Ok(n) => {
                    flow.read(n);
                    flow.watch.borrow_mut().saw(&scratch[..n]);
                    buffer.put_slice(&scratch[..n]);
                    Poll::Ready(Ok(()))
                }
                Err(error) => Poll::Ready(Err(flow.fails(error))),
            }
        })
    }
}

impl Write for Io {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.flow.flushed.set(false);
        ready!(self.poll_owed(cx))?;
        match ready!(self.leg.poll_write(cx, bytes)) {
            Ok(n) => {
                self.flow.wrote(n);
                Poll::Ready(Ok(n))
            }
            Err(error) => Poll::Ready(Err(self.flow.fails(error))),
        }
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        // hyper asks for this when it has handed everything over.
        match ready!(self.leg.poll_flush(cx)) {
            Ok(()) => {
                self.flow.flushed.set(true);
                Poll::Ready(Ok(()))
            }
            Err(error) => Poll::Ready(Err(self.flow.fails(error))),
        }
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.keeps_open {
            true => self.leg.poll_flush(cx),
            false => self.leg.poll_shut_down(cx),
        }
    }
}
