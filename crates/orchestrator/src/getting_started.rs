//! `ressenti` without a command: the stages and the most important commands.

use std::io::{self, Write};

use anstyle::{AnsiColor, Style};
use clap::CommandFactory;

use crate::arguments::Arguments;

/// Commands to type. Their descriptions start at column [`DESCRIPTION_COLUMN`].
const COMMANDS: [&str; 8] = [
    "ressenti new FILE              write a pipeline file for your reviews",
    "ressenti run                   run every step that is not fresh",
    "ressenti plan                  show which steps would run, and why",
    "ressenti status                show the state of every output",
    "ressenti predict 'A TEXT'      predict the sentiment of a text with the best model",
    "ressenti serve                 serve predictions over HTTP, with a web page",
    "ressenti STAGE --model NAME    run one stage; see `ressenti STAGE --help`",
    "ressenti --help                show all commands, with examples",
];

const DESCRIPTION_COLUMN: usize = 31;

/// Prints the overview. The descriptions of the stages are from the help of their commands.
///
/// # Errors
/// The output cannot be written.
pub(crate) fn print(out: &mut impl Write) -> io::Result<()> {
    let heading = Style::new().bold();
    let name = AnsiColor::Cyan.on_default();
    let about = "Ressenti trains and evaluates sentiment models on your reviews.";
    let title = "Stages of `pipeline.toml`, in the order in which they run";
    writeln!(out, "{about}\n\n{heading}{title}{heading:#}")?;
    for command in Arguments::command().get_subcommands() {
        let about = command.get_about().map(ToString::to_string);
        if let Some(what) = about.as_deref().and_then(|it| it.strip_prefix("Stage: ")) {
            let stage = command.get_name();
            writeln!(out, "  {name}{stage:<10}{name:#} {what}")?;
        }
    }
    writeln!(out, "\n{heading}Commands{heading:#}")?;
    for line in COMMANDS {
        let (command, what) = line.split_at(DESCRIPTION_COLUMN);
        writeln!(out, "  {name}{command}{name:#}{what}")?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use artifact::StageName;

    use super::*;

    fn printed() -> String {
        let mut screen = anstream::StripStream::new(Vec::new());
        print(&mut screen).expect("memory accepts text");
        String::from_utf8(screen.into_inner()).expect("text")
    }

    #[test]
    fn every_stage_is_listed_in_order() {
        let text = printed();
        let lines = text.lines().take_while(|line| *line != "Commands");
        let names = lines.filter_map(|line| line.strip_prefix("  ")?.split(' ').next());
        assert!(names.eq(StageName::ALL.map(StageName::as_str)), "{text}");
    }

    #[test]
    fn lines_have_at_most_ninety_columns() {
        let text = printed();
        assert!(
            text.lines().all(|line| line.chars().count() <= 90),
            "{text}"
        );
    }
}
