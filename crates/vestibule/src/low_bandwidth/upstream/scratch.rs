//! What all connections of a thread read into.

use std::{cell::RefCell, rc::Rc};

/// How much is read at once.
const SIZE: usize = 16 * 1024;

/// A buffer that connections read into, one after the other, so that none needs one of its own while
/// nothing comes.
pub(super) struct Scratch(RefCell<Box<[u8]>>);

impl Scratch {
    /// A new one.
    pub(super) fn new() -> Rc<Self> {
        Rc::new(Self(RefCell::new(vec![0; SIZE].into())))
    }

    /// Lends it to `read`, which must not come back here.
    pub(super) fn with<T>(&self, read: impl FnOnce(&mut [u8]) -> T) -> T {
        read(&mut self.0.borrow_mut())
    }
}
