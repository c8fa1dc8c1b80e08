//! From root to the configured user, after binding.

use nix::unistd::{Gid, Group, Uid, User, chown, geteuid, setgid, setgroups, setuid};
use vestibule_config::{AccessLog, Bind, Runtime};

use crate::plan::Plan;

/// The user and group of the configuration, when they are given and we may change to them.
fn wanted(runtime: &Runtime) -> Result<Option<(Uid, Gid)>, String> {
    if runtime.user.is_none() && runtime.group.is_none() {
        return Ok(None);
    }
    let user = match &runtime.user {
        None => None,
        Some(name) => Some(
            User::from_name(name)
                .map_err(|error| format!("cannot look up runtime.user \"{name}\": {error}"))?
                .ok_or_else(|| format!("runtime.user \"{name}\": there is no such user"))?,
        ),
    };
    let group = match &runtime.group {
        None => None,
        Some(name) => Some(
            Group::from_name(name)
                .map_err(|error| format!("cannot look up runtime.group \"{name}\": {error}"))?
                .ok_or_else(|| format!("runtime.group \"{name}\": there is no such group"))?,
        ),
    };
    let uid = user.as_ref().map_or_else(geteuid, |user| user.uid);
    let gid = group
        .map(|group| group.gid)
        .or(user.map(|user| user.gid))
        .unwrap_or_else(nix::unistd::getegid);
    Ok(Some((uid, gid)))
}

/// Whether the user and group exist. A process that is not root keeps who it is, and says so.
///
/// # Errors
///
/// A sentence, when they do not exist.
pub(super) fn check(runtime: &Runtime) -> Result<(), String> {
    if let Some((uid, _)) = wanted(runtime)?
        && !geteuid().is_root()
        && uid != geteuid()
    {
        tracing::warn!("runtime.user is ignored: only root can change to another user");
    }
    Ok(())
}

/// Gives what was made as root to the user who must use it later: unix sockets and the access log.
///
/// # Errors
///
/// A sentence that says what could not be given away.
pub(super) fn give_away(plan: &Plan) -> Result<(), String> {
    let Some((uid, gid)) = wanted(&plan.config.runtime)? else {
        return Ok(());
    };
    if !geteuid().is_root() {
        return Ok(());
    }
    let sockets = plan.listeners.iter().flat_map(|listener| &listener.bind);
    let mut paths: Vec<_> = sockets
        .filter_map(|bind| match bind {
            Bind::Unix(path) => Some(path),
            Bind::Tcp(_) => None,
        })
        .collect();
    if let AccessLog::File(path) = &plan.config.log.access {
        std::fs::OpenOptions::new()
            .create(true)
            .append(true)
            .open(path)
            .map_err(|error| format!("cannot open the access log {}: {error}", path.display()))?;
        paths.push(path);
    }
    for path in paths {
        chown(path, Some(uid), Some(gid))
            .map_err(|error| format!("cannot give {} to runtime.user: {error}", path.display()))?;
    }
    Ok(())
}

/// Becomes the configured user and group, when started as root. Before any thread is started.
///
/// # Errors
///
/// A sentence that says which step failed; the process must not go on as root then.
pub(super) fn become_user(runtime: &Runtime) -> Result<(), String> {
    let Some((uid, gid)) = wanted(runtime)? else {
        return Ok(());
    };
    if !geteuid().is_root() {
        return Ok(());
    }
    let failed = |what: &str, error: nix::Error| format!("cannot change the {what}: {error}");
    setgroups(&[gid]).map_err(|error| failed("supplementary groups", error))?;
    setgid(gid).map_err(|error| failed("group", error))?;
    setuid(uid).map_err(|error| failed("user", error))?;
    tracing::info!(uid = uid.as_raw(), gid = gid.as_raw(), "no longer root");
    Ok(())
}
