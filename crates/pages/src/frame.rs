//! The frame of a picture with two axes: scales, grid, tick labels, axis names.

use std::fmt::Display;

use maud::{Markup, html};

use crate::picture::{Size, label, picture, px};
use crate::scale::Scale;

/// Space around the plot for labels, in pixels.
const LEFT: f64 = 46.0;
const RIGHT: f64 = 12.0;
const TOP: f64 = 30.0;
const BOTTOM: f64 = 38.0;

/// Two values, or two positions in pixels: horizontal and vertical.
type Point = (f64, f64);

/// An axis: its name, its range and its ticks.
pub struct Axis<'a> {
    name: &'a str,
    range: (f64, f64),
    ticks: usize,
    format_tick: Option<fn(f64) -> String>,
}

impl<'a> Axis<'a> {
    /// An axis with about five ticks that are labelled with numbers.
    pub fn new(name: &'a str, range: (f64, f64)) -> Self {
        Self {
            name,
            range,
            ticks: 5,
            format_tick: None,
        }
    }

    /// Sets the approximate number of ticks.
    pub fn ticks(self, ticks: usize) -> Self {
        Self { ticks, ..self }
    }

    /// Sets the format of tick labels; `None` prints numbers.
    pub fn with_tick_format(mut self, format_tick: Option<fn(f64) -> String>) -> Self {
        self.format_tick = format_tick;
        self
    }

    /// Removes the tick labels, for an axis that is labelled with [`Frame::tick`].
    pub fn without_labels(self) -> Self {
        self.ticks(1).with_tick_format(Some(|_| String::new()))
    }
}

/// A picture of fixed size with two axes.
pub struct Frame<'a> {
    size: Size,
    width: f64,
    height: f64,
    axes: [Axis<'a>; 2],
    /// From values to pixels, from left to right.
    pub x: Scale,
    /// From values to pixels, from bottom to top.
    pub y: Scale,
}

impl<'a> Frame<'a> {
    /// A frame with its two axes.
    pub fn new((width, height): (f64, f64), x: Axis<'a>, y: Axis<'a>) -> Self {
        Self {
            size: Size::Fixed(width, height),
            width,
            height,
            x: Scale::new(x.range, (LEFT, width - RIGHT)),
            y: Scale::new(y.range, (height - BOTTOM, TOP)),
            axes: [x, y],
        }
    }

    /// Shows the picture larger.
    pub fn broad(mut self) -> Self {
        self.size = Size::Broad(self.width, self.height);
        self
    }

    /// Shows the picture as wide as the page.
    pub fn full(mut self) -> Self {
        self.size = Size::Full(self.width, self.height);
        self
    }

    /// The picture: grid and labels behind `content`, which other methods of the frame draw.
    pub fn picture<D: Display>(
        &self,
        id: &str,
        title: &str,
        description: impl IntoIterator<Item = D>,
        content: Markup,
    ) -> Markup {
        let (left, right, bottom) = (LEFT, self.width - RIGHT, self.height - BOTTOM);
        let [x, y] = &self.axes;
        let ticks = |axis: &Axis<'_>, scale: &Scale| -> Vec<(f64, String)> {
            let write = |tick, text| axis.format_tick.map_or(text, |format| format(tick));
            let ticks = scale.ticks(axis.ticks).into_iter();
            let ticks = ticks.map(|(tick, text)| (scale.position(tick), write(tick, text)));
            ticks.collect()
        };
        let (x_ticks, y_ticks) = (ticks(x, &self.x), ticks(y, &self.y));
        let all = html! {
            g.grid {
                @for (position, _) in &y_ticks { (line((left, *position), (right, *position), None)) }
                @for (position, _) in &x_ticks { (line((*position, bottom), (*position, bottom + 4.0), None)) }
            }
            g.ticks {
                @for (position, text) in &y_ticks { (label((left - 6.0, position + 4.0), "end", None, text)) }
                @for (position, text) in &x_ticks { (label((*position, bottom + 17.0), "middle", None, text)) }
            }
            g.axis {
                (label(((left + right) / 2.0, self.height - 4.0), "middle", None, x.name))
                (label((2.0, 14.0), "start", None, y.name))
            }
            (content)
        };
        picture(id, title, description, self.size, all)
    }

    /// A line through points, interrupted at `None`.
    pub fn path(&self, class: &str, points: impl IntoIterator<Item = Option<Point>>) -> Markup {
        let mut data = String::new();
        let mut is_open = false;
        for point in points {
            if let Some((x, y)) = point {
                data.push(if is_open { 'L' } else { 'M' });
                data += &format!("{} {}", px(self.x.position(x)), px(self.y.position(y)));
            }
            is_open = point.is_some();
        }
        html! { path class=(class) d=(data) {} }
    }

    /// A straight line between two values.
    pub fn segment(&self, class: &str, from: (f64, f64), to: (f64, f64)) -> Markup {
        let position = |(x, y)| (self.x.position(x), self.y.position(y));
        line(position(from), position(to), Some(class))
    }

    /// A dot at a value.
    pub fn dot(&self, class: &str, (x, y): (f64, f64), radius: f64) -> Markup {
        let (x, y) = (self.x.position(x), self.y.position(y));
        html! { circle class=(class) cx=(px(x)) cy=(px(y)) r=(px(radius)) {} }
    }

    /// Text next to a value, shifted right and down by pixels.
    pub fn note(&self, class: &str, at: Point, shift: Point, anchor: &str, text: &str) -> Markup {
        let (x, y) = (self.x.position(at.0), self.y.position(at.1));
        let position = (x + shift.0, y + shift.1);
        label(position, anchor, Some(class), text)
    }

    /// A label below the horizontal axis at a value.
    pub fn tick(&self, x: f64, text: &str) -> Markup {
        let position = (self.x.position(x), self.y.position(self.y.low) + 17.0);
        label(position, "middle", None, text)
    }
}

fn line(from: (f64, f64), to: (f64, f64), class: Option<&str>) -> Markup {
    html! { line class=[class] x1=(px(from.0)) y1=(px(from.1)) x2=(px(to.0)) y2=(px(to.1)) {} }
}
