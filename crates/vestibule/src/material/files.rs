//! Files that the configuration names: read whole, and watched.

#[cfg(test)]
mod tests;

use std::{
    collections::BTreeMap,
    fs::{self, File, Metadata},
    io::{self, Read},
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use vestibule_config::FileRef;
use zeroize::Zeroizing;

use super::{FileProblem, Reason};

/// Between looks at the files.
const INTERVAL: Duration = Duration::from_secs(1);

/// How long files must have stayed the same before they are read.
const SETTLING: Duration = Duration::from_millis(200);

/// The largest file that is read, in bytes. Revocation lists can have megabytes.
const LARGEST_FILE: u64 = 64 << 20;

/// How often a file is read that changes meanwhile.
const ATTEMPTS: usize = 3;

/// Reads files; keeps what they looked like, and what is wrong with them.
#[derive(Debug, Default)]
pub(crate) struct Reader {
    pub(crate) problems: Vec<FileProblem>,
    pub(crate) stamps: Stamps,
}

impl Reader {
    /// All of a file, as it was at one moment. `None`: it is noted why not. The bytes are wiped
    /// when they are dropped.
    pub(crate) fn read(&mut self, file: &FileRef) -> Option<Zeroizing<Vec<u8>>> {
        let read = self.try_read(file);
        read.map_err(|reason| self.note(file, reason)).ok()
    }

    /// Like [`Self::read`], but nothing is noted.
    ///
    /// # Errors
    ///
    /// Why not.
    pub(crate) fn try_read(&mut self, file: &FileRef) -> Result<Zeroizing<Vec<u8>>, Reason> {
        for _ in 0..ATTEMPTS {
            let before = Stamp::of(&file.path);
            let read = read(&file.path);
            if before == Stamp::of(&file.path) {
                self.stamps.0.insert(file.path.clone(), before);
                return read;
            }
        }
        // Different from whatever it looks like later, so that it is read again.
        self.stamps.0.insert(file.path.clone(), Stamp::Changing);
        Err(Reason::Changing)
    }

    /// Notes what is wrong or doubtful with a file.
    pub(crate) fn note(&mut self, file: &FileRef, reason: Reason) {
        self.problems.push(FileProblem {
            file: file.clone(),
            reason,
        });
    }
}

/// Something that was built out of files.
pub(crate) trait FromFiles: Send + Sync {
    /// Reads the files again and, when all is well, puts what they hold into effect. Otherwise
    /// everything stays, `reader` has the reasons, and the answer is false.
    fn refresh(&self, reader: &mut Reader) -> bool;
}

/// Something that was built out of files, and what they looked like then.
pub(crate) struct Watched {
    item: Arc<dyn FromFiles>,
    seen: Stamps,
    state: State,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// The files could not be used, and that was told. Perhaps they can later without another
    /// change, such as when the process has descriptors again.
    Bad,
    /// The files changed between the last two looks: somebody may be in the middle of writing.
    Changing,
    /// What the files hold is in effect.
    Settled,
}

impl Watched {
    /// `seen` is what the files looked like when `item` was built.
    pub(crate) fn new(item: Arc<dyn FromFiles>, seen: Stamps) -> Self {
        Self {
            item,
            seen,
            state: State::Settled,
        }
    }

    /// Looks whether the files changed. Reads them again when they did, but have not since the last
    /// look.
    pub(crate) fn look(&mut self) {
        let seen = self.seen.again();
        if seen != self.seen {
            self.seen = seen;
            self.state = State::Changing;
            return;
        }
        if self.state == State::Settled {
            return;
        }
        let mut reader = Reader::default();
        let good = self.item.refresh(&mut reader);
        // What changed before it was read is seen at the next look.
        self.seen.0.append(&mut reader.stamps.0);
        let told = self.state == State::Bad && !good;
        let kept = match good {
            true => "",
            false => "; what it held before stays in use",
        };
        // What is doubtful was told when it was put into effect.
        let worth = |problem: &&FileProblem| !told && (good || problem.is_error());
        for problem in reader.problems.iter().filter(worth) {
            let help = problem.reason.help().unwrap_or_default();
            tracing::warn!(help, "{problem}{kept}");
        }
        self.state = if good { State::Settled } else { State::Bad };
    }
}

/// Looks at the files again and again, as long as they are `used`.
pub(crate) async fn keep_fresh(mut watched: Vec<Watched>, used: impl Fn() -> bool) {
    watched.retain(|watched| !watched.seen.0.is_empty());
    if watched.is_empty() {
        return;
    }
    while used() {
        let changing = |watched: &Watched| watched.state == State::Changing;
        let wait = match watched.iter().any(changing) {
            true => SETTLING,
            false => INTERVAL,
        };
        tokio::time::sleep(wait).await;
        let looked = tokio::task::spawn_blocking(move || {
            watched.iter_mut().for_each(Watched::look);
            watched
        });
        watched = match looked.await {
            Ok(watched) => watched,
            Err(error) => {
                tracing::error!(%error, "files are no longer watched");
                return;
            }
        };
    }
}

/// What files look like, by path.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Stamps(BTreeMap<PathBuf, Stamp>);

impl Stamps {
    /// What the same files look like now.
    fn again(&self) -> Self {
        let paths = self.0.keys();
        Self(paths.map(|path| (path.clone(), Stamp::of(path))).collect())
    }
}

/// What a file looks like, without reading it. A symbolic link looks like what it leads to.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Stamp {
    Changing,
    Missing(io::ErrorKind),
    Present {
        device: u64,
        inode: u64,
        size: u64,
        modified: (i64, i64),
        changed: (i64, i64),
        /// By us. When the process has become another user since it read the file, this is how it
        /// notices before the file is replaced.
        readable: bool,
    },
}

impl Stamp {
    fn of(path: &Path) -> Self {
        match fs::metadata(path) {
            Ok(metadata) => Self::Present {
                device: metadata.dev(),
                inode: metadata.ino(),
                size: metadata.size(),
                modified: (metadata.mtime(), metadata.mtime_nsec()),
                changed: (metadata.ctime(), metadata.ctime_nsec()),
                readable: rustix::fs::access(path, rustix::fs::Access::READ_OK).is_ok(),
            },
            Err(error) => Self::Missing(error.kind()),
        }
    }
}

/// Whether others than owner and group may read `path`.
pub(crate) fn readable_by_others(path: &Path) -> bool {
    fs::metadata(path).is_ok_and(|metadata| metadata.mode() & 0o004 != 0)
}

/// All of a file. Blocks.
///
/// # Errors
///
/// Why it cannot be read.
pub(crate) fn read(path: &Path) -> Result<Zeroizing<Vec<u8>>, Reason> {
    let metadata = fs::metadata(path).map_err(|error| unreadable(&error))?;
    // Opening a pipe would wait for its other end.
    if !metadata.is_file() {
        return Err(Reason::NotAFile);
    }
    if metadata.size() > LARGEST_FILE {
        return Err(Reason::TooLarge);
    }
    let file = File::open(path).map_err(|error| unreadable(&error))?;
    read_all(&file, &metadata).map_err(|error| unreadable(&error))
}

fn read_all(file: &File, metadata: &Metadata) -> io::Result<Zeroizing<Vec<u8>>> {
    // In one piece, so that no copy of a key is left behind by growing.
    let expected = usize::try_from(metadata.size()).unwrap_or_default();
    let mut bytes = Zeroizing::new(Vec::with_capacity(expected + 1));
    file.take(LARGEST_FILE).read_to_end(&mut bytes)?;
    Ok(bytes)
}

fn unreadable(error: &io::Error) -> Reason {
    let id = nix::unistd::geteuid();
    let user = nix::unistd::User::from_uid(id).ok().flatten();
    Reason::Unreadable {
        error: error.kind(),
        text: error.to_string(),
        user: user.map_or_else(|| id.to_string(), |user| user.name),
    }
}
