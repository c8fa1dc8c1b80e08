//! Time to decode and to encode one header.
//!
//! `cargo bench -p vestibule-proxy-protocol`; the limits are a median of 60 ns to decode a header
//! without TLVs and 300 ns with SSL, AUTHORITY and CRC32C. Allocations would be listed beside the
//! times; there must be none.

use std::hint::black_box;
use std::net::SocketAddr;

use divan::{AllocProfiler, Bencher};
use vestibule_proxy_protocol::{
    ClientFlags, Decoded, SslInfo, Tlv, V2_MAX_LEN, V2Builder, decode, encode_v1,
};

#[global_allocator]
static ALLOCATOR: AllocProfiler = AllocProfiler::system();

fn main() {
    divan::main();
}

#[divan::bench(args = HEADERS)]
fn decode_header(bencher: Bencher<'_, '_>, name: &str) {
    let mut input = header(name);
    input.extend_from_slice(b"<?xml version='1.0'?><stream:stream to='example.org'>");
    bencher.bench_local(|| match decode(black_box(&input), V2_MAX_LEN) {
        Ok(Decoded::Header(header)) => (header.len(), header.stream_addresses()),
        answer => panic!("{answer:?}"),
    });
}

#[divan::bench]
fn walk_tlvs(bencher: Bencher<'_, '_>) {
    let input = header("v2 SSL AUTHORITY CRC32C");
    let Ok(Decoded::Header(header)) = decode(&input, V2_MAX_LEN) else {
        panic!("not a header")
    };
    bencher.bench_local(|| {
        black_box(&header)
            .tlvs()
            .map(|tlv| matches!(tlv, Tlv::Ssl(_)) as usize)
            .sum::<usize>()
    });
}

#[divan::bench(args = HEADERS)]
fn encode_header(bencher: Bencher<'_, '_>, name: &str) {
    let mut out = Vec::with_capacity(1024);
    bencher.bench_local(|| {
        out.clear();
        write(black_box(name), &mut out);
        out.len()
    });
}

const HEADERS: [&str; 6] = [
    "v1 TCP4",
    "v1 TCP6",
    "v1 TCP6 long",
    "v2 INET",
    "v2 INET6",
    "v2 SSL AUTHORITY CRC32C",
];

fn header(name: &str) -> Vec<u8> {
    let mut out = Vec::new();
    write(name, &mut out);
    out
}

fn write(name: &str, out: &mut Vec<u8>) {
    let inet: [SocketAddr; 2] = [
        ([192, 0, 2, 123], 56324).into(),
        ([198, 51, 100, 10], 5222).into(),
    ];
    let inet6: [SocketAddr; 2] = [
        ([0x2001, 0xDB8, 0x85A3, 0, 0, 0x8A2E, 0x370, 0x7334], 56324).into(),
        ([0x2001, 0xDB8, 0, 0, 0, 0, 0, 0x10], 5222).into(),
    ];
    let result = match name {
        "v1 TCP4" => encode_v1(inet[0], inet[1], out),
        "v1 TCP6" => encode_v1(inet6[1], inet6[1], out),
        "v1 TCP6 long" => encode_v1(inet6[0], inet6[0], out),
        "v2 INET" => V2Builder::new(inet[0], inet[1]).write_to(out),
        "v2 INET6" => V2Builder::new(inet6[0], inet6[1]).write_to(out),
        _ => V2Builder::new(inet[0], inet[1])
            .start(out)
            .authority("xmpp.example.org")
            .ssl(&SslInfo {
                cipher: Some(b"TLS_AES_256_GCM_SHA384"),
                client: ClientFlags::SSL,
                group: Some(b"X25519MLKEM768"),
                key_alg: Some(b"EC256"),
                sig_alg: Some(b"ecdsa-with-SHA256"),
                sig_scheme: Some(b"ecdsa_secp256r1_sha256"),
                verify: 1,
                version: Some(b"TLSv1.3"),
                ..SslInfo::default()
            })
            .crc32c()
            .finish(),
    };
    result.expect("addresses of one family");
}
