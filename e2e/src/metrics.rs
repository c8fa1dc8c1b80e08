use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};

use crate::PATIENCE;

/// What `/metrics` said.
#[derive(Debug)]
pub struct Metrics(String);

impl Metrics {
    /// Asks the admin listener at `address`.
    pub fn scrape(address: SocketAddr) -> Self {
        let (status, body) = http_get(address, "/metrics");
        assert_eq!(status, 200, "{body}");
        Self(body)
    }

    /// The value of `name` with exactly these labels; 0 when there is none.
    pub fn value(&self, name: &str, labels: &[(&str, &str)]) -> u64 {
        self.samples(name)
            .find(|(found, _)| {
                found.len() == labels.len() && labels.iter().all(|label| found.contains(label))
            })
            .map_or(0, |(_, value)| value)
    }

    /// The sum of all values of `name` that have these labels.
    pub fn sum(&self, name: &str, labels: &[(&str, &str)]) -> u64 {
        self.samples(name)
            .filter(|(found, _)| labels.iter().all(|label| found.contains(label)))
            .map(|(_, value)| value)
            .sum()
    }

    fn samples(&self, name: &str) -> impl Iterator<Item = (Vec<(&str, &str)>, u64)> {
        self.0.lines().filter_map(move |line| {
            let rest = line.strip_prefix(name)?;
            let (labels, value) = match rest.strip_prefix('{') {
                Some(rest) => rest.split_once("} ")?,
                None => ("", rest.strip_prefix(' ')?),
            };
            let labels = labels
                .split(',')
                .filter_map(|label| {
                    let (key, value) = label.split_once('=')?;
                    Some((key, value.trim_matches('"')))
                })
                .collect();
            Some((labels, value.parse().ok()?))
        })
    }
}

impl From<String> for Metrics {
    /// The text of them.
    fn from(text: String) -> Self {
        Self(text)
    }
}

/// GETs `path`; answers the status and the body.
pub fn http_get(address: SocketAddr, path: &str) -> (u16, String) {
    let mut stream = TcpStream::connect(address).expect("the admin listener");
    stream
        .set_read_timeout(Some(PATIENCE))
        .expect("a time that is not 0");
    write!(
        stream,
        "GET {path} HTTP/1.1\r\nHost: e2e\r\nConnection: close\r\n\r\n"
    )
    .expect("the admin listener takes a request");
    let mut answer = String::new();
    stream
        .read_to_string(&mut answer)
        .expect("an answer in UTF-8");
    let (head, body) = answer
        .split_once("\r\n\r\n")
        .unwrap_or_else(|| panic!("not an answer: {answer:?}"));
    let status = head
        .split(' ')
        .nth(1)
        .and_then(|status| status.parse().ok())
        .unwrap_or_else(|| panic!("not a status line: {head:?}"));
    (status, body.to_owned())
}
