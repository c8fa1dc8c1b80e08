//! Which records have come already (RFC 9147 section 4.5.1).

/// The numbers of one epoch.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Window {
    /// The number after the highest that has come.
    next: u64,
    /// Which of the 64 before that have come; the lowest bit is the highest number.
    seen: u64,
}

impl Window {
    const WIDTH: u64 = 64;

    /// The number after the highest that has come.
    pub(crate) fn next(self) -> u64 {
        self.next
    }

    /// Whether the record with this number may be new.
    pub(crate) fn is_new(self, number: u64) -> bool {
        match self.next.checked_sub(number + 1) {
            None => true,
            Some(back) => back < Self::WIDTH && self.seen >> back & 1 == 0,
        }
    }

    /// Notes that the record with this number has come, and authenticates.
    pub(crate) fn mark(&mut self, number: u64) {
        match self.next.checked_sub(number + 1) {
            None => {
                let ahead = number + 1 - self.next;
                self.seen = if ahead < Self::WIDTH {
                    self.seen << ahead | 1
                } else {
                    1
                };
                self.next = number + 1;
            }
            Some(back) if back < Self::WIDTH => self.seen |= 1 << back,
            Some(_) => {}
        }
    }
}
