use super::*;

fn close(found: Option<f64>, expected: f64) {
    let found = found.expect("it is defined");
    assert!((found - expected).abs() < 1e-6, "{found} {expected}");
}

fn tally(labels: &[u8], probabilities: &[f32]) -> ScoredRows {
    ScoredRows::new(labels, probabilities).expect("the rows are fine")
}

#[test]
fn losses_match_tables_worked_by_hand() {
    let rows = tally(&[1, 0, 1], &[0.8, 0.4, 0.5]);
    close(
        rows.figure(Metric::LogLoss),
        -(0.8_f64.ln() + 0.6_f64.ln() + 0.5_f64.ln()) / 3.0,
    );
    close(rows.figure(Metric::Brier), (0.04 + 0.16 + 0.25) / 3.0);
}

#[test]
fn certainty_is_clipped_and_never_infinite() {
    close(
        tally(&[0, 1], &[1.0, 0.0]).figure(Metric::LogLoss),
        -1e-7_f64.ln(),
    );
    close(tally(&[0, 1], &[0.0, 1.0]).figure(Metric::LogLoss), 1e-7);
    close(tally(&[0, 1], &[1.0, 0.0]).figure(Metric::Brier), 1.0);
}

#[test]
fn calibration_error_matches_a_table_worked_by_hand() {
    // Two levels of 15 rows each: 15 bins of 2 rows, but a level stays whole, so two bins.
    // At 0.9 there are 12 positives of 15 (0.8), at 0.2 there are 3 of 15 (0.2).
    let labels: Vec<u8> = (0..30)
        .map(|row| u8::from(row < 12 || (15..18).contains(&row)))
        .collect();
    let probabilities: Vec<f32> = (0..30)
        .map(|row| if row < 15 { 0.9 } else { 0.2 })
        .collect();
    let rows = tally(&labels, &probabilities);
    close(rows.figure(Metric::CalibrationError), 0.5 * 0.1);
    let bins = reliability(&rows, 10);
    assert_eq!(
        bins.iter()
            .map(|bin| (bin.rows, bin.positives))
            .collect::<Vec<_>>(),
        [(15, 12), (15, 3)]
    );
}

#[test]
fn a_brier_score_falls_into_the_parts_worked_by_hand() {
    // Two bins in which all probabilities are the same, so that the parts are those of Murphy.
    let labels = [1, 1, 1, 0, 0, 0, 0, 1];
    let probabilities = [0.9, 0.9, 0.9, 0.9, 0.1, 0.1, 0.1, 0.1];
    let rows = tally(&labels, &probabilities);
    let parts = brier_parts(&rows, 2).expect("there are rows");
    close(Some(parts.reliability), 0.15_f64.powi(2));
    close(Some(parts.resolution), 0.25_f64.powi(2));
    close(Some(parts.uncertainty), 0.25);
    close(
        rows.figure(Metric::Brier),
        parts.reliability - parts.resolution + parts.uncertainty,
    );
    assert_eq!(brier_parts(&tally(&[], &[]), 10), None);
}

#[test]
fn bins_have_equal_mass_and_lose_no_row() {
    let labels: Vec<u8> = (0..1000).map(|row| u8::from(row % 3 == 0)).collect();
    let probabilities: Vec<f32> = (0..1000).map(|row| row as f32 / 1000.0).collect();
    let bins = reliability(&tally(&labels, &probabilities), 10);
    assert_eq!(
        bins.iter().map(|bin| bin.rows).collect::<Vec<_>>(),
        [100; 10]
    );
    assert_eq!(bins.iter().map(|bin| bin.positives).sum::<u64>(), 334);
}

#[test]
fn no_rows_have_no_figures() {
    let none = tally(&[], &[]);
    assert_eq!(
        (
            none.figure(Metric::LogLoss),
            none.figure(Metric::Brier),
            none.figure(Metric::CalibrationError)
        ),
        (None, None, None)
    );
    assert!(reliability(&none, 10).is_empty());
}
