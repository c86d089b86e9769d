//! The steps that `--model NAME` selects.

use std::collections::BTreeSet;
use std::iter::once;

use artifact::{Failure, Source, StageName};
use indexmap::IndexSet;

use crate::check::check_vectors;
use crate::encoder::read_config;
use crate::names::{suggest, unknown_variant};
use crate::setting_path::SettingPath;
use crate::{EmbeddingKind, Pipeline, Step, StepId, Trial};

impl Pipeline {
    /// The names of all results: models, ensembles, sweeps and range tests.
    pub fn result_names(&self) -> impl Iterator<Item = &String> {
        let trials = self.trials.iter();
        let range_tests = trials.filter(|(_, settings)| settings.range_test.is_some());
        let names = self.evaluations.keys().chain(self.report.sweeps.keys());
        names.chain(range_tests.map(|(name, _)| name))
    }

    /// The steps with a name, which can also be the name of a sweep. If a stage is given, only its steps: those with
    /// the name, or else those that the named ones need.
    ///
    /// # Errors
    /// There are none.
    pub fn named_steps(
        &self,
        steps: &[Step],
        stage: Option<StageName>,
        name: &str,
    ) -> Result<BTreeSet<StepId>, Failure> {
        let sweeps = self.sweep_by_step();
        let is_trial = |id: &StepId| sweeps.get(id.variant.as_str()) == Some(&name);
        let ids = || steps.iter().map(|step| &step.id);
        let is_selected = |id: &&StepId| match stage {
            Some(stage) => id.stage == stage,
            None => !id.has_single_variant(),
        };
        let named = ids().filter(is_selected);
        let named = named.filter(|id| id.variant == name || is_trial(id));
        let named: BTreeSet<StepId> = named.cloned().collect();
        if !named.is_empty() {
            return Ok(named);
        }
        let Some(stage) = stage else {
            let tables = self.embeddings.keys().chain(self.tokenizers.keys());
            let known: IndexSet<&String> = self.result_names().chain(tables).collect();
            let known: Vec<String> = known.into_iter().cloned().collect();
            let message = format!("There is no model `{name}` in the pipeline file");
            return Err(Failure::new(message).with_hint(suggest(name, &known)));
        };
        let users = self.named_steps(steps, None, name).unwrap_or_default();
        let mut needed = with_dependencies(steps, users);
        needed.retain(|id| id.stage == stage);
        if needed.is_empty() {
            let of_stage = ids().filter(|id| id.stage == stage);
            let known: Vec<String> = of_stage.map(|id| id.variant.clone()).collect();
            return Err(unknown_variant(stage, name, &known));
        }
        Ok(needed)
    }

    /// The steps of one stage with these names; without names the only step of the stage. The names of a report
    /// are the results that it shows.
    ///
    /// # Errors
    /// A name is unknown, or the stage has several steps and there are no names.
    pub fn steps_of_stage(&self, stage: StageName, names: &[String]) -> Result<Vec<Step>, Failure> {
        match stage {
            _ if names.is_empty() => return Ok(vec![self.step(stage, None)?]),
            StageName::Report => return Ok(vec![self.report_of(names)?]),
            _ => {}
        }
        let mut steps = self.steps();
        let mut chosen = BTreeSet::new();
        for name in names {
            chosen.extend(self.named_steps(&steps, Some(stage), name)?);
        }
        steps.retain(|step| chosen.contains(&step.id));
        Ok(steps)
    }

    /// The report with only these results.
    ///
    /// # Errors
    /// A name is unknown, or none is the name of a model or an ensemble.
    pub fn report_of(&self, names: &[String]) -> Result<Step, Failure> {
        let steps = self.steps();
        let mut chosen = BTreeSet::new();
        for name in names {
            chosen.extend(self.named_steps(&steps, None, name)?);
        }
        let chosen = with_dependencies(&steps, chosen);
        let mut report = self.step(StageName::Report, None)?;
        report.inputs.retain(|id| chosen.contains(id));
        let mut inputs = report.inputs.iter();
        if inputs.all(|id| id.stage != StageName::Evaluate) {
            let known: Vec<String> = self.evaluations.keys().cloned().collect();
            let failure = Failure::new("The report needs at least one model or ensemble");
            return Err(failure.with_hint(suggest("", &known)));
        }
        let has = |stage, name: &str| chosen.contains(&StepId::new(stage, name));
        let mut settings = self.report.clone();
        let is_trained = |trial: &Trial| has(StageName::Train, &trial.name);
        let sweeps = &mut settings.sweeps;
        sweeps.retain(|_, trials| trials.iter().all(is_trained));
        settings.repeats.retain(|model, repeats| {
            repeats.retain(|repeat| has(StageName::Evaluate, repeat));
            has(StageName::Evaluate, model) && !repeats.is_empty()
        });
        report.settings = serde_json::to_value(settings).expect("settings are plain data");
        Ok(report)
    }

    /// Checks that the files exist which a step reads. [`Pipeline::load`] accepts missing files of embeddings, because
    /// the steps that read them may not be selected.
    ///
    /// # Errors
    /// A file is missing.
    pub fn check_files(&self, step: &Step) -> Result<(), Failure> {
        let is_missing = |source: &Source| matches!(source, Source::Path(path) if !path.exists());
        if step.id.stage != StageName::Embed || !step.sources.iter().any(is_missing) {
            return Ok(());
        }
        let key = SettingPath::new("embedding").join(&step.id.variant);
        let embedding = &self.embeddings[&step.id.variant];
        match (embedding.kind, &embedding.source) {
            (EmbeddingKind::Encoder, Some(folder)) => read_config(&key, folder).map(drop),
            _ => check_vectors(&key, embedding),
        }
    }

    /// A model, and its repetitions with other seeds.
    pub fn with_repeats(&self, model: &str) -> impl Iterator<Item = String> {
        let repeats = self.report.repeats.get(model).cloned();
        once(model.to_owned()).chain(repeats.into_iter().flatten())
    }
}

/// These steps and all their inputs, direct or indirect. Inputs come first in `steps`, so one pass from the
/// end is enough.
pub fn with_dependencies(steps: &[Step], mut chosen: BTreeSet<StepId>) -> BTreeSet<StepId> {
    for step in steps.iter().rev() {
        if chosen.contains(&step.id) {
            chosen.extend(step.inputs.iter().cloned());
        }
    }
    chosen
}
