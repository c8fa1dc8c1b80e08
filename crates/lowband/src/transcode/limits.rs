/// How much of everything a document may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Arrays and objects inside of each other.
    pub depth: usize,
    /// Elements and members of the arrays and objects that are open at the same time, together: of
    /// one container and of those that it is in, not of the whole document.
    pub items: usize,
    /// Bytes of a string or a name, in UTF-8 and without escapes.
    pub string: usize,
    /// Bytes of the result; more than 4 GiB are as many as 4 GiB.
    pub output: usize,
}

impl Limits {
    /// For bodies that clients send. Events have 64 KiB at most; uploads of keys are longer.
    pub const REQUEST: Self = Self {
        depth: 64,
        output: 256 << 10,
        ..Self::RESPONSE
    };

    /// For bodies that a homeserver sends. They may be deeper: members of a room decide how deep events
    /// are, and a body that cannot be sent has everything else wait that is in it.
    pub const RESPONSE: Self = Self {
        depth: 512,
        items: 100_000,
        string: 1 << 20,
        output: 16 << 20,
    };
}
