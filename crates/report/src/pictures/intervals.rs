//! Accuracies as dots with confidence intervals. Names and numbers are above each interval, so that they fit on a phone.

use maud::{Markup, PreEscaped, html};
use metrics::Estimate;
use pages::{Scale, Size, picture, px, replace_control_characters, round_range};

use crate::data::ReportData;
use crate::format;

const ROW: f64 = 46.0;
const AXIS: f64 = 34.0;
const TICKS: usize = 5;

/// The style of the standalone SVG file.
const STANDALONE_STYLE: &str = "\
svg{background:#fff;font:14px system-ui,-apple-system,'Segoe UI',Roboto,Helvetica,Arial,sans-serif}\
text{fill:#1c2127}.ticks text,.axis text,.range{fill:#59626d;font-size:12px}.name{font-weight:600}\
.grid line{stroke:#dfe2e6}.track{stroke:#eceef1;stroke-width:2}.whisker{stroke:#0b6aa8;stroke-width:3;stroke-linecap:round}\
.dot{fill:#0b6aa8;stroke:#fff;stroke-width:1.5}";

/// The picture for the page. `None` where no model has an accuracy.
pub(crate) fn draw(data: &ReportData) -> Option<Markup> {
    Some(build(data)?.0)
}

/// The picture as an SVG file with a white background.
pub fn draw_standalone(data: &ReportData) -> Option<String> {
    let (picture, height) = build(data)?;
    let whole = px(height + 32.0);
    Some(replace_control_characters(html! {
        svg xmlns="http://www.w3.org/2000/svg" width="720" height=(whole) viewBox=(format!("0 0 720 {whole}")) {
            style { (PreEscaped(STANDALONE_STYLE)) }
            rect width="100%" height="100%" fill="#fff" {}
            svg x="20" y="16" width="680" height=(px(height)) { (picture) }
        }
    }))
}

/// The picture and its height.
fn build(data: &ReportData) -> Option<(Markup, f64)> {
    // The best one at the top.
    let models = data.by_accuracy().into_iter();
    let estimates = models.filter_map(|(_, model)| Some((&*model.name, model.accuracy()?)));
    let estimates: Vec<(&str, Estimate)> = estimates.collect();
    let ends = estimates.iter().flat_map(|(_, it)| [it.low, it.high]);
    // Percentages of the width, with space for half a tick label at both ends.
    let range = round_range(ends.map(|share| 100.0 * share), TICKS)?;
    let scale = Scale::new(range, (3.0, 97.0));
    let height = ROW * estimates.len() as f64 + AXIS;
    let description = estimates.iter().map(|(name, estimate)| {
        let (value, range) = format::share(*estimate);
        format!("{name}: {value} ({range})")
    });
    let content = html! {
        (axis(&scale, height, data))
        @for (index, (name, estimate)) in estimates.iter().enumerate() {
            (row(&scale, ROW * index as f64, name, *estimate))
        }
    };
    let title = "Accuracy of each model on the test reviews";
    let size = Size::Elastic(height);
    let svg = picture("intervals", title, description, size, content);
    Some((svg, height))
}

fn axis(scale: &Scale, height: f64, data: &ReportData) -> Markup {
    let ticks = scale.ticks(TICKS).into_iter();
    let ticks = ticks.map(|(tick, text)| (percent(scale.position(tick)), text));
    let ticks: Vec<(String, String)> = ticks.collect();
    let bottom = height - AXIS;
    html! {
        g {
            g.grid { @for (x, _) in &ticks { line x1=(x) x2=(x) y1="4" y2=(px(bottom)) {} } }
            g.ticks {
                @for (x, text) in &ticks { text x=(x) y=(px(bottom + 15.0)) text-anchor="middle" { (text) } }
            }
            g.axis {
                text x="50%" y=(px(height - 3.0)) text-anchor="middle" {
                    "accuracy on " (format::count(data.rows)) " test reviews (%), with " (data.ci())
                }
            }
        }
    }
}

fn row(scale: &Scale, top: f64, name: &str, estimate: Estimate) -> Markup {
    let (text_y, line_y) = (px(top + 18.0), px(top + 32.0));
    let position = |share: f64| percent(scale.position(100.0 * share));
    let [low, value, high] = [estimate.low, estimate.value, estimate.high].map(position);
    let (share, range) = format::share(estimate);
    html! {
        g {
            text.name x="3%" y=(text_y) { (name) }
            text x="97%" y=(text_y) text-anchor="end" { tspan { (share) } tspan.range dx="8" { (range) } }
            line.track x1="3%" x2="97%" y1=(line_y) y2=(line_y) {}
            line.whisker x1=(low) x2=(high) y1=(line_y) y2=(line_y) {}
            circle.dot cx=(value) cy=(line_y) r="6" {}
        }
    }
}

fn percent(position: f64) -> String {
    format!("{position:.2}%")
}
