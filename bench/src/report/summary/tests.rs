use super::Summary;

fn summary(samples: &[f64]) -> Summary {
    Summary {
        samples: samples.to_vec(),
    }
}

#[test]
fn the_median_is_in_the_middle() {
    assert_eq!(summary(&[]).median(), None);
    assert_eq!(summary(&[3.0]).median(), Some(3.0));
    assert_eq!(summary(&[9.0, 1.0, 2.0]).median(), Some(2.0));
    assert_eq!(summary(&[4.0, 1.0, 2.0, 9.0]).median(), Some(3.0));
}

#[test]
fn the_spread_is_shown_with_three_digits() {
    assert_eq!(
        summary(&[36.91, 35.0, 120.4]).to_string(),
        "36.9 (35.0–120)"
    );
    assert_eq!(summary(&[0.3456, 1.0]).to_string(), "0.673 (0.346–1.00)");
    assert_eq!(summary(&[]).to_string(), "–");
}

#[test]
fn json_keeps_every_measurement() {
    let json = serde_json::to_value(summary(&[2.0, 1.0, 3.0])).unwrap();
    assert_eq!(json["median"], 2.0);
    assert_eq!(json["lowest"], 1.0);
    assert_eq!(json["highest"], 3.0);
    assert_eq!(json["samples"], serde_json::json!([2.0, 1.0, 3.0]));
}
