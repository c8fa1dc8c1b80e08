//! What is wrong or doubtful in a file, for people and for programs.

use std::{borrow::Cow, ops::Range};

use annotate_snippets::{Annotation, AnnotationKind, Level, Origin, Renderer, Snippet};

pub use crate::source::Position;
use crate::{Code, FileRef, source::Source};

/// All that was found in one file.
#[derive(Debug)]
pub struct Report {
    /// Sorted by position.
    pub diagnostics: Vec<Diagnostic>,
    source: Source,
}

impl Report {
    pub(crate) fn new(source: Source, mut diagnostics: Vec<Diagnostic>) -> Self {
        sort(&mut diagnostics);
        let source = source.without_secrets();
        for found in &mut diagnostics {
            found.snippet = snippet(&source, &found.span);
        }
        Self {
            diagnostics,
            source,
        }
    }

    /// Whether the file cannot be used.
    pub fn has_errors(&self) -> bool {
        self.errors().next().is_some()
    }

    /// What makes the file unusable.
    pub fn errors(&self) -> impl Iterator<Item = &Diagnostic> {
        self.of(Severity::Error)
    }

    /// What is allowed, but probably not meant.
    pub fn warnings(&self) -> impl Iterator<Item = &Diagnostic> {
        self.of(Severity::Warning)
    }

    /// Adds what is wrong or doubtful with a file that the configuration names, at the place where
    /// it does. For what only the program can find out, because it reads the file.
    pub fn add(
        &mut self,
        file: &FileRef,
        severity: Severity,
        code: Code,
        message: impl Into<String>,
        help: Option<String>,
    ) {
        let problem = Problem {
            code,
            message: message.into(),
            help,
        };
        let found = Diagnostic::new(&self.source, severity, &file.span, problem);
        self.diagnostics.push(found);
        sort(&mut self.diagnostics);
    }

    /// Everything for people: each diagnostic with its place, the offending text underlined and
    /// what would be right. Ends with a newline; empty when there is nothing to say. With `color`,
    /// for a terminal.
    pub fn render(&self, color: bool) -> String {
        let renderer = if color {
            Renderer::styled()
        } else {
            Renderer::plain()
        };
        let rendered = self.diagnostics.iter().map(|found| {
            let mut text = renderer.render(&[found.group(&self.source)]);
            text.push('\n');
            text
        });
        rendered.collect::<Vec<_>>().join("\n")
    }

    fn of(&self, severity: Severity) -> impl Iterator<Item = &Diagnostic> {
        self.diagnostics
            .iter()
            .filter(move |found| found.severity == severity)
    }
}

/// One thing that is wrong or doubtful.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    /// Whether the file can be used nevertheless.
    pub severity: Severity,
    /// What it is about, for programs: one of the names of [`Code`].
    pub code: &'static str,
    /// What is wrong, in one line.
    pub message: String,
    /// What would be right, in one line.
    pub help: Option<String>,
    /// The file's name as it was given.
    pub file: String,
    /// Where it begins: line, from 1.
    pub line: usize,
    /// Where it begins: column in characters, from 1.
    pub column: usize,
    /// The position after its last character.
    pub end: Position,
    /// The offending text; only its first line when it has several, and of that at most 200
    /// characters, and never a password.
    pub snippet: String,
    /// Another place that it contradicts.
    pub related: Option<Related>,
    pub(crate) span: Range<usize>,
}

impl Diagnostic {
    pub(crate) fn new(
        source: &Source,
        severity: Severity,
        span: &Range<usize>,
        found: Problem,
    ) -> Self {
        let Problem {
            code,
            message,
            help,
        } = found;
        let span = source.clamp(span);
        let Position { line, column } = source.position(span.start);
        Self {
            severity,
            code: code.name(),
            message: plain(&message),
            help: help.as_deref().map(plain),
            file: source.name.clone(),
            line,
            column,
            end: source.position(span.end),
            snippet: snippet(source, &span),
            related: None,
            span,
        }
    }

    fn group<'a>(&'a self, source: &'a Source) -> annotate_snippets::Group<'a> {
        let level = match self.severity {
            Severity::Error => Level::ERROR,
            Severity::Warning => Level::WARNING,
        };
        let title = level.primary_title(&*self.message).id(self.code);
        let group = if source.text.is_empty() {
            title.element(Origin::path(&*self.file))
        } else {
            title.element(self.underlined(source))
        };
        group.elements(self.help.iter().map(|help| Level::HELP.message(&**help)))
    }

    /// The lines that matter, with the offending text marked.
    fn underlined<'a>(&'a self, source: &'a Source) -> Snippet<'a, Annotation<'a>> {
        let other = self
            .related
            .as_ref()
            .map_or(self.line, |related| related.start.line);
        let first = self.line.min(other);
        let lines = source.span_of_lines(first, self.end.line.max(other));
        // A span may end behind what is shown: the related one at the line that it begins in.
        let shown = |span: &Range<usize>| {
            let end = span.end.min(lines.end).max(span.start);
            span.start - lines.start..end - lines.start
        };
        let related = self.related.iter().map(|related| {
            AnnotationKind::Context
                .span(shown(&related.span))
                .label(&*related.message)
        });
        Snippet::source(&source.text[lines.clone()])
            .path(&*self.file)
            .line_start(first)
            .annotation(AnnotationKind::Primary.span(shown(&self.span)))
            .annotations(related)
    }
}

fn snippet(source: &Source, span: &Range<usize>) -> String {
    shortened(source.snippet(span), LONGEST_SNIPPET).into_owned()
}

fn sort(diagnostics: &mut [Diagnostic]) {
    diagnostics.sort_by_key(|found| (found.span.start, found.severity, found.code));
}

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// The file cannot be used.
    Error,
    /// The file can be used, but probably says something that is not meant.
    Warning,
}

impl Severity {
    /// `error` or `warning`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warning => "warning",
        }
    }
}

/// Another place that a diagnostic is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Related {
    /// What is there, such as "first used here".
    pub message: String,
    /// Where it begins.
    pub start: Position,
    pub(crate) span: Range<usize>,
}

/// The longest [`Diagnostic::snippet`], in characters.
const LONGEST_SNIPPET: usize = 200;

/// What is wrong, before it is known where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Problem {
    pub(crate) code: Code,
    pub(crate) message: String,
    pub(crate) help: Option<String>,
}

impl Problem {
    pub(crate) fn new(code: Code, message: impl Into<String>) -> Self {
        Self {
            code,
            message: message.into(),
            help: None,
        }
    }

    pub(crate) fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }
}

/// Text from the file for use inside a message: in backticks, short.
pub(crate) fn quote(text: &str) -> String {
    const LONGEST: usize = 60;
    format!("`{}`", shortened(text, LONGEST))
}

/// For a terminal: without control characters and not endless, whatever the file contains.
fn plain(text: &str) -> String {
    const LONGEST: usize = 500;
    let mut plain = String::with_capacity(text.len().min(LONGEST));
    for c in shortened(text, LONGEST).chars() {
        // Marks that change the direction of what follows, too.
        if c.is_control()
            || matches!(c, '\u{200B}'..='\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}')
        {
            plain.extend(c.escape_default());
        } else {
            plain.push(c);
        }
    }
    plain
}

fn shortened(text: &str, longest: usize) -> Cow<'_, str> {
    match text.char_indices().nth(longest) {
        Some((cut, _)) => Cow::Owned(format!("{}…", &text[..cut])),
        None => Cow::Borrowed(text),
    }
}
