//! Targets that are not there, that do not approve, or that do so later.

use std::time::Duration;

use vestibule_e2e::xmpp::{Answer, Login, Stage, XmppClient, XmppKind, XmppSetup, on_both_servers};
use vestibule_e2e::{Setup, eventually};

on_both_servers!(
    an_account_that_does_not_exist_yet,
    an_account_that_goes_and_comes,
    an_account_that_approves_later,
    an_account_that_refuses_and_then_approves,
    an_account_that_takes_its_approval_back,
    presence_without_a_subscription,
    several_accounts_share_the_work,
);

const PROXY: &str = Stage::PROXY;

const QUERY: &str = "urn:vestibule:e2e:query";

fn query() -> String {
    format!("<iq type='get' to='{PROXY}'><query xmlns='{QUERY}'/></iq>")
}

#[track_caller]
fn is_refused(user: &XmppClient) {
    user.ask(&query())
        .assert_error(PROXY, "wait/recipient-unavailable");
}

#[track_caller]
fn is_answered(user: &XmppClient, by: &XmppClient) {
    by.answers(QUERY, Answer::Result);
    let answer = user.ask(&query());
    answer.assert_result(PROXY);
    assert_eq!(answer.attribute("by"), by.jid());
}

fn subscribes(stanza: &vestibule_e2e::xmpp::Stanza) -> bool {
    stanza.name == "presence" && stanza.kind == "subscribe" && stanza.from == PROXY
}

/// Waits for minutes if need be: attempts to subscribe become rarer with time.
#[track_caller]
fn within_minutes(what: &str, is_so: impl Fn() -> bool) {
    for _ in 0..1_800 {
        if is_so() {
            return;
        }
        std::thread::sleep(Duration::from_millis(100));
    }
    panic!("waited in vain for {what}");
}

fn an_account_that_does_not_exist_yet(kind: XmppKind) {
    let setup = XmppSetup::new(kind).component(PROXY).accounts(&["user"]);
    let stage = Stage::on(setup, "");
    stage.is_up(true);
    let user = stage.login("user", "abc");
    is_refused(&user);
    stage.server.register("bot");
    let bot = stage.login("bot", "a");
    within_minutes("the new account's resource", || {
        stage.value("resources") == 1
    });
    is_answered(&user, &bot);
    stage.subscription_is("subscribed");
}

fn an_account_that_goes_and_comes(kind: XmppKind) {
    let mut stage = Stage::new(kind, "");
    let user = stage.login("user", "abc");
    is_refused(&user);
    let [bot] = stage.bots(["a"]);
    is_answered(&user, &bot);
    bot.leave();
    stage.has_resources(0);
    is_refused(&user);
    let [bot] = stage.bots(["b"]);
    is_answered(&user, &bot);

    // Another process, to which the server says only that it is subscribed already.
    stage.vestibule.terminate();
    stage.vestibule = Setup::new(stage.server.component(PROXY, "bot")).start();
    stage.has_resources(1);
    is_answered(&user, &bot);
    bot.receives_no("a second request", subscribes_twice(&bot));
}

/// The first one was answered when the client came.
fn subscribes_twice(bot: &XmppClient) -> impl Fn(&vestibule_e2e::xmpp::Stanza) -> bool {
    while bot.take(subscribes).is_some() {}
    subscribes
}

fn an_account_that_approves_later(kind: XmppKind) {
    let stage = Stage::new(kind, "");
    let user = stage.login("user", "abc");
    let bot = stage
        .clients
        .login(&Login::new(&stage.server, "bot", "a").silent());
    bot.receives("a request to subscribe", subscribes);
    stage.subscription_is("pending");
    is_refused(&user);
    bot.send(&format!("<presence to='{PROXY}' type='subscribed'/>"));
    stage.has_resources(1);
    stage.subscription_is("subscribed");
    is_answered(&user, &bot);
}

fn an_account_that_refuses_and_then_approves(kind: XmppKind) {
    let stage = Stage::new(kind, "");
    let user = stage.login("user", "abc");
    let bot = stage
        .clients
        .login(&Login::new(&stage.server, "bot", "a").silent());
    bot.receives("a request to subscribe", subscribes);
    bot.send(&format!("<presence to='{PROXY}' type='unsubscribed'/>"));
    stage.subscription_is("refused");
    is_refused(&user);
    within_minutes("another request", || bot.take(subscribes).is_some());
    bot.send(&format!("<presence to='{PROXY}' type='subscribed'/>"));
    stage.has_resources(1);
    is_answered(&user, &bot);
}

fn an_account_that_takes_its_approval_back(kind: XmppKind) {
    let stage = Stage::new(kind, "");
    let user = stage.login("user", "abc");
    let [bot] = stage.bots(["a"]);
    is_answered(&user, &bot);
    bot.send(&format!("<presence to='{PROXY}' type='unsubscribed'/>"));
    stage.has_resources(0);
    is_refused(&user);
    eventually("another state", || {
        let metrics = stage.vestibule.metrics();
        let labels = [("component", PROXY), ("state", "subscribed")];
        metrics.sum("vestibule_component_subscription", &labels) == 0
    });
}

/// A resource registers itself by directed presence (RFC 6121 section 4.6); the roster of the
/// account stays as it is.
fn presence_without_a_subscription(kind: XmppKind) {
    let stage = Stage::new(kind, "");
    let user = stage.login("user", "abc");
    let bot = stage
        .clients
        .login(&Login::new(&stage.server, "bot", "a").silent());
    bot.receives("a request to subscribe", subscribes);
    bot.send(&format!("<presence to='{PROXY}'/>"));
    stage.has_resources(1);
    is_answered(&user, &bot);
    bot.cut();
    stage.has_resources(0);
    is_refused(&user);
}

fn several_accounts_share_the_work(kind: XmppKind) {
    let setup = Stage::setup(kind).accounts(&["bot2"]);
    let stage = Stage::with(setup, |server| {
        let one = "target = \"bot@xmpp.example\"";
        let both =
            "balance = \"round_robin\"\ntarget = [\"bot@xmpp.example\", \"bot2@xmpp.example\"]";
        server.component(PROXY, "bot").replace(one, both)
    });
    let user = stage.login("user", "abc");
    let [one, two] = ["bot", "bot2"].map(|name| stage.login(name, "a"));
    stage.has_resources(2);
    let report = user.run(&vestibule_e2e::xmpp::Load::new(PROXY, 100));
    report.assert_answered_once(Duration::from_secs(25));
    assert_eq!(report.by.get(one.jid()), Some(&50), "{report:?}");
    assert_eq!(report.by.get(two.jid()), Some(&50), "{report:?}");
}
