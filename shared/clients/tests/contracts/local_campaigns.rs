use std::sync::Arc;

use aws_sdk_dynamodb as dynamodb;
use eventide_clients::campaigns::contract::{self, NOON};
use eventide_clients::campaigns::{
    Campaigns, DynamoDbCampaigns, ORIGIN_DAYS, Outcomes, Pace, SCORE_DAYS, Scores, Shards,
};
use eventide_kit::clock::ManualClock;
use eventide_kit::item::Reader;
use eventide_kit::ledger::DynamoDbLedger;
use eventide_testing::LocalCloud;
use serde_json::json;

use crate::local_cloud::config;

async fn create_table(cloud: &LocalCloud) {
    let key = |name: &str, kind: &str| json!({"AttributeName": name, "KeyType": kind});
    let attribute = |name: &str, kind: &str| json!({"AttributeName": name, "AttributeType": kind});
    let table = json!({"TableName": "ledger", "BillingMode": "PAY_PER_REQUEST",
        "AttributeDefinitions": [attribute("pk", "S"), attribute("open", "S"), attribute("due_at", "N")],
        "KeySchema": [key("pk", "HASH")],
        "GlobalSecondaryIndexes": [{"IndexName": "open", "Projection": {"ProjectionType": "KEYS_ONLY"},
            "KeySchema": [key("open", "HASH"), key("due_at", "RANGE")]}]});
    cloud.aws_json("dynamodb", "DynamoDB_20120810.CreateTable", &table).await.unwrap();
}

#[tokio::test]
async fn campaigns() {
    let cloud = LocalCloud::start().await.unwrap();
    create_table(&cloud).await;
    let config = config(&cloud);
    let clock = ManualClock::new(NOON);
    let client = dynamodb::Client::new(&config);
    let ledger = DynamoDbLedger::new(client.clone(), "ledger", Arc::new(clock.clone()));
    let store = DynamoDbCampaigns::new(&config, "ledger").with_clock(Arc::new(clock.clone()));
    contract::check(&store, &ledger, &clock).await.unwrap();
    only_scores_and_origins_expire(&client).await;

    let elsewhere = DynamoDbCampaigns::new(&config, "missing");
    let content = "000102030405060708090a0b0c0dfeff".parse().unwrap();
    for error in [
        elsewhere.campaign("spring").await.unwrap_err(),
        elsewhere.put(&mut contract::campaign("spring")).await.unwrap_err(),
        elsewhere.due(NOON, 1).await.unwrap_err(),
        elsewhere.scores("classifier", &[content]).await.unwrap_err(),
        elsewhere.close(&contract::shard("spring", 0)).await.unwrap_err(),
        elsewhere.known(&["entry".to_owned()]).await.unwrap_err(),
        elsewhere.take("email", 1.0, 1, NOON).await.unwrap_err(),
    ] {
        assert_eq!(error.qualified_type(), "Environment.TableNotFound");
    }
}

/// What the contract left behind. Ledger entries are not settled, and so do not expire either.
async fn only_scores_and_origins_expire(client: &dynamodb::Client) {
    let (mut scores, mut origins, mut start) = (0, 0, None);
    loop {
        let scan = client.scan().table_name("ledger").set_exclusive_start_key(start);
        let page = scan.send().await.unwrap();
        for item in page.items() {
            let read = Reader(item);
            let pk = read.text("pk").unwrap();
            let is_scores = pk.starts_with("scores#screen/version/v2#");
            let is_origin = pk.starts_with("origin#");
            assert_eq!(read.has("expires_at"), is_scores || is_origin, "{pk}");
            let after = || read.seconds("expires_at").unwrap() - NOON.truncate_to_second();
            if is_origin {
                origins += 1;
                assert!((ORIGIN_DAYS..=ORIGIN_DAYS + SCORE_DAYS).contains(&after().whole_days()), "{pk}");
            }
            if is_scores {
                scores += 1;
                let after = after();
                assert!((SCORE_DAYS - 1..=2 * SCORE_DAYS).contains(&after.whole_days()), "{pk}: {after}");
            }
            assert_eq!(read.has("open"), read.has("due_at"), "{pk}");
        }
        start = page.last_evaluated_key;
        if start.is_none() {
            break;
        }
    }
    assert_eq!((scores, origins), (230, 2));
}
