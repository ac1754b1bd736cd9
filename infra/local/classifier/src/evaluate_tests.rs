use super::*;
use crate::model::Options;

fn example(labels: &[&str], text: &str) -> Example {
    Example { text: text.into(), labels: labels.iter().map(|label| (*label).to_owned()).collect() }
}

fn model(mode: Mode) -> Model {
    let texts = [("a", "apple"), ("b", "banana"), ("c", "cherry")];
    let examples: Vec<Example> = (0..30)
        .map(|n| texts[n % 3])
        .map(|(label, word)| example(&[label], &format!("{word} {word} {word}")))
        .collect();
    Model::train(&examples, mode, &Options { trust: 1000.0, ..Options::default() }).unwrap()
}

fn close(a: f64, b: f64) -> bool {
    (a - b).abs() < 1e-9
}

#[test]
fn one_class_each() {
    let test = [
        example(&["a"], "apple"),
        example(&["a"], "banana"),
        example(&["b"], "banana"),
        example(&["c"], "cherry"),
        example(&["strange"], "cherry"),
    ];
    let Evaluation { documents, metrics, confusion } = evaluate(&model(Mode::MultiClass), &test);
    assert_eq!(documents, 5);
    assert_eq!(confusion, Confusion::MultiClass(vec![vec![1, 1, 0], vec![0, 1, 0], vec![0, 0, 1]]));
    assert!(close(metrics.accuracy, 3.0 / 5.0), "{metrics:?}");
    assert!(close(metrics.hamming_loss, 2.0 / 5.0), "{metrics:?}");
    assert!(close(metrics.precision, (1.0 + 0.5 + 0.5) / 3.0), "{metrics:?}");
    assert!(close(metrics.recall, (0.5 + 1.0 + 1.0) / 3.0), "{metrics:?}");
    assert!(close(metrics.f1, 2.0 / 3.0), "{metrics:?}");
    assert!(
        close(metrics.micro_precision, 3.0 / 5.0) && close(metrics.micro_recall, 3.0 / 5.0),
        "{metrics:?}"
    );
}

#[test]
fn any_number_of_labels() {
    let test = [
        example(&["a"], "apple apple"),
        example(&["a", "b"], "apple apple"),
        example(&["c"], "banana banana"),
    ];
    let Evaluation { metrics, confusion, .. } = evaluate(&model(Mode::MultiLabel), &test);
    let quarters = vec![[[1, 0], [0, 2]], [[1, 1], [1, 0]], [[2, 0], [1, 0]]];
    assert_eq!(confusion, Confusion::MultiLabel(quarters));
    assert!(close(metrics.accuracy, 1.0 / 3.0), "{metrics:?}");
    assert!(close(metrics.hamming_loss, 3.0 / 9.0), "{metrics:?}");
    assert!(
        close(metrics.micro_precision, 2.0 / 3.0) && close(metrics.micro_recall, 2.0 / 4.0),
        "{metrics:?}"
    );
    assert!(close(metrics.f1, 1.0 / 3.0), "{metrics:?}");
}

#[test]
fn nothing_to_test_is_no_success() {
    let evaluation = evaluate(&model(Mode::MultiClass), &[]);
    assert_eq!(evaluation.metrics, Metrics::default());
}
