//! Doubles for tests: a project whose stages are one function, called in place of their programs.

use std::collections::BTreeMap;
use std::sync::Mutex;

use artifact::{Contract, Digest, Failure, Sentiment, StageName};
use settings::{Pipeline, Step, StepId};
use stage::{PipelineArguments, ProgressMode, Resolver, StepState};
use testkit::{Project, TestArtifact};

use crate::known_artifacts::KnownArtifacts;
use crate::launch::{Ending, Job};
use crate::plan::{self, in_words};
use crate::run::{Run, RunOptions};
use crate::run_summary::RunSummary;
use crate::selection::Request;
use crate::workspace::Workspace;

/// The steps of the tiny pipeline.
pub(crate) fn tiny_steps() -> Vec<Step> {
    Project::tiny().pipeline(&[]).steps()
}

/// A project, and stages that write what the test tells them to.
pub(crate) struct World {
    pub(crate) project: Project,
    /// Settings changed, as with `--set`.
    pub(crate) changes: Vec<String>,
    /// What a stage writes where it is not a digest of its inputs and settings.
    pub(crate) contents: BTreeMap<String, String>,
    /// How a step ends that does not end well.
    pub(crate) endings: BTreeMap<String, Ending>,
    /// Whether the run is compared with a baseline. A step that then ends badly has its output.
    pub(crate) baseline: bool,
    pub(crate) keep_going: bool,
    pub(crate) jobs: usize,
    /// The cores that all jobs share.
    pub(crate) cores: usize,
}

impl World {
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

    pub(crate) fn workspace(&self, request: &Request) -> Result<Workspace, Failure> {
        let mut overrides = self.changes.clone();
        overrides.push(format!("run.threads={}", self.cores));
        let overrides = overrides
            .iter()
            .map(|text| text.parse().expect("an override"));
        let arguments = PipelineArguments {
            overrides: overrides.collect(),
            ..arguments(&self.project)
        };
        Workspace::load(&arguments, request)
    }

    /// What a plan says: a line for each step that is not fresh.
    pub(crate) fn plan(&self, request: &Request) -> Result<Vec<String>, Failure> {
        let workspace = self.workspace(request)?;
        let planned = workspace.plan(&mut KnownArtifacts::new(&workspace.store))?;
        let stale = planned.iter().filter(|step| !step.is_fresh());
        Ok(stale
            .map(|step| format!("{}: {}", step.facts.id, in_words(&step.reasons)))
            .collect())
    }

    /// Runs, and says which stages were started, in order, and what became of it.
    pub(crate) fn run(&self, request: &Request) -> Result<(Vec<String>, RunSummary), Failure> {
        self.run_and_show(request)
            .map(|(started, tally, _)| (started, tally))
    }

    /// The same, with the lines shown for failed and held steps.
    pub(crate) fn run_and_show(
        &self,
        request: &Request,
    ) -> Result<(Vec<String>, RunSummary, Vec<String>), Failure> {
        let workspace = self.workspace(request)?;
        let baseline = self.baseline.then(|| "metrics.json".into());
        let options = RunOptions {
            keep_going: self.keep_going,
            baseline,
            jobs: self.jobs,
        };
        let started = Mutex::new(Vec::new());
        let launch = |job: &Job| {
            let id = self.step_of(job);
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
            Ok(self.build(&id))
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
        };
        let tally = run.run(&mut artifacts)?;
        let started = started.into_inner().expect("no launch panics");
        Ok((started, tally, lines))
    }

    /// A job says its step just as a person would.
    pub(crate) fn step_of(&self, job: &Job) -> StepId {
        let position = job
            .arguments
            .iter()
            .position(|argument| argument == "--variant")
            .expect("a variant");
        StepId::new(job.stage, &job.arguments[position + 1])
    }

    /// What a stage's program does: resolve, build, commit.
    pub(crate) fn build(&self, id: &StepId) -> Ending {
        let ending = self
            .endings
            .get(&id.to_string())
            .cloned()
            .unwrap_or(Ending::of_code(0));
        if ending.code != 0 && !self.baseline {
            return ending;
        }
        let pipeline = self.pipeline();
        let store = self.project.store();
        let step = pipeline
            .step(id.stage, Some(&id.variant))
            .expect("a step of the pipeline");
        let resolved = Resolver::new(&pipeline, &store)
            .resolve(&step)
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

/// The arguments of a run of a project as it is.
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
        },
        StageName::Tokenize => Contract::Tokens {
            tokenizer,
            vocabulary_size,
            pad_id,
            unknown_id: Some(1),
            max_length,
            classes,
            normalization: None,
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

/// A step's facts where nothing was ever built.
pub(crate) fn facts(stage: StageName, variant: &str) -> plan::Facts {
    plan::Facts {
        id: StepId::new(stage, variant),
        settings: serde_json::Value::Null,
        stage_version: stage.version(),
        inputs: vec![],
        sources: vec![],
        output: plan::Output::Absent(plan::Latest::Nothing),
        kept: None,
        builder: None,
        asked: false,
    }
}
