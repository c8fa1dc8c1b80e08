use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use crate::{connect, exchange};

/// Somebody who has nothing to do with the test and must not notice it: exchanges a few bytes with
/// an echo all the time.
#[derive(Debug)]
pub struct Neighbour {
    done: Arc<AtomicBool>,
    exchanges: Option<JoinHandle<Vec<Duration>>>,
    /// The median round trip before the test began.
    before: Duration,
}

/// Between two exchanges.
const REST: Duration = Duration::from_millis(2);

/// An exchange that takes longer is slow. On a busy machine a few are, whatever the test does.
const SLOW: Duration = Duration::from_millis(200);

/// One in so many exchanges may be slow, and [`FEW`] in any case.
const RARE: usize = 100;
const FEW: usize = 3;

/// The longest that an exchange may take.
const STALL: Duration = Duration::from_secs(2);

/// By how much the median may grow: the test itself takes its share of the processor.
const GROWTH: u32 = 5;

/// Medians shorter than this tell more of the scheduler than of us.
const FLOOR: Duration = Duration::from_millis(2);

impl Neighbour {
    /// Connects to `address` and begins.
    pub fn at(address: SocketAddr) -> Self {
        Self::on(connect(address))
    }

    /// Begins on this connection, at whose other end is an echo.
    pub fn on(mut stream: TcpStream) -> Self {
        let mut round_trip = move || {
            let start = Instant::now();
            exchange(&mut stream, &[b'.'; 64]);
            start.elapsed()
        };
        let before: Vec<Duration> = (0..200).map(|_| round_trip()).collect();
        let done = Arc::new(AtomicBool::new(false));
        let exchanges = thread::spawn({
            let done = Arc::clone(&done);
            move || {
                let mut times = Vec::new();
                while !done.load(Ordering::Relaxed) {
                    times.push(round_trip());
                    thread::sleep(REST);
                }
                times
            }
        });
        Self {
            done,
            exchanges: Some(exchanges),
            before: median(before),
        }
    }

    /// Ends, and checks that exchanges were not slow: neither most of them, nor some, nor one very much.
    #[track_caller]
    pub fn assert_undisturbed(mut self) {
        self.done.store(true, Ordering::Relaxed);
        let exchanges = self.exchanges.take().expect("it has not ended before");
        let times = exchanges.join().expect("every exchange to succeed");
        let slowest = times.iter().max().copied().unwrap_or_default();
        let slow = times.iter().filter(|time| **time >= SLOW).count();
        let all = times.len();
        let median = median(times);
        assert!(slowest < STALL, "an exchange took {slowest:?}");
        assert!(
            slow <= FEW.max(all / RARE),
            "{slow} of {all} exchanges took longer than {SLOW:?}, the longest {slowest:?}"
        );
        let bound = self.before.max(FLOOR) * GROWTH;
        assert!(
            median < bound,
            "median {median:?}, before {:?}",
            self.before
        );
    }
}

impl Drop for Neighbour {
    fn drop(&mut self) {
        self.done.store(true, Ordering::Relaxed);
    }
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort_unstable();
    times.get(times.len() / 2).copied().unwrap_or_default()
}
