//! Made-up reviews that follow a rule.

#![allow(
    missing_docs,
    unreachable_pub,
    reason = "helpers of tests, shared by several of them"
)]

use std::fmt::Write;

/// Reviews of six words. One word tells the class; with `honest` labels that class is the label, otherwise the label is
/// unrelated.
pub fn reviews(honest: bool) -> String {
    let filler = [
        "film", "actor", "scene", "plot", "music", "ending", "camera", "story",
    ];
    let sentiment = [["bad", "awful", "dull"], ["good", "great", "lovely"]];
    let mut text = "text,label\n".to_owned();
    for row in 0_usize..400 {
        let class = row % 2;
        let label = if honest { class } else { (row / 2) % 2 };
        let word = |index: usize| filler[(row * 7 + index * index * 3 + row / 8) % filler.len()];
        let words = [
            word(1),
            word(2),
            sentiment[class][row % 3],
            word(3),
            word(4),
        ];
        // The number makes rows different, so that none is removed as a duplicate.
        writeln!(text, "{} {row},{label}", words.join(" ")).expect("a string takes text");
    }
    text
}
