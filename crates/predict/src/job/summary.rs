//! What came of a file, for people.

use std::path::Path;

use artifact::format;
use metrics::share_of;

use super::Done;

/// What came of a file in a line; `rate` in rows a second, where it was measured.
pub(crate) fn in_words(done: &Done, output: &Path, rejects: &Path, rate: Option<f64>) -> String {
    let count = |rows: u64| format::count(rows);
    let mut text = format!(
        "{}: {} positive, {} negative",
        format::plural(done.rows, "row", "rows"),
        count(done.positive),
        count(done.negative)
    );
    if done.undecided > 0 {
        text.push_str(&format!(", {} undecided", count(done.undecided)));
    }
    if done.rejected > 0 {
        let rejected = count(done.rejected);
        text.push_str(&format!(
            ", {rejected} kept aside in `{}`",
            rejects.display()
        ));
    }
    if let Some(share) = share_of(done.right, done.judged, 0.95) {
        text.push_str(&format!(
            "; {:.2} % of {} with a label right (95 % interval {:.2} to {:.2})",
            100.0 * share.value,
            count(done.judged),
            100.0 * share.low,
            100.0 * share.high
        ));
    }
    if let Some(rate) = rate {
        text.push_str(&format!("; {} a second", count(rate as u64)));
    }
    format!("{text}; `{}`", output.display())
}
