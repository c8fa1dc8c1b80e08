//! Plain TCP and PROXY headers: who is the client, and where does it go?

use std::net::{Ipv4Addr, SocketAddr};

use vestibule_proxy_protocol::{V2Builder, Version, encode_v1, kind};

use crate::cli::demo::{
    client::{closed_on, exchange, exchange_from, noise},
    origin::{Seen, SeenHeader, long_answer},
    stage::Stage,
    table::{Missed, Row, Table, must},
};

/// Plays the group.
pub(in crate::cli::demo) async fn play(stage: &Stage, table: &mut Table<'_>) {
    table.group("who is the client?");
    table.row("TCP in, TCP out", plain(stage)).await;
    table.row("TCP in, PROXY v2 out", plain_to_v2(stage)).await;
    table.row("PROXY v1 in, v2 out", v1_to_v2(stage)).await;
    table.row("PROXY v2 in, v1 out", v2_to_v1(stage)).await;
    table
        .row("PROXY v2 in, v2 out with TLVs", with_tlvs(stage))
        .await;
    table.row("IPv6 in, PROXY v2 in and out", ipv6(stage)).await;
    table
        .row("upstream on a unix socket", unix_upstream(stage))
        .await;
    table.row("a proxy's own check: LOCAL", local(stage)).await;
    table.row("a damaged header", damaged(stage)).await;
    table.row("a header from a stranger", stranger(stage)).await;
    table.row("plain client beside a proxy", mixed(stage)).await;

    table.group("where does it go?");
    table
        .row("route by the client's network", by_client(stage))
        .await;
    table.row("route by a TLV", by_tlv(stage)).await;
    table.row("no route", by_nothing(stage)).await;
    table.row("two upstreams by turns", balanced(stage)).await;
    table.row("one of them is down", failover(stage)).await;

    table.group("are the bytes whole?");
    table
        .row("answer after the client's FIN", half_close(stage))
        .await;
    table.row("4 MB each way at once", bulk(stage)).await;
}

const HELLO: &[u8] = b"<stream:stream to='example.org'>";

/// What clients asked for, as their proxies say.
const DESTINATION: &str = "198.51.100.1:5222";

async fn plain(stage: &Stage) -> Result<Row, Missed> {
    let client = exchange(stage.address("plain"), b"", HELLO).await?;
    let seen = stage.seen()?;
    must(seen.header.is_none(), "there is a header")?;
    Ok(Row {
        client: client.local.to_string(),
        saw: "no header".into(),
        ..carried(&seen, HELLO, &client.answer)?
    })
}

async fn plain_to_v2(stage: &Stage) -> Result<Row, Missed> {
    let client = exchange(stage.address("plain-to-v2"), b"", HELLO).await?;
    let (row, header) = told(stage, client.local, HELLO, &client.answer)?;
    must(
        header.destination == Some(stage.address("plain-to-v2")),
        "the destination is another one",
    )?;
    Ok(row)
}

async fn v1_to_v2(stage: &Stage) -> Result<Row, Missed> {
    let (source, destination) = ends("192.0.2.1:40001");
    let mut line = Vec::new();
    encode_v1(source, destination, &mut line).map_err(unwritable)?;
    let client = exchange(stage.address("proxied"), &line, HELLO).await?;
    let (row, header) = told(stage, source, HELLO, &client.answer)?;
    must(header.version == Version::V2, "the header is not v2")?;
    must(
        header.destination == Some(destination),
        "the destination is another one",
    )?;
    Ok(row)
}

async fn v2_to_v1(stage: &Stage) -> Result<Row, Missed> {
    let (source, header) = header_v2("192.0.2.2:40002")?;
    let client = exchange(stage.address("proxied-to-v1"), &header, HELLO).await?;
    let (row, header) = told(stage, source, HELLO, &client.answer)?;
    must(header.version == Version::V1, "the header is not v1")?;
    Ok(row)
}

async fn with_tlvs(stage: &Stage) -> Result<Row, Missed> {
    let (source, header) = header_v2("192.0.2.3:40003")?;
    let client = exchange(stage.address("v2-to-tlvs"), &header, HELLO).await?;
    let (row, header) = told(stage, source, HELLO, &client.answer)?;
    for (kind, value) in TLVS {
        let same = header.tlv(kind) == Some(value);
        must(same, format!("the TLV 0x{kind:02X} was not passed on"))?;
    }
    for kind in [kind::CRC32C, kind::UNIQUE_ID] {
        let there = header.tlv(kind).is_some();
        must(there, format!("the TLV 0x{kind:02X} was not added"))?;
    }
    Ok(Row {
        note: header.tlv_names(),
        ..row
    })
}

async fn ipv6(stage: &Stage) -> Result<Row, Missed> {
    if !stage.has("ipv6") {
        return Err(Missed::Skipped("this machine has no IPv6 on loopback"));
    }
    let source = address("[2001:db8::4]:40004");
    let mut header = Vec::new();
    V2Builder::new(source, address("[2001:db8::1]:5222"))
        .write_to(&mut header)
        .map_err(unwritable)?;
    let client = exchange(stage.address("ipv6"), &header, HELLO).await?;
    let (row, _) = told(stage, source, HELLO, &client.answer)?;
    Ok(row)
}

async fn unix_upstream(stage: &Stage) -> Result<Row, Missed> {
    let client = exchange(stage.address("to-unix"), b"", HELLO).await?;
    let (row, _) = told(stage, client.local, HELLO, &client.answer)?;
    Ok(row)
}

async fn local(stage: &Stage) -> Result<Row, Missed> {
    let mut header = Vec::new();
    V2Builder::local()
        .write_to(&mut header)
        .map_err(unwritable)?;
    let client = exchange(stage.address("proxied"), &header, b"").await?;
    must(client.answer.is_empty(), "it was answered")?;
    must(stage.nothing_seen(), "an upstream was dialed")?;
    stage
        .counted("vestibule_connections_empty_total{listener=\"proxied\"} 1")
        .await?;
    Ok(Row {
        note: "closed without payload: no upstream is dialed, it is counted and not logged".into(),
        ..Row::default()
    })
}

async fn damaged(stage: &Stage) -> Result<Row, Missed> {
    let (source, mut header) = header_v2("192.0.2.5:40005")?;
    // The last byte of the client's address: who that is would be believed without the checksum.
    header[19] ^= 1;
    let row = refused(stage, "proxied", &header, "proxy_header_invalid").await?;
    let record = stage.record(&["reason=v2_crc32c_mismatch"]).await;
    must(!record.contains(&source.to_string()), "it was believed")?;
    Ok(Row {
        note: format!("{}, reason=v2_crc32c_mismatch", row.note),
        ..row
    })
}

async fn stranger(stage: &Stage) -> Result<Row, Missed> {
    let (_, header) = header_v2("192.0.2.6:40006")?;
    refused(stage, "strangers", &header, "untrusted_proxy").await
}

async fn mixed(stage: &Stage) -> Result<Row, Missed> {
    let from = Ipv4Addr::new(127, 0, 0, 2).into();
    let Ok(client) = exchange_from(from, stage.address("mixed"), HELLO).await else {
        return Err(Missed::Skipped("this machine has no 127.0.0.2"));
    };
    let (row, _) = told(stage, client.local, HELLO, &client.answer)?;
    let (source, header) = header_v2("192.0.2.7:40007")?;
    let client = exchange(stage.address("mixed"), &header, HELLO).await?;
    let (proxied, _) = told(stage, source, HELLO, &client.answer)?;
    Ok(Row {
        note: format!("and the proxy's client is {}", proxied.saw),
        ..row
    })
}

async fn by_client(stage: &Stage) -> Result<Row, Missed> {
    let (source, header) = header_v2("203.0.113.8:40008")?;
    let client = exchange(stage.address("routed"), &header, HELLO).await?;
    let (row, _) = told(stage, source, HELLO, &client.answer)?;
    must(row.upstream == "office", "it went elsewhere")?;
    Ok(row)
}

async fn by_tlv(stage: &Stage) -> Result<Row, Missed> {
    let (source, header) = header_v2("192.0.2.9:40009")?;
    let client = exchange(stage.address("routed"), &header, HELLO).await?;
    let (row, _) = told(stage, source, HELLO, &client.answer)?;
    must(row.upstream == "chat", "it went elsewhere")?;
    Ok(row)
}

async fn by_nothing(stage: &Stage) -> Result<Row, Missed> {
    let (source, destination) = ends("192.0.2.10:40010");
    let mut header = Vec::new();
    V2Builder::new(source, destination)
        .write_to(&mut header)
        .map_err(unwritable)?;
    let row = refused(stage, "routed", &header, "refused").await?;
    Ok(Row {
        client: source.to_string(),
        ..row
    })
}

async fn balanced(stage: &Stage) -> Result<Row, Missed> {
    let (mut order, mut row) = (Vec::new(), Row::default());
    for _ in 0..4 {
        let client = exchange(stage.address("balanced"), b"", HELLO).await?;
        let one = carried(&stage.seen()?, HELLO, &client.answer)?;
        row.bytes += one.bytes;
        order.push(one.upstream);
    }
    let turns = order[0] != order[1] && order[..2] == order[2..];
    must(turns, format!("the turns are {}", order.join(" ")))?;
    Ok(Row {
        client: "4 connections".into(),
        upstream: order.join(" "),
        ..row
    })
}

async fn failover(stage: &Stage) -> Result<Row, Missed> {
    let (mut order, mut row) = (Vec::new(), Row::default());
    for _ in 0..2 {
        let client = exchange(stage.address("failover"), b"", HELLO).await?;
        let one = carried(&stage.seen()?, HELLO, &client.answer)?;
        row.bytes += one.bytes;
        order.push(one.upstream);
    }
    must(order == ["b", "b"], "it went elsewhere")?;
    let dead = stage.dead();
    stage
        .counted(&format!(
            "vestibule_upstream_connect_errors_total{{service=\"failover\",upstream=\"{dead}\"}} 1"
        ))
        .await?;
    Ok(Row {
        client: "2 connections".into(),
        upstream: order.join(" "),
        note: "the other was tried once, and comes last for a while".into(),
        ..row
    })
}

async fn half_close(stage: &Stage) -> Result<Row, Missed> {
    let (source, header) = header_v2("192.0.2.11:40011")?;
    let client = exchange(stage.address("patient"), &header, HELLO).await?;
    let expected = long_answer();
    must(client.answer == expected, "the answer is not whole")?;
    let seen = stage.seen()?;
    must(seen.bytes == HELLO.len(), "the request was not whole")?;
    Ok(Row {
        client: source.to_string(),
        saw: saw(&seen, source)?,
        upstream: seen.origin.into(),
        bytes: seen.bytes + expected.len(),
        ..Row::default()
    })
}

async fn bulk(stage: &Stage) -> Result<Row, Missed> {
    let payload = noise(4_000_000, 2);
    let (source, header) = header_v2("192.0.2.12:40012")?;
    let client = exchange(stage.address("proxied"), &header, &payload).await?;
    let (row, _) = told(stage, source, &payload, &client.answer)?;
    Ok(row)
}

/// TLVs of every version 2 header here. The last is a custom one.
const TLVS: [(u8, &[u8]); 3] = [
    (kind::ALPN, b"xmpp-client"),
    (kind::AUTHORITY, b"chat.example.org"),
    (0xE0, b"\x01\x02"),
];

/// A header for `source` with [`TLVS`] and a checksum.
fn header_v2(source: &str) -> Result<(SocketAddr, Vec<u8>), Missed> {
    let (source, destination) = ends(source);
    let mut header = Vec::new();
    let mut writer = V2Builder::new(source, destination).start(&mut header);
    for (kind, value) in TLVS {
        writer.tlv(kind, value);
    }
    writer.crc32c().finish().map_err(unwritable)?;
    Ok((source, header))
}

fn ends(source: &str) -> (SocketAddr, SocketAddr) {
    (address(source), address(DESTINATION))
}

/// An address of this file.
fn address(text: &str) -> SocketAddr {
    text.parse()
        .unwrap_or_else(|_| unreachable!("{text} is an address"))
}

fn unwritable(error: impl std::fmt::Display) -> Missed {
    Missed::Failed(error.to_string())
}

/// The row of a connection that was carried and echoed, whose upstream was told of `source`.
fn told(
    stage: &Stage,
    source: SocketAddr,
    sent: &[u8],
    answer: &[u8],
) -> Result<(Row, SeenHeader), Missed> {
    let seen = stage.seen()?;
    let row = Row {
        client: source.to_string(),
        saw: saw(&seen, source)?,
        ..carried(&seen, sent, answer)?
    };
    match seen.header {
        Some(header) => Ok((row, header)),
        None => Err(Missed::Failed("there is no header".into())),
    }
}

/// Who the upstream was told that the client is, which must be `source`.
fn saw(seen: &Seen, source: SocketAddr) -> Result<String, Missed> {
    let told = seen.header.as_ref().and_then(|header| header.source);
    must(
        told == Some(source),
        format!("the upstream was told of {told:?}, not of {source}"),
    )?;
    Ok(source.to_string())
}

/// The row of a connection that was carried and echoed.
fn carried(seen: &Seen, sent: &[u8], answer: &[u8]) -> Result<Row, Missed> {
    let whole = seen.bytes == sent.len() && answer == sent;
    must(whole, "what came back is not what was sent")?;
    Ok(Row {
        upstream: seen.origin.into(),
        bytes: seen.bytes + answer.len(),
        ..Row::default()
    })
}

/// The row of a connection that is closed without a byte, with this end in its access record.
async fn refused(stage: &Stage, listener: &str, header: &[u8], end: &str) -> Result<Row, Missed> {
    let bytes = [header, HELLO].concat();
    let answered = closed_on(stage.address(listener), &bytes).await?;
    must(answered == 0, "it was answered")?;
    must(stage.nothing_seen(), "an upstream was dialed")?;
    let words = [format!("listener={listener}"), format!("end={end}")];
    stage.record(&[&words[0], &words[1]]).await;
    Ok(Row {
        note: format!("closed, and no upstream is dialed: end={end}"),
        ..Row::default()
    })
}
