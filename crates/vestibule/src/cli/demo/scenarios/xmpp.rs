//! The component: requests that ordinary clients answer. The server is [embedded](XmppServer), and
//! knows no more than this takes.

use std::{collections::HashMap, time::Instant};

use vestibule_xmpp::stanza::Stanza;

use crate::cli::demo::{
    stage::Stage,
    table::{Missed, PATIENCE, Row, Table, must},
    xmpp_server::{DOMAIN, RESOURCES, TARGET, XmppServer},
};

/// Plays the group.
pub(in crate::cli::demo) async fn play(stage: &Stage, table: &mut Table<'_>) {
    table.group("who answers? (embedded XMPP)");
    let server = stage.xmpp_server();
    table.row("a request to a component", answered(stage)).await;
    table.row("spread over two clients", spread(server)).await;
    table.row("the client has left", failed_over(server)).await;
    table
        .row("an answer that nobody wants", forged(stage))
        .await;
    table.row("resources, /readyz", shown(stage)).await;
}

const USER: &str = "user@example.org/x";

/// What of a stanza is looked at.
struct Sent {
    from: String,
    to: String,
    id: String,
    raw: String,
}

fn parse(raw: String) -> Result<Sent, Missed> {
    let stanza = Stanza::parse(&raw).map_err(|error| Missed::Failed(error.to_string()))?;
    let own = |value: &Option<std::borrow::Cow<'_, str>>| value.as_deref().unwrap_or("").to_owned();
    Ok(Sent {
        from: own(&stanza.from),
        to: own(&stanza.to),
        id: own(&stanza.id),
        raw,
    })
}

/// The user asks; the request that a client gets.
async fn ask(server: &XmppServer, kind: &str, id: &str) -> Result<Sent, Missed> {
    server.deliver(format!(
        "<iq type='{kind}' id='{id}' from='{USER}' to='{DOMAIN}'><time xmlns='urn:xmpp:time'/></iq>"
    ));
    let asked = parse(server.next().await?)?;
    must(asked.to.starts_with(TARGET), &*asked.raw)?;
    Ok(asked)
}

/// The client answers; what the user gets.
async fn answer(server: &XmppServer, asked: &Sent) -> Result<Sent, Missed> {
    server.deliver(format!(
        "<iq type='result' id='{}' from='{}' to='{}'><time xmlns='urn:xmpp:time'/></iq>",
        asked.id, asked.to, asked.from
    ));
    let got = parse(server.next().await?)?;
    must(got.from == DOMAIN && got.to == USER, &*got.raw)?;
    Ok(got)
}

async fn answered(stage: &Stage) -> Result<Row, Missed> {
    let server = stage.xmpp_server();
    stage
        .counted(&format!(
            "vestibule_component_resources{{component=\"{DOMAIN}\"}} 2"
        ))
        .await?;
    let asked = ask(server, "get", "demo-1").await?;
    let got = answer(server, &asked).await?;
    let record = stage.record(&["component_request", "outcome=result"]).await;
    must(record.contains("namespace=urn:xmpp:time"), record)?;
    let token = asked.from.split_once('/').map_or("", |(_, token)| token);
    Ok(Row {
        client: USER.into(),
        saw: format!("/{token:.17}…"),
        upstream: asked.to.replace("@example.org", ""),
        bytes: asked.raw.len() + got.raw.len(),
        note: "a client gets it from an address that stands for the user; payloads are untouched"
            .into(),
    })
}

async fn spread(server: &XmppServer) -> Result<Row, Missed> {
    const REQUESTS: usize = 40;
    let mut seen: HashMap<String, usize> = HashMap::new();
    for id in 0..REQUESTS {
        let asked = ask(server, "get", &format!("demo-spread-{id}")).await?;
        answer(server, &asked).await?;
        *seen.entry(asked.to).or_default() += 1;
    }
    let of = |resource| {
        seen.get(&format!("{TARGET}/{resource}"))
            .copied()
            .unwrap_or(0)
    };
    let [a, b] = RESOURCES.map(of);
    must(a + b == REQUESTS && a > 0 && b > 0, format!("{seen:?}"))?;
    Ok(Row {
        client: format!("{REQUESTS} requests"),
        upstream: "bot/a /b".into(),
        note: format!("at random: {a} to one, {b} to the other"),
        ..Row::default()
    })
}

async fn failed_over(server: &XmppServer) -> Result<Row, Missed> {
    let first = ask(server, "get", "demo-get").await?;
    server.deliver(format!(
        "<presence type='unavailable' from='{}' to='{DOMAIN}'/>",
        first.to
    ));
    let second = parse(server.next().await?)?;
    must(second.to != first.to && second.id == first.id, &*second.raw)?;
    answer(server, &second).await?;
    // What may have been done already is not done again.
    let set = ask(server, "set", "demo-set").await?;
    server.deliver(format!(
        "<presence type='unavailable' from='{}' to='{DOMAIN}'/>",
        set.to
    ));
    let told = parse(server.next().await?)?;
    let says_so = told.raw.contains("remote-server-timeout") && told.to == USER;
    must(says_so, &*told.raw)?;
    for resource in RESOURCES {
        server.deliver(format!(
            "<presence from='{TARGET}/{resource}' to='{DOMAIN}'/>"
        ));
    }
    Ok(Row {
        client: USER.into(),
        upstream: second.to.replace("@example.org", ""),
        note: "a get is asked of the other one; a set is not, and the user is told".into(),
        ..Row::default()
    })
}

async fn forged(stage: &Stage) -> Result<Row, Missed> {
    let server = stage.xmpp_server();
    let asked = ask(server, "get", "demo-forged").await?;
    let forged = asked.from.replace(|c: char| c.is_ascii_digit(), "0") + "0";
    server.deliver(format!(
        "<iq type='result' id='{}' from='{}' to='{forged}'/>",
        asked.id, asked.to
    ));
    let mut counted = Vec::new();
    let begun = Instant::now();
    while begun.elapsed() < PATIENCE / 2 {
        let metrics = stage.admin_page("/metrics").await?;
        let is_counted = |reason: &&str| {
            let labels = format!("{{component=\"{DOMAIN}\",reason=\"{reason}\"}}");
            let line = format!("vestibule_component_dropped_stanzas_total{labels} 1");
            metrics.lines().any(|known| known == line)
        };
        counted = ["forged_token", "retired_key", "no_token"]
            .into_iter()
            .filter(is_counted)
            .collect();
        if !counted.is_empty() {
            break;
        }
    }
    must(counted.len() == 1 && server.is_quiet(), "it is not dropped")?;
    answer(server, &asked).await?;
    Ok(Row {
        note: format!(
            "dropped and counted as {}; the right one still comes through",
            counted[0]
        ),
        ..Row::default()
    })
}

async fn shown(stage: &Stage) -> Result<Row, Missed> {
    let ready = stage.admin_page("/readyz").await?;
    let line = format!("component {DOMAIN}: connected");
    must(ready.contains(&line), &*ready)?;
    Ok(Row {
        note: format!("{line}; try `vestibule show resources`"),
        ..Row::default()
    })
}
