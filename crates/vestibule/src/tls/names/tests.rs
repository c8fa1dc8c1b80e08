use super::*;

fn all() -> TlsParameters {
    TlsParameters {
        min_version: TlsVersion::V1_2,
        max_version: TlsVersion::V1_3,
        cipher_suites: CipherSuite::ALL.to_vec(),
        groups: Group::ALL.to_vec(),
    }
}

#[test]
fn suites_and_groups_keep_their_names_and_order() {
    let provider = provider(&all());
    let suites: Vec<_> = provider
        .cipher_suites
        .iter()
        .map(|suite| openssl_cipher(*suite))
        .collect();
    assert_eq!(suites, CipherSuite::ALL.map(CipherSuite::openssl_name));
    for (ours, suite) in CipherSuite::ALL.iter().zip(&provider.cipher_suites) {
        // rustls puts a number where IANA has none.
        let name = format!("{:?}", suite.suite()).replace("TLS13_", "TLS_");
        assert_eq!(name, ours.name());
    }
    let groups: Vec<_> = provider
        .kx_groups
        .iter()
        .map(|it| group(it.name()))
        .collect();
    assert_eq!(groups, Group::ALL.map(|group| Some(group.name())));
    assert_eq!(group(NamedGroup::FFDHE2048), None);
}

#[test]
fn the_order_of_the_configuration_counts() {
    let parameters = TlsParameters {
        cipher_suites: vec![
            CipherSuite::Chacha20Poly1305Sha256,
            CipherSuite::Aes128GcmSha256,
        ],
        groups: vec![Group::Secp384r1, Group::X25519],
        ..all()
    };
    let provider = provider(&parameters);
    let suites: Vec<_> = provider
        .cipher_suites
        .iter()
        .map(|suite| openssl_cipher(*suite))
        .collect();
    assert_eq!(
        suites,
        ["TLS_CHACHA20_POLY1305_SHA256", "TLS_AES_128_GCM_SHA256"]
    );
    let groups: Vec<_> = provider
        .kx_groups
        .iter()
        .filter_map(|it| group(it.name()))
        .collect();
    assert_eq!(groups, ["secp384r1", "X25519"]);
}

#[test]
fn versions_are_a_range_and_suites_follow_them() {
    let spoken = |min_version, max_version| {
        let parameters = TlsParameters {
            min_version,
            max_version,
            ..all()
        };
        let versions = versions(&parameters);
        let names: Vec<_> = versions
            .iter()
            .map(|known| version(known.version))
            .collect();
        (names, provider(&parameters).cipher_suites.len())
    };
    let (old, new) = (TlsVersion::V1_2, TlsVersion::V1_3);
    assert_eq!(spoken(old, new), (vec!["TLSv1.3", "TLSv1.2"], 9));
    assert_eq!(spoken(old, old), (vec!["TLSv1.2"], 6));
    assert_eq!(spoken(new, new), (vec!["TLSv1.3"], 3));
}
