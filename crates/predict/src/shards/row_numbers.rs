//! Checks that no row was lost or repeated: the numbers of the predicted and the rejected rows together are every
//! number from 1 to the last, once each, in order.

use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};

use artifact::{ArtifactError, Failure, format};
use serde::Deserialize;

use crate::file::OutputFormat;

/// Bytes read at a time.
const BUFFER: usize = 1 << 18;

#[derive(Deserialize)]
struct NumberedRow {
    row: u64,
}

type RowNumbers = Box<dyn Iterator<Item = Result<u64, String>>>;

/// Checks that two files together have all rows from 1 to `last`.
///
/// # Errors
/// A row is missing, repeated or not in order, or a file cannot be read.
pub(super) fn check(
    format: OutputFormat,
    [rows, rejected]: &[PathBuf; 2],
    last: u64,
) -> Result<(), Failure> {
    let open = |path: &Path| {
        let file = File::open(path).map_err(ArtifactError::io("read", path))?;
        Ok::<_, ArtifactError>(BufReader::with_capacity(BUFFER, file))
    };
    let predicted = match format {
        OutputFormat::Csv => read_csv(open(rows)?),
        OutputFormat::JsonLines | OutputFormat::Parquet => read_json(open(rows)?),
    };
    check_all(predicted, read_json(open(rejected)?), last).map_err(|problem| {
        let rows = format::plural(last, "row", "rows");
        let problem = format!("The shards do not contain all of {rows} exactly once: {problem}");
        let hint = "Delete the folder of the shards and run the command again";
        Failure::new(problem).with_hint(hint.to_owned())
    })
}

fn check_all(mut predicted: RowNumbers, mut rejected: RowNumbers, last: u64) -> Result<(), String> {
    let (mut one, mut two) = (predicted.next().transpose()?, rejected.next().transpose()?);
    for expected in 1..=last {
        if one == Some(expected) {
            one = predicted.next().transpose()?;
        } else if two == Some(expected) {
            two = rejected.next().transpose()?;
        } else {
            return Err(format!("row {} is missing", format::count(expected)));
        }
    }
    one.or(two).map_or(Ok(()), |more| {
        let row = format::count(more);
        Err(format!("row {row} is repeated or out of range"))
    })
}

/// The first field of each record after the header.
fn read_csv(input: impl Read + 'static) -> RowNumbers {
    let records = csv::Reader::from_reader(input).into_byte_records();
    Box::new(records.map(|record| {
        let record = record.map_err(|error| error.to_string())?;
        let field = record.get(0).and_then(|field| str::from_utf8(field).ok());
        let number = field.and_then(|field| field.parse().ok());
        number.ok_or_else(|| "a row has no number".to_owned())
    }))
}

fn read_json(input: impl BufRead + 'static) -> RowNumbers {
    Box::new(input.split(b'\n').map(|line| {
        let line = line.map_err(|error| error.to_string())?;
        let row = serde_json::from_slice::<NumberedRow>(&line);
        row.map(|row| row.row).map_err(|error| error.to_string())
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_occurs_exactly_once() {
        let check = |rows: &'static str, rejected: &'static str, last: u64, expected: &str| {
            let found = check_all(
                read_csv(rows.as_bytes()),
                read_json(rejected.as_bytes()),
                last,
            );
            assert_eq!(
                found.err().unwrap_or_default(),
                expected,
                "{rows} {rejected}"
            );
        };
        let all = "row,id\n1,a\n2,\"b\n7,x\"\n4,c\n";
        check(all, "{\"row\":3,\"line\":4}\n{\"row\":5}\n", 5, "");
        check(all, "{\"row\":3}\n", 5, "row 5 is missing");
        check(all, "{\"row\":5}\n", 5, "row 3 is missing");
        check(all, "{\"row\":3}\n", 3, "row 4 is repeated or out of range");
        check("row\n1\n1\n2\n", "", 2, "row 2 is missing");
        check(
            "row\n1\n2\n",
            "{\"row\":2}\n",
            2,
            "row 2 is repeated or out of range",
        );
        check("row\n", "", 0, "");
        check("row\nx\n", "", 1, "a row has no number");
    }
}
