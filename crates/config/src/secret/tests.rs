//! What is hidden, and what is not.

use super::{hidden, suspected};

#[test]
fn passwords_are_hidden_wherever_they_stand() {
    for (text, shown) in [
        ("password = \"x\\\"y\" # why", "password = \"****\" # why"),
        ("\"password\" = 'x'", "\"password\" = '*'"),
        ("via.password='''a\nb''' # c", "via.password='''*\n*''' # c"),
        (
            "password = \"open\nlevel = \"info\"",
            "password = \"****\nlevel = \"info\"",
        ),
        ("pasword = hunter2", "pasword = *******"),
        ("# password = \"old\"", "# password = \"***\""),
        (
            "password = \"é\u{20ac}\u{1F600}\"",
            "password = \"·•\u{10100}\"",
        ),
        (
            "password = [\n\"a\", 'b'] # c",
            "password = [\n\"*\", '*'] # c",
        ),
        (
            "via = \"https://u:p:q@r@h:1\"",
            "via = \"https://u:*****@h:1\"",
        ),
        ("via = https://u:p@h:1", "via = https://u:*@h:1"),
        ("via = \"u:p@h:1\"", "via = \"u:*@h:1\""),
        (
            "via = [\"http://[::1]:1\", \"http://u:p@h:1\"]",
            "via = [\"http://[::1]:1\", \"http://u:*@h:1\"]",
        ),
        (
            "via = \"https://u:p\\u0040h:1\"",
            "via = \"https://************\"",
        ),
        (
            "{ password = \"p\", url = \"https://h:1\" }",
            "{ password = \"*\", url = \"https://h:1\" }",
        ),
    ] {
        assert_eq!(hidden(text), shown);
    }
}

#[test]
fn all_else_is_shown() {
    for text in [
        "password = { file = \"proxy.secret\" }",
        "via = \"https://user@proxy.example:443\"",
        "pass_tlvs = [0xE0] # the client's",
        "bind = [\"[::1]:5222\", \"unix:/run/a\"]",
        "password = \"\"\n[[listener]]\nname = \"a\"",
        "\"",
        "'''",
    ] {
        assert_eq!(hidden(text), text);
    }
}

#[test]
fn what_may_be_a_password_is_suspected() {
    assert!(suspected("via: \"https://u:p@h:1\""));
    assert!(suspected("password \"x\""));
    assert!(!suspected("bind: \"127.0.0.1:1\""));
}
