use serde_json::Value;

/// One access record in JSON.
#[derive(Clone, Debug)]
pub struct Record(Value);

impl Record {
    /// Parses a line of the access log.
    pub fn parse(line: &str) -> Self {
        let value = serde_json::from_str(line)
            .unwrap_or_else(|error| panic!("an access record is not JSON: {error}: {line}"));
        Self(value)
    }

    /// The text of `key`; empty when it is null or absent.
    pub fn text(&self, key: &str) -> &str {
        self.0[key].as_str().unwrap_or_default()
    }

    /// The number of `key`.
    pub fn number(&self, key: &str) -> u64 {
        self.0[key]
            .as_u64()
            .unwrap_or_else(|| panic!("no number {key} in {}", self.0))
    }

    /// How long the connection lasted, in milliseconds.
    pub fn duration_ms(&self) -> f64 {
        self.0["duration_ms"]
            .as_f64()
            .unwrap_or_else(|| panic!("no duration_ms in {}", self.0))
    }

    /// Panics unless each key has this text.
    #[track_caller]
    pub fn assert(&self, expected: &[(&str, &str)]) {
        for (key, text) in expected {
            assert_eq!(self.text(key), *text, "{key} of {}", self.0);
        }
    }
}
