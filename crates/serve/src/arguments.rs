//! The command line of `ressenti serve`.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::Parser;
use stage::ModelArguments;

use crate::limits::Limits;

const EXAMPLES: &str = "\
Examples:
  ressenti serve                                    the best model on validation, at 127.0.0.1:8080
  ressenti serve --model lstm --listen 127.0.0.1:9000
  ressenti serve --bundle artifacts/train/linear    without a pipeline file
  curl -d '{\"text\": \"Great fun!\"}' -H 'content-type: application/json' 127.0.0.1:8080/predict
  curl --data-binary @reviews.csv.gz -H 'content-type: text/csv' '127.0.0.1:8080/trend?period=month'

Paths: / is a page to try the model; POST /predict, /trend; GET /healthz, /metrics (Prometheus),
/openapi.json. When the model is trained again or the bundle is replaced, the service loads it within two
seconds without dropping a request. If the new model cannot be read, /healthz reports it and the old model
stays in use. SIGTERM or Ctrl-C: stop accepting requests, answer those in progress, exit with code 0.";

/// Serve a model's predictions over HTTP, with a page to try it
///
/// Texts are neither stored nor logged. By default only this machine can reach the service. The service has
/// no authentication: put a reverse proxy with authentication in front of it before other machines can
/// reach it.
#[derive(Debug, Parser)]
#[command(name = "ressenti serve", bin_name = "ressenti serve", version, after_help = EXAMPLES, max_term_width = 100)]
pub(crate) struct Arguments {
    /// Address and port to listen on; port 0 chooses a free port and prints it
    #[arg(long, value_name = "ADDRESS:PORT", default_value = "127.0.0.1:8080")]
    pub(crate) listen: SocketAddr,

    /// An additional host name of the service, for example behind a proxy; may be repeated. A service that only
    /// this machine can reach rejects requests for other names than `localhost`, its address and these names, so
    /// that pages of other sites cannot query it
    #[arg(long = "host", value_name = "NAME")]
    pub(crate) hosts: Vec<String>,

    /// Model or ensemble of the pipeline file; default: the best one on validation
    #[arg(long, value_name = "NAME")]
    pub(crate) model: Option<String>,

    /// Folder of a model bundle, or of an ensemble (artifacts/evaluate/NAME), instead of `--model`; no pipeline
    /// file is needed
    #[arg(long, value_name = "FOLDER", conflicts_with = "model")]
    pub(crate) bundle: Option<PathBuf>,

    /// Model that computes trends [default: the best linear model on validation, because it is fast; the served
    /// model if none is trained, or with --bundle]
    #[arg(long, value_name = "NAME", conflicts_with = "bundle")]
    pub(crate) trend_model: Option<String>,

    #[command(flatten)]
    pub(crate) limits: Limits,

    /// Print one line per request to stderr: method, path, status, duration; never a text
    #[arg(long)]
    pub(crate) log: bool,

    #[command(flatten)]
    pub(crate) pipeline: ModelArguments,
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;
    use crate::limits::{MAX_QUEUED_EXPLANATIONS, MIN_RATE};
    use crate::routes::OPENAPI;

    #[test]
    fn the_command_line_is_valid() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn limits_without_a_flag_are_documented() {
        let help = Arguments::command().render_long_help().to_string();
        let help = help.split_whitespace().collect::<Vec<_>>().join(" ");
        let (queue, rate) = (
            format!("at most {MAX_QUEUED_EXPLANATIONS}"),
            format!("{} bytes per second", artifact::format::count(MIN_RATE)),
        );
        for limit in [&queue, &rate] {
            assert!(help.contains(limit) && OPENAPI.contains(limit), "{limit}");
        }
    }

    #[test]
    fn by_default_only_this_machine_can_reach_it() {
        let arguments = Arguments::parse_from(["serve"]);
        assert!(arguments.listen.ip().is_loopback());
        assert!(Arguments::try_parse_from(["serve", "--queue", "0"]).is_err());
        assert!(Arguments::try_parse_from(["serve", "--timeout", "nan"]).is_err());
    }
}
