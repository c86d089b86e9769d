use super::*;

#[test]
fn numbers_never_change() {
    // The first outputs of SplitMix64 from the state 1234567, as its reference program prints them.
    let state = 1_234_567_u64.wrapping_add(GOLDEN);
    assert_eq!(
        [mix(state), mix(state.wrapping_add(GOLDEN))],
        [6_457_827_717_110_365_317, 3_203_168_211_198_807_973]
    );
    // As the generators printed them that this one replaces: `Stream` of classifier, `Draws` of metrics.
    let rng = CounterRng::new(7);
    assert_eq!(
        [0, 1, 41].map(|n| rng.bits(n)),
        [
            8_409_816_773_569_330_625,
            13_309_476_754_707_697_221,
            15_050_242_101_242_939_135
        ]
    );
    assert_eq!(
        [rng.child(0).bits(0), rng.child(9).bits(2)],
        [13_467_693_955_262_030_826, 12_481_198_324_386_828_043]
    );
    assert_eq!(rng.uniform(3), 0.549_374_324_919_323_9);
    assert_eq!(rng.normal(3), 0.547_438_138_877_719_9);
    let mut items: Vec<u32> = (0..8).collect();
    rng.shuffle(&mut items);
    assert_eq!(items, [0, 4, 6, 5, 3, 2, 1, 7]);
    assert_eq!(rng.keep_mask(10, 0.5), [1, 0, 1, 0, 1, 0, 1, 1, 1, 0]);
    let sample = CounterRng::for_sample(7, 3);
    assert_eq!(
        [0, 1, 41].map(|n| sample.bits(n)),
        [
            6_875_110_694_074_790_513,
            8_291_948_987_866_145_469,
            14_493_520_397_872_867_393
        ]
    );
    assert_eq!(sample.index(5, 1000), 814);
    assert_eq!(
        CounterRng::for_sample(0, 0).bits(0),
        2_558_736_989_570_252_433
    );
}

#[test]
fn indices_are_spread_evenly() {
    let rows = 10;
    let mut counts = vec![0_i64; rows];
    for place in 0..100_000 {
        counts[CounterRng::for_sample(7, 3).index(place, rows)] += 1;
    }
    // A count is binomial with a standard deviation of 95; 5 of them are never reached by chance.
    assert!(
        counts.iter().all(|count| (count - 10_000).abs() < 475),
        "{counts:?}"
    );
}

#[test]
fn moments_are_those_of_the_distributions() {
    let rng = CounterRng::new(7);
    let count = 40_000;
    let mean = (0..count).map(|n| rng.uniform(n)).sum::<f64>() / count as f64;
    assert!((mean - 0.5).abs() < 0.01, "{mean}");
    let normals: Vec<f64> = (0..count).map(|n| rng.normal(n)).collect();
    let mean = normals.iter().sum::<f64>() / count as f64;
    let variance = normals.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / count as f64;
    assert!(
        mean.abs() < 0.02 && (variance - 1.0).abs() < 0.03,
        "{mean} {variance}"
    );
    let kept = rng
        .keep_mask(count as usize, 0.3)
        .iter()
        .map(|&bit| u64::from(bit))
        .sum::<u64>();
    assert!((kept as f64 / count as f64 - 0.7).abs() < 0.01, "{kept}");
}

#[test]
fn sequences_differ() {
    let rng = CounterRng::new(7);
    assert_ne!(rng.child(1).bits(5), rng.child(2).bits(5));
    assert_ne!(rng.bits(5), CounterRng::new(8).bits(5));
    let first: Vec<u64> = (0..4)
        .map(|sample| CounterRng::for_sample(7, sample).bits(0))
        .collect();
    let other: Vec<u64> = (0..4)
        .map(|sample| CounterRng::for_sample(8, sample).bits(0))
        .collect();
    assert!(first.iter().all(|bits| !other.contains(bits)));
    assert_ne!(first[0], first[1]);
}

#[test]
fn a_shuffle_keeps_every_item() {
    let mut items: Vec<u32> = (0..100).collect();
    CounterRng::new(3).shuffle(&mut items);
    assert_ne!(items, (0..100).collect::<Vec<_>>());
    items.sort_unstable();
    assert_eq!(items, (0..100).collect::<Vec<_>>());
}
