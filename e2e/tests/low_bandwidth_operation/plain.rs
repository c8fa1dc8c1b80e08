//! CoAP without DTLS, for those who look for a fault.

use std::net::SocketAddr;
use std::process::Command;

use rustix::process::Signal;
use vestibule_coap::Code;
use vestibule_coap::endpoint::{Acknowledge, Config};
use vestibule_e2e::coap::CoapClient;
use vestibule_e2e::lowband::StubHomeserver;
use vestibule_e2e::{Process, Vestibule, eventually, program, wait_for};

use crate::stage::{SYNC, Stage, WHOAMI, address, associations, json};

fn start(stage: &Stage) -> (Vestibule, SocketAddr) {
    let vestibule = Vestibule::start(stage.table("plain_debug_bind = \"127.0.0.1:0\""));
    let address = plain_address(&vestibule, 0);
    (vestibule, address)
}

/// Where it was said, the `nth` time, that it listens.
fn plain_address(vestibule: &Vestibule, nth: usize) -> SocketAddr {
    wait_for("the plain listener", || {
        let events = vestibule.events("listening for CoAP without DTLS");
        events.get(nth)?["address"].as_str()?.parse().ok()
    })
}

/// The tool, as an operator calls it.
fn tool(stage: &Stage, address: SocketAddr, arguments: &[&str]) -> Command {
    let mut command = program();
    let bearer = format!("Authorization: Bearer {}", stage.token);
    command.args(["coap", "--plain", "--keys", "-H", &bearer]);
    command.args(&arguments[1..]);
    command.arg(format!("http://{address}{}", arguments[0]));
    command
}

#[test]
fn the_tool_asks_and_observes() {
    let stage = Stage::new();
    let (mut vestibule, address) = start(&stage);
    let output = tool(&stage, address, &[WHOAMI])
        .output()
        .expect("running the program");
    assert!(output.status.success(), "{output:?}");
    assert!(
        String::from_utf8_lossy(&output.stdout).contains(&stage.alice),
        "{output:?}"
    );
    let mut command = tool(&stage, address, &["/_matrix/client/v3/sync", "--observe"]);
    let mut tool = Process::start("coap", &mut command);
    tool.wait_for_line("next_batch");
    stage.say("a line for those who observe");
    tool.wait_for_line("a line for those who observe");
    let shown = associations(&vestibule);
    let observer = shown
        .iter()
        .find(|it| it["observations"] == 1)
        .expect("an observer");
    assert_eq!(observer["version"], "plain");
    assert_eq!(observer["handshake_bytes"], 0);
    tool.signal(Signal::INT);
    assert_eq!(tool.wait().code(), Some(0));
    eventually("the end of the observation", || {
        associations(&vestibule)
            .iter()
            .all(|it| it["observations"] == 0)
    });
    assert_eq!(vestibule.terminate().code(), Some(0));
    let records = vestibule.records();
    let of = |event: &str| {
        records
            .iter()
            .filter(|it| it.text("event") == event)
            .count()
    };
    // The tool has said that it observes no more, which is a request.
    assert_eq!(
        (of("lb_request"), of("lb_register"), of("association")),
        (2, 1, 2)
    );
    let mut ended = records
        .iter()
        .filter(|it| it.text("event") == "association");
    assert!(ended.all(|it| it.text("version") == "plain" && it.text("end") == "us"));
}

/// The homeserver sees what is so: somebody on this machine who does not speak TLS. A client at a
/// loopback address would be taken for one on the homeserver's own machine, wherever that is.
#[test]
fn the_homeserver_is_told_nothing_of_the_client() {
    let stage = Stage::new();
    let homeserver = StubHomeserver::saying(serde_json::json!({}));
    for told in ["auto", "always"] {
        let keys = format!("x_forwarded_for = \"{told}\"\nplain_debug_bind = \"127.0.0.1:0\"");
        let url = |of: SocketAddr| format!("\"http://{of}\"");
        let table = stage
            .table(&keys)
            .replace(&url(stage.homeserver.address()), &url(homeserver.address()));
        let mut vestibule = Vestibule::start(table);
        let client = CoapClient::to(plain_address(&vestibule, 0), Config::default());
        let answer = client.request(stage.request(WHOAMI)).expect("an answer");
        assert_eq!(answer.code, Code::CONTENT, "{answer:?}");
        // With DTLS it is told.
        stage
            .client(address(&vestibule))
            .request(stage.request(WHOAMI));
        assert_eq!(vestibule.terminate().code(), Some(0));
    }
    let told: Vec<_> = homeserver
        .asked()
        .iter()
        .map(|asked| {
            let fields = ["x-forwarded-for", "x-forwarded-proto"];
            fields.map(|name| asked.field(name).map(str::to_owned))
        })
        .collect();
    let of_dtls = ["127.0.0.1", "https"].map(|value| Some(value.to_owned()));
    assert_eq!(told, [[None, None], of_dtls.clone(), [None, None], of_dtls]);
}

#[test]
fn who_waits_is_answered_at_the_end() {
    let stage = Stage::new();
    let (mut vestibule, address) = start(&stage);
    let client = CoapClient::to(address, Config::default());
    let first = client.request(stage.request(&format!("{SYNC}?timeout=0")));
    let next = json(&first.expect("an answer"))["next_batch"].clone();
    let next = next.as_str().expect("a token").to_owned();
    let target = format!("{SYNC}?timeout=30000&since={next}");
    std::thread::scope(|scope| {
        let answer = scope.spawn(|| client.request(stage.request(&target)));
        eventually("the homeserver to be asked", || {
            stage.homeserver.waiting_of(&stage.alice) > 0
        });
        assert_eq!(vestibule.terminate().code(), Some(0));
        let answer = answer.join().expect("a thread").expect("an answer");
        assert_eq!(answer.code, Code::SERVICE_UNAVAILABLE, "{answer:?}");
    });
}

#[test]
fn a_reload_keeps_it_or_begins_it_again_where_it_was() {
    let stage = Stage::new();
    let (mut vestibule, address) = start(&stage);
    let client = CoapClient::to(address, Config::default());
    let asked = || {
        client
            .request(stage.request(WHOAMI))
            .expect("an answer")
            .code
    };
    assert_eq!(asked(), Code::CONTENT);
    let keys = "plain_debug_bind = \"127.0.0.1:0\"";
    vestibule.rewrite(stage.table(&format!("{keys}\nrequest_timeout = \"10s\"")));
    vestibule.reload_by_signal();
    assert_eq!(asked(), Code::CONTENT);
    assert_eq!(associations(&vestibule)[0]["id"], "plain-1");
    vestibule.rewrite(stage.table(&format!("{keys}\nblock_size = 512")));
    vestibule.reload_by_signal();
    assert_eq!(plain_address(&vestibule, 1), address);
    assert_eq!(asked(), Code::CONTENT);
    // Observed without DTLS as with it.
    let (id, first) = client.observe(stage.request(SYNC), Acknowledge::AtOnce);
    assert_eq!(first.code, Code::CONTENT);
    stage.say("news");
    let news = client.notification(id);
    assert!(json(&news).to_string().contains("news"), "{news:?}");
    vestibule.rewrite(stage.table(""));
    vestibule.reload_by_signal();
    eventually("the address to be free", || {
        std::net::UdpSocket::bind(address).is_ok()
    });
}
