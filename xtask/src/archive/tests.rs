//! Archives made for tests, and tests of reading them.

use std::io::Write;

use super::*;
use flate2::write::GzEncoder;
use zip::write::SimpleFileOptions;

/// Writes a wheel with these members.
pub(crate) fn make_wheel(path: &Path, members: &[(&str, &str)]) {
    let mut zip = zip::ZipWriter::new(File::create(path).expect("a temporary file"));
    for (name, text) in members {
        let mode = if name.contains(".so") { 0o755 } else { 0o644 };
        zip.start_file(*name, SimpleFileOptions::default().unix_permissions(mode))
            .expect("a member");
        zip.write_all(text.as_bytes()).expect("a member");
    }
    zip.finish().expect("a zip");
}

/// A tar.gz with one member.
pub(crate) fn make_tar_gz(name: &str, contents: &[u8]) -> Vec<u8> {
    let mut tar = tar::Builder::new(GzEncoder::new(Vec::new(), flate2::Compression::fast()));
    let mut header = tar::Header::new_gnu();
    header.set_size(contents.len() as u64);
    header.set_mode(0o644);
    tar.append_data(&mut header, name, contents)
        .expect("a member");
    tar.into_inner()
        .and_then(GzEncoder::finish)
        .expect("a tar.gz")
}

fn failed_to_unpack(result: &Result<()>) -> bool {
    let error = result.as_ref().err();
    error.is_some_and(|error| error.to_string().starts_with("Failed to unpack"))
}

fn step() -> Step {
    Step::start("test", "unpacking", 0)
}

#[test]
fn only_named_members_are_unpacked() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let wheel = folder.path().join("a.whl");
    make_wheel(
        &wheel,
        &[
            ("a/lib/liba.so", "code"),
            ("a/x.py", "python"),
            ("../evil", "evil"),
        ],
    );
    let into = folder.path().join("into");
    let place = |name: &str| {
        name.strip_prefix("a/lib/")
            .map(|name| format!("lib/{name}"))
    };
    unpack_wheel(&wheel, &into, place, &mut step()).unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(
        fs::read(into.join("lib/liba.so")).expect("unpacked"),
        b"code"
    );
    assert_eq!(fs::read_dir(&into).expect("a folder").count(), 1);
    let mode = fs::metadata(into.join("lib/liba.so"))
        .expect("unpacked")
        .permissions()
        .mode();
    assert_eq!(mode & 0o777, 0o755);
}

#[test]
fn nothing_is_written_outside_the_folder() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let wheel = folder.path().join("a.whl");
    for name in ["../evil", "/tmp/evil", "lib/../../evil", ""] {
        make_wheel(&wheel, &[("member", "evil")]);
        let into = folder.path().join("into");
        let result = unpack_wheel(&wheel, &into, |_| Some(name.to_owned()), &mut step());
        assert!(failed_to_unpack(&result), "`{name}` was written");
    }
}

#[test]
fn a_damaged_wheel_is_refused() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let wheel = folder.path().join("a.whl");
    make_wheel(
        &wheel,
        &[("lib/a.so", "the same text, the same text, the same text")],
    );
    let whole = fs::read(&wheel).expect("it is there");
    let unpack = |bytes: &[u8]| {
        let into = tempfile::tempdir().expect("a temporary folder");
        fs::write(&wheel, bytes).expect("a temporary file");
        unpack_wheel(
            &wheel,
            into.path(),
            |name| Some(name.to_owned()),
            &mut step(),
        )
    };
    assert!(unpack(&whole).is_ok());
    assert!(failed_to_unpack(&unpack(&whole[..whole.len() / 2])));
    assert!(failed_to_unpack(&unpack(b"")));
    let mut flipped = whole.clone();
    // The data of a member follows its local header of 30 bytes and its name.
    flipped[30 + "lib/a.so".len() + 4] ^= 0xff;
    assert!(unpack(&flipped).is_err());
}

#[test]
fn one_name_in_two_wheels_is_refused() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let wheel = folder.path().join("a.whl");
    make_wheel(&wheel, &[("a/lib/x.so", "one"), ("b/lib/x.so", "two")]);
    let result = unpack_wheel(
        &wheel,
        &folder.path().join("into"),
        |_| Some("x.so".to_owned()),
        &mut step(),
    );
    assert!(failed_to_unpack(&result));
}

#[test]
fn a_file_is_found_through_an_archive_in_an_archive() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("a.tar.gz");
    let inner = make_tar_gz("in/words.tsv", b"good\tbad");
    fs::write(&path, make_tar_gz("out/in.tar.gz", &inner)).expect("a temporary file");
    let read = |members: &[&str], bytes: u64| {
        let members: Vec<String> = members.iter().map(|&member| member.to_owned()).collect();
        read_nested(&path, &members, bytes).map_err(|error| error.to_string())
    };
    assert_eq!(
        read(&["out/in.tar.gz", "in/words.tsv"], 8),
        Ok(b"good\tbad".to_vec())
    );
    assert_eq!(
        read(&["out/in.tar.gz"], inner.len() as u64),
        Ok(inner.clone())
    );
    let check = |members: &[&str], bytes: u64, expected: &str| {
        let message = read(members, bytes).expect_err("it must be refused");
        assert!(
            message.contains(expected),
            "expected `{expected}` in `{message}`"
        );
    };
    check(
        &["out/in.tar.gz", "in/words.tsv"],
        7,
        "expected 7 bytes, found more",
    );
    check(
        &["out/in.tar.gz", "in/words.tsv"],
        9,
        "expected 9 bytes, found 8",
    );
    check(
        &["out/in.tar.gz", "words.tsv"],
        8,
        "does not contain `words.tsv`",
    );
    check(
        &["in.tar.gz", "in/words.tsv"],
        8,
        "does not contain `in.tar.gz`",
    );

    let whole = fs::read(&path).expect("it is there");
    fs::write(&path, &whole[..whole.len() / 2]).expect("a temporary file");
    check(&["out/in.tar.gz", "in/words.tsv"], 8, "Failed to unpack");
    fs::write(&path, "no archive").expect("a temporary file");
    check(&["out/in.tar.gz", "in/words.tsv"], 8, "Failed to unpack");
}
