//! Clients that say where they want to go (HTTP CONNECT), and ways through another proxy.

use crate::cli::demo::{
    client::exchange,
    stage::Stage,
    table::{Missed, Row, Table, must},
};

/// Plays the group.
pub(in crate::cli::demo) async fn play(stage: &Stage, table: &mut Table<'_>) {
    table.group("where do clients want to go?");
    table.row("CONNECT, PROXY v2 out", allowed(stage)).await;
    table
        .row("CONNECT with a password", with_password(stage))
        .await;
    table
        .row("CONNECT through another, TLS", chained(stage))
        .await;
    table.row("plain TCP through another", onward(stage)).await;
    table.row("not to everywhere", forbidden(stage)).await;
    table.row("not to Vestibule itself", itself(stage)).await;
    table.row("a wrong password", wrong_password(stage)).await;
    table.row("a page, not a tunnel", page(stage)).await;
}

const HELLO: &[u8] = b"<stream:stream to='example.org'>";

const ESTABLISHED: &str = "HTTP/1.1 200 Connection established\r\n\r\n";

async fn allowed(stage: &Stage) -> Result<Row, Missed> {
    let request = connect(stage.upstream("v2"), None);
    let row = tunnelled(stage, "connect", &request).await?;
    Ok(Row {
        note: "HTTP/1.1 200 Connection established; what came with the request is kept".into(),
        ..row
    })
}

async fn with_password(stage: &Stage) -> Result<Row, Missed> {
    let plain = stage.upstream("plain");
    let request = connect(plain, Some(RIGHT));
    let client = exchange(stage.address("members-in-clear"), request.as_bytes(), HELLO).await?;
    let answer = String::from_utf8_lossy(&client.answer);
    must(answer.starts_with(ESTABLISHED), &*answer)?;
    let seen = stage.seen()?;
    let whole = answer.as_bytes().ends_with(HELLO) && seen.bytes == HELLO.len();
    must(whole, "what came back is not what was sent")?;
    let upstream = format!("upstream={plain}");
    stage.record(&["user=alice", "status=200", &upstream]).await;
    Ok(Row {
        client: client.local.to_string(),
        saw: "no header".into(),
        upstream: seen.origin.into(),
        bytes: 2 * seen.bytes,
        note: "user=alice; the upstream does not get Proxy-Authorization".into(),
    })
}

async fn chained(stage: &Stage) -> Result<Row, Missed> {
    let request = connect(stage.upstream("v2"), None);
    let row = tunnelled(stage, "ingress", &request).await?;
    let client = format!("client={}", row.client);
    let via = format!("via=https://{}", stage.address("members"));
    stage
        .record(&["listener=ingress", &client, &via, "end=eof"])
        .await;
    Ok(Row {
        note: "CONNECT, then again inside of verified TLS, with a password from a file".into(),
        ..row
    })
}

async fn onward(stage: &Stage) -> Result<Row, Missed> {
    let row = tunnelled(stage, "as-if-it-were-the-server", "").await?;
    Ok(Row {
        note: "the client knows of no proxy; the PROXY header travels inside of the tunnel".into(),
        ..row
    })
}

async fn forbidden(stage: &Stage) -> Result<Row, Missed> {
    let request = connect("192.0.2.1:443", None);
    let note = refused(stage, "connect", &request, "403 Forbidden").await?;
    stage
        .record(&["upstream=192.0.2.1:443", "end=forbidden_destination"])
        .await;
    Ok(Row {
        note,
        ..Row::default()
    })
}

async fn itself(stage: &Stage) -> Result<Row, Missed> {
    let request = connect(&stage.admin().to_string(), None);
    let note = refused(stage, "connect", &request, "403 Forbidden").await?;
    stage.record(&["end=proxy_loop"]).await;
    Ok(Row {
        note,
        ..Row::default()
    })
}

async fn wrong_password(stage: &Stage) -> Result<Row, Missed> {
    let request = connect(stage.upstream("plain"), Some(WRONG));
    let expected = "407 Proxy Authentication Required";
    let note = refused(stage, "members-in-clear", &request, expected).await?;
    stage
        .record(&["status=407", "end=proxy_auth_required"])
        .await;
    Ok(Row {
        note,
        ..Row::default()
    })
}

async fn page(stage: &Stage) -> Result<Row, Missed> {
    let request = "GET http://example.org/ HTTP/1.1\r\nHost: example.org\r\n\r\n";
    let note = refused(stage, "connect", request, "405 Method Not Allowed").await?;
    stage
        .record(&["status=405", "end=method_not_allowed"])
        .await;
    Ok(Row {
        note,
        ..Row::default()
    })
}

/// `alice:open sesame`, as it travels (RFC 7617).
const RIGHT: &str = "YWxpY2U6b3BlbiBzZXNhbWU=";

/// `alice:open barley`.
const WRONG: &str = "YWxpY2U6b3BlbiBiYXJsZXk=";

/// A request for a tunnel to `destination`.
fn connect(destination: &str, credentials: Option<&str>) -> String {
    let mut request = format!("CONNECT {destination} HTTP/1.1\r\nHost: {destination}\r\n");
    if let Some(credentials) = credentials {
        request += &format!("Proxy-Authorization: Basic {credentials}\r\n");
    }
    request + "\r\n"
}

/// Sends `request`, if it is not empty, and [`HELLO`] behind it in one go. It must come back through
/// the tunnel from the upstream `v2`, which must be told of the client itself.
async fn tunnelled(stage: &Stage, listener: &str, request: &str) -> Result<Row, Missed> {
    let client = exchange(stage.address(listener), request.as_bytes(), HELLO).await?;
    let established = if request.is_empty() { "" } else { ESTABLISHED };
    let expected = [established.as_bytes(), HELLO].concat();
    let answer = String::from_utf8_lossy(&client.answer).into_owned();
    must(client.answer == expected, answer)?;
    let seen = stage.seen()?;
    let told = seen.header.as_ref().and_then(|header| header.source);
    must(
        told == Some(client.local),
        "the upstream was told of another",
    )?;
    Ok(Row {
        client: client.local.to_string(),
        saw: client.local.to_string(),
        upstream: seen.origin.into(),
        bytes: 2 * seen.bytes,
        ..Row::default()
    })
}

/// Sends `request`, which must be answered with `status` and without an upstream. Answers that and
/// what is said first.
async fn refused(
    stage: &Stage,
    listener: &str,
    request: &str,
    status: &str,
) -> Result<String, Missed> {
    let client = exchange(stage.address(listener), request.as_bytes(), b"").await?;
    let answer = String::from_utf8_lossy(&client.answer).into_owned();
    let expected = format!("HTTP/1.1 {status}\r\n");
    must(answer.starts_with(&expected), &*answer)?;
    must(stage.nothing_seen(), "an upstream was dialed")?;
    let sentence = answer.lines().last().unwrap_or_default();
    let first = sentence.split(':').next().unwrap_or_default();
    Ok(format!("{status}: {first}"))
}
