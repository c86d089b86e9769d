//! Rows with a likely label error.

/// The indices of likely label errors by confident learning (Northcutt, Jiang and Chuang 2021), in descending order of
/// confidence. A row is one if its probability of the other class is at least the mean probability of that class over
/// the rows labelled with it. The probabilities must come from a model that was not trained on these rows.
pub fn likely_label_errors(labels: &[u8], probabilities: &[f32]) -> Vec<usize> {
    let probability_of = |class: u8, probability: f32| {
        let positive = f64::from(probability);
        if class == 1 { positive } else { 1.0 - positive }
    };
    let mean_confidence = [0, 1].map(|class| {
        let rows = labels.iter().zip(probabilities);
        let rows = rows.filter(|(label, _)| **label == class);
        let values: Vec<f64> = rows.map(|(_, it)| probability_of(class, *it)).collect();
        values.iter().sum::<f64>() / values.len().max(1) as f64
    });
    let mut found: Vec<(f64, usize)> = Vec::new();
    for (row, (label, probability)) in labels.iter().zip(probabilities).enumerate() {
        let other = 1 - (*label).min(1);
        let confidence = probability_of(other, *probability);
        if confidence > 0.5 && confidence >= mean_confidence[usize::from(other)] {
            found.push((confidence, row));
        }
    }
    found.sort_by(|one, two| two.0.total_cmp(&one.0).then(one.1.cmp(&two.1)));
    found.into_iter().map(|(_, row)| row).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn planted_label_errors_come_first() {
        // A model that is correct in nine of ten rows, mostly with high confidence.
        let truth: Vec<u8> = (0..200).map(|row| u8::from(row % 2 == 0)).collect();
        let probabilities: Vec<f32> = truth
            .iter()
            .enumerate()
            .map(|(row, label)| {
                let confident = 0.8 + 0.001 * (row % 100) as f32;
                let value = if row % 10 == 3 { 0.45 } else { confident };
                if *label == 1 { value } else { 1.0 - value }
            })
            .collect();
        let mut labels = truth.clone();
        for row in [20, 41, 98] {
            labels[row] = 1 - labels[row];
        }
        let found = likely_label_errors(&labels, &probabilities);
        assert!(found.contains(&98) && found.len() <= 3, "{found:?}");
        assert_eq!(found[0], 98);
        assert_eq!(likely_label_errors(&[], &[]), [0_usize; 0]);
    }
}
