//! From raw texts to calibrated probabilities: cleaned, encoded and cut off as in training, then
//! asked of the model, on all cores.

use std::path::Path;

use crate::{Ensemble, Networks, TrainedModel, Word};
use artifact::{Digest, Failure};
use metrics::is_right;
use rayon::prelude::*;
use settings::RunSettings;

use crate::explain::Explanation;
use crate::find::Place;

/// What a doubtful text is called.
pub const UNDECIDED: &str = "undecided";

/// A model, or several as one, ready to be asked.
#[derive(Debug)]
pub struct Predictor {
    body: Body,
    /// Names of the negative and the positive class.
    classes: [String; 2],
    /// Where it was read from.
    place: Place,
}

#[derive(Debug)]
enum Body {
    One(Box<TrainedModel>),
    Many(Ensemble, Vec<Predictor>),
}

impl Predictor {
    /// Loads what is at a place; `networks` computes them, where there are any.
    ///
    /// # Errors
    /// A file is missing or not what it should be, the bundle does not say how texts are cleaned, or
    /// the device cannot be had.
    pub fn load(
        place: &Place,
        run: &RunSettings,
        networks: Option<Networks>,
    ) -> Result<Self, Failure> {
        place.verify()?;
        match place {
            Place::Bundle(folder) => Self::one(folder, run, networks),
            Place::Ensemble(ensemble, folders) => {
                let members = folders
                    .iter()
                    .map(|folder| Self::one(folder, run, networks));
                let members = members.collect::<Result<Vec<_>, _>>()?;
                let Some(first) = members.first() else {
                    return Err(Failure::new("The ensemble has no members"));
                };
                Ok(Self {
                    classes: first.classes.clone(),
                    place: place.clone(),
                    body: Body::Many(ensemble.clone(), members),
                })
            }
        }
    }

    fn one(folder: &Path, run: &RunSettings, networks: Option<Networks>) -> Result<Self, Failure> {
        let model = TrainedModel::open(folder, run, networks)?;
        let classes = match model.description.labels.as_slice() {
            [negative, positive] => [negative.clone(), positive.clone()],
            other => {
                return Err(Failure::new(format!(
                    "The model in `{}` tells {} classes apart, and texts are predicted with two",
                    folder.display(),
                    other.len()
                )));
            }
        };
        Ok(Self {
            body: Body::One(Box::new(model)),
            classes,
            place: Place::Bundle(folder.to_owned()),
        })
    }

    /// A digest of all that its answers depend on.
    ///
    /// # Errors
    /// A file of its bundle cannot be read any more.
    pub fn fingerprint(&self) -> Result<Digest, Failure> {
        self.place.fingerprint()
    }

    /// The class that a probability speaks for; [`UNDECIDED`] where the likelier class is less likely
    /// than `abstain`.
    pub fn label(&self, probability: f32, abstain: Option<f32>) -> &str {
        let likelier = probability.max(1.0 - probability);
        if abstain.is_some_and(|least| likelier < least) {
            return UNDECIDED;
        }
        &self.classes[usize::from(is_right(1, probability))]
    }

    /// The calibrated probability that each text is positive; `None` where nothing is left of a text
    /// once it is cleaned.
    ///
    /// # Errors
    /// libtorch refuses, for example for want of memory.
    pub fn probabilities<T: AsRef<str> + Sync>(
        &self,
        texts: &[T],
    ) -> Result<Vec<Option<f32>>, Failure> {
        let model = match &self.body {
            Body::One(model) => model,
            Body::Many(ensemble, members) => return united(ensemble, members, texts),
        };
        let reader = &model.reader;
        let read = |text: &T| {
            let text = reader.normalised(text.as_ref());
            if text.is_empty() {
                return Ok(None);
            }
            reader.ids(&text).map(Some)
        };
        let rows = texts
            .par_iter()
            .map(read)
            .collect::<Result<Vec<_>, Failure>>()?;
        let is_text: Vec<bool> = rows.iter().map(Option::is_some).collect();
        let rows: Vec<Vec<u32>> = rows.into_iter().flatten().collect();
        let mut found = match rows.is_empty() {
            true => Vec::new(),
            false => model.probabilities(&rows)?,
        }
        .into_iter();
        let answer = |is_text: bool| if is_text { found.next() } else { None };
        Ok(is_text.into_iter().map(answer).collect())
    }

    /// Messages for the user since the last call, see [`crate::Scorer::take_notes`].
    pub fn take_notes(&self) -> Vec<String> {
        match &self.body {
            Body::One(model) => model.scorer.take_notes(),
            Body::Many(_, members) => members.iter().flat_map(Self::take_notes).collect(),
        }
    }

    /// What each word of a text contributes to the answer; `None` where nothing is left of the text
    /// once it is cleaned.
    ///
    /// # Errors
    /// As for [`Predictor::probabilities`].
    pub fn explain(&self, text: &str) -> Result<Option<Explanation>, Failure> {
        Ok(self.explain_all(&[text])?.pop().flatten())
    }

    /// The same of many texts, on all cores.
    ///
    /// # Errors
    /// As for [`Predictor::probabilities`].
    pub fn explain_all<T: AsRef<str> + Sync>(
        &self,
        texts: &[T],
    ) -> Result<Vec<Option<Explanation>>, Failure> {
        let model = match &self.body {
            Body::One(model) => model,
            Body::Many(ensemble, members) => return explained_by_all(ensemble, members, texts),
        };
        let cleaned: Vec<String> = texts
            .par_iter()
            .map(|text| model.reader.normalised(text.as_ref()))
            .collect();
        let there: Vec<&String> = cleaned.iter().filter(|text| !text.is_empty()).collect();
        let mut found = model.words(&there)?.into_iter();
        let explanation = |text: String| match text.is_empty() {
            true => None,
            false => found.next().map(|words| Explanation { text, words }),
        };
        Ok(cleaned.into_iter().map(explanation).collect())
    }
}

/// What each word contributes to the answer of an ensemble: what it contributes to the members', with
/// their weights.
fn explained_by_all<T: AsRef<str> + Sync>(
    ensemble: &Ensemble,
    members: &[Predictor],
    texts: &[T],
) -> Result<Vec<Option<Explanation>>, Failure> {
    let mut all: Vec<Option<Explanation>> = Vec::new();
    for (member, (_, weight)) in members.iter().zip(&ensemble.members) {
        let mut found = member.explain_all(texts)?;
        for word in found.iter_mut().flatten().flat_map(|it| &mut it.words) {
            word.weight *= weight;
        }
        if all.is_empty() {
            all = found;
            continue;
        }
        for (sum, one) in all.iter_mut().zip(found) {
            match (sum.as_mut(), one) {
                (Some(sum), Some(one)) if sum.text == one.text => add(&mut sum.words, &one.words),
                (Some(_), Some(_)) => {
                    return Err(Failure::new(
                        "The members of the ensemble clean texts differently, so that their words are not the same",
                    ));
                }
                _ => *sum = None,
            }
        }
    }
    Ok(all)
}

fn add(sums: &mut [Word], words: &[Word]) {
    for (sum, word) in sums.iter_mut().zip(words) {
        sum.weight += word.weight;
    }
}

/// What an ensemble says, from what its members say.
fn united<T: AsRef<str> + Sync>(
    ensemble: &Ensemble,
    members: &[Predictor],
    texts: &[T],
) -> Result<Vec<Option<f32>>, Failure> {
    let said = members
        .iter()
        .map(|member| member.probabilities(texts))
        .collect::<Result<Vec<_>, _>>()?;
    let unite = |row: usize| {
        let row: Option<Vec<f32>> = said.iter().map(|member| member[row]).collect();
        row.map(|row| ensemble.probability(&row))
    };
    Ok((0..texts.len()).map(unite).collect())
}
