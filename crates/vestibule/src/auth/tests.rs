use std::{
    path::{Path, PathBuf},
    task::Poll,
};

use super::*;
use crate::addr::Endpoint;

fn client(last: u8) -> ClientAddr {
    ClientAddr(Endpoint::ip(([192, 0, 2, last], 40_000).into()))
}

/// Hashed as cheaply as is possible.
fn hash(password: &str) -> String {
    bcrypt::hash(password, 4).unwrap()
}

struct Fixture {
    _directory: tempfile::TempDir,
    path: PathBuf,
    users: Arc<Users>,
}

impl Fixture {
    fn new(contents: &str) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("users");
        write(&path, contents);
        let file = FileRef::unnamed(path.clone());
        // Of its own: other tests check as well.
        let checks = Box::leak(Box::default());
        let users = Users::read(&file, checks, &mut Reader::default()).unwrap();
        Self {
            _directory: directory,
            path,
            users: Arc::new(users),
        }
    }

    /// A client was wrong too often, and for so long that this is still so at the end of the test.
    fn limit(&self, from: u8) {
        let later = Instant::now() + Duration::from_secs(3600);
        let key = client(from).limit_key();
        while self.users.limiter.take(key, later).is_ok() {}
    }

    async fn verdict(&self, from: u8, username: &str, password: &str) -> Verdict {
        let verifying = self
            .users
            .verify(client(from), username, password.as_bytes());
        verifying.await
    }
}

fn write(path: &Path, contents: &str) {
    std::fs::write(path, contents).unwrap();
}

#[tokio::test]
async fn users_are_known_by_their_passwords() {
    let fixture = Fixture::new(&format!("ann:{}\nbob:{}\n", hash("one"), hash("zwei ü")));
    assert_eq!(fixture.verdict(1, "ann", "one").await, Verdict::Known);
    assert_eq!(fixture.verdict(1, "bob", "zwei ü").await, Verdict::Known);
    assert_eq!(fixture.verdict(1, "ann", "zwei ü").await, Verdict::Wrong);
    assert_eq!(fixture.verdict(1, "Ann", "one").await, Verdict::Wrong);
    assert_eq!(fixture.verdict(1, "eve", "one").await, Verdict::Wrong);
    assert_eq!(fixture.verdict(1, "", "").await, Verdict::Wrong);
}

#[tokio::test]
async fn who_is_wrong_too_often_waits_and_nobody_else() {
    let fixture = Fixture::new(&format!("ann:{}\n", hash("one")));
    let begun = Instant::now();
    for _ in 0..10 {
        assert_eq!(fixture.verdict(1, "ann", "two").await, Verdict::Wrong);
    }
    let limited = fixture.verdict(1, "ann", "two").await;
    // Who is slow may try again.
    let is_slow = begun.elapsed() >= Duration::from_secs(6);
    assert!(
        is_slow || matches!(limited, Verdict::Limited { .. }),
        "{limited:?}"
    );
    // Even a right one is not looked at, unless it was right not long ago.
    fixture.limit(1);
    let limited = fixture.verdict(1, "ann", "one").await;
    assert!(matches!(limited, Verdict::Limited { .. }), "{limited:?}");
    assert_eq!(fixture.verdict(2, "ann", "one").await, Verdict::Known);
    assert_eq!(fixture.verdict(1, "ann", "one").await, Verdict::Known);
    assert_eq!(fixture.verdict(2, "ann", "two").await, Verdict::Wrong);
}

#[tokio::test]
async fn a_password_that_is_changed_is_forgotten() {
    let fixture = Fixture::new(&format!("ann:{}\n", hash("one")));
    assert_eq!(fixture.verdict(1, "ann", "one").await, Verdict::Known);
    write(&fixture.path, "broken");
    assert!(!fixture.users.refresh(&mut Reader::default()));
    assert_eq!(fixture.verdict(1, "ann", "one").await, Verdict::Known);
    write(&fixture.path, &format!("ann:{}\n", hash("two")));
    assert!(fixture.users.refresh(&mut Reader::default()));
    assert_eq!(fixture.verdict(1, "ann", "one").await, Verdict::Wrong);
    assert_eq!(fixture.verdict(1, "ann", "two").await, Verdict::Known);
}

#[tokio::test]
async fn a_reload_changes_nothing_for_who_was_wrong_too_often() {
    let fixture = Fixture::new(&format!("ann:{}\n", hash("one")));
    fixture.limit(1);
    let (file, known) = (FileRef::unnamed(fixture.path.clone()), &fixture.users);
    write(&fixture.path, &format!("ann:{}\n", hash("three")));
    let users = Users::load(&file, Some(known), &mut Reader::default()).unwrap();
    let verdict = users.verify(client(1), "ann", b"three").await;
    assert!(matches!(verdict, Verdict::Limited { .. }), "{verdict:?}");
    let verdict = users.verify(client(2), "ann", b"three").await;
    assert_eq!(verdict, Verdict::Known);
    write(&fixture.path, "broken");
    assert!(Users::load(&file, Some(known), &mut Reader::default()).is_none());
}

#[tokio::test]
async fn who_is_wrong_too_often_takes_no_place_from_others() {
    let fixture = Fixture::new(&format!("ann:{}\n", hash("one")));
    fixture.limit(1);
    // Answered at once, without a turn.
    let mut verifying = Box::pin(fixture.verdict(1, "ann", "two"));
    let polled = std::future::poll_fn(|cx| Poll::Ready(verifying.as_mut().poll(cx))).await;
    assert!(
        matches!(polled, Poll::Ready(Verdict::Limited { .. })),
        "{polled:?}"
    );
}

#[tokio::test]
async fn more_than_can_wait_are_sent_away() {
    let fixture = Fixture::new(&format!("ann:{}\n", bcrypt::hash("one", 8).unwrap()));
    let all = (0..3 * MOST_WAITING).map(|i| {
        let users = Arc::clone(&fixture.users);
        tokio::spawn(async move {
            let from = client(u8::try_from(i % 250).unwrap());
            users.verify(from, "ann", i.to_string().as_bytes()).await
        })
    });
    let mut busy = 0;
    for verdict in all.collect::<Vec<_>>() {
        busy += usize::from(verdict.await.unwrap() == Verdict::Busy);
    }
    assert!(busy >= MOST_WAITING, "{busy}");
}

#[tokio::test]
async fn a_check_that_nobody_waits_for_any_more_counts() {
    let fixture = Fixture::new(&format!("ann:{}\n", bcrypt::hash("one", 9).unwrap()));
    let checking = || Arc::strong_count(&fixture.users) > 1;
    let mut verifying = Box::pin(fixture.verdict(1, "ann", "one"));
    // There are no others, so that it begins at once.
    let begun = std::future::poll_fn(|cx| Poll::Ready(verifying.as_mut().poll(cx))).await;
    assert!(begun.is_pending());
    drop(verifying);
    // It goes on.
    while checking() {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let tag = fixture.users.successes.tag("ann", b"one");
    assert!(fixture.users.successes.has(&tag, Instant::now()));
}
