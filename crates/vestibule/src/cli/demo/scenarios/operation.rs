//! Running it: reload, logs, metrics.

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use crate::cli::demo::{
    client::exchange,
    stage::Stage,
    table::{Missed, Row, Table, must},
};

/// Plays the group.
pub(in crate::cli::demo) async fn play(stage: &Stage, table: &mut Table<'_>) {
    table.group("can it be run?");
    table.row("reload beside a connection", reload(stage)).await;
    table.row("access log", access_log(stage)).await;
    table.row("/readyz and /metrics", admin(stage)).await;
}

/// A listener that the first configuration does not have.
const LATE: &str = "\n[[listener]]\nname = \"late\"\nbind = \"127.0.0.1:0\"\nservice = \"plain\"\n";

async fn reload(stage: &Stage) -> Result<Row, Missed> {
    let mut live = TcpStream::connect(stage.address("plain")).await?;
    let client = live.local_addr()?;
    echoed(&mut live, b"before").await?;
    stage.reload_with(LATE)?;
    echoed(&mut live, b"after").await?;
    let late = exchange(stage.address("late"), b"", b"new listener").await?;
    must(late.answer == b"new listener", "the new one does not carry")?;
    stage.seen()?;
    live.shutdown().await?;
    must(live.read(&mut [0]).await? == 0, "it did not end")?;
    let seen = stage.seen()?;
    Ok(Row {
        client: client.to_string(),
        saw: "no header".into(),
        upstream: seen.origin.into(),
        bytes: 2 * seen.bytes,
        note: "the connection goes on, and a new listener is there".into(),
    })
}

async fn echoed(stream: &mut TcpStream, bytes: &[u8]) -> Result<(), Missed> {
    stream.write_all(bytes).await?;
    let mut answer = vec![0; bytes.len()];
    stream.read_exact(&mut answer).await?;
    must(answer == bytes, "what came back is not what was sent")
}

async fn access_log(stage: &Stage) -> Result<Row, Missed> {
    let client = "client=192.0.2.3:40003";
    let record = stage.record(&[client, "proxy_version=v2", "end=eof"]).await;
    let words = ["listener=", "client=", "destination=", "service=", "end="];
    let shown: Vec<_> = record
        .split(' ')
        .filter(|word| words.iter().any(|known| word.starts_with(known)))
        .collect();
    Ok(Row {
        note: shown.join(" "),
        ..Row::default()
    })
}

async fn admin(stage: &Stage) -> Result<Row, Missed> {
    let ready = stage.admin_page("/readyz").await?;
    must(ready.starts_with("HTTP/1.1 200"), "it is not ready")?;
    for line in [
        "vestibule_proxy_headers_total{listener=\"v2-to-tlvs\",version=\"v2\"} 1",
        "vestibule_proxy_headers_rejected_total{listener=\"proxied\",\
         reason=\"v2_crc32c_mismatch\"} 1",
        "vestibule_reloads_total{result=\"done\"} 2",
    ] {
        stage.counted(line).await?;
    }
    Ok(Row {
        note: "what was carried and what was refused is counted".into(),
        ..Row::default()
    })
}
