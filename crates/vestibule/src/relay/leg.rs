//! One side of a relay: a stream socket, plain or with TLS on it.

use std::{
    future::poll_fn,
    io,
    task::{Context, Poll, ready},
};

use super::Stream;
use crate::tls::{ClientCertificate, TlsStream};

/// One side of a relay. Bytes are plaintext.
#[derive(Debug)]
pub(crate) enum Leg {
    /// As the socket carries them.
    Plain(Stream),
    /// By TLS.
    Tls(Box<TlsStream>),
}

impl Leg {
    /// The socket.
    pub(crate) fn socket(&self) -> &Stream {
        match self {
            Self::Plain(stream) => stream,
            Self::Tls(stream) => stream.socket(),
        }
    }

    /// The certificate that the peer has shown and that was verified.
    pub(crate) fn client_certificate(&self) -> Option<ClientCertificate<'_>> {
        match self {
            Self::Plain(_) => None,
            Self::Tls(stream) => stream.peer_certificate(),
        }
    }

    /// Whether it speaks TLS.
    pub(crate) fn is_tls(&self) -> bool {
        matches!(self, Self::Tls(_))
    }

    /// Reads into `buffer`; 0 is the end in order: FIN, or close_notify.
    pub(crate) fn poll_read(
        &mut self,
        cx: &mut Context<'_>,
        buffer: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        match self {
            Self::Plain(stream) => stream.poll_read(cx, buffer),
            Self::Tls(stream) => stream.poll_read(cx, buffer),
        }
    }

    /// Writes some of `bytes`. With TLS, what was taken may still have to be flushed.
    pub(crate) fn poll_write(
        &mut self,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        match self {
            Self::Plain(stream) => stream.poll_write(cx, bytes),
            Self::Tls(stream) => stream.poll_write(cx, bytes),
        }
    }

    /// Whether the socket has taken everything that was written.
    pub(crate) fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self {
            Self::Plain(_) => Poll::Ready(Ok(())),
            Self::Tls(stream) => stream.poll_flush(cx),
        }
    }

    /// Writes all of `bytes`, until the socket has taken them. Time is not limited here.
    pub(crate) async fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
        let mut sent = 0;
        poll_fn(|cx| {
            while sent < bytes.len() {
                sent += ready!(self.poll_write(cx, &bytes[sent..]))?;
            }
            self.poll_flush(cx)
        })
        .await
    }

    /// Bytes that were taken by [`Self::poll_write`] and not by the socket yet.
    pub(crate) fn owed(&self) -> usize {
        match self {
            Self::Plain(_) => 0,
            Self::Tls(stream) => stream.owed(),
        }
    }

    /// Says the end: FIN, with TLS after close_notify.
    pub(crate) fn poll_shut_down(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self {
            Self::Plain(stream) => Poll::Ready(stream.shut_down_write()),
            Self::Tls(stream) => stream.poll_shut_down(cx),
        }
    }

    /// Bytes written that the peer has not taken yet.
    pub(crate) fn unacknowledged(&self) -> usize {
        match self {
            Self::Plain(stream) => stream.unacknowledged(),
            Self::Tls(stream) => stream.unacknowledged(),
        }
    }

    /// See [`Stream::closed_in_order`].
    pub(crate) fn closed_in_order(&self, error: &io::Error) -> bool {
        self.socket().closed_in_order(error)
    }

    /// See [`Stream::has_failed`].
    pub(crate) fn has_failed(&self) -> bool {
        self.socket().has_failed()
    }

    /// See [`Stream::reset_on_close`].
    pub(crate) fn reset_on_close(&self) {
        self.socket().reset_on_close();
    }
}
