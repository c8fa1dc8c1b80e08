//! Socket options of both legs.

use std::{io, num::NonZeroU32, time::Duration};

use socket2::{Socket, TcpKeepalive};

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
