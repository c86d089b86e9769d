//! Tests of the aclImdb data set: archive and folder, complete and damaged.

#![allow(missing_docs)]

mod common;

use common::{Member, Project, files_below, gzip, tar};

fn small_set() -> Vec<Member<'static>> {
    vec![
        Member::File("aclImdb/README", b"read me"),
        Member::File("aclImdb/train/pos/10_9.txt", b"ten"),
        Member::File("aclImdb/train/pos/2_8.txt", b"two"),
        Member::File("aclImdb/test/neg/0_1.txt", b"bad"),
        Member::File("aclImdb/train/neg/1_4.txt", b"worse"),
        Member::File("aclImdb/train/unsup/0_0.txt", b"who knows"),
        Member::File(
            "aclImdb/train/urls_pos.txt",
            b"x\nx\nhttp://www.imdb.com/title/tt0000002/usercomments\n",
        ),
        Member::File(
            "aclImdb/train/urls_neg.txt",
            b"x\nhttp://www.imdb.com/title/tt0000001/usercomments\n",
        ),
        Member::File(
            "aclImdb/train/urls_unsup.txt",
            b"http://www.imdb.com/title/tt0000003/usercomments\n",
        ),
    ]
}

#[test]
fn rows_are_in_a_fixed_order() {
    let project = Project::new();
    project.write("set.tar.gz", gzip(&tar(&small_set())));
    let found = project
        .ingest("set.tar.gz", "topic = 'films'")
        .expect("a set");
    assert_eq!(
        found.reviews(),
        [
            "0|worse|0|train|4|tt0000001|films|-|train/neg/1_4.txt",
            "1|two|1|train|8|tt0000002|films|-|train/pos/2_8.txt",
            "2|ten|1|train|9|-|films|-|train/pos/10_9.txt",
            "3|who knows|-|-|-|tt0000003|films|-|train/unsup/0_0.txt",
            "4|bad|0|test|1|-|films|-|test/neg/0_1.txt",
        ]
    );
    assert_eq!(
        found.summary(),
        "5 reviews, 2 negative, 2 positive, 1 unlabelled"
    );
}

#[test]
fn packed_and_unpacked_are_the_same_artifact() {
    let project = Project::new();
    let folder = testkit::corpus::write_aclimdb(&project.path("unpacked")).expect("a corpus");
    let files = files_below(&project.path("unpacked"));
    let pack = |files: Vec<&(String, Vec<u8>)>| {
        tar(&files
            .into_iter()
            .map(|(path, content)| Member::File(path, content))
            .collect::<Vec<_>>())
    };
    project.write("forward.tar.gz", gzip(&pack(files.iter().collect())));
    project.write("backward.tgz", gzip(&pack(files.iter().rev().collect())));
    project.write("plain.tar", pack(files.iter().collect()));
    let unpacked = project.ingest("unpacked", "").expect("the folder");
    assert!(unpacked.reviews().len() >= 60);
    let inner = folder
        .strip_prefix(project.path(""))
        .expect("inside")
        .to_str()
        .expect("a plain name")
        .to_owned();
    for source in [
        "forward.tar.gz",
        "backward.tgz",
        "plain.tar",
        inner.as_str(),
    ] {
        let found = project.ingest(source, "").expect(source);
        assert_eq!(
            found.artifact.identity(),
            unpacked.artifact.identity(),
            "{source}"
        );
    }
}

#[test]
fn invalid_members_are_rejected() {
    let project = Project::new();
    let mut members = small_set();
    members.extend([
        Member::Link("aclImdb/train/pos/3_9.txt", "/etc/passwd"),
        Member::HardLink("aclImdb/train/pos/4_9.txt", "aclImdb/train/pos/2_8.txt"),
        Member::Link("aclImdb/train/urls_neg.txt", "/etc/passwd"),
        Member::File("aclImdb/../../train/pos/5_9.txt", b"out"),
        Member::File("/train/pos/6_9.txt", b"out"),
        Member::File("aclImdb/train/pos/seven.txt", b"misnamed"),
        Member::File("aclImdb/train/pos/._8_9.txt", b"\0\0"),
        Member::File("aclImdb/test/pos/9_9.txt", b"caf\xe9"),
        Member::File("aclImdb/test/pos/10_9.txt", b"a\0b"),
        Member::File("aclImdb/test/pos/11_9.txt", b"123456789 123456789 1"),
        Member::File("aclImdb/test/pos/12_9.txt", b""),
        Member::File("aclImdb/test/neg/0_1.txt", b"the later one counts"),
    ]);
    project.write("set.tar.gz", gzip(&tar(&members)));
    let found = project
        .ingest("set.tar.gz", "max_reject_rate = 1.0\nmax_text_bytes = 20")
        .expect("a set");
    assert_eq!(
        found.rejected(),
        [
            "/train/pos/6_9.txt:1 rejected: the path leads out of the archive | ",
            "aclImdb/../../train/pos/5_9.txt:1 rejected: the path leads out of the archive | ",
            "aclImdb/train/pos/3_9.txt:1 rejected: a link or special file, which is never followed | ",
            "aclImdb/train/pos/4_9.txt:1 rejected: a link or special file, which is never followed | ",
            "aclImdb/train/pos/seven.txt:1 rejected: the name is not `<id>_<rating>.txt` | ",
            "aclImdb/train/urls_neg.txt:1 rejected: a link or special file, which is never followed | ",
            "test/neg/0_1.txt:1 rejected: a later file of the archive has the same name | ",
            "test/pos/10_9.txt:1 rejected: the text has NUL characters | a\0b",
            "test/pos/11_9.txt:1 rejected: the text is longer than `ingest.max_text_bytes` | 123456789 123456789 1",
            "test/pos/9_9.txt:1 rejected: the text has bytes that are invalid in its encoding: at character 4 | caf\u{fffd}",
        ]
    );
    assert_eq!(
        found.reviews()[4],
        "4|the later one counts|0|test|1|-|-|-|test/neg/0_1.txt"
    );
    assert_eq!(
        found.summary(),
        "6 reviews, 2 negative, 3 positive, 1 unlabelled, 1 without a text, 10 rejected"
    );
}

#[test]
#[cfg(unix)]
fn links_in_a_folder_are_not_followed() {
    let project = Project::new();
    let secret = project.write("secret.txt", "not a review");
    project.write("set/train/pos/0_9.txt", "good");
    project.write("set/train/neg/0_1.txt", "bad");
    project.write("set/train/neg/1_1.doc", "misnamed");
    project.write("elsewhere/0_1.txt", "not a review");
    std::os::unix::fs::symlink(&secret, project.path("set/train/pos/1_9.txt")).expect("a link");
    std::fs::create_dir_all(project.path("set/test")).expect("a folder");
    std::os::unix::fs::symlink(project.path("elsewhere"), project.path("set/test/neg"))
        .expect("a link");
    std::os::unix::fs::symlink(&secret, project.path("set/train/urls_pos.txt")).expect("a link");
    let found = project
        .ingest("set", "max_reject_rate = 1.0")
        .expect("a set");
    let texts: Vec<_> = found
        .reviews()
        .iter()
        .map(|row| row.split('|').nth(1).unwrap_or_default().to_owned())
        .collect();
    assert_eq!(texts, ["bad", "good"]);
    assert_eq!(
        found.rejected(),
        [
            "train/neg/1_1.doc:1 rejected: the name is not `<id>_<rating>.txt` | ",
            "train/pos/1_9.txt:1 rejected: a link or special file, which is never followed | ",
        ]
    );
}

#[test]
fn a_huge_member_is_rejected_in_bounded_memory() {
    let project = Project::new();
    let endless = vec![b'a'; 64 << 20];
    let mut members = small_set();
    members.push(Member::File("aclImdb/test/pos/0_9.txt", &endless));
    let packed = gzip(&tar(&members));
    assert!(packed.len() < 1 << 20);
    project.write("set.tar.gz", packed);
    let found = project
        .ingest("set.tar.gz", "max_reject_rate = 1.0")
        .expect("a set");
    let rejected = found.rejected();
    assert_eq!(rejected.len(), 1);
    assert!(rejected[0].starts_with(
        "test/pos/0_9.txt:1 rejected: the text is longer than `ingest.max_text_bytes`"
    ));
    assert!(rejected[0].len() < 400);
}

#[test]
fn an_archive_that_unpacks_to_more_than_is_allowed_is_an_error() {
    let project = Project::new();
    let mut members = small_set();
    let endless = vec![b'a'; 3 << 20];
    members.push(Member::File("aclImdb/endless.bin", &endless));
    members.push(Member::File("aclImdb/test/pos/0_9.txt", b"never reached"));
    project.write("set.tar.gz", gzip(&tar(&members)));
    assert_eq!(
        project
            .ingest("set.tar.gz", "max_decompressed_bytes = 2097152")
            .err()
            .unwrap_or_default(),
        "`set.tar.gz` is too large: it unpacks to more than 2.0 MiB | If this size is expected, raise the limit \
         with `--set ingest.max_decompressed_bytes=NUMBER`, or unpack the file first"
    );
}

#[test]
fn an_archive_that_is_cut_off_is_an_error() {
    let project = Project::new();
    testkit::corpus::write_aclimdb(&project.path("unpacked")).expect("a corpus");
    let files = files_below(&project.path("unpacked"));
    let members: Vec<_> = files
        .iter()
        .map(|(path, content)| Member::File(path, content))
        .collect();
    let (plain, packed) = (tar(&members), gzip(&tar(&members)));
    for (name, whole) in [("cut.tar.gz", &packed), ("cut.tar", &plain)] {
        // The last cut is in the middle of a text. Readers accept an archive without the two empty blocks at
        // its end.
        for share in [0.03, 0.3, 0.5, 0.9, 0.999] {
            let end = (whole.len() as f64 * share) as usize;
            let end = if name == "cut.tar" {
                (end.min(whole.len() - 1200) / 512) * 512 + 3
            } else {
                end
            };
            project.write(name, &whole[..end]);
            let error = project.ingest(name, "").err().unwrap_or_default();
            let expected = format!("`{name}` is damaged or cut off ");
            assert!(error.starts_with(&expected), "{name} cut at {end}: {error}");
            assert!(
                error.ends_with("| Download or copy the file again; none of its rows were used"),
                "{error}"
            );
        }
    }
}

#[test]
fn a_damaged_archive_is_an_error() {
    let project = Project::new();
    let packed = gzip(&tar(&small_set()));
    // The last eight bytes are the checksum and the length of the content.
    for (position, what) in [
        (packed.len() - 6, "checksum"),
        (packed.len() - 2, "length"),
        (20, "header of a block"),
    ] {
        let mut damaged = packed.clone();
        damaged[position] ^= 0xff;
        project.write("damaged.tar.gz", damaged);
        let error = project
            .ingest("damaged.tar.gz", "")
            .err()
            .unwrap_or_default();
        assert!(
            error.starts_with("`damaged.tar.gz` is damaged or cut off "),
            "{what}: {error}"
        );
    }
}

#[test]
fn files_that_are_not_archives_are_refused() {
    let project = Project::new();
    let check = |name: &str, content: &[u8], settings: &str, expected: &str| {
        project.write(name, content);
        assert_eq!(
            project.ingest(name, settings).err().unwrap_or_default(),
            expected
        );
    };
    check(
        "reviews.tar.gz",
        b"review,sentiment\n",
        "",
        "`reviews.tar.gz` is plain text, but a `.tar.gz` archive was expected | \
         For a CSV or TSV file, set `--set ingest.format=csv` or `--set ingest.format=tsv`",
    );
    check(
        "reviews.csv",
        b"PK\x03\x04rest",
        "format = 'aclimdb'",
        "`reviews.csv` is a zip archive, but a `.tar.gz` archive was expected | \
         Unpack it and use the unpacked file instead",
    );
    check(
        "empty.tar.gz",
        b"",
        "",
        "`empty.tar.gz` has no content | Check that the path names the right file or folder",
    );
    check(
        "other.tar.gz",
        &gzip(&tar(&[Member::File("notes.txt", b"hello")])),
        "",
        "`other.tar.gz` has no reviews in the aclImdb layout, such as `train/pos/0_9.txt` | \
         Check that the path names the right file or folder",
    );
    let garbage = project.ingest("garbage.tgz", "").err().unwrap_or_default();
    assert_eq!(
        garbage,
        "There is no file or folder `garbage.tgz` | Check the path; set the reviews with `--source PATH`, other files with their setting"
    );
    std::fs::create_dir_all(project.path("nothing")).expect("a folder");
    assert_eq!(
        project.ingest("nothing", "").err().unwrap_or_default(),
        "`nothing` has no reviews in the aclImdb layout, such as `train/pos/0_9.txt` | \
         Check that the path names the right file or folder"
    );
}
