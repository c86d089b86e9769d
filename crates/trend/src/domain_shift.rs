//! Recognises reviews of another domain: another share of them contains the common words. It compares all common
//! words at once (Hotelling 1931, with a diagonal scale), in the mix of classes that the new reviews seem to have.

use std::array::from_fn;
use std::cmp::Reverse;
use std::collections::HashMap;

use crate::word_changes::words;

/// Number of common words, so that those of a review are the bits of an integer.
const WORDS: usize = 64;

/// Fewer reviews are not compared, because the distribution of the statistic is not known for them.
const MIN_REVIEWS: usize = 20;

/// Standard score of the statistic above which a difference is significant: 0.2% of samples of test reviews of seven
/// domains are above it (experiments/2026-11-29-trend-trust.md).
const MAX_Z: f64 = 3.5;

/// Minimum difference that matters, however many reviews there are: the root mean square over words, in standard
/// deviations. Samples of test reviews differ by at most 0.04, other domains by at least 0.13.
const MIN_DIFFERENCE: f64 = 0.1;

type Matrix = [[f64; WORDS]; WORDS];

/// The matrix of a function of row and column.
fn matrix(cell: impl Fn(usize, usize) -> f64) -> Box<Matrix> {
    Box::new(from_fn(|row| from_fn(|column| cell(row, column))))
}

/// The most common words of reviews, each with its bit.
#[derive(Clone, Debug)]
pub(crate) struct CommonWords(HashMap<String, u32>);

impl CommonWords {
    /// The words that most of the texts contain.
    pub(crate) fn new<T: AsRef<str>>(texts: &[T]) -> Self {
        // The number of texts with each word, and the last such text.
        let mut counts: HashMap<String, (u32, usize)> = HashMap::new();
        for (text, number) in texts.iter().zip(1..) {
            for word in words(text.as_ref()) {
                let (count, last) = counts.entry(word).or_default();
                *count += u32::from(*last != number);
                *last = number;
            }
        }
        let mut counts: Vec<(String, (u32, usize))> = counts.into_iter().collect();
        counts.sort_unstable_by(|(one, (count, _)), (other, (more, _))| {
            Reverse(count).cmp(&Reverse(more)).then(one.cmp(other))
        });
        let words = counts.into_iter().map(|(word, _)| word);
        Self(words.take(WORDS).zip(0..).collect())
    }

    /// The words of a text, as bits.
    pub(crate) fn find(&self, text: &str) -> u64 {
        let bits = words(text).filter_map(|word| self.0.get(&word).copied());
        bits.fold(0, |found, bit| found | 1 << bit)
    }
}

/// The common words of labelled reviews by class.
#[derive(Clone, Debug)]
pub(crate) struct LabelledDomain {
    pub(crate) words: CommonWords,
    classes: [Class; 2],
    /// Covariance of two reviews of the same group.
    between: Box<Matrix>,
    /// Probability that two drawn reviews are of the same group; 0 without groups.
    same_group: f64,
}

/// The labelled reviews of a class.
#[derive(Clone, Debug)]
struct Class {
    reviews: f64,
    /// Share of the reviews with each word.
    shares: [f64; WORDS],
    covariance: Box<Matrix>,
}

impl LabelledDomain {
    /// Learns from labelled reviews: class id, words and group.
    pub(crate) fn new(words: CommonWords, reviews: &[(u8, u64, u64)]) -> Self {
        let of_class = |class| reviews.iter().filter(move |it| it.0 == class);
        let classes = [0, 1].map(|class| Class::new(of_class(class).map(|it| it.1)));
        let mut groups: HashMap<u64, ([f64; WORDS], f64)> = HashMap::new();
        for (class, words, group) in reviews {
            let (sum, size) = groups.entry(*group).or_insert(([0.0; WORDS], 0.0));
            *size += 1.0;
            for (word, share) in classes[usize::from(*class)].shares.iter().enumerate() {
                sum[word] += (words >> word & 1) as f64 - share;
            }
        }
        let pairs: f64 = groups.values().map(|(_, size)| size * (size - 1.0)).sum();
        let between = matrix(|row, column| {
            if pairs == 0.0 {
                return 0.0;
            }
            let all = groups.values().map(|(sum, _)| sum[row] * sum[column]);
            let own = classes.iter();
            let own = own.map(|it| it.reviews * it.covariance[row][column]);
            (all.sum::<f64>() - own.sum::<f64>()) / pairs
        });
        Self {
            words,
            classes,
            between,
            same_group: pairs / (reviews.len() as f64).powi(2),
        }
    }

    /// Whether reviews with these words and topics are from another domain, if this share of them is positive.
    pub(crate) fn differs(&self, reviews: &[(u64, usize)], prevalence: f64) -> bool {
        let count = reviews.len() as f64;
        if reviews.len() < MIN_REVIEWS {
            return false;
        }
        let found = Class::shares(reviews.iter().map(|it| it.0), count);
        let mut topics: HashMap<usize, f64> = HashMap::new();
        for (_, topic) in reviews {
            *topics.entry(*topic).or_default() += 1.0;
        }
        // Without topics, reviews count as independent.
        let pairs = topics.values().map(|size| size * (size - 1.0)).sum::<f64>();
        let same_topic = match topics.len() {
            1 => 0.0,
            _ => pairs / (count * count),
        };
        let weights = [1.0 - prevalence, prevalence];
        let labelled = self.classes.iter().zip(weights);
        let labelled = labelled.map(|(it, weight)| weight * weight / it.reviews);
        let labelled: f64 = labelled.sum();
        let mix = |value: &dyn Fn(&Class) -> f64| {
            weights[0] * value(&self.classes[0]) + weights[1] * value(&self.classes[1])
        };
        let gap = |word: usize| self.classes[1].shares[word] - self.classes[0].shares[word];
        // A word in all or in none of few labelled reviews has an unknown, small variance.
        let smallest = 1.0 / (self.classes[0].reviews + self.classes[1].reviews);
        let covariance = |row: usize, column: usize| {
            mix(&|it| it.covariance[row][column])
                + weights[0] * weights[1] * gap(row) * gap(column)
                + if row == column { smallest } else { 0.0 }
        };
        let error = |row, column| {
            covariance(row, column) * (1.0 / count + labelled)
                + self.between[row][column] * (self.same_group + same_topic)
        };
        let variance = |word| error(word, word).max(covariance(word, word) / count);
        let variances: Vec<f64> = (0..WORDS).map(variance).collect();
        let squares = |word: usize| (found[word] - mix(&|it| it.shares[word])).powi(2);
        let statistic: f64 = (0..WORDS).map(|word| squares(word) / variances[word]).sum();
        let excess =
            (0..WORDS).map(|word| (squares(word) - variances[word]) / covariance(word, word));
        let difference = (excess.sum::<f64>() / WORDS as f64).max(0.0).sqrt();
        let correlation = |at: usize| {
            let (row, column) = (at / WORDS, at % WORDS);
            error(row, column).powi(2) / (variances[row] * variances[column])
        };
        let correlations: f64 = (0..WORDS * WORDS).map(correlation).sum();
        // A scaled chi-squared distribution (Satterthwaite 1946), nearly normal by its cube root (Wilson and Hilferty
        // 1931).
        let freedom = (WORDS * WORDS) as f64 / correlations;
        let spread = 2.0 / (9.0 * freedom);
        let z = ((statistic / WORDS as f64).cbrt() - 1.0 + spread) / spread.sqrt();
        z > MAX_Z && difference > MIN_DIFFERENCE
    }
}

impl Class {
    fn new(reviews: impl Iterator<Item = u64> + Clone) -> Self {
        let count = reviews.clone().count() as f64;
        let shares = Self::shares(reviews.clone(), count);
        let mut products = matrix(|_, _| 0.0);
        for review in reviews {
            for row in bits(review) {
                bits(review).for_each(|column| products[row][column] += 1.0 / count);
            }
        }
        Self {
            reviews: count,
            shares,
            covariance: matrix(|row, column| products[row][column] - shares[row] * shares[column]),
        }
    }

    fn shares(reviews: impl Iterator<Item = u64>, count: f64) -> [f64; WORDS] {
        let mut shares = [0.0; WORDS];
        reviews.for_each(|review| bits(review).for_each(|word| shares[word] += 1.0 / count));
        shares
    }
}

/// The positions of the bits that are set.
fn bits(mut set: u64) -> impl Iterator<Item = usize> {
    std::iter::from_fn(move || {
        let bit = set.trailing_zeros();
        set &= set.wrapping_sub(1);
        (bit < u64::BITS).then_some(bit as usize)
    })
}

#[cfg(test)]
mod tests {
    use metrics::CounterRng;

    use super::*;

    /// A review: common words, some of them typical of its class or of its topic.
    fn review(number: u64, class: u8, topic: u64, is_shop: bool) -> String {
        let rng = CounterRng::for_sample(number, 5);
        let is_drawn = |word: u64, percent: u64| rng.bits(word) % 100 < percent;
        let words = (0..40).filter(|word| {
            is_drawn(
                *word,
                match (*word, is_shop) {
                    (0..5, _) => 20 + 40 * u64::from(class),
                    (5..10, _) => 5 + 30 * u64::from(word % 5 == topic % 5),
                    (10..20, true) => 60,
                    (10.., true) => 10,
                    _ => 10 + word,
                },
            )
        });
        words.map(|word| format!("w{word} ")).collect()
    }

    fn labelled(count: u64) -> LabelledDomain {
        let rows = (0..count).map(|row| (u8::from(row % 3 == 0), row / 20));
        let texts: Vec<String> = (rows.clone().zip(0..))
            .map(|((class, topic), row)| review(row, class, topic, false))
            .collect();
        let words = CommonWords::new(&texts);
        let rows: Vec<(u8, u64, u64)> = (rows.zip(&texts))
            .map(|((class, topic), text)| (class, words.find(text), topic))
            .collect();
        LabelledDomain::new(words, &rows)
    }

    /// Whether reviews differ of which this number in ten is positive, one topic for each `per_topic` of them.
    fn differ(
        domain: &LabelledDomain,
        (seed, count, tenths): (u64, u64, u64),
        per_topic: u64,
        is_shop: bool,
    ) -> bool {
        let reviews: Vec<(u64, usize)> = (0..count)
            .map(|row| {
                let class = u8::from(row % 10 < tenths);
                let topic = seed + row / per_topic;
                let text = review(1_000_000 * (seed + 1) + row, class, topic, is_shop);
                (domain.words.find(&text), (row / per_topic) as usize)
            })
            .collect();
        domain.differs(&reviews, tenths as f64 / 10.0)
    }

    #[test]
    fn another_prevalence_or_other_topics_are_not_another_domain() {
        let domain = labelled(2000);
        let mut alarms = 0;
        for seed in 0..40 {
            for count in [20, 50, 200, 1000] {
                for tenths in [1, 5, 9] {
                    alarms += u32::from(differ(&domain, (seed, count, tenths), 1, false));
                }
            }
        }
        assert!(alarms <= 4, "{alarms} of 480");
        let few_topics = |seed| differ(&domain, (seed, 200, 5), 100, false);
        assert!((0..40).filter(|seed| few_topics(*seed)).count() <= 1);
    }

    #[test]
    fn another_domain_is_recognised_with_many_or_few_labelled_reviews() {
        for labelled in [labelled(2000), labelled(100)] {
            for count in [50, 200, 5000] {
                let found = |seed| differ(&labelled, (seed, count, 5), 1, true);
                assert!((0..10).all(found), "{count}");
            }
            assert!(!differ(&labelled, (1, 10, 5), 1, true));
            assert!(labelled.differs(&[(0, 0); 50], 0.5));
        }
    }

    #[test]
    fn common_words_are_those_of_most_texts() {
        let words = CommonWords::new(&["The film, the FILM", "a film"]);
        assert_eq!(words.0.len(), 3);
        assert_eq!(words.find("Film"), 1);
        assert_eq!(words.find("nothing known, 电影"), 0);
        assert_eq!(words.find("THE film a").count_ones(), 3);
    }
}
