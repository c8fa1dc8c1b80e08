//! What a record of one exchange of a low bandwidth gateway says, and one of an association.

#[cfg(test)]
mod tests;

use std::{
    fmt::{self, Display},
    net::SocketAddr,
    time::Duration,
};

use hyper::Method;
use jiff::Timestamp;
use serde::Serialize;
use vestibule_config::LogFormat;
use vestibule_dtls::server::{Closed, Meter};
use vestibule_lowband::gateway::{Exchange, Finished, Outcome, TokenDigest};

use super::record::{Show, Time, Word, write_line};
use crate::low_bandwidth::meters::Transport;

/// One record of an exchange. Holds the path that the homeserver is asked for, without its query; never
/// a token, for which a digest stands, or a body.
#[derive(Debug)]
pub(crate) struct ExchangeRecord<'a> {
    /// The name of the gateway.
    pub(crate) gateway: &'a str,
    /// As `show associations` names it.
    pub(crate) association: &'a str,
    /// Where the client is now.
    pub(crate) client: SocketAddr,
    pub(crate) finished: &'a Finished,
}

/// One record of an association, at its end.
#[derive(Debug)]
pub(crate) struct AssociationRecord<'a> {
    /// The name of the gateway.
    pub(crate) gateway: &'a str,
    /// As the records of its exchanges name it.
    pub(crate) association: &'a str,
    /// Where the client was last.
    pub(crate) client: SocketAddr,
    /// What was between.
    pub(crate) version: Transport,
    /// Whether an earlier one was resumed.
    pub(crate) resumed: bool,
    /// Whether it was found by a Connection ID.
    pub(crate) connection_id: bool,
    /// Stands for the access token that was used last.
    pub(crate) user: Option<TokenDigest>,
    /// What it has carried.
    pub(crate) meter: Meter,
    /// The bytes of it that the handshake took; 0 without DTLS.
    pub(crate) handshake_bytes: u64,
    /// Requests, registers and notifications that have come to their end.
    pub(crate) exchanges: u64,
    /// From its beginning.
    pub(crate) duration: Duration,
    pub(crate) why: Closed,
}

#[derive(Serialize)]
struct ExchangeLine<'a> {
    time: Time,
    event: &'static str,
    gateway: &'a str,
    association: &'a str,
    client: SocketAddr,
    user: Option<Show<TokenDigest>>,
    method: Option<&'a str>,
    path: Option<&'a str>,
    code: Option<Show<vestibule_coap::Code>>,
    status: Option<u16>,
    refusal: Option<&'static str>,
    bytes_in: usize,
    bytes_out: usize,
    duration_ms: f64,
    end: &'static str,
}

#[derive(Serialize)]
struct AssociationLine<'a> {
    time: Time,
    event: &'static str,
    gateway: &'a str,
    association: &'a str,
    client: SocketAddr,
    version: &'static str,
    resumed: bool,
    connection_id: bool,
    user: Option<Show<TokenDigest>>,
    datagrams_in: u64,
    datagrams_out: u64,
    bytes_in: u64,
    bytes_out: u64,
    handshake_bytes: u64,
    exchanges: u64,
    duration_ms: f64,
    end: &'static str,
    reason: Option<String>,
}

impl ExchangeRecord<'_> {
    /// Appends the record, with a line feed, to `out`.
    pub(crate) fn write(&self, time: Timestamp, format: LogFormat, out: &mut Vec<u8>) {
        write_line(&self.line(time), format, out);
    }

    fn line(&self, time: Timestamp) -> ExchangeLine<'_> {
        let finished = self.finished;
        let (status, refusal) = match finished.outcome {
            Outcome::Answered {
                status, refusal, ..
            } => (status, refusal),
            _ => (None, None),
        };
        ExchangeLine {
            time: Time(time),
            event: match finished.exchange {
                Exchange::Request => "lb_request",
                Exchange::Register => "lb_register",
                Exchange::Notification => "lb_notification",
            },
            gateway: self.gateway,
            association: self.association,
            client: self.client,
            user: finished.token.map(Show),
            method: finished.method.as_ref().map(Method::as_str),
            path: finished.path.as_deref(),
            code: finished.outcome.code().map(Show),
            status: status.map(|status| status.as_u16()),
            refusal,
            bytes_in: finished.received,
            bytes_out: finished.sent,
            duration_ms: milliseconds(finished.duration),
            end: finished.outcome.name(),
        }
    }
}

impl AssociationRecord<'_> {
    /// Appends the record, with a line feed, to `out`.
    pub(crate) fn write(&self, time: Timestamp, format: LogFormat, out: &mut Vec<u8>) {
        write_line(&self.line(time), format, out);
    }

    fn line(&self, time: Timestamp) -> AssociationLine<'_> {
        AssociationLine {
            time: Time(time),
            event: "association",
            gateway: self.gateway,
            association: self.association,
            client: self.client,
            version: self.version.name(),
            resumed: self.resumed,
            connection_id: self.connection_id,
            user: self.user.map(Show),
            datagrams_in: self.meter.datagrams_in,
            datagrams_out: self.meter.datagrams_out,
            bytes_in: self.meter.bytes_in,
            bytes_out: self.meter.bytes_out,
            handshake_bytes: self.handshake_bytes,
            exchanges: self.exchanges,
            duration_ms: milliseconds(self.duration),
            end: self.why.name(),
            reason: match self.why {
                Closed::Fault(fault) => Some(fault.to_string()),
                _ => None,
            },
        }
    }
}

impl Display for ExchangeLine<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:.6} {}", self.time.0, self.event)?;
        who(f, self.gateway, self.association, self.client)?;
        if let Some(user) = &self.user {
            write!(f, " user={}", user.0)?;
        }
        for (key, value) in [("method", self.method), ("path", self.path)] {
            if let Some(value) = value {
                write!(f, " {key}={}", Word(value))?;
            }
        }
        if let Some(code) = &self.code {
            write!(f, " code={}", code.0)?;
        }
        if let Some(status) = self.status {
            write!(f, " status={status}")?;
        }
        if let Some(refusal) = self.refusal {
            write!(f, " refusal={refusal}")?;
        }
        write!(
            f,
            " bytes_in={} bytes_out={} duration_ms={} end={}",
            self.bytes_in, self.bytes_out, self.duration_ms, self.end
        )
    }
}

impl Display for AssociationLine<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:.6} {}", self.time.0, self.event)?;
        who(f, self.gateway, self.association, self.client)?;
        let (version, resumed, id) = (self.version, self.resumed, self.connection_id);
        write!(f, " version={version} resumed={resumed} connection_id={id}")?;
        if let Some(user) = &self.user {
            write!(f, " user={}", user.0)?;
        }
        for (key, value) in [
            ("datagrams_in", self.datagrams_in),
            ("datagrams_out", self.datagrams_out),
            ("bytes_in", self.bytes_in),
            ("bytes_out", self.bytes_out),
            ("handshake_bytes", self.handshake_bytes),
            ("exchanges", self.exchanges),
        ] {
            write!(f, " {key}={value}")?;
        }
        write!(f, " duration_ms={} end={}", self.duration_ms, self.end)?;
        if let Some(reason) = &self.reason {
            write!(f, " reason={}", Word(reason))?;
        }
        Ok(())
    }
}

/// What both begin with.
fn who(
    f: &mut fmt::Formatter<'_>,
    gateway: &str,
    association: &str,
    client: SocketAddr,
) -> fmt::Result {
    let (gateway, association) = (Word(gateway), Word(association));
    write!(
        f,
        " gateway={gateway} association={association} client={client}"
    )
}

/// In thousandths.
fn milliseconds(duration: Duration) -> f64 {
    (duration.as_secs_f64() * 1e6).round() / 1e3
}
