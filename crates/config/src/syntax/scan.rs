//! Finds mistakes in the structure of a file by its lines.

use std::ops::Range;

use crate::{code::Code, diagnostic::Problem, secret};

/// A mistake, and how the text becomes readable.
#[derive(Debug)]
pub(super) struct Flaw {
    pub(super) span: Range<usize>,
    pub(super) problem: Problem,
    pub(super) repair: Repair,
}

/// A change of the text. Those of one file are in its order.
#[derive(Debug)]
pub(super) enum Repair {
    /// Put text of the same length in the place of a range.
    Overwrite(Range<usize>, String),
    /// Put in at an offset.
    Insert(usize, String),
}

/// Enough to show what is wrong with a file that is no configuration at all.
const MOST_FLAWS: usize = 1000;

/// The mistakes of the structure in `text`, in order.
pub(super) fn flaws(text: &str) -> Vec<Flaw> {
    let mut scanner = Scanner {
        text,
        at: 0,
        flaws: Vec::new(),
    };
    if text.starts_with('\u{feff}') {
        scanner.at = '\u{feff}'.len_utf8();
    }
    while scanner.at < text.len() && scanner.flaws.len() < MOST_FLAWS {
        scanner.statement();
    }
    scanner.flaws
}

struct Scanner<'a> {
    text: &'a str,
    at: usize,
    flaws: Vec<Flaw>,
}

impl Scanner<'_> {
    /// One line, or a value that goes on over several.
    fn statement(&mut self) {
        match self.peek() {
            None => {}
            Some(b' ' | b'\t' | b'\r' | b'\n') => self.at += 1,
            Some(b'#') => self.at = self.line_end(),
            Some(b'[') => self.header(),
            Some(_) => self.assignment(),
        }
    }

    fn header(&mut self) {
        let start = self.at;
        let brackets = if self.text[start..].starts_with("[[") {
            "]]"
        } else {
            "]"
        };
        self.at += brackets.len();
        let mut end = self.at;
        while let Some(byte) = self
            .peek()
            .filter(|byte| !matches!(byte, b'\n' | b'#' | b']'))
        {
            match byte {
                b'"' | b'\'' => self.string(),
                _ => self.at += 1,
            }
            if !matches!(byte, b' ' | b'\t' | b'\r') {
                end = self.at;
            }
        }
        let closed = self.text.as_bytes()[self.at..]
            .iter()
            .take_while(|byte| **byte == b']');
        let closed = closed.count();
        let inside = start + brackets.len()..end;
        if closed < brackets.len() {
            let missing = brackets[closed..].to_owned();
            let at = if closed == 0 { end } else { self.at + closed };
            self.flaw(
                start..at,
                "this table header is not closed",
                format!("write `{}{missing}`", &self.text[start..at]),
                Repair::Insert(at, missing),
            );
        } else if !is_table_name(&self.text[inside.clone()]) {
            // A name that no table has.
            let kept = |byte: u8| byte.is_ascii_alphanumeric().then_some(char::from(byte));
            let name = self.text[inside.clone()]
                .bytes()
                .map(|byte| kept(byte).unwrap_or('_'));
            let repair = match inside.is_empty() {
                true => Repair::Insert(end, "_".to_owned()),
                false => Repair::Overwrite(inside, name.collect()),
            };
            let help = "write words of letters, digits, `_` and `-` with dots between them, such as \
                        `[service.c2s]`";
            self.flaw(
                start..self.at + closed,
                "this is not the name of a table",
                help.to_owned(),
                repair,
            );
        }
        self.at = self.line_end();
    }

    fn assignment(&mut self) {
        let start = self.at;
        while let Some(byte) = self
            .peek()
            .filter(|byte| !matches!(byte, b'\n' | b'#' | b'='))
        {
            match byte {
                b'"' | b'\'' => self.string(),
                _ => self.at += 1,
            }
        }
        if self.peek() == Some(b'=') {
            self.at += 1;
            self.value();
            return;
        }
        let key = self.text[start..self.at].trim_end();
        let help = match key.split_once(':') {
            _ if secret::suspected(key) => "write `KEY = VALUE`".to_owned(),
            Some((key, value)) => format!("write `{} = {}`", key.trim(), value.trim()),
            None => format!("write `{key} = …`, or `[{key}]` if it is meant to be a table"),
        };
        let end = self.line_end();
        let span = start..start + key.len();
        self.flaw(span, "a key without a value", help, spaces(start..end));
        self.at = end;
    }

    /// What stands behind `=`, up to the end of its last line.
    fn value(&mut self) {
        let mut open: Vec<usize> = Vec::new();
        // The end of the last word, and its last byte.
        let mut last = (self.at, b'=');
        while let Some(byte) = self.peek() {
            match byte {
                b' ' | b'\t' | b'\r' => {
                    self.at += 1;
                    continue;
                }
                b'#' => {
                    self.at = self.line_end();
                    continue;
                }
                b'\n' => {
                    let Some(&inside) = open.last() else { return };
                    self.at += 1;
                    if self.begins_statement(self.text.as_bytes()[inside], last.1) {
                        break;
                    }
                    continue;
                }
                b'"' | b'\'' => self.string(),
                b'[' | b'{' => {
                    open.push(self.at);
                    self.at += 1;
                }
                b']' | b'}' => {
                    open.pop();
                    self.at += 1;
                }
                _ => self.at += 1,
            }
            last = (self.at, byte);
        }
        let Some(&first) = open.first() else { return };
        let bytes = self.text.as_bytes();
        let closers: String = open
            .iter()
            .rev()
            .map(|at| if bytes[*at] == b'[' { ']' } else { '}' })
            .collect();
        self.flaw(
            first..first + 1,
            &format!("this `{}` is never closed", &self.text[first..=first]),
            format!("write `{closers}` at the end of the value"),
            Repair::Insert(last.0, closers),
        );
    }

    /// Whether the line here begins something new although a bracket is open: a header, or `key =`
    /// where no key can stand.
    fn begins_statement(&self, inside: u8, before: u8) -> bool {
        let line = &self.text[self.at..self.line_end()];
        let line = line.split('#').next().unwrap_or_default().trim();
        let is_name = |text: &str| {
            let text = text.trim();
            text.starts_with(|c: char| c.is_ascii_alphanumeric())
                && text
                    .bytes()
                    .all(|b| b.is_ascii_alphanumeric() || b"-_.\"'".contains(&b))
        };
        if let Some(rest) = line.strip_prefix('[') {
            // Perhaps not closed either.
            return is_name(rest.trim_start_matches('[').trim_end_matches(']'));
        }
        let assigns = line.split_once('=').is_some_and(|(key, _)| is_name(key));
        assigns && (inside == b'[' || !matches!(before, b',' | b'{'))
    }

    /// Goes behind the string that begins here; a string that is not closed ends with its line.
    fn string(&mut self) {
        let start = self.at;
        let bytes = self.text.as_bytes();
        let quote = bytes[start];
        let escapes = quote == b'"';
        let triple = [quote; 3];
        if !bytes[start..].starts_with(&triple) {
            let end = self.line_end();
            self.at += 1;
            while self.at < end {
                let byte = bytes[self.at];
                let length = if escapes && byte == b'\\' { 2 } else { 1 };
                self.at = (self.at + length).min(end);
                if byte == quote {
                    return;
                }
            }
            return;
        }
        let mut at = start + 3;
        while at < bytes.len() {
            if bytes[at..].starts_with(&triple) {
                // Up to two more quotes belong to the text.
                let more = bytes[at + 3..]
                    .iter()
                    .take(2)
                    .take_while(|byte| **byte == quote);
                self.at = at + 3 + more.count();
                return;
            }
            at += if escapes && bytes[at] == b'\\' { 2 } else { 1 };
        }
        let end = self.line_end();
        self.flaw(
            start..start + 3,
            "this string is never closed",
            "close it by three quotes, or use one quote for text on one line".to_owned(),
            spaces(start..end),
        );
        self.at = end;
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn line_end(&self) -> usize {
        let rest = &self.text.as_bytes()[self.at..];
        self.at
            + rest
                .iter()
                .position(|byte| *byte == b'\n')
                .unwrap_or(rest.len())
    }

    fn flaw(&mut self, span: Range<usize>, message: &str, help: String, repair: Repair) {
        let problem = Problem::new(Code::Syntax, message).help(help);
        self.flaws.push(Flaw {
            span,
            problem,
            repair,
        });
    }
}

/// Spaces in the place of a range.
fn spaces(range: Range<usize>) -> Repair {
    let text = " ".repeat(range.len());
    Repair::Overwrite(range, text)
}

/// Whether this can stand in the brackets of a header: words with dots between them.
fn is_table_name(text: &str) -> bool {
    let bare = |word: &str| {
        !word.is_empty()
            && word
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || b"_-".contains(&byte))
    };
    // Quoted words may hold anything; the parser knows better.
    text.contains(['"', '\'']) || text.split('.').all(|word| bare(word.trim()))
}
