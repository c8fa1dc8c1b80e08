//! Listening unix sockets and their files.

use std::{
    fs, io,
    os::unix::{
        fs::{FileTypeExt, MetadataExt},
        net::UnixListener,
    },
    path::{Path, PathBuf},
};

use rustix::fs::Mode;
use socket2::{Domain, SockAddr, Socket, Type};

/// The file of a listening unix socket. Removed when dropped, if it is still the one that was made.
#[derive(Debug)]
pub(crate) struct SocketFile {
    path: PathBuf,
    device_and_inode: (u64, u64),
}

impl Drop for SocketFile {
    fn drop(&mut self) {
        let ours = |found: fs::Metadata| (found.dev(), found.ino()) == self.device_and_inode;
        if fs::symlink_metadata(&self.path).is_ok_and(ours) {
            let _ = fs::remove_file(&self.path);
        }
    }
}

/// Listens on `path`, with permissions `mode` from the first moment. The file of a socket on which
/// nobody listens any more is replaced.
///
/// # Errors
///
/// When somebody listens there, the file is no socket, or the system refuses.
pub(crate) fn listen(path: &Path, mode: u32) -> io::Result<(UnixListener, SocketFile)> {
    remove_stale(path)?;
    let mask = rustix::process::umask(Mode::from_raw_mode(!mode & 0o777));
    let listener = UnixListener::bind(path);
    rustix::process::umask(mask);
    let listener = listener?;
    listener.set_nonblocking(true)?;
    let found = fs::symlink_metadata(path)?;
    let file = SocketFile {
        path: path.to_owned(),
        device_and_inode: (found.dev(), found.ino()),
    };
    Ok((listener, file))
}

fn remove_stale(path: &Path) -> io::Result<()> {
    let found = match fs::symlink_metadata(path) {
        Ok(found) => found,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error),
    };
    if !found.file_type().is_socket() {
        return Err(io::Error::new(
            io::ErrorKind::AlreadyExists,
            "there is a file of that name which is not a socket",
        ));
    }
    // Without waiting: a process that listens but has a full queue is alive all the same.
    let probe = Socket::new(Domain::UNIX, Type::STREAM.nonblocking(), None)?;
    match probe.connect(&SockAddr::unix(path)?) {
        Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => fs::remove_file(path),
        Ok(()) => Err(in_use()),
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => Err(in_use()),
        Err(error) => Err(error),
    }
}

fn in_use() -> io::Error {
    io::Error::new(io::ErrorKind::AddrInUse, "another process listens on it")
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn a_dead_socket_is_replaced_and_a_live_one_respected() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("in.sock");
        drop(UnixListener::bind(&path).unwrap());
        let (_listener, file) = listen(&path, 0o660).unwrap();
        let mode = fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o660);
        assert_eq!(
            listen(&path, 0o660).unwrap_err().kind(),
            io::ErrorKind::AddrInUse
        );
        drop(file);
        assert!(!path.exists());
    }

    #[test]
    fn only_a_socket_of_ours_is_removed() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("in.sock");
        let (_listener, file) = listen(&path, 0o600).unwrap();
        fs::remove_file(&path).unwrap();
        fs::write(&path, "no socket").unwrap();
        drop(file);
        assert!(path.exists());
        let error = listen(&path, 0o600).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::AlreadyExists);
    }
}
