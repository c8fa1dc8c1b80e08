//! Files that the configuration names.

use std::path::PathBuf;

use toml::Spanned;

use super::{Reader, Span, Table};
use crate::{FileRef, code::Code, diagnostic::Problem, value::path};

impl Reader<'_> {
    /// The file under `key`; `None` when it is absent or wrong.
    pub(crate) fn file(&mut self, table: &Table<'_>, key: &str) -> Option<FileRef> {
        let path = self.text(table, key, path::file)?;
        let span = table.value(key)?.span();
        Some(self.file_ref(&span, path))
    }

    /// The file under `key`, which must be there; `whose` says whose it is, `help` what to write.
    pub(crate) fn required_file(
        &mut self,
        table: &Table<'_>,
        key: &str,
        whose: &str,
        help: &str,
    ) -> Option<FileRef> {
        if !table.has(key) {
            let problem = Problem::new(Code::MissingKey, format!("{whose} has no `{key}`"));
            self.missing(table, &[key], problem.help(help));
        }
        self.file(table, key)
    }

    /// The file or list of files under `key`, without the wrong ones.
    pub(crate) fn files(&mut self, table: &Table<'_>, key: &str, meaning: &str) -> Vec<FileRef> {
        let paths = self.some_texts(table, key, meaning, path::file);
        let files = paths.into_iter().flatten();
        files
            .map(|path: Spanned<PathBuf>| {
                let span = path.span();
                self.file_ref(&span, path.into_inner())
            })
            .collect()
    }

    /// The file at `path`, which is named at `span`.
    pub(crate) fn file_ref(&self, span: &Span, path: PathBuf) -> FileRef {
        FileRef {
            path: self.source.directory.join(path),
            span: self.syntax.original(span.start)..self.syntax.original(span.end),
        }
    }
}
