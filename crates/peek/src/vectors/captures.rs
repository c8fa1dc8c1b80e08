use crate::tls::Sni;

/// A ClientHello as a real client sent it, with what it says.
///
/// The files stand in `corpus/` of this crate; its README tells where each one is from.
#[derive(Clone, Copy, Debug)]
pub struct Capture {
    /// Name of the file, without its end.
    pub name: &'static str,
    /// The bytes on the wire, in one record.
    pub bytes: &'static [u8],
    /// Protocols that the client offers.
    pub alpn: &'static [&'static str],
    /// Names of what else is there: `early_data`, `ech` and `psk`.
    pub has: &'static [&'static str],
    /// Fingerprint, computed by a program that shares nothing with this crate.
    pub ja4: &'static str,
    /// Highest version.
    pub max_version: u16,
    /// Server name as it must be shown.
    pub sni: Option<&'static str>,
}

impl Capture {
    /// Whether `sni` is what the capture says.
    pub fn is_sni(&self, sni: Sni) -> bool {
        match sni {
            Sni::Name(name) => self.sni == Some(name.as_str()),
            Sni::Absent => self.sni.is_none(),
            Sni::IpLiteral(_) => false,
        }
    }
}

/// All captures.
pub const CAPTURES: &[Capture] = &[
    Capture {
        name: "chromium",
        bytes: include_bytes!("../../corpus/chromium.bin"),
        alpn: &["h2", "http/1.1"],
        has: &["ech"],
        ja4: "t13d1517h2_8daaf6152771_cb7bf5808d99",
        max_version: 0x0304,
        sni: Some("web.example.org"),
    },
    Capture {
        name: "curl_default",
        bytes: include_bytes!("../../corpus/curl_default.bin"),
        alpn: &["h2", "http/1.1"],
        has: &[],
        ja4: "t13d3112h2_e8f1e7e78f70_b26ce05bbdd6",
        max_version: 0x0304,
        sni: Some("web.example.org"),
    },
    Capture {
        name: "curl_http1",
        bytes: include_bytes!("../../corpus/curl_http1.bin"),
        alpn: &["http/1.1"],
        has: &[],
        ja4: "t13d3112h1_e8f1e7e78f70_b26ce05bbdd6",
        max_version: 0x0304,
        sni: Some("web.example.org"),
    },
    Capture {
        name: "gnutls_alpn_tls12",
        bytes: include_bytes!("../../corpus/gnutls_alpn_tls12.bin"),
        alpn: &["xmpp-client"],
        has: &[],
        ja4: "t12d2511xt_7415a186c913_577ffa9d9a5c",
        max_version: 0x0303,
        sni: Some("chat.example.org"),
    },
    Capture {
        name: "gnutls_default",
        bytes: include_bytes!("../../corpus/gnutls_default.bin"),
        alpn: &[],
        has: &[],
        ja4: "t13d291300_723694b0fccc_2cc26d266019",
        max_version: 0x0304,
        sni: Some("chat.example.org"),
    },
    Capture {
        name: "gnutls_ip",
        bytes: include_bytes!("../../corpus/gnutls_ip.bin"),
        alpn: &[],
        has: &[],
        ja4: "t13i291200_723694b0fccc_2cc26d266019",
        max_version: 0x0304,
        sni: None,
    },
    Capture {
        name: "node_default",
        bytes: include_bytes!("../../corpus/node_default.bin"),
        alpn: &[],
        has: &[],
        ja4: "t13d591000_a33745022dd6_1f22a2ca17c4",
        max_version: 0x0304,
        sni: Some("chat.example.org"),
    },
    Capture {
        name: "openssl_alpn",
        bytes: include_bytes!("../../corpus/openssl_alpn.bin"),
        alpn: &["xmpp-client", "h2", "http/1.1"],
        has: &[],
        ja4: "t13d3111xt_e8f1e7e78f70_1f22a2ca17c4",
        max_version: 0x0304,
        sni: Some("chat.example.org"),
    },
    Capture {
        name: "openssl_capitals",
        bytes: include_bytes!("../../corpus/openssl_capitals.bin"),
        alpn: &[],
        has: &[],
        ja4: "t13d311000_e8f1e7e78f70_1f22a2ca17c4",
        max_version: 0x0304,
        sni: Some("chat.example.org"),
    },
    Capture {
        name: "openssl_default",
        bytes: include_bytes!("../../corpus/openssl_default.bin"),
        alpn: &[],
        has: &[],
        ja4: "t13d311000_e8f1e7e78f70_1f22a2ca17c4",
        max_version: 0x0304,
        sni: Some("chat.example.org"),
    },
    Capture {
        name: "openssl_early_data",
        bytes: include_bytes!("../../corpus/openssl_early_data.bin"),
        alpn: &[],
        has: &["early_data", "psk"],
        ja4: "t13d311200_e8f1e7e78f70_87f12a3f655c",
        max_version: 0x0304,
        sni: Some("chat.example.org"),
    },
    Capture {
        name: "openssl_no_sni",
        bytes: include_bytes!("../../corpus/openssl_no_sni.bin"),
        alpn: &[],
        has: &[],
        ja4: "t13i310900_e8f1e7e78f70_1f22a2ca17c4",
        max_version: 0x0304,
        sni: None,
    },
    Capture {
        name: "openssl_psk",
        bytes: include_bytes!("../../corpus/openssl_psk.bin"),
        alpn: &[],
        has: &["psk"],
        ja4: "t13d311100_e8f1e7e78f70_dbd39dd1d406",
        max_version: 0x0304,
        sni: Some("chat.example.org"),
    },
    Capture {
        name: "openssl_ticket_tls12",
        bytes: include_bytes!("../../corpus/openssl_ticket_tls12.bin"),
        alpn: &[],
        has: &[],
        ja4: "t12d280700_d943125447b4_e7e480e5a997",
        max_version: 0x0303,
        sni: Some("chat.example.org"),
    },
    Capture {
        name: "openssl_tls10",
        bytes: include_bytes!("../../corpus/openssl_tls10.bin"),
        alpn: &[],
        has: &[],
        ja4: "t10d230600_44099cda8a52_195413a0cc0f",
        max_version: 0x0301,
        sni: Some("chat.example.org"),
    },
    Capture {
        name: "openssl_tls12",
        bytes: include_bytes!("../../corpus/openssl_tls12.bin"),
        alpn: &[],
        has: &[],
        ja4: "t12d280700_d943125447b4_e7e480e5a997",
        max_version: 0x0303,
        sni: Some("chat.example.org"),
    },
    Capture {
        name: "openssl_tls13_only",
        bytes: include_bytes!("../../corpus/openssl_tls13_only.bin"),
        alpn: &[],
        has: &[],
        ja4: "t13d021000_bb76221c5b8c_78f1d400d464",
        max_version: 0x0304,
        sni: Some("chat.example.org"),
    },
    Capture {
        name: "python_alpn",
        bytes: include_bytes!("../../corpus/python_alpn.bin"),
        alpn: &["xmpp-client"],
        has: &[],
        ja4: "t13d1812xt_85036bcba153_d41ae481755e",
        max_version: 0x0304,
        sni: Some("chat.example.org"),
    },
    Capture {
        name: "python_default",
        bytes: include_bytes!("../../corpus/python_default.bin"),
        alpn: &[],
        has: &[],
        ja4: "t13d181100_85036bcba153_d41ae481755e",
        max_version: 0x0304,
        sni: Some("chat.example.org"),
    },
    Capture {
        name: "python_ip",
        bytes: include_bytes!("../../corpus/python_ip.bin"),
        alpn: &[],
        has: &[],
        ja4: "t13i181000_85036bcba153_d41ae481755e",
        max_version: 0x0304,
        sni: None,
    },
    Capture {
        name: "rustls_ip",
        bytes: include_bytes!("../../corpus/rustls_ip.bin"),
        alpn: &[],
        has: &[],
        ja4: "t13i100900_61a7ad8aa9b6_0d308c48d2a3",
        max_version: 0x0304,
        sni: None,
    },
    Capture {
        name: "rustls_post_quantum",
        bytes: include_bytes!("../../corpus/rustls_post_quantum.bin"),
        alpn: &["xmpp-client"],
        has: &[],
        ja4: "t13d1011xt_61a7ad8aa9b6_0d308c48d2a3",
        max_version: 0x0304,
        sni: Some("chat.example.org"),
    },
];
