use std::time::{Duration, Instant};

use super::{children_of, cpu_time, parse_busy_ticks, parse_kilobytes, parse_parent};
use super::{parse_schedstat, pss, slab};

#[test]
fn schedstat_counts_nanoseconds() {
    assert_eq!(
        parse_schedstat("1500 439527 7\n"),
        Some(Duration::from_nanos(1500))
    );
    assert_eq!(parse_schedstat(""), None);
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
    let started = Instant::now();
    while started.elapsed() < Duration::from_millis(30) {
        std::hint::spin_loop();
    }
    let own = std::process::id();
    assert!(cpu_time(own).unwrap() > Duration::ZERO);
    assert!(pss(own).unwrap() > 100_000);
    assert!(slab().unwrap() > 1_000_000);

    let mut child = std::process::Command::new("sleep")
        .arg("10")
        .spawn()
        .unwrap();
    let children = children_of(own).unwrap();
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(children.contains(&child.id()), "{children:?}");
}
