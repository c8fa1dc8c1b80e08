//! From root to the configured user, after binding.

use std::{
    ffi::CString,
    fs::OpenOptions,
    os::unix::fs::{MetadataExt, OpenOptionsExt},
    path::{Path, PathBuf},
};

use nix::{
    fcntl::{AT_FDCWD, AtFlags},
    unistd::{
        Gid, Group, Uid, User, fchown, fchownat, geteuid, initgroups, setgid, setgroups, setuid,
    },
};
use vestibule_config::{AccessLog, Bind, Config, Runtime};

use super::rights;

/// Who the process becomes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Identity {
    uid: Uid,
    gid: Gid,
    /// The user's name, whose other groups are assumed as well; `None`: the user has none.
    name: Option<CString>,
}

impl Identity {
    /// The configured user and group; `None` when there are none, or the process is not root and
    /// has to stay who it is.
    ///
    /// # Errors
    ///
    /// A sentence, when there is no such user or group.
    pub(super) fn wanted(runtime: &Runtime) -> Result<Option<Self>, String> {
        let Some(name) = &runtime.user else {
            return Ok(None);
        };
        let number = name.parse::<u32>().ok().map(Uid::from_raw);
        let user = match (User::from_name(name), number) {
            (Ok(None), Some(uid)) => User::from_uid(uid),
            (found, _) => found,
        };
        let user =
            user.map_err(|error| format!("cannot look up runtime.user \"{name}\": {error}"))?;
        let uid = user
            .as_ref()
            .map(|user| user.uid)
            .or(number)
            .ok_or_else(|| format!("runtime.user \"{name}\": there is no such user"))?;
        let known = user
            .as_ref()
            .and_then(|user| CString::new(&*user.name).ok());
        let gid = match &runtime.group {
            Some(group) => group_id(group)?,
            None => user.map(|user| user.gid).ok_or_else(|| {
                format!("runtime.user \"{name}\" has no group of its own: set runtime.group")
            })?,
        };
        if geteuid().is_root() {
            return Ok(Some(Self {
                uid,
                gid,
                name: known,
            }));
        }
        if uid != geteuid() {
            tracing::warn!("runtime.user is ignored: only root can change to another user");
        }
        Ok(None)
    }

    /// Gives what was made as root to the user who must use it later: unix sockets, the control
    /// socket, the access log and `keys`, files that did not exist before. Links are never followed,
    /// because the user may have made them.
    ///
    /// # Errors
    ///
    /// A sentence that says what could not be given away.
    pub(super) fn give_away(&self, config: &Config, keys: &[PathBuf]) -> Result<(), String> {
        let bound = config.listeners.iter().flat_map(|listener| &listener.bind);
        let sockets = bound.filter_map(|bind| match bind {
            Bind::Unix(path) => Some(path),
            Bind::Tcp(_) => None,
        });
        for path in sockets.chain(&config.admin.control).chain(keys) {
            let flags = AtFlags::AT_SYMLINK_NOFOLLOW;
            fchownat(AT_FDCWD, path, Some(self.uid), Some(self.gid), flags).map_err(|error| {
                format!("cannot give {} to runtime.user: {error}", path.display())
            })?;
        }
        match &config.log.access {
            AccessLog::File(path) => self.give_log(path),
            AccessLog::Off | AccessLog::Stdout => Ok(()),
        }
    }

    fn give_log(&self, path: &Path) -> Result<(), String> {
        let failed = |error: &dyn std::fmt::Display| {
            format!(
                "cannot give the access log {} to runtime.user: {error}",
                path.display()
            )
        };
        let file = OpenOptions::new()
            .create(true)
            .append(true)
            .custom_flags(libc::O_NOFOLLOW | libc::O_NONBLOCK)
            .open(path)
            .map_err(|error| failed(&error))?;
        let found = file.metadata().map_err(|error| failed(&error))?;
        if !found.is_file() {
            // A device or a pipe: whoever made it says who may write to it.
            return Ok(());
        }
        if found.nlink() != 1 {
            return Err(failed(&"it has another name as well"));
        }
        fchown(&file, Some(self.uid), Some(self.gid)).map_err(|error| failed(&error))
    }

    /// Becomes the user and group, with every thread of the process. The other groups are those of
    /// the user, so that membership in a group such as Debian's `ssl-cert` lets it read keys.
    /// With `keeps_rights`, this thread and those that it starts later keep those of
    /// [`rights`](super::rights).
    ///
    /// # Errors
    ///
    /// A sentence that says which step failed; the process must not go on as root then.
    pub(super) fn assume(self, keeps_rights: bool) -> Result<(), String> {
        let failed = |what: &str, error: nix::Error| format!("cannot change the {what}: {error}");
        let kept = |error: std::io::Error| format!("cannot keep CAP_NET_ADMIN: {error}");
        if keeps_rights {
            rights::keep().map_err(kept)?;
        }
        let groups = match &self.name {
            Some(name) => initgroups(name, self.gid),
            None => setgroups(&[self.gid]),
        };
        groups.map_err(|error| failed("supplementary groups", error))?;
        setgid(self.gid).map_err(|error| failed("group", error))?;
        setuid(self.uid).map_err(|error| failed("user", error))?;
        if keeps_rights {
            rights::take_up().map_err(kept)?;
        }
        tracing::info!(
            uid = self.uid.as_raw(),
            gid = self.gid.as_raw(),
            capabilities = if keeps_rights { "net_admin" } else { "none" },
            "no longer root"
        );
        Ok(())
    }
}

fn group_id(name: &str) -> Result<Gid, String> {
    let found = Group::from_name(name)
        .map_err(|error| format!("cannot look up runtime.group \"{name}\": {error}"))?;
    found
        .map(|group| group.gid)
        .or_else(|| name.parse().ok().map(Gid::from_raw))
        .ok_or_else(|| format!("runtime.group \"{name}\": there is no such group"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn runtime(user: &str, group: Option<&str>) -> Runtime {
        Runtime {
            user: Some(user.into()),
            group: group.map(Into::into),
            ..Runtime::default()
        }
    }

    #[test]
    fn names_and_numbers_are_looked_up() {
        let error = Identity::wanted(&runtime("no-such-user", None)).unwrap_err();
        assert!(error.contains("no such user"), "{error}");
        let error = Identity::wanted(&runtime("root", Some("no-such-group"))).unwrap_err();
        assert!(error.contains("no such group"), "{error}");
        let error = Identity::wanted(&runtime("4294900000", None)).unwrap_err();
        assert!(error.contains("set runtime.group"), "{error}");
        let number = Identity::wanted(&runtime("4294900000", Some("12"))).unwrap();
        assert_eq!(number.is_some(), geteuid().is_root());
        assert_eq!(Identity::wanted(&Runtime::default()), Ok(None));
    }
}
