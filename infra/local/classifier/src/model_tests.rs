use super::*;
use crate::evaluate::evaluate;

const SUBJECTS: [&str; 6] = ["friends", "neighbours", "members", "readers", "customers", "guests"];
const OPENINGS: [&str; 5] = ["Dear", "Hello", "Good morning", "Attention", "Greetings"];
const TOPICS: [(&str, [&str; 6]); 3] = [
    (
        "casino",
        [
            "spin the roulette wheel",
            "place your bets",
            "free slot spins",
            "poker night",
            "double your stake",
            "jackpot",
        ],
    ),
    (
        "garden",
        [
            "plant the tulips",
            "prune your roses",
            "fresh compost",
            "seed catalogue",
            "water the lawn",
            "greenhouse",
        ],
    ),
    (
        "travel",
        [
            "book a flight",
            "sunny beaches",
            "hotel breakfast",
            "city breaks",
            "pack your suitcase",
            "boarding pass",
        ],
    ),
];

/// Texts of every opening, subject and pair of phrases.
fn examples() -> Vec<Example> {
    let mut examples = Vec::new();
    for (topic, phrases) in TOPICS {
        for opening in OPENINGS {
            for subject in SUBJECTS {
                for pair in phrases.windows(2) {
                    let text = format!("{opening} {subject}, {} and {}!", pair[0], pair[1]);
                    examples.push(Example { text, labels: vec![topic.into()] });
                }
            }
        }
    }
    examples
}

fn train(examples: &[Example], mode: Mode) -> Model {
    Model::train(examples, mode, &Options::default()).unwrap()
}

#[test]
fn what_can_be_told_apart_is_learned() {
    let model = train(&examples(), Mode::MultiClass);
    assert_eq!(model.labels(), ["casino", "garden", "travel"]);
    for (text, label) in [
        ("A jackpot every night at our poker table", "casino"),
        ("New seeds for your greenhouse and the roses", "garden"),
        ("Flights and hotels by the beach", "travel"),
    ] {
        let ranked = model.classify(text);
        assert_eq!(ranked[0].name, label, "{text}: {ranked:?}");
        assert!(ranked[0].score > 0.6, "{text}: {ranked:?}");
    }
    let evaluation = evaluate(&model, &examples());
    assert!(evaluation.metrics.accuracy > 0.99, "{evaluation:?}");
}

#[test]
fn scores_of_classes_add_up_to_one() {
    let model = train(&examples(), Mode::MultiClass);
    for text in ["", "jackpot", "tulips and a flight", "完全に未知", "🎰🎰🎰"] {
        let ranked = model.classify(text);
        let sum: f32 = ranked.iter().map(|score| score.score).sum();
        assert!((sum - 1.0).abs() < 1e-5, "{text}: {ranked:?}");
        assert!(ranked.is_sorted_by(|a, b| a.score >= b.score), "{text}: {ranked:?}");
    }
}

#[test]
fn unknown_words_make_it_hesitate() {
    let model = train(&examples(), Mode::MultiClass);
    let highest = |text: &str| model.classify(text)[0].score;
    for text in ["Quarterly zoning hearing minutes", "xyzzy", ""] {
        assert!(highest(text) < 0.6, "{text}: {:?}", model.classify(text));
    }
    let (known, diluted) = (highest("jackpot"), highest("jackpot quarterly zoning hearing minutes xyzzy"));
    assert!(diluted < known, "{diluted} and {known}");
}

#[test]
fn labels_stand_for_themselves() {
    let mut all = examples();
    for (a, b) in [(0, 1), (1, 2)] {
        for n in 0..30 {
            let of = |topic: usize| TOPICS[topic].1[n % 6];
            let text = format!("{} {}, {} and {}", OPENINGS[n % 5], SUBJECTS[n % 6], of(a), of(b));
            all.push(Example { text, labels: vec![TOPICS[a].0.into(), TOPICS[b].0.into()] });
        }
    }
    let model = train(&all, Mode::MultiLabel);
    let scores = model.scores("Place your bets and prune your roses");
    assert!(scores[0] > 0.5 && scores[1] > 0.5 && scores[2] < 0.5, "{scores:?}");
    // Of 510 examples 180, 210 and 180 have the labels.
    let shares = [0.35, 0.41, 0.35];
    let scores = model.scores("xyzzy jqx");
    let close = scores.iter().zip(shares).all(|(score, share)| (score - share).abs() < 0.1);
    assert!(close, "{scores:?}");
}

#[test]
fn the_same_examples_make_the_same_model() {
    let (one, other) = (train(&examples(), Mode::MultiClass), train(&examples(), Mode::MultiClass));
    assert_eq!(one.weights, other.weights);
    assert_eq!(one.scores("a poker jackpot"), other.scores("a poker jackpot"));
}

#[test]
fn what_cannot_be_trained_is_refused() {
    let example = |labels: &[&str]| Example {
        text: "text".into(),
        labels: labels.iter().map(|label| (*label).to_owned()).collect(),
    };
    let train = |examples: &[Example], mode| Model::train(examples, mode, &Options::default()).unwrap_err();
    assert_eq!(train(&[], Mode::MultiClass), TrainError::TooFewLabels(0));
    assert_eq!(train(&[example(&["a"])], Mode::MultiLabel), TrainError::TooFewLabels(1));
    assert_eq!(
        train(&[example(&["a"]), example(&["a", "b"])], Mode::MultiClass),
        TrainError::NotOneLabel(1, 2)
    );
}
