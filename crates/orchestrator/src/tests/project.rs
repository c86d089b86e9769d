//! A project for tests in which a function replaces the stage programs.

use std::collections::BTreeMap;
use std::sync::Mutex;

use artifact::{Contract, Digest, Failure, Sentiment, StageName};
use settings::{Pipeline, Step, StepId};
use stage::{PipelineArguments, ProgressMode, Resolver, StepState};
use testkit::{Project, TestArtifact};

use crate::known_artifacts::KnownArtifacts;
use crate::launch::{ProcessEnd, StageJob};
use crate::plan::{LatestOutput, Output, PlannedStep, format_reasons};
use crate::run::{Run, RunOptions};
use crate::run_summary::RunSummary;
use crate::selection::SelectionArguments;
use crate::workspace::Workspace;

/// The steps of the tiny pipeline.
pub(crate) fn tiny_steps() -> Vec<Step> {
    Project::tiny().pipeline(&[]).steps()
}

/// A project whose stages write what the test wants.
pub(crate) struct FakePipeline {
    pub(crate) project: Project,
    /// Changed settings, as with `--set`.
    pub(crate) changes: Vec<String>,
    /// What a step writes, if not a digest of its inputs and settings.
    pub(crate) contents: BTreeMap<String, String>,
    /// How failing steps end.
    pub(crate) endings: BTreeMap<String, ProcessEnd>,
    /// Whether the run compares with a baseline. A failing step then has written its output.
    pub(crate) baseline: bool,
    pub(crate) keep_going: bool,
    pub(crate) jobs: usize,
    /// The cores that all parallel steps share.
    pub(crate) cores: usize,
}

impl FakePipeline {
    pub(crate) fn new() -> Self {
        Self {
            project: Project::tiny(),
            changes: vec![],
            contents: BTreeMap::new(),
            endings: BTreeMap::new(),
            baseline: false,
            keep_going: false,
            jobs: 1,
            cores: 8,
        }
    }

    pub(crate) fn pipeline(&self) -> Pipeline {
        let changes: Vec<&str> = self.changes.iter().map(String::as_str).collect();
        self.project.pipeline(&changes)
    }

    pub(crate) fn workspace(&self, selection: &SelectionArguments) -> Result<Workspace, Failure> {
        let mut overrides = self.changes.clone();
        overrides.push(format!("run.threads={}", self.cores));
        let overrides = overrides
            .iter()
            .map(|text| text.parse().expect("an override"));
        let arguments = PipelineArguments {
            overrides: overrides.collect(),
            ..arguments(&self.project)
        };
        let mut workspace = Workspace::load(&arguments, selection)?;
        workspace.pipeline.run.jobs = self.jobs;
        Ok(workspace)
    }

    /// The lines of a plan for steps that are not fresh.
    pub(crate) fn plan(&self, selection: &SelectionArguments) -> Result<Vec<String>, Failure> {
        let workspace = self.workspace(selection)?;
        let planned = workspace.plan(&mut KnownArtifacts::new(&workspace.store))?;
        let stale = planned.iter().filter(|step| !step.is_fresh());
        Ok(stale
            .map(|step| format!("{}: {}", step.id, format_reasons(&step.reasons)))
            .collect())
    }

    /// Runs the pipeline. Returns the started steps in order, and the summary.
    pub(crate) fn run(
        &self,
        selection: &SelectionArguments,
    ) -> Result<(Vec<String>, RunSummary), Failure> {
        self.run_and_show(selection)
            .map(|(started, summary, _)| (started, summary))
    }

    /// Like `run`, with the lines printed for failed and blocked steps.
    pub(crate) fn run_and_show(
        &self,
        selection: &SelectionArguments,
    ) -> Result<(Vec<String>, RunSummary, Vec<String>), Failure> {
        let workspace = self.workspace(selection)?;
        let baseline = self.baseline.then(|| "metrics.json".into());
        let options = RunOptions {
            keep_going: self.keep_going,
            baseline,
        };
        let started = Mutex::new(Vec::new());
        let launch = |job: &StageJob| {
            let step = self.step_of(job);
            let id = &step.id;
            let given = |name: &str| job.arguments.iter().any(|argument| argument == name);
            let forced = if given("--force") { " (forced)" } else { "" };
            let compared = if given("--baseline") {
                " (baseline)"
            } else {
                ""
            };
            let mut started = started.lock().expect("no launch panics");
            started.push(format!("{id}{forced}{compared}"));
            drop(started);
            Ok(self.build(&step))
        };
        let mut artifacts = KnownArtifacts::new(&workspace.store);
        workspace.plan(&mut artifacts)?;
        let mut lines = Vec::new();
        let mut show = |state: StepState, id: &StepId, text: &str| {
            if state != StepState::Fresh {
                lines.push(format!("{} {id}: {text}", state.as_str()));
            }
        };
        let mut run = Run {
            workspace: &workspace,
            options: &options,
            launch: &launch,
            show: &mut show,
            when_counted: None,
        };
        let summary = run.run(&mut artifacts)?;
        let started = started.into_inner().expect("no launch panics");
        Ok((started, summary, lines))
    }

    /// The step of a job, from its arguments, as its program finds it.
    pub(crate) fn step_of(&self, job: &StageJob) -> Step {
        let pairs = job.arguments.windows(2);
        let names = pairs.filter(|pair| pair[0] == "--model");
        let names: Vec<String> = names.map(|pair| pair[1].clone()).collect();
        let steps = self.pipeline().steps_of_stage(job.stage, &names);
        steps.expect("steps of the pipeline").remove(0)
    }

    /// Does what a stage program does: resolves inputs, builds and commits.
    pub(crate) fn build(&self, step: &Step) -> ProcessEnd {
        let id = &step.id;
        let ending = self
            .endings
            .get(&id.to_string())
            .cloned()
            .unwrap_or(ProcessEnd::of_code(0));
        if ending.code != 0 && !self.baseline {
            return ending;
        }
        let pipeline = self.pipeline();
        let store = self.project.store();
        let resolved = Resolver::new(&pipeline, &store)
            .resolve(step)
            .expect("whole manifests")
            .expect("inputs");
        let recipe = TestArtifact {
            stage: id.stage,
            settings: step.settings.clone(),
            inputs: resolved.input_references,
            sources: resolved.source_references,
            contract: contract(id.stage),
        };
        let content = self
            .contents
            .get(&id.to_string())
            .cloned()
            .unwrap_or_else(|| recipe.key().to_hex());
        recipe.commit(
            &store,
            &id.variant,
            &[("content", content.as_bytes()), ("time.record", b"1 s")],
        );
        ending
    }
}

/// The arguments of a run of an unchanged project.
pub(crate) fn arguments(project: &Project) -> PipelineArguments {
    PipelineArguments {
        pipeline: project.pipeline_file(),
        source: None,
        artifacts: None,
        overrides: vec![],
        progress: ProgressMode::None,
    }
}

fn contract(stage: StageName) -> Contract {
    let tokenizer = Digest::of_bytes(b"a tokenizer");
    let (vocabulary_size, width, max_length, pad_id) = (300, 8, 24, 0);
    let classes = Sentiment::class_names();
    match stage {
        StageName::Ingest => Contract::Reviews { rows: 60 },
        StageName::Clean => Contract::Clean {
            train: 36,
            validation: 9,
            test: 15,
            unlabelled: 0,
            classes,
            normalization: None,
            languages: Vec::new(),
        },
        StageName::Tokenize => Contract::Tokens {
            tokenizer,
            vocabulary_size,
            pad_id,
            unknown_id: Some(1),
            max_length,
            classes,
            normalization: None,
            languages: Vec::new(),
        },
        StageName::Embed => Contract::Embedding {
            tokenizer,
            vocabulary_size,
            width,
            pad_id,
        },
        StageName::Train => Contract::Model {
            tokenizer,
            vocabulary_size,
            width,
            max_length,
            classes,
        },
        StageName::Evaluate => Contract::Evaluation {
            model: "a model".to_owned(),
            rows: 15,
        },
        StageName::Report => Contract::Report { models: vec![] },
    }
}

/// A step that was never built.
pub(crate) fn never_built(stage: StageName, variant: &str) -> PlannedStep {
    PlannedStep {
        id: StepId::new(stage, variant),
        settings: serde_json::Value::Null,
        stage_version: stage.version(),
        inputs: vec![],
        sources: vec![],
        output: Output::Absent(LatestOutput::NeverBuilt),
        resume_directory: None,
        lock_holder: None,
        forced: false,
        reasons: vec![],
    }
}
