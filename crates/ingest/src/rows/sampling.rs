//! Takes a sample of rows across a whole file, from which columns are detected.

use std::path::Path;

use settings::IngestSettings;
use tables::{Record, Result, Table};

/// Maximum number of rows in the sample ...
const MAX_ROWS: usize = 10_000;

/// ... and their maximum size in bytes, which bounds memory for long rows.
const MAX_BYTES: usize = 32 << 20;

/// Rows of a file at equal distances.
#[derive(Debug, Default)]
pub(super) struct RowSample {
    /// Includes the row with the column names, and damaged rows.
    pub(super) rows: Vec<Record>,
    /// Whether the rows are all rows of the file.
    pub(super) is_whole: bool,
}

impl RowSample {
    /// The rows that `table` has read in advance.
    pub(super) fn first_rows(table: &Table<'_>) -> Self {
        Self {
            rows: table.sample.iter().cloned().collect(),
            is_whole: table.is_complete,
        }
    }

    /// Takes a sample in one pass over the file, and calls `on_read` for every read. Reading ends at damage, which is
    /// reported when the rows are used.
    /// A file that can be read only once, such as a pipe, gives its first rows.
    pub(super) fn read(
        table: &Table<'_>,
        settings: &IngestSettings,
        scratch: &Path,
        on_read: impl Fn(),
    ) -> Result<Self> {
        let is_file = table.path.metadata().is_ok_and(|it| it.is_file());
        if !is_file || table.is_complete {
            return Ok(Self::first_rows(table));
        }
        let mut again = Table::open(&table.path, settings, scratch, |_| on_read())?;
        let (mut rows, mut bytes) = (Vec::<Record>::new(), 0);
        let (mut step, mut number) = (1, 0);
        let mut record = Record::default();
        while let Ok(true) = again.next(&mut record) {
            if number % step == 0 {
                bytes += size(&record);
                rows.push(record.clone());
            }
            number += 1;
            if rows.len() > MAX_ROWS || (bytes > MAX_BYTES && rows.len() > 1) {
                let mut at = 0;
                // The first row, which may contain the column names, stays.
                rows.retain(|_| {
                    at += 1;
                    at % 2 == 1
                });
                bytes = rows.iter().map(size).sum();
                step *= 2;
            }
        }
        Ok(Self {
            rows,
            is_whole: step == 1,
        })
    }
}

fn size(record: &Record) -> usize {
    let columns = 0..record.columns();
    columns.map(|column| record.field(column).len()).sum()
}
