//! Linear scales with round ticks.

/// A linear scale from values to pixels.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Scale {
    /// Lowest value.
    pub low: f64,
    /// Highest value.
    pub high: f64,
    start: f64,
    end: f64,
}

impl Scale {
    /// A scale that puts `low` at `start` and `high` at `end`. A range without extent is widened.
    pub fn new((low, high): (f64, f64), (start, end): (f64, f64)) -> Self {
        let high = if high > low { high } else { low + 1.0 };
        Self {
            low,
            high,
            start,
            end,
        }
    }

    /// The position of a value. A value outside the range is moved to its nearer end.
    pub fn position(&self, value: f64) -> f64 {
        let share = ((value - self.low) / (self.high - self.low)).clamp(0.0, 1.0);
        self.start + share * (self.end - self.start)
    }

    /// About `count` round numbers within the range, each with its label.
    pub fn ticks(&self, count: usize) -> Vec<(f64, String)> {
        let step = round_step((self.high - self.low) / count.max(1) as f64);
        let first = (self.low / step - 1e-9).ceil();
        let last = (self.high / step + 1e-9).floor();
        let decimals = (-step.log10() - 1e-9).ceil().max(0.0) as usize;
        let numbers = 0..=(last - first).max(0.0) as usize;
        let ticks = numbers.map(|number| (first + number as f64) * step);
        let ticks = ticks.map(|tick| (tick, format!("{tick:.decimals$}")));
        ticks.collect()
    }
}

/// The smallest step of at least `least` that is 1, 2 or 5 times a power of ten.
fn round_step(least: f64) -> f64 {
    let power = 10_f64.powf(least.log10().floor());
    let mut steps = [1.0, 2.0, 5.0].into_iter();
    let step = steps.find(|factor| factor * power >= least * (1.0 - 1e-9));
    step.unwrap_or(10.0) * power
}

/// The smallest and largest of values, widened outwards to round numbers. `None` without values.
pub fn round_range(values: impl IntoIterator<Item = f64>, count: usize) -> Option<(f64, f64)> {
    let values = values.into_iter().filter(|value| value.is_finite());
    let ends = values.map(|value| (value, value));
    let (low, high) = ends.reduce(|one, two| (one.0.min(two.0), one.1.max(two.1)))?;
    let tenth = high.abs().max(1.0) * 0.1;
    let extent = if high > low { high - low } else { tenth };
    let step = round_step(extent / count.max(1) as f64);
    let low = (low / step + 1e-9).floor() * step;
    let high = (high / step - 1e-9).ceil() * step;
    let margin = if high > low { 0.0 } else { step };
    Some((low - margin, high + margin))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_are_round_and_inside() {
        let check = |low, high, count, expected: &[&str]| {
            let scale = Scale::new((low, high), (0.0, 100.0));
            let ticks = scale.ticks(count).into_iter();
            let found: Vec<String> = ticks.map(|(_, text)| text).collect();
            assert_eq!(found, expected);
        };
        check(0.0, 1.0, 5, &["0.0", "0.2", "0.4", "0.6", "0.8", "1.0"]);
        check(0.0, 25_000.0, 3, &["0", "10000", "20000"]);
        check(0.873, 0.898, 4, &["0.88", "0.89"]);
        check(1.0, 8.0, 7, &["1", "2", "3", "4", "5", "6", "7", "8"]);
    }

    #[test]
    fn positions_are_proportional_and_never_outside_the_range() {
        let scale = Scale::new((10.0, 20.0), (100.0, 0.0));
        for (value, expected) in [
            (10.0, 100.0),
            (15.0, 50.0),
            (20.0, 0.0),
            (99.0, 0.0),
            (-1.0, 100.0),
        ] {
            assert_eq!(scale.position(value), expected);
        }
        assert!(Scale::new((3.0, 3.0), (0.0, 1.0)).position(3.0).is_finite());
    }

    #[test]
    fn ranges_are_widened_to_round_numbers() {
        let check = |values: &[f64], expected: Option<(f64, f64)>| {
            let found = round_range(values.iter().copied(), 4);
            match (found, expected) {
                (Some(found), Some(expected)) => {
                    assert!(
                        (found.0 - expected.0).abs() < 1e-9 && (found.1 - expected.1).abs() < 1e-9,
                        "{found:?}"
                    );
                }
                (found, expected) => assert_eq!(found, expected),
            }
        };
        check(&[], None);
        check(&[f64::NAN], None);
        check(&[0.874, 0.897], Some((0.87, 0.9)));
        check(&[0.2, 0.7], Some((0.2, 0.8)));
        let (low, high) = round_range([5.0, 5.0], 4).expect("there are values");
        assert!(low <= 5.0 && 5.0 <= high && low < high, "{low} {high}");
    }
}
