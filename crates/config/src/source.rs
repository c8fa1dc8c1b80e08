//! A configuration file's text, with byte offsets turned into lines and columns.

use std::{
    ops::Range,
    path::{Path, PathBuf},
};

use crate::secret;

/// A place in a file, as people count: from 1, columns in characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Position {
    /// Line, from 1.
    pub line: usize,
    /// Column in characters, from 1.
    pub column: usize,
}

/// A file's name and text.
#[derive(Debug)]
pub(crate) struct Source {
    pub(crate) name: String,
    /// Where its relative paths begin.
    pub(crate) directory: PathBuf,
    pub(crate) text: String,
    line_starts: Vec<usize>,
}

impl Source {
    /// The file at `path`; only its name is shown, also when it is not UTF-8.
    pub(crate) fn of(path: &Path, text: &str) -> Self {
        Self {
            directory: directory(path),
            ..Self::new(&path.to_string_lossy(), text)
        }
    }

    pub(crate) fn new(name: &str, text: &str) -> Self {
        let newlines = text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n');
        Self {
            name: name.to_owned(),
            directory: directory(Path::new(name)),
            text: text.to_owned(),
            line_starts: [0]
                .into_iter()
                .chain(newlines.map(|(at, _)| at + 1))
                .collect(),
        }
    }

    /// The same places with other text where passwords were.
    pub(crate) fn without_secrets(self) -> Self {
        Self {
            text: secret::hidden(&self.text).into_owned(),
            ..self
        }
    }

    /// The position of a byte offset; one that is past the end or inside a character is moved back.
    pub(crate) fn position(&self, offset: usize) -> Position {
        let offset = self.text.floor_char_boundary(offset);
        let line = self.line(offset);
        let start = self.line_starts[line - 1];
        Position {
            line,
            column: self.text[start..offset].chars().count() + 1,
        }
    }

    /// The line (from 1) of a byte offset.
    pub(crate) fn line(&self, offset: usize) -> usize {
        self.line_starts.partition_point(|start| *start <= offset)
    }

    /// `span` moved onto character boundaries inside the text.
    pub(crate) fn clamp(&self, span: &Range<usize>) -> Range<usize> {
        let start = self.text.floor_char_boundary(span.start);
        start..self.text.ceil_char_boundary(span.end).max(start)
    }

    /// The first line of `span`'s text.
    pub(crate) fn snippet(&self, span: &Range<usize>) -> &str {
        let text = &self.text[self.clamp(span)];
        text.lines().next().unwrap_or_default()
    }

    /// The bytes of the lines `first..=last`, which are counted from 1.
    pub(crate) fn span_of_lines(&self, first: usize, last: usize) -> Range<usize> {
        let end = self.line_starts.get(last).copied();
        self.line_starts[first - 1]..end.unwrap_or(self.text.len())
    }

    /// Every line without its end, counted from 1.
    pub(crate) fn lines(&self) -> impl Iterator<Item = (usize, &str)> {
        (1..).zip(self.text.lines())
    }
}

fn directory(path: &Path) -> PathBuf {
    path.parent().map(Path::to_owned).unwrap_or_default()
}
