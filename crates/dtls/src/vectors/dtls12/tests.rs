use super::*;

/// A vector for P_SHA256 that went round the TLS working group in 2009.
#[test]
fn the_pseudorandom_function() {
    let hex = |text: &str| -> Vec<u8> {
        let digit = |at: usize| u8::from_str_radix(&text[at..at + 2], 16).unwrap();
        (0..text.len()).step_by(2).map(digit).collect()
    };
    let secret = hex("9bbe436ba940f017b17652849a71db35");
    let seed = hex("a0ba9f936cda311827a6f796ffd5198c");
    let out = prf(HMAC_SHA256, &secret, b"test label", &seed, 100);
    let expected = "e3f229ba727be17b8d122620557cd453c2aab21d07c3d495329b52d4e61edb5a6b301791e90d35\
        c9c9a46b4e14baf9af0fa022f7077def17abfd3797c0564bab4fbc91666e9def9b97fce34f796789baa48082d1\
        22ee42c5a72e5a5110fff70187347b66";
    assert_eq!(out, hex(expected));
}
