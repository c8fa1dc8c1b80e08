use std::os::unix::fs::{PermissionsExt, symlink};

use super::*;

fn text(content: &'static str) -> impl FnOnce(&mut dyn Write) -> io::Result<()> {
    move |out| out.write_all(content.as_bytes())
}

fn half(out: &mut dyn Write) -> io::Result<()> {
    out.write_all(b"half")?;
    Err(ErrorKind::StorageFull.into())
}

/// The names of all files of a directory.
fn names(directory: &Path) -> Vec<String> {
    let mut names: Vec<_> = fs::read_dir(directory)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

#[test]
fn a_file_is_made_or_replaced_as_a_whole() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("f");
    assert!(write(&file, half).is_err());
    assert_eq!(names(directory.path()), [""; 0]);

    write(&file, text("a long text")).unwrap();
    write(&file, text("text")).unwrap();
    assert_eq!(fs::read(&file).unwrap(), b"text");

    let error = write(&file, half).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::StorageFull);
    assert_eq!(fs::read(&file).unwrap(), b"text");
    assert_eq!(names(directory.path()), ["f"]);
}

#[test]
fn rights_stay_as_they_were() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("f");
    fs::write(&file, "old").unwrap();
    fs::set_permissions(&file, fs::Permissions::from_mode(0o640)).unwrap();
    write(&file, text("new")).unwrap();
    assert_eq!(fs::metadata(&file).unwrap().mode() & 0o7777, 0o640);
}

#[test]
fn links_stay_links() {
    let directory = tempfile::tempdir().unwrap();
    let [file, link, dangling, missing, name] =
        ["f", "link", "dangling", "missing", "name"].map(|name| directory.path().join(name));
    fs::write(&file, "old").unwrap();
    symlink("f", &link).unwrap();
    write(&link, text("by link")).unwrap();
    assert_eq!(fs::read(&file).unwrap(), b"by link");

    symlink("missing", &dangling).unwrap();
    write(&dangling, text("made")).unwrap();
    assert_eq!(fs::read(&missing).unwrap(), b"made");
    for link in [&link, &dangling] {
        assert!(fs::symlink_metadata(link).unwrap().is_symlink());
    }

    fs::hard_link(&file, &name).unwrap();
    write(&name, text("both")).unwrap();
    assert_eq!(fs::read(&file).unwrap(), b"both");
}

#[test]
fn devices_are_written_to() {
    write(Path::new("/dev/null"), text("x")).unwrap();
    let error = write(Path::new("/dev/full"), text("x")).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::StorageFull);

    let directory = tempfile::tempdir().unwrap();
    let link = directory.path().join("link");
    symlink("/dev/null", &link).unwrap();
    write(&link, text("x")).unwrap();
    assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
}

#[test]
fn what_cannot_be_written_is_an_error() {
    let directory = tempfile::tempdir().unwrap();
    for path in ["missing/f", "f/", "."] {
        assert!(
            write(&directory.path().join(path), text("x")).is_err(),
            "{path}"
        );
    }
    assert_eq!(names(directory.path()), [""; 0]);
}
