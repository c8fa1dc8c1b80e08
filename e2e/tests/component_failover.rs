//! Resources that come, leave and die under a load of requests: each request is answered exactly
//! once, gets by somebody else, and sets with an error that says what is not known.

use std::time::Duration;

use vestibule_e2e::eventually;
use vestibule_e2e::xmpp::{
    Answer, Load, Login, Relay, Report, Stage, XmppClient, XmppKind, on_both_servers,
};

on_both_servers!(
    a_resource_leaves_and_another_one_joins,
    resources_come_and_go_all_the_time,
    a_resource_is_cut_off,
    a_resource_is_cut_off_and_may_come_back,
    a_resource_falls_into_a_black_hole,
    the_only_resource_is_cut_off,
    sets_are_asked_again_where_that_is_allowed,
    a_late_answer_is_dropped,
);

const PROXY: &str = Stage::PROXY;

/// Short times, so that a dead resource is given up soon.
const TIMES: &str = "timeout = \"16s\"\nattempt_timeout = \"4s\"";

/// [`TIMES`] as tests see it: nothing may take longer than the deadline, and what a machine that does much
/// else takes.
const DEADLINE: Duration = Duration::from_secs(25);

/// What a set is answered of which it is not known whether it was done.
const UNKNOWN: &str = "wait/remote-server-timeout";

/// A load that lasts about three seconds.
fn load() -> Load {
    load_of(600)
}

/// One of so many requests.
fn load_of(count: usize) -> Load {
    Load::new(PROXY, count).pace(Duration::from_millis(4))
}

/// Requests take a moment, so that some are under way whenever a resource goes.
fn takes_a_moment(bots: &[XmppClient]) {
    for bot in bots {
        bot.answers_work(Answer::ResultAfter(Duration::from_millis(20)));
    }
}

/// Every request was answered once and in time: the gets with results, the sets with results or with
/// the error that says that it is not known whether they were done, and none was done twice.
#[track_caller]
fn assert_survived(stage: &Stage, report: &Report) {
    println!("{report:?}");
    report.assert_answered_once(DEADLINE);
    assert_eq!(report.get.results, report.get.sent, "{report:#?}");
    report.set.assert_only(UNKNOWN);
    if let Some(text) = report.texts.get(UNKNOWN) {
        assert!(text.contains("not known"), "{text}");
    }
    let done = stage.clients.sets_done();
    assert!(done.values().all(|&times| times == 1), "{done:?}");
    eventually("nothing that is pending", || stage.value("pending") == 0);
}

fn a_resource_leaves_and_another_one_joins(kind: XmppKind) {
    let stage = Stage::new(kind, TIMES);
    let bots = stage.bots(["a", "b"]);
    takes_a_moment(&bots);
    let user = stage.login("user", "abc");
    // It goes on when the other one is there at last.
    user.begin(&load_of(2_500));
    user.progresses(150);
    bots[0].leave();
    user.progresses(300);
    let late = stage.login("bot", "c");
    let report = user.report();
    assert_survived(&stage, &report);
    assert!(report.by[bots[1].jid()] > 100, "{report:?}");
    assert!(
        report.by.get(late.jid()).is_some_and(|&count| count > 50),
        "{report:?}"
    );
}

fn resources_come_and_go_all_the_time(kind: XmppKind) {
    let stage = Stage::new(kind, TIMES);
    let bots = stage.bots(["stays", "old"]);
    takes_a_moment(&bots);
    let user = stage.login("user", "abc");
    user.begin(&load());
    let [_stays, mut old] = bots;
    for round in 0..10 {
        user.progresses(50 * round);
        let new = stage.login("bot", &format!("r{round}"));
        new.answers_work(Answer::ResultAfter(Duration::from_millis(20)));
        match round % 3 {
            0 => old.cut(),
            1 => old.leave(),
            _ => old.send("<presence><show>dnd</show></presence>"),
        }
        old = new;
    }
    let report = user.report();
    assert_survived(&stage, &report);
    assert!(report.set.failed() < 100, "{report:?}");
}

fn a_resource_is_cut_off(kind: XmppKind) {
    let stage = Stage::new(kind, TIMES);
    let bots = stage.bots(["a", "b"]);
    takes_a_moment(&bots);
    let user = stage.login("user", "abc");
    user.begin(&load());
    user.progresses(150);
    bots[0].cut();
    let report = user.report();
    assert_survived(&stage, &report);
    assert!(report.set.failed() < 40, "{report:?}");
    // The server has said at once that it is gone: nobody waited for an answer of it.
    assert!(report.slowest < 3.9, "{report:?}");
    stage.has_resources(1);
}

/// The server keeps the stream of the lost resource and says nothing (XEP-0198).
fn a_resource_is_cut_off_and_may_come_back(kind: XmppKind) {
    let stage = Stage::on(Stage::setup(kind).resumption(), TIMES);
    let bots = ["a", "b"].map(|resource| {
        let login = Login::new(&stage.server, "bot", resource);
        stage.clients.login(&login.resumption())
    });
    stage.has_resources(2);
    takes_a_moment(&bots);
    let user = stage.login("user", "abc");
    user.begin(&load());
    user.progresses(150);
    bots[0].cut();
    let report = user.report();
    assert_survived(&stage, &report);
    assert!(report.by[bots[1].jid()] > 200, "{report:?}");
    // After its first failures it is spared.
    assert!(report.set.failed() < 60, "{report:?}");
}

/// The connection stays, but nothing comes out of it any more, and nothing in.
fn a_resource_falls_into_a_black_hole(kind: XmppKind) {
    let stage = Stage::on(Stage::setup(kind).resumption(), TIMES);
    let relay = Relay::to(stage.server.client_address());
    let login = |resource: &str| Login::new(&stage.server, "bot", resource).resumption();
    let bots = [
        stage.clients.login(&login("a").through(relay.address())),
        stage.clients.login(&login("b")),
    ];
    stage.has_resources(2);
    takes_a_moment(&bots);
    let user = stage.login("user", "abc");
    user.begin(&load());
    user.progresses(150);
    relay.swallow();
    let report = user.report();
    assert_survived(&stage, &report);
    assert!(report.by[bots[1].jid()] > 200, "{report:?}");
    assert!(report.set.failed() < 60, "{report:?}");
    assert!(stage.value("retries_total") > 0);
}

/// Nobody is left to be asked: gets are answered with an error too, in time.
fn the_only_resource_is_cut_off(kind: XmppKind) {
    let stage = Stage::new(kind, TIMES);
    let bots = stage.bots(["a"]);
    takes_a_moment(&bots);
    let user = stage.login("user", "abc");
    user.begin(&load());
    user.progresses(150);
    bots[0].cut();
    let report = user.report();
    println!("{report:?}");
    report.assert_answered_once(DEADLINE);
    let expected = ["wait/recipient-unavailable", UNKNOWN];
    for error in report.texts.keys() {
        assert!(expected.contains(&error.as_str()), "{report:#?}");
    }
    let results = report.get.results + report.set.results;
    assert!((150..600).contains(&results), "{report:?}");
    stage.has_resources(0);
    assert_eq!(stage.requests("link_lost"), 0);

    // And when somebody comes, all is well again.
    stage.bots(["b"]);
    let report = user.run(&Load::new(PROXY, 50));
    assert_eq!(report.get.results + report.set.results, 50, "{report:?}");
}

fn sets_are_asked_again_where_that_is_allowed(kind: XmppKind) {
    let lines = format!("{TIMES}\nretry_sets = [\"urn:vestibule:e2e:work\"]");
    let stage = Stage::on(Stage::setup(kind).resumption(), &lines);
    let relay = Relay::to(stage.server.client_address());
    let login = |resource: &str| Login::new(&stage.server, "bot", resource).resumption();
    let bots = [
        stage.clients.login(&login("a").through(relay.address())),
        stage.clients.login(&login("b")),
    ];
    stage.has_resources(2);
    takes_a_moment(&bots);
    let user = stage.login("user", "abc");
    user.begin(&load());
    user.progresses(150);
    relay.swallow();
    let report = user.report();
    report.assert_answered_once(DEADLINE);
    assert_eq!(report.get.results + report.set.results, 600, "{report:#?}");
    assert!(stage.value("retries_total") > 0);
}

/// Somebody else was asked in the meantime, and has answered; the first one's answer comes after that.
fn a_late_answer_is_dropped(kind: XmppKind) {
    let stage = Stage::new(kind, TIMES);
    let bots = stage.bots(["a", "b"]);
    let user = stage.login("user", "abc");
    bots[0].answers_work(Answer::ResultAfter(Duration::from_secs(6)));
    let report = user.run(&Load::new(PROXY, 60).window(60).gets());
    report.assert_answered_once(DEADLINE);
    assert_eq!(report.by.get(bots[1].jid()), Some(&60), "{report:?}");
    let retries = stage.value("retries_total");
    assert!((10..=50).contains(&retries), "{retries} retries");
    eventually("each late answer to be counted", || {
        stage.dropped("late") == retries
    });
    assert_eq!(stage.value("pending"), 0);
}
