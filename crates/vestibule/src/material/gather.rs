//! Reading one thing after the other.

use std::{fmt, sync::Arc};

use super::{
    FileProblem, FromFiles, Reader,
    files::{Stamps, Watched},
};

/// What was read so far: what is wrong with it, and what is to be watched.
#[derive(Default)]
pub(crate) struct Gather {
    pub(crate) problems: Vec<FileProblem>,
    watched: Vec<(Arc<dyn FromFiles>, Stamps)>,
}

impl Gather {
    /// Something that is built out of files; `None` when it cannot be. The other files are read
    /// also when some could not, so that everything wrong is told at once.
    pub(crate) fn item<T: FromFiles + 'static>(
        &mut self,
        load: impl FnOnce(&mut Reader) -> Option<Arc<T>>,
    ) -> Option<Arc<T>> {
        let mut reader = Reader::default();
        let item = load(&mut reader);
        self.problems.append(&mut reader.problems);
        let item = item?;
        self.watch(Arc::<T>::clone(&item), reader.stamps);
        Some(item)
    }

    /// Watches the files that `item` was built out of, and that looked like `seen` then.
    pub(crate) fn watch(&mut self, item: Arc<dyn FromFiles>, seen: Stamps) {
        self.watched.push((item, seen));
    }

    /// Whether everything could be read.
    pub(crate) fn is_good(&self) -> bool {
        !self.problems.iter().any(FileProblem::is_error)
    }

    /// What is to be watched, and everything that is wrong or doubtful.
    pub(super) fn finish(self) -> (Watching, Vec<FileProblem>) {
        (Watching(self.watched), self.problems)
    }
}

/// What is to be watched.
pub(super) struct Watching(Vec<(Arc<dyn FromFiles>, Stamps)>);

impl Watching {
    /// To be looked at again and again.
    pub(super) fn start(&self) -> Vec<Watched> {
        let watched = self.0.iter();
        watched
            .map(|(item, seen)| Watched::new(Arc::clone(item), seen.clone()))
            .collect()
    }
}

impl fmt::Debug for Watching {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Watching").finish_non_exhaustive()
    }
}
