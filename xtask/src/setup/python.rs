use std::fs;
use std::path::Path;
use std::process::Command;

use super::peer::PYTHON;
use crate::command;
use crate::error::Error;

/// A virtual environment of Python.
#[derive(Debug)]
pub(super) struct Environment {
    /// Its directory under `.peers/`.
    pub(super) directory: &'static str,
    /// What is in it, for people.
    pub(super) what: &'static str,
    /// Every package of it with its version.
    requirements: &'static str,
    /// A program that fails when something cannot be imported.
    probe: &'static str,
}

/// One for each server or group of clients, so that their dependencies cannot be in each other's way,
/// and a new version of one leaves the others alone.
pub(super) const ENVIRONMENTS: &[Environment] = &[
    Environment {
        directory: "venv",
        what: "aiocoap and slixmpp",
        requirements: include_str!("requirements.txt"),
        probe: "import aiocoap, slixmpp",
    },
    Environment {
        directory: "synapse",
        what: "Synapse",
        requirements: include_str!("requirements-synapse.txt"),
        // All that it imports to run, the parts that are compiled included.
        probe: "import synapse.app.homeserver",
    },
];

impl Environment {
    /// Makes it hold exactly what its requirements name, below `peers`.
    ///
    /// # Errors
    ///
    /// What stopped Python, or pip.
    pub(super) fn make(&self, peers: &Path) -> Result<(), Error> {
        let directory = peers.join(self.directory);
        let installed = directory.join("requirements.txt");
        let python = directory.join("bin/python");
        let is_current =
            || fs::read_to_string(&installed).is_ok_and(|installed| installed == self.requirements);
        let probe = || {
            let mut command = Command::new(&python);
            command.args(["-c", self.probe]);
            command
        };
        if is_current() && command::succeeds(&mut probe()) {
            println!("setup: the Python environment of {} is present", self.what);
            return Ok(());
        }

        println!(
            "setup: making the Python environment of {} in {}",
            self.what,
            directory.display()
        );
        command::run(
            Command::new(PYTHON)
                .args(["-m", "venv", "--clear"])
                .arg(&directory),
        )?;
        let wanted = directory.join("wanted.txt");
        fs::write(&wanted, self.requirements).map_err(|source| Error::Io {
            what: format!("write {}", wanted.display()),
            source,
        })?;
        command::run(
            Command::new(&python)
                .args(["-m", "pip", "install", "--quiet"])
                .args(["--disable-pip-version-check", "-r"])
                .arg(&wanted),
        )?;
        command::run(&mut probe())?;
        // Under its final name only now, so that a half-made environment is made anew.
        fs::rename(&wanted, &installed).map_err(|source| Error::Io {
            what: format!("rename {}", wanted.display()),
            source,
        })
    }

    /// The packages that are not pinned to a version.
    #[cfg(test)]
    pub(super) fn unpinned(&self) -> Vec<&'static str> {
        let mut lines: Vec<&str> = self.requirements.lines().collect();
        lines.retain(|line| !line.contains("=="));
        lines
    }
}
