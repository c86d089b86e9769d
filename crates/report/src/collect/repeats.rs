//! Models that were trained several times with different seeds.

use artifact::StageName;
use indexmap::IndexMap;
use metrics::{Metric, MetricsFile};
use stage::Context;

use crate::data::RepeatsData;

/// The accuracy of every training of these models.
pub(super) fn collect(
    context: &Context,
    repeats: &IndexMap<String, Vec<String>>,
    metrics: &MetricsFile,
) -> Vec<RepeatsData> {
    let collect = |(model, others): (&String, &Vec<String>)| {
        let trained: Vec<&String> = std::iter::once(model).chain(others).collect();
        let accuracy = |name: &&String| Some(metrics.figure(name, Metric::Accuracy)?.value());
        let steps = context.inputs(StageName::Train);
        let steps = steps.filter(|(name, _)| trained.iter().any(|trained| trained == name));
        let seconds = steps.map(|(_, artifact)| artifact.manifest().run.seconds);
        RepeatsData {
            model: model.clone(),
            seconds: seconds.sum(),
            accuracies: trained.iter().filter_map(accuracy).collect(),
        }
    };
    repeats.iter().map(collect).collect()
}
