//! A leg as hyper reads and writes it.

use std::{
    cell::Cell,
    io,
    pin::Pin,
    rc::Rc,
    task::{Context, Poll, ready},
};

use hyper::rt::{Read, ReadBufCursor, Write};
use tokio::sync::Notify;

use crate::{low_bandwidth::upstream::scratch::Scratch, relay::Leg};

/// A leg, and what is told of its begin.
pub(in super::super) struct Io {
    leg: Leg,
    scratch: Rc<Scratch>,
    begin: Rc<Begin>,
}

/// How a connection begins: the server must say something first (RFC 9113 section 3.4).
#[derive(Default)]
pub(in super::super) struct Begin {
    stage: Cell<Stage>,
    told: Notify,
}

#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum Stage {
    /// Nothing has come.
    #[default]
    Silent,
    /// Something has come, and may be looked at.
    Heard,
    /// What has come was looked at, and more is waited for.
    Settled,
    /// The connection is over.
    Over,
}

impl Io {
    /// On a new connection.
    pub(in super::super) fn new(leg: Leg, scratch: Rc<Scratch>) -> (Self, Rc<Begin>) {
        let begin = Rc::new(Begin::default());
        let io = Self {
            leg,
            scratch,
            begin: Rc::clone(&begin),
        };
        (io, begin)
    }
}

impl Begin {
    /// Waits until what the server has said first was looked at; whether the connection lives then.
    pub(in super::super) async fn is_good(&self) -> bool {
        loop {
            match self.stage.get() {
                Stage::Settled => return true,
                Stage::Over => return false,
                Stage::Silent | Stage::Heard => self.told.notified().await,
            }
        }
    }

    fn enter(&self, stage: Stage) {
        self.stage.set(stage);
        self.told.notify_one();
    }
}

impl Drop for Io {
    fn drop(&mut self) {
        self.begin.enter(Stage::Over);
    }
}

impl Read for Io {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        mut buffer: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        let Self {
            leg,
            scratch,
            begin,
        } = &mut *self;
        // hyper's buffer is not initialized, and to fill it with zeroes costs more than to copy.
        scratch.with(|scratch| {
            let room = buffer.remaining().min(scratch.len());
            let Poll::Ready(read) = leg.poll_read(cx, &mut scratch[..room]) else {
                if begin.stage.get() == Stage::Heard {
                    begin.enter(Stage::Settled);
                }
                return Poll::Pending;
            };
            let n = read?;
            if begin.stage.get() == Stage::Silent {
                begin.enter(Stage::Heard);
            }
            buffer.put_slice(&scratch[..n]);
            Poll::Ready(Ok(()))
        })
    }
}

impl Write for Io {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.leg.poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.leg.poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.leg.poll_flush(cx))?;
        self.leg.poll_shut_down(cx)
    }
}
