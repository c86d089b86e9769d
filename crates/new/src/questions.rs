//! What only a person can decide: from the notes of `inspect` to open questions in the pipeline file.

use artifact::Failure;
use ingest::{Detected, DetectedNote};
use settings::OPEN_QUESTION;
use toml::{Table, Value};

/// An open question.
#[derive(Debug, PartialEq)]
pub(crate) struct Question {
    /// Dotted name of the setting inside `[ingest]`.
    pub(crate) setting: &'static str,
    pub(crate) text: String,
    /// What was found in the file.
    pub(crate) details: Vec<String>,
    /// Possible answers: lines for the pipeline file.
    pub(crate) answers: Vec<String>,
}

/// The settings of `[ingest]`, and what they leave open.
#[derive(Debug, Default)]
pub(crate) struct Decisions {
    /// `[ingest]`; the value of an open setting is its question.
    pub(crate) ingest: Table,
    pub(crate) questions: Vec<Question>,
    /// Notes that need no answer.
    pub(crate) remarks: Vec<String>,
}

/// Labels and times: each is found, asked, or missing.
pub(crate) fn decide(detected: &Detected, file: &str) -> Result<Decisions, Failure> {
    let mut decisions = Decisions {
        ingest: detected.ingest.clone(),
        ..Decisions::default()
    };
    let (mut labels, mut times) = (Vec::new(), Vec::new());
    for note in &detected.notes {
        let keys = settings_in(note);
        let is_about = |names: &[&str]| {
            let mut keys = keys.iter();
            keys.any(|(key, _)| names.iter().any(|name| key.starts_with(name)))
        };
        if !detected.has_labels
            && is_about(&["labels", "rating", "columns.label", "columns.rating"])
        {
            labels.push((note, keys));
        } else if !detected.has_times && is_about(&["timestamp", "columns.timestamp"]) {
            times.push((note, keys));
        } else {
            decisions.remarks.push(note.text.clone());
        }
    }
    if labels.is_empty() && !detected.has_labels {
        return Err(no_labels(file));
    }
    decisions.ask(&labels, &["columns.label", "columns.rating"]);
    decisions.ask(&times, &["columns.timestamp"]);
    Ok(decisions)
}

/// A note and the settings that it names.
type Asked<'a> = (&'a DetectedNote, Vec<(String, String)>);

impl Decisions {
    /// Adds the question of these notes, which are all about labels or all about times.
    fn ask(&mut self, notes: &[Asked<'_>], columns: &[&'static str]) {
        let column_of = |asked: &Asked<'_>| {
            let mut keys = asked.1.iter();
            keys.find(|(key, _)| columns.contains(&key.as_str()))
                .cloned()
        };
        match notes {
            [] => {}
            [asked] => {
                if let Some((key, value)) = column_of(asked) {
                    let value = self.column_value(&value);
                    insert(&mut self.ingest, &key, value);
                }
                self.ask_about_values(asked);
            }
            _ => self.ask_for_column(notes, columns[0], &column_of),
        }
    }

    /// Asks what the values of a column mean.
    fn ask_about_values(&mut self, (note, keys): &Asked<'_>) {
        let has = |name: &str| keys.iter().any(|(key, _)| key.starts_with(name));
        let column = &note.column;
        let (setting, text) = if has("labels") {
            let text = format!(
                "which values of the column `{column}` are positive, and which are negative?"
            );
            ("labels", text)
        } else if has("rating") {
            let text = format!(
                "which rating of the column `{column}` is neutral? Higher ones become positive, lower ones negative"
            );
            ("rating", text)
        } else if has("timestamp.format") {
            let text = format!("which form do the times in the column `{column}` have?");
            ("timestamp.format", text)
        } else {
            return self.remarks.push(note.text.clone());
        };
        let values = keys.iter().filter(|(key, _)| key == "timestamp.format");
        let lines = values.map(|(key, value)| format!("{key} = {}", Value::from(value.as_str())));
        let mut answers: Vec<String> = lines.collect();
        answers.extend(
            note.lines
                .iter()
                .flat_map(|lines| lines.lines())
                .map(str::to_owned),
        );
        if setting == "timestamp.format" {
            answers.push(
                "or delete this line, and `timestamp` in `columns`: the reviews then have no times"
                    .to_owned(),
            );
        }
        self.open(Question {
            setting,
            text,
            details: vec![note.text.clone()],
            answers,
        });
    }

    /// Asks which of several columns is meant.
    fn ask_for_column(
        &mut self,
        notes: &[Asked<'_>],
        setting: &'static str,
        column_of: &dyn Fn(&Asked<'_>) -> Option<(String, String)>,
    ) {
        let mut answers = Vec::new();
        for asked in notes {
            if let Some((key, value)) = column_of(asked) {
                let role = key.rsplit('.').next().unwrap_or_default();
                answers.push(format!(
                    "in `columns`: {role} = {}",
                    self.column_value(&value)
                ));
            }
            let lines = asked.0.lines.iter().flat_map(|lines| lines.lines());
            answers.extend(lines.map(str::to_owned));
        }
        let names: Vec<String> = notes
            .iter()
            .map(|(note, _)| format!("`{}`", note.column))
            .collect();
        let what = if setting == "columns.label" {
            "labels"
        } else {
            "times"
        };
        self.open(Question {
            setting,
            text: format!("which column has the {what}: {}?", names.join(" or ")),
            details: notes.iter().map(|(note, _)| note.text.clone()).collect(),
            answers,
        });
    }

    fn open(&mut self, question: Question) {
        let value = format!("{OPEN_QUESTION}{}", question.text);
        insert(&mut self.ingest, question.setting, Value::from(value));
        self.questions.push(question);
    }

    /// A column as the value of a setting: its name, or its position if the file has no header.
    fn column_value(&self, column: &str) -> Value {
        let has_header = self.ingest.get("header").and_then(Value::as_bool) != Some(false);
        match column.parse::<i64>() {
            Ok(position) if !has_header => position.into(),
            _ => column.into(),
        }
    }
}

/// The settings of `[ingest]` that a note names as `--set` arguments, with their values, and the tables of its lines.
fn settings_in(note: &DetectedNote) -> Vec<(String, String)> {
    let arguments = note.text.split("`--set ").skip(1);
    let arguments = arguments.filter_map(|rest| {
        let argument = rest.split('`').next()?.trim_matches('\'');
        let (key, value) = argument.strip_prefix("ingest.")?.split_once('=')?;
        Some((key.to_owned(), value.to_owned()))
    });
    let lines = note.lines.iter().flat_map(|lines| lines.lines());
    let tables = lines.filter_map(|line| {
        let table = line.strip_prefix("[ingest.")?.strip_suffix(']')?;
        Some((table.to_owned(), String::new()))
    });
    arguments.chain(tables).collect()
}

/// Sets a dotted name.
fn insert(table: &mut Table, path: &str, value: Value) {
    let Some((first, rest)) = path.split_once('.') else {
        table.insert(path.to_owned(), value);
        return;
    };
    let entry = table.entry(first).or_insert_with(|| Table::new().into());
    if let Some(inner) = entry.as_table_mut() {
        insert(inner, rest, value);
    }
}

fn no_labels(file: &str) -> Failure {
    Failure::new(format!("Failed to write a pipeline for `{file}`"))
        .with_cause("no column looks like labels or ratings, so there is nothing to learn from")
        .with_hint(
            "Name the column with `--set ingest.columns.label=NAME` or `--set ingest.columns.rating=NAME`; `ressenti inspect FILE` \
             shows all columns. To label the file with a trained model: `ressenti predict --pipeline FILE.toml --input FILE --output \
             labels.csv`"
                .to_owned(),
        )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn detected(notes: &[(&str, &str, Option<&str>)]) -> Detected {
        let note = |(column, text, lines): &(&str, &str, Option<&str>)| DetectedNote {
            column: (*column).to_owned(),
            text: (*text).to_owned(),
            lines: lines.map(str::to_owned),
        };
        Detected {
            ingest: "columns = { text = 'review' }".parse().expect("a literal"),
            columns: Vec::new(),
            notes: notes.iter().map(note).collect(),
            has_labels: false,
            has_times: false,
            by_class: [0, 0],
            accepted: 10,
            summary: String::new(),
            is_partial: false,
            problem: None,
        }
    }

    const VERDICT: (&str, &str, Option<&str>) = (
        "verdict",
        "`verdict`: define the meaning, and set `--set ingest.columns.label=verdict`",
        Some("[ingest.labels]\npositive = [\"ja\"]\n"),
    );
    const DATE: (&str, &str, Option<&str>) = (
        "Date",
        "`Date`: set `--set ingest.timestamp.format=%d/%m/%Y` or `--set ingest.timestamp.format=%m/%d/%Y`, \
         and set `--set ingest.columns.timestamp=Date`",
        None,
    );

    #[test]
    fn unknown_labels_and_ambiguous_dates_are_asked() {
        let decisions = decide(&detected(&[VERDICT, DATE]), "x.csv").expect("it can be asked");
        let columns = &decisions.ingest["columns"];
        assert_eq!(columns["label"].as_str(), Some("verdict"));
        assert_eq!(columns["timestamp"].as_str(), Some("Date"));
        let open: Vec<&str> = decisions.questions.iter().map(|it| it.setting).collect();
        assert_eq!(open, ["labels", "timestamp.format"]);
        let format = decisions.ingest["timestamp"]["format"].as_str();
        assert!(
            format.is_some_and(|it| it.starts_with("? which form")),
            "{format:?}"
        );
        let answers = &decisions.questions[1].answers;
        assert_eq!(
            answers[..2],
            [
                "timestamp.format = \"%d/%m/%Y\"",
                "timestamp.format = \"%m/%d/%Y\""
            ]
        );
    }

    #[test]
    fn several_columns_that_may_be_labels_are_one_question() {
        let other = (
            "stars",
            "`stars`: set `--set ingest.columns.rating=stars` and `--set ingest.rating.centre=NUMBER`",
            None,
        );
        let decisions = decide(&detected(&[VERDICT, other]), "x.csv").expect("it can be asked");
        let [question] = &decisions.questions[..] else {
            panic!("{:?}", decisions.questions);
        };
        assert_eq!(
            question.text,
            "which column has the labels: `verdict` or `stars`?"
        );
        assert_eq!(question.answers[0], "in `columns`: label = \"verdict\"");
        assert_eq!(
            question.answers.last().map(String::as_str),
            Some("in `columns`: rating = \"stars\"")
        );
        assert_eq!(
            decisions.ingest["columns"]["label"].as_str(),
            Some(&*format!("? {}", question.text))
        );
    }

    #[test]
    fn notes_about_decided_roles_and_groups_are_remarks() {
        let group = (
            "film",
            "`film`: keep together with `--set ingest.columns.group=film`",
            None,
        );
        let mut detected = detected(&[group, VERDICT]);
        detected.has_labels = true;
        let decisions = decide(&detected, "x.csv").expect("nothing is open");
        assert_eq!((decisions.questions.len(), decisions.remarks.len()), (0, 2));
        detected.has_labels = false;
        detected.notes.truncate(1);
        let error = decide(&detected, "x.csv").expect_err("no labels");
        assert!(
            error.chain()[1].starts_with("no column looks like labels"),
            "{error}"
        );
    }
}
