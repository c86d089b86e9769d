//! From raw texts to calibrated probabilities: cleaned, encoded and cut off as in training, then
//! asked of the model, on all cores.

use std::path::Path;

use artifact::{Digest, Failure};
use metrics::is_correct;
use rayon::prelude::*;
use settings::RunSettings;

use crate::explain::Explanation;
use crate::find::ModelLocation;
use crate::reader::EncodedTexts;
use crate::{Ensemble, Networks, TextReader, TrainedModel};

/// What a doubtful text is called.
pub const UNDECIDED: &str = "undecided";

/// What a model says of a text.
#[derive(Clone, Debug, PartialEq)]
pub struct Answer {
    /// The calibrated probability that it is positive.
    pub probability: f32,
    /// What drove the answer, where that was asked for.
    pub explanation: Option<Explanation>,
}

/// A model, or several as one, ready to be asked.
#[derive(Debug)]
pub struct Predictor {
    /// The model, or the members of the ensemble.
    models: Vec<TrainedModel>,
    ensemble: Option<Ensemble>,
    /// Names of the negative and the positive class.
    classes: [String; 2],
    fingerprint: Digest,
}

impl Predictor {
    /// Proves and loads what is at a place; `networks` computes them, where there are any.
    ///
    /// # Errors
    /// A file is missing or not what it should be, the bundle does not say how texts are cleaned, or
    /// the device cannot be had.
    pub fn load(
        place: &ModelLocation,
        run: &RunSettings,
        networks: Option<Networks>,
    ) -> Result<Self, Failure> {
        Self::load_verified(place, place.fingerprint()?, run, networks)
    }

    /// Loads what is at a place whose fingerprint is known, so that no file is proved again.
    ///
    /// # Errors
    /// As for [`Predictor::load`].
    pub fn load_verified(
        place: &ModelLocation,
        fingerprint: Digest,
        run: &RunSettings,
        networks: Option<Networks>,
    ) -> Result<Self, Failure> {
        let (mut models, mut labels) = (Vec::new(), None);
        for folder in place.bundles() {
            let model = TrainedModel::open(folder, run, networks)?;
            let classes = two_classes(folder, &model.description.labels)?;
            labels.get_or_insert(classes);
            models.push(model);
        }
        Ok(Self {
            classes: labels.ok_or_else(|| Failure::new("The ensemble has no members"))?,
            ensemble: match place {
                ModelLocation::Bundle(_) => None,
                ModelLocation::Ensemble(ensemble, _) => Some(ensemble.clone()),
            },
            models,
            fingerprint,
        })
    }

    /// A digest of all that its answers depend on.
    pub fn fingerprint(&self) -> Digest {
        self.fingerprint
    }

    /// The class that a probability speaks for; [`UNDECIDED`] where the likelier class is less likely
    /// than `abstain`.
    pub fn label(&self, probability: f32, abstain: Option<f32>) -> &str {
        let likelier = probability.max(1.0 - probability);
        if abstain.is_some_and(|least| likelier < least) {
            return UNDECIDED;
        }
        &self.classes[usize::from(is_correct(1, probability))]
    }

    /// Messages for the user since the last call, see [`crate::Scorer::take_notes`].
    pub fn take_notes(&self) -> Vec<String> {
        let models = self.models.iter();
        models.flat_map(|model| model.scorer.take_notes()).collect()
    }

    /// What it says of each text, on all cores; `None` where nothing is left of a text once it is cleaned.
    /// A text is cleaned once for all members that clean alike, and encoded once for all that encode alike.
    ///
    /// # Errors
    /// libtorch refuses, for example for want of memory; or the members of an ensemble that is to be explained
    /// clean texts differently.
    pub fn predict<T: AsRef<str> + Sync>(
        &self,
        texts: &[T],
        explain: bool,
    ) -> Result<Vec<Option<Answer>>, Failure> {
        let mut read: Vec<(&TextReader, Vec<String>, EncodedTexts)> = Vec::new();
        let mut answers = Vec::new();
        for model in &self.models {
            let reader = &model.reader;
            let place = read.iter().position(|(it, ..)| it.encodes_like(reader));
            if place.is_none() {
                let known = read.iter().find(|(it, ..)| it.cleans_like(reader));
                let clean = |text: &T| reader.normalised(text.as_ref());
                let cleaned = match known {
                    Some((_, cleaned, _)) => cleaned.clone(),
                    None => texts.par_iter().map(clean).collect(),
                };
                let encoded = reader.encode_all(&there(&cleaned), explain)?;
                read.push((reader, cleaned, encoded));
            }
            let (_, cleaned, encoded) = &read[place.unwrap_or(read.len() - 1)];
            answers.push(answers_of(model, cleaned, encoded, explain)?);
        }
        match &self.ensemble {
            Some(ensemble) => ensemble_answers(ensemble, &answers),
            None => Ok(answers.pop().unwrap_or_default()),
        }
    }

    /// The calibrated probability that each text is positive; see [`Predictor::predict`].
    ///
    /// # Errors
    /// As for [`Predictor::predict`].
    pub fn probabilities<T: AsRef<str> + Sync>(
        &self,
        texts: &[T],
    ) -> Result<Vec<Option<f32>>, Failure> {
        let answers = self.predict(texts, false)?.into_iter();
        Ok(answers.map(|answer| Some(answer?.probability)).collect())
    }

    /// What each word of a text contributes to the answer; see [`Predictor::predict`].
    ///
    /// # Errors
    /// As for [`Predictor::predict`].
    pub fn explain(&self, text: &str) -> Result<Option<Explanation>, Failure> {
        let answer = self.predict(&[text], true)?.pop().flatten();
        Ok(answer.and_then(|answer| answer.explanation))
    }
}

fn two_classes(folder: &Path, labels: &[String]) -> Result<[String; 2], Failure> {
    <[String; 2]>::try_from(labels.to_vec()).map_err(|labels| {
        let (folder, count) = (folder.display(), labels.len());
        Failure::new(format!(
            "The model in `{folder}` tells {count} classes apart, and texts are predicted with two"
        ))
    })
}

/// The texts of which something is left.
fn there(cleaned: &[String]) -> Vec<&String> {
    cleaned.iter().filter(|text| !text.is_empty()).collect()
}

/// What one model says of cleaned texts; those that are not empty are encoded.
fn answers_of(
    model: &TrainedModel,
    cleaned: &[String],
    encoded: &EncodedTexts,
    explain: bool,
) -> Result<Vec<Option<Answer>>, Failure> {
    if encoded.ids.is_empty() {
        return Ok(vec![None; cleaned.len()]);
    }
    let words = match explain {
        true => encoded.words(model.scorer.as_ref(), &there(cleaned))?,
        false => Vec::new(),
    };
    let mut words = words.into_iter();
    let mut probabilities = model.probabilities(&encoded.ids)?.into_iter();
    let answer = |text: &String| {
        if text.is_empty() {
            return None;
        }
        let text = text.clone();
        Some(Answer {
            probability: probabilities.next()?,
            explanation: words.next().map(|words| Explanation { text, words }),
        })
    };
    Ok(cleaned.iter().map(answer).collect())
}

/// What an ensemble says, from what its members say. A word contributes what it contributes to the members'
/// answers, with their weights.
fn ensemble_answers(
    ensemble: &Ensemble,
    members: &[Vec<Option<Answer>>],
) -> Result<Vec<Option<Answer>>, Failure> {
    let unite = |row: usize| {
        let row: Option<Vec<&Answer>> = members.iter().map(|said| said[row].as_ref()).collect();
        let Some(row) = row else {
            return Ok(None);
        };
        let probabilities: Vec<f32> = row.iter().map(|answer| answer.probability).collect();
        let mut explanation: Option<Explanation> = None;
        for (answer, (_, weight)) in row.iter().zip(&ensemble.members) {
            let Some(mut own) = answer.explanation.clone() else {
                continue;
            };
            own.words.iter_mut().for_each(|word| word.weight *= weight);
            let Some(sum) = &mut explanation else {
                explanation = Some(own);
                continue;
            };
            if sum.text != own.text {
                let problem = "The members of the ensemble clean texts differently, so that their words are not the same";
                return Err(Failure::new(problem));
            }
            for (sum, word) in sum.words.iter_mut().zip(own.words) {
                sum.weight += word.weight;
            }
        }
        Ok(Some(Answer {
            probability: ensemble.probability(&probabilities),
            explanation,
        }))
    };
    let rows = members.first().map_or(0, Vec::len);
    (0..rows).map(unite).collect()
}
