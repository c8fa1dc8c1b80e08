use std::time::Duration;
use std::{fs, io};

use nix::time::{ClockId, clock_gettime};
use nix::unistd::Pid;

use crate::error::Error;

/// The CPU time that all threads of the process have used, in nanoseconds, by its CPU clock. What
/// threads used that have ended is in it, which the statistics of single threads lack.
///
/// # Errors
///
/// [`Error::Io`] when the process is gone.
pub(crate) fn cpu_time(pid: u32) -> Result<Duration, Error> {
    let failed = Error::io(format!("read the CPU clock of process {pid}"));
    i32::try_from(pid)
        .map_err(|_| io::ErrorKind::NotFound.into())
        .and_then(|pid| {
            let clock = ClockId::pid_cpu_clock_id(Pid::from_raw(pid))?;
            Ok(Duration::from(clock_gettime(clock)?))
        })
        .map_err(failed)
}

/// The proportional set size of the process in bytes.
///
/// # Errors
///
/// [`Error::Io`] when the process is gone or belongs to somebody else.
pub(crate) fn pss(pid: u32) -> Result<u64, Error> {
    kilobytes_in(&format!("/proc/{pid}/smaps_rollup"), "Pss:")
}

/// The kernel's slab memory of the whole machine in bytes.
///
/// # Errors
///
/// [`Error::Io`] and [`Error::ProcFormat`].
pub(crate) fn slab() -> Result<u64, Error> {
    kilobytes_in("/proc/meminfo", "Slab:")
}

/// How long the core has been busy since the machine started, to a clock tick.
///
/// # Errors
///
/// [`Error::Io`] and [`Error::ProcFormat`].
pub(crate) fn core_busy(core: usize) -> Result<Duration, Error> {
    let text = fs::read_to_string("/proc/stat").map_err(Error::io("read /proc/stat"))?;
    let ticks = parse_busy_ticks(&text, core).ok_or(Error::ProcFormat("/proc/stat"))?;
    let per_second = rustix::param::clock_ticks_per_second();
    Ok(Duration::from_secs_f64(ticks as f64 / per_second as f64))
}

/// The processes whose parent is `pid`.
///
/// # Errors
///
/// [`Error::Io`] when `/proc` cannot be read.
pub(crate) fn children_of(pid: u32) -> Result<Vec<u32>, Error> {
    let processes = fs::read_dir("/proc").map_err(Error::io("read /proc"))?;
    Ok(processes
        .flatten()
        .filter_map(|process| process.file_name().to_str()?.parse().ok())
        .filter(|child: &u32| {
            fs::read_to_string(format!("/proc/{child}/stat"))
                .is_ok_and(|stat| parse_parent(&stat) == Some(pid))
        })
        .collect())
}

fn kilobytes_in(file: &str, key: &str) -> Result<u64, Error> {
    let text = fs::read_to_string(file).map_err(Error::io(format!("read {file}")))?;
    parse_kilobytes(&text, key).ok_or(Error::ProcFormat("smaps_rollup or meminfo"))
}

/// `Key:   123 kB`, in bytes.
fn parse_kilobytes(text: &str, key: &str) -> Option<u64> {
    let line = text.lines().find_map(|line| line.strip_prefix(key))?;
    let kilobytes: u64 = line.strip_suffix("kB")?.trim().parse().ok()?;
    Some(kilobytes * 1024)
}

/// Everything on the line of the core except idle and iowait (fields 4 and 5) and the guest times
/// after field 8, which are part of user time already.
fn parse_busy_ticks(text: &str, core: usize) -> Option<u64> {
    let name = format!("cpu{core} ");
    let line = text.lines().find_map(|line| line.strip_prefix(&name))?;
    let fields: Vec<u64> = line
        .split_whitespace()
        .take(8)
        .map_while(|field| field.parse().ok())
        .collect();
    if fields.len() < 8 {
        return None;
    }
    Some(fields.iter().sum::<u64>() - fields[3] - fields[4])
}

/// The parent is the second field after the program's name, which may itself hold spaces.
fn parse_parent(stat: &str) -> Option<u32> {
    let (_, fields) = stat.rsplit_once(')')?;
    fields.split_whitespace().nth(1)?.parse().ok()
}

#[cfg(test)]
mod tests;
