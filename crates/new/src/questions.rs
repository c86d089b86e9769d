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
        let noted = NotedSettings::new(note);
        if !detected.has_labels
            && noted.names(&["labels", "rating", "columns.label", "columns.rating"])
        {
            labels.push(noted);
        } else if !detected.has_times && noted.names(&["timestamp"]) {
            times.push(noted);
        } else {
            decisions.remarks.push(note.text.clone());
        }
    }
    if labels.is_empty() && !detected.has_labels {
        return Err(no_labels(file));
    }
    decisions.ask(&times, "columns.timestamp", "times");
    decisions.ask(&labels, "columns.label", "labels or ratings");
    // As in the file, where tables are last.
    let questions = &mut decisions.questions;
    questions.sort_by_key(|it| !it.setting.contains('.'));
    Ok(decisions)
}

/// A note, with the settings that it names.
struct NotedSettings<'a> {
    note: &'a DetectedNote,
    /// Dotted names inside `[ingest]` with their values, from `--set` arguments and from lines for the file.
    settings: Vec<(String, Value)>,
    /// The lines without those about columns.
    lines: Vec<String>,
}

impl<'a> NotedSettings<'a> {
    fn new(note: &'a DetectedNote) -> Self {
        let arguments = note.text.split("`--set ").skip(1);
        let arguments = arguments.filter_map(|rest| {
            let argument = rest.split('`').next()?.trim_matches('\'');
            let (name, value) = argument.strip_prefix("ingest.")?.split_once('=')?;
            Some((name.to_owned(), Value::from(value)))
        });
        let mut settings: Vec<(String, Value)> = arguments.collect();
        let lines = note.lines.as_deref().unwrap_or_default();
        let table = lines.parse::<Table>().unwrap_or_default();
        let tables = table.get("ingest").and_then(Value::as_table);
        for (name, value) in tables.into_iter().flatten() {
            match value.as_table().filter(|_| name == "columns") {
                Some(columns) => {
                    let name = |role: &String| format!("columns.{role}");
                    let columns = columns.iter();
                    settings.extend(columns.map(|(role, column)| (name(role), column.clone())));
                }
                None => settings.push((name.clone(), value.clone())),
            }
        }
        let mut is_about_columns = false;
        let lines = lines.lines().filter(|line| {
            if line.starts_with('[') {
                is_about_columns = *line == "[ingest.columns]";
            }
            !is_about_columns && !line.is_empty()
        });
        Self {
            note,
            settings,
            lines: lines.map(str::to_owned).collect(),
        }
    }

    /// Whether it names one of these settings or a setting of these tables.
    fn names(&self, tables: &[&str]) -> bool {
        let is_in = |name: &str, table: &str| {
            let rest = name.strip_prefix(table);
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
        };
        let mut names = self.settings.iter();
        names.any(|(name, _)| tables.iter().any(|table| is_in(name, table)))
    }

    /// The role and the column that it suggests.
    fn column(&self) -> Option<&(String, Value)> {
        let mut settings = self.settings.iter();
        settings.find(|(name, _)| name.starts_with("columns."))
    }

    /// The setting that it leaves open besides the column, and the question.
    fn open_setting(&self) -> Option<(&'static str, String)> {
        let column = &self.note.column;
        let (setting, before, after) = if self.names(&["labels"]) {
            let after = "are positive, and which are negative?";
            ("labels", "which values of", after)
        } else if self.names(&["rating"]) {
            let after = "is neutral? Higher ones become positive, lower ones negative";
            ("rating", "which rating of", after)
        } else if self.names(&["timestamp"]) {
            ("timestamp.format", "which form do the times in", "have?")
        } else {
            return None;
        };
        Some((setting, format!("{before} the column `{column}` {after}")))
    }

    /// Lines that answer the open setting.
    fn answers(&self) -> Vec<String> {
        let settings = self.settings.iter();
        let formats = settings.filter(|(name, _)| name == "timestamp.format");
        let formats = formats.map(|(name, value)| match value.as_str() {
            Some("FORMAT") => format!(
                "{name} = \"%d.%m.%Y\" for 31.12.2024, and likewise for other forms (`strftime`)"
            ),
            _ => format!("{name} = {value}"),
        });
        formats.chain(self.lines.iter().cloned()).collect()
    }
}

impl Decisions {
    /// Adds the question of notes that are all about labels or all about times. `setting` names the column.
    fn ask(&mut self, notes: &[NotedSettings<'_>], setting: &'static str, what: &str) {
        if notes.is_empty() {
            return;
        }
        let mut answers = Vec::new();
        let (setting, text) = if let [noted] = notes
            && let Some(open) = noted.open_setting()
        {
            if let Some((name, column)) = noted.column() {
                let column = self.column_value(column);
                insert(&mut self.ingest, name, column);
            }
            answers = noted.answers();
            if open.0 == "timestamp.format" {
                answers.push("or delete this line, and `timestamp` in `columns`: the reviews then have no times".to_owned());
            }
            open
        } else {
            for noted in notes {
                if let Some((name, column)) = noted.column() {
                    let mut answered = self.ingest.clone();
                    insert(&mut answered, name, self.column_value(column));
                    answers.push(format!("columns = {}", answered["columns"]));
                }
                answers.extend(noted.answers());
            }
            let names = notes.iter().map(|noted| format!("`{}`", noted.note.column));
            let names = names.collect::<Vec<_>>().join(" or ");
            let text = match notes.len() {
                1 => format!("does the column {names} have the {what}?"),
                _ => format!("which column has the {what}: {names}?"),
            };
            (setting, text)
        };
        let details = notes.iter().map(|noted| noted.note.text.clone());
        let value = Value::from(format!("{OPEN_QUESTION}{text}"));
        insert(&mut self.ingest, setting, value);
        self.questions.push(Question {
            setting,
            text,
            details: details.collect(),
            answers,
        });
    }

    /// A column as the value of a setting: its name, or its position if the file has no header.
    fn column_value(&self, column: &Value) -> Value {
        let has_header = self.ingest.get("header").and_then(Value::as_bool) != Some(false);
        let position = column.as_str().and_then(|text| text.parse::<i64>().ok());
        let position = position.filter(|_| !has_header);
        position.map_or_else(|| column.clone(), Value::from)
    }
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
    let cause = "no column looks like labels or ratings, so there is nothing to learn from";
    let hint = "Name the column with `--set ingest.columns.label=NAME` or `--set ingest.columns.rating=NAME`; `ressenti inspect FILE` \
        shows all columns. To label the file with a trained model: `ressenti predict --pipeline FILE.toml --input FILE --output \
        labels.csv`";
    let failure = Failure::new(format!("Failed to write a pipeline for `{file}`"));
    failure.with_cause(cause).with_hint(hint.to_owned())
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
            imbalance: None,
            problem: None,
        }
    }

    const VERDICT: (&str, &str, Option<&str>) = (
        "verdict",
        "`verdict`: the meaning of `nee` is unknown",
        Some("[ingest.columns]\nlabel = \"verdict\"\n\n[ingest.labels]\npositive = [\"ja\"]\n"),
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
        assert_eq!(open, ["timestamp.format", "labels"]);
        let format = decisions.ingest["timestamp"]["format"].as_str();
        assert!(
            format.is_some_and(|it| it.starts_with("? which form")),
            "{format:?}"
        );
        let answers = &decisions.questions[0].answers;
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
            "which column has the labels or ratings: `verdict` or `stars`?"
        );
        assert_eq!(
            question.answers[0],
            "columns = { text = \"review\", label = \"verdict\" }"
        );
        assert_eq!(
            question.answers.last().map(String::as_str),
            Some("columns = { text = \"review\", rating = \"stars\" }")
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
