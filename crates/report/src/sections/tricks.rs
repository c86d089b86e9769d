//! Where the models are not to be trusted: texts that were written to trick them, and kinds of reviews
//! that they do worse on.

use artifact::format;
use maud::{Markup, html};
use pages::{Table, paragraph, quote, section, with_detail};

use crate::data::{ChallengedModel, Mistake, ModelData, ReportData, SliceData, TrickExample};
use crate::numbers;
use crate::words;

/// The section; nothing where nothing was asked.
pub(crate) fn draw(data: &ReportData) -> Option<Markup> {
    if data.challenge.capabilities.is_empty() && data.slices.is_empty() {
        return None;
    }
    let content = html! {
        @if !data.challenge.capabilities.is_empty() { (challenge(data)) }
        @if !data.slices.is_empty() {
            h3 { "Kinds of reviews" }
            (slices(data))
            (numbers::slices(data))
        }
        @if let Some((best, _)) = data.best() { (mistakes(data, best)) (doubtful(data, best)) }
    };
    Some(section("trust", "Where not to trust them", content))
}

/// The model that failed least, and its share of failures.
pub(crate) fn least_tricked(data: &ReportData) -> Option<(&ChallengedModel, f64)> {
    let set = &data.challenge;
    let model = set.models.iter().min_by_key(|model| model.failed.first())?;
    Some((model, set.share(model, 0)))
}

fn challenge(data: &ReportData) -> Markup {
    let set = &data.challenge;
    let least = least_tricked(data);
    let mut text = format!(
        "{} written to trick a model, by what each asks of it. A text fails when it gets the wrong label; the second of \
         a pair, too, when it does not relate to the first as it should.",
        format::plural(set.capabilities[0].1, "text", "texts")
    );
    if let Some((model, share)) = least {
        let share = format::percent(share);
        text += &format!(" {} fails least: {share} of them.", model.name);
    }
    let seen = set.models.iter().map(|model| model.seen).max().unwrap_or(0);
    if seen == 0 {
        text += " None of the texts stands in the training reviews.";
    } else {
        let without = set.models.iter().map(|model| {
            let share = model.unseen.1 as f64 / model.unseen.0.max(1) as f64;
            format!("{} {}", model.name, format::percent(share))
        });
        let (seen, without) = (format::count(seen), words::join(without, ", "));
        text += &format!(
            " {seen} of them stand in the training reviews; without those fail: {without}."
        );
    }
    let caption = "Share of texts that each model fails, by what they ask for";
    let mut table = Table::new(caption, set.capabilities.iter().enumerate())
        .names("asks for", |(_, (name, _))| name.replace('_', " "))
        .numbers("texts", |(_, (_, cases))| *cases);
    for model in &set.models {
        let share = |(place, _)| format::percent(set.share(model, place));
        table = table.numbers(&model.name, share);
    }
    html! {
        h3 { "Tricks" }
        (paragraph(text))
        (table)
        (numbers::tricks(data))
        @if let Some((model, _)) = least && !model.examples.is_empty() { (examples(model)) }
    }
}

fn examples(model: &ChallengedModel) -> Table<&TrickExample> {
    let caption = format!("{}: of each kind the failure it is surest of", model.name);
    let share = |probability: f32| format::percent(probability.into());
    Table::new(caption, &model.examples)
        .names("asks for", |it| it.capability.replace('_', " "))
        .texts("text", |it| quote(&it.text))
        .words("is", |it| &it.label)
        .numbers("positive, it says", |it| share(it.probability))
}

/// Slices in the order of the best model's accuracy, the worst first.
fn slices(data: &ReportData) -> Table<&SliceData> {
    let best = data.best().map(|(best, _)| best).or(data.models.first());
    let name = best.map_or("", |model| model.name.as_str());
    let place = data.place(name).unwrap_or(0);
    let caption = format!(
        "Accuracy on kinds of test reviews, where {name} does worst first; {} intervals (Wilson). Kinds overlap.",
        words::confidence(data.confidence)
    );
    let mut table = Table::new(caption, data.worst_slices(place))
        .names("reviews", |slice| &slice.name)
        .numbers("how many", |slice| format::count(slice.rows));
    for (place, model) in data.models.iter().enumerate() {
        let share = |slice: &SliceData| slice.share(place, data.confidence);
        let share = |slice| share(slice).map(|it| with_detail(words::share(it)));
        table = table.numbers(&model.name, |it| share(it).unwrap_or(html! { "-" }));
    }
    table
}

fn mistakes(data: &ReportData, best: &ModelData) -> Markup {
    let name = &best.name;
    let caption = format!("Test reviews that {name} is surest of and wrong about");
    html! {
        @if !data.mistakes.is_empty() {
            h3 { "The surest mistakes" }
            @if data.mistakes.iter().any(|mistake| !mistake.words.is_empty()) {
                p {
                    "Marked is what drove " (data.explained_by.as_deref().unwrap_or(&best.name)) ": "
                    mark.for-2 { "for positive" } ", " mark.against-2 { "for negative" }
                    ", stronger where it counted more; point at a word for its weight in the log-odds. A review is \
                     shown where most of the weight is."
                }
            }
            (list(data, caption, &data.mistakes))
        }
    }
}

fn doubtful(data: &ReportData, best: &ModelData) -> Markup {
    let (count, shown) = &data.doubtful;
    let texts = data.mistakes.iter().map(|mistake| &mistake.text);
    let are_shown = texts.eq(shown.iter().map(|mistake| &mistake.text));
    html! {
        @if !shown.is_empty() {
            h3 { "Labels in doubt" }
            (paragraph(format!(
                "{} of {} test reviews are probably labelled wrong, by confident learning on what {} says of them: the \
                 probability of the other class is at least what reviews of that class usually have. Nothing was changed.",
                format::count(*count),
                format::count(data.rows),
                best.name
            )))
            @if !are_shown { (list(data, "The clearest of them".to_owned(), shown)) }
        }
    }
}

fn list<'a>(data: &ReportData, caption: String, mistakes: &'a [Mistake]) -> Table<&'a Mistake> {
    let others = data.models.len() - 1;
    let right = |count: usize| format!("{count} of {others}");
    Table::new(caption, mistakes)
        .texts("review", marked)
        .words("label", |it| &it.label)
        .numbers("positive, it says", |it| format::percent(it.probability))
        .numbers("others right", |it| right(it.others_right))
}

/// A review with its words marked.
fn marked(mistake: &Mistake) -> Markup {
    let starts = std::iter::once(0).chain(mistake.words.iter().map(|word| word.place.end));
    let last = mistake.words.last().map_or(0, |word| word.place.end);
    quote(html! {
        @for (start, word) in starts.zip(&mistake.words) {
            @let side = if word.weight >= 0.0 { "for" } else { "against" };
            @let level = match word.strength.abs() {
                strength if strength >= 0.6 => 3,
                strength if strength >= 0.3 => 2,
                _ => 1,
            };
            (mistake.text[start..word.place.start])
            mark class=(format!("{side}-{level}")) title=(format!("{:+.2}", word.weight)) {
                (mistake.text[word.place.clone()])
            }
        }
        (mistake.text[last..])
    })
}
