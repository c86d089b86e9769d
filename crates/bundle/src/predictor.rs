//! From raw texts to calibrated probabilities and attributions, on all cores. Texts are normalised, tokenized and
//! truncated as in training.

use std::path::Path;

use artifact::files::{PredictedLanguages, UNKNOWN_LANGUAGE};
use artifact::{Digest, Failure, Sentiment};
use metrics::is_correct;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};
use settings::RunSettings;
use text::language::Language;

use crate::explain::Explanation;
use crate::find::ModelLocation;
use crate::reader::EncodedTexts;
use crate::{Ensemble, Networks, Result, TextReader, TrainedModel};

/// Label of a text whose confidence is below the limit for abstention.
pub const UNDECIDED: &str = "undecided";

/// The prediction of a text.
#[derive(Clone, Debug, PartialEq)]
pub struct Answer {
    /// The calibrated probability of the positive class.
    pub probability: f32,
    /// The attributions of words, if requested.
    pub explanation: Option<Explanation>,
}

/// The calibrated probabilities of a text.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Probabilities {
    /// Probability of the likelier class.
    pub confidence: f32,
    /// Probability of the negative class.
    pub p_negative: f32,
    /// Probability of the positive class.
    pub p_positive: f32,
}

/// One answer per text; none for empty texts.
type Answers = Vec<Option<Answer>>;

impl Probabilities {
    /// The probabilities of a text that is positive with probability `p_positive`.
    pub fn from_positive(p_positive: f32) -> Self {
        let p_negative = 1.0 - p_positive;
        Self {
            confidence: p_positive.max(p_negative),
            p_negative,
            p_positive,
        }
    }

    /// The likelier class.
    pub fn class(self) -> Sentiment {
        Sentiment::ALL[usize::from(is_correct(1, self.p_positive))]
    }
}

/// A loaded model or ensemble.
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
    /// Verifies and loads a model; a network needs `networks`.
    ///
    /// # Errors
    /// A file is missing or damaged, a bundle has no normalisation, or the device is not available.
    pub fn load(
        location: &ModelLocation,
        run: &RunSettings,
        networks: Option<Networks>,
    ) -> Result<Self> {
        Self::load_verified(location, location.fingerprint()?, run, networks)
    }

    /// Loads a model with a known fingerprint, without verifying its files again.
    ///
    /// # Errors
    /// As for [`Predictor::load`].
    pub fn load_verified(
        location: &ModelLocation,
        fingerprint: Digest,
        run: &RunSettings,
        networks: Option<Networks>,
    ) -> Result<Self> {
        let (mut models, mut labels) = (Vec::new(), None);
        for folder in location.bundles() {
            let model = TrainedModel::open(folder, run, networks)?;
            let classes = two_classes(folder, &model.description.labels)?;
            labels.get_or_insert(classes);
            models.push(model);
        }
        Ok(Self {
            classes: labels.ok_or_else(|| Failure::new("The ensemble has no members"))?,
            ensemble: match location {
                ModelLocation::Bundle(_) => None,
                ModelLocation::Ensemble(ensemble, _) => Some(ensemble.clone()),
            },
            models,
            fingerprint,
        })
    }

    /// A digest of everything that its predictions depend on.
    pub fn fingerprint(&self) -> Digest {
        self.fingerprint
    }

    /// The label for a probability of the positive class; [`UNDECIDED`] if the confidence is below `abstain`.
    pub fn label(&self, probability: f32, abstain: Option<f32>) -> &str {
        let probabilities = Probabilities::from_positive(probability);
        if abstain.is_some_and(|limit| probabilities.confidence < limit) {
            return UNDECIDED;
        }
        &self.classes[usize::from(probabilities.class().id())]
    }

    /// Notes for the user since the last call, see [`crate::Scorer::take_notes`].
    pub fn take_notes(&self) -> Vec<String> {
        let models = self.models.iter();
        models.flat_map(|model| model.scorer.take_notes()).collect()
    }

    /// Predicts texts on all cores; `None` for a text that is empty after cleaning. Members of an ensemble with equal
    /// normalisation or equal tokenization share its results.
    ///
    /// # Errors
    /// libtorch fails, for example because memory is full; or `explain` is set and the members of the ensemble
    /// normalise texts differently.
    pub fn predict<T: AsRef<str> + Sync>(&self, texts: &[T], explain: bool) -> Result<Answers> {
        let mut known: Vec<(&TextReader, Vec<String>, EncodedTexts)> = Vec::new();
        let mut answers = Vec::new();
        for model in &self.models {
            let reader = &model.reader;
            let index = known.iter().position(|(it, ..)| it.encodes_like(reader));
            if index.is_none() {
                let same_rules = known.iter().find(|(it, ..)| it.normalises_like(reader));
                let clean = |text: &T| reader.normalised(text.as_ref());
                let cleaned = match same_rules {
                    Some((_, cleaned, _)) => cleaned.clone(),
                    None => texts.par_iter().map(clean).collect(),
                };
                let encoded = reader.encode_all(&non_empty(&cleaned), explain)?;
                known.push((reader, cleaned, encoded));
            }
            let (_, cleaned, encoded) = &known[index.unwrap_or(known.len() - 1)];
            answers.push(model_answers(model, cleaned, encoded, explain)?);
        }
        match &self.ensemble {
            Some(ensemble) => ensemble_answers(ensemble, &answers),
            None => Ok(answers.pop().unwrap_or_default()),
        }
    }

    /// The calibrated probability of the positive class for each text; see [`Predictor::predict`].
    ///
    /// # Errors
    /// As for [`Predictor::predict`].
    pub fn probabilities<T: AsRef<str> + Sync>(&self, texts: &[T]) -> Result<Vec<Option<f32>>> {
        let answers = self.predict(texts, false)?.into_iter();
        Ok(answers.map(|answer| Some(answer?.probability)).collect())
    }

    /// The languages of texts; nothing if the languages of the model are not known.
    pub fn languages<T: AsRef<str> + Sync>(&self, texts: &[T]) -> PredictedLanguages {
        // The members of an ensemble were trained on the same reviews.
        let reader = &self.models[0].reader;
        let identify = |text: &T| Language::identify(&reader.normalised(text.as_ref()));
        let mut languages = PredictedLanguages::default();
        let model = &self.models[0].description;
        languages.learned.clone_from(&model.languages);
        if languages.learned.is_empty() {
            return languages;
        }
        for language in texts.par_iter().map(identify).collect::<Vec<_>>() {
            let name = language.map_or(UNKNOWN_LANGUAGE, Language::name);
            languages.reviews.count(name);
        }
        languages
    }

    /// The texts as the model, or the first member of the ensemble, reads them: cleaned like the training texts.
    pub fn normalised<T: AsRef<str> + Sync>(&self, texts: &[T]) -> Vec<String> {
        let reader = self.models.first().map(|model| &model.reader);
        let clean = |text: &T| reader.map(|it| it.normalised(text.as_ref()));
        texts.par_iter().filter_map(clean).collect()
    }
}

fn two_classes(folder: &Path, labels: &[String]) -> Result<[String; 2], Failure> {
    <[String; 2]>::try_from(labels.to_vec()).map_err(|labels| {
        let (folder, count) = (folder.display(), labels.len());
        let text = format!("The model in `{folder}` has {count} classes, but prediction needs two");
        Failure::new(text)
    })
}

/// The texts that are not empty.
fn non_empty(cleaned: &[String]) -> Vec<&String> {
    cleaned.iter().filter(|text| !text.is_empty()).collect()
}

/// The predictions of one model. `encoded` has the cleaned texts that are not empty.
fn model_answers(
    model: &TrainedModel,
    cleaned: &[String],
    encoded: &EncodedTexts,
    explain: bool,
) -> Result<Answers> {
    if encoded.ids.is_empty() {
        return Ok(vec![None; cleaned.len()]);
    }
    let words = match explain {
        true => encoded.words(model.scorer.as_ref(), &non_empty(cleaned))?,
        false => Vec::new(),
    };
    let mut words = words.into_iter();
    let mut probabilities = model.probabilities(&encoded.ids)?.into_iter();
    let answer = |text: &String| {
        let text = Some(text.clone()).filter(|text| !text.is_empty())?;
        Some(Answer {
            probability: probabilities.next()?,
            explanation: words.next().map(|words| Explanation { text, words }),
        })
    };
    Ok(cleaned.iter().map(answer).collect())
}

/// The predictions of an ensemble from those of its members. The attribution of a word is the weighted sum of its
/// attributions by the members.
fn ensemble_answers(ensemble: &Ensemble, members: &[Answers]) -> Result<Answers> {
    let combine = |row: usize| {
        let row: Option<Vec<&Answer>> = members.iter().map(|member| member[row].as_ref()).collect();
        let Some(row) = row else {
            return Ok(None);
        };
        let probabilities: Vec<f32> = row.iter().map(|answer| answer.probability).collect();
        let mut explanation: Option<Explanation> = None;
        for (answer, (_, weight)) in row.iter().zip(&ensemble.members) {
            let Some(mut weighted) = answer.explanation.clone() else {
                continue;
            };
            for word in &mut weighted.words {
                word.weight *= weight;
            }
            let Some(sum) = &mut explanation else {
                explanation = Some(weighted);
                continue;
            };
            if sum.text != weighted.text {
                let problem = "The members of the ensemble clean texts differently, so their attributions cannot be combined";
                return Err(Failure::new(problem));
            }
            for (sum, word) in sum.words.iter_mut().zip(weighted.words) {
                sum.weight += word.weight;
            }
        }
        Ok(Some(Answer {
            probability: ensemble.probability(&probabilities),
            explanation,
        }))
    };
    let rows = members.first().map_or(0, Vec::len);
    (0..rows).map(combine).collect()
}
