use std::io::{Read, Write};
use std::net::SocketAddr;

use serde_json::Value;

use crate::try_connect;

/// What a homeserver has answered.
#[derive(Clone, Debug)]
pub struct Reply {
    /// The status.
    pub status: u16,
    /// The body, which is JSON.
    pub body: Value,
}

impl Reply {
    /// The body of a success.
    #[track_caller]
    pub fn good(self) -> Value {
        assert_eq!(self.status, 200, "{self:?}");
        self.body
    }
}

/// Asks a homeserver over HTTP and waits for the answer. `target` is percent-encoded.
///
/// # Errors
/// When there is none, or none in JSON.
pub fn ask_http(
    homeserver: SocketAddr,
    method: &str,
    target: &str,
    token: Option<&str>,
    body: Option<&Value>,
) -> std::io::Result<Reply> {
    let body = body.map(Value::to_string).unwrap_or_default();
    let mut stream = try_connect(homeserver)?;
    // HTTP/1.0: the end of the connection is the end of the answer.
    let mut head = format!(
        "{method} {target} HTTP/1.0\r\nHost: {homeserver}\r\nContent-Type: application/json\r\n\
         Content-Length: {}\r\n",
        body.len()
    );
    if let Some(token) = token {
        head += &format!("Authorization: Bearer {token}\r\n");
    }
    stream.write_all(format!("{head}\r\n{body}").as_bytes())?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    parse(&answer).ok_or_else(|| std::io::Error::other(format!("not an answer: {answer}")))
}

fn parse(answer: &str) -> Option<Reply> {
    let (head, body) = answer.split_once("\r\n\r\n")?;
    Some(Reply {
        status: head.split(' ').nth(1)?.parse().ok()?,
        body: serde_json::from_str(body).ok()?,
    })
}
