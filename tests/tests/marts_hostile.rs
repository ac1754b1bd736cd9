//! Hostile parameters, through every trigger: they stay values. The statements are the same to the letter, the values
//! come back as they were, and nothing is dropped.

#![expect(clippy::indexing_slicing, reason = "a test fails by panicking")]

use std::collections::BTreeSet;

use eventide_tests::Marts;
use eventide_tests::marts::{Delivered, File, texts};
use serde_json::{Value, json};

type Tested = Result<(), String>;

const STAFF: &str = "humanresources_marts.staff";
/// What the query's text becomes in each of them is a value.
const HOSTILE: [&str; 14] = [
    "'; DROP TABLE humanresources_marts.staff; --",
    "\\'; DROP TABLE humanresources_marts.staff; --",
    "x' OR '1'='1",
    "\" OR \"\"=\"",
    "*/ DROP TABLE humanresources_marts.staff; /*",
    "$$; DROP TABLE humanresources_marts.staff; $$",
    ":number",
    "$1 {0} %s ${text} {{text}}",
    "', (SELECT max(name) FROM humanresources_marts.staff), '",
    "NULL",
    "ʼ ＇ ‘ \u{202e}; DROP TABLE staff",
    "line\r\nbreak\n; DROP TABLE staff",
    "eventide_result') TO 's3://elsewhere/' --",
    "/../../etc/passwd",
];

async fn start() -> Result<Marts, String> {
    let marts = Marts::start().await?;
    marts
        .table(
            STAFF,
            "AS SELECT g.n AS id, 'p' || CAST(g.n AS VARCHAR) AS name FROM generate_series(1, 10) AS g(n)",
        )
        .await?;
    let query = format!(
        "SELECT :text AS echo, :number AS number, COUNT(*) AS staff FROM {STAFF} WHERE name <> :text"
    );
    marts
        .deploy(&File::query("echo", &query).parameter("text", "text").parameter("number", "integer"))
        .await?;
    let view = File::view("by_name", &format!("SELECT id, name FROM {STAFF}"));
    marts
        .deploy(&view.table("[parameters.name]\ntype = \"text\"\ncolumn = \"name\"\nnull = \"any\""))
        .await?;
    Ok(marts)
}

fn request(text: &str) -> Value {
    json!({ "mart": "echo", "parameters": { "text": text, "number": 7 } })
}

fn with(mut value: Value, member: &str, text: impl Into<Value>) -> Value {
    value[member] = text.into();
    value
}

/// The only row: the text as it was, the number, and how many are not called so.
fn expected(text: &str) -> Vec<Vec<Option<String>>> {
    vec![[text, "7", "10"].map(|value| Some(value.to_owned())).to_vec()]
}

/// A call of the function URL as Lambda hands it to the function.
fn call(request: &Value) -> Value {
    let user = "arn:aws:sts::111122223333:assumed-role/Analyst/ann";
    json!({
        "version": "2.0", "rawPath": "/", "isBase64Encoded": false, "body": request.to_string(),
        "requestContext": {
            "requestId": request.to_string(), "http": { "method": "POST", "path": "/" },
            "authorizer": { "iam": { "userArn": user } },
        },
    })
}

/// The texts of all statements that answered requests, without the keys of results.
async fn statements(marts: &Marts) -> Result<BTreeSet<String>, String> {
    let mut texts = BTreeSet::new();
    for statement in marts.statements("eventide/query/").await? {
        let token =
            statement["StatementName"].as_str().unwrap_or_default().rsplit('/').next().unwrap_or_default();
        let parts = statement["SubStatements"].as_array().cloned().unwrap_or_else(|| vec![statement.clone()]);
        for part in parts {
            texts.insert(part["QueryString"].as_str().unwrap_or_default().replace(token, "TOKEN"));
        }
    }
    Ok(texts)
}

/// What an administrator sees of the warehouse.
async fn relations(marts: &Marts) -> Result<Value, String> {
    let body = json!({ "Database": "dev", "WorkgroupName": "eventide", "SchemaPattern": "humanresources%" });
    Ok(marts.cloud().aws_json("redshift-data", "RedshiftData.ListTables", &body).await?["Tables"].clone())
}

async fn ask(marts: &Marts, event: &Value) -> Result<Value, String> {
    marts.ask(event).await?.map_err(|error| format!("{event}: {error}"))
}

#[tokio::test]
async fn hostile_values_are_answered_as_they_are() -> Tested {
    let marts = start().await?;
    let before = relations(&marts).await?;
    let long = "'".repeat(60_000);
    for text in HOSTILE.into_iter().chain([&*long]) {
        let answer = ask(&marts, &with(request(text), "wait", true)).await?;
        assert_eq!(texts(&answer["rows"]), expected(text), "{answer}");
        let answer = ask(&marts, &call(&with(request(text), "wait", true))).await?;
        let body: Value = serde_json::from_str(answer["body"].as_str().unwrap_or_default())
            .map_err(|error| error.to_string())?;
        assert_eq!(texts(&body["rows"]), expected(text), "{answer}");
        // A condition that is always true would give all ten.
        let named = json!({ "mart": "by_name", "wait": true, "parameters": { "name": text } });
        assert_eq!(ask(&marts, &named).await?["rows"], json!([]), "{text}");
    }
    let statements = statements(&marts).await?;
    assert_eq!(statements.len(), 2, "one for each mart: {statements:?}");
    assert!(statements.iter().all(|sql| !sql.contains("DROP")), "{statements:?}");
    // The values went where they belong.
    let given: BTreeSet<String> = marts
        .queries("echo")
        .await?
        .iter()
        .flat_map(|statement| statement["QueryParameters"].as_array().cloned().unwrap_or_default())
        .filter(|parameter| parameter["name"] == "text")
        .map(|parameter| parameter["value"].as_str().unwrap_or_default().to_owned())
        .collect();
    assert_eq!(given, HOSTILE.into_iter().chain([&*long]).map(str::to_owned).collect());
    assert_eq!(relations(&marts).await?, before, "nothing was dropped, nothing was made");
    assert_eq!(
        marts.rows_of(&format!("SELECT count(*) FROM {STAFF}")).await?.concat(),
        [Some("10".to_owned())]
    );
    Ok(())
}

#[tokio::test]
async fn hostile_values_are_delivered_as_they_are() -> Tested {
    let marts = start().await?;
    let before = relations(&marts).await?;
    for (index, text) in HOSTILE.into_iter().enumerate() {
        let format = ["csv", "jsonl", "parquet"][index % 3];
        let request = request(text);
        // By event, by schedule, and unloaded, where the text of the statement has to hold all else.
        let event = with(request.clone(), "format", format);
        let scheduled = json!({ "source": "aws.scheduler", "detail-type": "Data Mart Requested", "id": text, "detail": event });
        let unloaded = with(request.clone(), "unload", true);
        marts.send_event("hr.portal", "Data Mart Requested", &event).await?;
        check(text, marts.delivered("echo").await?);
        ask(&marts, &scheduled).await?;
        check(text, marts.delivered("echo").await?);
        ask(&marts, &unloaded).await?;
        check(text, marts.delivered("echo").await?);
    }
    let statements = statements(&marts).await?;
    assert_eq!(statements.len(), 3, "one to fetch, two to unload: {statements:?}");
    assert!(statements.iter().all(|sql| !sql.contains("DROP")), "{statements:?}");
    assert_eq!(relations(&marts).await?, before);
    marts.come_to_rest().await
}

fn check(text: &str, delivered: Delivered) {
    assert_eq!(delivered.rows, expected(text));
    assert_eq!(delivered.manifest["parameters"]["text"], text);
    let key = delivered.manifest["files"][0]["key"].as_str().unwrap_or_default();
    assert!(key.starts_with("people/echo/20"), "{key}");
}

/// Everything else that a request says is known, or refused before there is a statement.
#[tokio::test]
async fn hostile_names_and_ids_reach_no_statement() -> Tested {
    let marts = start().await?;
    let before = relations(&marts).await?;
    for text in HOSTILE {
        let unknown = marts.ask(&json!({ "mart": text })).await?.err().ok_or("it was accepted")?;
        assert_eq!(unknown["errorType"], "Permanent.UnknownMart", "{unknown}");
        let named = json!({ "mart": "echo", "parameters": { text: 1 } });
        let invalid = marts.ask(&named).await?.err().ok_or("it was accepted")?;
        assert_eq!(invalid["errorType"], "Permanent.InvalidParameters", "{invalid}");
        let typed = json!({ "mart": "echo", "parameters": { "number": text } });
        let invalid = marts.ask(&typed).await?.err().ok_or("it was accepted")?;
        assert_eq!(invalid["errorType"], "Permanent.InvalidParameters", "{invalid}");
        let formatted = json!({ "mart": "echo", "format": text });
        let invalid = marts.ask(&formatted).await?.err().ok_or("it was accepted")?;
        assert_eq!(invalid["errorType"], "Permanent.InvalidEvent", "{invalid}");
    }
    assert_eq!(marts.statements("eventide/query/").await?, Vec::<Value>::new());
    // An id is anything printable, and becomes a digest.
    let id = "'; DROP TABLE humanresources_marts.staff; -- ../../x";
    ask(&marts, &with(request("t"), "requestId", id)).await?;
    let delivered = marts.delivered("echo").await?;
    assert_eq!(delivered.manifest["requestId"], id);
    check("t", delivered);
    assert!(statements(&marts).await?.iter().all(|sql| !sql.contains("DROP")));
    assert_eq!(relations(&marts).await?, before);
    Ok(())
}
