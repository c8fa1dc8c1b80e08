//! The corpora of the fuzz targets as ordinary tests, without a fuzzer.

use std::fs;
use std::path::Path;

/// Fewer files than this are taken for a corpus that was lost.
const MIN_FILES: usize = 5;

/// Calls `check` with the content of each file of `fuzz/corpus/<target>`. The name of the file is
/// printed first, so that the output of a failed test ends with it.
///
/// # Panics
/// When `check` does, and when the corpus cannot be read or has almost no files.
pub fn replay(target: &str, check: fn(&[u8])) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../fuzz/corpus")
        .join(target);
    let entries =
        fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut count = 0;
    for entry in entries {
        let file = entry.expect("a readable folder").path();
        println!("{}", file.display());
        check(&fs::read(file).expect("a readable file"));
        count += 1;
    }
    assert!(count >= MIN_FILES, "{count} files in {}", folder.display());
}
