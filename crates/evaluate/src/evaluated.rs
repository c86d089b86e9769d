//! What a model, or several as one, says of all that it is asked.

use std::time::Instant;

use artifact::Failure;
use artifact::files::{Prediction, Speed, write_json};
use artifact::{OutputFile, Split, StageName};
use bundle::{ENSEMBLE, TextReader};
use challenge::Challenge;
use classifier::choose_device;
use metrics::{CalibrationFile, ProbabilityFigures, ScoredRows};
use settings::{EnsembleSettings, EvaluationSettings};
use stage::Context;

use crate::model::{Answer, Model};
use crate::{challenged, cross_fitted, ensemble, explanations};

/// What calibration did.
const CALIBRATION: &str = "calibration.json";
/// How long predicting took.
const SPEED: &str = "speed.json";

/// What is to be written of it.
pub(crate) struct Evaluated {
    /// Of the validation and the test rows.
    pub(crate) predictions: Vec<Prediction>,
    pub(crate) challenge: Challenge,
    /// Files written beside those that every evaluation has.
    pub(crate) files: Vec<OutputFile>,
    /// What an ensemble is made of, for the last line.
    pub(crate) made_of: String,
    /// Where tensors were, if there were any.
    pub(crate) device: Option<String>,
}

impl Evaluated {
    /// Asks the members of an ensemble.
    pub(crate) fn of_ensemble(
        context: &Context,
        members: &EnsembleSettings,
    ) -> Result<Self, Failure> {
        let (ensemble, predictions) = ensemble::predict(context, members)?;
        ensemble.write(context.output())?;
        Ok(Self {
            predictions,
            challenge: challenged::unite(context, &ensemble)?,
            files: vec![OutputFile::data(ENSEMBLE)],
            made_of: format!("; {}", ensemble.describe()),
            device: None,
        })
    }

    /// Asks a model, and why it is wrong where it is surest.
    pub(crate) fn of_model(
        context: &Context,
        settings: &EvaluationSettings,
    ) -> Result<Self, Failure> {
        let device = choose_device(context.run())?;
        let described = device.describe();
        context.progress().note(&format!("device: {described}"));
        let model = Model::load(context, settings, &device)?;
        let reader = TextReader::of(
            context.input(StageName::Train).folder(),
            model.description(),
        )?;
        let start = Instant::now();
        let validation = model.predict(context, Split::Validation)?;
        let test = model.predict(context, Split::Test)?;
        let speed = Speed {
            rows: (validation.len() + test.len()) as u64,
            seconds: start.elapsed().as_secs_f64(),
        };
        write_json(&context.output().join(SPEED), &speed)?;
        let calibration = &model.description().calibration;
        let all = validation.iter().chain(&test);
        let predictions: Vec<Prediction> = all.map(|answer| answer.prediction).collect();
        let of_test = &predictions[validation.len()..];
        let mut files = vec![
            OutputFile::record(SPEED),
            OutputFile::data(explanations::EXPLANATIONS),
        ];
        if let Some(file) = before_and_after(&test, calibration.describe())? {
            write_json(&context.output().join(CALIBRATION), &file)?;
            files.push(OutputFile::data(CALIBRATION));
        }
        if let Model::Linear(description, model) = &model {
            files.extend(cross_fitted::write(
                context,
                settings,
                (description, model),
            )?);
        }
        explanations::write(context, (model.scorer(), &reader), of_test)?;
        let challenge = challenged::ask(context, (model.scorer(), &reader), calibration)?;
        model.print_notes(context);
        Ok(Self {
            predictions,
            challenge,
            files,
            made_of: String::new(),
            device: Some(described),
        })
    }
}

/// What calibration did to the probabilities of the test rows; `None` where there are none.
fn before_and_after(
    answers: &[Answer],
    method: String,
) -> Result<Option<CalibrationFile>, Failure> {
    let labels: Vec<u8> = answers.iter().map(|it| it.prediction.label).collect();
    let figures = |probability: fn(&Answer) -> f32| {
        let probabilities: Vec<f32> = answers.iter().map(probability).collect();
        let tally = ScoredRows::new(&labels, &probabilities).map_err(Failure::from_error)?;
        Ok::<_, Failure>(ProbabilityFigures::of(&tally))
    };
    let before = figures(|answer| answer.uncalibrated)?;
    let after = figures(|answer| answer.prediction.probability)?;
    Ok(before.zip(after).map(|(before, after)| CalibrationFile {
        method,
        rows: labels.len() as u64,
        before,
        after,
    }))
}
