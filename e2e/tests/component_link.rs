//! The link to the server: how it is made, how it ends, and what a load of requests sees of that.

use std::process::Command;
use std::time::{Duration, Instant};

use rustix::process::Signal;
use vestibule_e2e::xmpp::{
    Answer, Load, Login, Relay, Stage, XmppClients, XmppKind, XmppServer, on_both_servers,
};
use vestibule_e2e::{Authority, Leaf, Process, ReservedPort, Setup, eventually};

on_both_servers!(
    the_link_is_cut_under_load,
    the_server_restarts,
    the_server_starts_after_us,
    the_link_by_tls,
    the_link_by_a_unix_socket,
    a_wrong_secret_is_said,
    a_second_process_of_the_same_component,
    several_components_in_one_process,
    sigterm_under_load,
);

const PROXY: &str = Stage::PROXY;

const QUERY: &str = "urn:vestibule:e2e:query";

/// What is on the way when the link is cut is lost: XEP-0114 has no acknowledgements. Nothing else is,
/// and the link is back at once.
fn the_link_is_cut_under_load(kind: XmppKind) {
    let server = Stage::setup(kind).start();
    let relay = Relay::to(server.component_address(PROXY));
    let table = XmppServer::component_at(&relay.address().to_string(), PROXY, "bot");
    let times = "timeout = \"16s\"\nattempt_timeout = \"4s\"\n";
    let stage = Stage::of(server, format!("{table}{times}"));
    for bot in stage.bots(["a", "b"]) {
        bot.answers_work(Answer::ResultAfter(Duration::from_millis(20)));
    }
    let user = stage.login("user", "abc");
    let load = Load::new(PROXY, 800).pace(Duration::from_millis(4));
    user.begin(&load.patience(Duration::from_secs(10)));
    for cut in 1..=2 {
        user.progresses(200 * cut);
        // There is a link again, to be cut.
        eventually("a link", || stage.value("connects_total") == cut);
        relay.cut();
    }
    let report = user.report();
    println!(
        "{kind}: {} of 800 lost by two cuts; {report:?}",
        report.lost()
    );
    assert!(report.problems.is_empty(), "{report:#?}");
    // Two cuts, each with what is unanswered at once on the way.
    assert!(report.lost() <= 2 * 16, "{report:#?}");
    // While there is no link, the server refuses. The second time it takes us a second.
    let results = report.get.results + report.set.results;
    assert!(results >= 200, "{report:#?}");
    eventually("a third link", || stage.value("connects_total") == 3);
    eventually("nothing that is pending", || stage.value("pending") == 0);
    stage.has_resources(2);
    let report = user.run(&Load::new(PROXY, 50));
    report.assert_answered_once(Duration::from_secs(25));
    assert_eq!(report.get.results + report.set.results, 50);
}

fn the_server_restarts(kind: XmppKind) {
    let mut stage = Stage::new(kind, "required = true");
    let bots = stage.bots(["a", "b"]);
    assert_eq!(stage.ready().0, 200);
    stage.server.stop();
    stage.is_up(false);
    stage.has_resources(0);
    let (status, text) = stage.ready();
    assert_eq!(status, 503, "{text}");
    assert!(
        text.contains(&format!("component {PROXY}: connecting: ")),
        "{text}"
    );
    drop(bots);
    stage.server.start_again();
    stage.is_up(true);
    let (status, text) = stage.ready();
    assert_eq!(status, 200, "{text}");
    assert!(
        text.contains(&format!("component {PROXY}: connected")),
        "{text}"
    );
    // Its approval has outlived the restart.
    stage.bots(["a", "c"]);
    let user = stage.login("user", "abc");
    let report = user.run(&Load::new(PROXY, 50));
    report.assert_answered_once(Duration::from_secs(25));
    assert_eq!(report.get.results + report.set.results, 50, "{report:?}");
}

fn the_server_starts_after_us(kind: XmppKind) {
    let mut server = Stage::setup(kind).start();
    server.stop();
    let vestibule = Setup::new(server.component(PROXY, "bot")).start();
    std::thread::sleep(Duration::from_millis(500));
    server.start_again();
    let clients = XmppClients::start();
    let stage = Stage {
        server,
        vestibule,
        clients,
    };
    stage.is_up(true);
    stage.bots(["a"]);
}

/// ejabberd speaks TLS itself; Prosody does not, so that socat does it for it.
fn the_link_by_tls(kind: XmppKind) {
    let authority = Authority::new();
    let leaf = authority.server(&[PROXY]);
    let setup = Stage::setup(kind);
    let (server, _socat, address) = match kind {
        XmppKind::Ejabberd => {
            let server = setup.tls(&leaf.both).start();
            let address = server.component_address(PROXY);
            (server, None, address)
        }
        XmppKind::Prosody => {
            let server = setup.start();
            let port = ReservedPort::new();
            let socat = socat(&port, &leaf, &server);
            (server, Some(socat), port.address())
        }
    };
    let component = |tls: String| {
        let table = XmppServer::component_at(&address.to_string(), PROXY, "bot");
        format!("{table}tls = {tls}\n")
    };
    let root = authority.root();
    let right = format!(
        "{{ server_name = \"{PROXY}\", ca = \"{}\" }}",
        root.display()
    );
    let stage = Stage::of(server, component(right));
    stage.bots(["a"]);
    let user = stage.login("user", "abc");
    let report = user.run(&Load::new(PROXY, 100));
    report.assert_answered_once(Duration::from_secs(25));
    assert_eq!(report.get.results + report.set.results, 100, "{report:?}");

    // Who the server is, is verified.
    for wrong in [
        format!(
            "{{ server_name = \"else.example\", ca = \"{}\" }}",
            root.display()
        ),
        "true".to_owned(),
    ] {
        let vestibule = Setup::new(component(wrong)).start();
        eventually("the certificate to be refused", || {
            let said = vestibule.event_lines().concat();
            said.contains("certificate")
        });
        let metrics = vestibule.metrics();
        assert_eq!(metrics.sum("vestibule_component_connects_total", &[]), 0);
    }
}

fn socat(port: &ReservedPort, leaf: &Leaf, server: &XmppServer) -> Process {
    let listen = format!(
        "OPENSSL-LISTEN:{},bind=127.0.0.1,reuseaddr,fork,verify=0,cert={},key={}",
        port.port(),
        leaf.chain.display(),
        leaf.key.display()
    );
    let to = format!("TCP:{}", server.component_address(PROXY));
    let mut socat = Process::start("socat", Command::new("socat").args([listen, to]));
    socat.wait_for_port(port.port());
    socat
}

fn the_link_by_a_unix_socket(kind: XmppKind) {
    let server = Stage::setup(kind).start();
    let directory = tempfile::tempdir().expect("a temporary directory");
    let path = directory.path().join("component.sock");
    let _relay = Relay::unix(&path, server.component_address(PROXY));
    let address = format!("unix:{}", path.display());
    let stage = Stage::of(server, XmppServer::component_at(&address, PROXY, "bot"));
    stage.bots(["a"]);
    let user = stage.login("user", "abc");
    let report = user.run(&Load::new(PROXY, 100));
    report.assert_answered_once(Duration::from_secs(25));
    assert_eq!(report.get.results + report.set.results, 100, "{report:?}");
}

fn a_wrong_secret_is_said(kind: XmppKind) {
    let setup = Stage::setup(kind);
    let mut stage = Stage::with(setup, |server| {
        let table = server.component(PROXY, "bot");
        format!(
            "{}required = true\n",
            table.replace(XmppServer::SECRET, "wrong")
        )
    });
    eventually("the wrong secret to be said", || {
        stage.vestibule.event_lines().concat().contains("secret")
    });
    assert_eq!(stage.value("up"), 0);
    let (status, text) = stage.ready();
    assert_eq!(status, 503, "{text}");
    assert!(!stage.vestibule.event_lines().concat().contains("\"wrong\""));

    // Mended while it runs.
    let table = stage.server.component(PROXY, "bot");
    stage.vestibule.rewrite(format!("{table}required = true\n"));
    stage.vestibule.reload_by_signal();
    stage.is_up(true);
    assert_eq!(stage.ready().0, 200);
    stage.bots(["a"]);
}

/// Prosody refuses it; ejabberd shares the stanzas out among both, so that only the first one's link
/// matters here.
fn a_second_process_of_the_same_component(kind: XmppKind) {
    let stage = Stage::new(kind, "");
    stage.bots(["a"]);
    let second = Setup::new(stage.server.component(PROXY, "bot")).start();
    let up = || second.metrics().sum("vestibule_component_up", &[]);
    match kind {
        XmppKind::Ejabberd => eventually("the second link", || up() == 1),
        XmppKind::Prosody => {
            eventually("the conflict to be said", || {
                second.event_lines().concat().contains("conflict")
            });
            assert_eq!(up(), 0);
            let user = stage.login("user", "abc");
            let report = user.run(&Load::new(PROXY, 50));
            report.assert_answered_once(Duration::from_secs(25));
            assert_eq!(report.get.results, 25, "{report:?}");
        }
    }
    assert_eq!((stage.value("up"), stage.value("connects_total")), (1, 1));
}

fn several_components_in_one_process(kind: XmppKind) {
    let others: Vec<String> = (1..=5).map(|n| format!("c{n}.xmpp.example")).collect();
    let mut setup = Stage::setup(kind).accounts(&["bot2"]);
    for other in &others {
        setup = setup.component(other);
    }
    let tables = |server: &XmppServer, domains: &[String]| {
        let mut text = server.component(PROXY, "bot");
        for domain in domains {
            text.push_str(&server.component(domain, "bot2"));
        }
        text
    };
    let mut stage = Stage::with(setup, |server| tables(server, &others));
    stage.bots(["a"]);
    let bot2 = stage.login("bot2", "x");
    let user = stage.login("user", "abc");
    for domain in &others {
        stage.has_resources_of(domain, 1);
        let report = user.run(&Load::new(domain, 20));
        report.assert_answered_once(Duration::from_secs(25));
        assert_eq!(report.by.get(bot2.jid()), Some(&20), "{domain}: {report:?}");
    }
    assert_eq!(stage.value("requests_total"), 0);

    // One is taken out of the file: the others keep their links.
    stage.vestibule.rewrite(tables(&stage.server, &others[1..]));
    stage.vestibule.reload_by_signal();
    eventually("its link to end", || stage.value_of("up", &others[0]) == 0);
    let request = format!(
        "<iq type='get' to='{}'><query xmlns='{QUERY}'/></iq>",
        others[0]
    );
    let refusal = user.ask(&request);
    assert_eq!(refusal.kind, "error", "the server answers");
    assert_ne!(refusal.error(), "cancel/feature-not-implemented");
    for domain in others[1..].iter().map(String::as_str).chain([PROXY]) {
        assert_eq!(stage.value_of("connects_total", domain), 1, "{domain}");
        let report = user.run(&Load::new(domain, 20));
        report.assert_answered_once(Duration::from_secs(25));
        assert_eq!(report.get.results, 10, "{domain}: {report:?}");
    }
    // And back.
    stage.vestibule.rewrite(tables(&stage.server, &others));
    stage.vestibule.reload_by_signal();
    stage.has_resources_of(&others[0], 1);
    let report = user.run(&Load::new(&others[0], 20));
    assert_eq!(report.get.results + report.set.results, 20, "{report:?}");
}

/// What was asked before the signal is answered, and all that was read is.
fn sigterm_under_load(kind: XmppKind) {
    let mut stage = Stage::new(kind, "");
    let bots = stage.bots(["a", "b"]);
    for bot in &bots {
        bot.answers_work(Answer::ResultAfter(Duration::from_millis(400)));
    }
    let user = stage.login("user", "abc");
    let load = Load::new(PROXY, 400)
        .pace(Duration::from_millis(5))
        .window(32);
    user.begin(&load.patience(Duration::from_secs(8)));
    user.progresses(100);
    let asked = Instant::now();
    stage.vestibule.process().signal(Signal::TERM);
    let status = stage.vestibule.process().wait();
    assert!(status.success(), "{status}");
    assert!(
        asked.elapsed() < Duration::from_secs(25),
        "{:?}",
        asked.elapsed()
    );
    let report = user.report();
    let records = stage.vestibule.records();
    let stopped = records
        .iter()
        .filter(|record| record.text("outcome") == "stopped")
        .count();
    println!(
        "{kind}: {} records, {stopped} stopped, {} lost; {report:?}",
        records.len(),
        report.lost()
    );
    assert!(report.problems.is_empty(), "{report:#?}");
    // What came to the server's buffer after the link was closed.
    assert!(report.lost() <= 32, "{report:#?}");
    let results = report.get.results + report.set.results;
    let answered = records
        .iter()
        .filter(|record| record.text("outcome") == "result")
        .count();
    assert_eq!(results, answered);
    let login = Login::new(&stage.server, "other", "late");
    let late = stage.clients.login(&login);
    let refusal = late.ask(&format!(
        "<iq type='get' to='{PROXY}'><query xmlns='{QUERY}'/></iq>"
    ));
    assert_eq!(refusal.kind, "error", "the server answers for us");
}
