//! Where a file of rows can be cut, so that several processes read a part of it each.

use std::path::Path;

use settings::IngestSettings;
use stage::{Progress, Task};

use super::open::{RowStart, Rows};
use super::record::Record;
use super::texts::open;
use crate::error::IngestError;
use crate::form::rows_of;
use crate::sink::scratch_folder;

/// Places that are kept in mind while a file is read: enough to cut it well, few enough for memory.
const MOST_MARKS: usize = 1 << 14;

/// A file cut into parts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Division {
    /// Where each part begins, the first one with the first row.
    pub starts: Vec<RowStart>,
    /// Rows of the whole file, those that cannot be read as well.
    pub rows: u64,
    /// Why who reads a part must read all that is before it, if that is so: `it is packed with gzip`.
    pub read_through: Option<String>,
}

/// Cuts a file into so many parts of about the same number of bytes, in a table of rows. Parts begin
/// with a multiple of `unit` rows before them where the file has that many of these; a file of fewer
/// rows than parts has a part for each row.
///
/// Reads the file once and understands nothing of it but where rows end. A table says itself how many
/// rows it has.
///
/// # Errors
/// As for [`crate::read_texts_from`]: the file cannot be read, or its columns are none that are known.
pub fn divide(
    path: &Path,
    settings: &IngestSettings,
    (progress, task): (&Progress, &Task),
    parts: usize,
    unit: u64,
) -> Result<Division, IngestError> {
    let (rows, layout) = open(path, settings, task)?;
    if layout.is_worth_saying() {
        progress.note(&layout.in_words(path));
    }
    let marks = match rows.count() {
        Some(count) => Marks::of_table(count),
        None => marks_of_text(path, layout.header, settings, task)?,
    };
    Ok(Division {
        starts: marks.cuts(parts, unit),
        rows: marks.rows,
        read_through: rows.read_through,
    })
}

fn marks_of_text(
    path: &Path,
    header: bool,
    settings: &IngestSettings,
    task: &Task,
) -> Result<Marks, IngestError> {
    let (kind, scratch) = (rows_of(path, settings)?, scratch_folder()?);
    let mut rows = Rows::begin(path, kind, scratch.path(), settings, task)?;
    let mut record = Record::default();
    if header {
        rows.skip(path, &mut record)?;
    }
    let mut marks = Marks::new();
    loop {
        let (line, offset) = rows.place();
        if !rows.skip(path, &mut record)? {
            marks.end = offset;
            return Ok(marks);
        }
        marks.take(line, offset);
    }
}

/// Where every so many rows of a file begin.
struct Marks {
    starts: Vec<RowStart>,
    /// Rows from one to the next, a power of two.
    step: u64,
    rows: u64,
    /// The offset behind the last row.
    end: u64,
}

impl Marks {
    fn new() -> Self {
        Self {
            starts: Vec::new(),
            step: 1,
            rows: 0,
            end: 0,
        }
    }

    /// Those of a table of so many rows, without a look at them.
    fn of_table(rows: u64) -> Self {
        let step = rows.div_ceil(MOST_MARKS as u64).max(1).next_power_of_two();
        let start = |before: u64| RowStart {
            row: before + 1,
            line: before + 1,
            offset: before,
        };
        Self {
            starts: (0..rows.div_ceil(step))
                .map(|mark| start(mark * step))
                .collect(),
            step,
            rows,
            end: rows,
        }
    }

    /// Takes note of the next row.
    fn take(&mut self, line: u64, offset: u64) {
        let before = self.rows;
        self.rows += 1;
        if before.is_multiple_of(self.step) && self.starts.len() == MOST_MARKS {
            self.step *= 2;
            let step = self.step;
            self.starts
                .retain(|start| (start.row - 1).is_multiple_of(step));
        }
        if before.is_multiple_of(self.step) {
            let row = before + 1;
            self.starts.push(RowStart { row, line, offset });
        }
    }

    /// The starts of so many parts of about the same number of bytes, see [`divide`].
    fn cuts(&self, parts: usize, unit: u64) -> Vec<RowStart> {
        let whole = |start: &&RowStart| (start.row - 1).is_multiple_of(unit);
        let units: Vec<RowStart> = self.starts.iter().filter(whole).copied().collect();
        let places = match units.len() >= parts {
            true => &units,
            false => &self.starts,
        };
        let parts = parts.min(places.len());
        let Some(first) = places.first() else {
            return Vec::new();
        };
        let (mut cuts, mut place) = (vec![*first], 0);
        for part in 1..parts {
            let bytes = u128::from(self.end - first.offset) * part as u128 / parts as u128;
            let wanted = first.offset + bytes as u64;
            // A part has at least one place, and leaves one for each of those behind it.
            let open = place + 1..=places.len() - (parts - part);
            let distance = |place: &usize| places[*place].offset.abs_diff(wanted);
            place = open.min_by_key(distance).unwrap_or(place);
            cuts.push(places[place]);
        }
        cuts
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn marks(lengths: impl IntoIterator<Item = u64>) -> Marks {
        let mut marks = Marks::new();
        let mut offset = 10;
        for (row, length) in lengths.into_iter().enumerate() {
            marks.take(row as u64 + 2, offset);
            offset += length;
        }
        marks.end = offset;
        marks
    }

    fn rows(starts: &[RowStart]) -> Vec<u64> {
        starts.iter().map(|start| start.row).collect()
    }

    #[test]
    fn parts_have_about_the_same_number_of_bytes() {
        let check = |marks: &Marks, parts: usize, unit: u64, expected: &[u64]| {
            assert_eq!(rows(&marks.cuts(parts, unit)), expected, "{parts} {unit}");
        };
        let even = marks([100; 12]);
        check(&even, 3, 100, &[1, 5, 9]);
        check(&even, 1, 100, &[1]);
        check(&even, 12, 100, &[1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]);
        check(&even, 50, 100, &[1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]);
        // Whole units where there are enough of them.
        check(&even, 3, 3, &[1, 4, 10]);
        check(&even, 4, 3, &[1, 4, 7, 10]);
        check(&even, 5, 3, &[1, 3, 6, 8, 11]);
        // One row that holds nearly all does not leave the others without one.
        check(&marks([1, 1, 1, 9000]), 4, 100, &[1, 2, 3, 4]);
        check(&marks([9000, 1, 1, 1]), 4, 100, &[1, 2, 3, 4]);
        check(&marks([]), 4, 100, &[]);
        check(&Marks::of_table(10), 2, 100, &[1, 6]);
    }

    #[test]
    fn many_rows_are_marked_every_so_often() {
        let rows = 5 * MOST_MARKS as u64 + 3;
        let found = marks((0..rows).map(|_| 7));
        assert_eq!((found.rows, found.step), (rows, 8));
        assert!(found.starts.len() <= MOST_MARKS);
        for start in &found.starts {
            assert_eq!((start.row - 1) % 8, 0);
            assert_eq!(
                (start.line, start.offset),
                (start.row + 1, 3 + 7 * start.row)
            );
        }
        assert_eq!(found.starts.last().map(|start| start.row), Some(rows - 2));
        let table = Marks::of_table(rows);
        assert_eq!((table.step, table.starts.len()), (8, found.starts.len()));
    }
}
