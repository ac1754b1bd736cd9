use std::sync::Arc;
use std::time::Duration;

use eventide_clients::campaigns::contract::{NOON, campaign, shard};
use eventide_clients::campaigns::{
    Campaigns, Decisions, DynamoDbCampaigns, Outcomes, Pace, Reports, Room, Scores, Shards,
};
use eventide_kit::clock::ManualClock;
use eventide_types::campaign::ContentId;
use eventide_types::campaign::command::Decision;
use eventide_types::campaign::provider::{News, Outcome};
use eventide_types::campaign::verdict::{Mode, Scored, Scores as Part};
use serde_json::{Value, json};

use crate::support::{Reply, Seen, Server, error, ok};

fn store(server: &Server) -> DynamoDbCampaigns {
    DynamoDbCampaigns::new(&server.config(), "ledger").with_clock(Arc::new(ManualClock::new(NOON)))
}

fn content(number: u8) -> ContentId {
    ContentId([number; 16])
}

/// An error of DynamoDB with more than its code.
fn failure(code: &'static str, mut more: Value) -> Reply {
    more["message"] = json!("said AWS");
    error(400, code).with_body(&more)
}

/// A failed condition, and the item that failed it.
fn refused(item: &Value) -> Reply {
    failure("ConditionalCheckFailedException", json!({"Item": item}))
}

fn keys(request: &Seen) -> Vec<Value> {
    request.json["RequestItems"]["ledger"]["Keys"].as_array().unwrap().clone()
}

fn puts(request: &Seen) -> Vec<Value> {
    request.json["RequestItems"]["ledger"].as_array().unwrap().clone()
}

fn item_of(key: &Value) -> Value {
    json!({"pk": key["pk"], "parts": {"S": "[]"}, "expires_at": {"N": "9999999999"}})
}

fn scored(number: u8) -> Scored {
    Scored { content: content(number), parts: vec![Part { mode: Mode::MultiClass, labels: Vec::new() }] }
}

#[tokio::test]
async fn keys_that_are_left_are_asked_for_again() {
    // A third of each call's, rounded up.
    let server = Server::start(|request| {
        let keys = keys(request);
        let (now, later) = keys.split_at(keys.len().div_ceil(3));
        let items: Vec<_> = now.iter().map(item_of).collect();
        let left = if later.is_empty() { json!({}) } else { json!({"ledger": {"Keys": later}}) };
        ok(json!({"Responses": {"ledger": items}, "UnprocessedKeys": left}))
    })
    .await;
    let asked: Vec<_> = (0..9).chain([0, 8]).map(content).collect();
    let found = store(&server).scores("classifier", &asked).await.unwrap();
    assert_eq!(found.iter().flatten().map(|scored| scored.content).collect::<Vec<_>>(), asked);
    let sizes: Vec<_> = server.seen().iter().map(|seen| keys(seen).len()).collect();
    assert_eq!(sizes, [9, 6, 4, 2, 1], "each key once");
}

#[tokio::test]
async fn a_call_takes_a_hundred_keys_and_decisions_are_read_consistently() {
    let server = Server::start(|_| ok(json!({"Responses": {"ledger": []}, "UnprocessedKeys": {}}))).await;
    let store = store(&server);
    let asked: Vec<_> = (0..=250).map(content).collect();
    assert_eq!(store.decisions("spring", &asked).await.unwrap(), vec![None; 251]);
    let entries: Vec<_> = (0..70).map(|number| number.to_string()).collect();
    assert_eq!(store.known(&entries).await.unwrap().len(), 70);
    let mut sizes: Vec<_> = server.seen().iter().map(|seen| keys(seen).len()).collect();
    sizes.sort_unstable();
    assert_eq!(sizes, [40, 51, 100, 100, 100]);
    let consistent = |seen: &Seen| seen.json["RequestItems"]["ledger"]["ConsistentRead"] == json!(true);
    assert!(server.seen().iter().all(consistent));
}

#[tokio::test]
async fn what_is_left_time_after_time_is_given_up() {
    let server = Server::start(|request| match request.operation() {
        "BatchGetItem" => ok(json!({"Responses": {}, "UnprocessedKeys": request.json["RequestItems"]})),
        _ => ok(json!({"UnprocessedItems": request.json["RequestItems"]})),
    })
    .await;
    let store = store(&server);
    let error = store.scores("classifier", &[content(1)]).await.unwrap_err();
    assert_eq!(error.qualified_type(), "Retryable.Throttled");
    assert_eq!(error.to_string(), "`dynamodb:BatchGetItem` left 1 items undone in 8 calls");
    assert_eq!(server.hits(), 8);
    let error = store.keep("classifier", &[scored(1), scored(2)], NOON).await.unwrap_err();
    assert_eq!(error.to_string(), "`dynamodb:BatchWriteItem` left 2 items undone in 8 calls");
    assert_eq!(server.hits(), 16);
}

#[tokio::test]
async fn items_that_are_left_are_written_again() {
    let server = Server::start(|request| {
        let later = puts(request).split_off(puts(request).len().div_ceil(2));
        let left = if later.is_empty() { json!({}) } else { json!({"ledger": later}) };
        ok(json!({"UnprocessedItems": left}))
    })
    .await;
    let kept: Vec<_> = (0..7).map(scored).collect();
    store(&server).keep("classifier", &kept, NOON).await.unwrap();
    let sizes: Vec<_> = server.seen().iter().map(|seen| puts(seen).len()).collect();
    assert_eq!(sizes, [7, 3, 1]);
    let last = puts(&server.seen()[2])[0]["PutRequest"]["Item"].clone();
    assert_eq!(last["pk"], json!({"S": format!("scores#classifier#{}", content(6))}));
    assert_eq!(last["expires_at"], json!({"N": (NOON.unix_timestamp() + 180 * 86_400).to_string()}));
}

#[tokio::test]
async fn scores_that_fit_into_no_item_are_not_kept() {
    let server = Server::start(|_| ok(json!({"UnprocessedItems": {}}))).await;
    let part = Part { mode: Mode::MultiClass, labels: Vec::new() };
    let long = Scored { content: content(1), parts: vec![part; 20_000] };
    store(&server).keep("classifier", std::slice::from_ref(&long), NOON).await.unwrap();
    assert_eq!(server.hits(), 0);
    store(&server).keep("classifier", &[long, scored(2)], NOON).await.unwrap();
    assert_eq!(puts(&server.seen()[0]).len(), 1);
}

/// Fails the first call, as when its answer is lost, and refuses the second because of what the first wrote.
fn lost_answer(request: &Seen) -> Reply {
    if request.number == 0 { error(500, "InternalServerError") } else { refused(&request.json["Item"]) }
}

#[tokio::test]
async fn a_write_is_told_from_anothers_though_its_answer_was_lost() {
    let mut first = campaign("spring");
    let server = Server::start(|_| unwritten()).await;
    assert!(!store(&server).put(&mut first).await.unwrap(), "another wrote");
    assert_eq!(first.revision, 0);
    let server = Server::start(lost_answer).await;
    assert!(store(&server).put(&mut first).await.unwrap());
    assert_eq!((first.revision, server.hits()), (1, 2));

    let server = Server::start(lost_answer).await;
    let mut moved = shard("spring", 1);
    assert!(store(&server).move_on(&mut moved).await.unwrap());
    assert_eq!((moved.revision, server.hits()), (1, 2));

    let news = News {
        entry: "entry".to_owned(),
        campaign: "spring".to_owned(),
        outcome: Outcome::Delivered,
        message_id: "m-1".to_owned(),
        detail: None,
        at: NOON,
    };
    let server = Server::start(lost_answer).await;
    assert!(store(&server).record(&news).await.unwrap(), "it was news");
    let written = server.seen()[1].json["Item"].clone();
    let server = Server::start(move |_| refused(&written)).await;
    assert!(!store(&server).record(&news).await.unwrap(), "the same news, delivered again");
}

/// What refuses the write of a campaign that another wrote.
fn unwritten() -> Reply {
    let mut other = campaign("spring");
    other.revision = 1;
    other.upload = "another".to_owned();
    let record = serde_json::to_string(&other).unwrap();
    refused(&json!({"pk": {"S": "campaign#spring"}, "revision": {"N": "1"}, "campaign": {"S": record}}))
}

#[tokio::test]
async fn a_decision_that_expired_meanwhile_is_asked_for_again() {
    let server = Server::start(|_| failure("ConditionalCheckFailedException", json!({}))).await;
    let decision = Decision {
        campaign: "spring".to_owned(),
        content: content(1),
        approved: true,
        by: "ann".to_owned(),
        reason: None,
        label: None,
        at: NOON,
        source: "event-1".to_owned(),
    };
    assert_eq!(store(&server).decide(&decision).await.unwrap_err().qualified_type(), "Retryable.ItemGone");
}

/// A cancelled transaction with the reasons of its two items.
fn cancelled(reasons: Value) -> Reply {
    failure("TransactionCanceledException", json!({"CancellationReasons": reasons}))
}

#[tokio::test]
async fn a_shard_is_closed_in_one_step_with_the_progress() {
    // A conflict at the progress, then at the shard, then none.
    let server = Server::start(|request| match (request.number, request.operation()) {
        (0, _) => cancelled(json!([{"Code": "None"}, {"Code": "TransactionConflict"}])),
        (1, _) => cancelled(json!([{"Code": "TransactionConflict"}, {"Code": "None"}])),
        (_, "TransactWriteItems") => ok(json!({})),
        _ => ok(json!({"Item": {"pk": {"S": "progress"}, "total": {"N": "2"}, "closed": {"N": "2"}}})),
    })
    .await;
    let progress = store(&server).close(&shard("spring", 1)).await.unwrap();
    assert!(progress.is_complete());
    let seen = server.seen();
    let operations: Vec<_> = seen.iter().map(Seen::operation).collect();
    assert_eq!(operations, ["TransactWriteItems", "TransactWriteItems", "TransactWriteItems", "GetItem"]);
    let items = seen[2].json["TransactItems"].as_array().unwrap();
    let keys: Vec<_> = items.iter().map(|item| item["Update"]["Key"]["pk"]["S"].as_str().unwrap()).collect();
    let shard_key = format!("shard#{}", shard("spring", 1).key);
    assert_eq!(keys, [shard_key.as_str(), "progress#spring#4f1c4f1c4f1c4f1c"]);
    assert_eq!(seen[3].json["ConsistentRead"], json!(true));
}

/// DynamoDB refuses writes to items that a transaction is just writing, and the SDK does not repeat them.
#[tokio::test]
async fn writes_wait_for_transactions_at_their_items() {
    let server = Server::start(|request| match request.number % 3 {
        2 => ok(json!({"Attributes": {"total": {"N": "3"}, "closed": {"N": "1"}}})),
        _ => error(400, "TransactionConflictException"),
    })
    .await;
    assert!(store(&server).move_on(&mut shard("spring", 1)).await.unwrap());
    assert_eq!(server.hits(), 3);
    let progress = store(&server).announce("spring", "upload", "first", 3).await.unwrap();
    assert_eq!((progress.total, progress.closed), (3, 1));
    assert_eq!(server.hits(), 6);

    let server = Server::start(|_| error(400, "TransactionConflictException")).await;
    let failed = store(&server).announce("spring", "upload", "first", 3).await.unwrap_err();
    assert_eq!(failed.qualified_type(), "Retryable.TransactionConflict");
    assert_eq!(failed.to_string(), "`dynamodb:UpdateItem` met a transaction at its item in each of 12 tries");
}

#[tokio::test]
async fn a_shard_that_is_always_contended_is_left_for_later() {
    let server =
        Server::start(|_| cancelled(json!([{"Code": "TransactionConflict"}, {"Code": "None"}]))).await;
    let failed = store(&server).close(&shard("spring", 1)).await.unwrap_err();
    assert_eq!(failed.qualified_type(), "Retryable.TransactionConflict");
    assert_eq!(server.hits(), 12);
}

#[tokio::test]
async fn pages_of_the_index_are_followed_as_far_as_is_wanted() {
    // Pages of two, the second of which is empty.
    let server = Server::start(|request| {
        let key = |number: usize| {
            json!({"pk": {"S": format!("shard#{number}")}, "open": {"S": "shard"}, "due_at": {"N": "1"}})
        };
        let page: Vec<_> = if request.number == 1 { vec![] } else { vec![key(request.number), key(9)] };
        let last = (request.number < 3).then(|| key(request.number));
        ok(json!({"Items": page, "Count": page.len(), "LastEvaluatedKey": last}))
    })
    .await;
    let due = store(&server).due_shards(NOON, 100).await.unwrap();
    assert_eq!(due, ["0", "9", "2", "9", "3", "9"]);
    let seen = server.seen();
    assert_eq!(seen.len(), 4);
    for (number, request) in seen.iter().enumerate() {
        let start = &request.json["ExclusiveStartKey"]["pk"]["S"];
        let expected = number.checked_sub(1).map(|before| format!("shard#{before}"));
        assert_eq!(start.as_str(), expected.as_deref());
        assert_eq!(request.json["ExpressionAttributeValues"][":open"], json!({"S": "shard"}));
    }
    let limits: Vec<_> = seen.iter().map(|request| request.json["Limit"].as_u64().unwrap()).collect();
    assert_eq!(limits, [100, 98, 98, 96]);
}

#[tokio::test]
async fn races_for_a_rate_are_run_a_few_times() {
    let granted = |grants: &str| json!({"pk": {"S": "pace#email"}, "grants": {"S": grants}});
    let now = NOON.unix_timestamp_nanos() / 1_000;
    let other = format!("[[{},3]]", now - 500_000);
    let server = Server::start(move |request| match request.number {
        0 => refused(&granted(&other)),
        _ => ok(json!({"Attributes": {}})),
    })
    .await;
    assert_eq!(store(&server).take("email", 14.0, 20, NOON).await.unwrap(), Room::For(11));
    let second = server.seen()[1].json["ExpressionAttributeValues"].clone();
    assert_eq!(second[":seen"]["S"], json!(format!("[[{},3]]", now - 500_000)));
    assert_eq!(second[":next"]["S"], json!(format!("[[{},3],[{now},11]]", now - 500_000)));

    let server = Server::start(move |_| refused(&granted("[]"))).await;
    let Room::After(wait) = store(&server).take("email", 14.0, 20, NOON).await.unwrap() else {
        panic!("it never won");
    };
    assert!((Duration::from_millis(100)..Duration::from_secs(1)).contains(&wait), "{wait:?}");
    assert_eq!(server.hits(), 10);
}

#[tokio::test]
async fn a_report_that_others_are_always_at_is_asked_for_later() {
    // It is due, and by the time that is answered to, due at another time.
    let server = Server::start(|request| {
        let due_at = json!({"N": (request.number + 1).to_string()});
        refused(&json!({"pk": {"S": "report#spring"}, "due_at": due_at}))
    })
    .await;
    let failed = store(&server).request("spring", NOON).await.unwrap_err();
    assert_eq!(failed.qualified_type(), "Retryable.WriteConflict");
}
