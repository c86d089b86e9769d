//! The proof that no row was lost or doubled: the numbers of the rows that were answered and of those
//! kept aside are together every number from the first to the last, once each, in order.

use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};

use artifact::{ArtifactError, Failure, format};
use serde::Deserialize;

use crate::job::Form;

/// Bytes read at a time.
const BUFFER: usize = 1 << 18;

#[derive(Deserialize)]
struct Numbered {
    row: u64,
}

type Numbers = Box<dyn Iterator<Item = Result<u64, String>>>;

/// Checks that two files have all rows from 1 to the last between them.
///
/// # Errors
/// A row is missing, is there twice or in the wrong place, or a file cannot be read.
pub(super) fn check(form: Form, [rows, rejected]: &[PathBuf; 2], last: u64) -> Result<(), Failure> {
    let open = |path: &Path| {
        let file = File::open(path).map_err(ArtifactError::io("read", path))?;
        Ok::<_, ArtifactError>(BufReader::with_capacity(BUFFER, file))
    };
    let answered = match form {
        Form::Csv => of_csv(open(rows)?),
        Form::JsonLines | Form::Parquet => of_json(open(rows)?),
    };
    consecutive(answered, of_json(open(rejected)?), last).map_err(|problem| {
        let rows = format::plural(last, "row", "rows");
        let problem = format!("The shards do not make one whole of {rows}: {problem}");
        let hint = "Remove the folder of the shards and run the command again";
        Failure::new(problem).with_hint(hint.to_owned())
    })
}

fn consecutive(mut answered: Numbers, mut aside: Numbers, last: u64) -> Result<(), String> {
    let (mut one, mut two) = (answered.next().transpose()?, aside.next().transpose()?);
    for expected in 1..=last {
        if one == Some(expected) {
            one = answered.next().transpose()?;
        } else if two == Some(expected) {
            two = aside.next().transpose()?;
        } else {
            return Err(format!("row {} is missing", format::count(expected)));
        }
    }
    one.or(two).map_or(Ok(()), |more| {
        let row = format::count(more);
        Err(format!("row {row} is there twice, or none of them"))
    })
}

/// The first field of each record behind the header.
fn of_csv(input: impl Read + 'static) -> Numbers {
    let records = csv::Reader::from_reader(input).into_byte_records();
    Box::new(records.map(|record| {
        let record = record.map_err(|error| error.to_string())?;
        let field = record.get(0).and_then(|field| str::from_utf8(field).ok());
        let number = field.and_then(|field| field.parse().ok());
        number.ok_or_else(|| "a row has no number".to_owned())
    }))
}

fn of_json(input: impl BufRead + 'static) -> Numbers {
    Box::new(input.split(b'\n').map(|line| {
        let line = line.map_err(|error| error.to_string())?;
        let row = serde_json::from_slice::<Numbered>(&line);
        row.map(|row| row.row).map_err(|error| error.to_string())
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_is_there_once() {
        let check = |rows: &'static str, aside: &'static str, last: u64, expected: &str| {
            let found = consecutive(of_csv(rows.as_bytes()), of_json(aside.as_bytes()), last);
            assert_eq!(found.err().unwrap_or_default(), expected, "{rows} {aside}");
        };
        let all = "row,id\n1,a\n2,\"b\n7,x\"\n4,c\n";
        check(all, "{\"row\":3,\"line\":4}\n{\"row\":5}\n", 5, "");
        check(all, "{\"row\":3}\n", 5, "row 5 is missing");
        check(all, "{\"row\":5}\n", 5, "row 3 is missing");
        check(
            all,
            "{\"row\":3}\n",
            3,
            "row 4 is there twice, or none of them",
        );
        check("row\n1\n1\n2\n", "", 2, "row 2 is missing");
        check(
            "row\n1\n2\n",
            "{\"row\":2}\n",
            2,
            "row 2 is there twice, or none of them",
        );
        check("row\n", "", 0, "");
        check("row\nx\n", "", 1, "a row has no number");
    }
}
