//! How long reviews are.

use artifact::format;

use crate::data::LengthBin;
use pages::{Axis, Frame};
use pages::{Element, element};

const SIZE: (f64, f64) = (400.0, 240.0);

/// A histogram with one bar per bin; the last bin is open. `None` without reviews.
pub(crate) fn draw(bins: &[LengthBin], unit: &str) -> Option<Element> {
    let most = bins
        .iter()
        .map(|bin| bin.rows)
        .max()
        .filter(|most| *most > 0)?;
    let top = pages::round_range([0.0, most as f64], 4)?.1;
    // Bars are of one width, whatever their bins hold; the labels say what they stand for.
    let frame = Frame::new(SIZE, (0.0, bins.len() as f64), (0.0, top));
    let x = Axis {
        name: unit,
        ticks: 1,
        write: Some(|_| String::new()),
    };
    let y = Axis {
        name: "reviews",
        ticks: 4,
        write: Some(|tick| format::count(tick as u64)),
    };
    let description = bins
        .iter()
        .map(|bin| format!("{}: {} reviews", in_words(bin), format::count(bin.rows)));
    let mut svg = frame.picture(
        "lengths",
        "Length of reviews",
        &description.collect::<Vec<_>>().join("; "),
        &x,
        &y,
    );
    // Every label would be too many on a phone.
    let every = bins.len().div_ceil(6);
    let mut labels = element("g").class("ticks");
    for (place, bin) in bins.iter().enumerate() {
        let (left, right) = (
            frame.x.place(place as f64),
            frame.x.place(place as f64 + 1.0),
        );
        let height = frame.y.place(0.0) - frame.y.place(bin.rows as f64);
        svg = svg.child(
            element("rect")
                .class("bar plain")
                .at("x", left + 0.5)
                .at("width", right - left - 1.0)
                .at("y", frame.y.place(bin.rows as f64))
                .at("height", height),
        );
        if place % every == 0 {
            let text = format::count(bin.from);
            labels = labels.child(frame.note((place as f64, 0.0), (0.0, 17.0), "middle", &text));
        }
    }
    Some(svg.child(labels))
}

fn in_words(bin: &LengthBin) -> String {
    match bin.to {
        Some(to) => format!(
            "{} to {}",
            format::count(bin.from),
            format::count(to.saturating_sub(1))
        ),
        None => format!("{} and more", format::count(bin.from)),
    }
}
