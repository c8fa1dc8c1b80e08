use std::{
    os::unix::fs::symlink,
    sync::{
        Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
};

use super::*;
use crate::tls::testing::Directory;

/// Reads `a` and `b`, which are good when they say the same.
struct Twins {
    a: FileRef,
    b: FileRef,
    held: Mutex<Vec<u8>>,
    refreshes: AtomicUsize,
    always_bad: AtomicBool,
}

impl FromFiles for Twins {
    fn refresh(&self, reader: &mut Reader) -> bool {
        self.refreshes.fetch_add(1, Ordering::Relaxed);
        let (Some(a), Some(b)) = (reader.read(&self.a), reader.read(&self.b)) else {
            return false;
        };
        if *a != *b || self.always_bad.load(Ordering::Relaxed) {
            reader.note(&self.b, Reason::KeyMismatch);
            return false;
        }
        *self.held.lock().unwrap() = a.to_vec();
        true
    }
}

impl Twins {
    fn watched(a: PathBuf, b: PathBuf) -> (Arc<Self>, Watched) {
        let twins = Arc::new(Self {
            a: FileRef::unnamed(a),
            b: FileRef::unnamed(b),
            held: Mutex::default(),
            refreshes: AtomicUsize::default(),
            always_bad: AtomicBool::default(),
        });
        let mut reader = Reader::default();
        assert!(twins.refresh(&mut reader), "{:?}", reader.problems);
        twins.refreshes.store(0, Ordering::Relaxed);
        let watched = Watched::new(Arc::<Self>::clone(&twins), reader.stamps);
        (twins, watched)
    }

    fn held(&self) -> String {
        String::from_utf8(self.held.lock().unwrap().clone()).unwrap()
    }

    /// How often the files were read since the last question.
    fn refreshes(&self) -> usize {
        self.refreshes.swap(0, Ordering::Relaxed)
    }
}

fn twins() -> (Directory, Arc<Twins>, Watched) {
    let directory = Directory::new();
    directory.write("a", "old");
    directory.write("b", "old");
    let (twins, watched) = Twins::watched(directory.path("a"), directory.path("b"));
    (directory, twins, watched)
}

#[test]
fn what_does_not_change_is_not_read() {
    let (_directory, twins, mut watched) = twins();
    watched.look();
    watched.look();
    assert_eq!((twins.refreshes(), twins.held()), (0, "old".to_owned()));
}

#[test]
fn files_are_read_when_they_have_settled() {
    let (directory, twins, mut watched) = twins();
    directory.write("a", "new");
    watched.look();
    assert_eq!(watched.state, State::Changing);
    directory.write("b", "new");
    watched.look();
    assert_eq!((twins.refreshes(), twins.held()), (0, "old".to_owned()));
    watched.look();
    assert_eq!((twins.refreshes(), twins.held()), (1, "new".to_owned()));
    watched.look();
    assert_eq!((twins.refreshes(), watched.state), (0, State::Settled));
}

#[test]
fn half_of_a_pair_changes_nothing() {
    let (directory, twins, mut watched) = twins();
    directory.write("a", "new");
    watched.look();
    watched.look();
    assert_eq!((twins.refreshes(), twins.held()), (1, "old".to_owned()));
    assert_eq!(watched.state, State::Bad);
    directory.write("b", "new");
    watched.look();
    watched.look();
    assert_eq!((twins.refreshes(), twins.held()), (1, "new".to_owned()));
}

#[test]
fn what_becomes_good_without_a_change_is_taken() {
    let (directory, twins, mut watched) = twins();
    twins.always_bad.store(true, Ordering::Relaxed);
    directory.write("a", "new");
    directory.write("b", "new");
    watched.look();
    watched.look();
    watched.look();
    assert_eq!((twins.refreshes(), twins.held()), (2, "old".to_owned()));
    twins.always_bad.store(false, Ordering::Relaxed);
    watched.look();
    assert_eq!((twins.refreshes(), twins.held()), (1, "new".to_owned()));
}

#[test]
fn a_file_that_goes_away_and_comes_back() {
    let (directory, twins, mut watched) = twins();
    fs::remove_file(directory.path("a")).unwrap();
    watched.look();
    watched.look();
    assert_eq!((twins.refreshes(), twins.held()), (1, "old".to_owned()));
    // Also when the file changes meanwhile that was not looked into.
    directory.write("b", "new");
    directory.write("a", "new");
    watched.look();
    watched.look();
    assert_eq!((twins.refreshes(), twins.held()), (1, "new".to_owned()));
}

#[test]
fn links_of_files_are_swapped() {
    let directory = Directory::new();
    for name in ["a1", "b1"] {
        directory.write(name, "old");
    }
    for name in ["a2", "b2"] {
        directory.write(name, "new");
    }
    let link = |to: &str, name: &str| {
        symlink(to, directory.path("link")).unwrap();
        fs::rename(directory.path("link"), directory.path(name)).unwrap();
    };
    link("a1", "a");
    link("b1", "b");
    let (twins, mut watched) = Twins::watched(directory.path("a"), directory.path("b"));
    link("a2", "a");
    watched.look();
    watched.look();
    assert_eq!(twins.held(), "old");
    link("b2", "b");
    watched.look();
    watched.look();
    assert_eq!(twins.held(), "new");
}

#[test]
fn a_link_of_the_directory_is_swapped() {
    let directory = Directory::new();
    for (name, text) in [("first", "old"), ("second", "new")] {
        fs::create_dir(directory.path(name)).unwrap();
        fs::write(directory.path(name).join("a"), text).unwrap();
        fs::write(directory.path(name).join("b"), text).unwrap();
    }
    symlink("first", directory.path("data")).unwrap();
    symlink("data/a", directory.path("a")).unwrap();
    symlink("data/b", directory.path("b")).unwrap();
    let (twins, mut watched) = Twins::watched(directory.path("a"), directory.path("b"));
    symlink("second", directory.path("next")).unwrap();
    fs::rename(directory.path("next"), directory.path("data")).unwrap();
    watched.look();
    watched.look();
    assert_eq!(twins.held(), "new");
}

#[test]
fn a_file_is_whole_and_no_larger_than_any() {
    let directory = Directory::new();
    let mut reader = Reader::default();
    directory.write("a", "text");
    let file = FileRef::unnamed(directory.path("a"));
    assert_eq!(**reader.read(&file).unwrap(), *b"text");
    let large = File::create(directory.path("a")).unwrap();
    large.set_len(LARGEST_FILE + 1).unwrap();
    assert!(reader.read(&file).is_none());
    assert_eq!(reader.problems[0].reason, Reason::TooLarge);
}

#[tokio::test(start_paused = true)]
async fn files_are_looked_at_every_second() {
    let (directory, twins, watched) = twins();
    let used = Arc::new(AtomicBool::new(true));
    let unused = Arc::clone(&used);
    let task = tokio::spawn(keep_fresh(vec![watched], move || {
        used.load(Ordering::Relaxed)
    }));
    directory.write("a", "new");
    directory.write("b", "new");
    tokio::time::sleep(INTERVAL * 3).await;
    // The clock stands still while the blocking pool works.
    while twins.held() != "new" {
        tokio::task::yield_now().await;
    }
    // Nobody uses them any more.
    unused.store(false, Ordering::Relaxed);
    task.await.unwrap();
    keep_fresh(Vec::new(), || true).await;
}
