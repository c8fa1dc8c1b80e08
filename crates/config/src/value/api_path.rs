//! `"/_synapse/client"`: paths that clients may ask for.

use vestibule_lowband::mapping::{
    paths::{self, PathError},
    policy::Policy,
};

use crate::{
    Code,
    diagnostic::{Problem, quote},
};

/// What is for administrators, at the homeservers that there are.
const OF_ADMINISTRATORS: [&[&str]; 6] = [
    &["_conduwuit", "admin"],
    &["_dendrite", "admin"],
    &["_matrix", "client", "r0", "admin"],
    &["_matrix", "client", "unstable", "admin"],
    &["_matrix", "client", "v3", "admin"],
    &["_synapse", "admin"],
];

/// One entry of `allow_paths`, without a slash at its end.
pub(crate) fn parse(text: &str) -> Result<String, Problem> {
    let invalid = |message: String| Problem::new(Code::InvalidPath, message).help(USUAL);
    let not_a_path = || format!("{} is not a path", quote(text));
    if text.contains("://") {
        return Err(invalid(format!("{} is a URL", quote(text))));
    }
    if let Some(mark) = text.chars().find(|c| matches!(c, '?' | '#' | '\\' | ' ')) {
        return Err(invalid(format!("{}: it has a `{mark}`", not_a_path())));
    }
    let path = text.trim_end_matches('/');
    if path.is_empty() && !text.is_empty() {
        let message = "this would let everything through".to_owned();
        return Err(invalid(message));
    }
    let segments = paths::from_http(path).map_err(|error| {
        let problem = invalid(format!("{}: {}", not_a_path(), reason(error)));
        match error {
            PathError::NotAbsolute if !path.is_empty() => problem.help(format!("write `/{path}`")),
            _ => problem,
        }
    })?;
    if segments.iter().any(|segment| segment.is_empty()) {
        return Err(invalid(format!("{}: a segment is empty", not_a_path())));
    }
    Ok(path.to_owned())
}

/// `policy`, and what was [parsed](parse) as well.
pub(crate) fn allow(policy: Policy, path: &str) -> Policy {
    // One that cannot be allowed was refused before.
    policy.clone().allow(path).unwrap_or(policy)
}

/// Whether what is for administrators can be asked for where `path` is let through.
pub(crate) fn opens_admin(path: &str) -> bool {
    let Ok(path) = paths::from_http(path) else {
        return false;
    };
    let both = |admin: &&[&str]| admin.iter().zip(&path).all(|(a, b)| a == b);
    OF_ADMINISTRATORS.iter().any(both)
}

fn reason(error: PathError) -> &'static str {
    match error {
        PathError::Control => "it has a control character",
        PathError::Dots => "a segment is `.` or `..`",
        PathError::Escape => "`%` needs two hexadecimal digits, which stand for UTF-8",
        PathError::Mistakable | PathError::TooFewParameters => "it is the code of a path",
        PathError::NotAbsolute => "it does not begin with a slash",
        PathError::SegmentTooLong => "a segment is too long",
        PathError::TooLong => "it is too long",
        PathError::TooManySegments => "it has too many segments",
        PathError::Utf8 => "it is not UTF-8",
    }
}

const USUAL: &str = "write how the paths begin, such as `/_synapse/client`";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths() {
        for (text, expected) in [
            ("/_synapse/client", "/_synapse/client"),
            ("/_synapse/client/", "/_synapse/client"),
            ("/a%20b", "/a%20b"),
            ("/_matrix/media//", "/_matrix/media"),
        ] {
            assert_eq!(parse(text).as_deref(), Ok(expected));
            assert!(Policy::new().allow(expected).is_ok());
        }
        for (text, message, help) in [
            ("", "begin with a slash", "/_synapse"),
            ("/", "everything", "/_synapse"),
            ("//", "everything", "/_synapse"),
            (
                "_synapse/client",
                "begin with a slash",
                "write `/_synapse/client`",
            ),
            ("https://a/b", "is a URL", "/_synapse"),
            ("/a/../b", "`..`", "/_synapse"),
            ("/a/%2e", "`.`", "/_synapse"),
            ("/a//b", "is empty", "/_synapse"),
            ("/a?b", "`?`", "/_synapse"),
            ("/a#b", "`#`", "/_synapse"),
            ("/a b", "` `", "/_synapse"),
            ("/%zz", "hexadecimal", "/_synapse"),
            ("/%ff", "UTF-8", "/_synapse"),
            ("/a%0a", "control", "/_synapse"),
        ] {
            let problem = parse(text).unwrap_err();
            assert_eq!(problem.code, Code::InvalidPath, "{text}");
            assert!(problem.message.contains(message), "{text}: {problem:?}");
            assert!(problem.help.unwrap().contains(help), "{text}");
        }
        let long = format!("/{}", "a/".repeat(100));
        assert_eq!(parse(&long).unwrap_err().code, Code::InvalidPath);
    }

    #[test]
    fn administrators() {
        for path in [
            "/_synapse",
            "/_synapse/admin",
            "/_synapse/admin/v1/users",
            "/_matrix",
            "/_matrix/client",
            "/_matrix/client/v3",
            "/_synapse/%61dmin",
        ] {
            assert!(opens_admin(path), "{path}");
        }
        for path in [
            "/_synapse/client",
            "/_matrix/client/v3/sync",
            "/a",
            "/_matrix/media",
        ] {
            assert!(!opens_admin(path), "{path}");
        }
    }
}
