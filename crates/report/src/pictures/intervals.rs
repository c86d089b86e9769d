//! Accuracies as dots with whiskers: the picture that answers which model is better, and how sure
//! that is. Names and numbers stand above each whisker, so it reads on a phone as on a wall.

use metrics::Estimate;

use crate::data::ReportData;
use crate::words;
use pages::picture;
use pages::{Element, element};
use pages::{Scale, round_range};

const ROW: f64 = 46.0;
const AXIS: f64 = 34.0;
const TICKS: usize = 5;

/// The style of the picture where it stands alone, outside the page.
const ALONE: &str = "\
svg{background:#fff;font:14px system-ui,-apple-system,'Segoe UI',Roboto,Helvetica,Arial,sans-serif}\
text{fill:#1c2127}.ticks text,.axis text,.range{fill:#59626d;font-size:12px}.name{font-weight:600}\
.grid line{stroke:#dfe2e6}.track{stroke:#eceef1;stroke-width:2}.whisker{stroke:#0b6aa8;stroke-width:3;stroke-linecap:round}\
.dot{fill:#0b6aa8;stroke:#fff;stroke-width:1.5}";

/// The picture in the page: as wide as its place. `None` where no model has an accuracy.
pub(crate) fn draw(data: &ReportData) -> Option<Element> {
    let (svg, height) = build(data, "intervals")?;
    Some(
        svg.class("elastic")
            .with("width", "100%")
            .with("height", height),
    )
}

/// The same picture as a file of its own, on white.
pub fn draw_alone(data: &ReportData) -> Option<String> {
    let (svg, height) = build(data, "intervals")?;
    let inner = svg
        .with("x", 20)
        .with("y", 16)
        .with("width", 680)
        .with("height", height);
    let whole = element("svg")
        .with("xmlns", "http://www.w3.org/2000/svg")
        .with("width", 720)
        .with("height", height + 32.0)
        .with("viewBox", format!("0 0 720 {}", height + 32.0))
        .child(element("style").style_sheet(ALONE))
        .child(
            element("rect")
                .with("width", "100%")
                .with("height", "100%")
                .with("fill", "#fff"),
        )
        .child(inner);
    Some(whole.render())
}

fn build(data: &ReportData, id: &str) -> Option<(Element, f64)> {
    let mut estimates: Vec<(&str, Estimate)> = data
        .models
        .iter()
        .filter_map(|model| Some((model.name.as_str(), model.accuracy()?)))
        .collect();
    // The best at the top; models that are equal stay in the order of the pipeline file.
    estimates.sort_by(|one, two| two.1.value.total_cmp(&one.1.value));
    let ends = estimates
        .iter()
        .flat_map(|(_, estimate)| [100.0 * estimate.low, 100.0 * estimate.high]);
    // Percentages of the width, with room for half a tick label at both ends.
    let scale = Scale::new(round_range(ends, TICKS)?, (3.0, 97.0));
    let height = ROW * estimates.len() as f64 + AXIS;
    let description = estimates.iter().map(|(name, estimate)| {
        let (value, range) = words::share(*estimate);
        format!("{name}: {value} ({range})")
    });
    let title = "Accuracy of each model on the test reviews";
    let mut svg = picture(id, title, &description.collect::<Vec<_>>().join("; "));
    svg = svg.child(axis(&scale, height, data));
    for (place, (name, estimate)) in estimates.iter().enumerate() {
        svg = svg.child(row(&scale, ROW * place as f64, name, *estimate));
    }
    Some((svg, height))
}

fn axis(scale: &Scale, height: f64, data: &ReportData) -> Element {
    let mut grid = element("g").class("grid");
    let mut labels = element("g").class("ticks");
    for tick in scale.ticks(TICKS) {
        let x = percent(scale.place(tick));
        let line = element("line")
            .with("x1", &x)
            .with("x2", &x)
            .at("y1", 4.0)
            .at("y2", height - AXIS);
        grid = grid.child(line);
        let text = element("text")
            .with("x", &x)
            .at("y", height - AXIS + 15.0)
            .with("text-anchor", "middle");
        labels = labels.child(text.text(scale.tick_text(tick, TICKS)));
    }
    let name = format!(
        "% of {} test reviews right, with {} intervals",
        artifact::format::count(data.rows),
        words::confidence(data.confidence)
    );
    let name = element("text")
        .with("x", "50%")
        .at("y", height - 3.0)
        .with("text-anchor", "middle")
        .text(name);
    element("g")
        .children([grid, labels])
        .child(element("g").class("axis").child(name))
}

fn row(scale: &Scale, top: f64, name: &str, estimate: Estimate) -> Element {
    let (text_y, line_y) = (top + 18.0, top + 32.0);
    let [low, value, high] = [estimate.low, estimate.value, estimate.high]
        .map(|share| percent(scale.place(100.0 * share)));
    let horizontal = |class, from: &str, to: &str| {
        element("line")
            .class(class)
            .with("x1", from)
            .with("x2", to)
            .at("y1", line_y)
            .at("y2", line_y)
    };
    let (share, range) = words::share(estimate);
    let numbers = element("text")
        .with("x", "97%")
        .at("y", text_y)
        .with("text-anchor", "end")
        .child(element("tspan").text(share))
        .child(element("tspan").class("range").with("dx", 8).text(range));
    element("g").children([
        element("text")
            .class("name")
            .with("x", "3%")
            .at("y", text_y)
            .text(name),
        numbers,
        horizontal("track", "3%", "97%"),
        horizontal("whisker", &low, &high),
        element("circle")
            .class("dot")
            .with("cx", value)
            .at("cy", line_y)
            .at("r", 6.0),
    ])
}

fn percent(place: f64) -> String {
    format!("{place:.2}%")
}
