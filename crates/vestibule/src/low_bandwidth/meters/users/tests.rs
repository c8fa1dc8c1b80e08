use std::time::Duration;

use vestibule_coap::Code;
use vestibule_lowband::gateway::Exchange;

use super::{
    super::tests::{digests, finished, passed_on},
    *,
};

/// Requests that succeed.
struct Scene {
    now: Instant,
    users: Users,
}

impl Scene {
    fn new(capacity: usize) -> Self {
        Self {
            now: Instant::now(),
            users: Users::new(capacity),
        }
    }

    fn tell(&mut self, digest: TokenDigest, outcome: Outcome) {
        self.now += Duration::from_secs(1);
        let finished = finished(Exchange::Request, outcome, Some(digest));
        self.users.finished(self.now, digest, &finished);
    }

    fn succeed(&mut self, digest: TokenDigest) {
        self.tell(digest, passed_on(Code::CONTENT, 200));
    }

    fn into_digests(self) -> Vec<TokenDigest> {
        self.users
            .latest_first()
            .map(|(digest, _)| digest)
            .collect()
    }
}

#[test]
fn who_was_not_seen_for_longest_is_forgotten() {
    let [a, b, c, d] = digests();
    let mut scene = Scene::new(3);
    for digest in [a, b, c, a, b, a] {
        scene.succeed(digest);
    }
    scene.now += Duration::from_secs(1);
    scene.users.carried(scene.now, c, 1, 1);
    scene.succeed(d);
    assert_eq!(scene.users.order.len(), 3);
    assert_eq!(scene.into_digests(), [d, c, a]);
}

#[test]
fn tokens_that_are_worth_nothing_make_nobody_be_forgotten() {
    let [user, other, stranger] = digests();
    let mut scene = Scene::new(2);
    scene.succeed(user);
    scene.succeed(other);
    for outcome in [
        passed_on(Code::UNAUTHORIZED, 401),
        Outcome::Abandoned,
        Outcome::Answered {
            code: Code::CONTENT,
            status: None,
            refusal: None,
        },
    ] {
        scene.tell(stranger, outcome);
    }
    scene.users.carried(scene.now, stranger, 1, 1);
    assert_eq!(scene.into_digests(), [other, user]);
}

#[test]
fn errors_count_for_who_is_known() {
    let [user] = digests();
    let mut scene = Scene::new(2);
    scene.succeed(user);
    scene.tell(user, passed_on(Code::FORBIDDEN, 403));
    scene.tell(user, Outcome::Abandoned);
    let pushed = |outcome| finished(Exchange::Notification, outcome, Some(user));
    for outcome in [Outcome::Undelivered(Code::CONTENT), Outcome::Abandoned] {
        scene.users.finished(scene.now, user, &pushed(outcome));
    }
    let since = scene.now - Duration::from_secs(2);
    let (_, shown) = scene.users.latest_first().next().unwrap();
    let tally = shown.tally;
    assert_eq!((tally.requests, tally.errors), (2, 1));
    assert_eq!((tally.notifications, tally.undelivered), (0, 2));
    assert_eq!((tally.body_in, tally.body_out), (50, 500));
    assert_eq!((shown.since, shown.seen), (since, scene.now));
}

#[test]
fn those_of_several_workers_are_no_more_than_are_remembered() {
    let [a, b, c] = digests();
    let mut all = Users::new(2);
    let mut now = Instant::now();
    for digests in [[a, b], [c, a]] {
        let mut scene = Scene::new(2);
        scene.now = now;
        for digest in digests {
            scene.succeed(digest);
        }
        now = scene.now;
        all.merge(&scene.users);
    }
    let users: Vec<_> = all.latest_first().collect();
    let [(first, user), (second, _)] = users[..] else {
        panic!("{users:?}");
    };
    assert_eq!((first, second), (a, c));
    assert_eq!(user.tally.requests, 2);
}

#[test]
fn who_is_only_sent_something_is_not_seen() {
    let [a, b] = digests();
    let mut scene = Scene::new(2);
    scene.succeed(a);
    scene.succeed(b);
    scene.now += Duration::from_secs(1);
    scene.users.carried(scene.now, a, 0, 9);
    assert_eq!(scene.users.known[&a].tally.bytes_out, 9);
    assert_eq!(scene.into_digests(), [b, a]);
}

#[test]
fn it_is_told_who_is_known() {
    let [user] = digests();
    let mut users = Users::new(2);
    for (outcome, is_known) in [
        (passed_on(Code::UNAUTHORIZED, 401), false),
        (passed_on(Code::CONTENT, 200), true),
        (passed_on(Code::UNAUTHORIZED, 401), true),
    ] {
        let finished = finished(Exchange::Request, outcome, Some(user));
        assert_eq!(users.finished(Instant::now(), user, &finished), is_known);
    }
}
