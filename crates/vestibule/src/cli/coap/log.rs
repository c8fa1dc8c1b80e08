//! What `-v` says, and what was heard last.

use std::time::{Duration, Instant};

use vestibule_coap::Message;

use super::{
    explain,
    meter::{Direction, Meter},
};
use crate::cli::streams::say;

/// Says what passes on standard error, if that is wanted, and keeps in mind what came last.
#[derive(Debug)]
pub(super) struct Log {
    verbose: bool,
    start: Instant,
    /// What came last, and when.
    heard: Option<(Instant, String)>,
    /// When a fatal alert without protection came, if nothing has come since.
    alert: Option<Instant>,
}

impl Log {
    pub(super) fn new(verbose: bool, start: Instant) -> Self {
        Self {
            verbose,
            start,
            heard: None,
            alert: None,
        }
    }

    /// Something that is no message.
    pub(super) fn note(&self, now: Instant, text: impl FnOnce() -> String) {
        if self.verbose {
            say(format_args!("* {} {}", self.time(now), text()));
        }
    }

    /// A datagram of DTLS that carries no CoAP message, as far as is known.
    pub(super) fn datagram(&mut self, now: Instant, direction: Direction, bytes: &[u8]) {
        if self.verbose || direction == Direction::Down {
            let said = explain::datagram(bytes);
            self.line(now, direction, &format!("{said} ({} bytes)", bytes.len()));
            self.keep(now, direction, said);
            if direction == Direction::Down {
                self.alert = explain::is_fatal_alert(bytes).then_some(now);
            }
        }
    }

    /// A CoAP message; `wire` is how many bytes the datagram around it has.
    pub(super) fn message(
        &mut self,
        now: Instant,
        meter: &mut Meter,
        direction: Direction,
        bytes: &[u8],
        wire: usize,
    ) {
        let before = meter.message(direction, bytes);
        let message = Message::parse(bytes);
        let said = match &message {
            Ok(message) => explain::headline(message),
            Err(error) => error.to_string(),
        };
        if self.verbose {
            let size = match wire == bytes.len() {
                true => format!("{wire} bytes"),
                false => format!("{} bytes, {wire} with DTLS", bytes.len()),
            };
            let again = match before {
                0 => "",
                _ => ", again",
            };
            self.line(now, direction, &format!("{said}{again} ({size})"));
            let mark = mark(direction);
            let indent = self.time(now).len();
            for line in message.iter().flat_map(explain::options) {
                say(format_args!("{mark} {:indent$}     {line}", ""));
            }
        }
        self.keep(now, direction, said);
    }

    /// What was heard last, for a message about a timeout.
    pub(super) fn last_heard(&self, now: Instant) -> String {
        match &self.heard {
            Some((at, said)) => {
                let ago = now.saturating_duration_since(*at).as_secs_f64();
                format!("the last that came, {ago:.1} s before, was {said}")
            }
            None => "nothing came from there".to_owned(),
        }
    }

    /// Whether anything was heard.
    pub(super) fn has_heard(&self) -> bool {
        self.heard.is_some()
    }

    /// When the server said, or somebody in its name, that there will be no association; if nothing has come
    /// since.
    pub(super) fn alert(&self) -> Option<Instant> {
        self.alert
    }

    /// Forgets what was heard.
    pub(super) fn forget(&mut self) {
        (self.heard, self.alert) = (None, None);
    }

    fn keep(&mut self, now: Instant, direction: Direction, said: String) {
        if direction == Direction::Down {
            self.heard = Some((now, said));
        }
    }

    fn line(&self, now: Instant, direction: Direction, text: &str) {
        if self.verbose {
            say(format_args!(
                "{} {} {text}",
                mark(direction),
                self.time(now)
            ));
        }
    }

    /// Seconds since the beginning.
    fn time(&self, now: Instant) -> String {
        let time: Duration = now.saturating_duration_since(self.start);
        format!("{:.3}", time.as_secs_f64())
    }
}

fn mark(direction: Direction) -> char {
    match direction {
        Direction::Up => '>',
        Direction::Down => '<',
    }
}
