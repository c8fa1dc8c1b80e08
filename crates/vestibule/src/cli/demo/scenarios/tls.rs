//! TLS: ended here, only looked at, and spoken to upstreams.

use std::{net::SocketAddr, time::Duration};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use vestibule_proxy_protocol::{Ssl, V2Builder, kind};

use crate::cli::demo::{
    client::{closed_on, cut_hello, exchange, noise},
    origin::{Seen, SeenHeader},
    peers::{ALPN, Said, Secured, Speaks},
    stage::Stage,
    table::{Missed, Row, Table, must},
};

/// Plays the group.
pub(in crate::cli::demo) async fn play(stage: &Stage, table: &mut Table<'_>) {
    table.group("is it secret?");
    table.row("TLS in, PROXY v2 out", terminated(stage)).await;
    table.row("TLS 1.2", old(stage)).await;
    table.row("resumed sessions", resumed(stage)).await;
    table.row("certificates by name", by_name(stage)).await;
    table.row("PROXY v2 before TLS", proxied(stage)).await;
    table.row("client with a certificate", mutual(stage)).await;
    table.row("TLS in, verified TLS out", secured(stage)).await;
    table
        .row("certificate replaced meanwhile", replaced(stage))
        .await;
    table
        .row("route by SNI, TLS untouched", untouched(stage))
        .await;
    table.row("hello in one-byte records", cut(stage)).await;
    table.row("a name that no route has", unknown(stage)).await;
    table.row("no TLS where TLS must be", not_tls(stage)).await;
}

const HELLO: &[u8] = b"<stream:stream to='example.org'>";

const CHAT: &str = "chat.example.org";

async fn terminated(stage: &Stage) -> Result<Row, Missed> {
    let said = say(stage, "tls", Speaks::Modern, CHAT).await?;
    must(!said.terms.resumed, "it was resumed")?;
    let seen = stage.seen()?;
    let row = carried(&seen, said.local, &said)?;
    let header = seen.header.as_ref();
    let told = |kind| header.and_then(|header| header.tlv(kind));
    must(told(kind::ALPN) == Some(ALPN), "the upstream knows no ALPN")?;
    let name = told(kind::AUTHORITY);
    must(name == Some(CHAT.as_bytes()), "the upstream knows no name")?;
    let ssl = told(kind::SSL).and_then(|value| Ssl::parse(value).ok());
    let version = ssl.and_then(|ssl| ssl.sub(kind::SSL_VERSION));
    must(version == Some(b"TLSv1.3"), "the upstream knows no version")?;
    Ok(Row {
        note: header.map(SeenHeader::tlv_names).unwrap_or_default(),
        ..row
    })
}

async fn old(stage: &Stage) -> Result<Row, Missed> {
    let said = say(stage, "tls", Speaks::Old, CHAT).await?;
    must(said.terms.version == "TLSv1.2", "it is another version")?;
    let row = carried(&stage.seen()?, said.local, &said)?;
    Ok(Row {
        note: format!("{}; nothing older is spoken", said.terms.cipher),
        ..row
    })
}

async fn resumed(stage: &Stage) -> Result<Row, Missed> {
    let mut row = Row::default();
    for speaks in [Speaks::Modern, Speaks::Old] {
        let said = say(stage, "tls", speaks, CHAT).await?;
        must(
            said.terms.resumed,
            format!("not with {}", said.terms.version),
        )?;
        let one = carried(&stage.seen()?, said.local, &said)?;
        row.bytes += one.bytes;
        row.upstream = one.upstream;
    }
    for version in ["TLSv1.2", "TLSv1.3"] {
        let labels = format!("listener=\"tls\",version=\"{version}\",resumed=\"yes\"");
        stage
            .counted(&format!("vestibule_tls_handshakes_total{{{labels}}} 1"))
            .await?;
    }
    Ok(Row {
        client: "2 connections".into(),
        note: "by tickets, in TLS 1.2 and 1.3".into(),
        ..row
    })
}

async fn by_name(stage: &Stage) -> Result<Row, Missed> {
    let mut row = Row::default();
    let mut shown = Vec::new();
    for (name, certificate) in [(CHAT, CHAT), ("files.example.net", "*.example.net")] {
        let said = say(stage, "tls-to-tls", Speaks::Modern, name).await?;
        let other = format!("{name} got {}", said.certificate);
        must(said.certificate == certificate, other)?;
        let one = carried(&stage.seen()?, said.local, &said)?;
        row.bytes += one.bytes;
        row.upstream = one.upstream;
        shown.push(format!("{name} gets \"{certificate}\""));
    }
    Ok(Row {
        client: "2 connections".into(),
        note: shown.join(", "),
        ..row
    })
}

async fn proxied(stage: &Stage) -> Result<Row, Missed> {
    let (source, header) = header("192.0.2.20:40020")?;
    let address = stage.address("proxied-tls");
    let said = stage
        .peers()
        .exchange(address, &header, Speaks::Modern, CHAT, HELLO)
        .await?;
    let seen = stage.seen()?;
    let names = seen.header.as_ref().map(SeenHeader::tlv_names);
    Ok(Row {
        note: names.unwrap_or_default(),
        ..carried(&seen, source, &said)?
    })
}

async fn mutual(stage: &Stage) -> Result<Row, Missed> {
    let said = say(stage, "mutual-tls", Speaks::Known, CHAT).await?;
    let seen = stage.seen()?;
    let row = carried(&seen, said.local, &said)?;
    let ssl = seen
        .header
        .as_ref()
        .and_then(|header| header.tlv(kind::SSL));
    let ssl = ssl.and_then(|value| Ssl::parse(value).ok());
    let name = ssl.and_then(|ssl| ssl.sub(kind::SSL_CN));
    must(name == Some(b"alice"), "the upstream does not know whose")?;

    let refused = say(stage, "mutual-tls", Speaks::Modern, CHAT).await;
    must(refused.is_err(), "one without was let in")?;
    must(stage.nothing_seen(), "an upstream was dialed")?;
    let words = ["listener=mutual-tls", "end=handshake_failed"];
    stage.record(&words).await;
    Ok(Row {
        note: "the upstream is told that it is alice's; without one: end=handshake_failed".into(),
        ..row
    })
}

async fn secured(stage: &Stage) -> Result<Row, Missed> {
    let payload = noise(1_000_000, 3);
    let address = stage.address("tls-to-tls");
    let said = stage
        .peers()
        .exchange(address, b"", Speaks::Modern, CHAT, &payload)
        .await?;
    let seen = stage.seen()?;
    let row = carried_as(&seen, said.local, &said, &payload)?;
    let record = stage
        .record(&[&format!("client={}", said.local), "upstream_tls=TLSv1.3"])
        .await;
    let words = ["sni=", "tls=", "cipher=", "upstream_tls="];
    Ok(Row {
        note: words_of(&record, &words),
        ..row
    })
}

async fn replaced(stage: &Stage) -> Result<Row, Missed> {
    let address = stage.address("tls-to-tls");
    let connect = || stage.peers().connect(address, b"", Speaks::Modern, CHAT);
    let mut live = connect().await.map_err(failed)?;
    let before = live.certificate();
    echoed(&mut live, b"before").await?;
    stage.replace_certificate("the new one")?;
    let mut bytes = 0;
    loop {
        let mut late = connect().await.map_err(failed)?;
        late.shutdown().await?;
        let _ = late.read(&mut [0]).await;
        if late.certificate() == "the new one" {
            break;
        }
        tokio::time::sleep(LOOK).await;
    }
    echoed(&mut live, b"after").await?;
    live.shutdown().await?;
    must(live.read(&mut [0]).await? == 0, "it did not end")?;
    let mut upstream = "";
    while let Ok(seen) = stage.seen() {
        (bytes, upstream) = (bytes + 2 * seen.bytes, seen.origin);
    }
    Ok(Row {
        upstream: upstream.into(),
        bytes,
        note: format!("\"{before}\", then \"the new one\"; no reload, and live connections go on"),
        ..Row::default()
    })
}

/// How often the new certificate is asked for.
const LOOK: Duration = Duration::from_millis(50);

async fn untouched(stage: &Stage) -> Result<Row, Missed> {
    let said = say(stage, "by-name", Speaks::Modern, CHAT).await?;
    must(said.certificate == "the upstream", "it is not untouched")?;
    let row = carried(&stage.seen()?, said.local, &said)?;
    let client = format!("client={}", said.local);
    let record = stage.record(&["listener=by-name", &client]).await;
    Ok(Row {
        note: words_of(&record, &["sni=", "ja4="]) + "; the upstream's own certificate",
        ..row
    })
}

async fn cut(stage: &Stage) -> Result<Row, Missed> {
    let address = cut_hello(stage.address("by-name")).await?;
    let said = stage
        .peers()
        .exchange(address, b"", Speaks::Modern, CHAT, HELLO)
        .await?;
    let seen = stage.seen()?;
    must(said.answer == HELLO, "what came back is not what was sent")?;

    // The same again to an upstream that sends back whatever it gets.
    let hello = stage.peers().hello("echo.example.org")?;
    let client = exchange(stage.address("by-name"), b"", &hello).await?;
    must(client.answer == hello, "the hello is not what was sent")?;
    let plain = stage.seen()?;
    Ok(Row {
        client: "2 connections".into(),
        upstream: format!("{} {}", seen.origin, plain.origin),
        bytes: 2 * (seen.bytes + plain.bytes),
        note: "any records and segments will do, and are carried on as they came".into(),
        ..Row::default()
    })
}

async fn unknown(stage: &Stage) -> Result<Row, Missed> {
    let address = stage.address("by-name");
    let name = "nobody.example.org";
    let refused = stage.peers().connect(address, b"", Speaks::Modern, name);
    let Err(error) = refused.await else {
        return Err(Missed::Failed("it was carried".into()));
    };
    must(stage.nothing_seen(), "an upstream was dialed")?;
    stage.record(&["end=unrecognized_name"]).await;
    Ok(Row {
        note: format!("end=unrecognized_name; the client: {error}"),
        ..Row::default()
    })
}

async fn not_tls(stage: &Stage) -> Result<Row, Missed> {
    let answered = closed_on(stage.address("tls"), HELLO).await?;
    must(answered == 0, "it was answered")?;
    must(stage.nothing_seen(), "an upstream was dialed")?;
    stage.record(&["listener=tls", "end=not_tls"]).await;
    Ok(Row {
        note: "closed, and no upstream is dialed: end=not_tls".into(),
        ..Row::default()
    })
}

async fn say(stage: &Stage, listener: &str, speaks: Speaks, name: &str) -> Result<Said, Missed> {
    let address = stage.address(listener);
    let exchanged = stage.peers().exchange(address, b"", speaks, name, HELLO);
    Ok(exchanged.await?)
}

async fn echoed(stream: &mut Secured, bytes: &[u8]) -> Result<(), Missed> {
    stream.write_all(bytes).await?;
    stream.flush().await?;
    let mut answer = vec![0; bytes.len()];
    stream.read_exact(&mut answer).await?;
    must(answer == bytes, "what came back is not what was sent")
}

/// A header for `source`.
fn header(source: &'static str) -> Result<(SocketAddr, Vec<u8>), Missed> {
    let address = |text: &str| text.parse::<SocketAddr>().map_err(failed);
    let (source, destination) = (address(source)?, address("198.51.100.1:5223")?);
    let mut header = Vec::new();
    V2Builder::new(source, destination)
        .write_to(&mut header)
        .map_err(failed)?;
    Ok((source, header))
}

fn failed(error: impl std::fmt::Display) -> Missed {
    Missed::Failed(error.to_string())
}

/// The words of an access record that begin with one of `wanted`.
fn words_of(record: &str, wanted: &[&str]) -> String {
    let shown = |word: &&str| wanted.iter().any(|start| word.starts_with(start));
    record
        .split(' ')
        .filter(shown)
        .collect::<Vec<_>>()
        .join(" ")
}

/// The row of [`HELLO`], carried and echoed, whose upstream was told of `source`.
fn carried(seen: &Seen, source: SocketAddr, said: &Said) -> Result<Row, Missed> {
    carried_as(seen, source, said, HELLO)
}

fn carried_as(seen: &Seen, source: SocketAddr, said: &Said, sent: &[u8]) -> Result<Row, Missed> {
    let told = seen.header.as_ref().and_then(|header| header.source);
    must(told == Some(source), "the upstream was told of another")?;
    let whole = seen.bytes == sent.len() && said.answer == sent;
    must(whole, "what came back is not what was sent")?;
    let secret = seen.tls.is_some() == (seen.origin == "secret");
    must(secret, "the upstream was spoken to in the wrong way")?;
    Ok(Row {
        client: source.to_string(),
        saw: source.to_string(),
        upstream: seen.origin.into(),
        bytes: seen.bytes + said.answer.len(),
        ..Row::default()
    })
}
