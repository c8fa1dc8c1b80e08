use clap::{CommandFactory, FromArgMatches};

use super::*;
use crate::cli::{Arguments, coap, dashes::with_two_dashes};

/// What is said about these arguments.
fn said(arguments: &[&str]) -> String {
    let all = ["vestibule"].iter().chain(arguments);
    let all = with_two_dashes(all.map(OsString::from), &[coap::FLAGS]);
    let matches = Arguments::command().try_get_matches_from(&all);
    let parsed = matches.and_then(|mut it| Arguments::from_arg_matches_mut(&mut it));
    let Err(mut error) = parsed else {
        panic!("{arguments:?} are right")
    };
    shorten(&mut error, Secrecy::of(&all));
    error.to_string()
}

#[test]
fn secrets_are_not_shown() {
    for (arguments, shown) in [
        (
            &["-H", "Authorisation: Bearer syt_SECRET", "h"][..],
            "'Authorisation:...'",
        ),
        (
            &["-H", "Authorization Bearer syt_SECRET", "h"],
            "'Authorization ...'",
        ),
        (&["--header=syt_SECRET", "h"], "'...'"),
        (&["-H", " syt_SECRET ", "h"], "'...'"),
        (&["-Hsyt_SECRET", "h"], "'...'"),
        (&["host/x?access_token=syt_SECRET#f"], "'host/x?...'"),
        (&["host/x#access_token=syt_SECRET"], "'host/x#...'"),
        (&["https://me:SECRET@host/x"], "'...@host/x'"),
        (&["https://me:SEC/RET@host/x?y"], "'...@host/x?...'"),
        (&["https://me:SEC?RET@host/x"], "'...'"),
        (&["h", "--connect", "me:SECRET@host"], "'...@host'"),
        // Without quotes.
        (
            &["-H", "Authorization:", "Bearer", "syt_SECRET", "h"],
            "'...'",
        ),
        (&["h", "--heder=syt_SECRET"], "'--heder"),
        (&["h", "--token:syt_SECRET"], "'--token:...'"),
    ] {
        let said = said(&[&["coap"], arguments].concat());
        assert!(!said.contains("SEC"), "{arguments:?}: {said}");
        assert!(!said.contains("RET"), "{arguments:?}: {said}");
        assert!(said.contains(shown), "{arguments:?}: {said}");
    }
}

#[test]
fn what_is_wrong_is_shown() {
    for (arguments, shown) in [
        (&["coap", "h", "--verbos"][..], "'--verbos' found"),
        (&["coap", "h:70000/x"], "'h:70000/x'"),
        (&["coap", "h", "--max-time", "x"], "'x'"),
        (&["run", "a", "b"], "'b'"),
    ] {
        let said = said(arguments);
        assert!(said.contains(shown), "{arguments:?}: {said}");
    }
    let document = "x".repeat(50);
    let told = said(&["run", "a", &document]);
    assert!(told.contains(&format!("'{}...'", "x".repeat(40))), "{told}");
}
