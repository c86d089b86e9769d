//! How the steps of a run ended, counted.

use artifact::StageName;
use settings::StepId;

/// What became of a run.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RunSummary {
    /// Steps whose output was there.
    pub fresh: u64,
    /// Steps that were built.
    pub done: u64,
    /// Steps that failed.
    pub failed: u64,
    /// Steps that wait for a failed one.
    pub held: u64,
    /// Steps that were not tried because the run stopped.
    pub untried: u64,
    /// Whether the report is there and shows the state of things.
    pub reported: bool,
    /// Whether the user stopped it.
    pub interrupted: bool,
    /// The exit code: of the first stage that failed, 130 when interrupted.
    pub code: u8,
}

/// How one step ended.
pub(crate) enum StepEnd {
    Fresh,
    Done,
    /// The output is there, and it is significantly worse than the baseline.
    Refused {
        code: u8,
        reason: String,
    },
    Failed {
        code: u8,
        reason: String,
    },
    Interrupted,
}

impl RunSummary {
    pub(crate) fn count(&mut self, id: &StepId, end: &StepEnd) {
        match end {
            StepEnd::Fresh => self.fresh += 1,
            StepEnd::Done => self.done += 1,
            StepEnd::Interrupted => {
                self.interrupted = true;
                self.untried += 1;
            }
            StepEnd::Refused { code, .. } | StepEnd::Failed { code, .. } => {
                self.failed += 1;
                if self.code == 0 {
                    self.code = *code;
                }
            }
        }
        let has_output = matches!(
            end,
            StepEnd::Fresh | StepEnd::Done | StepEnd::Refused { .. }
        );
        self.reported |= id.stage == StageName::Report && has_output;
    }
}
