use std::sync::Mutex;

use tracing::{debug, error, info, info_span, warn};

use super::*;

fn logged(settings: Settings, log: impl FnOnce()) -> Vec<String> {
    let lines: Arc<Mutex<Vec<String>>> = Arc::default();
    let sink = Arc::clone(&lines);
    let layer = Lines::new(
        settings,
        "greet",
        "$LATEST",
        Arc::new(move |line| sink.lock().unwrap().push(line.into())),
    );
    tracing::subscriber::with_default(Registry::default().with(layer), log);
    let lines = lines.lock().unwrap();
    lines.clone()
}

fn settings(pairs: &[(&str, &str)]) -> Result<Settings, String> {
    Vars::from_pairs(pairs.iter().copied()).load().map_err(|error| error.to_string())
}

fn json(log: impl FnOnce()) -> Value {
    let lines = logged(Settings::default(), log);
    assert_eq!(lines.len(), 1);
    serde_json::from_str(&lines[0]).expect("a JSON line")
}

#[test]
fn a_line_has_the_fields_of_its_spans_and_its_own() {
    let line = json(|| {
        let outer = info_span!("invocation", request_id = "r-1", correlation_id = tracing::field::Empty);
        outer.record("correlation_id", "c-1");
        let _outer = outer.enter();
        let _inner = info_span!("record", correlation_id = "c-2", hop = 3_u8).entered();
        info!(cold = true, seconds = 1.5, debug = ?Some(1), error = %"broken\nline", "it {}", "works");
    });
    let timestamp = line["timestamp"].as_str().unwrap();
    assert_eq!(timestamp.len(), "2026-11-23T09:00:00.250Z".len());
    let parsed = OffsetDateTime::parse(timestamp, &time::format_description::well_known::Rfc3339).unwrap();
    assert!((OffsetDateTime::now_utc() - parsed).whole_minutes().abs() <= 1);

    let expected = [
        ("level", Value::from("INFO")),
        ("message", "it works".into()),
        ("function", "greet".into()),
        ("version", "$LATEST".into()),
        ("target", module_path!().into()),
        ("request_id", "r-1".into()),
        ("correlation_id", "c-2".into()),
        ("hop", 3.into()),
        ("cold", true.into()),
        ("seconds", 1.5.into()),
        ("debug", "Some(1)".into()),
        ("error", "broken\nline".into()),
    ];
    for (name, value) in &expected {
        assert_eq!(line[name], *value, "{name}");
    }
    assert_eq!(line.as_object().unwrap().len(), expected.len() + 1);
}

#[test]
fn fields_cannot_forge_the_lines_own() {
    let line = json(|| {
        let _span = info_span!("span", message = "from a span", level = "FATAL").entered();
        warn!(level = "DEBUG", function = "other", "{}", "quote\" and \u{1b}[31m");
    });
    assert_eq!(line["level"], "WARN");
    assert_eq!(line["function"], "greet");
    assert_eq!(line["message"], "quote\" and \u{1b}[31m");
}

#[test]
fn huge_values_are_cut() {
    let line = json(|| info!(text = "é".repeat(1_000_000), "x"));
    assert_eq!(line["text"].as_str().unwrap().chars().count(), LONGEST_TEXT + 1);
}

#[test]
fn text_lines_are_single_lines() {
    let settings = settings(&[("AWS_LAMBDA_LOG_FORMAT", "Text")]).unwrap();
    let lines = logged(settings, || error!(request_id = "r\n1", "two\nlines"));
    assert_eq!(lines.len(), 1);
    let (_timestamp, rest) = lines[0].split_once(' ').unwrap();
    assert_eq!(rest, r#"ERROR two\nlines request_id="r\n1""#);
}

#[test]
fn levels_follow_lambdas_setting_and_quieten_machinery() {
    let log = || {
        debug!("own");
        debug!(target: "hyper::client", "machinery debug");
        for (target, machinery) in [
            ("hyper_util::client", true),
            ("aws_sdk_sqs::operation", true),
            ("aws_smithy_runtime::client::orchestrator", true),
            ("aws_cost_report::handler", false),
            ("h2o_levels", false),
            ("tower_of_babel", false),
        ] {
            assert_eq!(super::is_machinery(target), machinery, "{target}");
        }
        warn!(target: "aws_smithy_runtime", "machinery warning");
        error!("own error");
        error!(target: "lambda_runtime::layers::panic", "reported twice");
    };
    let cases = [("TRACE", 4), ("debug", 3), ("INFO", 2), ("WARN", 2), ("ERROR", 1), ("FATAL", 1)];
    for (level, expected) in cases {
        let settings = settings(&[("AWS_LAMBDA_LOG_LEVEL", level)]).unwrap();
        assert_eq!(logged(settings, log).len(), expected, "{level}");
    }
}

#[test]
fn unknown_settings_are_named() {
    assert_eq!(settings(&[]), Ok(Settings::default()));
    assert_eq!(
        settings(&[("AWS_LAMBDA_LOG_LEVEL", "LOUD"), ("AWS_LAMBDA_LOG_FORMAT", "XML")]).unwrap_err(),
        "configuration: `AWS_LAMBDA_LOG_LEVEL` is `LOUD`, expected TRACE, DEBUG, INFO, WARN, ERROR or FATAL; \
         `AWS_LAMBDA_LOG_FORMAT` is `XML`, expected JSON or Text"
    );
}
