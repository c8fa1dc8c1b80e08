//! What an access record says, as text and as JSON.

use std::{
    fmt::{self, Write as _},
    io::Write,
    time::Duration,
};

use jiff::Timestamp;
use serde::Serialize;
use vestibule_config::LogFormat;
use vestibule_peek::tls::Ja4;

use crate::{
    addr::{ClientAddr, OriginalDst, PeerAddr},
    ending::Ending,
    identity::HeaderKind,
    worker::ConnId,
};

/// Why a record is written.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Event<'a> {
    /// The connection ended like this.
    Close(&'a Ending),
    /// The connection has been open for long.
    Open,
}

/// One record. Holds addresses, names of the configuration and numbers; never payload.
#[derive(Debug)]
pub(crate) struct Record<'a> {
    pub(crate) event: Event<'a>,
    pub(crate) id: ConnId,
    pub(crate) listener: &'a str,
    pub(crate) client: ClientAddr,
    pub(crate) peer: PeerAddr,
    /// Who the client has proved to be to the explicit proxy.
    pub(crate) user: Option<&'a str>,
    pub(crate) destination: Option<OriginalDst>,
    pub(crate) header: Option<HeaderKind>,
    pub(crate) service: Option<&'a str>,
    pub(crate) upstream: Option<&'a str>,
    /// The first proxy on the way there.
    pub(crate) via: Option<&'a str>,
    /// How the explicit proxy has answered.
    pub(crate) status: Option<u16>,
    pub(crate) sni: Option<&'a str>,
    pub(crate) alpn: Option<&'a [u8]>,
    pub(crate) ja4: Option<Ja4>,
    /// The version that ends here.
    pub(crate) tls: Option<&'static str>,
    pub(crate) cipher: Option<&'static str>,
    /// The common name of the client's certificate.
    pub(crate) client_cn: Option<&'a str>,
    /// The version towards the upstream.
    pub(crate) upstream_tls: Option<&'static str>,
    pub(crate) bytes_in: u64,
    pub(crate) bytes_out: u64,
    pub(crate) duration: Duration,
}

#[derive(Serialize)]
struct Line<'a> {
    time: Time,
    event: &'static str,
    id: Show<ConnId>,
    listener: &'a str,
    client: Show<ClientAddr>,
    peer: Option<Show<PeerAddr>>,
    user: Option<&'a str>,
    destination: Option<Show<OriginalDst>>,
    proxy_version: Option<&'static str>,
    service: Option<&'a str>,
    upstream: Option<&'a str>,
    via: Option<&'a str>,
    status: Option<u16>,
    sni: Option<&'a str>,
    alpn: Option<String>,
    ja4: Option<Show<Ja4>>,
    tls: Option<&'static str>,
    cipher: Option<&'static str>,
    client_cn: Option<&'a str>,
    upstream_tls: Option<&'static str>,
    bytes_in: u64,
    bytes_out: u64,
    duration_ms: f64,
    end: Option<&'static str>,
    ended_by: Option<&'static str>,
    reason: Option<String>,
}

/// A protocol of ALPN for people: what is not text, such as GREASE, in hexadecimal digits.
pub(crate) fn protocol(alpn: &[u8]) -> String {
    match std::str::from_utf8(alpn) {
        Ok(text) => text.to_owned(),
        Err(_) => alpn.iter().fold("hex:".to_owned(), |mut text, byte| {
            // Writing to a string cannot fail.
            let _ = write!(text, "{byte:02x}");
            text
        }),
    }
}

/// RFC 3339, in microseconds.
pub(super) struct Time(pub(super) Timestamp);

impl Serialize for Time {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&format_args!("{:.6}", self.0))
    }
}

/// Serialized as it is shown.
pub(super) struct Show<T>(pub(super) T);

impl<T: fmt::Display> Serialize for Show<T> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}

/// Appends a record, with a line feed, to `out`.
pub(super) fn write_line<L>(line: &L, format: LogFormat, out: &mut Vec<u8>)
where
    L: fmt::Display + Serialize,
{
    match format {
        LogFormat::Json => {
            // Writing these types to memory cannot fail.
            let _ = serde_json::to_writer(&mut *out, line);
            out.push(b'\n');
        }
        LogFormat::Text => {
            let _ = writeln!(out, "{line}");
        }
    }
}

impl Record<'_> {
    /// Appends the record, with a line feed, to `out`.
    pub(crate) fn write(&self, time: Timestamp, format: LogFormat, out: &mut Vec<u8>) {
        write_line(&self.line(time), format, out);
    }

    fn line(&self, time: Timestamp) -> Line<'_> {
        let ending = match self.event {
            Event::Close(ending) => Some(ending),
            Event::Open => None,
        };
        Line {
            time: Time(time),
            event: if ending.is_some() { "close" } else { "open" },
            id: Show(self.id),
            listener: self.listener,
            client: Show(self.client),
            peer: (self.client.0 != self.peer.0).then_some(Show(self.peer)),
            user: self.user,
            destination: self.destination.map(Show),
            proxy_version: self.header.map(HeaderKind::name),
            service: self.service,
            upstream: self.upstream,
            via: self.via,
            status: self.status,
            sni: self.sni,
            alpn: self.alpn.map(protocol),
            ja4: self.ja4.map(Show),
            tls: self.tls,
            cipher: self.cipher,
            client_cn: self.client_cn,
            upstream_tls: self.upstream_tls,
            bytes_in: self.bytes_in,
            bytes_out: self.bytes_out,
            duration_ms: (self.duration.as_secs_f64() * 1e6).round() / 1e3,
            end: ending.map(Ending::name),
            ended_by: ending.map(|ending| ending.party().name()),
            reason: ending.and_then(Ending::reason),
        }
    }
}

impl fmt::Display for Line<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{:.6} {} id={} listener={} client={}",
            self.time.0,
            self.event,
            self.id.0,
            Word(self.listener),
            self.client.0
        )?;
        if let Some(peer) = &self.peer {
            write!(f, " peer={}", peer.0)?;
        }
        if let Some(user) = self.user {
            write!(f, " user={}", Word(user))?;
        }
        if let Some(destination) = &self.destination {
            write!(f, " destination={}", destination.0)?;
        }
        for (key, value) in [
            ("proxy_version", self.proxy_version),
            ("service", self.service),
            ("upstream", self.upstream),
            ("via", self.via),
            ("sni", self.sni),
            ("alpn", self.alpn.as_deref()),
        ] {
            if let Some(value) = value {
                write!(f, " {key}={}", Word(value))?;
            }
        }
        if let Some(ja4) = &self.ja4 {
            write!(f, " ja4={}", ja4.0)?;
        }
        if let Some(status) = self.status {
            write!(f, " status={status}")?;
        }
        for (key, value) in [
            ("tls", self.tls),
            ("cipher", self.cipher),
            ("client_cn", self.client_cn),
            ("upstream_tls", self.upstream_tls),
        ] {
            if let Some(value) = value {
                write!(f, " {key}={}", Word(value))?;
            }
        }
        write!(
            f,
            " bytes_in={} bytes_out={} duration_ms={}",
            self.bytes_in, self.bytes_out, self.duration_ms
        )?;
        for (key, value) in [
            ("end", self.end),
            ("ended_by", self.ended_by),
            ("reason", self.reason.as_deref()),
        ] {
            if let Some(value) = value {
                write!(f, " {key}={}", Word(value))?;
            }
        }
        Ok(())
    }
}

/// A value of a text record: quoted when it is not one plain word.
pub(super) struct Word<'a>(pub(super) &'a str);

impl fmt::Display for Word<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let plain = |c: char| c.is_ascii_graphic() && !matches!(c, '"' | '\\' | '=');
        if !self.0.is_empty() && self.0.chars().all(plain) {
            return f.write_str(self.0);
        }
        f.write_char('"')?;
        for c in self.0.chars() {
            match c {
                '"' | '\\' => write!(f, "\\{c}")?,
                c if c.is_control() => write!(f, "{}", c.escape_default())?,
                c => f.write_char(c)?,
            }
        }
        f.write_char('"')
    }
}

#[cfg(test)]
mod tests {
    use std::io;

    use super::*;
    use crate::addr::Endpoint;

    fn written(format: LogFormat, event: Event<'_>, listener: &str) -> String {
        let endpoint = |text: &str| Endpoint::ip(text.parse().unwrap());
        let record = Record {
            event,
            id: ConnId {
                worker: 1,
                number: 7,
            },
            listener,
            client: ClientAddr(endpoint("192.0.2.1:40000")),
            peer: PeerAddr(endpoint("127.0.0.1:9")),
            user: None,
            destination: Some(OriginalDst(endpoint("198.51.100.1:5222"))),
            header: Some(HeaderKind::V2),
            service: Some("c2s"),
            upstream: Some("127.0.0.1:5222"),
            via: None,
            status: None,
            sni: Some("chat.example.org"),
            alpn: Some(b"xmpp-client"),
            ja4: None,
            tls: Some("TLSv1.3"),
            cipher: Some("TLS_AES_256_GCM_SHA384"),
            client_cn: None,
            upstream_tls: None,
            bytes_in: 3,
            bytes_out: 4,
            duration: Duration::from_micros(1500),
        };
        let mut out = Vec::new();
        record.write(Timestamp::UNIX_EPOCH, format, &mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn text() {
        let refused = Ending::ConnectFailed(io::Error::other("nobody \"home\""));
        assert_eq!(
            written(LogFormat::Text, Event::Close(&refused), "in front"),
            "1970-01-01T00:00:00.000000Z close id=1-7 listener=\"in front\" client=192.0.2.1:40000 \
             peer=127.0.0.1:9 destination=198.51.100.1:5222 proxy_version=v2 service=c2s \
             upstream=127.0.0.1:5222 sni=chat.example.org alpn=xmpp-client tls=TLSv1.3 \
             cipher=TLS_AES_256_GCM_SHA384 bytes_in=3 bytes_out=4 duration_ms=1.5 end=connect_failed \
             ended_by=upstream reason=\"nobody \\\"home\\\"\"\n"
        );
    }

    #[test]
    fn json() {
        let line = written(LogFormat::Json, Event::Open, "in");
        assert_eq!(line.matches('\n').count(), 1);
        let value: serde_json::Value = serde_json::from_str(&line).unwrap();
        assert_eq!(value["event"], "open");
        assert_eq!(value["client"], "192.0.2.1:40000");
        assert_eq!(value["peer"], "127.0.0.1:9");
        assert_eq!(value["duration_ms"], 1.5);
        assert_eq!(value["end"], serde_json::Value::Null);
    }
}
