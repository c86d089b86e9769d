//! Checks that the command-line reference in the docs equals the output of `--help`.

use std::env;
use std::fs;
use std::path::Path;
use std::process::Command;

use testkit::{ProgramOutput, program};

const PAGE: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/../docs/reference/command-line.md"
);

/// The output of `ressenti COMMAND --help`.
fn help(command: Option<&str>) -> String {
    let mut ressenti = Command::new(program("ressenti"));
    ressenti.args(command).arg("--help").env_remove("COLUMNS");
    let screen: ProgramOutput = ressenti.output().expect("it starts").into();
    assert_eq!(screen.code, Some(0), "{}", screen.stderr);
    screen.stdout
}

/// The names of all commands.
fn commands(overview: &str) -> Vec<String> {
    let list = overview
        .split("Commands and stages:\n")
        .nth(1)
        .and_then(|rest| rest.split("\n\n").next())
        .expect("the overview lists the commands");
    // Names are indented by two spaces, the rest of a description by more.
    let names = list.lines().filter_map(|line| {
        let line = line.strip_prefix("  ")?;
        (!line.starts_with(' ')).then(|| line.split(' ').next())?
    });
    names.map(str::to_owned).collect()
}

fn section(title: &str, text: &str) -> String {
    let lines: Vec<&str> = text.lines().map(str::trim_end).collect();
    format!(
        "\n## {title}\n\n```text\n{}\n```\n",
        lines.join("\n").trim_end()
    )
}

#[test]
fn the_command_line_reference_is_up_to_date() {
    let overview = help(None);
    let names = commands(&overview);
    assert!(names.iter().any(|name| name == "predict"), "{names:?}");
    let mut page = "# Command line\n\nGenerated from `--help`. To update this page: \
        `RESSENTI_UPDATE_REFERENCES=1 cargo test -p ressenti-tests references`.\n"
        .to_owned();
    page += &section("ressenti", &overview);
    for name in &names {
        page += &section(&format!("ressenti {name}"), &help(Some(name)));
    }
    if env::var_os("RESSENTI_UPDATE_REFERENCES").is_some() {
        fs::create_dir_all(Path::new(PAGE).parent().expect("a folder")).expect("created");
        fs::write(PAGE, &page).expect("written");
    }
    let written = fs::read_to_string(PAGE).expect("docs/reference/command-line.md");
    assert!(
        written == page,
        "docs/reference/command-line.md is not what the programs print; update it as its first lines say"
    );
}
