use super::*;

const FLAGS: [Flags; 2] = [
    Flags {
        command: "jc",
        long: &[("c2j", false), ("out", true)],
        short_with_value: "",
    },
    Flags {
        command: "coap",
        long: &[("data", true), ("insecure", false), ("X", true)],
        short_with_value: "XdH",
    },
];

fn two_dashes(arguments: &str) -> String {
    let split = arguments.split(' ').map(Into::into);
    let result: Vec<_> = with_two_dashes(split, &FLAGS)
        .into_iter()
        .map(|argument| argument.into_string().unwrap())
        .collect();
    result.join(" ")
}

#[test]
fn long_flags_of_their_command_get_two_dashes() {
    for (given, expected) in [
        ("vestibule coap -insecure u", "vestibule coap --insecure u"),
        ("vestibule coap --insecure u", "vestibule coap --insecure u"),
        (
            "vestibule coap -data=x -X=PUT",
            "vestibule coap --data=x --X=PUT",
        ),
        ("vestibule coap -c2j", "vestibule coap -c2j"),
        ("vestibule jc -insecure", "vestibule jc -insecure"),
        ("vestibule run -insecure", "vestibule run -insecure"),
        ("vestibule", "vestibule"),
    ] {
        assert_eq!(two_dashes(given), expected);
    }
}

#[test]
fn values_are_left_alone() {
    for given in [
        "vestibule coap --data -insecure u",
        "vestibule coap -d -insecure u",
        "vestibule coap -kd -insecure u",
        "vestibule coap -H -data u",
        "vestibule coap -- -insecure",
        "vestibule coap ---insecure",
    ] {
        assert_eq!(two_dashes(given), given);
    }
    // A letter that has its value with it takes no other.
    assert_eq!(
        two_dashes("vestibule coap -dkd -insecure"),
        "vestibule coap -dkd --insecure"
    );
}
