//! What came of it and what it cost, for `--json`, `--write-out` and `-v`.

#[cfg(test)]
mod tests;

use std::{fmt::Write as _, net::SocketAddr, str::FromStr, time::Instant};

use serde_json::{Map, Value, json};
use vestibule_coap::{ContentFormat, OptionNumber, endpoint::Response};

use super::{association::Opened, explain, format, meter::Meter};

/// All that is known at the end.
#[derive(Debug)]
pub(super) struct Report {
    values: Map<String, Value>,
}

/// A format with names to be filled in: `%{NAME}`, as curl has it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Template(Vec<Part>);

#[derive(Clone, Debug, Eq, PartialEq)]
enum Part {
    Text(String),
    Name(String),
}

/// What is to be reported beside what was counted.
#[derive(Debug, Default)]
pub(super) struct Outcome {
    pub(super) remote: Option<SocketAddr>,
    pub(super) opened: Option<Opened>,
    pub(super) response: Option<Response>,
    /// Bodies that were shown.
    pub(super) states: u64,
    /// Bytes of the body that was sent.
    pub(super) sent: usize,
}

/// What there is to be known, in the order in which it is shown.
const NAMES: [&str; 27] = [
    "code",
    "content_format",
    "body_bytes_up",
    "body_bytes_down",
    "states",
    "remote",
    "dtls",
    "suite",
    "resumed",
    "fingerprint",
    "datagrams_up",
    "datagrams_down",
    "bytes_up",
    "bytes_down",
    "ip_bytes_up",
    "ip_bytes_down",
    "handshake_datagrams_up",
    "handshake_datagrams_down",
    "handshake_bytes_up",
    "handshake_bytes_down",
    "handshake_ip_bytes_up",
    "handshake_ip_bytes_down",
    "retransmissions",
    "round_trips",
    "time_handshake",
    "time_total",
    "json",
];

impl Report {
    /// Puts together what was counted and what came of it.
    pub(super) fn new(meter: &Meter, outcome: &Outcome, now: Instant) -> Self {
        let (hands_up, hands_down, hands_time) = meter.handshake.unwrap_or_default();
        let ip = |count: super::meter::Count| outcome.remote.map(|it| count.with_headers(it));
        let response = outcome.response.as_ref();
        let number = response.and_then(|it| it.options.uint(OptionNumber::CONTENT_FORMAT));
        let format = number.map(|number| {
            let known = u16::try_from(number).ok().map(ContentFormat);
            let name = known.and_then(format::name);
            name.map_or_else(|| number.to_string(), str::to_owned)
        });
        let opened = outcome.opened.as_ref();
        let agreement = opened.map(|opened| &opened.agreement);
        let fingerprint = opened.and_then(|opened| opened.fingerprint);
        let seconds = |time: std::time::Duration| (time.as_secs_f64() * 1e6).round() / 1e6;
        let total = now.saturating_duration_since(meter.start);
        let values = json!({
            "code": response.map(|it| it.code.to_string()),
            "content_format": format,
            "body_bytes_up": outcome.sent,
            "body_bytes_down": response.map_or(0, |it| it.payload.len()),
            "states": outcome.states,
            "remote": outcome.remote.map(|it| it.to_string()),
            "dtls": agreement.map(|it| it.version.name()),
            "suite": agreement.map(|it| explain::suite(it.suite)),
            "resumed": agreement.map(|it| it.resumed),
            "fingerprint": fingerprint.map(|it| format!("sha256:{it}")),
            "datagrams_up": meter.up.datagrams,
            "datagrams_down": meter.down.datagrams,
            "bytes_up": meter.up.bytes,
            "bytes_down": meter.down.bytes,
            "ip_bytes_up": ip(meter.up),
            "ip_bytes_down": ip(meter.down),
            "handshake_datagrams_up": hands_up.datagrams,
            "handshake_datagrams_down": hands_down.datagrams,
            "handshake_bytes_up": hands_up.bytes,
            "handshake_bytes_down": hands_down.bytes,
            "handshake_ip_bytes_up": ip(hands_up),
            "handshake_ip_bytes_down": ip(hands_down),
            "retransmissions": meter.repeated,
            "round_trips": meter.round_trips,
            "time_handshake": meter.handshake.map(|_| seconds(hands_time)),
            "time_total": seconds(total),
        });
        let values = match values {
            Value::Object(values) => values,
            _ => Map::new(),
        };
        Self { values }
    }

    /// A line of JSON, in the order of [`NAMES`].
    pub(super) fn json(&self) -> String {
        let mut line = String::from("{");
        let known = NAMES
            .iter()
            .filter_map(|name| Some((name, self.values.get(*name)?)));
        for (at, (name, value)) in known.enumerate() {
            let comma = if at > 0 { "," } else { "" };
            // Writing to a string does not fail.
            let _ = write!(line, "{comma}\"{name}\":{value}");
        }
        line + "}"
    }

    /// The format with all names filled in. What is not known is empty.
    pub(super) fn fill(&self, template: &Template) -> String {
        let parts = template.0.iter().map(|part| match part {
            Part::Text(text) => text.clone(),
            Part::Name(name) if name == "json" => self.json(),
            Part::Name(name) => self.text(name),
        });
        parts.collect()
    }

    /// The cost for people, in lines.
    pub(super) fn summary(&self) -> Vec<String> {
        let mut lines = Vec::new();
        if self.values.get("dtls").is_some_and(|it| !it.is_null()) {
            lines.push(format!("the handshake: {}", self.cost("handshake_")));
        }
        let trips = counted(&self.text("round_trips"), "round trip");
        let (cost, time) = (self.cost(""), self.text("time_total"));
        lines.push(format!("all of it: {cost}; {trips}, {time} s"));
        lines
    }

    /// The cost of what the names with this beginning are about.
    fn cost(&self, prefix: &str) -> String {
        let text = |name: &str| self.text(&format!("{prefix}{name}"));
        format!(
            "{} bytes up in {}, {} down in {} ({} and {} with IP and UDP)",
            text("bytes_up"),
            counted(&text("datagrams_up"), "datagram"),
            text("bytes_down"),
            text("datagrams_down"),
            text("ip_bytes_up"),
            text("ip_bytes_down"),
        )
    }

    /// What is known under this name. What is not known is empty.
    fn text(&self, name: &str) -> String {
        match self.values.get(name) {
            None | Some(Value::Null) => String::new(),
            Some(Value::String(text)) => text.clone(),
            Some(value) => value.to_string(),
        }
    }
}

impl FromStr for Template {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let mut parts = Vec::new();
        let mut plain = String::new();
        let mut rest = text;
        while let Some(first) = rest.chars().next() {
            if let Some(after) = rest.strip_prefix("%{") {
                let (name, after) = after
                    .split_once('}')
                    .ok_or_else(|| "a %{ without a }".to_owned())?;
                if !NAMES.contains(&name) {
                    return Err(format!("there is {}", NAMES.join(", ")));
                }
                parts.push(Part::Text(std::mem::take(&mut plain)));
                parts.push(Part::Name(name.to_owned()));
                rest = after;
                continue;
            }
            let escapes = [
                ("%%", '%'),
                ("\\n", '\n'),
                ("\\r", '\r'),
                ("\\t", '\t'),
                ("\\\\", '\\'),
            ];
            let escape = escapes
                .iter()
                .find_map(|(escape, c)| Some((rest.strip_prefix(escape)?, *c)));
            let (after, c) = escape.unwrap_or((&rest[first.len_utf8()..], first));
            plain.push(c);
            rest = after;
        }
        parts.push(Part::Text(plain));
        Ok(Self(parts))
    }
}

/// A number of things.
fn counted(number: &str, thing: &str) -> String {
    match number {
        "1" => format!("1 {thing}"),
        _ => format!("{number} {thing}s"),
    }
}
