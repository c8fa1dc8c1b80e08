//! How much each thread holds.

use std::{
    alloc::{GlobalAlloc, Layout, System},
    cell::Cell,
};

thread_local! {
    /// Bytes that this thread has allocated, less those that it has freed.
    static HELD: Cell<i64> = const { Cell::new(0) };
}

/// The allocator of the system, which counts for each thread what it hands out. With it as the
/// `#[global_allocator]` of a program, a session of DTLS ends when its peer makes it keep too much,
/// whatever way the peer has found.
///
/// ```
/// #[global_allocator]
/// static ALLOCATOR: vestibule::coaps::CountingAllocator = vestibule::coaps::CountingAllocator;
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct CountingAllocator;

/// Bytes that this thread has allocated, less those that it has freed, which others may have
/// allocated: only what it changes by says something. Always 0 in a program with another allocator.
pub(crate) fn held() -> i64 {
    HELD.try_with(Cell::get).unwrap_or(0)
}

/// Whether the program has the allocator that counts.
pub(crate) fn is_counting() -> bool {
    let before = held();
    let block = std::hint::black_box(Box::new(0_u64));
    let is_counting = held() != before;
    drop(block);
    is_counting
}

fn count(bytes: usize, sign: i64) {
    // A thread that ends frees, too; nobody asks it any more.
    let _ = HELD.try_with(|held| {
        // No layout is larger than `isize::MAX`.
        held.set(held.get().wrapping_add(sign * bytes as i64));
    });
}

// SAFETY: everything is done by the allocator of the system, as it was asked for. Counting does not
// allocate: the counter needs neither a start nor an end.
#[allow(unsafe_code)]
unsafe impl GlobalAlloc for CountingAllocator {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller's promises are those that this wants; so it is below.
        let block = unsafe { System.alloc(layout) };
        if !block.is_null() {
            count(layout.size(), 1);
        }
        block
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        // SAFETY: as above.
        let block = unsafe { System.alloc_zeroed(layout) };
        if !block.is_null() {
            count(layout.size(), 1);
        }
        block
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        count(layout.size(), -1);
        // SAFETY: as above.
        unsafe { System.dealloc(block, layout) }
    }

    unsafe fn realloc(&self, block: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        // SAFETY: as above.
        let moved = unsafe { System.realloc(block, layout, size) };
        if !moved.is_null() {
            count(layout.size(), -1);
            count(size, 1);
        }
        moved
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// So that the tests of the library have what its programs have.
    #[global_allocator]
    static ALLOCATOR: CountingAllocator = CountingAllocator;

    #[test]
    fn what_is_allocated_and_freed_is_counted() {
        assert!(is_counting());
        let before = held();
        let mut block = vec![0_u8; 1000];
        assert_eq!(held() - before, 1000);
        block.reserve_exact(2000);
        assert_eq!(held() - before, 3000);
        drop(block);
        assert_eq!(held(), before);
    }

    #[test]
    fn each_thread_has_its_own_count() {
        let before = held();
        let elsewhere = std::thread::spawn(|| {
            let before = held();
            let block = std::hint::black_box(vec![0_u8; 1 << 20]);
            (held() - before, block)
        });
        let (there, block) = elsewhere.join().unwrap();
        assert_eq!(there, 1 << 20);
        assert!(held() - before < 1 << 20);
        drop(block);
    }
}
