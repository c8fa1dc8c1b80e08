use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::thread;
use std::time::Duration;

use crate::Random;

/// Bytes, and a checksum (CRC32C) that tells their order too.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sum {
    /// How many.
    pub bytes: u64,
    /// Of all of them.
    pub crc32c: u32,
}

impl Sum {
    /// Takes further bytes into account.
    pub fn add(&mut self, bytes: &[u8]) {
        self.bytes += bytes.len() as u64;
        self.crc32c = crc32c::crc32c_append(self.crc32c, bytes);
    }
}

/// Largest segment and largest read: 2^16 bytes.
const BITS: u64 = 16;

/// One segment or read of this many is followed by a pause.
const PAUSE_EACH: u64 = 200;

/// Sends this many random bytes in segments of random size with pauses, then FIN.
pub fn send_random(stream: &TcpStream, bytes: u64, seed: u64) -> Sum {
    let sum = write_random(stream, bytes, seed);
    stream.shutdown(Shutdown::Write).expect("FIN to be taken");
    sum
}

/// As [`send_random`], without FIN.
pub fn write_random(mut stream: impl Write, bytes: u64, seed: u64) -> Sum {
    let mut random = Random::new(seed);
    let mut buffer = vec![0; 1 << BITS];
    let mut sum = Sum::default();
    while sum.bytes < bytes {
        let left = usize::try_from(bytes - sum.bytes).unwrap_or(usize::MAX);
        let segment = &mut buffer[..random.size(BITS).min(left)];
        random.fill(segment);
        stream.write_all(segment).expect("a segment to be taken");
        sum.add(segment);
        pause(&mut random);
    }
    sum
}

/// Reads in pieces of random size with pauses, until the end.
pub fn receive(mut stream: impl Read, seed: u64) -> Sum {
    let mut random = Random::new(seed);
    let mut buffer = vec![0; 1 << BITS];
    let mut sum = Sum::default();
    loop {
        // Small reads of large segments cost much and show nothing.
        let size = random.size(BITS).max(4096);
        match stream.read(&mut buffer[..size]) {
            Ok(0) => return sum,
            Ok(n) => sum.add(&buffer[..n]),
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => panic!("reading failed after {} bytes: {error}", sum.bytes),
        }
        pause(&mut random);
    }
}

fn pause(random: &mut Random) {
    if random.below(PAUSE_EACH) == 0 {
        thread::sleep(Duration::from_micros(random.below(5_000)));
    }
}
