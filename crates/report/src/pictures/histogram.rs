//! A histogram of review lengths.

use maud::{Markup, html};
use pages::{Axis, Frame, px, round_range};

use crate::data::LengthBin;
use crate::format;

const SIZE: (f64, f64) = (400.0, 240.0);

/// One bar per bin; the last bin has no upper end. `None` without reviews.
pub(crate) fn draw(bins: &[LengthBin], unit: &str) -> Option<Markup> {
    let most = bins.iter().map(|bin| bin.rows).max()?;
    if most == 0 {
        return None;
    }
    let (_, top) = round_range([0.0, most as f64], 4)?;
    // All bars have the same width, even if their bins have not.
    let x = Axis::new(unit, (0.0, bins.len() as f64)).without_labels();
    let y = Axis::new("reviews", (0.0, top)).ticks(4);
    let y = y.with_tick_format(Some(|tick| format::count(tick as u64)));
    let frame = Frame::new(SIZE, x, y);
    let width = frame.x.position(1.0) - frame.x.position(0.0);
    // All labels would not fit on a phone.
    let every = bins.len().div_ceil(6);
    let content = html! {
        @for (index, bin) in bins.iter().enumerate() {
            @let (left, top) = (frame.x.position(index as f64), frame.y.position(bin.rows as f64));
            rect.bar.plain x=(px(left + 0.5)) width=(px(width - 1.0)) y=(px(top))
                height=(px(frame.y.position(0.0) - top)) {}
        }
        g.ticks {
            @for (at, bin) in bins.iter().enumerate().step_by(every) { (frame.tick(at as f64, &format::count(bin.from))) }
        }
    };
    let description = bins.iter().map(|bin| {
        let (from, rows) = (format::count(bin.from), format::count(bin.rows));
        let last = bin.to.map(|to| format::count(to.saturating_sub(1)));
        let to = last.map_or("and more".to_owned(), |last| format!("to {last}"));
        format!("{from} {to}: {rows} reviews")
    });
    Some(frame.picture("lengths", "Length of reviews", description, content))
}
