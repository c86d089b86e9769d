use std::path::PathBuf;

use arrow::array::{ListArray, UInt8Array, UInt32Array, UInt64Array};
use arrow::datatypes::UInt16Type;

use super::*;

fn batch(first: u64, rows: &[&[u16]]) -> RecordBatch {
    let count = rows.len() as u64;
    let lists = rows
        .iter()
        .map(|ids| Some(ids.iter().copied().map(Some).collect::<Vec<_>>()));
    let (field, offsets, values, _) =
        ListArray::from_iter_primitive::<UInt16Type, _, _>(lists).into_parts();
    let item = Arc::new(field.as_ref().clone().with_nullable(false));
    RecordBatch::try_new(
        schema::tokens(false),
        vec![
            Arc::new((first..first + count).collect::<UInt64Array>()),
            Arc::new(rows.iter().map(|_| 1).collect::<UInt8Array>()),
            Arc::new(
                rows.iter()
                    .map(|ids| ids.len() as u32)
                    .collect::<UInt32Array>(),
            ),
            Arc::new(ListArray::new(item, offsets, values, None)),
        ],
    )
    .expect("the columns of the schema")
}

fn written(folder: &Path) -> (PathBuf, Vec<RecordBatch>) {
    let path = folder.join("train.arrow");
    let batches = vec![batch(0, &[&[1, 2, 3], &[4]]), batch(2, &[&[65_535, 5]])];
    let rows = write_arrays(&path, &schema::tokens(false), batches.clone()).expect("written");
    assert_eq!(rows, 3);
    (path, batches)
}

#[test]
fn written_batches_are_mapped_back() {
    let folder = tempfile::tempdir().expect("a folder");
    let (path, batches) = written(folder.path());
    // The file stays mapped while a batch of it exists.
    let read = map_arrays(&path, &schema::tokens(false)).expect("mapped");
    assert_eq!(read, batches);
}

#[test]
fn a_file_without_rows_is_valid() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("validation.arrow");
    assert_eq!(
        write_arrays(&path, &schema::tokens(true), []).expect("written"),
        0
    );
    assert!(
        map_arrays(&path, &schema::tokens(true))
            .expect("mapped")
            .is_empty()
    );
}

#[test]
fn other_columns_are_rejected_and_named() {
    let folder = tempfile::tempdir().expect("a folder");
    let (path, _) = written(folder.path());
    let error = map_arrays(&path, &schema::tokens(true))
        .expect_err("ids are narrow")
        .to_string();
    let expected = "column 4 should be `ids` of type List(non-null UInt32) and is `ids` of type List(non-null UInt16)";
    assert!(error.ends_with(expected), "{error}");
    assert!(map_arrays(&path, &schema::embedding(3)).is_err());
}

#[test]
fn a_truncated_file_is_an_error() {
    let folder = tempfile::tempdir().expect("a folder");
    let (path, _) = written(folder.path());
    let bytes = std::fs::read(&path).expect("read");
    for length in 0..bytes.len() {
        let truncated = folder.path().join(format!("{length}.arrow"));
        std::fs::write(&truncated, &bytes[..length]).expect("written");
        assert!(
            map_arrays(&truncated, &schema::tokens(false)).is_err(),
            "truncated after {length} bytes"
        );
    }
}

#[test]
fn a_length_that_points_outside_the_file_is_an_error() {
    let folder = tempfile::tempdir().expect("a folder");
    let (path, _) = written(folder.path());
    let mut bytes = std::fs::read(&path).expect("read");
    let footer = bytes.len() - TRAILER;
    for length in [u32::MAX, i32::MAX as u32, bytes.len() as u32] {
        bytes[footer..footer + 4].copy_from_slice(&length.to_le_bytes());
        std::fs::write(&path, &bytes).expect("written");
        assert!(
            map_arrays(&path, &schema::tokens(false)).is_err(),
            "a footer of {length} bytes"
        );
    }
}
