//! What the service counts about itself, and how Prometheus reads it: the text format, version 0.0.4
//! (<https://prometheus.io/docs/instrumenting/exposition_formats/>).
//!
//! It is written by code of our own because prometheus-client writes OpenMetrics, where buckets have other labels
//! (`le="10.0"`) than those that people's dashboards select.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::source::ModelIdentity;

/// Upper ends of the classes of durations, in seconds.
const SECONDS: &[f64] = &[
    0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0, 30.0, 120.0,
];

/// Upper ends of the classes of batch sizes, in texts.
const TEXTS: &[f64] = &[1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 256.0];

/// What is under way at an instant.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Now {
    /// Texts that wait or are computed.
    pub(crate) texts: usize,
    /// Trends that wait or are made.
    pub(crate) trends: usize,
    /// Open connections.
    pub(crate) connections: usize,
}

/// All counters. One lock is held for nanoseconds.
#[derive(Debug, Default)]
pub(crate) struct Telemetry(Mutex<Counters>);

/// What is counted.
#[derive(Debug, Default)]
pub(crate) struct Counters {
    /// By path and status.
    requests: BTreeMap<(String, u16), u64>,
    /// By path.
    durations: BTreeMap<String, Histogram>,
    batches: Histogram,
    /// Reviews of all trends.
    pub(crate) reviews: u64,
    pub(crate) connections_refused: u64,
    model: Option<Arc<ModelIdentity>>,
    loads: u64,
    failed_loads: u64,
    /// Why a changed model could not be loaded; nothing where the model is as it is served.
    pub(crate) load_error: Option<String>,
}

/// Values by class; the upper ends of the classes are given with every value, and are always the same.
#[derive(Debug, Default)]
struct Histogram {
    counts: Vec<u64>,
    sum: f64,
    count: u64,
}

impl Histogram {
    fn add(&mut self, ends: &[f64], value: f64) {
        self.counts.resize(ends.len(), 0);
        if let Some(class) = ends.iter().position(|end| value <= *end) {
            self.counts[class] += 1;
        }
        self.sum += value;
        self.count += 1;
    }
}

impl Telemetry {
    /// The counters, for as long as nothing waits for anything else.
    pub(crate) fn counters(&self) -> MutexGuard<'_, Counters> {
        // Numbers are whole after a panic elsewhere, too.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A request was answered.
    pub(crate) fn answered(&self, path: &str, status: u16, took: Duration) {
        let mut counters = self.counters();
        let request = (path.to_owned(), status);
        *counters.requests.entry(request).or_default() += 1;
        let durations = counters.durations.entry(path.to_owned()).or_default();
        durations.add(SECONDS, took.as_secs_f64());
    }

    /// So many texts are computed together.
    pub(crate) fn computed(&self, texts: usize) {
        self.counters().batches.add(TEXTS, texts as f64);
    }

    /// From now on this model answers.
    pub(crate) fn set_model(&self, model: Arc<ModelIdentity>) {
        let mut counters = self.counters();
        counters.model = Some(model);
        counters.loads += 1;
        counters.load_error = None;
    }

    /// A changed model could not be loaded.
    pub(crate) fn load_failed(&self, problem: String) {
        let mut counters = self.counters();
        counters.failed_loads += 1;
        counters.load_error = Some(problem);
    }

    /// The model that answers, and why a newer one does not.
    pub(crate) fn model(&self) -> (Option<Arc<ModelIdentity>>, Option<String>) {
        let counters = self.counters();
        (counters.model.clone(), counters.load_error.clone())
    }

    /// Everything, as Prometheus reads it.
    pub(crate) fn exposition(&self, now: Now) -> String {
        let (texts, trends, connections) = (now.texts, now.trends, now.connections);
        let counters = self.counters();
        let mut text = Exposition::default();
        text.family(
            "ressenti_requests_total",
            "counter",
            "Requests answered, by path and status.",
        );
        for ((path, status), count) in &counters.requests {
            let status = status.to_string();
            text.value("", &[("path", path), ("status", &status)], count);
        }
        text.family(
            "ressenti_request_duration_seconds",
            "histogram",
            "From the head of a request to the head of its answer.",
        );
        for (path, histogram) in &counters.durations {
            text.histogram(SECONDS, histogram, &[("path", path)]);
        }
        text.family(
            "ressenti_batch_texts",
            "histogram",
            "Texts that the model was asked about together.",
        );
        text.histogram(TEXTS, &counters.batches, &[]);
        if let Some(model) = &counters.model {
            text.family("ressenti_model_info", "gauge", "The model that answers.");
            let labels = [("name", &*model.name), ("fingerprint", &*model.fingerprint)];
            text.value("", &labels, 1);
        }
        let (reviews, refused) = (counters.reviews, counters.connections_refused);
        let (loads, failed_loads) = (counters.loads, counters.failed_loads);
        let stale = u64::from(counters.load_error.is_some());
        let memory = resident_bytes().unwrap_or(0);
        text.text + &format!("\
# HELP ressenti_queue_texts Texts that wait or are computed.
# TYPE ressenti_queue_texts gauge
ressenti_queue_texts {texts}
# HELP ressenti_trends Trends that wait or are made.
# TYPE ressenti_trends gauge
ressenti_trends {trends}
# HELP ressenti_trend_reviews_total Reviews that trends were made of.
# TYPE ressenti_trend_reviews_total counter
ressenti_trend_reviews_total {reviews}
# HELP ressenti_connections Open connections.
# TYPE ressenti_connections gauge
ressenti_connections {connections}
# HELP ressenti_connections_refused_total Connections beyond the limit.
# TYPE ressenti_connections_refused_total counter
ressenti_connections_refused_total {refused}
# HELP ressenti_model_loads_total Models loaded, the first one counted.
# TYPE ressenti_model_loads_total counter
ressenti_model_loads_total {loads}
# HELP ressenti_model_load_failures_total Changed models that could not be loaded.
# TYPE ressenti_model_load_failures_total counter
ressenti_model_load_failures_total {failed_loads}
# HELP ressenti_model_stale 1 where a changed model could not be loaded and the one before it answers.
# TYPE ressenti_model_stale gauge
ressenti_model_stale {stale}
# HELP process_resident_memory_bytes Memory of the process.
# TYPE process_resident_memory_bytes gauge
process_resident_memory_bytes {memory}
")
    }
}

/// The text format under way.
#[derive(Default)]
struct Exposition {
    text: String,
    /// The metric whose values follow.
    name: &'static str,
}

impl Exposition {
    fn family(&mut self, name: &'static str, kind: &str, help: &str) {
        self.name = name;
        let _ = write!(self.text, "# HELP {name} {help}\n# TYPE {name} {kind}\n");
    }

    fn value(&mut self, suffix: &str, labels: &[(&str, &str)], value: impl std::fmt::Display) {
        let name = self.name;
        // A label's value may hold anything that a model's name may.
        let label = |(label, value): &(&str, &str)| {
            let escaped = value.replace('\\', "\\\\").replace('"', "\\\"");
            format!("{label}=\"{}\"", escaped.replace('\n', "\\n"))
        };
        let labels: Vec<String> = labels.iter().map(label).collect();
        let _ = match labels.is_empty() {
            true => writeln!(self.text, "{name}{suffix} {value}"),
            false => writeln!(self.text, "{name}{suffix}{{{}}} {value}", labels.join(",")),
        };
    }

    /// Prometheus' classes are cumulative.
    fn histogram(&mut self, ends: &[f64], histogram: &Histogram, labels: &[(&str, &str)]) {
        let mut below = 0;
        let mut bucket = |end: &str, count: u64| {
            self.value("_bucket", &[labels, &[("le", end)]].concat(), count);
        };
        for (class, end) in ends.iter().enumerate() {
            below += histogram.counts.get(class).unwrap_or(&0);
            bucket(&end.to_string(), below);
        }
        bucket("+Inf", histogram.count);
        self.value("_sum", labels, histogram.sum);
        self.value("_count", labels, histogram.count);
    }
}

/// Memory of this process, where the system says it as Linux does.
fn resident_bytes() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kibibytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kibibytes * 1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn histograms_are_cumulative_and_count_what_is_beyond_their_last_class() {
        let telemetry = Telemetry::default();
        for milliseconds in [1, 2, 40_000] {
            telemetry.answered("/predict", 200, Duration::from_millis(milliseconds));
        }
        telemetry.computed(3);
        telemetry.set_model(Arc::new(ModelIdentity {
            name: "a \"b\"".to_owned(),
            fingerprint: "0f".to_owned(),
            loaded_at: 0,
            made: None,
        }));
        telemetry.counters().reviews += 7;
        let text = telemetry.exposition(Now {
            texts: 5,
            trends: 1,
            connections: 2,
        });
        for line in [
            "ressenti_requests_total{path=\"/predict\",status=\"200\"} 3",
            "ressenti_request_duration_seconds_bucket{path=\"/predict\",le=\"0.001\"} 1",
            "ressenti_request_duration_seconds_bucket{path=\"/predict\",le=\"10\"} 2",
            "ressenti_request_duration_seconds_bucket{path=\"/predict\",le=\"+Inf\"} 3",
            "ressenti_batch_texts_bucket{le=\"4\"} 1",
            "ressenti_batch_texts_count 1",
            "ressenti_model_info{name=\"a \\\"b\\\"\",fingerprint=\"0f\"} 1",
            "ressenti_queue_texts 5",
            "ressenti_trends 1",
            "ressenti_trend_reviews_total 7",
            "ressenti_connections 2",
        ] {
            assert!(text.lines().any(|found| found == line), "{line}\n{text}");
        }
        let batches = "# HELP ressenti_batch_texts Texts that the model was asked about together.\n\
            # TYPE ressenti_batch_texts histogram\n\
            ressenti_batch_texts_bucket{le=\"1\"} 0\n\
            ressenti_batch_texts_bucket{le=\"2\"} 0\n\
            ressenti_batch_texts_bucket{le=\"4\"} 1\n";
        assert!(text.contains(batches), "{text}");
        let end = "le=\"+Inf\"} 1\nressenti_batch_texts_sum 3\nressenti_batch_texts_count 1\n";
        assert!(text.contains(end), "{text}");
        for (name, kind) in [
            ("ressenti_requests_total", "counter"),
            ("ressenti_request_duration_seconds", "histogram"),
            ("ressenti_batch_texts", "histogram"),
            ("ressenti_model_info", "gauge"),
            ("ressenti_queue_texts", "gauge"),
            ("ressenti_trends", "gauge"),
            ("ressenti_trend_reviews_total", "counter"),
            ("ressenti_connections", "gauge"),
            ("ressenti_connections_refused_total", "counter"),
            ("ressenti_model_loads_total", "counter"),
            ("ressenti_model_load_failures_total", "counter"),
            ("ressenti_model_stale", "gauge"),
            ("process_resident_memory_bytes", "gauge"),
        ] {
            let line = format!("# TYPE {name} {kind}\n");
            assert_eq!(text.matches(&line).count(), 1, "{name}\n{text}");
        }
        // Every line is a comment or a name with a number.
        for line in text.lines().filter(|line| !line.starts_with('#')) {
            let value = line.rsplit(' ').next().expect("a word");
            assert!(value.parse::<f64>().is_ok(), "{line}");
        }
    }
}
