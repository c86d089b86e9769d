//! What was called what: four numbers, shaded by their share of the true class.

use artifact::format;
use metrics::Confusion;

use pages::{Element, element};
use pages::{label, picture};

const CELL: (f64, f64) = (116.0, 64.0);
const LEFT: f64 = 74.0;
const TOP: f64 = 40.0;

/// The picture of one model's decisions. `place` makes its id unique.
pub(crate) fn draw(name: &str, confusion: &Confusion, place: usize) -> Element {
    let rows = [
        (
            "negative",
            [confusion.true_negative, confusion.false_positive],
        ),
        (
            "positive",
            [confusion.false_negative, confusion.true_positive],
        ),
    ];
    let (width, height) = (LEFT + 2.0 * CELL.0 + 4.0, TOP + 2.0 * CELL.1 + 4.0);
    let description = rows.map(|(class, [negative, positive])| {
        let (negative, positive) = (format::count(negative), format::count(positive));
        format!("{class} reviews: {negative} called negative, {positive} called positive")
    });
    let title = format!("{name}: decisions by class");
    let mut svg = picture(
        &format!("confusion-{place}"),
        &title,
        &description.join("; "),
    )
    .with("viewBox", format!("0 0 {width} {height}"));
    svg = svg.child(label(LEFT + CELL.0, 14.0, "middle", "called").class("axis-name"));
    svg = svg.child(label(LEFT - 8.0, 32.0, "end", "in fact").class("axis-name"));
    for (column, class) in ["negative", "positive"].into_iter().enumerate() {
        svg = svg.child(label(
            LEFT + CELL.0 * (column as f64 + 0.5),
            32.0,
            "middle",
            class,
        ));
    }
    for (row, (class, counts)) in rows.into_iter().enumerate() {
        let top = TOP + CELL.1 * row as f64;
        svg = svg.child(label(LEFT - 8.0, top + CELL.1 / 2.0 + 4.0, "end", class));
        let total = counts[0] + counts[1];
        for (column, count) in counts.into_iter().enumerate() {
            svg = svg.child(cell(
                LEFT + CELL.0 * column as f64,
                top,
                count,
                total,
                row == column,
            ));
        }
    }
    svg
}

fn cell(left: f64, top: f64, count: u64, total: u64, is_right: bool) -> Element {
    let share = if total == 0 {
        0.0
    } else {
        count as f64 / total as f64
    };
    let middle = left + CELL.0 / 2.0;
    element("g").children([
        element("rect")
            .class(if is_right { "right" } else { "wrong" })
            .at("x", left + 1.0)
            .at("y", top + 1.0)
            .at("width", CELL.0 - 2.0)
            .at("height", CELL.1 - 2.0)
            .with("rx", 4)
            .with("fill-opacity", format!("{:.2}", 0.06 + 0.34 * share)),
        label(middle, top + CELL.1 / 2.0, "middle", format::count(count)).class("number"),
        label(
            middle,
            top + CELL.1 / 2.0 + 17.0,
            "middle",
            format::percent(share),
        )
        .class("share"),
    ])
}
