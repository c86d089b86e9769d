//! The command line of `ressenti serve`.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::Parser;
use settings::Override;

use crate::limits::Limits;

const EXAMPLES: &str = "\
Examples:
  ressenti serve                                    the best model by validation, on 127.0.0.1:8080
  ressenti serve --model lstm --listen 127.0.0.1:9000
  ressenti serve --bundle artifacts/train/linear    needs no pipeline file
  curl -d '{\"text\": \"Not bad at all.\"}' -H 'content-type: application/json' 127.0.0.1:8080/predict
  curl --data-binary @reviews.csv.gz -H 'content-type: text/csv' '127.0.0.1:8080/trend?period=month'

Paths: / is a page for people; POST /predict, /trend; GET /healthz, /metrics (Prometheus), /openapi.json.
A model that is trained again, or a bundle that is replaced, is taken over within a second or two
without a dropped request; one that cannot be read is reported in /healthz and the old one stays.
SIGTERM or Ctrl-C: nothing new is accepted, what is under way is answered, exit code 0.";

/// Answer over HTTP what a model says of texts; with a page to try it
///
/// Texts are neither stored nor written to any log. The service listens on this machine alone
/// unless `--listen` says otherwise, and asks nobody who they are: put it behind something that does
/// before others can reach it.
#[derive(Debug, Parser)]
#[command(name = "ressenti serve", bin_name = "ressenti serve", version, after_help = EXAMPLES, max_term_width = 100)]
pub(crate) struct Arguments {
    /// Address and port; port 0 takes a free one and says which
    #[arg(long, value_name = "ADDRESS:PORT", default_value = "127.0.0.1:8080")]
    pub(crate) listen: SocketAddr,

    /// A name that the service is asked for by, as behind a proxy; may be repeated. A service on this machine alone
    /// answers to no other name than `localhost` and its address, so that no page of another site can ask it
    #[arg(long = "host", value_name = "NAME")]
    pub(crate) hosts: Vec<String>,

    /// The model or ensemble of the pipeline file; the best by validation where none is named
    #[arg(long, value_name = "NAME")]
    pub(crate) model: Option<String>,

    /// The folder of a model bundle, or of an ensemble as artifacts/evaluate/NAME, instead of a name; needs no
    /// pipeline file
    #[arg(long, value_name = "FOLDER", conflicts_with = "model")]
    pub(crate) bundle: Option<PathBuf>,

    #[command(flatten)]
    pub(crate) limits: Limits,

    /// Write a line per request to stderr: method, path, status, duration; never a text
    #[arg(long)]
    pub(crate) log: bool,

    /// The pipeline file whose models are meant
    #[arg(long, value_name = "FILE", default_value = "pipeline.toml")]
    pub(crate) pipeline: PathBuf,

    /// The artifacts folder, instead of the pipeline file's `pipeline.artifacts`
    #[arg(long, value_name = "FOLDER")]
    pub(crate) artifacts: Option<PathBuf>,

    /// Say how to run, as `run.threads=1`
    #[arg(long = "set", value_name = "TABLE.KEY=VALUE")]
    pub(crate) overrides: Vec<Override>,
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;
    use crate::limits::{EXPLANATIONS, MIN_RATE};
    use crate::routes::OPENAPI;

    #[test]
    fn the_command_line_is_sound() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn limits_that_have_no_option_are_said() {
        let help = Arguments::command().render_long_help().to_string();
        let help = help.split_whitespace().collect::<Vec<_>>().join(" ");
        let (explained, rate) = (
            format!("{EXPLANATIONS} at most"),
            format!("{} bytes a second", artifact::format::count(MIN_RATE)),
        );
        for said in [&explained, &rate] {
            assert!(help.contains(said) && OPENAPI.contains(said), "{said}");
        }
    }

    #[test]
    fn it_listens_on_this_machine_alone_unless_told() {
        let arguments = Arguments::parse_from(["serve"]);
        assert!(arguments.listen.ip().is_loopback());
        assert!(Arguments::try_parse_from(["serve", "--queue", "0"]).is_err());
        assert!(Arguments::try_parse_from(["serve", "--timeout", "nan"]).is_err());
    }
}
