//! The options of the computation, which are flags of `ressenti trend`.

use clap::Args;
use clap::builder::{PossibleValue, PossibleValuesParser, RangedU64ValueParser, TypedValueParser};
use quantification::Method;

use crate::period::Period;

/// Options of the computation.
#[derive(Clone, Copy, Debug, Args)]
pub struct Options {
    /// Length of a period [default: the shortest with enough reviews in most periods]
    #[arg(long, value_name = "LENGTH", value_enum)]
    pub period: Option<Period>,

    /// Method to estimate the share of positive reviews
    #[arg(long, value_name = "METHOD", default_value = "aemq", value_parser = method())]
    pub method: Method,

    /// Confidence level of all intervals, from 0.5 to 0.999
    #[arg(long, value_name = "P", default_value_t = 0.95, value_parser = confidence)]
    pub confidence: f64,

    /// Number of periods to forecast
    #[arg(long, value_name = "N", default_value_t = 3, value_parser = RangedU64ValueParser::<usize>::new().range(0..=100))]
    pub horizon: usize,

    /// Keep reviews with implausible dates: days with far more reviews than all others, and dates far from the rest
    #[arg(long)]
    pub keep_all_times: bool,

    /// Seed of the random draws: resamples and `--calibrate-on`
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub seed: u64,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            period: None,
            method: Method::default(),
            confidence: 0.95,
            horizon: 3,
            keep_all_times: false,
            seed: 0,
        }
    }
}

/// Descriptions of the methods in `--help`, in the order of [`Method::ALL`].
const METHODS: [&str; 5] = [
    "Classify and count (biased)",
    "Adjusted count",
    "Probabilistic adjusted count",
    "Maximum likelihood (Saerens et al. 2002)",
    "Adjusted maximum likelihood",
];

/// Parses the name of a method.
fn method() -> impl TypedValueParser<Value = Method> {
    let all = Method::ALL.into_iter().zip(METHODS);
    let values = all.map(|(method, help)| PossibleValue::new(method.name()).help(help));
    PossibleValuesParser::new(values).map(|name| {
        let method = Method::ALL.into_iter().find(|it| it.name() == name);
        method.unwrap_or_default()
    })
}

fn confidence(text: &str) -> Result<f64, String> {
    let number = text.parse::<f64>().ok();
    let number = number.filter(|number| (0.5..=0.999).contains(number));
    number.ok_or_else(|| "a confidence level is from 0.5 to 0.999".to_owned())
}
