//! `[sweep.NAME]`: a hyperparameter sweep, which trains one model with several values of some settings.

use artifact::{Digest, Failure};
use indexmap::IndexMap;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use toml::{Table, Value};

use crate::defaults::number;
use crate::mismatch::read;
use crate::overrides::insert;
use crate::setting_path::SettingPath;
use crate::{HalvingSettings, ModelSettings};

/// Values of settings by their dotted names.
type Values = IndexMap<String, Value>;

/// Maximum number of combinations in a sweep.
const MAX_COMBINATIONS: usize = 1000;

/// Settings that cannot be swept over, because with another value it is a different model.
const FIXED: [&str; 5] = ["kind", "embedding", "tokenizer", "seed", "sweep"];

/// A hyperparameter sweep: one model is trained with several values of some settings.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SweepSettings {
    /// Name of the model. Trials differ from it only in the settings of `over`.
    pub model: String,
    /// Number of trials with the same settings and different seeds, to show the variation between seeds. 0 and 1
    /// train each combination once.
    #[serde(default)]
    pub seeds: u32,
    /// Number of combinations drawn at random (random search). Without it, every combination is tried (grid
    /// search).
    pub random_trials: Option<u32>,
    /// Successive halving: stops the worst trials early. Off without this table.
    pub halving: Option<HalvingSettings>,
    /// Dotted names of the model's settings with the values to try: a list, or a range of numbers.
    pub over: IndexMap<String, SweepValues>,
}

/// The values of one setting in a sweep.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum SweepValues {
    /// A list of values.
    List(#[schemars(with = "Vec<serde_json::Value>")] Vec<Value>),
    /// A range of numbers.
    Range(SweepRange),
}

/// A range of numbers in a sweep.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SweepRange {
    /// Lowest value.
    #[schemars(with = "f64")]
    pub from: Value,
    /// Highest value.
    #[schemars(with = "f64")]
    pub to: Value,
    /// Number of values in a grid search; ignored with `random_trials`.
    #[serde(default = "number::<5>")]
    pub points: u32,
    /// Spacing of the values.
    #[serde(default)]
    pub scale: RangeScale,
}

/// Spacing of the values in a range.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum RangeScale {
    /// Logarithmic: equal ratios between neighbouring values. For learning rates and penalties.
    #[default]
    Log,
    /// Linear: equal differences between neighbouring values.
    Linear,
}

/// A trial: one training of a sweep.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Trial {
    /// Name of its variant.
    pub name: String,
    /// The settings that differ from the sweep's model.
    pub values: Values,
    /// Offset from the seed of the model: 0 for the first seed, 1 for the second.
    pub seed: u32,
}

impl SweepSettings {
    /// The trials, each with the table of its model. `models` are the tables `[model.NAME]` as in the file. The
    /// tables do not yet contain the seeds of the trials.
    pub(crate) fn trials(
        &self,
        name: &str,
        models: &IndexMap<String, Table>,
        seed: u64,
    ) -> Result<Vec<(Trial, Table)>, Failure> {
        let key = SettingPath::new("sweep").join(name);
        let over = key.join("over");
        let base = key.resolve("model", &self.model, models)?;
        let mut trials = Vec::new();
        for (number, values) in self.combinations(&key, seed)?.into_iter().enumerate() {
            for seed in 0..self.seeds.max(1) {
                let mut table = base.clone();
                for (path, value) in &values {
                    insert(&mut table, path, value.clone())
                        .map_err(|problem| over.error(format!("cannot be applied: {problem}")))?;
                }
                read::<ModelSettings>(table.clone().into(), &["sweep", name, "over"])?;
                let suffix = match self.seeds {
                    0 | 1 => String::new(),
                    _ => format!("-s{seed}"),
                };
                let trial = Trial {
                    name: format!("{name}-{:03}{suffix}", number + 1),
                    values: values.clone(),
                    seed,
                };
                trials.push((trial, table));
            }
        }
        Ok(trials)
    }

    /// Values of the swept settings for each combination: the grid, or random draws.
    fn combinations(&self, key: &SettingPath, seed: u64) -> Result<Vec<Values>, Failure> {
        let over = key.join("over");
        over.require(!self.over.is_empty(), "must name a setting to sweep over")?;
        if let Some(fixed) = self.over.keys().find(|path| FIXED.contains(&path.as_str())) {
            return Err(over.error(format!(
                "cannot contain `{fixed}`, which makes another model: add a second `[model.NAME]`, or set `seeds` to vary the seed"
            )));
        }
        let mut all = vec![Values::new(); self.random_trials.unwrap_or(1) as usize];
        for (path, values) in &self.over {
            let error = |problem: String| over.join(format!("\"{path}\"")).error(problem);
            if self.random_trials.is_some() {
                for (number, combination) in all.iter_mut().enumerate() {
                    let fraction = uniform(&format!("{seed} {key} {number} {path}"));
                    let value = values.at_fraction(fraction).map_err(error)?;
                    combination.insert(path.clone(), value);
                }
            } else {
                let grid = values.grid().map_err(error)?;
                let extended = |combination: &Values, value: &Value| {
                    let mut next = combination.clone();
                    next.insert(path.clone(), value.clone());
                    next
                };
                let all_values = |old| grid.iter().map(move |value| extended(old, value));
                all = all.iter().flat_map(all_values).collect();
            }
            let problem = format!(
                "has {} combinations, but at most {MAX_COMBINATIONS} are allowed; set `random_trials` to draw some at random",
                all.len()
            );
            key.require(all.len() <= MAX_COMBINATIONS, problem)?;
        }
        key.join("random_trials")
            .require(!all.is_empty(), "must be at least 1")?;
        Ok(all)
    }
}

impl SweepValues {
    /// The values for a grid search.
    fn grid(&self) -> Result<Vec<Value>, String> {
        match self {
            Self::List(values) if values.is_empty() => Err("has no values".to_owned()),
            Self::List(values) => Ok(values.clone()),
            Self::Range(range) => {
                let last = range.points.max(2) - 1;
                let value = |index| self.at_fraction(f64::from(index) / f64::from(last));
                let mut values = (0..=last).map(value).collect::<Result<Vec<_>, _>>()?;
                values.dedup();
                Ok(values)
            }
        }
    }

    /// The value at a fraction of the list or range, 0 to 1.
    fn at_fraction(&self, fraction: f64) -> Result<Value, String> {
        match self {
            Self::List(values) => {
                let last = values.len().checked_sub(1).ok_or("has no values")?;
                let index = (fraction * values.len() as f64) as usize;
                Ok(values[index.min(last)].clone())
            }
            Self::Range(range) => range.at_fraction(fraction),
        }
    }
}

impl SweepRange {
    /// The value at a fraction of the range, 0 to 1.
    fn at_fraction(&self, fraction: f64) -> Result<Value, String> {
        let number = |value: &Value| match value {
            Value::Integer(value) => Ok(*value as f64),
            Value::Float(value) if value.is_finite() => Ok(*value),
            end => Err(format!(
                "has {end} as an end of its range, which must be a finite number"
            )),
        };
        let (from, to) = (number(&self.from)?, number(&self.to)?);
        if from >= to {
            return Err("must have a `from` that is smaller than `to`".to_owned());
        }
        let value = match self.scale {
            RangeScale::Log if from <= 0.0 => {
                let problem = "must have a `from` above 0 on the logarithmic scale; for 0 or less, set `scale = \"linear\"`";
                return Err(problem.to_owned());
            }
            RangeScale::Log => from * (to / from).powf(fraction),
            RangeScale::Linear => from + (to - from) * fraction,
        };
        Ok(match (&self.from, &self.to) {
            (Value::Integer(_), Value::Integer(_)) => Value::Integer(value.round() as i64),
            // Rounded to three digits for people; both ends stay exact.
            _ if fraction == 0.0 => Value::Float(from),
            _ if fraction == 1.0 => Value::Float(to),
            _ => Value::Float(format!("{value:.2e}").parse().unwrap_or(value)),
        })
    }
}

/// A uniform random number from 0 up to 1, derived from a hash of its purpose.
fn uniform(purpose: &str) -> f64 {
    let digits = Digest::of_bytes(purpose.as_bytes()).to_hex();
    let bits = u64::from_str_radix(&digits[..13], 16).unwrap_or(0);
    bits as f64 / (1_u64 << 52) as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn trials(sweep: &str) -> Result<Vec<(Trial, Table)>, String> {
        let sweep: SweepSettings = toml::from_str(sweep).expect("a sweep");
        let models = "[lstm]\nkind = \"lstm\"\nembedding = \"e\"\nhidden = 8\n"
            .parse::<Table>()
            .and_then(Table::try_into)
            .expect("models");
        sweep
            .trials("rate", &models, 3)
            .map_err(|error| error.to_string())
    }

    fn values(sweep: &str, path: &str) -> Vec<Value> {
        let trials = trials(sweep).expect("trials");
        trials
            .iter()
            .map(|(trial, _)| trial.values[path].clone())
            .collect()
    }

    #[test]
    fn a_grid_has_every_combination_and_every_seed() {
        let found = trials(
            "model = 'lstm'\nseeds = 2\nover = { hidden = [4, 8], 'training.learning_rate' = [0.1, 0.2, 0.3] }",
        );
        let found = found.expect("trials");
        assert_eq!(found.len(), 12);
        let names: Vec<&str> = found.iter().map(|(trial, _)| trial.name.as_str()).collect();
        assert_eq!(names[..3], ["rate-001-s0", "rate-001-s1", "rate-002-s0"]);
        assert_eq!(
            found[3].0.values["training.learning_rate"],
            Value::Float(0.2)
        );
        let training = &found[3].1["training"];
        assert_eq!(training["learning_rate"], Value::Float(0.2));
        assert_eq!((found[3].0.seed, found[2].0.seed), (1, 0));
    }

    #[test]
    fn values_of_ranges_are_spaced_by_scale() {
        let log = "model = 'lstm'\nover = { dropout = { from = 1e-4, to = 1e-1, points = 4 } }";
        let expected = [1e-4, 1e-3, 1e-2, 1e-1].map(Value::Float);
        assert_eq!(values(log, "dropout"), expected);
        let linear = "model = 'lstm'\nover = { hidden = { from = 10, to = 20, points = 3, scale = 'linear' } }";
        assert_eq!(values(linear, "hidden"), [10, 15, 20].map(Value::Integer));
    }

    #[test]
    fn random_values_are_in_range_and_reproducible() {
        let text = "model = 'lstm'\nrandom_trials = 40\nover = { hidden = [4, 8], dropout = { from = 0.01, to = 0.5 } }";
        let drawn = values(text, "dropout");
        assert_eq!(drawn, values(text, "dropout"));
        let numbers: Vec<f64> = drawn.iter().filter_map(Value::as_float).collect();
        assert_eq!(numbers.len(), 40);
        assert!(
            numbers.iter().all(|value| (0.01..=0.5).contains(value)),
            "{numbers:?}"
        );
        // About half of the values are below the geometric mean of the range.
        let low = numbers.iter().filter(|value| **value < 0.07).count();
        assert!((8..33).contains(&low), "{low}");
        assert!(values(text, "hidden").contains(&Value::Integer(4)));
        assert!(values(text, "hidden").contains(&Value::Integer(8)));
    }

    #[test]
    fn invalid_sweeps_are_refused() {
        for (text, part) in [
            (
                "model = 'lsmt'\nover = { hidden = [1] }",
                "not in the pipeline file",
            ),
            ("model = 'lstm'\nover = {}", "must name a setting"),
            (
                "model = 'lstm'\nover = { kind = ['gru'] }",
                "makes another model",
            ),
            (
                "model = 'lstm'\nover = { hiden = [1] }",
                "`sweep.rate.over.hiden` is not a setting",
            ),
            ("model = 'lstm'\nover = { hidden = [] }", "has no values"),
            (
                "model = 'lstm'\nover = { dropout = { from = 0.0, to = 1.0 } }",
                "must have a `from` above 0",
            ),
            (
                "model = 'lstm'\nover = { dropout = { from = 2.0, to = 1.0 } }",
                "smaller than `to`",
            ),
            (
                "model = 'lstm'\nover = { hidden = { from = 1, to = 5000, points = 4000 } }",
                "at most 1000",
            ),
            (
                "model = 'lstm'\nrandom_trials = 0\nover = { hidden = [1] }",
                "must be at least 1",
            ),
        ] {
            let error = trials(text).expect_err(text);
            assert!(error.contains(part), "{text}: {error}");
        }
    }
}
