//! Which resources are asked, and how we know of them.

use super::*;

fn kinds(sent: &[String]) -> Vec<String> {
    sent.iter().map(|raw| read(raw).kind).collect()
}

/// Probes before approval take the request back that is still open, at one server at least.
#[test]
fn presence_is_asked_for_in_the_right_order() {
    let mut lab = Lab::without_link(settings());
    lab.component.handle_established(lab.now);
    let sent = one(&lab.output());
    assert_eq!(
        [&*sent.name, &sent.kind, &sent.from, &sent.to],
        ["presence", "subscribe", DOMAIN, TARGET]
    );
    assert_eq!(
        lab.component.targets().next().map(|it| it.subscription),
        Some(SubscriptionState::Pending)
    );
    let subscribed = format!("<presence type='subscribed' from='{TARGET}' to='{DOMAIN}'/>");
    assert_eq!(kinds(&lab.sends(&subscribed)), ["probe", ""]);
    assert_eq!(
        lab.events.pop(),
        Some(Event::Subscription {
            target: TARGET.to_owned(),
            state: SubscriptionState::Subscribed
        })
    );
    // The next link does not ask again.
    lab.component.handle_lost(lab.now);
    lab.component.handle_established(lab.now);
    assert_eq!(kinds(&lab.output()), ["probe", ""]);
    // At first: it may have been taken back meanwhile, of which not every server tells.
    assert_eq!(kinds(&lab.pass(seconds(10))), ["subscribe"]);
    assert_eq!(kinds(&lab.sends(&subscribed)), ["probe", ""]);
    assert_eq!(lab.pass(seconds(3600)), [""; 0]);
}

#[test]
fn a_subscription_is_asked_for_until_it_is_given() {
    let mut lab = Lab::without_link(settings());
    lab.component.handle_established(lab.now);
    assert_eq!(kinds(&lab.output()), ["subscribe"]);
    assert_eq!(kinds(&lab.pass(seconds(9))), [""; 0]);
    assert_eq!(kinds(&lab.pass(seconds(1))), ["subscribe"]);
    assert_eq!(kinds(&lab.pass(seconds(20))), ["subscribe"]);
    // Next week.
    let asked = lab.pass(seconds(7 * 86_400)).len();
    assert!((1000..1100).contains(&asked), "{asked}");
    // Refusals and errors change nothing in that.
    for (stanza, state) in [
        (
            format!("<presence type='unsubscribed' from='{TARGET}' to='{DOMAIN}'/>"),
            SubscriptionState::Refused,
        ),
        (
            format!(
                "<presence type='error' from='{TARGET}' to='{DOMAIN}'><error type='cancel'><item-not-found xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></presence>"
            ),
            SubscriptionState::Failed,
        ),
    ] {
        assert_eq!(lab.sends(&stanza), [""; 0]);
        assert_eq!(
            lab.component.targets().next().map(|it| it.subscription),
            Some(state)
        );
        assert_eq!(kinds(&lab.pass(seconds(600))), ["subscribe"]);
    }
    let subscribed = format!("<presence type='subscribed' from='{TARGET}' to='{DOMAIN}'/>");
    assert_eq!(kinds(&lab.sends(&subscribed)), ["probe", ""]);
    lab.comes("a", "");
    assert_eq!(lab.asked("get", "1").kind, "get");
}

#[test]
fn a_subscription_may_be_taken_back() {
    let mut lab = Lab::new(&["a"]);
    let gone = format!("<presence type='unsubscribed' from='{TARGET}' to='{DOMAIN}'/>");
    assert_eq!(lab.sends(&gone), [""; 0]);
    assert_eq!(kinds(&lab.pass(seconds(10))), ["subscribe"]);
}

/// Nothing has to be in anybody's roster.
#[test]
fn directed_presence_is_enough() {
    let mut lab = Lab::without_link(settings());
    lab.component.handle_established(lab.now);
    lab.output();
    lab.pass(seconds(3));
    assert_eq!(lab.asked("get", "1").condition, "recipient-unavailable");
    lab.comes("a", "");
    assert_eq!(lab.asked("get", "2").to, "bot@b.example/a");
    assert_eq!(one(&lab.goes("a")).kind, "error");
    assert_eq!(lab.asked("get", "3").condition, "recipient-unavailable");
}

#[test]
fn who_does_not_want_to_is_not_asked() {
    for (inside, is_asked) in [
        ("", true),
        ("<priority>0</priority>", true),
        ("<priority>127</priority>", true),
        ("<priority> -1 </priority>", false),
        ("<priority>-128</priority>", false),
        ("<priority>many</priority>", true),
        ("<show>away</show>", true),
        ("<show>xa</show>", true),
        ("<show>chat</show><status>here</status>", true),
        ("<show>dnd</show>", false),
        ("<show xmlns='urn:x'>dnd</show>", true),
        ("<show><![CDATA[dnd]]></show><priority>5</priority>", false),
    ] {
        let mut lab = Lab::new(&[]);
        lab.comes("a", inside);
        let kind = if is_asked { "get" } else { "error" };
        assert_eq!(lab.asked("get", "1").kind, kind, "{inside}");
        let eligible = lab
            .component
            .resources()
            .filter(|it| it.is_eligible)
            .count();
        assert_eq!(eligible, usize::from(is_asked), "{inside}");
    }
}

/// What was begun is brought to its end.
#[test]
fn a_busy_resource_drains() {
    let mut lab = Lab::new(&["a"]);
    let asked = lab.asked("get", "1");
    assert_eq!(lab.comes("a", "<show>dnd</show>"), [""; 0]);
    assert_eq!(lab.asked("get", "2").condition, "recipient-unavailable");
    assert_eq!(one(&lab.sends(&answer(&asked, "result"))).kind, "result");
    lab.comes("a", "");
    assert_eq!(lab.asked("get", "3").kind, "get");
}

#[test]
fn errors_and_unavailability_of_the_account_end_all() {
    for gone in [
        format!("<presence type='error' from='{TARGET}' to='{DOMAIN}'/>"),
        format!("<presence type='unavailable' from='{TARGET}' to='{DOMAIN}'/>"),
    ] {
        let mut lab = Lab::new(&["a", "b"]);
        lab.asks("get", "1");
        let back = one(&lab.sends(&gone));
        assert_eq!(back.condition, "remote-server-timeout");
        assert_eq!(lab.component.resources().count(), 0);
    }
    let mut lab = Lab::new(&["a", "b"]);
    lab.sends(&format!(
        "<presence type='error' from='{TARGET}/a' to='{DOMAIN}'/>"
    ));
    assert_eq!(lab.component.resources().count(), 1);
}

#[test]
fn resources_are_bounded() {
    let mut lab = Lab::new(&[]);
    for i in 0..1100 {
        lab.comes(&i.to_string(), "");
    }
    assert_eq!(lab.component.resources().count(), 1024);
    assert_eq!(lab.drops(), [("too_many_resources", 76)]);
}

#[test]
fn several_accounts_can_answer() {
    let two = "two@b.example";
    let settings = Settings {
        targets: vec![TARGET.to_owned(), two.to_owned()],
        balance: Balance::RoundRobin,
        ..settings()
    };
    let mut lab = Lab::with(settings.clone(), &["a"]);
    lab.sends(&format!("<presence from='{two}/a' to='{DOMAIN}'/>"));
    let first = lab.asked("get", "1");
    let second = lab.asked("get", "2");
    assert_ne!(jid::bare(&first.to), jid::bare(&second.to));
    // Each has an address of its own for who has asked, also where one takes over.
    assert_ne!(first.from, second.from);
    let (gone, left) = match first.to.starts_with(two) {
        true => (first, second),
        false => (second, first),
    };
    let sent = lab.sends(&format!(
        "<presence type='unavailable' from='{}' to='{DOMAIN}'/>",
        gone.to
    ));
    let taken_over = one(&sent);
    assert_eq!((&taken_over.to, &taken_over.from), (&left.to, &left.from));
    assert_eq!(taken_over.id, gone.id);
    for asked in [taken_over, left] {
        assert_eq!(one(&lab.sends(&answer(&asked, "result"))).to, USER);
    }
    // One account less: nobody asks it any more.
    let only = Settings {
        targets: vec![two.to_owned()],
        ..settings
    };
    lab.component.reconfigure(lab.now, only, tokens());
    let left = one(&lab.output());
    assert_eq!((&*left.kind, &*left.to), ("unavailable", TARGET));
    assert_eq!(lab.component.targets().count(), 1);
    assert_eq!(lab.component.resources().count(), 0);
    assert_eq!(lab.asked("get", "9").condition, "recipient-unavailable");
}

/// Two who subscribe to each other do not do so for ever.
#[test]
fn subscriptions_do_not_run_in_circles() {
    let mut lab = Lab::without_link(settings());
    lab.component.handle_established(lab.now);
    lab.output();
    let subscribe = format!("<presence type='subscribe' from='{TARGET}' to='{DOMAIN}'/>");
    let mut asked = 0;
    for _ in 0..100 {
        asked += kinds(&lab.sends(&subscribe))
            .iter()
            .filter(|kind| *kind == "subscribe")
            .count();
    }
    assert_eq!(asked, 0);
    assert_eq!(kinds(&lab.pass(seconds(1))), ["subscribe"]);
    assert_eq!(kinds(&lab.pass(seconds(30))), ["subscribe"]);
}
