//! Formatting numbers for people.

/// A number with digits grouped by thousands: `25000` is `25,000`.
pub fn count(number: impl TryInto<u64>) -> String {
    let digits = number.try_into().unwrap_or(u64::MAX).to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index) % 3 == 0 {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A duration: `0.4 s`, `72 s`, `12 min 5 s`, `2 h 10 min`.
pub fn seconds(seconds: f64) -> String {
    let whole = seconds.round().max(0.0) as u64;
    match whole {
        // An empty sum is -0.0, which `max` may return; adding 0.0 removes the sign.
        0..10 => format!("{:.1} s", seconds.max(0.0) + 0.0),
        10..120 => format!("{whole} s"),
        120..3600 => format!("{} min {} s", whole / 60, whole % 60),
        _ => format!("{} h {} min", whole / 3600, whole % 3600 / 60),
    }
}

/// A size: `512 B`, `1.5 MiB`.
pub fn bytes(bytes: u64) -> String {
    const UNITS: [&str; 5] = ["B", "KiB", "MiB", "GiB", "TiB"];
    let mut value = bytes as f64;
    let mut unit = 0;
    while value >= 1024.0 && unit + 1 < UNITS.len() {
        value /= 1024.0;
        unit += 1;
    }
    match unit {
        0 => format!("{bytes} B"),
        _ => format!("{value:.1} {}", UNITS[unit]),
    }
}

/// A share from 0 to 1 in percent with one decimal: `12.3%`.
pub fn percent(share: f64) -> String {
    format!("{:.1}%", 100.0 * share)
}

/// A number with its noun: `1 review`, `2 reviews`.
pub fn plural(number: u64, singular: &str, plural: &str) -> String {
    let noun = if number == 1 { singular } else { plural };
    format!("{} {noun}", count(number))
}

#[cfg(test)]
mod tests {
    #[test]
    fn numbers_are_formatted_for_people() {
        let cases = [
            (super::count(0_u64), "0"),
            (super::count(999_u64), "999"),
            (super::count(1000_u64), "1,000"),
            (super::count(12_345_678_u64), "12,345,678"),
            (super::seconds(0.44), "0.4 s"),
            (super::seconds(72.2), "72 s"),
            (super::seconds(725.0), "12 min 5 s"),
            (super::seconds(6289.0), "1 h 44 min"),
            (super::bytes(512), "512 B"),
            (super::bytes(1_572_864), "1.5 MiB"),
            (super::percent(0.1234), "12.3%"),
            (super::plural(1, "review", "reviews"), "1 review"),
        ];
        for (found, expected) in cases {
            assert_eq!(found, expected);
        }
    }
}
