//! The file that the result goes to.

#[cfg(test)]
mod tests;

use std::{
    fs::{self, File},
    io::{self, BufWriter, ErrorKind, Write},
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
};

/// Puts what `write` writes into the file `path`. What was in it stays until all has been written, or
/// when that fails: another file is written in its directory, and takes its place.
///
/// What cannot be replaced without becoming another thing is written as it stands: pipes, devices and
/// all else in `/dev` and `/proc`, files with several names or of another owner, and files in
/// directories where there cannot be another one.
///
/// # Errors
///
/// Why it cannot be written.
pub(super) fn write(
    path: &Path,
    write: impl FnOnce(&mut dyn Write) -> io::Result<()>,
) -> io::Result<()> {
    if path.starts_with("/dev") || path.starts_with("/proc") {
        return write_to(&File::create(path)?, write);
    }
    // A file that must not be written must not be replaced either.
    let old = match File::options().write(true).open(path) {
        Ok(old) => old,
        Err(error) if error.kind() == ErrorKind::NotFound => return create(path, write),
        Err(error) => return Err(error),
    };
    match Draft::of(path, &old)? {
        Some(draft) => draft.finish(write),
        None => {
            if old.metadata()?.is_file() {
                old.set_len(0)?;
            }
            write_to(&old, write)
        }
    }
}

/// Writes a file that does not exist.
fn create(path: &Path, write: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> io::Result<()> {
    // A link to nothing keeps being a link.
    if fs::symlink_metadata(path).is_ok() {
        return write_to(&File::create(path)?, write);
    }
    Draft::beside(path.to_owned())?.finish(write)
}

fn write_to(file: &File, write: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> io::Result<()> {
    let mut out = BufWriter::with_capacity(64 << 10, file);
    write(&mut out)?;
    out.flush()
}

/// A file that takes the place of another when it is complete, and is removed when it never is.
struct Draft {
    file: File,
    path: PathBuf,
    target: PathBuf,
}

impl Draft {
    /// For what is to replace `old`, the file at `path`; nothing when that cannot be replaced.
    fn of(path: &Path, old: &File) -> io::Result<Option<Self>> {
        let before = old.metadata()?;
        if !before.is_file() || before.nlink() != 1 {
            return Ok(None);
        }
        // Where there is room for no other file, writing this one will say what is wrong.
        let Ok(draft) = fs::canonicalize(path).and_then(Self::beside) else {
            return Ok(None);
        };
        let now = draft.file.metadata()?;
        if (now.uid(), now.gid()) != (before.uid(), before.gid()) {
            return Ok(None);
        }
        draft.file.set_permissions(before.permissions())?;
        Ok(Some(draft))
    }

    fn beside(target: PathBuf) -> io::Result<Self> {
        let name = format!(".vestibule-{:016x}", rand::random::<u64>());
        let path = target.with_file_name(name);
        Ok(Self {
            file: File::create_new(&path)?,
            path,
            target,
        })
    }

    fn finish(self, write: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> io::Result<()> {
        write_to(&self.file, write)?;
        self.file.sync_all()?;
        fs::rename(&self.path, &self.target)
    }
}

impl Drop for Draft {
    fn drop(&mut self) {
        // After it was renamed there is nothing of this name.
        let _ = fs::remove_file(&self.path);
    }
}
