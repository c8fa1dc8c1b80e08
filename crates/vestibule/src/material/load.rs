//! A configuration and the files that it names, as one.

use std::path::Path;

use super::{FileProblem, Material};

/// Reads and checks the configuration at `path`, and the files that it names. What is wrong with
/// those is in the report as well, and then there is no configuration either. Blocks.
pub(crate) fn load(
    path: &Path,
    previous: Option<&Material>,
) -> (vestibule_config::Loaded, Option<Material>) {
    finish(vestibule_config::load(path), previous)
}

/// As [`load`], of `text` instead of a file. `name` is what messages call it. Blocks.
pub(crate) fn parse(name: &str, text: &str) -> (vestibule_config::Loaded, Option<Material>) {
    finish(vestibule_config::parse(name, text), None)
}

fn finish(
    mut loaded: vestibule_config::Loaded,
    previous: Option<&Material>,
) -> (vestibule_config::Loaded, Option<Material>) {
    let Some(config) = &loaded.config else {
        return (loaded, None);
    };
    let read = Material::load(config, previous);
    for problem in &read.problems {
        FileProblem::add_to(problem, &mut loaded.report);
    }
    if read.material.is_none() {
        loaded.config = None;
    }
    (loaded, read.material)
}
