//! From the tree of a TOML file to typed values, collecting everything that is wrong on the way.
//!
//! Each function gives the best value it can and goes on, so that one mistake does not hide another.

mod file;
mod lists;
mod typed;

use std::ops::Range;

use toml::{
    Spanned,
    de::{DeTable, DeValue},
};

use crate::{
    code::Code,
    diagnostic::{Diagnostic, Problem, Related, Severity, quote},
    later,
    schema::{self, Schema},
    source::Source,
    suggest,
    syntax::Syntax,
};

pub(crate) use typed::{DurationKey, choose, wrong_type};

pub(crate) type Span = Range<usize>;
pub(crate) type Value<'a> = Spanned<DeValue<'a>>;

/// A table whose keys are known to be right.
#[derive(Clone, Debug)]
pub(crate) struct Table<'a> {
    schema: &'static Schema,
    entries: Option<&'a DeTable<'a>>,
    span: Span,
    /// Keys that unknown ones are probably meant to be.
    meant: Vec<&'static str>,
}

impl<'a> Table<'a> {
    /// One without keys, for a table that is not in the file.
    pub(crate) fn absent(schema: &'static Schema) -> Self {
        Self {
            schema,
            entries: None,
            span: 0..0,
            meant: Vec::new(),
        }
    }

    /// Where the table begins: its header, or itself when it is inline.
    pub(crate) fn span(&self) -> &Span {
        &self.span
    }

    pub(crate) fn value(&self, key: &str) -> Option<&'a Value<'a>> {
        debug_assert!(
            self.schema.keys.contains(&key),
            "{key} is not in the schema"
        );
        self.entries?.get(key)
    }

    /// Where the key itself stands.
    pub(crate) fn key_span(&self, key: &str) -> Option<Span> {
        self.entries?.get_key_value(key).map(|(key, _)| key.span())
    }

    pub(crate) fn has(&self, key: &str) -> bool {
        self.value(key).is_some()
    }
}

/// What was found so far, and how to say where.
#[derive(Debug)]
pub(crate) struct Reader<'s> {
    source: &'s Source,
    syntax: &'s Syntax,
    found: Vec<Diagnostic>,
    mistakes: usize,
}

impl<'s> Reader<'s> {
    pub(crate) fn new(source: &'s Source, syntax: &'s Syntax) -> Self {
        let errors = syntax
            .errors
            .iter()
            .map(|(span, problem)| Diagnostic::new(source, Severity::Error, span, problem.clone()));
        Self {
            source,
            syntax,
            found: errors.collect(),
            mistakes: 0,
        }
    }

    pub(crate) fn finish(self) -> Vec<Diagnostic> {
        self.found
    }

    pub(crate) fn has_errors(&self) -> bool {
        self.found
            .iter()
            .any(|found| found.severity == Severity::Error)
    }

    /// How many errors there were, also those that were not worth a diagnostic.
    pub(crate) fn mistakes(&self) -> usize {
        self.mistakes
    }

    pub(crate) fn error(&mut self, span: Span, problem: Problem) {
        self.report(Severity::Error, &span, problem, None);
    }

    pub(crate) fn warning(&mut self, span: Span, problem: Problem) {
        self.report(Severity::Warning, &span, problem, None);
    }

    /// An error that contradicts what stands at `other`.
    pub(crate) fn conflict(&mut self, span: Span, problem: Problem, other: &Span, there: &str) {
        self.report(Severity::Error, &span, problem, Some((other, there)));
    }

    /// A warning because of what stands at `other`.
    pub(crate) fn doubt(&mut self, span: Span, problem: Problem, other: &Span, there: &str) {
        self.report(Severity::Warning, &span, problem, Some((other, there)));
    }

    /// The error that `table` has none of `keys`.
    pub(crate) fn missing(&mut self, table: &Table<'_>, keys: &[&str], problem: Problem) {
        if !self.may_hide(table, keys) {
            self.error(table.span.clone(), problem);
        }
    }

    /// Whether `table` has no `key`, also none that is misspelt or could not be read.
    pub(crate) fn lacks(&self, table: &Table<'_>, key: &str) -> bool {
        !table.has(key) && !self.may_hide(table, &[key])
    }

    /// Whether one of `keys` may be meant by what is wrong in `table`.
    fn may_hide(&self, table: &Table<'_>, keys: &[&str]) -> bool {
        let misspelt = keys.iter().any(|key| table.meant.contains(key));
        misspelt || self.syntax.hides_from_table(self.line(&table.span))
    }

    /// Whether a service that is not there may stand in a header that could not be read.
    pub(crate) fn services_are_hidden(&self) -> bool {
        self.syntax.hides_services()
    }

    /// Whether any of the file could not be read.
    pub(crate) fn is_broken(&self) -> bool {
        !self.syntax.errors.is_empty()
    }

    /// `value` as a table of the kind `schema`; reports its wrong keys.
    pub(crate) fn table<'a>(
        &mut self,
        value: &'a Value<'a>,
        schema: &'static Schema,
    ) -> Option<Table<'a>> {
        let Some(entries) = value.get_ref().as_table() else {
            let mut problem = wrong_type("a table", value.get_ref());
            if value.get_ref().is_array() && schema.name.starts_with('[') {
                problem = problem.help(format!("write `{}` with single brackets", schema.name));
            }
            self.error(value.span(), problem);
            return None;
        };
        Some(self.known_keys(entries, value.span(), schema))
    }

    /// `entries` as a table of the kind `schema`; reports its wrong keys.
    pub(crate) fn known_keys<'a>(
        &mut self,
        entries: &'a DeTable<'a>,
        span: Span,
        schema: &'static Schema,
    ) -> Table<'a> {
        let mut meant = Vec::new();
        for (key, value) in entries {
            let name = key.get_ref().as_ref();
            if schema.keys.contains(&name) {
                continue;
            }
            match later::key(schema, name, value.get_ref()) {
                Some(Ok(())) => {}
                Some(Err(problem)) => self.error(key.span(), problem),
                None => {
                    meant.extend(suggest::nearest(name, schema.keys.iter().copied()));
                    self.error(key.span(), unknown_key(name, schema));
                }
            }
        }
        Table {
            schema,
            entries: Some(entries),
            span,
            meant,
        }
    }

    /// The table `key` of `parent`, or an empty one.
    pub(crate) fn subtable<'a>(
        &mut self,
        parent: &Table<'a>,
        key: &str,
        schema: &'static Schema,
    ) -> Table<'a> {
        let value = parent.value(key);
        let table = value.and_then(|value| self.table(value, schema));
        table.unwrap_or_else(|| Table::absent(schema))
    }

    fn line(&self, span: &Span) -> usize {
        self.source.line(self.syntax.original(span.start))
    }

    fn report(
        &mut self,
        severity: Severity,
        span: &Span,
        problem: Problem,
        other: Option<(&Span, &str)>,
    ) {
        self.mistakes += usize::from(severity == Severity::Error);
        // What stands in a line with a syntax error may not be what was meant.
        if self.syntax.spoils(self.line(span)) {
            return;
        }
        let original = |span: &Span| {
            let span = self.syntax.original(span.start)..self.syntax.original(span.end);
            self.source.clamp(&span)
        };
        let mut found = Diagnostic::new(self.source, severity, &original(span), problem);
        found.related = other.map(|(span, message)| {
            let span = original(span);
            let start = self.source.position(span.start);
            Related {
                message: message.to_owned(),
                start,
                span,
            }
        });
        self.found.push(found);
    }
}

/// What is wrong with a key that `schema` does not have.
pub(crate) fn unknown_key(name: &str, schema: &'static Schema) -> Problem {
    if schema::SHORTHAND.contains(&name) {
        let message = format!("{} must stand before the first table", quote(name));
        return Problem::new(Code::MisplacedKey, message).help(format!(
            "here it belongs to {}: move it to the top of the file, above the first `[`",
            schema.name
        ));
    }
    let place = if *schema == schema::ROOT { "at" } else { "in" };
    let problem = Problem::new(
        Code::UnknownKey,
        format!("unknown key {} {place} {}", quote(name), schema.name),
    );
    let known = || schema.keys.iter().copied();
    if let Some(near) = suggest::nearest(name, known().chain(later::keys(schema))) {
        return problem.help(format!("did you mean `{near}`?"));
    }
    let others = schema::ALL
        .iter()
        .filter(|other| other.keys.contains(&name));
    let others: Vec<_> = others.map(|other| other.name).collect();
    if !others.is_empty() {
        let help = format!("`{name}` is a key of {}", others.join(" and of "));
        return Problem {
            code: Code::MisplacedKey,
            ..problem.help(help)
        };
    }
    problem.help(format!(
        "the keys of {} are {}",
        schema.name,
        suggest::listed(known())
    ))
}
