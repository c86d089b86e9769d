//! Tests of damaged and unusual files: they give rows or an error, quickly and in bounded memory.

#![allow(missing_docs)]

mod common;

use std::io::Write;
use std::sync::Arc;

use arrow::array::{
    ArrayRef, BinaryArray, BooleanArray, DictionaryArray, Float64Array, Int64Array, RecordBatch,
    StringArray, StringViewArray, StructArray, TimestampMicrosecondArray,
};
use arrow::datatypes::{DataType, Field, Int32Type};
use common::{Project, gzip};
use parquet::arrow::ArrowWriter;
use proptest::prelude::*;

fn table() -> String {
    let rows: String = (0..300)
        .map(|row| format!("\"review {row} of, a film\",{}\n", row % 2))
        .collect();
    format!("text,label\n{rows}")
}

fn parquet(columns: Vec<(&str, ArrayRef)>) -> Vec<u8> {
    let batch = RecordBatch::try_from_iter(columns).expect("columns of one length");
    let mut writer =
        ArrowWriter::try_new(Vec::new(), batch.schema(), None).expect("a schema that is known");
    writer.write(&batch).expect("memory");
    writer.into_inner().expect("memory")
}

fn parquet_table() -> Vec<u8> {
    let texts: StringArray = (0..300)
        .map(|row| Some(format!("review {row} of a film")))
        .collect();
    let label: DictionaryArray<Int32Type> = (0..300)
        .map(|row| if row % 2 == 0 { "pos" } else { "neg" })
        .collect();
    let stars: ArrayRef = Arc::new(Int64Array::from_iter_values(0..300));
    let nested = StructArray::from(vec![(
        Arc::new(Field::new("id", DataType::Int64, false)),
        stars,
    )]);
    parquet(vec![
        ("text", Arc::new(texts)),
        ("label", Arc::new(label)),
        ("film", Arc::new(nested)),
    ])
}

fn zip(content: &[u8]) -> Vec<u8> {
    let mut archive = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    archive
        .start_file("x.csv", zip::write::SimpleFileOptions::default())
        .expect("a member");
    archive.write_all(content).expect("memory");
    archive.finish().expect("memory").into_inner()
}

/// The table in every supported format.
fn forms() -> Vec<(&'static str, Vec<u8>)> {
    let text = table();
    let json: String = (0..300)
        .map(|row| {
            format!(
                "{{\"text\": \"review {row}\", \"of\": {{\"sentiment\": {}}}}}\n",
                row % 2
            )
        })
        .collect();
    let utf_16 = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
    vec![
        ("x.csv.gz", gzip(text.as_bytes())),
        (
            "x.csv.zst",
            zstd::encode_all(text.as_bytes(), 1).expect("memory"),
        ),
        ("x.zip", zip(text.as_bytes())),
        ("x.csv", text.into_bytes()),
        ("x.jsonl", json.into_bytes()),
        ("x.txt", utf_16),
        ("x.parquet", parquet_table()),
    ]
}

#[test]
fn every_format_is_read() {
    for (name, content) in forms() {
        let project = Project::new();
        project.write(name, content);
        let found = project.ingest(name, "").expect(name);
        assert_eq!(
            found.summary(),
            "300 reviews, 150 negative, 150 positive",
            "{name}"
        );
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn damaged_files_give_rows_or_an_error(
        form in 0..7_usize,
        flips in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..4),
        end in prop::option::of(any::<prop::sample::Index>()),
    ) {
        let (name, mut content) = forms().swap_remove(form);
        for (place, byte) in &flips {
            let place = place.index(content.len());
            content[place] = *byte;
        }
        if let Some(end) = end {
            content.truncate(end.index(content.len()));
        }
        let project = Project::new();
        project.write(name, content);
        if let Err(message) = project.ingest(name, "max_reject_rate = 1.0") {
            prop_assert!(message.contains(" | "), "no hint: {}", message);
        }
    }
}

/// Changes bytes of the metadata at the end of a table. The library checks some of it with assertions.
#[test]
fn an_inconsistent_table_is_an_error() {
    let whole = parquet_table();
    let project = Project::new();
    let mut errors = 0;
    for place in (whole.len() - 600..whole.len()).step_by(3) {
        let mut content = whole.clone();
        content[place] ^= 0xd5;
        project.write("x.parquet", &content);
        match project.ingest("x.parquet", "max_reject_rate = 1.0") {
            Ok(found) => assert!(found.reviews().len() <= 300),
            Err(message) => {
                errors += 1;
                assert!(message.contains(" | "), "no hint: {message}");
            }
        }
    }
    assert!(errors > 50, "{errors}");
}

#[test]
fn the_first_bytes_may_come_in_pieces() {
    // As made by `cat header.gz rows.gz`. The first piece is too short to detect the format.
    let rows: Vec<u8> = (0..50)
        .flat_map(|row| format!("caf\u{e9} number {row};{}\n", row % 2).into_bytes())
        .collect();
    let text = String::from_utf8(rows).expect("text");
    let (latin, _, _) = encoding_rs::WINDOWS_1252.encode(&text);
    let packed = [gzip(b"t"), gzip(b"ext;label\n"), gzip(&latin)].concat();
    let project = Project::new();
    project.write("x.csv.gz", packed);
    let found = project.ingest("x.csv.gz", "").expect("rows");
    assert_eq!(found.reviews().len(), 50);
    assert!(found.reviews()[7].starts_with("7|caf\u{e9} number 7|1|"));
}

#[test]
fn an_encoding_that_appears_late_is_reported() {
    let plain = "a review in plain letters,1\nanother one of them,0\n".repeat(10_000);
    let mut bytes = format!("text,label\n{plain}").into_bytes();
    bytes.extend(b"tr\xe8s bien caf\xe9,1\n".repeat(1000));
    let project = Project::new();
    project.write("x.csv", &bytes);
    let error = project.ingest("x.csv", "").err().unwrap_or_default();
    assert_eq!(
        error,
        "1,000 of 21,000 rows were rejected, more than `ingest.max_reject_rate` = 0.01 allows; most common reasons: \
         the text has bytes that are invalid in its encoding: at character 3 (1,000 rows) | If the file has another encoding, set it, for example \
         `--set ingest.encoding=windows-1252`"
    );
    let found = project
        .ingest("x.csv", "encoding = 'windows-1252'")
        .expect("rows");
    assert!(found.reviews()[20_000].starts_with("20000|tr\u{e8}s bien caf\u{e9}|1|"));
}

#[test]
fn invalid_characters_of_an_encoding_reject_the_row() {
    let mut bytes: Vec<u8> = "text,label\nfine,1\nbad Z here,0\ngood,0\n"
        .encode_utf16()
        .flat_map(u16::to_le_bytes)
        .collect();
    // Half of a surrogate pair.
    let place = bytes.iter().position(|byte| *byte == b'Z').expect("a Z");
    bytes[place..place + 2].copy_from_slice(&[0x00, 0xd8]);
    let project = Project::new();
    project.write("x.csv", bytes);
    let found = project
        .ingest("x.csv", "max_reject_rate = 0.5")
        .expect("rows");
    assert_eq!(found.reviews().len(), 2);
    assert_eq!(found.rejected().len(), 1);
    assert!(
        found.rejected()[0]
            .contains("x.csv:3 rejected: the text has bytes that are invalid in its encoding"),
        "{:?}",
        found.rejected()
    );
}

#[test]
fn an_object_of_a_million_members_is_one_rejected_row() {
    let wide: Vec<String> = (0..500_000).map(|key| format!("\"k{key}\":1")).collect();
    let long = format!("{{\"{}\":{{\"a\":1,\"b\":2}}}}", "x".repeat(5_000));
    let rows: String = (0..2000)
        .map(|row| format!("{{\"text\":\"review {row}\",\"label\":{}}}\n", row % 2))
        .collect();
    let project = Project::new();
    project.write("x.jsonl", format!("{{{}}}\n{long}\n{rows}", wide.join(",")));
    let found = project
        .ingest("x.jsonl", "max_reject_rate = 0.5")
        .expect("rows");
    assert_eq!(found.reviews().len(), 2000);
    let rejected = found.rejected();
    assert_eq!(rejected.len(), 2, "{rejected:?}");
    assert!(
        rejected[0].contains("more than 4,096 members"),
        "{}",
        rejected[0]
    );
    assert!(
        rejected[1].contains("a name of more than 1,024 bytes"),
        "{}",
        rejected[1]
    );
}

#[test]
fn files_are_read_by_the_names_of_their_columns() {
    let column = |values: [&str; 2]| -> ArrayRef { Arc::new(StringArray::from(values.to_vec())) };
    let project = Project::new();
    project.write(
        "p/1.parquet",
        parquet(vec![
            ("text", column(["a b c", "d e f"])),
            ("label", column(["pos", "neg"])),
        ]),
    );
    project.write(
        "p/2.parquet",
        parquet(vec![
            ("label", column(["neg", "pos"])),
            ("text", column(["g h i", "j k l"])),
        ]),
    );
    project.write(
        "j/1.jsonl",
        "{\"text\":\"a b c\",\"label\":\"pos\"}\n{\"text\":\"d e f\",\"label\":\"neg\"}\n",
    );
    project.write(
        "j/2.jsonl",
        "{\"label\":\"neg\",\"text\":\"g h i\"}\n{\"more\":1,\"text\":\"j k l\",\"label\":\"pos\"}\n",
    );
    for (pattern, one, two) in [
        ("p/*", "1.parquet", "2.parquet"),
        ("j/*", "1.jsonl", "2.jsonl"),
    ] {
        let found = project.ingest(pattern, "").expect(pattern);
        assert_eq!(
            found.reviews(),
            [
                format!("0|a b c|1|-|-|-|-|-|{one}:1"),
                format!("1|d e f|0|-|-|-|-|-|{one}:2"),
                format!("2|g h i|0|-|-|-|-|-|{two}:1"),
                format!("3|j k l|1|-|-|-|-|-|{two}:2"),
            ]
        );
    }
    project.write("j/3.jsonl", "{\"text\":\"m n o\",\"stars\":5}\n");
    assert_eq!(
        project.ingest("j/*", "").err().unwrap_or_default(),
        "The columns of `j/3.jsonl` differ from those of the first file | \
         Read only files with the same columns together: the first file has `text`, `label`, this file has `text`, `stars`"
    );
    project.write("m/1.csv", "text,label\na b c,1\nd e f,0\n");
    project.write("m/2.jsonl", "{\"label\":0,\"text\":\"g h i\"}\n");
    let mixed = project.ingest("m/*", "").expect("both");
    assert_eq!(mixed.reviews()[2], "2|g h i|0|-|-|-|-|-|2.jsonl:1");
    // The files of a list are read in the order of the list.
    let listed = project
        .run("source = ['m/2.jsonl', 'm/1*.csv']")
        .expect("both");
    assert_eq!(listed.reviews()[0], "0|g h i|0|-|-|-|-|-|2.jsonl:1");
    assert_eq!(listed.reviews().len(), 3);
}

#[test]
fn a_packed_parquet_table_is_read() {
    let project = Project::new();
    project.write("x.parquet.gz", gzip(&parquet_table()));
    project.write("x.zip", zip(&parquet_table()));
    for name in ["x.parquet.gz", "x.zip"] {
        assert_eq!(project.ingest(name, "").expect(name).reviews().len(), 300);
    }
}

#[test]
fn parquet_columns_of_many_types_are_read() {
    let texts = ["one text here", "two words", "three of them"];
    let bytes: BinaryArray = texts.iter().map(|text| Some(text.as_bytes())).collect();
    let times = TimestampMicrosecondArray::from(vec![Some(1_500_000), None, Some(0)]);
    let views: StringViewArray = ["m", "n", "m"].into_iter().map(Some).collect();
    let stars = Float64Array::from(vec![4.5, 1.0, f64::NAN]);
    let likes = BooleanArray::from(vec![true, false, false]);
    let project = Project::new();
    project.write(
        "x.parquet",
        parquet(vec![
            ("review", Arc::new(bytes)),
            ("likes", Arc::new(likes)),
            ("stars", Arc::new(stars)),
            ("date", Arc::new(times.with_timezone("Europe/Berlin"))),
            ("film", Arc::new(views)),
        ]),
    );
    let settings = "columns = { text = 'review', label = 'likes', rating = 'stars', timestamp = 'date', topic = 'film' }";
    let found = project.ingest("x.parquet", settings).expect("rows");
    assert_eq!(
        found.reviews(),
        [
            "0|one text here|1|-|4.5|-|m|1500|x.parquet:1",
            "1|two words|0|-|1|-|n|-|x.parquet:2",
            // NaN means that the rating is missing.
            "2|three of them|0|-|-|-|m|0|x.parquet:3",
        ]
    );
}

#[test]
fn a_compression_bomb_is_recognised_by_its_ratio() {
    let project = Project::new();
    let bomb = zstd::encode_all(&*vec![b'a'; 101 << 20], 1).expect("memory");
    project.write("x.csv.zst", bomb);
    assert_eq!(
        project.ingest("x.csv.zst", "").err().unwrap_or_default(),
        "`x.csv.zst` unpacks to more than 1,000 times its size, which is not plausible for reviews | \
         If the file is what you expect, unpack it first and use the unpacked file"
    );
}

#[test]
fn an_invalid_first_row_is_an_error() {
    let check = |name: &str, content: String, expected: &str| {
        let project = Project::new();
        project.write(name, content);
        let found = project.ingest(name, "max_text_bytes = 1000").err();
        assert_eq!(found.unwrap_or_default(), expected);
    };
    let hint =
        "Check the start of the file; allow longer texts with `--set ingest.max_text_bytes=NUMBER`";
    let quotes = ", or treat quotes as text with `--set ingest.quotes=false`, or every line as a text with `--set ingest.format=text`";
    check(
        "x.csv",
        format!("\"{}\"\ntext,label\nfine,1\nbad,0\n", "a\n".repeat(100_000)),
        &format!(
            "Failed to read the first row of `x.csv`: it has more than 66536 bytes on lines 1 to 100001 | {hint}{quotes}"
        ),
    );
    check(
        "x.jsonl",
        "{\"text\" \"x\"}\n{nothing}\n".to_owned(),
        &format!(
            "Failed to read the first row of `x.jsonl`: expected `:` at line 1 column 9 | {hint}"
        ),
    );
}
