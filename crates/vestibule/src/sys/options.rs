//! Socket options of both legs.

use std::{io, num::NonZeroU32, time::Duration};

use socket2::{SockRef, Socket, TcpKeepalive};
use tokio::net::TcpStream;

/// `[tcp]`, and what every TCP connection gets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct TcpOptions(vestibule_config::Tcp);

impl TcpOptions {
    /// What the configuration says.
    pub(crate) fn new(config: &vestibule_config::Tcp) -> Self {
        Self(config.clone())
    }

    /// The firewall mark of connections that we open.
    pub(crate) fn mark(&self) -> Option<NonZeroU32> {
        self.0.mark
    }

    /// Sets those on a socket that is to be connected which cannot wait for [`Self::settle`]. Most
    /// connections are over before, and each option is a system call.
    pub(crate) fn begin(&self, socket: &Socket) -> io::Result<()> {
        let waits = |time: Option<Duration>| time.is_none_or(|time| time >= Self::SETTLED);
        match waits(self.0.keepalive_idle) && waits(self.0.user_timeout) {
            true => socket.set_tcp_nodelay(true),
            false => self.apply(socket),
        }
    }

    /// Sets the rest of them, on a connection that is [`Self::SETTLED`] old. Before that, none of them
    /// would have had an effect.
    pub(crate) fn settle(&self, socket: &TcpStream) -> io::Result<()> {
        self.apply(&SockRef::from(socket))
    }

    /// How long a connection lasts before [`Self::settle`].
    pub(crate) const SETTLED: Duration = Duration::from_secs(60);

    /// Sets them, all but the mark. On a listening socket they hold for the connections that it accepts.
    pub(crate) fn apply(&self, socket: &Socket) -> io::Result<()> {
        let config = &self.0;
        socket.set_tcp_nodelay(true)?;
        match config.keepalive_idle {
            None => socket.set_keepalive(false)?,
            Some(idle) => socket.set_tcp_keepalive(
                &TcpKeepalive::new()
                    .with_time(idle)
                    .with_interval(config.keepalive_interval),
            )?,
        }
        socket.set_tcp_user_timeout(Some(config.user_timeout.unwrap_or(Duration::ZERO)))
    }
}
