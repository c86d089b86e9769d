//! `ressenti` without a command: what there is and what to type first.

use std::io::{self, Write};

use anstyle::{AnsiColor, Style};

const STAGES: [(&str, &str); 7] = [
    ("ingest", "raw reviews, whatever their form, to one table"),
    (
        "clean",
        "normalise text, remove duplicates, decide the split",
    ),
    (
        "tokenize",
        "text to token ids, once for each [tokenizer.NAME]",
    ),
    (
        "embed",
        "a vector for every entry of a vocabulary, once for each [embedding.NAME]",
    ),
    (
        "train",
        "a model from tokens and vectors, once for each [model.NAME]",
    ),
    (
        "evaluate",
        "predictions and figures of one model, once for each [model.NAME]",
    ),
    ("report", "all figures on one page"),
];

const COMMANDS: [(&str, &str); 7] = [
    ("ressenti run", "run every step that is not fresh"),
    ("ressenti plan", "say which steps would run, and why"),
    ("ressenti status", "show what is there"),
    (
        "ressenti predict 'A TEXT'",
        "what the best model makes of texts or of a file",
    ),
    (
        "ressenti serve",
        "the same over HTTP, with a page to try it",
    ),
    (
        "ressenti STAGE --variant NAME",
        "one stage by hand; `ressenti STAGE --help` says more",
    ),
    ("ressenti --help", "all of it, with examples"),
];

/// Prints the overview.
///
/// # Errors
/// The screen refuses.
pub(crate) fn print(out: &mut impl Write) -> io::Result<()> {
    let heading = Style::new().bold();
    let name = AnsiColor::Cyan.on_default();
    writeln!(
        out,
        "Ressenti turns raw reviews into a sentiment model one can trust.\n"
    )?;
    writeln!(
        out,
        "{heading}The stages of `pipeline.toml`, in the order of the data{heading:#}"
    )?;
    for (stage, what) in STAGES {
        writeln!(out, "  {name}{stage:<10}{name:#} {what}")?;
    }
    writeln!(out, "\n{heading}What to type{heading:#}")?;
    for (command, what) in COMMANDS {
        writeln!(out, "  {name}{command:<30}{name:#} {what}")?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use artifact::StageName;

    use super::*;

    #[test]
    fn every_stage_is_listed_in_order() {
        assert_eq!(
            STAGES.map(|(name, _)| name),
            StageName::ALL.map(StageName::as_str)
        );
    }

    #[test]
    fn it_fits_a_terminal_of_eighty_columns_or_a_little_more() {
        let mut screen = anstream::StripStream::new(Vec::new());
        print(&mut screen).expect("memory takes it");
        let text = String::from_utf8(screen.into_inner()).expect("text");
        assert!(
            text.lines().all(|line| line.chars().count() <= 90),
            "{text}"
        );
    }
}
