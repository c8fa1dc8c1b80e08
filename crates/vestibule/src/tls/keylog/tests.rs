use std::{fs, os::unix::fs::PermissionsExt};

use super::*;

fn secrets(path: impl Into<OsString>) -> Secrets {
    Secrets::new(Some(path.into()))
}

#[test]
fn lines_are_appended_to_a_file_that_only_we_can_read() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("keys");
    secrets(&path).log("CLIENT_RANDOM", &[0, 0xab], &[1, 2]);
    let log = secrets(&path);
    assert!(log.will_log("CLIENT_RANDOM"));
    log.log("SERVER_TRAFFIC_SECRET_0", &[0xff], &[]);
    let text = fs::read_to_string(&path).unwrap();
    assert_eq!(
        text,
        "CLIENT_RANDOM 00ab 0102\nSERVER_TRAFFIC_SECRET_0 ff \n"
    );
    let mode = fs::metadata(&path).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
}

#[test]
fn no_file_is_made_before_there_is_a_secret() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("keys");
    drop(secrets(&path));
    assert!(!path.exists());
}

#[test]
fn a_file_that_cannot_be_opened_is_no_key_log() {
    let log = secrets("/nonexistent/keys");
    assert!(!log.will_log("CLIENT_RANDOM"));
    log.log("CLIENT_RANDOM", &[0], &[1]);
    assert!(!Secrets::new(None).will_log("CLIENT_RANDOM"));
    assert!(!secrets("").will_log("CLIENT_RANDOM"));
}
