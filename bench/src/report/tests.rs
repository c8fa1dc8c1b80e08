use clap::Parser;

use super::{DIRECT, Report};
use crate::cli::Arguments;
use crate::peers::Absence;
use crate::rows::{self, Sample};
use crate::system::Machine;

fn sample(cost: Option<f64>, beside: f64, foreign: f64) -> Sample {
    Sample {
        cost,
        beside,
        records: 1,
        failures: 0,
        foreign,
    }
}

fn report() -> Report {
    let arguments = Arguments::parse_from(["bench", "--rounds", "3", "--seconds", "1.5"]);
    let machine = Machine {
        processor: "Test CPU".into(),
        cores: 2,
        kernel: "6.0".into(),
    };
    let mut report = Report::new(machine, &arguments);
    report.add_peer("vestibule", "vestibule 0.1.0".into(), None);
    report.add_peer("haproxy", "HAProxy version 2.6".into(), None);
    let rows = rows::all();
    let short = rows.iter().find(|row| row.id() == "short").unwrap();
    report.begin_row(short.as_ref());
    for cost in [30.0, 33.0, 36.0] {
        report.add_sample("vestibule", sample(Some(cost), 20_000.0, 0.0));
        report.add_sample("haproxy", sample(Some(cost * 1.1), 19_000.0, 0.3));
    }
    report.add_sample(DIRECT, sample(None, 36_500.0, 0.0));
    report
}

#[test]
fn the_table_shows_medians_and_ratios() {
    let text = report().to_markdown();
    let lines: Vec<&str> = text
        .lines()
        .filter(|line| line.starts_with("| short"))
        .collect();
    let cells = |line: &str| -> Vec<String> {
        line.trim_matches('|')
            .split('|')
            .map(|cell| cell.trim().to_owned())
            .collect()
    };
    assert_eq!(
        cells(lines[0]),
        [
            "short connections",
            "CPU µs/connection",
            "33.0 (30.0–36.0)",
            "36.3 (33.0–39.6)",
            "0.91"
        ]
    );
    assert_eq!(cells(lines[1])[2], "36500 (36500–36500)");
    assert!(text.contains("Test CPU, 2 cores, Linux 6.0"), "{text}");
    assert!(text.contains("3 rounds of 1.5 s"), "{text}");
}

#[test]
fn a_disturbed_row_is_named() {
    let text = report().to_markdown();
    assert!(
        text.contains("Disturbed: short, haproxy: something else used 30 %"),
        "{text}"
    );
    assert!(!text.contains("Disturbed: short, vestibule"), "{text}");
}

#[test]
fn a_row_with_failures_says_so() {
    let mut report = report();
    assert!(!report.to_markdown().contains("Failed"));
    for failures in [2, 1] {
        report.add_sample(
            "haproxy",
            Sample {
                failures,
                ..sample(Some(33.0), 20_000.0, 0.0)
            },
        );
    }
    let text = report.to_markdown();
    assert!(
        text.contains("Failed: short, haproxy: 3 connections"),
        "{text}"
    );
    assert!(!text.contains("Failed: short, vestibule"), "{text}");
}

#[test]
fn json_has_the_columns_of_the_row() {
    let json = serde_json::to_value(report()).unwrap();
    assert_eq!(json["rows"][0]["id"], "short");
    assert_eq!(json["rows"][0]["columns"][0]["peer"], DIRECT);
    assert_eq!(json["rows"][0]["columns"][1]["cost"]["median"], 33.0);
    assert_eq!(json["versions"][1]["version"], "HAProxy version 2.6");
}

#[test]
fn who_has_no_part_is_named_with_the_reason() {
    let mut report = report();
    let rows = rows::all();
    for id in ["connect", "tls-pq"] {
        let row = rows.iter().find(|row| row.id() == id).unwrap();
        report.begin_row(row.as_ref());
        report.add_sample("vestibule", sample(Some(40.0), 18_000.0, 0.0));
        report.add_absence("haproxy", Absence::NoConnect);
    }
    let text = report.to_markdown();
    let lines: Vec<&str> = text
        .lines()
        .filter(|line| line.contains("HTTP CONNECT ") && line.starts_with('|'))
        .collect();
    assert_eq!(lines[0].matches("n/a").count(), 2, "{text}");
    assert_eq!(lines[1].matches("n/a").count(), 1, "{text}");
    assert!(
        text.contains("n/a: haproxy opens no tunnels by HTTP CONNECT: `connect`, `tls-pq`."),
        "{text}"
    );
    let json = serde_json::to_value(report).unwrap();
    let columns = |row: usize| json["rows"][row]["columns"].clone();
    assert_eq!(columns(1)[2]["absent"], "no-connect");
    assert_eq!(columns(0)[2]["absent"], serde_json::Value::Null);
}

#[test]
fn rates_are_compared_round_by_round() {
    let mut report = report();
    assert!(!report.to_markdown().contains("Rate:"));
    let rows = rows::all();
    let component = rows.iter().find(|row| row.id() == "component-prosody");
    report.begin_row(component.unwrap().as_ref());
    for (ours, direct) in [(90.0, 100.0), (40.0, 50.0), (70.0, 100.0)] {
        report.add_sample("vestibule", sample(Some(10.0), ours, 0.0));
        report.add_sample(DIRECT, sample(None, direct, 0.0));
    }
    let text = report.to_markdown();
    let rate = "Rate: component-prosody, vestibule: 0.800 (0.700–0.900) of direct.";
    assert!(text.contains(rate), "{text}");
}
