use aws_sdk_dynamodb as dynamodb;
use axum::body::Bytes;
use axum::http::Method;
use eventide_clients::event_bus::{self, Event, SdkEventBus};
use eventide_clients::marts::{self, Catalogue, DynamoDbMarts, DynamoDbUsages};
use eventide_clients::redshift_data::{self, SdkRedshiftData};
use eventide_clients::s3::{self, Bucket, SdkBucket};
use eventide_testing::{LocalCloud, xml};
use serde_json::{Value, json};
use time::OffsetDateTime;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::local_cloud::{config, receive};
use crate::wire::warehouse;

async fn create_table(cloud: &LocalCloud, name: &str, keys: &[&str], more: Value) {
    let mut table = json!({"TableName": name, "BillingMode": "PAY_PER_REQUEST",
        "AttributeDefinitions": keys.iter().map(|key| json!({"AttributeName": key, "AttributeType": "S"})).collect::<Value>(),
        "KeySchema": keys.iter().zip(["HASH", "RANGE"])
            .map(|(key, kind)| json!({"AttributeName": key, "KeyType": kind})).collect::<Value>()});
    table.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    cloud.aws_json("dynamodb", "DynamoDB_20120810.CreateTable", &table).await.unwrap();
}

#[tokio::test]
async fn marts() {
    let cloud = LocalCloud::start().await.unwrap();
    let index = json!({
        "AttributeDefinitions": [
            {"AttributeName": "pk", "AttributeType": "S"},
            {"AttributeName": "open", "AttributeType": "S"},
            {"AttributeName": "moved_at", "AttributeType": "N"}],
        "GlobalSecondaryIndexes": [{"IndexName": "open", "Projection": {"ProjectionType": "KEYS_ONLY"},
            "KeySchema": [{"AttributeName": "open", "KeyType": "HASH"},
                {"AttributeName": "moved_at", "KeyType": "RANGE"}]}]});
    create_table(&cloud, "ledger", &["pk"], index).await;
    create_table(&cloud, "usage", &["month", "statement"], json!({})).await;
    let config = config(&cloud);
    let marts = DynamoDbMarts::new(&config, "ledger");
    marts::contract::check(&marts).await.unwrap();
    marts::contract::check_usages(&DynamoDbUsages::new(&config, "usage")).await.unwrap();
    expiry_is_set(&dynamodb::Client::new(&config)).await;

    let elsewhere = DynamoDbMarts::new(&config, "missing");
    let mart = marts::contract::mart("rates", "hr/rates.sql", "1");
    for error in
        [elsewhere.mart("rates").await.unwrap_err(), elsewhere.put_in_force(&mart).await.unwrap_err()]
    {
        assert_eq!(error.qualified_type(), "Environment.TableNotFound");
    }
}

/// What the contract left behind expires 30 days after it last moved, and only what is on its way is in the index.
async fn expiry_is_set(client: &dynamodb::Client) {
    let items = client.scan().table_name("ledger").send().await.unwrap().items.unwrap();
    let text = |item: &std::collections::HashMap<String, dynamodb::types::AttributeValue>, name: &str| {
        item.get(name).map(|value| value.as_s().or(value.as_n()).unwrap().clone())
    };
    let mut requests = 0;
    for item in &items {
        let pk = text(item, "pk").unwrap();
        let expires_at = text(item, "expires_at").map(|seconds| seconds.parse::<i64>().unwrap());
        if !pk.starts_with("request#") {
            assert_eq!(expires_at, None, "{pk}");
            continue;
        }
        requests += 1;
        let record: Value = serde_json::from_str(&text(item, "record").unwrap()).unwrap();
        let moved = record["updated_at"].as_str().unwrap();
        let moved = OffsetDateTime::parse(moved, &time::format_description::well_known::Rfc3339).unwrap();
        assert_eq!(expires_at, Some(moved.unix_timestamp() + marts::RECORD_DAYS * 86_400), "{pk}");
        let is_final = ["delivered", "failed"].contains(&record["state"].as_str().unwrap());
        assert_eq!(text(item, "open").is_some(), !is_final, "{pk}");
        assert_eq!(text(item, "moved_at").is_some(), !is_final, "{pk}");
    }
    assert!(requests > 0);
}

#[tokio::test]
async fn s3() {
    let cloud = LocalCloud::start().await.unwrap();
    cloud.send("s3", Method::PUT, "/results", &[], "").await.unwrap();
    let versioned = "<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>";
    cloud.send("s3", Method::PUT, "/results?versioning", &[], versioned).await.unwrap();
    let bucket = SdkBucket::new(&config(&cloud), "results");
    s3::contract::check(&bucket, async |link| Some(fetch(&cloud, &link).await)).await.unwrap();

    let missing = bucket.with_name("missing");
    let error = missing.put("a", "text/csv", Bytes::from_static(b"a")).await.unwrap_err();
    assert_eq!(error.qualified_type(), "Environment.NoSuchBucket");
}

/// What is at a link, asked for without credentials.
async fn fetch(cloud: &LocalCloud, link: &str) -> Bytes {
    let authority = cloud.endpoint().strip_prefix("http://").unwrap();
    let path = link.strip_prefix(cloud.endpoint()).expect("a link to the local cloud, by path");
    assert!(path.starts_with("/results/"), "{path}");
    let mut stream = TcpStream::connect(authority).await.unwrap();
    let request = format!("GET {path} HTTP/1.1\r\nhost: {authority}\r\nconnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.unwrap();
    let answer = Bytes::from(answer);
    assert!(answer.starts_with(b"HTTP/1.1 200"), "{answer:?}");
    let end = answer.windows(4).position(|window| window == b"\r\n\r\n").unwrap();
    answer.slice(end + 4..)
}

#[tokio::test]
async fn event_bus() {
    let cloud = LocalCloud::start().await.unwrap();
    let created = cloud.query("sqs", "CreateQueue", &[("QueueName", "events")]).await.unwrap();
    let url = xml::value(&created, "QueueUrl").unwrap();
    let call = async |operation: &str, body: Value| {
        cloud.aws_json("events", &format!("AWSEvents.{operation}"), &body).await.unwrap()
    };
    call("CreateEventBus", json!({"Name": "ours"})).await;
    let pattern = json!({"source": ["eventide.data-marts"]}).to_string();
    call("PutRule", json!({"Name": "all", "EventBusName": "ours", "EventPattern": pattern})).await;
    let target = json!({"Id": "queue", "Arn": "arn:aws:sqs:us-east-1:111122223333:events"});
    call("PutTargets", json!({"Rule": "all", "EventBusName": "ours", "Targets": [target]})).await;

    let bus = SdkEventBus::new(&config(&cloud), "ours");
    let received = async |expected| {
        let messages = receive(&cloud, &url, expected).await;
        messages.iter().map(|message| event(&message.body)).collect()
    };
    event_bus::contract::check(&bus, received).await.unwrap();
}

fn event(body: &str) -> Event {
    let event: Value = serde_json::from_str(body).unwrap();
    let text = |name: &str| event[name].as_str().unwrap().to_owned();
    let resources = event["resources"].as_array().unwrap().iter();
    Event {
        source: text("source"),
        detail_type: text("detail-type"),
        detail: event["detail"].clone(),
        resources: resources.map(|resource| resource.as_str().unwrap().to_owned()).collect(),
    }
}

#[tokio::test]
async fn redshift_data() {
    let cloud = LocalCloud::start().await.unwrap();
    let control = async |path: &str, body: Value| {
        cloud.control(Method::POST, &format!("redshift-data/{path}"), Some(&body)).await.unwrap()
    };
    control("warehouses", json!({"workgroup": "analytics", "databases": ["dev"]})).await;
    control("settings", json!({"pageRows": 2})).await;
    control("plans", json!({"nameContains": "endless", "runSeconds": 3_600})).await;
    let given = redshift_data::contract::Given {
        warehouse: warehouse(),
        database: "dev".to_owned(),
        rows: "SELECT n, t FROM (SELECT 1 AS n, 'a,b' AS t UNION ALL SELECT 2, NULL \
               UNION ALL SELECT 3, 'say \"ü\"') AS r WHERE n <= CAST(:n AS int) ORDER BY n"
            .to_owned(),
        failing: "SELECT * FROM public.missing".to_owned(),
        endless: "SELECT 1 AS one".to_owned(),
        batch: [
            "DROP VIEW IF EXISTS public.gone".to_owned(),
            "DROP VIEW IF EXISTS public.gone_too".to_owned(),
        ],
    };
    let data = SdkRedshiftData::new(&config(&cloud));
    redshift_data::contract::check(&data, &given).await.unwrap();
}
