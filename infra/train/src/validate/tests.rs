use super::*;

const CLASSES: Labelling = Labelling { mode: Mode::MultiClass, delimiter: '|' };
const LABELS: Labelling = Labelling { mode: Mode::MultiLabel, delimiter: '|' };

/// Enough messages of both labels to be taken, with words of their own.
fn enough(prefix: &str, each: usize) -> String {
    let row = |label: &str, index: usize| format!("{label},{prefix} {label} offer number {index}\n");
    (0..each).map(|index| row("good", index) + &row("bad", index)).collect()
}

fn problems(train: &[u8], test: Option<&[u8]>, labelling: Labelling) -> Vec<String> {
    let (train, mut problems) = Dataset::parse(Path::new("train"), train, labelling);
    let test = test.map(|bytes| {
        let (test, found) = Dataset::parse(Path::new("test"), bytes, labelling);
        problems.extend(found);
        test
    });
    let mut validated = Validated { train, test, labelling, problems };
    validated.look();
    validated.problems.iter().map(ToString::to_string).collect()
}

/// The problems of a training file that is fine but for the rows at its end, which begin at line 101.
fn of_rows(rows: &str) -> Vec<String> {
    problems(format!("{}{rows}", enough("some", 50)).as_bytes(), None, CLASSES)
}

#[test]
fn a_good_data_set_has_no_problems() {
    let test = enough("another", 1);
    assert_eq!(problems(enough("some", 50).as_bytes(), Some(test.as_bytes()), CLASSES), [""; 0]);
}

#[test]
fn minimums_depend_on_the_mode() {
    assert_eq!(
        problems(enough("some", 49).as_bytes(), None, CLASSES),
        [
            "train: error: 49 messages of `bad`, expected at least 50",
            "train: error: 49 messages of `good`, expected at least 50",
        ]
    );
    assert_eq!(problems(enough("some", 10).as_bytes(), None, LABELS), [""; 0]);
    assert_eq!(problems(enough("some", 9).as_bytes(), None, LABELS).len(), 2);
    let both: String = (0..10).map(|index| format!("good|bad,offer {index}\n")).collect();
    assert_eq!(problems(both.as_bytes(), None, LABELS), [""; 0]);
}

#[test]
fn there_may_be_too_many_labels_and_too_few() {
    let many: String = (0..1010).map(|index| format!("label {},offer {index}\n", index / 10)).collect();
    assert_eq!(problems(many.as_bytes(), None, LABELS), ["train: error: 101 labels, expected at most 100"]);
    let one: String = (0..50).map(|index| format!("good,offer {index}\n")).collect();
    assert_eq!(problems(one.as_bytes(), None, CLASSES), ["train: error: one label, expected at least 2"]);
    assert_eq!(problems(b"", None, CLASSES), ["train: error: no messages, expected some"]);
}

#[test]
fn broken_rows_are_told_by_line() {
    assert_eq!(
        of_rows("good\ngood,a,b\n\ngood,\"never closed"),
        [
            "train:101: error: 1 columns, expected 2: the label and the text",
            "train:102: error: 3 columns, expected 2: the label and the text",
            "train:103: error: an empty line, expected none",
            "train:104: error: a quote that is not closed before the end of the file, expected another one",
        ]
    );
    let mut bytes = enough("some", 50).into_bytes();
    bytes.extend(b"good,caf\xe9 terrace\n");
    assert_eq!(
        problems(&bytes, None, CLASSES),
        ["train:101: error: bytes that are not UTF-8, expected UTF-8"]
    );
    let marked = format!("\u{feff}{}", enough("some", 50));
    assert_eq!(problems(marked.as_bytes(), None, CLASSES).len(), 1);
    let headed = format!("label,text\n{}", enough("some", 50));
    assert!(
        problems(headed.as_bytes(), None, CLASSES)
            .contains(&"train:1: error: a header row, expected none".into())
    );
}

#[test]
fn labels_and_texts_are_looked_at() {
    let long = "word ".repeat(2_000);
    assert_eq!(
        of_rows(&format!("good ,a b\n,c d\ngood,\ngood,!?\ngood,{}\ngood,{}x\n", long.trim(), long)),
        [
            "train: error: 1 messages of ``, expected at least 50",
            "train: error: 1 messages of `good `, expected at least 50",
            "train:101: error: white space around the label `good`",
            "train:102: error: an empty label, expected a name",
            "train:103: error: an empty text, expected a message",
            "train:104: error: a text without a single word",
            "train:106: error: a text of 10001 characters in 10001 bytes, expected at most 10000 in 10240: \
             an endpoint \
             classifies no longer one",
        ]
    );
    assert_eq!(of_rows("good, spaced out\n"), ["train:101: warning: white space around the text"]);
    let both: String = (0..50).map(|index| format!("good|bad,both {index}\n")).collect();
    assert!(
        of_rows(&both).iter().all(|problem| problem.contains(": warning: `good|bad` holds the delimiter"))
    );
    let twice = enough("some", 10) + "good|good,once more\n";
    assert_eq!(
        problems(twice.as_bytes(), None, LABELS),
        ["train:21: error: the label `good` twice, expected it once"]
    );
}

#[test]
fn duplicates_and_conflicts_name_the_earlier_line() {
    assert_eq!(
        of_rows("good,SOME good: offer number 0!\nbad,Some good offer number 1\n"),
        [
            "train:101: error: the same text as line 1, expected it once",
            "train:102: error: the same text as line 3 under another label, `good` there and `bad` here",
        ]
    );
}

#[test]
fn a_test_set_has_every_label_and_wording_of_its_own() {
    let train = enough("some", 50);
    assert_eq!(
        problems(train.as_bytes(), Some(b"good,quite new\nugly,also new\n"), CLASSES),
        [
            "test: error: no message of `bad`, expected at least one of every label",
            "test:2: error: the label `ugly`, which nothing trains",
        ]
    );
    let train = format!("{train}good,one two three four five six seven eight nine\n");
    let test =
        "good,Some good offer number 7\nbad,one two three four five six seven eight ten\nbad,new words\n";
    assert_eq!(
        problems(train.as_bytes(), Some(test.as_bytes()), CLASSES),
        [
            "test:1: error: the same text as line 15 of the training data, expected one of its own",
            "test:2: error: 50 % of its wording is that of the training data, expected less than half",
        ]
    );
}

#[test]
fn no_problem_quotes_a_text() {
    let secret = "good,\"Dear Ms Fernhollow\" yes\n\
        good,Dear Ms Fernhollow\nbad,Dear Ms Fernhollow\ngood, Fernhollow\n";
    let found = of_rows(secret);
    assert_eq!(found.len(), 3);
    assert!(found.iter().all(|problem| !problem.contains("Fernhollow")), "{found:?}");
}
