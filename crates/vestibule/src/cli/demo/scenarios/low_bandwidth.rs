//! The low bandwidth gateway: a client that speaks CoAP by DTLS, a homeserver that speaks HTTP, and
//! another client that the first one talks with.

use hyper::{Method, StatusCode};
use serde_json::{Value, json};

use crate::cli::demo::{
    client::ask,
    matrix_client::{Carried, MatrixClient, Observation},
    stage::Stage,
    table::{Missed, Row, Table, must},
};

/// Plays the group.
pub(in crate::cli::demo) async fn play(stage: &Stage, table: &mut Table<'_>) {
    table.group("low bandwidth Matrix");
    let mut scene = None;
    table.row("first contact", contact(stage, &mut scene)).await;
    let Some(scene) = &mut scene else {
        return;
    };
    table.row("log in", logged_in(scene)).await;
    table.row("a room is made", created(scene)).await;
    table.row("a message is sent", sent(scene)).await;
    table.row("catching up by sync", synced(scene)).await;
    table
        .row("a message comes by itself", observed(scene))
        .await;
    table.row("what is not for clients", refused(scene)).await;
    table.row("all of that", summed(scene)).await;
}

/// What the scenarios have in common.
struct Scene<'a> {
    stage: &'a Stage,
    client: MatrixClient,
    /// What the other user asks by, over HTTP.
    bob: String,
    room: String,
    /// Where the client's sync goes on.
    since: String,
}

/// What came of a request by HTTP.
struct ByTcp {
    /// Status line, header fields and body.
    answer: String,
    /// Of the request and the answer.
    bytes: usize,
}

/// The homeserver's name in the table.
const HOMESERVER: &str = "homeserver";

/// Name and password of the client's user.
const ALICE: [&str; 2] = ["alice", "wonderland"];

impl Scene<'_> {
    /// Asks, expects that it is granted, and says what that cost.
    async fn granted(
        &mut self,
        method: &Method,
        path: &str,
        body: &Value,
    ) -> Result<(Value, Carried), Missed> {
        let before = self.client.carried();
        let answered = self.client.ask(method, path, body).await?;
        let status = answered.status;
        must(status == StatusCode::OK, format!("{path}: {status}"))?;
        Ok((answered.body, self.client.carried().since(before)))
    }

    /// Asks as the other user, on the gateway's TCP side.
    async fn by_tcp(&self, method: &Method, path: &str, body: &Value) -> Result<ByTcp, Missed> {
        let body = match body {
            Value::Null => String::new(),
            body => body.to_string(),
        };
        let request = format!(
            "{method} {path} HTTP/1.1\r\nHost: {}\r\nAuthorization: Bearer {}\r\n\
             Content-Length: {}\r\nConnection: close\r\n\r\n{body}",
            self.stage.matrix().gateway(),
            self.bob,
            body.len()
        );
        let answer = ask(self.stage.matrix().gateway(), request.as_bytes()).await?;
        let bytes = request.len() + answer.len();
        let answer = String::from_utf8_lossy(&answer).into_owned();
        Ok(ByTcp { answer, bytes })
    }

    /// Who the last request came from, as the homeserver was told.
    fn told(&self) -> Result<String, Missed> {
        let journal = self.stage.matrix().homeserver().journal();
        let last = journal.iter().rev();
        let told = last.filter_map(|record| record.header("x-forwarded-for"));
        let told = told.map(str::to_owned).next();
        told.ok_or_else(|| Missed::Failed("the homeserver does not know the client".into()))
    }

    fn row(&self, cost: Carried, note: impl Into<String>) -> Result<Row, Missed> {
        Ok(Row {
            client: self.client.local_address()?.to_string(),
            saw: self.told()?,
            upstream: HOMESERVER.into(),
            bytes: cost.bytes,
            note: note.into(),
        })
    }
}

fn text(value: &Value) -> Result<String, Missed> {
    let text = value.as_str().map(str::to_owned);
    text.ok_or_else(|| Missed::Failed("the answer lacks something".into()))
}

async fn contact<'a>(stage: &'a Stage, scene: &mut Option<Scene<'a>>) -> Result<Row, Missed> {
    let homeserver = stage.matrix().homeserver();
    let [name, password] = ALICE;
    homeserver.register(name, password);
    let bob = homeserver.register("bob", "builder");
    let bob = homeserver.log_in(&bob).unwrap_or_default();
    let client = stage.matrix().client().await?;
    let handshake = client.carried().bytes;
    let version = client.agreement().map(|agreement| agreement.version.name());
    let scene = scene.insert(Scene {
        stage,
        client,
        bob,
        room: String::new(),
        since: String::new(),
    });
    let path = "/_matrix/client/versions";
    let (versions, cost) = scene.granted(&Method::GET, path, &Value::Null).await?;
    must(versions["versions"].is_array(), versions.to_string())?;
    let all = scene.client.carried();
    let version = version.unwrap_or_default();
    let (bytes, datagrams) = (cost.bytes, cost.datagrams);
    scene.row(
        all,
        format!(
            "DTLS {version} takes {handshake} bytes; /versions takes {bytes}, in {datagrams} \
             datagrams"
        ),
    )
}

async fn logged_in(scene: &mut Scene<'_>) -> Result<Row, Missed> {
    let [user, password] = ALICE;
    let asked = json!({
        "type": "m.login.password",
        "identifier": { "type": "m.id.user", "user": user },
        "password": password,
    });
    let path = "/_matrix/client/v3/login";
    let (said, cost) = scene.granted(&Method::POST, path, &asked).await?;
    scene.client.set_token(&text(&said["access_token"])?);
    let place = text(&said["well_known"]["m.homeserver"]["base_url"])?;
    let own = format!("http://{}", scene.stage.matrix().gateway());
    must(place == own, format!("the client is sent to {place}"))?;
    scene.row(cost, format!("the client is told to stay at {place}"))
}

async fn created(scene: &mut Scene<'_>) -> Result<Row, Missed> {
    let asked = json!({ "name": "Tea", "preset": "public_chat", "room_alias_name": "tea" });
    let path = "/_matrix/client/v3/createRoom";
    let (said, cost) = scene.granted(&Method::POST, path, &asked).await?;
    scene.room = text(&said["room_id"])?;
    let join = format!("/_matrix/client/v3/join/{}", scene.room);
    let joined = scene.by_tcp(&Method::POST, &join, &json!({})).await?;
    must(joined.answer.starts_with("HTTP/1.1 200 "), joined.answer)?;
    scene.row(cost, "another user joins by HTTP, on the same port of TCP")
}

fn message(body: &str) -> Value {
    json!({ "msgtype": "m.text", "body": body })
}

async fn sent(scene: &mut Scene<'_>) -> Result<Row, Missed> {
    let text = "Is there tea?";
    let path = send_path(scene, "a1");
    let (_, cost) = scene.granted(&Method::PUT, &path, &message(text)).await?;
    let answer = "There is always tea";
    let path = send_path(scene, "b1");
    let said = scene.by_tcp(&Method::PUT, &path, &message(answer)).await?;
    let texts = scene.stage.matrix().homeserver().texts(&scene.room);
    must(texts == [text, answer], format!("{texts:?}"))?;
    let other = said.bytes;
    scene.row(
        cost,
        format!("with the answer; the same takes {other} bytes by HTTP, without TLS"),
    )
}

fn send_path(scene: &Scene<'_>, txn: &str) -> String {
    let room = &scene.room;
    format!("/_matrix/client/v3/rooms/{room}/send/m.room.message/{txn}")
}

async fn synced(scene: &mut Scene<'_>) -> Result<Row, Missed> {
    let path = "/_matrix/client/v3/sync";
    let (said, cost) = scene.granted(&Method::GET, path, &Value::Null).await?;
    scene.since = text(&said["next_batch"])?;
    let joined = &said["rooms"]["join"][&scene.room];
    must(joined.is_object(), "the room is missing")?;
    let json = said.to_string().len();
    let datagrams = cost.datagrams;
    scene.row(
        cost,
        format!("{json} bytes of JSON, as CBOR in {datagrams} datagrams"),
    )
}

async fn observed(scene: &mut Scene<'_>) -> Result<Row, Missed> {
    let path = format!(
        "/_matrix/client/v3/sync?since={}&timeout=30000",
        scene.since
    );
    let observation = scene.client.observe(&path).await?;
    let before = scene.client.carried();
    let text = "More tea?";
    let path = send_path(scene, "b2");
    scene.by_tcp(&Method::PUT, &path, &message(text)).await?;
    next_message(scene, &observation, text).await?;
    let cost = scene.client.carried().since(before);
    let datagrams = cost.datagrams;
    scene.row(
        cost,
        format!("by observe: nothing is asked while nothing is new; {datagrams} datagrams"),
    )
}

/// Waits for a notification with this message.
async fn next_message(
    scene: &mut Scene<'_>,
    observation: &Observation,
    expected: &str,
) -> Result<(), Missed> {
    loop {
        let news = scene.client.notified(observation).await?;
        let events = &news["rooms"]["join"][&scene.room]["timeline"]["events"];
        let mut events = events.as_array().into_iter().flatten();
        if events.any(|event| event["content"]["body"] == expected) {
            return Ok(());
        }
    }
}

async fn refused(scene: &mut Scene<'_>) -> Result<Row, Missed> {
    const ADMIN: &str = "/_synapse/admin/v1/users";
    const FEDERATION: &str = "/_matrix/federation/v1/version";
    let before = scene.client.carried();
    for path in [ADMIN, FEDERATION] {
        scene.client.allow(path);
        let answered = scene.client.ask(&Method::GET, path, &Value::Null).await?;
        let status = answered.status;
        must(status.is_client_error(), format!("{path}: {status}"))?;
        let answered = scene.by_tcp(&Method::GET, path, &Value::Null).await?;
        must(answered.answer.starts_with("HTTP/1.1 4"), answered.answer)?;
    }
    let journal = scene.stage.matrix().homeserver().journal();
    let has_leaked = |path: &str| path.starts_with("/_synapse") || path.contains("federation");
    let leak = journal.iter().find(|record| has_leaked(&record.path));
    must(leak.is_none(), format!("the homeserver got {leak:?}"))?;
    let cost = scene.client.carried().since(before);
    Ok(Row {
        client: scene.client.local_address()?.to_string(),
        bytes: cost.bytes,
        note: "administration and federation: refused by CoAP and by HTTP, never passed on".into(),
        ..Row::default()
    })
}

async fn summed(scene: &mut Scene<'_>) -> Result<Row, Missed> {
    let all = scene.client.carried();
    let metrics = scene.stage.admin_page("/metrics").await?;
    let counted = "vestibule_lowband_exchanges_total{gateway=\"gateway\"";
    must(metrics.contains(counted), "it is not counted")?;
    let datagrams = all.datagrams;
    scene.row(
        all,
        format!("{datagrams} datagrams, both ways; try `vestibule show associations`"),
    )
}
