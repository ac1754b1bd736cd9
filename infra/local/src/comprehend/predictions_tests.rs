use eventide_local_classifier::{Example, Model, Options, evaluate};
use serde_json::Value;

use super::*;

fn trained(mode: Mode) -> Arc<Trained> {
    let words = [("a", "apple"), ("b", "banana"), ("c", "cherry"), ("d", "damson")];
    let examples: Vec<Example> = (0..40)
        .map(|n| words[n % 4])
        .map(|(label, word)| Example { text: format!("{word} {word}"), labels: vec![label.into()] })
        .collect();
    let model = Model::train(&examples, mode, &Options { trust: 1000.0, ..Options::default() }).unwrap();
    Arc::new(Trained { evaluation: evaluate(&model, &examples), documents: examples.len(), model })
}

fn predictions(mode: Mode, format: Format, fate: Fate) -> Predictions {
    let settings = Settings { max_document_bytes: 30, max_job_documents: 8, ..Settings::default() };
    Predictions::new(trained(mode), format, fate, &settings)
}

fn read(output: &str) -> Vec<Value> {
    output.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn lines_end_with_lf_cr_or_crlf() {
    for (content, expected) in [
        ("a\nb\r\nc\rd", vec!["a", "b", "c", "d"]),
        ("a\n\nb\n", vec!["a", "", "b"]),
        ("\r\r\n", vec!["", ""]),
        ("a\u{2028}b", vec!["a\u{2028}b"]),
        ("", vec![]),
    ] {
        let found: Vec<&str> =
            lines(content.as_bytes()).map(|line| std::str::from_utf8(line).unwrap()).collect();
        assert_eq!(found, expected, "{content:?}");
    }
}

#[test]
fn each_line_has_its_place_and_its_best_classes() {
    let mut predictions = predictions(Mode::MultiClass, Format::OneDocPerLine, Fate::default());
    predictions.add("one \"1\".txt", b"apple apple\n\ncherry\n").unwrap();
    predictions.add("two.txt", b"damson").unwrap();
    assert_eq!(predictions.documents, 4);
    let found = read(&predictions.finish());
    let places: Vec<_> = found.iter().map(|line| (line["File"].clone(), line["Line"].clone())).collect();
    let place = |file: &str, line: &str| (json!(file), json!(line));
    assert_eq!(places, [place("one \"1\".txt", "0"), place("one \"1\".txt", "2"), place("two.txt", "0")]);
    for (line, name) in found.iter().zip(["a", "c", "d"]) {
        let classes = line["Classes"].as_array().unwrap();
        assert_eq!((classes.len(), &classes[0]["Name"]), (3, &json!(name)), "{line}");
        let scores: Vec<f64> = classes.iter().map(|class| class["Score"].as_f64().unwrap()).collect();
        assert!(scores.is_sorted_by(|a, b| a >= b) && scores[0] > 0.5, "{line}");
    }
}

#[test]
fn a_file_may_be_one_document() {
    let mut predictions = predictions(Mode::MultiLabel, Format::OneDocPerFile, Fate::default());
    predictions.add("one.txt", b"apple apple banana banana\n").unwrap();
    let found = read(&predictions.finish());
    assert_eq!(found.len(), 1);
    assert!(found[0].get("Line").is_none() && found[0].get("Classes").is_none(), "{}", found[0]);
    assert_eq!(found[0]["Labels"].as_array().map(Vec::len), Some(3));
}

#[test]
fn what_cannot_be_classified_says_why() {
    let mut predictions = predictions(Mode::MultiClass, Format::OneDocPerLine, Fate::default());
    predictions.add("x", &[&b"x".repeat(31)[..], b"\napple\n\xff\napple\n"].concat()).unwrap();
    predictions.add("y", b"banana").unwrap();
    assert_eq!((predictions.documents, predictions.failed), (4, 2));
    let found = read(&predictions.finish());
    let codes: Vec<_> = found.iter().map(|line| line["ErrorCode"].as_str()).collect();
    assert_eq!(codes, [Some("DOCUMENT_SIZE_EXCEEDED"), None, Some("UNSUPPORTED_ENCODING"), None]);
    assert_eq!((&found[3]["File"], &found[3]["Line"]), (&json!("y"), &json!("0")));
}

#[test]
fn there_may_be_too_many() {
    let mut predictions = predictions(Mode::MultiClass, Format::OneDocPerLine, Fate::default());
    assert!(predictions.add("x", b"a\n".repeat(8).as_slice()).is_ok());
    assert!(predictions.add("y", b"a").is_err());
}

#[test]
fn plans_take_lines_away_and_spoil_them() {
    let fate: Fate = serde_json::from_value(json!({
        "dropLines": { "numbers": [1] }, "failLines": { "lines": { "contains": "cherry" }, "code": "X" },
        "reverse": true,
    }))
    .unwrap();
    let mut predictions = predictions(Mode::MultiClass, Format::OneDocPerLine, fate);
    predictions.add("x", b"apple\nbanana\ncherry\n").unwrap();
    let found = read(&predictions.finish());
    assert_eq!(found.len(), 2);
    assert_eq!((&found[0]["Line"], &found[0]["ErrorCode"]), (&json!("2"), &json!("X")));
    assert_eq!((&found[1]["Line"], &found[1]["Classes"][0]["Name"]), (&json!("0"), &json!("a")));
}
