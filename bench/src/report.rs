//! The figures of a run: as a table for people and as JSON.

mod summary;

use std::fmt::Write;
use std::path::Path;

use serde::Serialize;

use self::summary::Summary;
use crate::cli::Arguments;
use crate::error::Error;
use crate::peers::{self, Absence};
use crate::rows::{Row, Sample};
use crate::system::Machine;

/// The name of the measurement without a proxy.
pub(crate) const DIRECT: &str = "direct";

/// What a cell says when the proxy has no part in the row.
const NO_PART: &str = "n/a";

/// Above this share of the proxy's core the reader is warned.
const DISTURBED: f64 = 0.1;

/// Everything that was measured.
#[derive(Debug, Serialize)]
pub(crate) struct Report {
    machine: Machine,
    /// Seconds per measurement.
    seconds: f64,
    rounds: u32,
    versions: Vec<Version>,
    rows: Vec<RowReport>,
    #[serde(skip)]
    notes: Vec<&'static str>,
}

#[derive(Debug, Serialize)]
struct Version {
    peer: &'static str,
    version: String,
}

#[derive(Debug, Serialize)]
struct RowReport {
    id: &'static str,
    title: &'static str,
    cost_unit: &'static str,
    beside_unit: &'static str,
    /// The rates beside the costs are compared, too.
    #[serde(skip)]
    compares_rates: bool,
    /// What counts as a failure.
    #[serde(skip)]
    failures: &'static str,
    columns: Vec<Column>,
}

#[derive(Debug, Serialize)]
struct Column {
    peer: &'static str,
    /// Why it has no figures.
    absent: Option<Absence>,
    /// Empty without a proxy.
    cost: Summary,
    beside: Summary,
    /// In all rounds.
    failures: u64,
    /// The share of the proxy's core that something else used.
    foreign: Summary,
}

impl Report {
    pub(crate) fn new(machine: Machine, arguments: &Arguments) -> Self {
        Self {
            machine,
            seconds: arguments.seconds.as_secs_f64(),
            rounds: arguments.rounds,
            versions: Vec::new(),
            rows: Vec::new(),
            notes: Vec::new(),
        }
    }

    pub(crate) fn add_peer(
        &mut self,
        peer: &'static str,
        version: String,
        note: Option<&'static str>,
    ) {
        self.versions.push(Version { peer, version });
        self.notes.extend(note);
    }

    /// Says that the proxy has no part in the row that was begun last.
    pub(crate) fn add_absence(&mut self, peer: &str, absence: Absence) {
        for column in self.columns_of(peer) {
            column.absent = Some(absence);
        }
    }

    pub(crate) fn begin_row(&mut self, row: &dyn Row) {
        let columns = std::iter::once(DIRECT)
            .chain(self.versions.iter().map(|version| version.peer))
            .map(|peer| Column {
                peer,
                absent: None,
                cost: Summary::default(),
                beside: Summary::default(),
                failures: 0,
                foreign: Summary::default(),
            })
            .collect();
        self.rows.push(RowReport {
            id: row.id(),
            title: row.title(),
            cost_unit: row.cost_unit(),
            beside_unit: row.beside_unit(),
            compares_rates: row.compares_rates(),
            failures: row.failures(),
            columns,
        });
    }

    /// Adds a measurement of the row that was begun last.
    pub(crate) fn add_sample(&mut self, peer: &str, sample: Sample) {
        for column in self.columns_of(peer) {
            if let Some(cost) = sample.cost {
                column.cost.add(cost);
            }
            column.beside.add(sample.beside);
            column.failures += sample.failures;
            column.foreign.add(sample.foreign);
        }
    }

    /// # Errors
    ///
    /// [`Error::Io`] when the file cannot be written.
    pub(crate) fn write_json(&self, file: &Path) -> Result<(), Error> {
        let what = format!("write {}", file.display());
        let text = serde_json::to_string_pretty(self)
            .map_err(|error| Error::io(what.clone())(error.into()))?;
        std::fs::write(file, text + "\n").map_err(Error::io(what))
    }

    /// Two tables, the costs with our ratios and what stands beside them, and what ran where.
    pub(crate) fn to_markdown(&self) -> String {
        let mut text = String::new();
        let Machine {
            processor,
            cores,
            kernel,
        } = &self.machine;
        // Writing into a string cannot fail.
        let _ = writeln!(text, "\n{processor}, {cores} cores, Linux {kernel}");
        for Version { version, .. } in &self.versions {
            let _ = writeln!(text, "- {version}");
        }
        let _ = writeln!(
            text,
            "\nMedian (lowest–highest) of {} rounds of {} s.\n",
            self.rounds, self.seconds
        );
        text += &self.costs();
        text.push('\n');
        text += &self.beside();
        text += &self.rates();
        for note in &self.notes {
            let _ = writeln!(text, "\n{note}");
        }
        text += &self.absences();
        text += &self.failures();
        text += &self.disturbances();
        text
    }

    fn costs(&self) -> String {
        let mut table = vec![vec!["row".to_owned(), "unit".to_owned()]];
        table[0].extend(self.versions.iter().map(|version| version.peer.to_owned()));
        table[0].extend(
            self.others()
                .map(|other| format!("{}/{other}", peers::OURS)),
        );
        for row in &self.rows {
            let mut line = vec![row.title.to_owned(), row.cost_unit.to_owned()];
            line.extend(
                row.columns
                    .iter()
                    .skip(1)
                    .map(|column| column.cell(&column.cost)),
            );
            line.extend(
                self.others()
                    .map(|other| match row.ratio(peers::OURS, other) {
                        Some(ratio) => format!("{ratio:.2}"),
                        None => NO_PART.to_owned(),
                    }),
            );
            table.push(line);
        }
        markdown_table(&table)
    }

    fn beside(&self) -> String {
        let mut table = vec![vec![
            "row".to_owned(),
            "beside".to_owned(),
            DIRECT.to_owned(),
        ]];
        table[0].extend(self.versions.iter().map(|version| version.peer.to_owned()));
        for row in &self.rows {
            let mut line = vec![row.title.to_owned(), row.beside_unit.to_owned()];
            line.extend(row.columns.iter().map(|column| column.cell(&column.beside)));
            table.push(line);
        }
        markdown_table(&table)
    }

    /// Says what share of the others' rates is ours, round by round.
    fn rates(&self) -> String {
        let mut text = String::new();
        for row in self.rows.iter().filter(|row| row.compares_rates) {
            let others = std::iter::once(DIRECT).chain(self.others());
            let shares: Vec<String> = others
                .filter_map(|other| Some((other, row.rate_share(other)?)))
                .map(|(other, share)| format!("{share} of {other}"))
                .collect();
            if !shares.is_empty() {
                let (id, ours, shares) = (row.id, peers::OURS, shares.join(", "));
                let _ = writeln!(text, "\nRate: {id}, {ours}: {shares}.");
            }
        }
        text
    }

    /// Says where proxies have no part and why, one line for each proxy and reason.
    fn absences(&self) -> String {
        let mut absences: Vec<(&str, Absence, Vec<String>)> = Vec::new();
        for row in &self.rows {
            for column in &row.columns {
                let Some(absent) = column.absent else {
                    continue;
                };
                let id = format!("`{}`", row.id);
                match absences
                    .iter_mut()
                    .find(|(peer, absence, _)| (*peer, *absence) == (column.peer, absent))
                {
                    Some((_, _, rows)) => rows.push(id),
                    None => absences.push((column.peer, absent, vec![id])),
                }
            }
        }
        let mut text = String::new();
        for (peer, absence, rows) in absences {
            let rows = rows.join(", ");
            let _ = writeln!(text, "\n{NO_PART}: {peer} {absence}: {rows}.");
        }
        text
    }

    /// Says where connections failed.
    fn failures(&self) -> String {
        let mut text = String::new();
        for row in &self.rows {
            for column in row.columns.iter().filter(|column| column.failures > 0) {
                let (id, peer, failures) = (row.id, column.peer, column.failures);
                let _ = writeln!(text, "\nFailed: {id}, {peer}: {failures} {}.", row.failures);
            }
        }
        text
    }

    /// Says where something else used the proxy's core.
    fn disturbances(&self) -> String {
        let mut text = String::new();
        for row in &self.rows {
            for column in row.columns.iter().skip(1) {
                let Some(median) = column.foreign.median() else {
                    continue;
                };
                if median > DISTURBED {
                    let (id, peer, percent) = (row.id, column.peer, median * 100.0);
                    let _ = writeln!(
                        text,
                        "\nDisturbed: {id}, {peer}: something else used {percent:.0} % of the \
                         proxy's core. Repeat this row on a quiet machine."
                    );
                }
            }
        }
        text
    }

    /// The column of the proxy in the row that was begun last.
    fn columns_of(&mut self, peer: &str) -> impl Iterator<Item = &mut Column> {
        let columns = self
            .rows
            .last_mut()
            .into_iter()
            .flat_map(|row| &mut row.columns);
        columns.filter(move |column| column.peer == peer)
    }

    /// The proxies that ours is compared with, if ours was measured.
    fn others(&self) -> impl Iterator<Item = &'static str> {
        let ours = self
            .versions
            .iter()
            .any(|version| version.peer == peers::OURS);
        let names = self.versions.iter().map(|version| version.peer);
        names.filter(move |name| ours && *name != peers::OURS)
    }
}

impl RowReport {
    /// Our rate as a share of the other one, of each round.
    fn rate_share(&self, other: &str) -> Option<Summary> {
        let rates = |peer: &str| {
            let column = self.columns.iter().find(|column| column.peer == peer)?;
            let rates = column.beside.samples();
            (!rates.is_empty()).then_some(rates)
        };
        let mut share = Summary::default();
        for (ours, theirs) in rates(peers::OURS)?.iter().zip(rates(other)?) {
            share.add(ours / theirs);
        }
        Some(share)
    }

    /// The ratio of two medians.
    fn ratio(&self, numerator: &str, denominator: &str) -> Option<f64> {
        let median = |peer: &str| {
            self.columns
                .iter()
                .find(|column| column.peer == peer)?
                .cost
                .median()
        };
        Some(median(numerator)? / median(denominator)?)
    }
}

impl Column {
    fn cell(&self, figures: &Summary) -> String {
        match self.absent {
            Some(_) => NO_PART.to_owned(),
            None => figures.to_string(),
        }
    }
}

/// Columns are padded, so that the table also reads well in a terminal.
fn markdown_table(lines: &[Vec<String>]) -> String {
    let columns = lines.first().map_or(0, Vec::len);
    let widths: Vec<usize> = (0..columns)
        .map(|column| {
            lines
                .iter()
                .map(|line| line[column].chars().count())
                .max()
                .unwrap_or(0)
        })
        .collect();
    let mut text = String::new();
    for (index, line) in lines.iter().enumerate() {
        for (cell, width) in line.iter().zip(&widths) {
            let _ = write!(text, "| {cell:width$} ");
        }
        text += "|\n";
        if index == 0 {
            for (column, width) in widths.iter().enumerate() {
                let _ = write!(text, "|{:-<1$}", "", width + 1);
                text.push(if column < 2 { '-' } else { ':' });
            }
            text += "|\n";
        }
    }
    text
}

#[cfg(test)]
mod tests;
