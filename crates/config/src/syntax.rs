//! TOML with mistakes in it: what can be read of it, and every mistake.
//!
//! The parser recovers from a wrong value by itself. It does not from a wrong structure (a header or
//! a list that is never closed, a key without a value): it gives up or takes the rest of the file
//! for something else. Such places are found here by their lines, reported, and mended in a copy of
//! the text, so that the rest can be checked as it was meant.

mod scan;

#[cfg(test)]
mod tests;

use std::{collections::BTreeSet, ops::Range};

use toml::de::{DeTable, Error};

use crate::{code::Code, diagnostic::Problem, source::Source};

/// A file's text as it can be parsed, and what was wrong with it.
#[derive(Debug)]
pub(crate) struct Syntax {
    /// Equal to the source when that has no mistakes in its structure.
    pub(crate) text: String,
    /// The mistakes, at offsets of the source.
    pub(crate) errors: Vec<(Range<usize>, Problem)>,
    /// Where text was put in: offset in the source, and length.
    insertions: Vec<(usize, usize)>,
    /// Lines with a mistake.
    lines: BTreeSet<usize>,
    /// Lines that begin a table, and the table's name as it stands there.
    headers: Vec<(usize, String)>,
}

impl Syntax {
    pub(crate) fn new(source: &Source) -> Self {
        let headers = source
            .lines()
            .filter(|(_, line)| line.trim_start().starts_with('['));
        let mut syntax = Self {
            text: source.text.clone(),
            errors: Vec::new(),
            insertions: Vec::new(),
            lines: BTreeSet::new(),
            headers: headers
                .map(|(number, line)| (number, line.trim().to_owned()))
                .collect(),
        };
        if !DeTable::parse_recoverable(&source.text).1.is_empty() {
            syntax.mend(source);
        }
        syntax
    }

    /// The offset in the source of an offset in [`Self::text`].
    pub(crate) fn original(&self, offset: usize) -> usize {
        let mut inserted = 0;
        for &(at, length) in &self.insertions {
            if offset <= at + inserted {
                break;
            }
            inserted += length.min(offset - at - inserted);
        }
        offset - inserted
    }

    /// Whether what was read from this line of the source may be an invention of the recovery.
    pub(crate) fn spoils(&self, line: usize) -> bool {
        self.lines.contains(&line)
    }

    /// Whether something absent from the table that begins at this line may stand in a line that
    /// could not be read.
    pub(crate) fn hides_from_table(&self, line: usize) -> bool {
        let next = self
            .headers
            .iter()
            .map(|(number, _)| *number)
            .find(|number| *number > line);
        self.lines
            .range(line..next.unwrap_or(usize::MAX))
            .next()
            .is_some()
    }

    /// Whether a service may be defined by a header that could not be read.
    pub(crate) fn hides_services(&self) -> bool {
        let mut broken = self
            .headers
            .iter()
            .filter(|(number, _)| self.spoils(*number));
        broken.any(|(_, header)| header.contains("serv"))
    }

    /// Finds the mistakes of the structure, mends them in `text`, then takes the parser's own
    /// errors of what remains: one for each line, because the later ones mostly follow from the first.
    fn mend(&mut self, source: &Source) {
        for flaw in scan::flaws(&source.text) {
            match flaw.repair {
                scan::Repair::Overwrite(range, text) => {
                    overwrite(&mut self.text, &self.insertions, &range, &text);
                }
                scan::Repair::Insert(at, text) => {
                    let shift: usize = self.insertions.iter().map(|(_, length)| length).sum();
                    self.text.insert_str(at + shift, text.as_str());
                    self.insertions.push((at, text.len()));
                }
            }
            self.push(source, flaw.span, flaw.problem);
        }
        let text = self.text.clone();
        let mut errors = DeTable::parse_recoverable(&text).1;
        errors.sort_by_key(|error| error.span().unwrap_or_default().start);
        for error in &errors {
            let span = whole_word(error, &text);
            let span = self.original(span.start)..self.original(span.end);
            self.push(source, span, explain(error, &text));
        }
        if self.errors.is_empty() {
            let problem = Problem::new(Code::Syntax, "this is not TOML");
            self.push(source, 0..0, problem);
        }
    }

    fn push(&mut self, source: &Source, span: Range<usize>, problem: Problem) {
        if self.lines.insert(source.line(source.clamp(&span).start)) {
            self.errors.push((span, problem));
        }
    }
}

/// Puts `replacement`, which is as long, into a range of the source in `text`.
fn overwrite(
    text: &mut String,
    insertions: &[(usize, usize)],
    range: &Range<usize>,
    replacement: &str,
) {
    let shift: usize = insertions.iter().map(|(_, length)| length).sum();
    text.replace_range(range.start + shift..range.end + shift, replacement);
}

/// Where the error is; the parser has read the first part of an unquoted word as a number.
fn whole_word(error: &Error, text: &str) -> Range<usize> {
    let span = error.span().unwrap_or_default();
    if !error.message().contains("invalid float") {
        return span;
    }
    let before = text.get(..span.start).unwrap_or_default();
    let word = before.rfind(|c: char| c.is_whitespace() || "=,[{".contains(c));
    word.map_or(0, |at| at + 1)..span.end
}

/// The parser's error in the words of this crate.
fn explain(error: &Error, text: &str) -> Problem {
    let message = error.message();
    let found = error
        .span()
        .and_then(|span| text.get(span))
        .unwrap_or_default();
    if message.contains("duplicate key") {
        return Problem::new(Code::DuplicateKey, format!("`{found}` is already defined"))
            .help("keep one of them");
    }
    let problem = |message: &str| Problem::new(Code::Syntax, message.replace('\n', ", "));
    if message.contains("must be quoted") && found.is_empty() {
        problem("there is no value").help("write a value behind the `=`")
    } else if message.contains("must be quoted") || message.contains("invalid float") {
        problem("this is neither a number nor quoted text")
            .help("text, addresses and durations stand in quotes: \"…\"")
    } else if message.contains("invalid basic string") || message.contains("invalid literal string")
    {
        problem("this string is never closed").help("close the quotes at its end")
    } else {
        problem(message)
    }
}
