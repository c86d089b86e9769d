use super::*;

fn close(found: Option<f64>, expected: f64) {
    let found = found.expect("it is defined");
    assert!((found - expected).abs() < 1e-6, "{found} {expected}");
}

fn scored(labels: &[u8], probabilities: &[f32]) -> ScoredRows {
    ScoredRows::new(labels, probabilities).expect("valid rows")
}

#[test]
fn losses_match_tables_computed_by_hand() {
    let rows = scored(&[1, 0, 1], &[0.8, 0.4, 0.5]);
    close(
        rows.figure(Metric::LogLoss),
        -(0.8_f64.ln() + 0.6_f64.ln() + 0.5_f64.ln()) / 3.0,
    );
    close(rows.figure(Metric::Brier), (0.04 + 0.16 + 0.25) / 3.0);
}

#[test]
fn probabilities_are_clipped_so_losses_are_finite() {
    close(
        scored(&[0, 1], &[1.0, 0.0]).figure(Metric::LogLoss),
        -1e-7_f64.ln(),
    );
    close(scored(&[0, 1], &[0.0, 1.0]).figure(Metric::LogLoss), 1e-7);
    close(scored(&[0, 1], &[1.0, 0.0]).figure(Metric::Brier), 1.0);
}

#[test]
fn calibration_error_matches_a_table_computed_by_hand() {
    // Two distinct probabilities with 15 rows each. Rows with equal probabilities stay together, so there are two bins:
    // 12 of 15 are positive at 0.9 (share 0.8), and 3 of 15 at 0.2 (share 0.2).
    let labels: Vec<u8> = (0..30)
        .map(|row| u8::from(row < 12 || (15..18).contains(&row)))
        .collect();
    let probabilities: Vec<f32> = (0..30)
        .map(|row| if row < 15 { 0.9 } else { 0.2 })
        .collect();
    let rows = scored(&labels, &probabilities);
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
fn the_brier_decomposition_matches_one_computed_by_hand() {
    // Two bins with equal probabilities, so the parts are those of Murphy.
    let labels = [1, 1, 1, 0, 0, 0, 0, 1];
    let probabilities = [0.9, 0.9, 0.9, 0.9, 0.1, 0.1, 0.1, 0.1];
    let rows = scored(&labels, &probabilities);
    let parts = brier_parts(&rows, 2).expect("there are rows");
    close(Some(parts.reliability), 0.15_f64.powi(2));
    close(Some(parts.resolution), 0.25_f64.powi(2));
    close(Some(parts.uncertainty), 0.25);
    close(
        rows.figure(Metric::Brier),
        parts.reliability - parts.resolution + parts.uncertainty,
    );
    assert_eq!(brier_parts(&scored(&[], &[]), 10), None);
}

#[test]
fn bins_have_equal_mass_and_contain_all_rows() {
    let labels: Vec<u8> = (0..1000).map(|row| u8::from(row % 3 == 0)).collect();
    let probabilities: Vec<f32> = (0..1000).map(|row| row as f32 / 1000.0).collect();
    let bins = reliability(&scored(&labels, &probabilities), 10);
    assert_eq!(
        bins.iter().map(|bin| bin.rows).collect::<Vec<_>>(),
        [100; 10]
    );
    assert_eq!(bins.iter().map(|bin| bin.positives).sum::<u64>(), 334);
}

#[test]
fn no_rows_have_no_figures() {
    let none = scored(&[], &[]);
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
