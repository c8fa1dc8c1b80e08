//! What is to be sent.

/// Memory that is kept when everything is sent.
const KEPT: usize = 256 * 1024;

/// Bytes that the socket has not taken yet, in one piece.
#[derive(Debug, Default)]
pub(super) struct Unsent {
    bytes: Vec<u8>,
    sent: usize,
}

impl Unsent {
    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.bytes.len() - self.sent
    }

    /// What comes next.
    pub(super) fn next(&self) -> &[u8] {
        &self.bytes[self.sent..]
    }

    /// Where to append more.
    pub(super) fn bytes(&mut self) -> &mut Vec<u8> {
        // So that a stream that is never at its end does not grow for ever.
        if self.sent > KEPT && self.sent > self.bytes.len() / 2 {
            self.bytes.drain(..self.sent);
            self.sent = 0;
        }
        &mut self.bytes
    }

    /// The socket has taken the next `n`.
    pub(super) fn advance(&mut self, n: usize) {
        self.sent += n;
        if self.sent >= self.bytes.len() {
            self.bytes.clear();
            self.bytes.shrink_to(KEPT);
            self.sent = 0;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_come_out_in_order_and_memory_is_given_back() {
        let mut unsent = Unsent::default();
        let (mut put, mut taken) = (0_u32, 0_u32);
        for round in 0..2000 {
            for _ in 0..1000 {
                unsent.bytes().extend_from_slice(&put.to_be_bytes());
                put += 1;
            }
            // A little less than was put in, so that it is never empty.
            let whole = if round == 1999 { unsent.len() / 4 } else { 999 };
            for chunk in unsent.next()[..whole * 4].chunks(4) {
                assert_eq!(chunk, taken.to_be_bytes());
                taken += 1;
            }
            unsent.advance(whole * 4);
            assert!(unsent.bytes.len() < 4 * KEPT);
        }
        assert_eq!((unsent.len(), taken), (0, put));
        unsent.bytes().extend_from_slice(&vec![0; 10 * KEPT]);
        unsent.advance(10 * KEPT);
        assert!(unsent.bytes.capacity() <= KEPT);
    }
}
