//! The predictions and other results of a model or an ensemble.

use std::time::Instant;

use artifact::Failure;
use artifact::files::{Prediction, Speed, write_json};
use artifact::{OutputFile, Split, StageName};
use bundle::{ENSEMBLE, TextReader};
use challenge::Challenge;
use classifier::choose_device;
use metrics::{CalibrationFile, ProbabilityFigures, ScoredRows, ValidationResult};
use settings::{EnsembleSettings, EvaluationSettings};
use stage::Context;

use crate::explanations::EXPLANATIONS;
use crate::model::{Model, ReviewPrediction};
use crate::{Result, challenge_set, cross_fitted, ensemble, explanations};

/// The file with calibration errors before and after calibration.
const CALIBRATION: &str = "calibration.json";
/// The file with the duration of the predictions.
const SPEED: &str = "speed.json";

/// The results of a model or an ensemble.
pub(crate) struct EvaluationOutput {
    /// For the validation and the test rows.
    pub(crate) predictions: Vec<Prediction>,
    pub(crate) challenge: Challenge,
    /// By which the best model is chosen.
    pub(crate) validation: ValidationResult,
    /// Files that only some evaluations have.
    pub(crate) files: Vec<OutputFile>,
    /// A description of an ensemble for the last line of the stage; empty for a model.
    pub(crate) description: String,
    /// The device of the tensors; `None` if there are none.
    pub(crate) device: Option<String>,
}

impl EvaluationOutput {
    /// Combines the predictions of the members of an ensemble.
    pub(crate) fn of_ensemble(context: &Context, members: &EnsembleSettings) -> Result<Self> {
        let (ensemble, predictions) = ensemble::predict(context, members)?;
        ensemble.write(context.output())?;
        Ok(Self {
            validation: ensemble::validation_result(&ensemble, &predictions),
            predictions,
            challenge: challenge_set::of_ensemble(context, &ensemble)?,
            files: vec![OutputFile::data(ENSEMBLE)],
            description: format!("; {}", ensemble.describe()),
            device: None,
        })
    }

    /// Predicts all rows with a model, and explains its most confident errors.
    pub(crate) fn of_model(context: &Context, settings: &EvaluationSettings) -> Result<Self> {
        let device = choose_device(context.run())?;
        let described = device.describe();
        context.progress().note(&format!("device: {described}"));
        let model = Model::load(context, settings, &device)?;
        let folder = context.input(StageName::Train).folder();
        let reader = TextReader::of(folder, model.description())?;
        let start = Instant::now();
        let validation = model.predict(context, Split::Validation)?;
        let test = model.predict(context, Split::Test)?;
        let seconds = start.elapsed().as_secs_f64();
        let rows = (validation.len() + test.len()) as u64;
        let speed = Speed { rows, seconds };
        write_json(&context.output().join(SPEED), &speed)?;
        let calibration = &model.description().calibration;
        let all = validation.iter().chain(&test);
        let predictions: Vec<Prediction> = all.map(|answer| answer.prediction).collect();
        let of_test = &predictions[validation.len()..];
        let mut files = vec![OutputFile::record(SPEED), OutputFile::data(EXPLANATIONS)];
        if let Some(file) = before_and_after(&test, calibration.describe())? {
            write_json(&context.output().join(CALIBRATION), &file)?;
            files.push(OutputFile::data(CALIBRATION));
        }
        if let Model::Linear(description, model) = &model {
            let parts = (&**description, model);
            files.extend(cross_fitted::write(context, settings, parts)?);
        }
        explanations::write(context, (model.scorer(), &reader), of_test)?;
        let challenge = challenge_set::of_model(context, (model.scorer(), &reader), calibration)?;
        model.print_notes(context);
        Ok(Self {
            validation: model.description().validation,
            predictions,
            challenge,
            files,
            description: String::new(),
            device: Some(described),
        })
    }
}

/// The calibration errors of the test rows before and after calibration; `None` if there are no test rows.
fn before_and_after(rows: &[ReviewPrediction], method: String) -> Result<Option<CalibrationFile>> {
    let labels: Vec<u8> = rows.iter().map(|it| it.prediction.label).collect();
    let figures = |probability: fn(&ReviewPrediction) -> f32| {
        let probabilities: Vec<f32> = rows.iter().map(probability).collect();
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
