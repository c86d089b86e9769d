//! The frame of a drawing with two axes: scales, grid, tick labels, names of the axes.

use crate::markup::{Element, coordinate, element};
use crate::picture::{label, picture};
use crate::scale::Scale;

/// Room around the plot for labels.
const LEFT: f64 = 46.0;
const RIGHT: f64 = 12.0;
const TOP: f64 = 30.0;
const BOTTOM: f64 = 38.0;

/// How an axis is named and labelled.
pub struct Axis<'a> {
    /// What it measures.
    pub name: &'a str,
    /// About how many ticks.
    pub ticks: usize,
    /// How a tick is written, where not as a plain number.
    pub write: Option<fn(f64) -> String>,
}

impl<'a> Axis<'a> {
    /// An axis whose ticks are plain numbers.
    pub fn new(name: &'a str, ticks: usize) -> Self {
        let write = None;
        Self { name, ticks, write }
    }
}

/// A drawing of fixed size, in pixels of a phone.
pub struct Frame {
    width: f64,
    height: f64,
    /// Places of values from left to right.
    pub x: Scale,
    /// Places of values from bottom to top.
    pub y: Scale,
}

impl Frame {
    /// A frame of a size with its two ranges.
    pub fn new((width, height): (f64, f64), x: (f64, f64), y: (f64, f64)) -> Self {
        Self {
            width,
            height,
            x: Scale::new(x, (LEFT, width - RIGHT)),
            y: Scale::new(y, (height - BOTTOM, TOP)),
        }
    }

    /// The picture with grid and labels, to draw into.
    pub fn picture(
        &self,
        id: &str,
        title: &str,
        description: &str,
        x: &Axis<'_>,
        y: &Axis<'_>,
    ) -> Element {
        let (left, right, bottom) = (LEFT, self.width - RIGHT, self.height - BOTTOM);
        let write = |axis: &Axis<'_>, scale: &Scale, tick: f64| match axis.write {
            Some(write) => write(tick),
            None => scale.tick_text(tick, axis.ticks),
        };
        let mut grid = element("g").class("grid");
        let mut labels = element("g").class("ticks");
        for tick in self.y.ticks(y.ticks) {
            let place = self.y.place(tick);
            grid = grid.child(line((left, place), (right, place)));
            labels = labels.child(label(
                left - 6.0,
                place + 4.0,
                "end",
                write(y, &self.y, tick),
            ));
        }
        for tick in self.x.ticks(x.ticks) {
            let place = self.x.place(tick);
            grid = grid.child(line((place, bottom), (place, bottom + 4.0)));
            labels = labels.child(label(
                place,
                bottom + 17.0,
                "middle",
                write(x, &self.x, tick),
            ));
        }
        let names = element("g")
            .class("axis")
            .child(label(
                (left + right) / 2.0,
                self.height - 4.0,
                "middle",
                x.name,
            ))
            .child(label(2.0, 14.0, "start", y.name));
        picture(id, title, description)
            .with(
                "viewBox",
                format!("0 0 {} {}", coordinate(self.width), coordinate(self.height)),
            )
            .children([grid, labels, names])
    }

    /// A line through points; interrupted where one is missing.
    pub fn path(&self, points: impl IntoIterator<Item = Option<(f64, f64)>>) -> Element {
        let mut data = String::new();
        let mut is_open = false;
        for point in points {
            let Some((x, y)) = point else {
                is_open = false;
                continue;
            };
            data.push(if is_open { 'L' } else { 'M' });
            data.push_str(&coordinate(self.x.place(x)));
            data.push(' ');
            data.push_str(&coordinate(self.y.place(y)));
            is_open = true;
        }
        element("path").with("d", data)
    }

    /// A straight line between two values.
    pub fn segment(&self, from: (f64, f64), to: (f64, f64)) -> Element {
        line(
            (self.x.place(from.0), self.y.place(from.1)),
            (self.x.place(to.0), self.y.place(to.1)),
        )
    }

    /// A dot at a value.
    pub fn dot(&self, (x, y): (f64, f64), radius: f64) -> Element {
        element("circle")
            .at("cx", self.x.place(x))
            .at("cy", self.y.place(y))
            .at("r", radius)
    }

    /// Text beside a value.
    pub fn note(
        &self,
        (x, y): (f64, f64),
        (right, down): (f64, f64),
        anchor: &'static str,
        text: &str,
    ) -> Element {
        label(
            self.x.place(x) + right,
            self.y.place(y) + down,
            anchor,
            text,
        )
    }
}

fn line(from: (f64, f64), to: (f64, f64)) -> Element {
    element("line")
        .at("x1", from.0)
        .at("y1", from.1)
        .at("x2", to.0)
        .at("y2", to.1)
}
