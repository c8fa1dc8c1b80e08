use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use crate::{Origin, connect, exchange};

/// Somebody who has nothing to do with the test and must not notice it: exchanges a few bytes with
/// an echo all the time.
///
/// Beside it somebody does the same with an echo that the program under test has nothing to do with. What
/// both notice is the machine.
#[derive(Debug)]
pub struct Neighbour {
    done: Arc<AtomicBool>,
    exchanges: Option<JoinHandle<Vec<Duration>>>,
    elsewhere: Option<JoinHandle<Vec<Duration>>>,
    _echo: Origin,
    /// The median round trip before the test began.
    before: Duration,
}

/// Between two exchanges.
const REST: Duration = Duration::from_millis(2);

/// An exchange that takes longer is slow. On a busy machine a few are, whatever the test does.
const SLOW: Duration = Duration::from_millis(400);

/// One in so many exchanges may be slow, and [`FEW`] in any case.
const RARE: usize = 50;
const FEW: usize = 5;

/// The longest that an exchange may take, beside what the longest one elsewhere takes.
const STALL: Duration = Duration::from_secs(6);

/// By how much the median may grow: the test itself takes its share of the processor.
const GROWTH: u32 = 5;

/// Medians shorter than this tell more of the scheduler than of us.
const FLOOR: Duration = Duration::from_millis(5);

/// Fewer exchanges have no median to speak of.
const ENOUGH: usize = 20;

impl Neighbour {
    /// Connects to `address` and begins.
    pub fn at(address: SocketAddr) -> Self {
        Self::on(connect(address))
    }

    /// Begins on this connection, at whose other end is an echo.
    pub fn on(stream: TcpStream) -> Self {
        let echo = Origin::echo();
        let mut here = round_trips(stream);
        let before: Vec<Duration> = (0..200).map(|_| here()).collect();
        let done = Arc::new(AtomicBool::new(false));
        let exchanges = all_the_time(here, &done);
        let elsewhere = all_the_time(round_trips(connect(echo.address())), &done);
        Self {
            done,
            exchanges: Some(exchanges),
            elsewhere: Some(elsewhere),
            _echo: echo,
            before: median(before),
        }
    }

    /// Ends, and checks that exchanges were not slow: neither most of them, nor some, nor one very much.
    #[track_caller]
    pub fn assert_undisturbed(mut self) {
        self.done.store(true, Ordering::Relaxed);
        let [here, elsewhere] = [&mut self.exchanges, &mut self.elsewhere].map(|thread| {
            let thread = thread.take().expect("it has not ended before");
            thread.join().expect("every exchange to succeed")
        });
        let slowest = |times: &[Duration]| times.iter().max().copied().unwrap_or_default();
        let slow = |times: &[Duration]| times.iter().filter(|time| **time >= SLOW).count();
        let (longest, most) = (slowest(&here), STALL + 2 * slowest(&elsewhere));
        assert!(longest < most, "an exchange took {longest:?}");
        let (count, all) = (slow(&here), here.len());
        let few = FEW.max(all / RARE) + 2 * slow(&elsewhere);
        assert!(
            count <= few,
            "{count} of {all} exchanges took longer than {SLOW:?}, the longest {longest:?}"
        );
        let medians = [self.before, median(elsewhere), median(here)];
        let [before, elsewhere, here] = medians;
        println!(
            "a neighbour's exchanges: median {here:?}, before {before:?}, elsewhere {elsewhere:?}; {count} of \
             {all} slow, the longest {longest:?}"
        );
        let bound = before.max(elsewhere).max(FLOOR) * GROWTH;
        assert!(
            all < ENOUGH || here < bound,
            "median {here:?}, before {before:?}, elsewhere {elsewhere:?}"
        );
    }
}

impl Drop for Neighbour {
    fn drop(&mut self) {
        self.done.store(true, Ordering::Relaxed);
    }
}

/// How long one more exchange takes on this connection.
fn round_trips(mut stream: TcpStream) -> impl FnMut() -> Duration {
    move || {
        let start = Instant::now();
        exchange(&mut stream, &[b'.'; 64]);
        start.elapsed()
    }
}

/// How long exchanges take until it is done.
fn all_the_time(
    mut round_trip: impl FnMut() -> Duration + Send + 'static,
    done: &Arc<AtomicBool>,
) -> JoinHandle<Vec<Duration>> {
    let done = Arc::clone(done);
    thread::spawn(move || {
        let mut times = Vec::new();
        while !done.load(Ordering::Relaxed) {
            times.push(round_trip());
            thread::sleep(REST);
        }
        times
    })
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort_unstable();
    times.get(times.len() / 2).copied().unwrap_or_default()
}
