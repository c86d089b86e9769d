//! The settings for a file of reviews that need not be the source of the pipeline.

use std::cell::LazyCell;
use std::path::Path;

use settings::{Column, Columns, IngestSettings, Pipeline};
use stage::{Progress, ProgressMode};

use super::{Layout, Role, RowReader};
use crate::source_format::check_input;

/// The settings for reading a file with a model of a pipeline. If the file has the text column that `[ingest]` of the
/// pipeline names, columns and values have the meaning they have there; roles whose column is not in the file are left
/// out, and roles that the pipeline does not name are detected. Otherwise the settings are those of the
/// `command_line`, which the pipeline contains too. The form of the file is always detected. Prints which was used.
pub fn settings_for_file(
    path: &Path,
    command_line: IngestSettings,
    pipeline: Option<&Pipeline>,
    progress: &Progress,
) -> IngestSettings {
    let Some((pipeline, text)) =
        pipeline.and_then(|it| Some((it, it.ingest.columns.text.as_ref()?)))
    else {
        return command_line;
    };
    // A file that cannot be read is reported when its rows are read.
    let layout = |settings: &IngestSettings| {
        check_input(path, settings).ok()?;
        let quiet = progress.with_mode(ProgressMode::None);
        let task = quiet.task("columns", None, "bytes");
        let reader = RowReader::open(path, settings, &std::env::temp_dir(), &task, None);
        reader.ok().map(|reader| reader.layout)
    };
    let detected = LazyCell::new(|| layout(&command_line));
    let (own, given) = (&pipeline.ingest, &command_line.columns);
    let (file, name) = (pipeline.file.display(), path.display());
    let mut settings = IngestSettings {
        // The name of the text column is in the first row.
        header: command_line.header.or(Some(true)),
        record_path: own.record_path.clone(),
        columns: Columns {
            text: Some(text.clone()),
            ..Columns::default()
        },
        labels: own.labels.clone(),
        timestamp: own.timestamp.clone(),
        missing: own.missing.clone(),
        ..command_line.clone()
    };
    let is_named = matches!(text, Column::Name(_));
    let Some(Layout { names, .. }) = is_named.then(|| layout(&settings)).flatten() else {
        let found = detected.as_ref();
        let found = found.and_then(|it| Some((it, it.roles.map.get(Role::Text)?)));
        if let (Some((layout, column)), None) = (found, &given.text) {
            let wanted = match text {
                Column::Name(wanted) => format!("`{wanted}`"),
                Column::Position(position) => format!("column {position}"),
            };
            let found = &layout.names[column];
            let what = format!("`{name}`: columns detected; the text is column `{found}`");
            match *text == Column::Position(column + 1) {
                true => progress.note(&what),
                false => progress.warn(&format!(
                    "{what}, not {wanted} as in `[ingest]` of `{file}`. Choose another one with `--set ingest.columns.text=NAME`"
                )),
            }
        }
        return command_line;
    };
    let is_own = |column: &Column| matches!(column, Column::Name(own) if names.iter().filter(|it| *it == own).count() == 1);
    let mut note = format!("`{name}`: columns as in `[ingest]` of `{file}`");
    let mut choose = |role: Role, own: &Option<Column>, given: &Option<Column>| {
        if let Some(column) = own {
            if given.is_some() || is_own(column) {
                return own.clone();
            }
            note += &format!(
                "; without a {}, whose column is not in the file",
                role.as_str()
            );
            return None;
        }
        let column = detected.as_ref()?.roles.map.get(role)?;
        let is_free = Role::all().all(|other| {
            let used = other.setting(&pipeline.ingest.columns);
            *used != Some(Column::Name(names[column].clone()))
        });
        let found = is_free.then_some(Column::Position(column + 1))?;
        note += &format!("; {}: column `{}` (detected)", role.as_str(), names[column]);
        Some(found)
    };
    let columns = &own.columns;
    settings.columns.topic = choose(Role::Topic, &columns.topic, &given.topic);
    settings.columns.timestamp = choose(Role::Timestamp, &columns.timestamp, &given.timestamp);
    settings.columns.id = choose(Role::Id, &columns.id, &given.id);
    // A pipeline with a rating column has no label column, and the reverse.
    if columns.label.is_some() || columns.rating.is_none() {
        settings.columns.label = choose(Role::Label, &columns.label, &given.label);
    }
    if columns.rating.is_some() || columns.label.is_none() {
        settings.columns.rating = choose(Role::Rating, &columns.rating, &given.rating);
    }
    let has_labels = settings.columns.label.is_some() || settings.columns.rating.is_some();
    settings.rating = own.rating.filter(|_| has_labels).or(command_line.rating);
    progress.note(&note);
    settings
}

#[cfg(test)]
mod tests {
    use std::fs;

    use artifact::StageName;
    use settings::StepId;

    use super::*;

    #[test]
    fn columns_mean_what_they_mean_in_the_pipeline() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("p.toml");
        let pipeline = "[pipeline]\nname = 'p'\n[ingest]\nsource = 'a.csv'\n[ingest.columns]\ntext = 'title'\nlabel = 'ok'\ntopic = 'gone'\n\
             [ingest.labels]\npositive = ['1']\nnegative = ['2']\n[tokenizer.w]\nkind = 'word'\n[model.a]\nkind = 'linear'\ntokenizer = 'w'\n";
        fs::write(&file, pipeline).expect("written");
        let pipeline = Pipeline::load(&file, &[]).expect("a pipeline");
        let progress = Progress::new(ProgressMode::None, StepId::new(StageName::Evaluate, "a"));
        let read = |header: &str| {
            let path = folder.path().join("b.csv");
            let row = "I liked this film a lot,Fine,2,2024-03-15\n";
            fs::write(&path, format!("{header}\n{row}{row}")).expect("written");
            settings_for_file(&path, IngestSettings::default(), Some(&pipeline), &progress)
        };
        let name = |name: &str| Some(Column::Name(name.to_owned()));
        let own = read("review,title,ok,date");
        assert_eq!(own.columns.text, name("title"));
        assert_eq!(own.columns.label, name("ok"));
        assert_eq!(own.columns.topic, None);
        assert_eq!(own.columns.timestamp, Some(Column::Position(4)));
        assert_eq!(own.labels, pipeline.ingest.labels);
        assert_eq!(read("review,heading,ok,date"), IngestSettings::default());
    }
}
