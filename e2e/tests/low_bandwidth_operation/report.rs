//! What is told of known traffic.

use std::fs;
use std::time::Duration;

use serde_json::Value;
use vestibule_coap::Code;
use vestibule_e2e::dtls::CoapsClient;
use vestibule_e2e::{Setup, Vestibule, eventually, wait_for};

use crate::stage::{SYNC, Stage, VERSIONS, WHOAMI, address, associations, request};

/// The association of this client, when nothing more is under way: it has been the same for a while.
fn settled(vestibule: &Vestibule, client: &mut CoapsClient) -> Value {
    let mut known = (Value::Null, 0, 0);
    wait_for("silence", || {
        client.run_for(Duration::from_millis(300));
        let shown = associations(vestibule).remove(0);
        let bytes = [&shown["bytes_in"], &shown["bytes_out"]];
        let bytes = serde_json::json!(bytes);
        let now = (
            bytes,
            client.trace().sent.len(),
            client.trace().received.len(),
        );
        let is_settled = now == known;
        known = now;
        is_settled.then_some(shown)
    })
}

#[test]
fn the_same_in_commands_records_and_metrics() {
    let stage = Stage::new();
    let vestibule = Vestibule::start(stage.table(""));
    let mut client = stage.client(address(&vestibule));
    let before = settled(&vestibule, &mut client);
    let (sent, received) = (client.trace().sent.len(), client.trace().received.len());

    let code = |client: &mut CoapsClient, target, token: Option<&str>| {
        client.request(request(target, token)).code
    };
    assert_eq!(code(&mut client, VERSIONS, None), Code::CONTENT);
    assert_eq!(
        code(&mut client, "/_synapse/admin/v1/users", None),
        Code::NOT_FOUND
    );
    assert_eq!(code(&mut client, WHOAMI, None), Code::UNAUTHORIZED);
    stage.is_served(&mut client);
    let (id, first) = client.observe(stage.request(SYNC));
    assert_eq!(first.code, Code::CONTENT);
    stage.say("known traffic");
    client.notification(id);
    wait_for("a notification that is delivered", || {
        client.run_for(Duration::from_millis(5));
        let users = vestibule.ask(&["show", "users"]);
        (users["users"][0]["notifications"] == 1).then_some(())
    });

    let after = settled(&vestibule, &mut client);
    let total = |datagrams: &[Vec<u8>]| datagrams.iter().map(|it| it.len() as u64).sum::<u64>();
    let grown = |key: &str| {
        let [before, after] = [&before, &after].map(|it| it[key].as_u64().expect("a number"));
        after - before
    };
    assert_eq!(grown("bytes_in"), total(&client.trace().sent[sent..]));
    assert_eq!(
        grown("bytes_out"),
        total(&client.trace().received[received..])
    );
    assert_eq!(after["gateway"], "lb");
    assert_eq!(after["version"], "1.3");
    assert_eq!(
        (&after["resumed"], &after["connection_id"]),
        (&false.into(), &true.into())
    );
    assert_eq!(
        (&after["requests"], &after["observations"]),
        (&0.into(), &1.into())
    );
    assert_eq!(before["user"], Value::Null);
    let user = after["user"].as_str().expect("a digest");
    assert_eq!(user.len(), 16);

    let users = vestibule.ask(&["show", "users"]);
    let users = users["users"].as_array().expect("a list");
    assert_eq!(users.len(), 1, "{users:?}");
    for (key, value) in [
        ("associations", 1),
        ("observations", 1),
        ("requests", 2),
        ("errors", 0),
        ("notifications", 1),
        ("undelivered", 0),
    ] {
        assert_eq!(users[0][key], value, "{key} of {users:?}");
    }
    assert_eq!(users[0]["user"], user);

    // The next poll waits a little.
    eventually("the next poll", || {
        let active = "vestibule_lowband_polls_active";
        vestibule.metrics().sum(active, &[("gateway", "lb")]) == 1
    });
    let metrics = vestibule.metrics();
    let count = |name: &str, labels: &[(&str, &str)]| {
        let labels = [&[("gateway", "lb")], labels].concat();
        metrics.sum(&format!("vestibule_lowband_{name}"), &labels)
    };
    let exchanges = |exchange, outcome| {
        count(
            "exchanges_total",
            &[("exchange", exchange), ("outcome", outcome)],
        )
    };
    assert_eq!(exchanges("request", "2.xx"), 2);
    assert_eq!(exchanges("request", "4.xx"), 2);
    assert_eq!(exchanges("register", "2.xx"), 1);
    assert_eq!(exchanges("notification", "delivered"), 1);
    assert_eq!(count("exchanges_total", &[]), 6);
    assert_eq!(count("refusals_total", &[("reason", "denied")]), 1);
    assert_eq!(count("refusals_total", &[("reason", "missing_token")]), 1);
    assert_eq!(count("refusals_total", &[]), 2);
    assert_eq!(count("observations_active", &[]), 1);
    assert_eq!(count("requests_active", &[]), 0);
    assert_eq!(count("limit_exceeded_total", &[]), 0);
    assert!(count("sent_bytes_total", &[]) >= after["bytes_out"].as_u64().expect("a number"));
    let failed = [("outcome", "unreachable")];
    assert_eq!(count("upstream_requests_total", &failed), 0);

    let observed = after["id"].as_str().expect("an id").to_owned();
    client.close();
    let records = vestibule.wait_for_records(7);
    assert!(records.iter().all(|it| it.text("association") == observed));
    let of = |event: &str| {
        let of_it = records.iter().filter(|it| it.text("event") == event);
        of_it.collect::<Vec<_>>()
    };
    let codes: Vec<_> = of("lb_request").iter().map(|it| it.text("code")).collect();
    assert_eq!(codes, ["2.05", "4.04", "4.01", "2.05"]);
    of("lb_register")[0].assert(&[("code", "2.05"), ("user", user), ("end", "answered")]);
    of("lb_notification")[0].assert(&[("code", "2.05"), ("user", user), ("end", "delivered")]);
    let ended = of("association")[0];
    ended.assert(&[("end", "peer"), ("version", "1.3"), ("user", user)]);
    assert_eq!(ended.number("exchanges"), 6);
    let log = fs::read_to_string(vestibule.access_log()).expect("the records");
    assert!(
        !log.contains(&stage.token) && !log.contains("timeout="),
        "{log}"
    );
    let said = vestibule.event_lines().join("\n");
    assert!(!said.contains(&stage.token), "{said}");
}

#[test]
fn keys_that_are_written_down_are_told() {
    let stage = Stage::new();
    let keys = stage.authority.directory().join("keys");
    let setup = Setup::new(stage.table("")).environment("SSLKEYLOGFILE", keys.clone());
    let vestibule = setup.start();
    let warned = vestibule.all_events();
    let warned = warned.iter().filter(|it| it["level"] == "WARN");
    let warned = warned.filter_map(|it| it["message"].as_str());
    let warned: Vec<_> = warned.filter(|it| it.contains("SSLKEYLOGFILE")).collect();
    assert_eq!(
        warned,
        ["SSLKEYLOGFILE is set: who reads that file can decrypt every session"]
    );
    stage.is_served(&mut stage.client(address(&vestibule)));
    eventually("the keys", || {
        fs::read_to_string(&keys).is_ok_and(|it| it.contains("CLIENT_TRAFFIC_SECRET_0 "))
    });
}

#[test]
fn each_gateway_is_told_by_its_name() {
    let (stage, other) = (Stage::new(), Stage::new());
    let tables = stage.table("") + &other.table_at("other", "127.0.0.1:0", "");
    let vestibule = Vestibule::start(tables);
    let mut guests = [
        (&stage, stage.client(address(&vestibule))),
        (
            &other,
            other.client(crate::stage::addresses(&vestibule, "other")[0]),
        ),
    ];
    for (of, client) in &mut guests {
        of.is_served(client);
        of.is_served(client);
    }
    let output = vestibule.command(&["show", "associations"]);
    let text = String::from_utf8(output.stdout).expect("text");
    assert_eq!(text.lines().count(), 3, "{text}");
    for name in ["lb", "other"] {
        assert!(
            text.lines()
                .any(|line| line.split_whitespace().nth(1) == Some(name)),
            "{text}"
        );
        let labels = [
            ("gateway", name),
            ("exchange", "request"),
            ("outcome", "2.xx"),
        ];
        let name = "vestibule_lowband_exchanges_total";
        eventually("both requests", || {
            vestibule.metrics().value(name, &labels) == 2
        });
    }
    let users = vestibule.ask(&["show", "users"]);
    assert_eq!(users["users"].as_array().map(Vec::len), Some(2), "{users}");
}

/// With the ports that the kernel has chosen.
#[test]
fn where_gateways_listen_is_shown() {
    let stage = Stage::new();
    let table = stage.table(
        "advertise = \"http://127.0.0.1:1\"\ntcp_bind = \"127.0.0.1:0\"\n\
         plain_debug_bind = \"127.0.0.1:0\"",
    );
    let bind = "bind = [\"127.0.0.1:0\", \"[::1]:0\"]";
    let mut vestibule =
        Vestibule::start(table.replace("bind = \"127.0.0.1:0\"\nh", &format!("{bind}\nh")));
    let first = address(&vestibule);
    let shown = |vestibule: &Vestibule| {
        let answer = vestibule.ask(&["show", "listeners"]);
        let listeners = answer["listeners"].as_array().expect("a list").clone();
        let word = |it: &Value, key: &str| it[key].as_str().expect("text").to_owned();
        let of = |it| {
            (
                word(it, "listener"),
                word(it, "transport"),
                word(it, "address"),
            )
        };
        listeners.iter().map(of).collect::<Vec<_>>()
    };
    let rows = shown(&vestibule);
    let heads: Vec<_> = rows.iter().map(|row| (&*row.0, &*row.1)).collect();
    assert_eq!(
        heads,
        [
            ("lb/tcp", "tcp"),
            ("lb", "udp"),
            ("lb", "udp"),
            ("lb/plain", "udp")
        ]
    );
    let announced = crate::stage::addresses(&vestibule, "lb");
    let told: Vec<_> = rows[1..3].iter().map(|row| row.2.parse().ok()).collect();
    assert_eq!(told, announced.into_iter().map(Some).collect::<Vec<_>>());
    assert_eq!(rows[0].2, vestibule.address("lb/tcp").to_string());
    let plain = vestibule.events("listening for CoAP without DTLS");
    assert_eq!(plain[0]["address"], *rows[3].2);
    let output = vestibule.command(&["show", "listeners"]);
    let text = String::from_utf8(output.stdout).expect("text");
    let lines: Vec<Vec<&str>> = text
        .lines()
        .map(|line| line.split_whitespace().collect())
        .collect();
    assert_eq!(lines[0], ["listener", "transport", "address"]);
    assert_eq!(lines[2], ["lb", "udp", &first.to_string()]);

    // Other addresses are shown as soon as the reload is done.
    vestibule.rewrite(stage.table_at("new", "127.0.0.1:0", ""));
    vestibule.reload_by_signal();
    let rows = shown(&vestibule);
    assert_eq!(rows.len(), 1, "{rows:?}");
    assert_eq!((&*rows[0].0, &*rows[0].1), ("new", "udp"));
    stage.is_served(&mut stage.client(rows[0].2.parse().expect("an address")));
}
