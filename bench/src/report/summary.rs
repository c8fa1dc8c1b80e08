use std::fmt;

use serde::{Serialize, Serializer};

/// The measurements of one figure.
#[derive(Debug, Default)]
pub(super) struct Summary {
    /// In the order in which they were taken.
    samples: Vec<f64>,
}

impl Summary {
    pub(super) fn add(&mut self, sample: f64) {
        self.samples.push(sample);
    }

    /// In the order in which they were taken.
    pub(super) fn samples(&self) -> &[f64] {
        &self.samples
    }

    /// The middle one, or the mean of the two in the middle; none without measurements.
    pub(super) fn median(&self) -> Option<f64> {
        let sorted = self.sorted();
        let upper = *sorted.get(sorted.len() / 2)?;
        let lower = sorted[(sorted.len() - 1) / 2];
        Some(f64::midpoint(lower, upper))
    }

    fn sorted(&self) -> Vec<f64> {
        let mut sorted = self.samples.clone();
        sorted.sort_by(f64::total_cmp);
        sorted
    }
}

/// `median (lowest–highest)`.
impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sorted = self.sorted();
        let (Some(median), Some(lowest), Some(highest)) =
            (self.median(), sorted.first(), sorted.last())
        else {
            return f.write_str("–");
        };
        write!(
            f,
            "{} ({}–{})",
            figure(median),
            figure(*lowest),
            figure(*highest)
        )
    }
}

impl Serialize for Summary {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Figures<'a> {
            median: Option<f64>,
            lowest: Option<f64>,
            highest: Option<f64>,
            samples: &'a [f64],
        }
        let sorted = self.sorted();
        Figures {
            median: self.median(),
            lowest: sorted.first().copied(),
            highest: sorted.last().copied(),
            samples: &self.samples,
        }
        .serialize(serializer)
    }
}

/// Three digits that count.
fn figure(value: f64) -> String {
    match value.abs() {
        100.0.. => format!("{value:.0}"),
        10.0.. => format!("{value:.1}"),
        1.0.. => format!("{value:.2}"),
        _ => format!("{value:.3}"),
    }
}

#[cfg(test)]
mod tests;
