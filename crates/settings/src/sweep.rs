//! `[sweep.NAME]`: one model with several values of some settings, to be compared.

use artifact::{Digest, Failure};
use indexmap::IndexMap;
use serde::{Deserialize, Serialize};
use toml::{Table, Value};

use crate::defaults::number;
use crate::key::Key;
use crate::overrides::put;
use crate::{HalvingSettings, ModelSettings};

/// Trials of a sweep at most; more are a slip of the pen.
const MOST: usize = 1000;

/// Settings that say what a model is and what it reads: with another value it is another model.
const FIXED: [&str; 5] = ["kind", "embedding", "tokenizer", "seed", "sweep"];

/// `[sweep.NAME]`.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SweepSettings {
    /// The model that every trial is like, but for the settings swept over.
    pub model: String,
    /// Trials with the same settings, each with a seed of its own: the spread that chance makes.
    #[serde(default)]
    pub seeds: u32,
    /// Settings drawn at random, so many times; where nothing is said every combination is tried.
    pub random_trials: Option<u32>,
    /// Whether trials that do badly after some epochs are stopped, and when.
    pub halving: Option<HalvingSettings>,
    /// Dotted names of settings of the model, and their values.
    pub over: IndexMap<String, Values>,
}

/// The values of a setting.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(untagged)]
pub enum Values {
    /// These.
    List(Vec<Value>),
    /// Numbers from one to another.
    Range(Range),
}

/// Numbers from one to another.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Range {
    /// The lowest.
    pub from: Value,
    /// The highest.
    pub to: Value,
    /// How many, where every combination is tried.
    #[serde(default = "number::<5>")]
    pub points: u32,
    /// How they are spread.
    #[serde(default)]
    pub scale: RangeScale,
}

/// How the numbers of a range are spread.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RangeScale {
    /// Each the same multiple of the one before: for rates and penalties.
    #[default]
    Log,
    /// Each the same step above the one before.
    Linear,
}

/// One training of a sweep.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Trial {
    /// Its variant.
    pub name: String,
    /// The settings that are its own.
    pub values: IndexMap<String, Value>,
    /// Which of the seeds, from 0.
    pub seed: u32,
}

impl SweepSettings {
    /// The trials, each with the table of its model but for the seed. `models` are the tables as written.
    pub(crate) fn trials(
        &self,
        name: &str,
        models: &IndexMap<String, Table>,
        seed: u64,
    ) -> Result<Vec<(Trial, Table)>, Failure> {
        let key = Key::of("sweep").at(name);
        let over = key.at("over");
        let base = key.at("model").refer("model", &self.model, models)?;
        let mut trials = Vec::new();
        for (number, values) in self.combinations(&key, seed)?.into_iter().enumerate() {
            for seed in 0..self.seeds.max(1) {
                let mut table = base.clone();
                for (path, value) in &values {
                    put(&mut table, path, value.clone()).map_err(|problem| over.error(problem))?;
                }
                let form = ModelSettings::deserialize(table.clone());
                form.map_err(|error| over.misfit(&error))?;
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

    fn combinations(&self, key: &Key, seed: u64) -> Result<Vec<IndexMap<String, Value>>, Failure> {
        let over = key.at("over");
        over.require(!self.over.is_empty(), "must name a setting to sweep over")?;
        if let Some(fixed) = self.over.keys().find(|path| FIXED.contains(&path.as_str())) {
            return Err(over.error(format!(
                "cannot sweep over `{fixed}`, which makes another model; name it as a model of its own, or set `seeds`"
            )));
        }
        let mut all = vec![IndexMap::new(); self.random_trials.unwrap_or(1) as usize];
        for (path, values) in &self.over {
            let of_path = |problem: String| over.at(format!("\"{path}\"")).error(problem);
            if self.random_trials.is_some() {
                for (number, combination) in all.iter_mut().enumerate() {
                    let share = uniform(&format!("{seed} {key} {number} {path}"));
                    let value = values.at(share).map_err(of_path)?;
                    combination.insert(path.clone(), value);
                }
            } else {
                let listed = values.listed().map_err(of_path)?;
                let with = |combination: &IndexMap<String, Value>, value: &Value| {
                    let mut next = combination.clone();
                    next.insert(path.clone(), value.clone());
                    next
                };
                all = all
                    .iter()
                    .flat_map(|combination| listed.iter().map(|value| with(combination, value)))
                    .collect();
            }
            let problem = format!(
                "has {} combinations, and at most {MOST} are tried; set `random_trials` to draw some",
                all.len()
            );
            key.require(all.len() <= MOST, problem)?;
        }
        key.at("random_trials")
            .require(!all.is_empty(), "must be at least 1")?;
        Ok(all)
    }
}

impl Values {
    /// All of them, where every combination is tried.
    fn listed(&self) -> Result<Vec<Value>, String> {
        match self {
            Self::List(values) if values.is_empty() => Err("has no values".to_owned()),
            Self::List(values) => Ok(values.clone()),
            Self::Range(range) => {
                let last = range.points.max(2) - 1;
                let share = |place: u32| f64::from(place) / f64::from(last);
                let mut found: Vec<Value> = (0..=last)
                    .map(|place| self.at(share(place)))
                    .collect::<Result<_, _>>()?;
                found.dedup();
                Ok(found)
            }
        }
    }

    /// The value at a share of the way, 0 to 1.
    fn at(&self, share: f64) -> Result<Value, String> {
        match self {
            Self::List(values) => {
                let last = values.len().checked_sub(1).ok_or("has no values")?;
                let place = (share * values.len() as f64) as usize;
                Ok(values[place.min(last)].clone())
            }
            Self::Range(range) => range.at(share),
        }
    }
}

impl Range {
    fn at(&self, share: f64) -> Result<Value, String> {
        let number = |value: &Value| match value {
            Value::Integer(value) => Ok(*value as f64),
            Value::Float(value) if value.is_finite() => Ok(*value),
            other => Err(format!("ranges over numbers, and {other} is none")),
        };
        let (from, to) = (number(&self.from)?, number(&self.to)?);
        if from >= to {
            return Err("must begin below its end".to_owned());
        }
        let value = match self.scale {
            RangeScale::Log if from <= 0.0 => {
                return Err(
                    "must begin above 0 on a logarithmic scale; set `scale = \"linear\"`"
                        .to_owned(),
                );
            }
            RangeScale::Log => from * (to / from).powf(share),
            RangeScale::Linear => from + (to - from) * share,
        };
        Ok(match (&self.from, &self.to) {
            (Value::Integer(_), Value::Integer(_)) => Value::Integer(value.round() as i64),
            // Three digits are what a person wants to read; the ends stay as they are written.
            _ if share == 0.0 => Value::Float(from),
            _ if share == 1.0 => Value::Float(to),
            _ => Value::Float(format!("{value:.2e}").parse().unwrap_or(value)),
        })
    }
}

/// A number from 0 up to 1 that follows from what it is for.
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
    fn ranges_are_spread_and_keep_their_ends() {
        let log = "model = 'lstm'\nover = { dropout = { from = 1e-4, to = 1e-1, points = 4 } }";
        let expected = [1e-4, 1e-3, 1e-2, 1e-1].map(Value::Float);
        assert_eq!(values(log, "dropout"), expected);
        let linear = "model = 'lstm'\nover = { hidden = { from = 10, to = 20, points = 3, scale = 'linear' } }";
        assert_eq!(values(linear, "hidden"), [10, 15, 20].map(Value::Integer));
    }

    #[test]
    fn random_values_are_within_and_the_same_each_time() {
        let text = "model = 'lstm'\nrandom_trials = 40\nover = { hidden = [4, 8], dropout = { from = 0.01, to = 0.5 } }";
        let drawn = values(text, "dropout");
        assert_eq!(drawn, values(text, "dropout"));
        let numbers: Vec<f64> = drawn.iter().filter_map(Value::as_float).collect();
        assert_eq!(numbers.len(), 40);
        assert!(
            numbers.iter().all(|value| (0.01..=0.5).contains(value)),
            "{numbers:?}"
        );
        // Half of them below the geometric middle.
        let low = numbers.iter().filter(|value| **value < 0.07).count();
        assert!((8..33).contains(&low), "{low}");
        assert!(values(text, "hidden").contains(&Value::Integer(4)));
        assert!(values(text, "hidden").contains(&Value::Integer(8)));
    }

    #[test]
    fn what_cannot_be_swept_is_said() {
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
                "unknown field `hiden`",
            ),
            ("model = 'lstm'\nover = { hidden = [] }", "has no values"),
            (
                "model = 'lstm'\nover = { dropout = { from = 0.0, to = 1.0 } }",
                "must begin above 0",
            ),
            (
                "model = 'lstm'\nover = { dropout = { from = 2.0, to = 1.0 } }",
                "must begin below",
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
