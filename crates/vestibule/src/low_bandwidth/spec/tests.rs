use vestibule_config::LowBandwidthLimits;

use super::{super::tcp::testing::config, *};

#[test]
fn the_longest_request_is_that_of_the_configuration() {
    const KIB: usize = 1 << 10;
    for (written, kept) in [(KIB, KIB), (128 * KIB, 128 * KIB), (129 * KIB, 128 * KIB)] {
        let mut config = config();
        config.limits.request_body = written;
        assert_eq!(coap(&config).max_request_body, kept, "{written}");
    }
}

#[test]
fn without_limits_the_patience_is_that_of_the_profile() {
    let profiles = [
        (Profile::Standard, endpoint::Config::default()),
        (Profile::Satellite, endpoint::Config::satellite()),
        (Profile::Hf, endpoint::Config::hf()),
    ];
    for (profile, wanted) in profiles {
        let found = coap(&LowBandwidth {
            profile,
            limits: LowBandwidthLimits::of(profile),
            ..config()
        });
        let patience = |it: &endpoint::Config| [it.upload_idle, it.upload_total, it.snapshot_idle];
        assert_eq!(patience(&found), patience(&wanted), "{profile:?}");
        assert_eq!(found.timing.initial, wanted.timing.initial, "{profile:?}");
    }
}

#[test]
fn each_limit_has_its_place() {
    let limits = LowBandwidthLimits {
        uploads: 11,
        upload_idle_timeout: Duration::from_secs(12),
        upload_timeout: Duration::from_secs(13),
        response_body: 14 << 10,
        responses: 15,
        response_idle_timeout: Duration::from_secs(16),
        ..LowBandwidthLimits::default()
    };
    let found = coap(&LowBandwidth {
        block_size: 256,
        ack_window: Duration::from_millis(17),
        limits,
        ..config()
    });
    assert_eq!(found.max_uploads, 11);
    assert_eq!(found.upload_idle, Duration::from_secs(12));
    assert_eq!(found.upload_total, Duration::from_secs(13));
    assert_eq!(found.max_snapshot_bytes, 14 << 10);
    assert_eq!(found.max_snapshots, 15);
    assert_eq!(found.snapshot_idle, Duration::from_secs(16));
    assert_eq!(found.block_size, BlockSize::at_most(256));
    assert_eq!(found.piggyback_window, Duration::from_millis(17));
}
