//! Files of secrets that we make ourselves.

use std::{
    ffi::OsString,
    fs::{self, File, OpenOptions},
    io::{self, Write},
    os::unix::fs::OpenOptionsExt,
    path::Path,
};

use rustix::fs::{CWD, RenameFlags, renameat_with};

/// Makes a file that only our own user can read, whole or not at all. One that is there stays as it
/// is. Blocks.
///
/// # Errors
///
/// [`io::ErrorKind::AlreadyExists`] when there is one, or what the system says.
pub(crate) fn create_private(path: &Path, contents: &[u8]) -> io::Result<()> {
    let mut name = OsString::from(".");
    name.push(path.file_name().ok_or(io::ErrorKind::InvalidInput)?);
    name.push(format!(".{:016x}", rand::random::<u64>()));
    let temporary = path.with_file_name(name);
    let made = write(&temporary, contents).and_then(|()| put(&temporary, path));
    // Under that name it is of no use to anybody.
    let _ = fs::remove_file(&temporary);
    made?;
    sync_directory(path)
}

/// Makes sure that the name of a file is still there after a crash.
fn sync_directory(path: &Path) -> io::Result<()> {
    let parent = path.parent().filter(|it| !it.as_os_str().is_empty());
    // Who may make files in it need not be allowed to read it.
    let Ok(directory) = File::open(parent.unwrap_or(Path::new("."))) else {
        return Ok(());
    };
    match directory.sync_all() {
        // Some file systems cannot, and need not.
        Err(error) if error.kind() == io::ErrorKind::InvalidInput => Ok(()),
        result => result,
    }
}

fn write(path: &Path, contents: &[u8]) -> io::Result<()> {
    let mut options = OpenOptions::new();
    let options = options.write(true).create_new(true).mode(0o600);
    let mut file = options.open(path)?;
    file.write_all(contents)?;
    file.sync_all()
}

/// Gives a file another name, if there is none of that name.
fn put(from: &Path, to: &Path) -> io::Result<()> {
    match renameat_with(CWD, from, CWD, to, RenameFlags::NOREPLACE) {
        // Some file systems cannot do that, and have links instead.
        Err(rustix::io::Errno::INVAL | rustix::io::Errno::NOSYS) => fs::hard_link(from, to),
        result => Ok(result?),
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn it_is_made_once_and_for_us_only() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("key");
        create_private(&path, b"secret").unwrap();
        let error = create_private(&path, b"another").unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::AlreadyExists);
        assert_eq!(fs::read(&path).unwrap(), b"secret");
        let mode = fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        // Nothing else is left there.
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_directory_that_cannot_be_read_will_do() {
        let directory = tempfile::tempdir().unwrap();
        let closed = directory.path().join("closed");
        fs::create_dir(&closed).unwrap();
        fs::set_permissions(&closed, PermissionsExt::from_mode(0o300)).unwrap();
        create_private(&closed.join("key"), b"secret").unwrap();
        assert_eq!(fs::read(closed.join("key")).unwrap(), b"secret");
        sync_directory(Path::new("without-a-directory")).unwrap();
    }

    #[test]
    fn links_do_as_well() {
        let directory = tempfile::tempdir().unwrap();
        let [from, to] = ["from", "to"].map(|name| directory.path().join(name));
        write(&from, b"secret").unwrap();
        fs::hard_link(&from, &to).unwrap();
        let error = put(&from, &to).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::AlreadyExists);
    }

    #[test]
    fn a_place_that_is_none_is_an_error() {
        let error = create_private(Path::new("/nonexistent/key"), b"").unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::NotFound);
        create_private(Path::new("/"), b"").unwrap_err();
    }
}
