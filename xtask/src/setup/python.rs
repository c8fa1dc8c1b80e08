use std::fs;
use std::path::Path;
use std::process::Command;

use super::peer::PYTHON;
use crate::command;
use crate::error::Error;

/// Every package of the environment with its version.
const REQUIREMENTS: &str = include_str!("requirements.txt");

/// Makes the virtual environment hold exactly what [`REQUIREMENTS`] names.
///
/// # Errors
///
/// What stopped Python, or pip.
pub(super) fn environment(directory: &Path) -> Result<(), Error> {
    let installed = directory.join("requirements.txt");
    let python = directory.join("bin/python");
    let is_current =
        || fs::read_to_string(&installed).is_ok_and(|installed| installed == REQUIREMENTS);
    let imports =
        || command::succeeds(Command::new(&python).args(["-c", "import aiocoap, slixmpp"]));
    if is_current() && imports() {
        println!("setup: the Python environment is present");
        return Ok(());
    }

    println!(
        "setup: making the Python environment in {}",
        directory.display()
    );
    command::run(
        Command::new(PYTHON)
            .args(["-m", "venv", "--clear"])
            .arg(directory),
    )?;
    let wanted = directory.join("wanted.txt");
    write(&wanted, REQUIREMENTS)?;
    command::run(
        Command::new(&python)
            .args([
                "-m",
                "pip",
                "install",
                "--quiet",
                "--disable-pip-version-check",
                "-r",
            ])
            .arg(&wanted),
    )?;
    command::run(Command::new(&python).args([
        "-c",
        "import aiocoap.meta as a, slixmpp as s; \
         print('setup: aiocoap', a.version, 'and slixmpp', s.__version__, 'can be imported')",
    ]))?;
    // Under its final name only now, so that a half-made environment is made anew.
    fs::rename(&wanted, &installed).map_err(|source| Error::Io {
        what: format!("rename {}", wanted.display()),
        source,
    })
}

fn write(path: &Path, text: &str) -> Result<(), Error> {
    fs::write(path, text).map_err(|source| Error::Io {
        what: format!("write {}", path.display()),
        source,
    })
}
