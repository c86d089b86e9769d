//! A confusion matrix: four numbers, shaded by their share of the class in their row.

use maud::{Markup, html};

use pages::{Size, label, picture, px};

use crate::data::ModelData;
use crate::format;

const CELL: (f64, f64) = (116.0, 64.0);
const LEFT: f64 = 74.0;
const TOP: f64 = 40.0;

/// The confusion matrix of one model. `index` makes its id unique.
pub(crate) fn draw(model: &ModelData, index: usize) -> Markup {
    let confusion = &model.confusion;
    let negative = [confusion.true_negative, confusion.false_positive];
    let positive = [confusion.false_negative, confusion.true_positive];
    let rows = [("negative", negative), ("positive", positive)];
    let description = rows.map(|(class, counts)| {
        let [negative, positive] = counts.map(format::count);
        format!("{class} reviews: {negative} predicted negative, {positive} predicted positive")
    });
    let x = |column: f64| LEFT + CELL.0 * column;
    let content = html! {
        (label((x(1.0), 14.0), "middle", Some("axis-name"), "predicted"))
        (label((LEFT - 8.0, 32.0), "end", Some("axis-name"), "label"))
        (label((x(0.5), 32.0), "middle", None, "negative"))
        (label((x(1.5), 32.0), "middle", None, "positive"))
        @for (row, (class, counts)) in rows.into_iter().enumerate() {
            @let top = TOP + CELL.1 * row as f64;
            (label((LEFT - 8.0, top + CELL.1 / 2.0 + 4.0), "end", None, class))
            @for (column, count) in counts.into_iter().enumerate() {
                (cell((x(column as f64), top), count, counts[0] + counts[1], row == column))
            }
        }
    };
    let size = Size::Fixed(x(2.0) + 4.0, TOP + 2.0 * CELL.1 + 4.0);
    let title = format!("{}: confusion matrix", model.name);
    let id = format!("confusion-{index}");
    picture(&id, &title, description, size, content)
}

fn cell((left, top): (f64, f64), count: u64, total: u64, is_correct: bool) -> Markup {
    let share = count as f64 / total.max(1) as f64;
    let (middle, line) = (left + CELL.0 / 2.0, top + CELL.1 / 2.0);
    let opacity = format!("{:.2}", 0.06 + 0.34 * share);
    html! {
        g {
            rect class=(if is_correct { "correct" } else { "wrong" }) x=(px(left + 1.0)) y=(px(top + 1.0))
                width=(px(CELL.0 - 2.0)) height=(px(CELL.1 - 2.0)) rx="4" fill-opacity=(opacity) {}
            (label((middle, line), "middle", Some("number"), format::count(count)))
            (label((middle, line + 17.0), "middle", Some("share"), format::percent(share)))
        }
    }
}
