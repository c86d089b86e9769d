//! Generates `settings.md` and `pipeline.schema.json` of `docs/reference`, and tests that both are fresh.

use std::path::{Path, PathBuf};
use std::{env, fs};

use serde_json::Value;
use toml::Table;

use crate::pipeline::PipelineFile;
use crate::schema::{Schema, alternatives};

/// Beginning of the page.
const INTRODUCTION: &str = "# Settings

The tables of `pipeline.toml` and their settings. `--set TABLE.KEY=VALUE` replaces a setting for one command, for
example `--set training.epochs=3`. `NAME` is a name that you choose. Settings without a default are optional.

[`pipeline.schema.json`](pipeline.schema.json) describes the same settings for editors: with `#:schema PATH` in the
first line of a pipeline file, editors that use Taplo complete settings and show errors.

Generated from the code. To update both files:
`RESSENTI_UPDATE_REFERENCES=1 cargo test -p ressenti-settings reference`.
";

/// The settings reference: one section for each table.
struct Page<'a> {
    schema: &'a Schema,
    text: String,
    /// Types of the tables that have a section, with the name of the section.
    sections: Vec<(&'a str, String)>,
}

impl<'a> Page<'a> {
    /// Adds the section of a table, then the sections of the tables in it.
    fn add_section(&mut self, name: &str, table: &'a Value) {
        let table = self.schema.resolve(table).1;
        let others = &table["additionalProperties"];
        if others.is_object() {
            let is_inner = name.contains("NAME");
            let placeholder = if is_inner { "SETTING" } else { "NAME" };
            let inner = self.find_table(others).expect("a map of tables");
            return self.add_section(&format!("{name}.{placeholder}"), inner);
        }
        let about = table["description"].as_str().expect("a doc comment");
        self.text += &format!(
            "\n## `[{name}]`\n\n{about}\n\n| key | type | default | meaning |\n| --- | --- | --- | --- |\n"
        );
        let mut inner_tables = Vec::new();
        for (key, setting) in table["properties"].as_object().expect("settings") {
            let mut kind = self.schema.describe(setting).replace("a ", "");
            if kind.starts_with("one of") {
                kind = "text".to_owned();
            }
            if let Some(inner) = self.find_table(setting) {
                let inner_name = format!("{name}.{key}");
                let type_name = self.schema.resolve(inner).0;
                let mut sections = self.sections.iter().filter(|it| !it.0.is_empty());
                if let Some((_, section)) = sections.find(|it| it.0 == type_name) {
                    kind += &format!(", as `[{section}]`");
                } else {
                    self.sections.push((type_name, inner_name.clone()));
                    inner_tables.push((inner_name, inner));
                }
            }
            let mut required = table["required"].as_array().into_iter().flatten();
            let default = match &setting["default"] {
                _ if required.any(|name| name == key) => "required".to_owned(),
                Value::Null => String::new(),
                default => format!("`{default}`"),
            };
            let meaning = self.describe_setting(setting);
            self.text += &format!("| `{key}` | {kind} | {default} | {meaning} |\n");
        }
        for (name, table) in inner_tables {
            self.add_section(&name, table);
        }
    }

    /// The table that a setting is or can be.
    fn find_table(&self, setting: &'a Value) -> Option<&'a Value> {
        let schema = self.schema.resolve(setting).1;
        let mut forms = alternatives(schema).into_iter().flatten();
        match schema["type"] == "object" {
            true => Some(setting),
            false => forms.find_map(|form| self.find_table(form)),
        }
    }

    /// The meaning of a setting, and of each value if it allows only certain texts.
    fn describe_setting(&self, setting: &Value) -> String {
        let text = |schema: &Value| schema["description"].as_str().map(str::to_owned);
        let mut meaning = text(setting).expect("a doc comment");
        let schema = self.schema.resolve(setting).1;
        let schema = self.schema.resolve(schema.get("items").unwrap_or(schema)).1;
        for form in alternatives(schema).into_iter().flatten() {
            if let (Some(value), Some(about)) = (form["const"].as_str(), text(form)) {
                meaning += &format!("<br>`{value}`: {about}");
            }
        }
        meaning
    }
}

fn path(name: &str) -> PathBuf {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../..")).join(name)
}

#[test]
fn the_settings_reference_is_fresh() {
    let schema = Schema::new::<PipelineFile>();
    let text = INTRODUCTION.to_owned();
    let mut page = Page {
        schema: &schema,
        text,
        sections: Vec::new(),
    };
    for (name, table) in schema.root["properties"].as_object().expect("tables") {
        page.sections.push((schema.resolve(table).0, name.clone()));
        page.add_section(name, table);
    }
    let json = serde_json::to_string_pretty(&schema.root).expect("JSON") + "\n";
    for (name, expected) in [("settings.md", page.text), ("pipeline.schema.json", json)] {
        let path = path("docs/reference").join(name);
        if env::var_os("RESSENTI_UPDATE_REFERENCES").is_some() {
            fs::write(&path, &expected).expect("written");
        }
        let current = fs::read_to_string(&path).unwrap_or_default();
        assert!(
            current == expected,
            "docs/reference/{name} is out of date: run RESSENTI_UPDATE_REFERENCES=1 cargo test -p ressenti-settings reference"
        );
    }
}

#[test]
fn the_schema_accepts_the_pipelines_of_the_repository() {
    let schema = Schema::new::<PipelineFile>();
    for name in [
        "pipeline.toml",
        "pipelines/imdb.toml",
        "pipelines/imdb_transfer.toml",
        "pipelines/speed.toml",
    ] {
        let text = fs::read_to_string(path(name)).expect(name);
        let mut file: Table = text.parse().expect(name);
        schema.check(&file.clone().into(), &[]).expect(name);
        let clean = file["clean"].as_table_mut().expect("a table");
        clean.insert("unknown".to_owned(), true.into());
        let error = schema.check(&file.into(), &[]).expect_err("an unknown key");
        assert_eq!(error.to_string(), "`clean.unknown` is not a setting");
    }
}
