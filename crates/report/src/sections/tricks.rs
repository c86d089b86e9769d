//! Where the models are not to be trusted: texts that were written to trick them, and kinds of reviews
//! that they do worse on.

use artifact::format;
use metrics::{Estimate, share_of};

use crate::data::{ChallengedModel, Mistake, ReportData, SliceData};
use crate::numbers;
use crate::words;
use pages::{Element, element};
use pages::{cell, heading, number, number_heading, paragraph, row_heading, section, table};

/// The section; nothing where nothing was asked.
pub(crate) fn draw(data: &ReportData) -> Option<Element> {
    if data.challenge.capabilities.is_empty() && data.slices.is_empty() {
        return None;
    }
    let mut part = section("trust", "Where not to trust them");
    if !data.challenge.capabilities.is_empty() {
        part = part.children(challenge(data));
    }
    if !data.slices.is_empty() {
        part = part
            .child(element("h3").text("Kinds of reviews"))
            .child(slices(data))
            .child(numbers::slices(data).link());
    }
    Some(part.children(mistakes(data)))
}

/// The model that failed least, and its share of failures.
pub(crate) fn least_tricked(data: &ReportData) -> Option<(&ChallengedModel, f64)> {
    let cases = data.challenge.capabilities.first()?.1;
    let failed = |model: &&ChallengedModel| model.failed.first().copied().unwrap_or(0);
    let model = data.challenge.models.iter().min_by_key(failed)?;
    Some((model, failed(&model) as f64 / cases.max(1) as f64))
}

fn challenge(data: &ReportData) -> Vec<Element> {
    let set = &data.challenge;
    let cases = set.capabilities[0].1;
    let mut text = format!(
        "{} written to trick a model, by what each asks of it. A text fails when it gets the wrong label; the second of \
         a pair, too, when it does not relate to the first as it should.",
        format::plural(cases, "text", "texts")
    );
    if let Some((model, share)) = least_tricked(data) {
        text += &format!(
            " {} fails least: {} of them.",
            model.name,
            format::percent(share)
        );
    }
    let seen = set.models.iter().map(|model| model.seen).max().unwrap_or(0);
    text += &if seen == 0 {
        " None of the texts stands in the training reviews.".to_owned()
    } else {
        let without = set.models.iter().map(|model| {
            format!(
                "{} {}",
                model.name,
                format::percent(model.unseen.1 as f64 / model.unseen.0.max(1) as f64)
            )
        });
        format!(
            " {} of them stand in the training reviews; without those fail: {}.",
            format::count(seen),
            without.collect::<Vec<_>>().join(", ")
        )
    };
    let headings = [heading("asks for"), number_heading("texts")].into_iter();
    let headings = headings.chain(set.models.iter().map(|model| number_heading(&model.name)));
    let rows = set
        .capabilities
        .iter()
        .enumerate()
        .map(|(place, (name, cases))| {
            let mut cells = vec![row_heading(name.replace('_', " ")), number(cases)];
            cells.extend(set.models.iter().map(|model| {
                let failed = model.failed.get(place).copied().unwrap_or(0);
                number(format::percent(failed as f64 / (*cases).max(1) as f64))
            }));
            cells
        });
    let caption = "Share of texts that each model fails, by what they ask for";
    let mut parts = vec![
        element("h3").text("Tricks"),
        paragraph(text),
        table(caption, headings, rows),
        numbers::tricks(data).link(),
    ];
    if let Some((model, _)) = least_tricked(data).filter(|(model, _)| !model.examples.is_empty()) {
        let headings = [
            heading("asks for"),
            heading("text"),
            heading("is"),
            number_heading("positive, it says"),
        ];
        let rows = model.examples.iter().map(|example| {
            vec![
                row_heading(example.capability.replace('_', " ")),
                cell("")
                    .class("wide")
                    .child(element("span").class("quote").text(&example.text)),
                cell(&example.label),
                number(format::percent(f64::from(example.probability))),
            ]
        });
        let caption = format!("{}: of each kind the failure it is surest of", model.name);
        parts.push(table(&caption, headings, rows));
    }
    parts
}

/// Slices in the order of the best model's accuracy, the worst first.
fn slices(data: &ReportData) -> Element {
    let place = data
        .best()
        .and_then(|(best, _)| data.models.iter().position(|model| model.name == best.name));
    let place = place.unwrap_or(0);
    let share = |slice: &SliceData, place: usize| -> Option<Estimate> {
        share_of(*slice.right.get(place)?, slice.rows, data.confidence)
    };
    let mut order: Vec<&SliceData> = data.slices.iter().collect();
    let value = |slice: &SliceData| share(slice, place).map_or(1.0, |share| share.value);
    order.sort_by(|one, two| value(one).total_cmp(&value(two)));
    let headings = [heading("reviews"), number_heading("how many")].into_iter();
    let headings = headings.chain(data.models.iter().map(|model| number_heading(&model.name)));
    let rows = order.into_iter().map(|slice| {
        let mut cells = vec![row_heading(&slice.name), number(format::count(slice.rows))];
        cells.extend(
            (0..data.models.len()).map(|place| match share(slice, place) {
                Some(estimate) => {
                    let (share, range) = words::share(estimate);
                    number(share).child(element("span").class("range").text(range))
                }
                None => number("-"),
            }),
        );
        cells
    });
    let name = data
        .models
        .get(place)
        .map_or("", |model| model.name.as_str());
    let caption = format!(
        "Accuracy on kinds of test reviews, where {name} does worst first; {} intervals (Wilson). Kinds overlap.",
        words::confidence(data.confidence)
    );
    table(&caption, headings, rows)
}

fn mistakes(data: &ReportData) -> Vec<Element> {
    let Some((best, _)) = data.best() else {
        return Vec::new();
    };
    let others = data.models.len() - 1;
    let list = |caption: &str, mistakes: &[Mistake]| {
        let headings = [
            heading("review"),
            heading("label"),
            number_heading("positive, it says"),
            number_heading("others right"),
        ];
        let rows = mistakes.iter().map(|mistake| {
            vec![
                cell("").class("wide").child(marked(mistake)),
                cell(&mistake.label),
                number(format::percent(mistake.probability)),
                number(format!("{} of {others}", mistake.others_right)),
            ]
        });
        table(caption, headings, rows)
    };
    let mut parts = Vec::new();
    if !data.mistakes.is_empty() {
        parts.push(element("h3").text("The surest mistakes"));
        if data
            .mistakes
            .iter()
            .any(|mistake| !mistake.words.is_empty())
        {
            let explainer = data.explained_by.as_deref().unwrap_or(&best.name);
            parts.push(marks(explainer));
        }
        parts.push(list(
            &format!(
                "Test reviews that {} is surest of and wrong about",
                best.name
            ),
            &data.mistakes,
        ));
    }
    let (count, shown) = &data.doubtful;
    if !shown.is_empty() {
        let text = format!(
            "{} of {} test reviews are probably labelled wrong, by confident learning on what {} says of them: the \
             probability of the other class is at least what reviews of that class usually have. Nothing was changed.",
            format::count(*count),
            format::count(data.rows),
            best.name
        );
        parts.push(element("h3").text("Labels in doubt"));
        parts.push(paragraph(text));
        if data
            .mistakes
            .iter()
            .map(|mistake| &mistake.text)
            .ne(shown.iter().map(|mistake| &mistake.text))
        {
            parts.push(list("The clearest of them", shown));
        }
    }
    parts
}

/// What the marks mean.
fn marks(explainer: &str) -> Element {
    paragraph(format!("Marked is what drove {explainer}: "))
        .child(element("mark").class("for-2").text("for positive"))
        .text(", ")
        .child(element("mark").class("against-2").text("for negative"))
        .text(
            ", stronger where it counted more; point at a word for its weight in the log-odds. A review is shown where \
             most of the weight is.",
        )
}

/// A review with its words marked.
fn marked(mistake: &Mistake) -> Element {
    let mut quote = element("span").class("quote");
    let mut written = 0;
    for word in &mistake.words {
        let class = match (word.weight >= 0.0, word.strength.abs()) {
            (true, strength) if strength >= 0.6 => "for-3",
            (true, strength) if strength >= 0.3 => "for-2",
            (true, _) => "for-1",
            (false, strength) if strength >= 0.6 => "against-3",
            (false, strength) if strength >= 0.3 => "against-2",
            (false, _) => "against-1",
        };
        let mark = element("mark")
            .class(class)
            .with("title", format!("{:+.2}", word.weight))
            .text(&mistake.text[word.place.clone()]);
        quote = quote
            .text(&mistake.text[written..word.place.start])
            .child(mark);
        written = word.place.end;
    }
    quote.text(&mistake.text[written..])
}
