use std::time::Duration;

use nix::time::{ClockId, clock_gettime};

use super::{children_of, cpu_time, parse_busy_ticks, parse_kilobytes, parse_parent};
use super::{pss, slab};

#[test]
fn the_time_of_a_thread_that_has_ended_counts() {
    let own = std::process::id();
    let before = cpu_time(own).unwrap();
    std::thread::spawn(|| spin(Duration::from_millis(30)))
        .join()
        .unwrap();
    let used = cpu_time(own).unwrap() - before;
    assert!(used >= Duration::from_millis(30), "{used:?}");
}

#[test]
fn a_process_that_is_gone_has_no_time() {
    let mut child = std::process::Command::new("true").spawn().unwrap();
    child.wait().unwrap();
    assert!(cpu_time(child.id()).is_err());
    assert!(cpu_time(u32::MAX).is_err());
}

#[test]
fn memory_is_read_by_its_key() {
    let text = "Rss:      1776 kB\nPss:       446 kB\nPss_Dirty:  112 kB\n";
    assert_eq!(parse_kilobytes(text, "Pss:"), Some(446 * 1024));
    assert_eq!(parse_kilobytes(text, "Swap:"), None);
    assert_eq!(parse_kilobytes("Pss: 446\n", "Pss:"), None);
}

#[test]
fn busy_time_leaves_out_idle_iowait_and_guests() {
    let text = "cpu  9 9 9 9 9 9 9 9 9 9\ncpu0 1 2 3 1000 2000 4 5 6 50 60\ncpu1 1 2 3\n";
    assert_eq!(parse_busy_ticks(text, 0), Some(1 + 2 + 3 + 4 + 5 + 6));
    assert_eq!(parse_busy_ticks(text, 1), None);
    assert_eq!(parse_busy_ticks(text, 2), None);
}

#[test]
fn the_parent_is_found_behind_any_program_name() {
    assert_eq!(parse_parent("42 (a) b) S 7 42 42 0"), Some(7));
    assert_eq!(parse_parent("42"), None);
}

#[test]
fn our_own_process_can_be_read() {
    let own = std::process::id();
    assert!(pss(own).unwrap() > 100_000);
    assert!(slab().unwrap() > 1_000_000);

    let mut child = std::process::Command::new("sleep")
        .arg("60")
        .spawn()
        .unwrap();
    let children = children_of(own).unwrap();
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(children.contains(&child.id()), "{children:?}");
}

/// Until the thread itself has run for so long.
fn spin(time: Duration) {
    let own = || Duration::from(clock_gettime(ClockId::CLOCK_THREAD_CPUTIME_ID).unwrap());
    let started = own();
    while own() - started < time {
        std::hint::spin_loop();
    }
}
