//! What Matrix costs on the air: by a gateway, and by HTTP/2 with TLS 1.3 and gzip, the same things asked of
//! the same homeserver.
//!
//! `cargo test -p vestibule-e2e --test low_bandwidth_bytes -- --nocapture` prints the table.

mod cost;
mod hour;
mod radio;
mod web;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use http::Method;
use serde_json::Value;
use tempfile::TempDir;
use vestibule_dtls::session::Version;
use vestibule_e2e::matrix::ask_http;
use vestibule_e2e::{Vestibule, certificate, wait_for};
use vestibule_miniature_homeserver::{Homeserver, Options};

use self::cost::{Cost, Headers, least};
use self::radio::Radio;
use self::web::{Ask, Web};

/// Whom the certificate is for.
const NAME: &str = "localhost";

const VERSIONS: &str = "/_matrix/client/versions";
const LOGIN: &str = "/_matrix/client/v3/login";
const LOGIN_BODY: &str = r#"{"type":"m.login.password","identifier":{"type":"m.id.user","user":"alice"},"password":"wonderland"}"#;
const HELLO: &str = r#"{"msgtype":"m.text","body":"Hello World"}"#;
const FILTER: &str = r#"{"room":{"timeline":{"limit":50}}}"#;

/// How often clients ask for a sign of life: where paths allow it, and as many of them need it.
const INTERVALS: [u64; 3] = [300, 110, 50];

/// How long a client waits for news by HTTP.
const POLL: u64 = 30;

const HOUR: u64 = 3600;

/// A homeserver and both ways to it.
struct Place {
    homeserver: Homeserver,
    room: String,
    gateway: SocketAddr,
    chain: PathBuf,
    key: PathBuf,
    _vestibule: Vestibule,
    _directory: TempDir,
}

impl Place {
    fn new() -> Self {
        let homeserver = Homeserver::start(Options {
            server_name: "localhost".into(),
            ..Options::default()
        });
        let homeserver = homeserver.expect("a homeserver");
        let alice = homeserver.register("alice", "wonderland");
        let bob = homeserver.register("bob", "builder");
        let room = homeserver.create_room(&bob, &[&alice]);
        let directory = tempfile::tempdir().expect("a temporary directory");
        let [chain, key, _] = certificate(directory.path(), NAME);
        let vestibule = Vestibule::start(format!(
            "[[low_bandwidth]]\nbind = \"127.0.0.1:0\"\nhomeserver = \"http://{}\"\n\
             certificate = {{ chain = \"{}\", key = \"{}\" }}\n",
            homeserver.address(),
            chain.display(),
            key.display(),
        ));
        let gateway = wait_for("a gateway", || {
            let events = vestibule.events("listening for DTLS");
            events.first()?["address"].as_str()?.parse().ok()
        });
        Self {
            homeserver,
            room,
            gateway,
            chain,
            key,
            _vestibule: vestibule,
            _directory: directory,
        }
    }

    /// Where a message goes, with this number.
    fn send(&self, number: usize) -> String {
        let room = &self.room;
        format!("/_matrix/client/v3/rooms/{room}/send/m.room.message/m1620000000.{number}")
    }

    /// Somebody else says so many lines.
    fn say(&self, count: usize) {
        for number in 0..count {
            let line = format!("Line number {number}");
            let sent = self
                .homeserver
                .send_text(&self.room, "@bob:localhost", &line);
            sent.expect("a member of the room");
        }
    }

    /// Where alice's filters go.
    fn filters(&self) -> String {
        "/_matrix/client/v3/user/@alice:localhost/filter".to_owned()
    }
}

/// What is compared. The hours are by the [`INTERVALS`], by HTTP all are the same.
struct Column {
    name: String,
    headers: Headers,
    first_contact: Cost,
    send: Cost,
    sync: Cost,
    told: Cost,
    catch_up: Cost,
    hours: [Cost; 3],
}

#[test]
fn bytes_on_the_air() {
    let place = Place::new();
    let web = by_web(&place);
    let [dtls12, dtls13] =
        [Version::Dtls12, Version::Dtls13].map(|version| by_radio(&place, version));
    print(&[&web, &dtls12, &dtls13]);

    // One byte more or less is a signature's or a number's.
    for (column, [up, down], hour, first) in [
        (&dtls12, [130, 86], 900, 2_300),
        (&dtls13, [122, 79], 700, 2_550),
    ] {
        let name = &column.name;
        let Cost {
            up: sent,
            down: got,
        } = column.send;
        assert!(
            sent.bytes <= up && got.bytes <= down,
            "{name}: {sent:?} {got:?}"
        );
        assert_eq!((sent.packets, got.packets), (1, 1), "{name}");
        assert!(
            column.hours[0].bytes() <= hour,
            "{name}: {:?}",
            column.hours[0]
        );
        let bytes = column.first_contact.bytes();
        assert!(bytes <= first, "{name}: {bytes}");
        assert!(column.told.bytes() <= 420, "{name}: {:?}", column.told);
        for (what, ours, theirs) in [
            ("first contact", column.first_contact, web.first_contact),
            ("send", column.send, web.send),
            ("sync", column.sync, web.sync),
            ("told", column.told, web.told),
            ("hour", column.hours[2], web.hours[2]),
        ] {
            let (ours, theirs) = (ours.ipv4(column.headers), theirs.ipv4(web.headers));
            assert!(ours < theirs, "{what} by {name}: {ours} beside {theirs}");
        }
    }
}

/// What is measured of one sign of life is what an hour of them is.
#[test]
fn nothing_else_is_sent_in_an_hour() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let [chain, key, _] = certificate(directory.path(), NAME);
    for (version, limit) in [(Version::Dtls12, 900), (Version::Dtls13, 700)] {
        for interval in INTERVALS {
            let time = Duration::from_secs(interval);
            let cost = hour::hour(&chain, &key, version, time);
            let pings = usize::try_from(HOUR / interval).expect("few");
            println!("{version:?}, every {interval} s: {cost:?}");
            assert_eq!((cost.up.packets, cost.down.packets), (pings, pings));
            assert_eq!(cost.up.bytes % pings, 0);
            assert_eq!(cost.down.bytes % pings, 0);
            assert!(interval != 300 || cost.bytes() <= limit, "{cost:?}");
        }
    }
}

fn by_radio(place: &Place, version: Version) -> Column {
    let connect = || {
        let mut radio = Radio::connect(place.gateway, &place.chain, version);
        radio.discover();
        radio.log_in(LOGIN_BODY);
        radio.ask(&Method::PUT, &place.send(1), HELLO);
        radio
    };
    let first_contact = least(3, |_| connect().spent());
    let mut radio = connect();
    radio.spent();

    let send = least(3, |number| {
        radio.ask(&Method::PUT, &place.send(2 + number), HELLO);
        radio.spent()
    });

    let filter = radio.ask(&Method::POST, &place.filters(), FILTER);
    let filter = filter["filter_id"].as_str().expect("a filter").to_owned();
    let path = |since: &str| {
        format!("/_matrix/client/v3/sync?filter={filter}&since={since}&timeout={POLL}000")
    };
    let first = format!("/_matrix/client/v3/sync?filter={filter}");
    let mut since = next(&radio.ask(&Method::GET, &first, ""));
    let mut syncs = [1, 20].map(|lines| {
        place.say(lines);
        radio.spent();
        let sync = radio.ask(&Method::GET, &path(&since), "");
        assert_eq!(events(&sync, &place.room), lines);
        since = next(&sync);
        radio.spent()
    });

    let (observation, state) = radio.observe(&path(&since));
    assert_eq!(events(&state, &place.room), 0);
    radio.spent();
    let told = least(3, |_| {
        place.say(1);
        let notification = radio.notification(&observation);
        assert_eq!(events(&notification, &place.room), 1);
        radio.spent()
    });

    let ping = least(3, |_| {
        radio.ping();
        radio.spent()
    });
    assert_eq!((ping.up.packets, ping.down.packets), (1, 1));
    Column {
        name: format!("DTLS {}, {:04x}", version.name(), radio.suite()),
        headers: Headers::Udp,
        first_contact,
        send,
        sync: std::mem::take(&mut syncs[0]),
        told,
        catch_up: std::mem::take(&mut syncs[1]),
        hours: INTERVALS.map(|interval| ping * usize::try_from(HOUR / interval).expect("few")),
    }
}

fn by_web(place: &Place) -> Column {
    let web = Web::start(place.homeserver.address(), &place.chain, &place.key);
    let token = place.homeserver.log_in("@alice:localhost");
    let ask = |method, path: &str, body, token: &Option<String>| Ask {
        method,
        path: path.to_owned(),
        body,
        token: token.clone(),
    };
    let send = |number| ask("PUT", &place.send(number), HELLO, &token);
    let first_contact = web.cost(&[
        ask("GET", VERSIONS, "", &None),
        ask("POST", LOGIN, LOGIN_BODY, &None),
        send(11),
    ]);
    let sent = web.cost_of_more(&send(12));

    let (homeserver, known) = (place.homeserver.address(), token.as_deref());
    let direct = |method, path: &str, body| {
        let reply = ask_http(homeserver, method, path, known, body);
        reply.expect("an answer").good()
    };
    let filter = FILTER.parse().expect("JSON");
    let filter = direct("POST", &place.filters(), Some(&filter));
    let filter = filter["filter_id"].as_str().expect("a filter");
    let path = |since: &str, timeout: &str| {
        format!("/_matrix/client/v3/sync?filter={filter}&since={since}&timeout={timeout}")
    };
    let sync = |since: &str, timeout: &str| ask("GET", &path(since, timeout), "", &token);
    let now = || next(&direct("GET", "/_matrix/client/v3/sync", None));
    let syncs = [1, 20].map(|lines| {
        let since = now();
        place.say(lines);
        let told = direct("GET", &path(&since, "0"), None);
        assert_eq!(events(&told, &place.room), lines);
        web.cost_of_more(&sync(&since, "30000"))
    });
    // As long on the air as a poll of thirty seconds.
    let now = now();
    let poll = web.cost_of_more(&sync(&now, "00100"));
    Column {
        name: "HTTP/2, TLS 1.3, gzip".to_owned(),
        headers: Headers::Tcp,
        first_contact,
        send: sent,
        sync: syncs[0],
        told: syncs[0],
        catch_up: syncs[1],
        hours: [poll * usize::try_from(HOUR / POLL).expect("few"); 3],
    }
}

/// The token of a sync from which the next one goes on.
fn next(sync: &Value) -> String {
    sync["next_batch"].as_str().expect("a token").to_owned()
}

/// How many events of the room are in a sync.
fn events(sync: &Value, room: &str) -> usize {
    let timeline = &sync["rooms"]["join"][room]["timeline"];
    assert_ne!(timeline["limited"], true);
    timeline["events"].as_array().map_or(0, Vec::len)
}

fn print(columns: &[&Column]) {
    let names: Vec<&str> = columns.iter().map(|column| &*column.name).collect();
    println!("| up + down; all with IPv4 | {} |", names.join(" | "));
    println!("| --- |{}", " ---: |".repeat(columns.len()));
    let row = |name: &str, cost: &dyn Fn(&Column) -> Cost| {
        let cells = columns.iter().map(|column| {
            let cost = cost(column);
            let (up, down) = (cost.up.bytes, cost.down.bytes);
            format!("{up} + {down}; {}", cost.ipv4(column.headers))
        });
        println!("| {name} | {} |", cells.collect::<Vec<_>>().join(" | "));
    };
    row("first contact", &|column| column.first_contact);
    row("send", &|column| column.send);
    row("sync of one line", &|column| column.sync);
    row("one line, observed", &|column| column.told);
    row("sync of 20 lines", &|column| column.catch_up);
    for (at, interval) in INTERVALS.iter().enumerate() {
        row(&format!("idle hour, every {interval} s"), &|column| {
            column.hours[at]
        });
    }
}
