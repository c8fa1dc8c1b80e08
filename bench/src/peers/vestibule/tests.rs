use super::listening_address;

#[test]
fn the_address_is_known_when_all_is_ready() {
    let listening = r#"{"level":"INFO","message":"listening","address":"127.0.0.1:41233"}"#;
    let ready = r#"{"level":"INFO","message":"ready"}"#;
    assert_eq!(listening_address(listening), None);
    assert_eq!(
        listening_address(&format!("not json\n{listening}\n{ready}\n")),
        Some(([127, 0, 0, 1], 41233).into())
    );
}
