use std::fmt;

/// How many tests a run of `cargo test` had, summed over its programs.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Tally {
    failed: u64,
    ignored: u64,
    passed: u64,
}

impl Tally {
    /// Takes the figures out of a summary line of the test harness; other lines change nothing.
    pub(super) fn see(&mut self, line: &str) {
        let Some(summary) = line.strip_prefix("test result: ") else {
            return;
        };
        for part in summary.split(['.', ';']) {
            let mut words = part.split_whitespace();
            let (Some(count), Some(kind)) = (words.next(), words.next()) else {
                continue;
            };
            let Ok(count) = count.parse::<u64>() else {
                continue;
            };
            match kind {
                "failed" => self.failed += count,
                "ignored" => self.ignored += count,
                "passed" => self.passed += count,
                _ => {}
            }
        }
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            failed,
            ignored,
            passed,
        } = self;
        write!(f, "{passed} passed, {failed} failed, {ignored} ignored")
    }
}

#[cfg(test)]
mod tests;
