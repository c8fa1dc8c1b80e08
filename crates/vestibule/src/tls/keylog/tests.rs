use std::{fs, os::unix::fs::PermissionsExt};

use super::*;

fn secrets(path: impl Into<OsString>) -> Secrets {
    Secrets::new(Some(path.into()))
}

#[test]
fn lines_are_appended_to_a_file_that_only_we_can_read() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("keys");
    KeyLog::log(&secrets(&path), "CLIENT_RANDOM", &[0, 0xab], &[1, 2]);
    let log = secrets(&path);
    assert!(log.will_log("CLIENT_RANDOM"));
    KeyLog::log(&log, "SERVER_TRAFFIC_SECRET_0", &[0xff], &[]);
    vestibule_dtls::stack::KeyLog::log(&log, "CLIENT_RANDOM", &[0; 32], &[3]);
    let text = fs::read_to_string(&path).unwrap();
    let zeroes = "00".repeat(32);
    assert_eq!(
        text,
        format!(
            "CLIENT_RANDOM 00ab 0102\nSERVER_TRAFFIC_SECRET_0 ff \nCLIENT_RANDOM {zeroes} 03\n"
        )
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
    KeyLog::log(&log, "CLIENT_RANDOM", &[0], &[1]);
    assert!(!Secrets::new(None).will_log("CLIENT_RANDOM"));
    assert!(!secrets("").will_log("CLIENT_RANDOM"));
}

#[test]
fn a_pipe_that_nobody_reads_is_no_key_log() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("pipe");
    nix::unistd::mkfifo(&path, nix::sys::stat::Mode::S_IRWXU).unwrap();
    assert!(!secrets(&path).will_log("CLIENT_RANDOM"));
}

#[test]
fn that_it_cannot_be_written_is_an_error_once() {
    let log = secrets("/dev/full");
    assert!(log.will_log("CLIENT_RANDOM"));
    assert!(log.write("CLIENT_RANDOM", &[0], &[1]).is_err());
    for _ in 0..2 {
        assert!(log.write("CLIENT_RANDOM", &[0], &[1]).is_ok());
        KeyLog::log(&log, "CLIENT_RANDOM", &[0], &[1]);
    }
}
