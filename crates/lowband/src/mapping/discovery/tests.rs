use super::*;

const SYNAPSE: &str = r#"{"versions":["r0.6.1","v1.1","v1.12"],"unstable_features":{"org.matrix.e2e_cross_signing":true , "x":1.50}}"#;

fn add(port: u16, is_stable: bool, versions: &str) -> Option<String> {
    Advertisement { port, is_stable }.add(versions.as_bytes())
}

#[test]
fn the_rest_stays_as_it_is_written() {
    let unstable = r#""org.matrix.msc3079.low_bandwidth":{"dtls":8008,"cbor_enum_version":1,"coap_enum_version":1}"#;
    let ours = r#""io.github.vestibule_proxy.low_bandwidth":{"short_follow_ups":true}"#;
    let rest = SYNAPSE.strip_suffix('}').unwrap();
    assert_eq!(
        add(8008, false, SYNAPSE).unwrap(),
        format!("{rest},{unstable},{ours}}}")
    );
    assert_eq!(
        add(8008, false, "{}").unwrap(),
        format!("{{{unstable},{ours}}}")
    );
    let stable = unstable.replace("org.matrix.msc3079", "m");
    assert_eq!(
        add(8008, true, " { } ").unwrap(),
        format!("{{{stable},{unstable},{ours}}}")
    );
}

#[test]
fn names_are_written_anew() {
    let added = add(8008, false, "{ \"\\u00e9\" : \"\\u00e9\" }").unwrap();
    assert!(added.starts_with("{\"é\":\"\\u00e9\","), "{added}");
}

/// A homeserver behind another gateway.
#[test]
fn what_was_said_before_is_replaced() {
    let before = r#"{"org.matrix.msc3079.low_bandwidth":{"dtls":1},"versions":[]}"#;
    let after = add(8008, false, before).unwrap();
    assert_eq!(after.matches("msc3079").count(), 1);
    let expected = LowBandwidth {
        dtls: Some(8008),
        cbor_enum_version: Some(1),
        coap_enum_version: Some(1),
    };
    assert_eq!(LowBandwidth::parse(after.as_bytes()), Some(expected));
}

#[test]
fn what_is_no_object_gets_nothing() {
    for versions in ["", "[]", "<html>", "{", "\"a\"", "{}x", "{\"a\"}"] {
        assert_eq!(add(8008, false, versions), None, "{versions}");
    }
}

#[test]
fn the_stable_name_counts_more() {
    let versions =
        r#"{"org.matrix.msc3079.low_bandwidth":{"dtls":1},"m.low_bandwidth":{"dtls":2}}"#;
    let low_bandwidth = LowBandwidth::parse(versions.as_bytes()).unwrap();
    assert_eq!(low_bandwidth.dtls, Some(2));
    assert_eq!(low_bandwidth.cbor_enum_version, None);
}

#[test]
fn what_goes_beyond_the_proposal_has_a_name_of_its_own() {
    let ours = add(8008, false, SYNAPSE).unwrap();
    assert!(Extensions::parse(ours.as_bytes()).short_follow_ups);
    for versions in [
        SYNAPSE,
        "nonsense",
        r#"{"io.github.vestibule_proxy.low_bandwidth":{}}"#,
        r#"{"io.github.vestibule_proxy.low_bandwidth":{"later":1}}"#,
        r#"{"io.github.vestibule_proxy.low_bandwidth":true}"#,
    ] {
        assert_eq!(
            Extensions::parse(versions.as_bytes()),
            Extensions::default()
        );
    }
}

#[test]
fn what_others_say() {
    // An earlier draft said whether there is observation.
    let versions = br#"{"org.matrix.msc3079.low_bandwidth":{"dtls":8008,"observe":1}}"#;
    let low_bandwidth = LowBandwidth::parse(versions).unwrap();
    assert_eq!(low_bandwidth.dtls, Some(8008));
    for versions in [
        SYNAPSE,
        r#"{"m.low_bandwidth":true}"#,
        r#"{"m.low_bandwidth":{"dtls":70000}}"#,
        "nonsense",
    ] {
        assert_eq!(LowBandwidth::parse(versions.as_bytes()), None, "{versions}");
    }
}

#[test]
fn the_prefix_is_what_the_homeserver_has() {
    for (versions, prefix) in [
        (SYNAPSE, Some(Prefix::V3)),
        (r#"{"versions":["r0.0.1","r0.6.1"]}"#, Some(Prefix::R0)),
        (r#"{"versions":[]}"#, Some(Prefix::R0)),
        (r#"{"versions":["v10.1"]}"#, Some(Prefix::R0)),
        ("{}", None),
        ("<html>", None),
    ] {
        assert_eq!(
            Prefix::from_versions(versions.as_bytes()),
            prefix,
            "{versions}"
        );
    }
}

/// Depth is no danger for what is not looked into.
#[test]
fn deep_members_are_survived() {
    let deep = format!(r#"{{"a":{}{}}}"#, "[".repeat(100_000), "]".repeat(100_000));
    let added = add(8008, false, &deep);
    assert!(added.is_none_or(|text| text.contains("msc3079")));
}
