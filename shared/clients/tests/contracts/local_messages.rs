//! What compliance screening uses, in the local cloud.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Bytes;
use axum::http::Method;
use eventide_clients::comprehend::{self, Classifier, Job, SdkClassifier, State};
use eventide_clients::email::{self, Email, Mail, SdkEmail, Sent};
use eventide_clients::s3::{Bucket, SdkBucket};
use eventide_clients::secrets::{self, SdkSecrets};
use eventide_clients::sms::{self, SdkSms, Sms, TextMessage};
use eventide_kit::clock::SystemClock;
use eventide_testing::{LocalCloud, eventually};
use serde_json::json;

use crate::local_cloud::config;
use crate::wire::{classification_job, mail, text_message};

/// Recipient and one member of the accepted message with that id.
async fn accepted(cloud: &LocalCloud, id: &str, member: &str) -> Option<(String, String)> {
    let all = cloud.control(Method::GET, "messages", None).await.unwrap();
    let message = all["messages"].as_array().unwrap().iter().find(|message| message["id"] == id)?;
    Some((message["to"][0].as_str()?.to_owned(), message[member].as_str()?.to_owned()))
}

#[tokio::test]
async fn email() {
    let cloud = LocalCloud::start().await.unwrap();
    let identity = json!({"EmailIdentity": "news@shop.example"});
    cloud.rest("ses", Method::POST, "/v2/email/identities", Some(&identity)).await.unwrap();
    let ses = SdkEmail::new(&config(&cloud));
    email::contract::check(&ses, &mail(), async |id| accepted(&cloud, &id, "subject").await).await.unwrap();

    let unverified = Mail { from: "other@elsewhere.example".to_owned(), ..mail() };
    let error = ses.send(&unverified).await.unwrap_err();
    assert_eq!(error.qualified_type(), "Environment.SenderNotVerified");
    let no_set = Mail { configuration_set: Some("missing".to_owned()), ..mail() };
    assert_eq!(ses.send(&no_set).await.unwrap_err().qualified_type(), "Environment.NotFound");

    for (limit, daily) in [(json!({"maxSendRate": 1}), false), (json!({"max24HourSend": 1}), true)] {
        cloud.control(Method::POST, "email/settings", Some(&limit)).await.unwrap();
        let mut postponed = None;
        for _ in 0..3 {
            match ses.send(&mail()).await.unwrap() {
                Sent::Accepted { .. } => {}
                other => postponed = Some(other),
            }
        }
        assert!(
            matches!(postponed, Some(Sent::Postponed { daily: said, .. }) if said == daily),
            "{postponed:?}"
        );
        let before = json!({"maxSendRate": 100, "max24HourSend": 50_000});
        cloud.control(Method::POST, "email/settings", Some(&before)).await.unwrap();
    }
}

#[tokio::test]
async fn sms() {
    let cloud = LocalCloud::start().await.unwrap();
    let aws = cloud.aws();
    let target = |operation: &str| format!("PinpointSMSVoiceV2.{operation}");
    let wanted = json!({"IsoCountryCode": "US", "MessageType": "PROMOTIONAL", "NumberCapabilities": ["SMS"],
        "NumberType": "TEN_DLC"});
    let number = aws.json("sms-voice", &target("RequestPhoneNumber"), &wanted).await.unwrap();
    let opted_out = "+14255550199";
    let list = json!({"OptOutListName": "Default", "OptedOutNumber": opted_out});
    aws.json("sms-voice", &target("PutOptedOutNumber"), &list).await.unwrap();
    let message = TextMessage {
        origination_identity: number["PhoneNumberId"].as_str().unwrap().to_owned(),
        ..text_message()
    };
    let sender = SdkSms::new(&config(&cloud));
    let text = async |id: String| accepted(&cloud, &id, "text").await;
    sms::contract::check(&sender, &message, opted_out, text).await.unwrap();

    let cheap = TextMessage { max_price: Some("0.001".to_owned()), ..message.clone() };
    assert_eq!(sender.send(&cheap).await.unwrap(), Sent::Refused { reason: sms::PRICE_OVER_CAP.to_owned() });
    let nobody = TextMessage { origination_identity: "phone-missing".to_owned(), ..message.clone() };
    assert_eq!(sender.send(&nobody).await.unwrap_err().class(), eventide_kit::error::Class::Environment);
    let limit = json!({"monthlySpendLimit": 0});
    cloud.control(Method::POST, "sms/settings", Some(&limit)).await.unwrap();
    let sent = sender.send(&message).await.unwrap();
    assert!(matches!(sent, Sent::Postponed { daily: true, .. }), "{sent:?}");
}

#[tokio::test]
async fn comprehend() {
    let cloud = LocalCloud::start().await.unwrap();
    let dataset = cloud.state().join("train.csv");
    let rows: String = (0..60)
        .map(|n| {
            format!("gambling,\"win {n} coins at our casino\"\ncompliant,\"{n} shirts in our shop today\"\n")
        })
        .collect();
    std::fs::write(&dataset, rows).unwrap();
    let starter = json!({"name": "contract", "version": "1", "dataset": dataset, "endpoint": {"name": "contract",
        "units": 10}});
    let made = cloud.control(Method::POST, "comprehend/starter", Some(&starter)).await.unwrap();
    cloud.send("s3", Method::PUT, "/campaigns", &[], "").await.unwrap();
    let config = config(&cloud);
    let bucket = SdkBucket::new(&config, "campaigns");
    let lines = Bytes::from_static(b"win 5 coins at our casino\n5 shirts in our shop\n");
    bucket.put("batches/spring-1/input-1.txt", "text/plain", lines).await.unwrap();

    let text = |text: &str, label: &str| (text.to_owned(), label.to_owned());
    let given = comprehend::contract::Given {
        endpoint_arn: made["endpointArn"].as_str().unwrap().to_owned(),
        missing_endpoint_arn:
            "arn:aws:comprehend:us-east-1:111122223333:document-classifier-endpoint/missing".to_owned(),
        texts: vec![text("coins at the casino", "gambling"), text("a shop with shirts", "compliant")],
        job: Job {
            classifier_arn: made["classifierArn"].as_str().unwrap().to_owned(),
            ..classification_job()
        },
    };
    let classifier = SdkClassifier::new(&config);
    let ended = async |id: String| {
        eventually("the job's end", Duration::from_secs(20), || async {
            let status = classifier.describe(&id).await.unwrap().unwrap();
            (status.state != State::Running).then_some(())
        })
        .await
        .unwrap();
    };
    comprehend::contract::check(&classifier, &given, ended).await.unwrap();
    let written = bucket.list("batches/spring-1/", None, 100).await.unwrap();
    assert!(written.iter().any(|key| key.ends_with("/output/output.tar.gz")), "{written:?}");
}

#[tokio::test]
async fn secrets() {
    let cloud = LocalCloud::start().await.unwrap();
    let secret = json!({"Name": "links", "SecretString": "hunter2", "ClientRequestToken": "0".repeat(32)});
    cloud.aws_json("secretsmanager", "secretsmanager.CreateSecret", &secret).await.unwrap();
    let secrets = SdkSecrets::new(&config(&cloud), Arc::new(SystemClock));
    secrets::contract::check(&secrets, "links", "hunter2").await.unwrap();
}
