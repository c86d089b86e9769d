//! The learning rate of each step.

use settings::{Schedule, TrainingSettings};

/// The learning rate of step `step`, from 0, of `total`: it rises linearly during the warm-up, then follows the
/// schedule.
pub fn learning_rate(settings: &TrainingSettings, step: u64, total: u64) -> f64 {
    let warm_up = (settings.warm_up * total as f64).round();
    let position = step as f64;
    if position < warm_up {
        return settings.learning_rate * (position + 1.0) / warm_up;
    }
    let progress = (position - warm_up) / (total as f64 - warm_up).max(1.0);
    settings.learning_rate
        * match settings.schedule {
            Schedule::Constant => 1.0,
            Schedule::Linear => 1.0 - progress,
            Schedule::Cosine => 0.5 * (1.0 + (std::f64::consts::PI * progress).cos()),
        }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(schedule: Schedule, warm_up: f64, step: u64, expected: f64) {
        let settings = TrainingSettings {
            learning_rate: 1.0,
            schedule,
            warm_up,
            ..TrainingSettings::default()
        };
        let found = learning_rate(&settings, step, 100);
        assert!(
            (found - expected).abs() < 1e-9,
            "{schedule:?} at {step}: {found}"
        );
    }

    #[test]
    fn the_learning_rate_follows_warm_up_and_schedule() {
        check(Schedule::Constant, 0.0, 0, 1.0);
        check(Schedule::Constant, 0.1, 0, 0.1);
        check(Schedule::Constant, 0.1, 9, 1.0);
        check(Schedule::Constant, 0.1, 99, 1.0);
        check(Schedule::Linear, 0.1, 10, 1.0);
        check(Schedule::Linear, 0.1, 55, 0.5);
        check(Schedule::Linear, 0.0, 99, 0.01);
        check(Schedule::Cosine, 0.0, 50, 0.5);
        check(Schedule::Linear, 1.0, 99, 1.0);
    }
}
