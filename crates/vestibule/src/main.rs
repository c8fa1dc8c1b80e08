//! The `vestibule` program.

use std::process::ExitCode;

use vestibule::coaps::CountingAllocator;

/// Sessions of DTLS are bounded by what they allocate.
#[global_allocator]
static ALLOCATOR: CountingAllocator = CountingAllocator;

fn main() -> ExitCode {
    vestibule::cli::main()
}
