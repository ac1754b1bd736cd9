use std::cell::RefCell;
use std::sync::Arc;
use std::time::Duration;

use aws_types::SdkConfig;
use axum::http::Method;
use eventide_clients::detective::{self, SdkDetective};
use eventide_clients::iam::{self, Account, Iam, Lookup, SdkIam};
use eventide_clients::security_hub::{self, FindingId, SdkSecurityHub};
use eventide_clients::sqs::{self, Outgoing, SqsQueue};
use eventide_kit::aws::sdk_config;
use eventide_kit::clock::SystemClock;
use eventide_kit::env::Vars;
use eventide_testing::{LocalCloud, eventually, xml};
use serde_json::{Value, json};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::wire::{finding, ocsf_id, one_of_each_kind};

const REGION: &str = "us-east-1";
const ACCOUNT: &str = "111122223333";
const MEMBER: &str = "444455556666";

pub(crate) fn config(cloud: &LocalCloud) -> SdkConfig {
    let mut vars = Vars::from_pairs([
        ("AWS_REGION", REGION),
        ("AWS_ACCESS_KEY_ID", ACCOUNT),
        // MiniStack's, which checks the signatures of links.
        ("AWS_SECRET_ACCESS_KEY", "test"),
        ("AWS_ENDPOINT_URL", cloud.endpoint()),
    ]);
    sdk_config(&mut vars).unwrap()
}

#[tokio::test]
async fn detective() {
    let cloud = LocalCloud::start().await.unwrap();
    let compromised = "arn:aws:iam::111122223333:role/path/contract-compromised";
    let failing = "arn:aws:iam::111122223333:role/contract-failing";
    let scenarios = json!([
        {"name": "contract-compromised", "entities": [compromised], "seconds": 60, "outcome": "SUCCESSFUL",
            "severity": "CRITICAL", "indicators": one_of_each_kind()},
        {"name": "contract-failing", "entities": [failing], "seconds": 60, "outcome": "FAILED"},
    ]);
    cloud.control(Method::POST, "detective/scenarios", Some(&scenarios)).await.unwrap();
    let clock = cloud.control(Method::GET, "clock", None).await.unwrap();
    let given = detective::contract::Given {
        region: REGION.to_owned(),
        region_without_graph: "eu-west-1".to_owned(),
        compromised: compromised.to_owned(),
        failing: failing.to_owned(),
        now: OffsetDateTime::parse(clock["now"].as_str().unwrap(), &Rfc3339).unwrap(),
    };
    let detective = SdkDetective::new(&config(&cloud), Arc::new(SystemClock));
    detective::contract::check(&detective, &given, async || {
        let step = json!({"advance_seconds": 30});
        cloud.control(Method::POST, "clock", Some(&step)).await.unwrap();
    })
    .await
    .unwrap();
}

#[tokio::test]
async fn security_hub() {
    for user_defined_fields in ["merge", "replace"] {
        let cloud = LocalCloud::start().await.unwrap();
        let settings = json!({"v2": true, "emit": false, "userDefinedFields": user_defined_fields});
        cloud.control(Method::POST, "securityhub/settings", Some(&settings)).await.unwrap();
        let products = ["guardduty", "inspector"];
        let findings: Vec<_> = (0..103)
            .map(|number| FindingId {
                id: format!("finding-{}", number / 2),
                product_arn: format!("arn:aws:securityhub:us-east-1::product/aws/{}", products[number % 2]),
            })
            .collect();
        for some in findings.chunks(100) {
            let import = json!({"Findings": some.iter().map(finding).collect::<Vec<_>>()});
            let imported =
                cloud.rest("securityhub", Method::POST, "/findings/import", Some(&import)).await.unwrap();
            assert_eq!(imported["FailedCount"], 0, "{imported}");
        }
        let ocsf = cloud.rest("securityhub", Method::POST, "/findingsv2", Some(&json!({}))).await.unwrap();
        let by_uid = ocsf_id(&ocsf["Findings"][0]).unwrap();
        assert!(by_uid.metadata_uid.is_some());
        let hub = SdkSecurityHub::new(&config(&cloud));
        let given = security_hub::contract::Given { findings, ocsf: by_uid };
        security_hub::contract::check(&hub, &given).await.unwrap();
        let mut by_parts = given.ocsf;
        by_parts.metadata_uid = None;
        security_hub::SecurityHub::comment_v2(&hub, &by_parts, "by its parts").await.unwrap();
    }
}

#[tokio::test]
async fn iam() {
    let cloud = LocalCloud::start().await.unwrap();
    let policy = json!({"Version": "2012-10-17", "Statement": []}).to_string();
    for account in [ACCOUNT, MEMBER] {
        let aws = cloud.aws().clone().with_access_key(account);
        let role =
            |name, path| [("RoleName", name), ("Path", path), ("AssumeRolePolicyDocument", policy.as_str())];
        aws.query("iam", "CreateRole", &role("a-role", "/service/")).await.unwrap();
        aws.query("iam", "CreateRole", &role("member-lookup", "/")).await.unwrap();
        aws.query("iam", "CreateUser", &[("UserName", "a-user"), ("Path", "/people/")]).await.unwrap();
    }
    let own = || Account { partition: "aws".to_owned(), id: ACCOUNT.to_owned() };
    let config = config(&cloud);
    let iam = SdkIam::new(&config, own(), Some("member-lookup".to_owned()), Arc::new(SystemClock));
    for account in [ACCOUNT, MEMBER] {
        let given = iam::contract::Given {
            account: account.to_owned(),
            role_arn: format!("arn:aws:iam::{account}:role/service/a-role"),
            user_arn: format!("arn:aws:iam::{account}:user/people/a-user"),
        };
        iam::contract::check(&iam, &given).await.unwrap();
    }
    let without_role = SdkIam::new(&config, own(), None, Arc::new(SystemClock));
    assert_eq!(without_role.role_arn(MEMBER, "a-role").await.unwrap(), Lookup::NotConfigured);
}

/// Takes messages off the queue until there are `expected`.
pub(crate) async fn receive(cloud: &LocalCloud, url: &str, expected: usize) -> Vec<Outgoing> {
    let taken = RefCell::new(Vec::new());
    eventually("messages", Duration::from_secs(20), || async {
        let request = json!({"QueueUrl": url, "MaxNumberOfMessages": 10, "MessageAttributeNames": ["All"]});
        let answer = cloud.aws_json("sqs", "AmazonSQS.ReceiveMessage", &request).await.unwrap();
        for message in answer["Messages"].as_array().into_iter().flatten() {
            let delete = json!({"QueueUrl": url, "ReceiptHandle": message["ReceiptHandle"]});
            cloud.aws_json("sqs", "AmazonSQS.DeleteMessage", &delete).await.unwrap();
            let attributes = message["MessageAttributes"].as_object().into_iter().flatten();
            let text = |value: &Value| value["StringValue"].as_str().unwrap().to_owned();
            taken.borrow_mut().push(Outgoing {
                body: message["Body"].as_str().unwrap().to_owned(),
                delay_seconds: 0,
                attributes: attributes.map(|(name, value)| (name.clone(), text(value))).collect(),
            });
        }
        (taken.borrow().len() >= expected).then_some(())
    })
    .await
    .unwrap();
    taken.into_inner()
}

#[tokio::test]
async fn sqs() {
    let cloud = LocalCloud::start().await.unwrap();
    let created = cloud.query("sqs", "CreateQueue", &[("QueueName", "contract")]).await.unwrap();
    let url = xml::value(&created, "QueueUrl").unwrap();
    let queue = SqsQueue::new(&config(&cloud), &url);
    sqs::contract::check(&queue, async |expected| receive(&cloud, &url, expected).await).await.unwrap();

    let missing = SqsQueue::new(&config(&cloud), format!("{url}-missing"));
    let error =
        sqs::Queue::send(&missing, vec![Outgoing { body: "b".to_owned(), ..Outgoing::default() }]).await;
    assert_eq!(error.unwrap_err().class(), eventide_kit::error::Class::Environment);
}
