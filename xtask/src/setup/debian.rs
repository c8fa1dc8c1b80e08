use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::process::{Command, Stdio};

use super::peer::Peer;
use crate::command;
use crate::error::Error;

/// Runs as root. A shell script, because a trap also cleans up when a person presses Ctrl-C.
const INSTALL: &str = include_str!("install.sh");

/// How the script says that it found a policy that lets services start.
const EXIT_POLICY_STARTS_SERVICES: i32 = 3;

/// True for Debian and what is built on it.
pub(super) fn is_debian_like() -> bool {
    let release = fs::read_to_string("/etc/os-release").unwrap_or_default();
    names_debian(&release) && Path::new("/usr/bin/apt-get").exists()
}

/// Installs the packages of `missing` without letting their services start.
///
/// # Errors
///
/// [`Error::NotRoot`] without root or sudo, [`Error::PolicyStartsServices`] when the
/// administrator's policy file would let services start, [`Error::ServiceStarted`] when one runs
/// nevertheless, and what stopped the package manager.
pub(super) fn install(missing: &[&Peer]) -> Result<(), Error> {
    let mut packages: Vec<&str> = missing.iter().map(|peer| peer.package).collect();
    packages.dedup();
    println!("setup: installing packages: {}", packages.join(" "));

    let mut installer = as_root()?;
    installer
        .args(["sh", "-c", INSTALL, "sh"])
        .args(&packages)
        .stdin(Stdio::inherit());
    let status = installer.status().map_err(|source| Error::Io {
        what: "run the package manager".into(),
        source,
    })?;
    if status.code() == Some(EXIT_POLICY_STARTS_SERVICES) {
        return Err(Error::PolicyStartsServices);
    }
    if !status.success() {
        return Err(Error::Failed {
            command: format!("apt-get install {}", packages.join(" ")),
            status: status.to_string(),
        });
    }

    let services: Vec<&str> = missing
        .iter()
        .filter(|peer| peer.service)
        .map(|peer| peer.name)
        .collect();
    disable_at_boot(&services)?;
    services.into_iter().try_for_each(expect_stopped)?;
    match missing.iter().find(|peer| !peer.is_present()) {
        Some(peer) => Err(Error::MissingPeers(vec![peer.name])),
        None => Ok(()),
    }
}

/// True if the text of `/etc/os-release` names Debian as the system or as its ancestor.
pub(super) fn names_debian(release: &str) -> bool {
    release
        .lines()
        .filter_map(|line| {
            line.strip_prefix("ID=")
                .or_else(|| line.strip_prefix("ID_LIKE="))
        })
        .flat_map(|value| value.trim_matches('"').split_whitespace())
        .any(|name| name == "debian")
}

/// `env`, by way of sudo unless we are root already.
fn as_root() -> Result<Command, Error> {
    let owner = fs::metadata("/proc/self")
        .map_err(|source| Error::Io {
            what: "read /proc/self".into(),
            source,
        })?
        .uid();
    if owner == 0 {
        return Ok(Command::new("/usr/bin/env"));
    }
    if !Path::new("/usr/bin/sudo").exists() {
        return Err(Error::NotRoot);
    }
    let mut command = Command::new("/usr/bin/sudo");
    command.arg("/usr/bin/env");
    Ok(command)
}

/// The packages enable their services for the next boot, which nobody asked for on this machine.
fn disable_at_boot(services: &[&str]) -> Result<(), Error> {
    if services.is_empty() || !Path::new("/run/systemd/system").exists() {
        return Ok(());
    }
    println!(
        "setup: keeping them from starting at boot: {}",
        services.join(" ")
    );
    command::run(
        as_root()?
            .args(["systemctl", "--quiet", "disable"])
            .args(services),
    )
}

/// The package was missing a moment ago, so a process of its name is one that it started.
fn expect_stopped(service: &'static str) -> Result<(), Error> {
    let processes = fs::read_dir("/proc").map_err(|source| Error::Io {
        what: "read /proc".into(),
        source,
    })?;
    for process in processes.flatten() {
        let Some(pid) = process
            .file_name()
            .to_str()
            .and_then(|name| name.parse().ok())
        else {
            continue;
        };
        let command_line = fs::read(process.path().join("cmdline")).unwrap_or_default();
        if runs(&command_line, service) {
            return Err(Error::ServiceStarted { service, pid });
        }
    }
    Ok(())
}

/// True if the command line (arguments ended by NUL) runs the program, also through an interpreter
/// or Erlang's virtual machine.
pub(super) fn runs(command_line: &[u8], program: &str) -> bool {
    let command_line = String::from_utf8_lossy(command_line);
    if command_line.contains(&format!("\0-s\0{program}\0")) {
        return true;
    }
    command_line
        .split('\0')
        .take(2)
        .map(|argument| argument.trim_end_matches(": master process"))
        .any(|argument| {
            Path::new(argument.split_whitespace().next().unwrap_or_default())
                .file_name()
                .is_some_and(|name| name == program)
                || argument.starts_with(&format!("{program}: "))
        })
}
