//! A configuration and the files that it names, as one.

use std::path::Path;

use super::{Tls, problem::FileProblem};

/// Reads and checks the configuration at `path`, and the files that it names for TLS. What is wrong
/// with those is in the report as well, and then there is no configuration either. Blocks.
pub(crate) fn load(path: &Path, previous: Option<&Tls>) -> (vestibule_config::Loaded, Option<Tls>) {
    let mut loaded = vestibule_config::load(path);
    let Some(config) = &loaded.config else {
        return (loaded, None);
    };
    let read = Tls::load(config, previous);
    for problem in &read.problems {
        FileProblem::add_to(problem, &mut loaded.report);
    }
    if read.tls.is_none() {
        loaded.config = None;
    }
    (loaded, read.tls)
}
