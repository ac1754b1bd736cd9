//! Data marts.
//!
//! What is recorded is in `events/answers/mart-*`. After a change that is meant to change it, run this test with
//! `EVENTIDE_RECORD=1`, and read the difference before it is committed. What differs from run to run is replaced in
//! both: see [`comparable`].

use super::*;

use eventide_tests::Marts;
use eventide_tests::marts::this_month;
use serde_json::{Map, json};

/// The folders of events, in the order in which they are sent. The requests that mart-deliver's messages name are made
/// by mart-query's events; mart-deploy's change what there is to ask for, so they come last.
pub(crate) const FUNCTIONS: [(&str, &str); 5] = [
    ("mart-query", "QueryFunction"),
    ("mart-deliver", "DeliverFunction"),
    ("mart-chargeback", "ChargebackFunction"),
    ("mart-refresh", "RefreshFunction"),
    ("mart-deploy", "DeployFunction"),
];

/// Who calls the function URL in the events.
const ANALYST: &str = "arn:aws:iam::111122223333:role/HumanResourcesAnalyst";
/// The event that is answered with rows. It comes before all others, after which no statement ends.
const WAITING: &str = "mart-query/direct-wait.json";

#[tokio::test]
async fn every_event_gives_its_recorded_answer_or_error() -> Tested {
    // No request is overdue here, however slow the machine is.
    let marts = Marts::start_with(&[("OverdueMinutes", "1440")]).await?;
    deploy_shipped_marts(&marts).await?;
    let mut different = Vec::new();
    check(&marts, "QueryFunction", WAITING, &mut different).await?;
    // Where a request stands depends on nothing but the events, if no statement ends.
    marts.plan(&json!({ "nameContains": "eventide/query/", "runSeconds": 3600 })).await?;
    for (function, output) in FUNCTIONS {
        let files = names(&repository().join("events").join(function), |path| path.is_file());
        assert!(!files.is_empty());
        for event in files.iter().map(|file| format!("{function}/{file}")).filter(|event| event != WAITING) {
            check(&marts, output, &event, &mut different).await?;
        }
    }
    assert!(different.is_empty(), "{}", different.join("\n"));
    Ok(())
}

/// The marts in the repository, which the events ask for. A role of the events' account may, too.
async fn deploy_shipped_marts(marts: &Marts) -> Tested {
    let folder = repository().join("functions/mart-deploy/marts/humanresources");
    let files = names(&folder, |path| path.is_file());
    for file in &files {
        let text = fs::read_to_string(folder.join(file)).map_err(|error| error.to_string())?;
        let text = text.replace("callers = [", &format!("callers = [\"{ANALYST}\", "));
        marts.upload(&format!("humanresources/{file}"), &text).await?;
    }
    for file in &files {
        marts.await_event("Data Mart Deployed", file.trim_end_matches(".sql")).await?;
    }
    Ok(())
}

async fn check(marts: &Marts, output: &str, event: &str, different: &mut Vec<String>) -> Tested {
    if env::var_os("EVENTIDE_RECORD").is_some() {
        return record(marts, output, event).await;
    }
    let expected = recorded(event)?;
    let actual =
        invoke(marts.cloud(), marts.output(output)?, event).await?.map(|answer| comparable(event, &answer));
    if actual != expected {
        different.push(format!("{event}: {actual:?}, expected {expected:?}"));
    }
    let failed = json!(set_aside(marts).await?);
    let expected = &fixture_json(&format!("answers/{event}"))?["failed"];
    if failed != *expected {
        different.push(format!("{event} set aside {failed}, expected {expected}"));
    }
    Ok(())
}

/// `cargo lambda invoke` wraps the lines of errors, so they are recorded as Lambda itself gives them.
async fn record(marts: &Marts, output: &str, event: &str) -> Tested {
    let answered = marts.invoke(output, &fixture_json(event)?).await?;
    let failed = set_aside(marts).await?;
    let recorded = match answered {
        Ok(answer) => json!({ "answer": comparable(event, &answer), "failed": failed }),
        Err(error) => {
            let error = json!({ "errorType": error["errorType"], "errorMessage": error["errorMessage"] });
            json!({ "error": error, "failed": failed })
        }
    };
    let path = repository().join("events/answers").join(event);
    let written = serde_json::to_string_pretty(&recorded).map_err(|error| error.to_string())? + "\n";
    fs::create_dir_all(path.parent().unwrap()).map_err(|error| error.to_string())?;
    fs::write(path, written).map_err(|error| error.to_string())
}

/// Takes the messages out of the failed queue: why they are there, sorted.
async fn set_aside(marts: &Marts) -> Result<Vec<String>, String> {
    let mut reasons = Vec::new();
    loop {
        let messages = marts.failed_messages().await?;
        if messages.is_empty() {
            reasons.sort();
            return Ok(reasons);
        }
        for message in messages {
            let error_type = message["MessageAttributes"]["error_type"]["StringValue"].as_str();
            reasons.push(error_type.unwrap_or("none").to_owned());
            let delete = json!({
                "QueueUrl": marts.output("FailedQueueUrl")?, "ReceiptHandle": message["ReceiptHandle"]
            });
            marts.cloud().aws_json("sqs", "AmazonSQS.DeleteMessage", &delete).await?;
        }
    }
}

/// An answer without what differs from run to run: ids of statements, which Redshift gives; presigned links; tokens,
/// of which those of direct invocations come from the invocation; the day in a key; the order of rows, which the marts
/// leave open; the month that the schedule's report is about; what is due now. A body that is JSON is shown as what it says.
fn comparable(event: &str, answer: &Value) -> Value {
    let month = (event == "mart-chargeback/schedule.json").then(last_month);
    let plain = |text: &str| {
        let text = by_part(text);
        month.as_ref().map_or(text.clone(), |month| text.replace(month, "<last month>"))
    };
    match answer {
        Value::Object(members) => {
            let members = members.iter().map(|(name, value)| {
                let value = match (name.as_str(), value) {
                    ("statementId", _) => json!("<id of a statement>"),
                    ("begun", _) if event == "mart-refresh/by-hand.json" => json!("<what is due now>"),
                    ("rows", Value::Array(rows)) => {
                        let mut rows = rows.clone();
                        rows.sort_by_key(ToString::to_string);
                        Value::Array(rows)
                    }
                    ("body", Value::String(body)) => serde_json::from_str(body)
                        .map_or_else(|_| value.clone(), |body| comparable(event, &body)),
                    _ => comparable(event, value),
                };
                (name.clone(), value)
            });
            Value::Object(members.collect::<Map<_, _>>())
        }
        Value::Array(items) => items.iter().map(|item| comparable(event, item)).collect(),
        Value::String(text) if text.contains("X-Amz-Signature=") => json!("<presigned link>"),
        Value::String(text) => json!(plain(text)),
        _ => answer.clone(),
    }
}

/// A key, or another text, without tokens and days.
fn by_part(text: &str) -> String {
    let is_token = |part: &str| part.len() == 64 && part.bytes().all(|byte| byte.is_ascii_hexdigit());
    let digits = |part: &str, count| part.len() == count && part.bytes().all(|byte| byte.is_ascii_digit());
    let parts: Vec<&str> = text.split('/').collect();
    let mut plain = Vec::new();
    let mut rest = parts.as_slice();
    while let [part, after @ ..] = rest {
        rest = match after {
            [month, day, after @ ..] if digits(part, 4) && digits(month, 2) && digits(day, 2) => {
                plain.push("<day>".to_owned());
                after
            }
            _ => {
                let (name, extension) = part.split_at(part.find('.').unwrap_or(part.len()));
                plain.push(if is_token(name) { format!("<token>{extension}") } else { (*part).to_owned() });
                after
            }
        };
    }
    plain.join("/")
}

/// The month that is over, as mart-chargeback has it.
fn last_month() -> String {
    let now = this_month();
    let (year, month) = now.split_once('-').unwrap();
    match month.parse::<u8>().unwrap() {
        1 => format!("{:04}-12", year.parse::<u16>().unwrap() - 1),
        month => format!("{year}-{:02}", month - 1),
    }
}

#[test]
fn what_differs_from_run_to_run_is_left_out_and_nothing_else() {
    let token = "0f".repeat(32);
    let answer = |key: String, link: &str, statement: &str| {
        json!({
            "statusCode": 202, "statementId": statement, "rows": [["b"], ["a"]],
            "body": json!({ "file": key, "url": link, "token": "x" }).to_string()
        })
    };
    let plain =
        comparable("e", &answer(format!("a/m/2026/11/23/{token}.csv"), "http://h/k?X-Amz-Signature=0", "s"));
    let expected = json!({
        "statusCode": 202, "statementId": "<id of a statement>", "rows": [["a"], ["b"]],
        "body": { "file": "a/m/<day>/<token>.csv", "url": "<presigned link>", "token": "x" }
    });
    assert_eq!(plain, expected);
    assert_eq!(comparable("e", &expected), expected);
}
