//! Tests of valid and invalid CSV and TSV files.

#![allow(missing_docs)]

mod common;

use common::{Member, Project, gzip, tar};

fn check(
    name: &str,
    content: impl AsRef<[u8]>,
    settings: &str,
    reviews: &[&str],
    rejected: &[&str],
) {
    let project = Project::new();
    project.write(name, content);
    let found = project
        .ingest(name, &format!("max_reject_rate = 1.0\n{settings}"))
        .expect(name);
    assert_eq!(found.reviews(), reviews);
    assert_eq!(found.rejected(), rejected);
}

fn check_error(name: &str, content: impl AsRef<[u8]>, settings: &str, expected: &str) {
    let project = Project::new();
    project.write(name, content);
    assert_eq!(
        project.ingest(name, settings).err().unwrap_or_default(),
        expected
    );
}

#[test]
fn the_kaggle_file() {
    let text =
        "review,sentiment\n\"One.<br /><br />Two, \"\"three\"\"\nfour\",positive\nplain,negative\n";
    let expected = [
        "0|One.<br /><br />Two, \"three\"\nfour|1|-|-|-|-|-|IMDB Dataset.csv:2",
        "1|plain|0|-|-|-|-|-|IMDB Dataset.csv:4",
    ];
    check("IMDB Dataset.csv", text, "", &expected, &[]);
    check(
        "IMDB Dataset.csv",
        format!("\u{feff}{}", text.replace('\n', "\r\n")),
        "",
        &[
            "0|One.<br /><br />Two, \"three\"\r\nfour|1|-|-|-|-|-|IMDB Dataset.csv:2",
            "1|plain|0|-|-|-|-|-|IMDB Dataset.csv:4",
        ],
        &[],
    );
    let compressed = expected.map(|row| row.replace(".csv:", ".csv.gz:"));
    check(
        "IMDB Dataset.csv.gz",
        gzip(text.as_bytes()),
        "",
        &[&compressed[0], &compressed[1]],
        &[],
    );
}

#[test]
fn the_default_data() {
    let settings = "header = false\ncolumns = { id = 1, rating = 2, text = 3 }\nrating = { centre = 0.0, dead_zone = 0.5 }";
    check(
        "sentences.tsv",
        "1\t2.25\ta \"good\n2\t-0.5\tso so\r\n3\t-1\tbad\"\r\n4\tgood\tx",
        settings,
        &[
            "0|a \"good|1|-|2.25|-|-|-|sentences.tsv:1 id 1",
            "1|bad\"|0|-|-1|-|-|-|sentences.tsv:3 id 3",
        ],
        &[
            "sentences.tsv:2 set_aside: the rating is within the dead zone of `ingest.rating` | 2\t-0.5\tso so",
            "sentences.tsv:4 rejected: the rating is not a number: `good` | 4\tgood\tx",
        ],
    );
}

#[test]
fn every_column() {
    let settings = "delimiter = ';'\ncolumns = { text = 'quote', label = 'fresh', split = 'part', group = 'imdb', \
                    topic = 'title', timestamp = 'date', rating = 'stars' }\ntopic = 'films'\n\
                    labels = { positive = ['fresh'], negative = ['rotten'], unlabelled = ['none'] }";
    check(
        "critics.csv",
        "fresh;quote;imdb;title;date;part;stars\n\
         fresh;Good;0114709;Toy Story;2001-02-03;Train;5\n\
         Rotten;Bad;;;2001-02-03T04:05:06+01:00;test;\n\
         none;Eh;1;;981173106;;\n\
         mixed;?;1;;;;\n\
         fresh;x;1;;tomorrow;;\n\
         fresh;x;1;;;validation;\n",
        settings,
        &[
            "0|Good|1|train|5|0114709|Toy Story|981158400000|critics.csv:2",
            "1|Bad|0|test|-|-|films|981169506000|critics.csv:3",
            "2|Eh|-|-|-|1|films|981173106000|critics.csv:4",
        ],
        &[
            "critics.csv:5 rejected: the label is none of the values in `ingest.labels`: `mixed` | mixed\t?\t1\t\t\t\t",
            "critics.csv:6 rejected: the timestamp is in no form that is known, see `[ingest.timestamp]`: `tomorrow` | \
             fresh\tx\t1\t\ttomorrow\t\t",
            "critics.csv:7 rejected: the split is neither `train` nor `test`: `validation` | fresh\tx\t1\t\t\tvalidation\t",
        ],
    );
}

#[test]
fn a_rejected_row_does_not_affect_others() {
    check(
        "reviews.csv",
        b"text,label\ngood,1\nonly one\na,b,c\ncaf\xe9,0\nn\0ul,0\n\nbad,0\n",
        "encoding = 'utf-8'",
        &[
            "0|good|1|-|-|-|-|-|reviews.csv:2",
            "1|bad|0|-|-|-|-|-|reviews.csv:8",
        ],
        &[
            "reviews.csv:3 rejected: the row has another number of columns than the first: 1 instead of 2 | only one",
            "reviews.csv:4 rejected: the row has another number of columns than the first: 3 instead of 2 | a\tb\tc",
            "reviews.csv:5 rejected: the text has bytes that are invalid in its encoding: at character 4 | caf\u{fffd}\t0",
            "reviews.csv:6 rejected: the text has NUL characters | n\0ul\t0",
        ],
    );
    let long = "x".repeat(100_000);
    check(
        "reviews.csv",
        format!(
            "text,label\ngood,1\n{},0\n{long},0\nbad,0\n",
            "y".repeat(21)
        ),
        "max_text_bytes = 20",
        &[
            "0|good|1|-|-|-|-|-|reviews.csv:2",
            "1|bad|0|-|-|-|-|-|reviews.csv:5",
        ],
        &[
            &format!(
                "reviews.csv:3 rejected: the text is longer than `ingest.max_text_bytes` | {}\t0",
                "y".repeat(21)
            ),
            &format!(
                "reviews.csv:4 rejected: the row is too long, or a quote before it does not close: \
                 over 65556 bytes on lines 4 to 4 | {}",
                "x".repeat(200)
            ),
        ],
    );
}

#[test]
fn rows_keep_their_order_across_batches() {
    let mut text = "text,label\n".to_owned();
    (0..20_000).for_each(|id| text.push_str(&format!("review {id},{}\n", id % 2)));
    let project = Project::new();
    project.write("many.csv", text);
    let reviews = project.ingest("many.csv", "").expect("a table").reviews();
    assert_eq!(reviews.len(), 20_000);
    for (id, review) in reviews.iter().enumerate() {
        assert_eq!(
            *review,
            format!("{id}|review {id}|{}|-|-|-|-|-|many.csv:{}", id % 2, id + 2)
        );
    }
}

#[test]
fn too_many_bad_rows_are_an_error() {
    check_error(
        "reviews.csv",
        "text,label\ngood,1\nbad,0\nx,maybe\ny,perhaps\nz\n",
        "",
        "3 of 5 rows were rejected, more than `ingest.max_reject_rate` = 0.01 allows; most common reasons: \
         the label is none of the values in `ingest.labels`: `maybe` (1 row), `perhaps` (1 row); \
         the row has another number of columns than the first: 1 instead of 2 (1 row) | \
         `label`: the labels are `0` (1 row), `1` (1 row), `maybe` (1 row), `perhaps` (1 row); the meaning of `maybe`, \
         `perhaps` is unknown: complete these lines and set them in the pipeline file\n\n[ingest.columns]\nlabel = \"label\"\n\n\
         [ingest.labels]\npositive = [\"1\"]\nnegative = [\"0\"]\nunlabelled = []\n\
         # add these to one of the lists: \"maybe\", \"perhaps\"",
    );
}

#[test]
fn unusable_sources_are_refused() {
    let elsewhere = "Check that the path names the right file or folder";
    check_error(
        "x.csv",
        "",
        "",
        &format!("`x.csv` has no content | {elsewhere}"),
    );
    check_error(
        "x.csv",
        "\n\r\n",
        "",
        &format!("`x.csv` has only empty lines | {elsewhere}"),
    );
    check_error(
        "x.csv",
        "review,sentiment\n",
        "",
        &format!("`x.csv` has a header but no rows | {elsewhere}"),
    );
    check_error(
        "x.csv",
        "review,sentiment\na,positive\nb,positive\n",
        "",
        "All labels are positive (2 reviews), but a classifier needs both classes | \
         Check `[ingest.labels]` or `[ingest.rating]`, or use a source with both classes",
    );
    check_error(
        "x.csv",
        "a,b\n1,2\n",
        "columns = { text = 'c' }",
        "`ingest.columns.text` names the column `c`, but `x.csv` has no such column | The columns are `a`, `b`",
    );
    check_error(
        "x.csv",
        "%PDF-1.7\n",
        "",
        &format!(
            "`x.csv` is a PDF document, but a table of reviews was expected | {}",
            "Check that the path names the right file"
        ),
    );
    check_error(
        "x.csv",
        gzip(&tar(&[Member::File("train/pos/0_9.txt", b"x")])),
        "",
        "`x.csv` is a tar archive, but a table of reviews was expected | For the aclImdb archive, set \
         `--set ingest.format=aclimdb`; otherwise unpack it and use a file from it",
    );
    check_error(
        "x.csv",
        "text,label\na,1\n",
        "delimiter = '\u{e9}'",
        "`ingest.delimiter` is '\u{e9}', but must be one ASCII character other than a quote or a line break | \
         Set the separator, for example `--set 'ingest.delimiter=\";\"'`",
    );
}

#[test]
fn a_compressed_table_that_is_cut_off_is_an_error() {
    let rows: String = (0..5000)
        .map(|id| format!("review {id} {},{}\n", id * 7919, id % 2))
        .collect();
    let whole = gzip(format!("text,label\n{rows}").as_bytes());
    let project = Project::new();
    project.write("x.csv.gz", &whole[..whole.len() / 2]);
    let error = project.ingest("x.csv.gz", "").err().unwrap_or_default();
    assert!(
        error.starts_with("`x.csv.gz` is damaged or cut off after line "),
        "{error}"
    );
}

#[test]
fn a_folder_is_not_a_table() {
    let project = Project::new();
    project.write("folder/reviews.csv", "text,label\n");
    assert_eq!(
        project
            .ingest("folder", "format = 'csv'")
            .err()
            .unwrap_or_default(),
        "`folder` is a folder, but a file was expected | Name the files in it with a pattern in quotes, such as 'FOLDER/*'; \
         for the unpacked aclImdb data set, set `--set ingest.format=aclimdb`"
    );
}

#[test]
fn no_source_is_an_error() {
    assert_eq!(
        Project::new().run("").err().unwrap_or_default(),
        "No source of reviews is set: `ingest.source` is empty | \
         Name the reviews with `--source PATH`: a CSV, TSV, JSON or Parquet file, or the aclImdb archive or folder"
    );
}
