//! What a record of one request of a component says.

use std::fmt::{self, Display};

use jiff::Timestamp;
use serde::Serialize;
use vestibule_config::LogFormat;
use vestibule_xmpp::component::RequestRecord;

use super::record::{Time, Word, write_line};

/// One record. Holds addresses and the namespace that the requester has written; never payload.
#[derive(Debug)]
pub(crate) struct ComponentRecord<'a> {
    /// The domain of the component.
    pub(crate) component: &'a str,
    pub(crate) record: RequestRecord,
}

#[derive(Serialize)]
struct Line<'a> {
    time: Time,
    event: &'static str,
    component: &'a str,
    from: &'a str,
    to: &'a str,
    resource: Option<&'a str>,
    #[serde(rename = "type")]
    kind: &'static str,
    namespace: &'a str,
    outcome: &'static str,
    attempts: u32,
    duration_ms: f64,
}

impl ComponentRecord<'_> {
    /// Appends the record, with a line feed, to `out`.
    pub(crate) fn write(&self, time: Timestamp, format: LogFormat, out: &mut Vec<u8>) {
        write_line(&self.line(time), format, out);
    }

    fn line(&self, time: Timestamp) -> Line<'_> {
        let record = &self.record;
        Line {
            time: Time(time),
            event: "component_request",
            component: self.component,
            from: &record.from,
            to: &record.to,
            resource: record.resource.as_deref(),
            kind: if record.is_set { "set" } else { "get" },
            namespace: &record.namespace,
            outcome: record.outcome.name(),
            attempts: record.attempts,
            duration_ms: (record.took.as_secs_f64() * 1e6).round() / 1e3,
        }
    }
}

impl Display for Line<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:.6} {}", self.time.0, self.event)?;
        for (key, value) in [
            ("component", Some(self.component)),
            ("from", Some(self.from)),
            ("to", Some(self.to)),
            ("resource", self.resource),
            ("type", Some(self.kind)),
            ("namespace", Some(self.namespace)),
            ("outcome", Some(self.outcome)),
        ] {
            if let Some(value) = value {
                write!(f, " {key}={}", Word(value))?;
            }
        }
        let (attempts, duration) = (self.attempts, self.duration_ms);
        write!(f, " attempts={attempts} duration_ms={duration}")
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use vestibule_xmpp::component::Outcome;

    use super::*;

    fn written(format: LogFormat, resource: Option<&str>) -> String {
        let record = ComponentRecord {
            component: "proxy.example",
            record: RequestRecord {
                from: "user@example.org/a b".to_owned(),
                to: "proxy.example".to_owned(),
                resource: resource.map(ToOwned::to_owned),
                is_set: true,
                namespace: "jabber:iq:version".to_owned(),
                outcome: Outcome::TimedOut,
                attempts: 2,
                took: Duration::from_micros(1500),
            },
        };
        let mut out = Vec::new();
        record.write(Timestamp::UNIX_EPOCH, format, &mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn text() {
        assert_eq!(
            written(LogFormat::Text, Some("bot@example.org/1")),
            "1970-01-01T00:00:00.000000Z component_request component=proxy.example \
             from=\"user@example.org/a b\" to=proxy.example resource=bot@example.org/1 type=set \
             namespace=jabber:iq:version outcome=timed_out attempts=2 duration_ms=1.5\n"
        );
        assert!(!written(LogFormat::Text, None).contains("resource"));
    }

    #[test]
    fn json() {
        let value: serde_json::Value =
            serde_json::from_str(&written(LogFormat::Json, None)).unwrap();
        assert_eq!(value["event"], "component_request");
        assert_eq!(value["type"], "set");
        assert_eq!(value["outcome"], "timed_out");
        assert_eq!(value["resource"], serde_json::Value::Null);
    }
}
