//! Tests of tables that are much larger than their file, and of several row groups.

use std::fs;

use arrow::array::{Date32Array, DictionaryArray, Int32Array, Int64Array, StringArray};
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_writer::ArrowWriterOptions;
use parquet::basic::{BrotliLevel, GzipLevel, ZstdLevel};
use parquet::file::properties::{WriterProperties, WriterPropertiesBuilder};

use super::*;

fn written(columns: Vec<(&str, ArrayRef)>, properties: WriterPropertiesBuilder) -> File {
    let file = tempfile::tempfile().expect("a file");
    let batch = RecordBatch::try_from_iter(columns).expect("columns of one length");
    let own = file.try_clone().expect("a second handle");
    let options = ArrowWriterOptions::new()
        .with_properties(properties.build())
        .with_skip_arrow_metadata(true);
    let writer = ArrowWriter::try_new_with_options(own, batch.schema(), options);
    let mut writer = writer.expect("a table");
    writer.write(&batch).expect("written");
    writer.close().expect("written");
    file
}

fn zstd_properties() -> WriterPropertiesBuilder {
    WriterProperties::builder()
        .set_compression(Compression::ZSTD(Default::default()))
        .set_dictionary_page_size_limit(1 << 30)
}

fn open(file: File, row: usize) -> Result<ParquetReader, InputError> {
    let size = file.metadata().expect("a file").len();
    let all = Limit::new(size, u64::MAX);
    ParquetReader::open(Path::new("x"), file, row, all)
}

/// One text many times, stored in memory once.
fn repeated(text: &str, count: usize) -> ArrayRef {
    let keys = Int32Array::from(vec![0; count]);
    let values = StringArray::from(vec![text]);
    Arc::new(DictionaryArray::new(keys, Arc::new(values)))
}

/// The rows as text. A row that is too long ends in an ellipsis.
fn rows(reader: &mut ParquetReader) -> io::Result<Vec<String>> {
    let mut record = Record::default();
    let mut found = Vec::new();
    while reader.read(&mut record, false)? == ReadOutcome::Record {
        let text = String::from_utf8_lossy(&record.joined()).replace('\t', "|");
        let end = if record.oversize { "…" } else { "" };
        found.push(format!("{}: {text}{end}", record.line));
    }
    Ok(found)
}

/// Peak memory of this process in MiB.
fn peak_memory() -> usize {
    let status = fs::read_to_string("/proc/self/status").expect("Linux");
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let size = line.expect("a line").trim().trim_end_matches(" kB");
    size.parse::<usize>().expect("a number") >> 10
}

#[test]
fn a_repeated_text_takes_little_memory() {
    let text = "good film ".repeat(150_000);
    let column = || repeated(&text, 128);
    let shared = zstd_properties();
    let prefixed = zstd_properties()
        .set_dictionary_enabled(false)
        .set_encoding(Encoding::DELTA_BYTE_ARRAY);
    for properties in [shared, prefixed] {
        let file = written(vec![("text", column()), ("title", column())], properties);
        let size = file.metadata().expect("a file").len();
        assert!(size < 100 << 10, "{size} bytes");
        let before = peak_memory();
        let found = rows(&mut open(file, 1000).expect("sound")).expect("read");
        assert!(found.len() == 128 && found.iter().all(|row| row.ends_with('…')));
        let grown = peak_memory() - before;
        assert!(grown < 150, "{grown} MiB more");
    }
}

#[test]
fn all_rows_together_are_limited() {
    let text = "good film ".repeat(100_000);
    let file = written(vec![("text", repeated(&text, 300))], zstd_properties());
    let mut reader = open(file, 2 << 20).expect("sound");
    let error = rows(&mut reader).map(drop);
    let error = error.expect_err("300 MB in a file of a few kB");
    assert!(error.to_string().contains("1000 times"), "{error}");
    assert!(reader.bytes < 110 << 20, "{}", reader.bytes);
}

#[test]
fn rows_of_several_groups_are_read_in_order() {
    let count = 3000;
    let text = |row: usize| (!row.is_multiple_of(7)).then(|| "é ".repeat(row % 600));
    let texts: StringArray = (0..count).map(text).collect();
    let dates = Date32Array::from_iter_values(0..count as i32);
    let numbers: Int64Array = (0..count as i64)
        .map(|row| (row % 3 != 1).then_some(row))
        .collect();
    let file = written(
        vec![
            ("text", Arc::new(texts)),
            ("date", Arc::new(dates)),
            ("number", Arc::new(numbers)),
        ],
        WriterProperties::builder().set_max_row_group_row_count(Some(700)),
    );
    let mut reader = open(file, 1000).expect("sound");
    assert_eq!(reader.names, ["text", "date", "number"]);
    let all = rows(&mut reader).expect("read");
    assert_eq!(all.len(), count);
    assert_eq!(all[2], "3: é é |1970-01-03|2");
    assert_eq!(all[7], "8: |1970-01-08|");
    // 1,002 bytes of text exceed the limit.
    assert!(all[334].starts_with("335: é é ") && all[334].ends_with('…'));
    assert_eq!(reader.count, count as u64);
}

#[test]
fn only_supported_compressions_are_accepted() {
    for read in [
        Compression::UNCOMPRESSED,
        Compression::SNAPPY,
        Compression::ZSTD(ZstdLevel::default()),
    ] {
        assert_eq!(unsupported(read), None, "{read}");
    }
    for (other, name) in [
        (Compression::GZIP(GzipLevel::default()), "gzip"),
        (Compression::BROTLI(BrotliLevel::default()), "Brotli"),
        (Compression::LZ4, "LZ4"),
        (Compression::LZ4_RAW, "LZ4"),
        (Compression::LZO, "LZO"),
    ] {
        let message = unsupported(other).unwrap_or_default();
        assert!(message.ends_with(name), "{other}: {message}");
    }
}
