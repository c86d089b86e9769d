//! Rows whose label is probably wrong.

/// The rows that a model would have labelled otherwise with at least its usual confidence, by
/// confident learning (Northcutt, Jiang and Chuang 2021): a row labelled one class counts as the other
/// where its probability of the other reaches the mean that rows of the other class have. Ordered by
/// how sure the model is; the probabilities must come from a model that did not learn from these rows.
pub fn likely_label_errors(labels: &[u8], probabilities: &[f32]) -> Vec<usize> {
    let of_class = |class: u8, probability: f32| {
        let positive = f64::from(probability);
        if class == 1 { positive } else { 1.0 - positive }
    };
    let usual = [0, 1].map(|class| {
        let rows = labels.iter().zip(probabilities);
        let rows = rows.filter(|(label, _)| **label == class);
        let values: Vec<f64> = rows.map(|(_, value)| of_class(class, *value)).collect();
        values.iter().sum::<f64>() / values.len().max(1) as f64
    });
    let mut found: Vec<(f64, usize)> = Vec::new();
    for (row, (label, probability)) in labels.iter().zip(probabilities).enumerate() {
        let other = 1 - (*label).min(1);
        let confidence = of_class(other, *probability);
        if confidence > 0.5 && confidence >= usual[usize::from(other)] {
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
    fn planted_wrong_labels_come_first() {
        // A model that is right in nine of ten rows, and sure in most of them.
        let truth: Vec<u8> = (0..200).map(|row| u8::from(row % 2 == 0)).collect();
        let probabilities: Vec<f32> = truth
            .iter()
            .enumerate()
            .map(|(row, label)| {
                let sure = 0.8 + 0.001 * (row % 100) as f32;
                let value = if row % 10 == 3 { 0.45 } else { sure };
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
