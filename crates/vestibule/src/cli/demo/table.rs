//! The table of what happened. It fits 100 columns.

use std::{
    future::Future,
    io::{self, Write},
    time::{Duration, Instant},
};

/// What a scenario shows when it worked.
#[derive(Debug, Default)]
pub(super) struct Row {
    /// The client as Vestibule was told.
    pub(super) client: String,
    /// The client as the upstream was told.
    pub(super) saw: String,
    /// Which upstream it was.
    pub(super) upstream: String,
    /// Bytes carried in both directions.
    pub(super) bytes: usize,
    /// More that is worth a line.
    pub(super) note: String,
}

/// Why a scenario has no row.
#[derive(Debug)]
pub(super) enum Missed {
    /// It did not go as it must.
    Failed(String),
    /// This machine cannot play it.
    Skipped(&'static str),
}

impl From<io::Error> for Missed {
    fn from(error: io::Error) -> Self {
        Self::Failed(error.to_string())
    }
}

/// Fails the scenario unless `good`.
///
/// # Errors
///
/// What is not as it must be.
pub(super) fn must(good: bool, otherwise: impl Into<String>) -> Result<(), Missed> {
    match good {
        true => Ok(()),
        false => Err(Missed::Failed(otherwise.into())),
    }
}

/// Prints each row when its scenario has ended, and counts.
pub(super) struct Table<'a> {
    out: &'a mut dyn Write,
    color: bool,
    started: Instant,
    good: usize,
    failed: usize,
    skipped: usize,
    /// Why nothing is printed any more.
    broken: Option<io::Error>,
}

/// What came of all scenarios.
pub(super) struct Played {
    /// Whether none has failed.
    pub(super) good: bool,
    /// Why it was ended before the last one: nobody could be shown more.
    pub(super) written: io::Result<()>,
}

/// No scenario waits longer than this. A machine that tests is busy with much else.
pub(super) const PATIENCE: Duration = Duration::from_secs(if cfg!(test) { 60 } else { 10 });

impl<'a> Table<'a> {
    /// An empty table, with `color` for terminals.
    pub(super) fn new(out: &'a mut dyn Write, color: bool) -> Self {
        Self {
            out,
            color,
            started: Instant::now(),
            good: 0,
            failed: 0,
            skipped: 0,
            broken: None,
        }
    }

    /// Begins a group of scenarios.
    pub(super) fn group(&mut self, title: &str) {
        let between = if self.good + self.failed + self.skipped > 0 {
            "\n"
        } else {
            ""
        };
        let heads = ["client", "upstream saw", "upstream", "bytes", "result"];
        self.print(&format!("{between}{}", line(title, heads)));
        self.print(&"-".repeat(98));
    }

    /// Plays a scenario and prints what came of it, as long as something can be printed.
    pub(super) async fn row(
        &mut self,
        what: &str,
        scenario: impl Future<Output = Result<Row, Missed>>,
    ) {
        if self.broken.is_some() {
            return;
        }
        let played = tokio::time::timeout(PATIENCE, scenario).await;
        let too_long = || Err(Missed::Failed(format!("nothing for {PATIENCE:?}")));
        let (row, result, color, note) = match played.unwrap_or_else(|_| too_long()) {
            Ok(mut row) => {
                self.good += 1;
                let note = std::mem::take(&mut row.note);
                (row, "ok", GREEN, note)
            }
            Err(Missed::Failed(why)) => {
                self.failed += 1;
                (Row::default(), "FAILED", RED, why)
            }
            Err(Missed::Skipped(why)) => {
                self.skipped += 1;
                (Row::default(), "-", "", why.to_owned())
            }
        };
        let result = match self.color {
            true => format!("{color}{result}{PLAIN}"),
            false => result.to_owned(),
        };
        let bytes = match row.bytes {
            0 => String::new(),
            n if n < 10_000 => format!("{n} B"),
            n => format!("{:.1} MB", n as f64 / 1e6),
        };
        let cells = [&*row.client, &*row.saw, &*row.upstream, &*bytes, &*result];
        self.print(&line(what, cells));
        if !note.is_empty() {
            self.print(&format!("    {note}"));
        }
    }

    /// Prints the sum.
    pub(super) fn finish(mut self) -> Played {
        let mut sum = format!("{} ok", self.good);
        for (count, what) in [(self.skipped, "skipped"), (self.failed, "FAILED")] {
            if count > 0 {
                sum = format!("{sum}, {count} {what}");
            }
        }
        let seconds = self.started.elapsed().as_secs_f64();
        self.print(&format!("\n{sum}, in {seconds:.1} s"));
        Played {
            good: self.failed == 0,
            written: self.broken.map_or(Ok(()), Err),
        }
    }

    fn print(&mut self, line: &str) {
        if self.broken.is_none() {
            let written = writeln!(self.out, "{}", line.trim_end());
            self.broken = written.and_then(|()| self.out.flush()).err();
        }
    }
}

const GREEN: &str = "\x1b[32m";
const RED: &str = "\x1b[31m";
const PLAIN: &str = "\x1b[0m";

fn line(what: &str, [client, saw, upstream, bytes, result]: [&str; 5]) -> String {
    format!("{what:29}  {client:19}  {saw:19}  {upstream:10}  {bytes:>7}  {result}")
}
