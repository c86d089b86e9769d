//! What the service counts about itself, and how Prometheus reads it: the text format, version 0.0.4
//! (<https://prometheus.io/docs/instrumenting/exposition_formats/>).

use std::collections::BTreeMap;
use std::fmt::Write;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::source::ModelIdentity;

/// Upper ends of the classes of durations, in seconds.
const SECONDS: [f64; 15] = [
    0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0, 30.0, 120.0,
];

/// Upper ends of the classes of batch sizes, in texts.
const TEXTS: [f64; 8] = [1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 256.0];

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

#[derive(Debug, Default)]
struct Counters {
    /// By path and status.
    requests: BTreeMap<(String, u16), u64>,
    /// By path.
    durations: BTreeMap<String, Histogram<15>>,
    batches: Histogram<8>,
    /// Reviews of all trends.
    reviews: u64,
    connections_refused: u64,
    model: Option<Arc<ModelIdentity>>,
    loads: u64,
    failed_loads: u64,
    load_error: Option<String>,
}

#[derive(Clone, Debug)]
struct Histogram<const N: usize> {
    ends: [f64; N],
    counts: [u64; N],
    sum: f64,
    count: u64,
}

impl<const N: usize> Histogram<N> {
    fn new(ends: [f64; N]) -> Self {
        Self {
            ends,
            counts: [0; N],
            sum: 0.0,
            count: 0,
        }
    }

    fn add(&mut self, value: f64) {
        if let Some(class) = self.ends.iter().position(|end| value <= *end) {
            self.counts[class] += 1;
        }
        self.sum += value;
        self.count += 1;
    }

    /// Prometheus' classes are cumulative.
    fn write(&self, text: &mut String, name: &str, label: &str) {
        let mut below = 0;
        let comma = if label.is_empty() { "" } else { "," };
        for (end, count) in self.ends.iter().zip(self.counts) {
            below += count;
            let _ = writeln!(text, "{name}_bucket{{{label}{comma}le=\"{end}\"}} {below}");
        }
        let (sum, count) = (self.sum, self.count);
        let _ = writeln!(text, "{name}_bucket{{{label}{comma}le=\"+Inf\"}} {count}");
        let labels = if label.is_empty() {
            String::new()
        } else {
            format!("{{{label}}}")
        };
        let _ = writeln!(text, "{name}_sum{labels} {sum}");
        let _ = writeln!(text, "{name}_count{labels} {count}");
    }
}

impl Default for Histogram<8> {
    fn default() -> Self {
        Self::new(TEXTS)
    }
}

impl Telemetry {
    fn counters(&self) -> MutexGuard<'_, Counters> {
        // Numbers are whole after a panic elsewhere, too.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A request was answered.
    pub(crate) fn answered(&self, path: &str, status: u16, took: Duration) {
        let mut counters = self.counters();
        *counters
            .requests
            .entry((path.to_owned(), status))
            .or_default() += 1;
        counters
            .durations
            .entry(path.to_owned())
            .or_insert_with(|| Histogram::new(SECONDS))
            .add(took.as_secs_f64());
    }

    /// So many texts are computed together.
    pub(crate) fn computed(&self, texts: usize) {
        self.counters().batches.add(texts as f64);
    }

    /// A trend was made of so many reviews.
    pub(crate) fn read_reviews(&self, reviews: u64) {
        self.counters().reviews += reviews;
    }

    /// A connection beyond the limit was refused.
    pub(crate) fn refused_connection(&self) {
        self.counters().connections_refused += 1;
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

    /// The model was found again as it is served.
    pub(crate) fn load_recovered(&self) {
        self.counters().load_error = None;
    }

    /// The model that answers, and why a newer one does not.
    pub(crate) fn model(&self) -> (Option<Arc<ModelIdentity>>, Option<String>) {
        let counters = self.counters();
        (counters.model.clone(), counters.load_error.clone())
    }

    /// Everything, as Prometheus reads it.
    pub(crate) fn exposition(&self, now: Now) -> String {
        let counters = self.counters();
        let mut text = String::new();
        let mut family = |name: &str, kind: &str, help: &str, lines: &str| {
            let _ = write!(text, "# HELP {name} {help}\n# TYPE {name} {kind}\n{lines}");
        };
        let mut lines = String::new();
        for ((path, status), count) in &counters.requests {
            let labels = format!("path=\"{path}\",status=\"{status}\"");
            let _ = writeln!(lines, "ressenti_requests_total{{{labels}}} {count}");
        }
        let help = "Requests answered, by path and status.";
        family("ressenti_requests_total", "counter", help, &lines);

        let mut lines = String::new();
        for (path, histogram) in &counters.durations {
            let label = format!("path=\"{path}\"");
            histogram.write(&mut lines, "ressenti_request_duration_seconds", &label);
        }
        let help = "From the head of a request to the head of its answer.";
        family(
            "ressenti_request_duration_seconds",
            "histogram",
            help,
            &lines,
        );

        let mut lines = String::new();
        counters
            .batches
            .write(&mut lines, "ressenti_batch_texts", "");
        let help = "Texts that the model was asked about together.";
        family("ressenti_batch_texts", "histogram", help, &lines);

        if let Some(model) = &counters.model {
            let name = escaped(&model.name);
            let labels = format!("name=\"{name}\",fingerprint=\"{}\"", model.fingerprint);
            let line = format!("ressenti_model_info{{{labels}}} 1\n");
            family(
                "ressenti_model_info",
                "gauge",
                "The model that answers.",
                &line,
            );
        }
        let failing = u64::from(counters.load_error.is_some());
        let memory = resident_bytes().unwrap_or(0);
        for (name, kind, help, value) in [
            (
                "ressenti_queue_texts",
                "gauge",
                "Texts that wait or are computed.",
                now.texts as u64,
            ),
            (
                "ressenti_trends",
                "gauge",
                "Trends that wait or are made.",
                now.trends as u64,
            ),
            (
                "ressenti_trend_reviews_total",
                "counter",
                "Reviews that trends were made of.",
                counters.reviews,
            ),
            (
                "ressenti_connections",
                "gauge",
                "Open connections.",
                now.connections as u64,
            ),
            (
                "ressenti_connections_refused_total",
                "counter",
                "Connections beyond the limit.",
                counters.connections_refused,
            ),
            (
                "ressenti_model_loads_total",
                "counter",
                "Models loaded, the first one counted.",
                counters.loads,
            ),
            (
                "ressenti_model_load_failures_total",
                "counter",
                "Changed models that could not be loaded.",
                counters.failed_loads,
            ),
            (
                "ressenti_model_stale",
                "gauge",
                "1 where a changed model could not be loaded and the one before it answers.",
                failing,
            ),
            (
                "process_resident_memory_bytes",
                "gauge",
                "Memory of the process.",
                memory,
            ),
        ] {
            family(name, kind, help, &format!("{name} {value}\n"));
        }
        text
    }
}

/// A label's value may hold anything that a model's name may.
fn escaped(text: &str) -> String {
    text.replace('\\', "\\\\")
        .replace('"', "\\\"")
        .replace('\n', "\\n")
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
        telemetry.read_reviews(7);
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
        // Every line is a comment or a name with a number.
        for line in text.lines().filter(|line| !line.starts_with('#')) {
            let value = line.rsplit(' ').next().expect("a word");
            assert!(value.parse::<f64>().is_ok(), "{line}");
        }
    }
}
