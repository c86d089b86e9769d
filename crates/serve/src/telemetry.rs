//! Metrics of the service in Prometheus' text format, version 0.0.4
//! (<https://prometheus.io/docs/instrumenting/exposition_formats/>).
//!
//! The crate prometheus-client is not used because it writes OpenMetrics, where buckets have other labels
//! (`le="10.0"`) than those that existing dashboards select.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::source::ModelIdentity;

/// Upper bounds of the buckets for durations, in seconds.
const DURATION_BOUNDS: &[f64] = &[
    0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0, 30.0, 120.0,
];

/// Upper bounds of the buckets for batch sizes, in texts.
const BATCH_BOUNDS: &[f64] = &[1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 256.0];

/// All counters, behind one lock that is held only for nanoseconds.
#[derive(Debug, Default)]
pub(crate) struct Telemetry(Mutex<Counters>);

/// The counters.
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
    /// Why a changed model could not be loaded; `None` if the model in use is the current one.
    pub(crate) load_error: Option<String>,
}

/// Counts by bucket. Every value must be added with the same bounds.
#[derive(Debug, Default)]
struct Histogram {
    counts: Vec<u64>,
    sum: f64,
    count: u64,
}

impl Histogram {
    fn add(&mut self, bounds: &[f64], value: f64) {
        self.counts.resize(bounds.len(), 0);
        if let Some(bucket) = bounds.iter().position(|bound| value <= *bound) {
            self.counts[bucket] += 1;
        }
        self.sum += value;
        self.count += 1;
    }
}

impl Telemetry {
    /// Locks the counters; do not wait for anything while holding them.
    pub(crate) fn counters(&self) -> MutexGuard<'_, Counters> {
        // A panic of another thread cannot leave the counters invalid.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Counts an answered request.
    pub(crate) fn count_request(&self, path: &str, status: u16, duration: Duration) {
        let mut counters = self.counters();
        let request = (path.to_owned(), status);
        *counters.requests.entry(request).or_default() += 1;
        let durations = counters.durations.entry(path.to_owned()).or_default();
        durations.add(DURATION_BOUNDS, duration.as_secs_f64());
    }

    /// Counts a batch of this many texts.
    pub(crate) fn count_batch(&self, texts: usize) {
        self.counters().batches.add(BATCH_BOUNDS, texts as f64);
    }

    /// Sets the model in use.
    pub(crate) fn set_model(&self, model: Arc<ModelIdentity>) {
        let mut counters = self.counters();
        counters.model = Some(model);
        counters.loads += 1;
        counters.load_error = None;
    }

    /// Records that a changed model could not be loaded.
    pub(crate) fn load_failed(&self, problem: String) {
        let mut counters = self.counters();
        counters.failed_loads += 1;
        counters.load_error = Some(problem);
    }

    /// The model in use, and why a newer one could not be loaded.
    pub(crate) fn model(&self) -> (Option<Arc<ModelIdentity>>, Option<String>) {
        let counters = self.counters();
        (counters.model.clone(), counters.load_error.clone())
    }

    /// All metrics in Prometheus' text format, with the texts and trends queued or in progress and the open connections.
    pub(crate) fn exposition(&self, texts: usize, trends: usize, connections: usize) -> String {
        let counters = self.counters();
        let mut text = Exposition::default();
        let help = "Requests answered, by path and status.";
        text.family("ressenti_requests_total", "counter", help);
        for ((path, status), count) in &counters.requests {
            let status = status.to_string();
            text.value("", &[("path", path), ("status", &status)], count);
        }
        let help = "Seconds from the head of a request to the head of its answer.";
        text.family("ressenti_request_duration_seconds", "histogram", help);
        for (path, histogram) in &counters.durations {
            text.histogram(DURATION_BOUNDS, histogram, &[("path", path)]);
        }
        let help = "Texts in a batch of the model.";
        text.family("ressenti_batch_texts", "histogram", help);
        text.histogram(BATCH_BOUNDS, &counters.batches, &[]);
        if let Some(model) = &counters.model {
            text.family("ressenti_model_info", "gauge", "The model in use.");
            let labels = [("name", &*model.name), ("fingerprint", &*model.fingerprint)];
            text.value("", &labels, 1);
        }
        let (reviews, refused) = (counters.reviews, counters.connections_refused);
        let (loads, failed_loads) = (counters.loads, counters.failed_loads);
        let stale = u64::from(counters.load_error.is_some());
        let memory = resident_bytes().unwrap_or(0);
        text.text
            + &format!(
                "\
# HELP ressenti_queue_texts Texts queued or in progress.
# TYPE ressenti_queue_texts gauge
ressenti_queue_texts {texts}
# HELP ressenti_trends Trends queued or in progress.
# TYPE ressenti_trends gauge
ressenti_trends {trends}
# HELP ressenti_trend_reviews_total Reviews in all trends.
# TYPE ressenti_trend_reviews_total counter
ressenti_trend_reviews_total {reviews}
# HELP ressenti_connections Open connections.
# TYPE ressenti_connections gauge
ressenti_connections {connections}
# HELP ressenti_connections_refused_total Connections refused because too many were open.
# TYPE ressenti_connections_refused_total counter
ressenti_connections_refused_total {refused}
# HELP ressenti_model_loads_total Models loaded, including the first one.
# TYPE ressenti_model_loads_total counter
ressenti_model_loads_total {loads}
# HELP ressenti_model_load_failures_total Changed models that could not be loaded.
# TYPE ressenti_model_load_failures_total counter
ressenti_model_load_failures_total {failed_loads}
# HELP ressenti_model_stale 1 if a changed model could not be loaded and the old one is in use.
# TYPE ressenti_model_stale gauge
ressenti_model_stale {stale}
# HELP process_resident_memory_bytes Resident memory of the process in bytes.
# TYPE process_resident_memory_bytes gauge
process_resident_memory_bytes {memory}
"
            )
    }
}

/// Builds the text format.
#[derive(Default)]
struct Exposition {
    text: String,
    /// The current metric.
    name: &'static str,
}

impl Exposition {
    fn family(&mut self, name: &'static str, kind: &str, help: &str) {
        self.name = name;
        let _ = write!(self.text, "# HELP {name} {help}\n# TYPE {name} {kind}\n");
    }

    fn value(&mut self, suffix: &str, labels: &[(&str, &str)], value: impl std::fmt::Display) {
        let name = self.name;
        // The name of a model may contain characters that must be escaped.
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

    /// Writes a histogram; Prometheus' buckets are cumulative.
    fn histogram(&mut self, bounds: &[f64], histogram: &Histogram, labels: &[(&str, &str)]) {
        let mut total = 0;
        let mut bucket = |bound: &str, count: u64| {
            self.value("_bucket", &[labels, &[("le", bound)]].concat(), count);
        };
        for (index, bound) in bounds.iter().enumerate() {
            total += histogram.counts.get(index).unwrap_or(&0);
            bucket(&bound.to_string(), total);
        }
        bucket("+Inf", histogram.count);
        self.value("_sum", labels, histogram.sum);
        self.value("_count", labels, histogram.count);
    }
}

/// Resident memory of this process in bytes, from `/proc` of Linux.
fn resident_bytes() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|it| it.strip_prefix("VmRSS:"))?;
    let kibibytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kibibytes * 1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn histograms_are_cumulative_and_count_values_beyond_the_last_bucket() {
        let telemetry = Telemetry::default();
        for milliseconds in [1, 2, 40_000] {
            telemetry.count_request("/predict", 200, Duration::from_millis(milliseconds));
        }
        telemetry.count_batch(3);
        telemetry.set_model(Arc::new(ModelIdentity {
            examples: Vec::new(),
            name: "a \"b\"".to_owned(),
            fingerprint: "0f".to_owned(),
            loaded_at: 0,
            artifact: None,
        }));
        telemetry.counters().reviews += 7;
        let text = telemetry.exposition(5, 1, 2);
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
        let batches = "# HELP ressenti_batch_texts Texts in a batch of the model.\n\
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
        // Every line is a comment, or a name and a number.
        for line in text.lines().filter(|line| !line.starts_with('#')) {
            let value = line.rsplit(' ').next().expect("a word");
            assert!(value.parse::<f64>().is_ok(), "{line}");
        }
    }
}
