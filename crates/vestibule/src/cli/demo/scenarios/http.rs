//! The reverse proxy: HTTP that is read, not only carried.

use std::net::SocketAddr;

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};
use vestibule_proxy_protocol::V2Builder;

use crate::cli::demo::{
    client::ask,
    stage::Stage,
    table::{Missed, Row, Table, must},
};

/// Plays the group.
pub(in crate::cli::demo) async fn play(stage: &Stage, table: &mut Table<'_>) {
    table.group("is it HTTP?");
    table.row("X-Forwarded-For", forwarded(stage)).await;
    table
        .row("upgrade, as for WebSocket", upgraded(stage))
        .await;
    table
        .row("a request inside a request", smuggled(stage))
        .await;
}

const HELLO: &[u8] = b"<open xmlns='urn:ietf:params:xml:ns:xmpp-framing'/>";

async fn forwarded(stage: &Stage) -> Result<Row, Missed> {
    let (source, header) = header("192.0.2.40:40040")?;
    let request = "GET /?token=secret HTTP/1.1\r\nHost: example.org\r\n\
                   X-Forwarded-For: 198.51.100.66\r\nConnection: close\r\n\r\n";
    let answer = ask(
        stage.address("http"),
        &[&header, request.as_bytes()].concat(),
    )
    .await?;
    let answer = String::from_utf8_lossy(&answer);
    must(answer.starts_with("HTTP/1.1 200 OK\r\n"), &*answer)?;
    let seen = stage.seen()?;
    must(
        !answer.contains("198.51.100.66"),
        "the client chose who it is",
    )?;
    let told = answer
        .lines()
        .find(|line| line.to_ascii_lowercase().starts_with("x-forwarded-for:"))
        .and_then(|line| line.split_once(": "))
        .map(|(_, value)| value.to_owned());
    must(told == Some(source.ip().to_string()), &*answer)?;
    let client = format!("client={source}");
    stage.record(&["request", &client, "path=/"]).await;
    Ok(Row {
        client: source.to_string(),
        saw: source.ip().to_string(),
        upstream: seen.origin.into(),
        bytes: request.len() + answer.len(),
        note: "by PROXY v2 here, by X-Forwarded-For there; the client's own field is removed"
            .into(),
    })
}

async fn upgraded(stage: &Stage) -> Result<Row, Missed> {
    let (source, header) = header("192.0.2.41:40041")?;
    let request = "GET /xmpp-websocket HTTP/1.1\r\nHost: example.org\r\nConnection: Upgrade\r\n\
                   Upgrade: echo\r\n\r\n";
    let mut stream = TcpStream::connect(stage.address("http")).await?;
    stream
        .write_all(&[&header, request.as_bytes()].concat())
        .await?;
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await?);
    }
    let switched = head.starts_with(b"HTTP/1.1 101 Switching Protocols\r\n");
    must(switched, String::from_utf8_lossy(&head))?;
    stream.write_all(HELLO).await?;
    stream.shutdown().await?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await?;
    must(answer == HELLO, "what came back is not what was sent")?;
    let seen = stage.seen()?;
    Ok(Row {
        client: source.to_string(),
        upstream: seen.origin.into(),
        bytes: 2 * seen.bytes,
        note: "101 Switching Protocols; from then on bytes, with half-close and timeouts".into(),
        ..Row::default()
    })
}

async fn smuggled(stage: &Stage) -> Result<Row, Missed> {
    let (_, header) = header("192.0.2.42:40042")?;
    let requests = "POST / HTTP/1.1\r\nHost: example.org\r\nContent-Length: 5\r\n\
                    Content-Length: 56\r\n\r\nfirstGET /hidden HTTP/1.1\r\nHost: example.org\r\n\r\n";
    let answer = ask(
        stage.address("http"),
        &[&header, requests.as_bytes()].concat(),
    )
    .await?;
    let answer = String::from_utf8_lossy(&answer);
    must(answer.starts_with("HTTP/1.1 400 Bad Request\r\n"), &*answer)?;
    must(answer.matches("HTTP/1.1").count() == 1, "two were answered")?;
    must(stage.nothing_seen(), "an upstream was dialed")?;
    Ok(Row {
        note: "two lengths that contradict each other: 400 Bad Request, and closed".into(),
        ..Row::default()
    })
}

/// A header for `source`.
fn header(source: &'static str) -> Result<(SocketAddr, Vec<u8>), Missed> {
    let failed = |error: &dyn std::fmt::Display| Missed::Failed(error.to_string());
    let address = |text: &str| text.parse::<SocketAddr>().map_err(|error| failed(&error));
    let (source, destination) = (address(source)?, address("198.51.100.1:80")?);
    let mut header = Vec::new();
    V2Builder::new(source, destination)
        .write_to(&mut header)
        .map_err(|error| failed(&error))?;
    Ok((source, header))
}
