//! A directory that is gone when the demo ends.

use std::{
    fs, io,
    os::unix::fs::DirBuilderExt,
    path::{Path, PathBuf},
};

/// A new directory of this user only; removed with everything in it when dropped.
#[derive(Debug)]
pub(super) struct Directory(PathBuf);

impl Directory {
    /// Makes it where temporary files go.
    ///
    /// # Errors
    ///
    /// When it cannot be made, or somebody has made it before.
    pub(super) fn new() -> io::Result<Self> {
        let name = format!("vestibule-demo-{:08x}", rand::random::<u32>());
        let path = std::env::temp_dir().join(name);
        fs::DirBuilder::new().mode(0o700).create(&path)?;
        Ok(Self(path))
    }

    pub(super) fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}
