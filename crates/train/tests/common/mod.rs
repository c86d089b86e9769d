//! Reviews that follow a rule.

#![allow(
    missing_docs,
    unreachable_pub,
    reason = "helpers of tests, shared by several of them"
)]

use std::fmt::Write;

/// Reviews of six words, of which one says what it is; `honest` says whether that is the label.
pub fn reviews(honest: bool) -> String {
    let filler = [
        "film", "actor", "scene", "plot", "music", "ending", "camera", "story",
    ];
    let telling = [["bad", "awful", "dull"], ["good", "great", "lovely"]];
    let mut text = "text,label\n".to_owned();
    for row in 0_usize..400 {
        let class = row % 2;
        let label = if honest { class } else { (row / 2) % 2 };
        let word = |place: usize| filler[(row * 7 + place * place * 3 + row / 8) % filler.len()];
        let words = [word(1), word(2), telling[class][row % 3], word(3), word(4)];
        // The number keeps rows apart, so that none is removed as a copy.
        writeln!(text, "{} {row},{label}", words.join(" ")).expect("a string takes text");
    }
    text
}
