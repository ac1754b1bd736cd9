use std::sync::Arc;

use eventide_clients::detective::{self, Ending, FakeDetective, Script};
use eventide_clients::iam::{self, FakeIam};
use eventide_clients::security_hub::{self, FakeSecurityHub, FindingId, OcsfId};
use eventide_clients::sqs::{self, FakeQueue};
use eventide_kit::clock::ManualClock;
use eventide_types::investigation::Severity;
use time::macros::datetime;

#[tokio::test]
async fn detective() {
    let now = datetime!(2026-11-01 12:00 UTC);
    let fake = FakeDetective::new(Arc::new(ManualClock::new(now)));
    fake.add_graph("us-east-1");
    let given = detective::contract::Given {
        region: "us-east-1".to_owned(),
        region_without_graph: "eu-west-1".to_owned(),
        compromised: "arn:aws:iam::111122223333:role/path/compromised".to_owned(),
        failing: "arn:aws:iam::111122223333:role/failing".to_owned(),
        now,
    };
    let ending = Ending::Successful {
        severity: Severity::Critical,
        indicators: detective::contract::one_of_each_kind(),
    };
    fake.script(&given.compromised, Script { running_gets: 3, ending });
    fake.script(&given.failing, Script { running_gets: 1, ending: Ending::Failed });
    detective::contract::check(&fake, &given, async || ()).await.unwrap();
}

#[tokio::test]
async fn security_hub() {
    let fake = FakeSecurityHub::default();
    let given = security_hub::contract::Given {
        findings: (0..103)
            .map(|number| FindingId {
                id: format!("f-{}", number / 2),
                product_arn: format!("p-{}", number % 2),
            })
            .collect(),
        ocsf: OcsfId {
            metadata_uid: Some("uid".to_owned()),
            account: "111122223333".to_owned(),
            finding_uid: "f".to_owned(),
            product_uid: "p".to_owned(),
        },
    };
    given.findings.iter().for_each(|id| fake.add_new(id));
    fake.add_ocsf(&given.ocsf);
    security_hub::contract::check(&fake, &given).await.unwrap();
}

#[tokio::test]
async fn iam() {
    let fake = FakeIam::default();
    let given = iam::contract::Given {
        account: "111122223333".to_owned(),
        role_arn: "arn:aws:iam::111122223333:role/service/a-role".to_owned(),
        user_arn: "arn:aws:iam::111122223333:user/people/a-user".to_owned(),
    };
    fake.add("arn:aws:iam::444455556666:role/a-role");
    fake.add(&given.role_arn);
    fake.add(&given.user_arn);
    iam::contract::check(&fake, &given).await.unwrap();
}

#[tokio::test]
async fn sqs() {
    let fake = FakeQueue::default();
    sqs::contract::check(&fake, async |_| fake.take()).await.unwrap();
}
