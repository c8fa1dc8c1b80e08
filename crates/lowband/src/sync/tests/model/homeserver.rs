//! A homeserver: a log, and `/sync` that says what is behind a position.

use super::*;

/// What happens at the homeserver. Some of it is none of the client's business, but moves positions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Entry {
    Event(u32),
    Hidden,
}

#[derive(Debug, Default)]
pub(super) struct Homeserver {
    log: Vec<Entry>,
    /// How many events there are. Each has its number.
    pub(super) events: u32,
    pub(super) count: u32,
    /// The poll that has not been answered.
    pub(super) waiting: Option<Waiting>,
}

/// A poll that has not been answered.
#[derive(Clone, Debug)]
pub(super) struct Waiting {
    pub(super) epoch: u32,
    pub(super) poll: Poll,
    pub(super) until: Duration,
}

impl Waiting {
    fn since(&self) -> usize {
        let since = self.poll.query.iter();
        let since = since.filter_map(|item| item.strip_prefix("since=s")).next();
        since.map_or(0, |since| since.parse().expect("a position"))
    }
}

impl Homeserver {
    pub(super) fn append(&mut self, random: &mut SmallRng) {
        match random.random_range(0..8) {
            0..5 => {
                self.log.push(Entry::Event(self.events));
                self.events += 1;
            }
            5..7 => self.log.push(Entry::Hidden),
            _ => self.count += 1,
        }
    }

    /// The body for the poll that waits, if it is answered now.
    pub(super) fn answer(&self, now: Duration) -> Option<String> {
        let waiting = self.waiting.as_ref()?;
        let since = waiting.since();
        if since == self.log.len() && now < waiting.until {
            return None;
        }
        let next = self.log.len();
        let count = self.count;
        let events = self.log[since..].iter().filter_map(|entry| match entry {
            Entry::Event(number) => Some(number.to_string()),
            Entry::Hidden => None,
        });
        let events = events.collect::<Vec<_>>().join(",");
        let rooms = match events.is_empty() {
            true => r#"{"join":{}}"#.to_owned(),
            false => format!(r#"{{"join":{{"!r":[{events}]}}}}"#),
        };
        Some(format!(
            r#"{{"next_batch":"s{next}","rooms":{rooms},"device_one_time_keys_count":{{"k":{count}}}}}"#
        ))
    }
}
