/// A stream of random numbers that a seed repeats (xorshift64*): cheap, because tests carry
/// gigabytes of it, and good enough that no lost, doubled or swapped piece goes unnoticed.
#[derive(Clone, Debug)]
pub struct Random(u64);

impl Random {
    /// The stream of this seed.
    pub fn new(seed: u64) -> Self {
        // The state must not be 0, and seeds next to each other must not give alike streams.
        Self(seed.wrapping_add(1).wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1)
    }

    /// The next number.
    pub fn number(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_F491_4F6C_DD1D)
    }

    /// A number below `bound`, which must not be 0.
    pub fn below(&mut self, bound: u64) -> u64 {
        self.number() % bound
    }

    /// A size from 1 to `2^bits`, small ones as often as large ones.
    pub fn size(&mut self, bits: u64) -> usize {
        let magnitude = self.below(bits + 1);
        let size = (1 << magnitude) | self.below(1 << magnitude);
        usize::try_from(size.min(1 << bits)).expect("a size that memory has")
    }

    /// Fills `buffer`.
    pub fn fill(&mut self, buffer: &mut [u8]) {
        for chunk in buffer.chunks_mut(8) {
            chunk.copy_from_slice(&self.number().to_le_bytes()[..chunk.len()]);
        }
    }
}
