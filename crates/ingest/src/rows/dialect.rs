//! How a file of text marks its fields, told by its first lines.

use super::record::Dialect;

/// Characters that separate fields, the likelier ones first.
const SEPARATORS: [u8; 4] = [b',', b'\t', b';', b'|'];

/// Lines looked at.
const LINES: usize = 50;

/// The dialect of a sample of a file, whose last line may be cut off.
pub(super) fn sniff(sample: &[u8]) -> Dialect {
    let best = SEPARATORS
        .into_iter()
        .map(|separator| (score(sample, separator), separator))
        .max_by(|one, two| {
            one.0
                .total_cmp(&two.0)
                .then(position(two.1).cmp(&position(one.1)))
        });
    let separator = best
        .filter(|(score, _)| *score > 0.0)
        .map_or(b',', |(_, separator)| separator);
    // Tab-separated files escape tabs and do not quote, unless a field begins with a quote.
    let quotes = separator != b'\t' || opens_a_quote(sample, separator);
    Dialect { separator, quotes }
}

fn position(separator: u8) -> Option<usize> {
    SEPARATORS.iter().position(|known| *known == separator)
}

/// How regular the columns are: the share of lines with the commonest number of separators, if that
/// is at least one, and a little more for more columns.
fn score(sample: &[u8], separator: u8) -> f64 {
    let counts = counts(sample, separator);
    let mut sorted = counts.clone();
    sorted.sort_unstable();
    let commonest = sorted
        .chunk_by(|one, two| one == two)
        .max_by_key(|same| same.len())
        .map_or((0, 0), |same| (same[0], same.len()));
    match commonest {
        (0, _) => 0.0,
        (columns, lines) => lines as f64 / counts.len() as f64 + 1e-3 * columns.min(50) as f64,
    }
}

/// Separators outside quotes in each whole record of the sample.
fn counts(sample: &[u8], separator: u8) -> Vec<usize> {
    let (mut counts, mut count, mut quoted, mut at_start) = (Vec::new(), 0, false, true);
    for byte in sample.iter().copied() {
        match byte {
            b'"' if quoted || at_start => quoted = !quoted,
            b'\n' if !quoted => {
                counts.push(count);
                count = 0;
            }
            byte if byte == separator && !quoted => count += 1,
            _ => {}
        }
        at_start = byte == separator || byte == b'\n' || (at_start && byte == b'"');
        if counts.len() == LINES {
            return counts;
        }
    }
    if counts.is_empty() {
        counts.push(count);
    }
    counts
}

fn opens_a_quote(sample: &[u8], separator: u8) -> bool {
    let closes = |rest: &[u8]| rest.contains(&b'"');
    sample.windows(2).enumerate().any(|(at, pair)| {
        (pair[0] == separator || pair[0] == b'\n') && pair[1] == b'"' && closes(&sample[at + 2..])
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_tell() {
        let check = |sample: &str, separator: u8, quotes: bool| {
            let found = sniff(sample.as_bytes());
            assert_eq!(
                (found.separator, found.quotes),
                (separator, quotes),
                "{sample:?}"
            );
        };
        check(
            "review,sentiment\n\"a, b; c\nd\",positive\nx,negative\n",
            b',',
            true,
        );
        check("a;b;c\n1;2,5;3\n4;5,5;6\n", b';', true);
        check(
            "1\t-2.5\tso, so\n2\t3.0\tfine, \"really\" fine\n",
            b'\t',
            false,
        );
        check("id\ttext\n1\t\"a\tb\"\n2\t\"c\"\n", b'\t', true);
        check("a|b\nc, d|e\n", b'|', true);
        check("text\nonly one, column\nhere\n", b',', true);
        check("", b',', true);
        check("text,label", b',', true);
    }
}
