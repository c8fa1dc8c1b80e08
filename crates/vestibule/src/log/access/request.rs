//! What a record of one HTTP request says.

use std::{
    fmt::{self, Display},
    time::Duration,
};

use hyper::Version;
use jiff::Timestamp;
use serde::Serialize;
use vestibule_config::LogFormat;

use super::record::{Show, Time, Word, write_line};
use crate::{
    addr::{ClientAddr, PeerAddr},
    worker::ConnId,
};

/// One record. Holds what clients write in the head of a request: never its query, which may be
/// secret, and no other field than Host.
#[derive(Debug)]
pub(crate) struct RequestRecord<'a> {
    /// That of the connection.
    pub(crate) id: ConnId,
    pub(crate) listener: &'a str,
    pub(crate) client: ClientAddr,
    pub(crate) peer: PeerAddr,
    pub(crate) service: &'a str,
    pub(crate) upstream: Option<&'a str>,
    /// What the client speaks.
    pub(crate) protocol: Version,
    pub(crate) method: &'a str,
    pub(crate) host: Option<&'a str>,
    pub(crate) path: &'a str,
    /// `None`: the client was gone before there was one.
    pub(crate) status: Option<u16>,
    /// Of the body of the request.
    pub(crate) bytes_in: u64,
    /// Of the body of the response.
    pub(crate) bytes_out: u64,
    pub(crate) duration: Duration,
    /// Why there is no whole response of a server.
    pub(crate) end: Option<&'a str>,
    pub(crate) reason: Option<&'a str>,
}

#[derive(Serialize)]
struct Line<'a> {
    time: Time,
    event: &'static str,
    id: Show<ConnId>,
    listener: &'a str,
    client: Show<ClientAddr>,
    peer: Option<Show<PeerAddr>>,
    service: &'a str,
    upstream: Option<&'a str>,
    protocol: &'static str,
    method: &'a str,
    host: Option<&'a str>,
    path: &'a str,
    status: Option<u16>,
    bytes_in: u64,
    bytes_out: u64,
    duration_ms: f64,
    end: Option<&'a str>,
    reason: Option<&'a str>,
}

impl RequestRecord<'_> {
    /// Appends the record, with a line feed, to `out`.
    pub(crate) fn write(&self, time: Timestamp, format: LogFormat, out: &mut Vec<u8>) {
        write_line(&self.line(time), format, out);
    }

    fn line(&self, time: Timestamp) -> Line<'_> {
        Line {
            time: Time(time),
            event: "request",
            id: Show(self.id),
            listener: self.listener,
            client: Show(self.client),
            peer: (self.client.0 != self.peer.0).then_some(Show(self.peer)),
            service: self.service,
            upstream: self.upstream,
            protocol: match self.protocol {
                Version::HTTP_10 => "HTTP/1.0",
                Version::HTTP_2 => "HTTP/2",
                _ => "HTTP/1.1",
            },
            method: self.method,
            host: self.host,
            path: self.path,
            status: self.status,
            bytes_in: self.bytes_in,
            bytes_out: self.bytes_out,
            duration_ms: (self.duration.as_secs_f64() * 1e6).round() / 1e3,
            end: self.end,
            reason: self.reason,
        }
    }
}

impl Display for Line<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (time, id, client) = (&self.time.0, &self.id.0, &self.client.0);
        let listener = Word(self.listener);
        write!(
            f,
            "{time:.6} request id={id} listener={listener} client={client}"
        )?;
        if let Some(peer) = &self.peer {
            write!(f, " peer={}", peer.0)?;
        }
        for (key, value) in [
            ("service", Some(self.service)),
            ("upstream", self.upstream),
            ("protocol", Some(self.protocol)),
            ("method", Some(self.method)),
            ("host", self.host),
            ("path", Some(self.path)),
        ] {
            if let Some(value) = value {
                write!(f, " {key}={}", Word(value))?;
            }
        }
        if let Some(status) = self.status {
            write!(f, " status={status}")?;
        }
        write!(
            f,
            " bytes_in={} bytes_out={} duration_ms={}",
            self.bytes_in, self.bytes_out, self.duration_ms
        )?;
        for (key, value) in [("end", self.end), ("reason", self.reason)] {
            if let Some(value) = value {
                write!(f, " {key}={}", Word(value))?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::addr::Endpoint;

    fn written(format: LogFormat) -> String {
        let endpoint = |text: &str| Endpoint::ip(text.parse().unwrap());
        let record = RequestRecord {
            id: ConnId {
                worker: 1,
                number: 7,
            },
            listener: "web",
            client: ClientAddr(endpoint("192.0.2.1:40000")),
            peer: PeerAddr(endpoint("192.0.2.1:40000")),
            service: "site",
            upstream: Some("127.0.0.1:8080"),
            protocol: Version::HTTP_2,
            method: "GET",
            host: Some("example.org"),
            path: "/a=b",
            status: Some(504),
            bytes_in: 0,
            bytes_out: 12,
            duration: Duration::from_micros(1500),
            end: Some("http_response_timeout"),
            reason: None,
        };
        let mut out = Vec::new();
        record.write(Timestamp::UNIX_EPOCH, format, &mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn text() {
        assert_eq!(
            written(LogFormat::Text),
            "1970-01-01T00:00:00.000000Z request id=1-7 listener=web client=192.0.2.1:40000 \
             service=site upstream=127.0.0.1:8080 protocol=HTTP/2 method=GET host=example.org \
             path=\"/a=b\" status=504 bytes_in=0 bytes_out=12 duration_ms=1.5 \
             end=http_response_timeout\n"
        );
    }

    #[test]
    fn json() {
        let value: serde_json::Value = serde_json::from_str(&written(LogFormat::Json)).unwrap();
        assert_eq!(value["event"], "request");
        assert_eq!(value["status"], 504);
        assert_eq!(value["path"], "/a=b");
        assert_eq!(value["peer"], serde_json::Value::Null);
    }
}
