//! What voice to chat uses, in the local cloud.

use std::collections::BTreeMap;
use std::sync::Arc;

use aws_sdk_dynamodb as dynamodb;
use axum::http::Method;
use eventide_clients::connect::{self, Connect as _, NewChat, SdkConnect};
use eventide_clients::links::{Claimed, DynamoDbLinks, Limit, Limits, Links, State, contract};
use eventide_kit::item::Reader;
use eventide_testing::LocalCloud;
use eventide_types::LinkHash;
use serde_json::json;
use time::macros::datetime;
use time::{Duration, OffsetDateTime};
use tokio::task::JoinSet;

use crate::local_cloud::config;

const NOON: OffsetDateTime = datetime!(2026-11-01 12:00 UTC);

#[tokio::test]
async fn links() {
    let cloud = LocalCloud::start().await.unwrap();
    let table = json!({"TableName": "links", "BillingMode": "PAY_PER_REQUEST",
        "AttributeDefinitions": [{"AttributeName": "pk", "AttributeType": "S"}],
        "KeySchema": [{"AttributeName": "pk", "KeyType": "HASH"}]});
    cloud.aws_json("dynamodb", "DynamoDB_20120810.CreateTable", &table).await.unwrap();
    let config = config(&cloud);
    let links = DynamoDbLinks::new(&config, "links");
    contract::check(&links).await.unwrap();
    one_of_hundred_wins(&links).await;
    let client = dynamodb::Client::new(&config);
    everything_expires(&client).await;
    a_crash_between_the_writes_is_healed(&links, &client).await;
    kept_for_a_week(&links.with_retention(Duration::days(7)), &client).await;
    nothing_is_found_in_a_missing_table(&DynamoDbLinks::new(&config, "missing")).await;
}

/// A hundred pages redeem one link.
pub(crate) async fn one_of_hundred_wins<L: Links + Limits + Clone + 'static>(links: &L) {
    let link = Arc::new(contract::link(50));
    links.open(&link, "50").await.unwrap();
    let mut claims = JoinSet::new();
    for page in 0..100 {
        let (links, link) = (links.clone(), Arc::clone(&link));
        claims.spawn(async move { links.claim(&link.hash, &contract::claim(&page.to_string(), NOON)).await });
    }
    let claimed: Vec<_> = claims.join_all().await.into_iter().map(Result::unwrap).collect();
    let count = |of: &Claimed| claimed.iter().filter(|claimed| *claimed == of).count();
    assert_eq!(count(&Claimed::Won(Box::new((*link).clone()))), 1);
    assert_eq!(count(&Claimed::Unavailable), 99);

    let limit = Limit { name: "hundred".to_owned(), max: 7, window: std::time::Duration::from_secs(60) };
    let mut takes = JoinSet::new();
    for taker in 0..100 {
        let (links, limit) = (links.clone(), limit.clone());
        takes.spawn(async move { links.take(&limit, Some(&taker.to_string()), NOON).await });
    }
    let taken = takes.join_all().await.into_iter().map(Result::unwrap);
    assert_eq!(taken.filter(|taken| *taken).count(), 7);
}

/// What the contract left behind, none of which says a token or stays.
async fn everything_expires(client: &dynamodb::Client) {
    let items = client.scan().table_name("links").send().await.unwrap().items.unwrap();
    let mut kinds = BTreeMap::<String, usize>::new();
    for item in &items {
        let read = Reader(item);
        let pk = read.text("pk").unwrap();
        let expires_at: i64 = read.number("expires_at").unwrap();
        *kinds.entry(pk.split('#').next().unwrap().to_owned()).or_default() += 1;
        if pk.starts_with("link#") {
            let until = read.moment("valid_until").unwrap() + Duration::days(1);
            assert!((0..=1).contains(&(expires_at - until.unix_timestamp())), "{pk}");
        } else if pk.starts_with("limit#") {
            let start: i64 = pk.rsplit('#').next().unwrap().parse().unwrap();
            assert!([start + 60, start + 3_600].contains(&expires_at), "{pk}");
        } else {
            assert!(expires_at > (NOON + Duration::days(1)).unix_timestamp(), "{pk}");
        }
    }
    assert_eq!(kinds.into_keys().collect::<Vec<_>>(), ["chat", "contact", "limit", "link"]);
}

async fn a_crash_between_the_writes_is_healed(links: &DynamoDbLinks, client: &dynamodb::Client) {
    let link = contract::link(60);
    links.open(&link, "60").await.unwrap();
    let pk = dynamodb::types::AttributeValue::S(format!("link#{}", link.hash));
    client.delete_item().table_name("links").key("pk", pk).send().await.unwrap();
    assert_eq!(
        links.claim(&link.hash, &contract::claim("a", NOON)).await.unwrap(),
        Claimed::Unavailable,
        "nothing is written of a link that is not there"
    );
    assert!(!links.revoke(&link.contact_id).await.unwrap());

    let mut again = contract::link(60);
    again.hash = LinkHash::new([61; 32]);
    again.created_at += Duration::seconds(1);
    let opened = links.open(&again, "61").await.unwrap();
    assert_eq!((opened.nonce.as_str(), opened.state, opened.is_new), ("60", State::Open, true));
    again.hash = link.hash;
    assert_eq!(opened.link, again);
}

async fn kept_for_a_week(links: &DynamoDbLinks, client: &dynamodb::Client) {
    let link = contract::link(70);
    links.open(&link, "70").await.unwrap();
    for pk in [format!("link#{}", link.hash), format!("contact#{}", link.contact_id)] {
        let key = dynamodb::types::AttributeValue::S(pk.clone());
        let got = client.get_item().table_name("links").key("pk", key).send().await.unwrap();
        let expires_at: i64 = Reader(&got.item.unwrap()).number("expires_at").unwrap();
        let week = (link.expires_at + Duration::days(7)).unix_timestamp();
        assert_eq!(expires_at, week + 1, "{pk}");
    }
}

async fn nothing_is_found_in_a_missing_table(links: &DynamoDbLinks) {
    let link = contract::link(80);
    let limit = Limit { name: "a".to_owned(), max: 1, window: std::time::Duration::from_secs(60) };
    for error in [
        links.open(&link, "80").await.unwrap_err(),
        links.claim(&link.hash, &contract::claim("a", NOON)).await.unwrap_err(),
        links.revoke("a").await.unwrap_err(),
        links.take(&limit, None, NOON).await.unwrap_err(),
    ] {
        assert_eq!(error.qualified_type(), "Environment.TableNotFound");
    }
}

#[tokio::test]
async fn connect() {
    let cloud = LocalCloud::start().await.unwrap();
    let mut contacts = Vec::new();
    for state in ["queued", "agent", "ended"] {
        let contact = json!({"state": state, "customer": "+14255550100"});
        let put = cloud.control(Method::POST, "connect/contacts", Some(&contact)).await.unwrap();
        contacts.push(put["id"].as_str().unwrap().to_owned());
    }
    let given = connect::contract::Given {
        flow_id: "aaaaaaaa-0000-4000-8000-000000000001".to_owned(),
        missing_flow_id: "aaaaaaaa-0000-4000-8000-000000000009".to_owned(),
        to: "+14255550100".to_owned(),
        from: "+12065550100".to_owned(),
        contacts: contacts.try_into().unwrap(),
        missing_contact_id: "00000000-0000-4000-8000-000000000000".to_owned(),
    };
    let config = config(&cloud);
    let connect = SdkConnect::new(&config, "11111111-2222-3333-4444-555555555555");
    connect::contract::check(&connect, &given).await.unwrap();

    let elsewhere = SdkConnect::new(&config, "99999999-2222-3333-4444-555555555555");
    let chat = NewChat {
        flow_id: given.flow_id,
        display_name: "Ann".to_owned(),
        attributes: BTreeMap::new(),
        related_contact_id: None,
        client_token: "elsewhere".to_owned(),
        duration_minutes: 60,
        initial_message: None,
    };
    let error = elsewhere.start_chat(&chat).await.unwrap_err();
    assert_eq!(error.qualified_type(), "Environment.ResourceNotFound");
}
