use std::sync::Arc;

use eventide_clients::campaigns::{self, FakeCampaigns};
use eventide_clients::comprehend::{self, EndpointState, FakeClassifier};
use eventide_clients::connect::{self, FakeConnect, Standing};
use eventide_clients::detective::{self, FakeDetective};
use eventide_clients::email::{self, FakeEmail};
use eventide_clients::event_bus::{self, FakeEventBus};
use eventide_clients::iam::{self, FakeIam};
use eventide_clients::links::{self, FakeLinks};
use eventide_clients::marts::{self, FakeMarts, FakeUsages};
use eventide_clients::redshift_data::{self, Ending, FakeRedshiftData, ResultSet, Script};
use eventide_clients::s3::{self, Bucket as _, FakeBucket};
use eventide_clients::secrets::{self, FakeSecrets};
use eventide_clients::security_hub::{self, FakeSecurityHub, FindingId, OcsfId};
use eventide_clients::sms::{self, FakeSms};
use eventide_clients::sqs::{self, FakeQueue};
use eventide_kit::clock::ManualClock;
use eventide_kit::error::Error;
use eventide_kit::ledger::MemoryLedger;
use eventide_types::campaign::verdict::{Mode, Score, Scores};
use eventide_types::investigation::Severity;
use time::macros::datetime;

use crate::local_links::one_of_hundred_wins;
use crate::wire::{classification_job, mail, text_message, warehouse};

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
    let ending = detective::Ending::Successful {
        severity: Severity::Critical,
        indicators: detective::contract::one_of_each_kind(),
    };
    fake.script(&given.compromised, detective::Script { running_gets: 3, ending });
    fake.script(&given.failing, detective::Script { running_gets: 1, ending: detective::Ending::Failed });
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

#[tokio::test]
async fn event_bus() {
    let fake = FakeEventBus::default();
    event_bus::contract::check(&fake, async |_| fake.take()).await.unwrap();
}

#[tokio::test]
async fn campaigns() {
    let clock = ManualClock::new(campaigns::contract::NOON);
    let ledger = MemoryLedger::new(Arc::new(clock.clone()));
    let fake = FakeCampaigns::default().with_ledger(ledger.clone()).with_clock(Arc::new(clock.clone()));
    campaigns::contract::check(&fake, &ledger, &clock).await.unwrap();
}

#[tokio::test]
async fn connect() {
    let fake = FakeConnect::default();
    let given = connect::contract::Given {
        flow_id: "flow".to_owned(),
        missing_flow_id: "missing".to_owned(),
        to: "+14255550100".to_owned(),
        from: "+14255550111".to_owned(),
        contacts: ["waiting", "with-agent", "ended"].map(str::to_owned),
        missing_contact_id: "missing".to_owned(),
    };
    let standings = [Standing::Waiting, Standing::WithAgent, Standing::Ended];
    given.contacts.iter().zip(standings).for_each(|(id, standing)| fake.put(id, standing));
    fake.remove_flow(&given.missing_flow_id);
    connect::contract::check(&fake, &given).await.unwrap();
    assert_eq!((fake.chats().len(), fake.started_calls().len(), fake.stopped().len()), (3, 2, 2));
}

#[tokio::test]
async fn links() {
    let fake = FakeLinks::default();
    links::contract::check(&fake).await.unwrap();
    one_of_hundred_wins(&fake).await;
}

#[tokio::test]
async fn marts() {
    marts::contract::check(&FakeMarts::default()).await.unwrap();
    marts::contract::check_usages(&FakeUsages::default()).await.unwrap();
}

#[tokio::test]
async fn s3() {
    s3::contract::check(&FakeBucket::new("results"), async |_| None).await.unwrap();
}

#[tokio::test]
async fn s3_breaks_where_it_is_told_and_reads_on() {
    let fake = FakeBucket::new("results");
    fake.add("a", "0123456789");
    let broken = || Error::retryable("ServerError", "cut short");
    fake.break_next("a", 8, broken());
    fake.break_next("a", 10, broken());
    for (chunk, expected) in
        [(None, vec!["0123456", "7", "!", "89", "!"]), (Some(4), vec!["0123", "4567", "89"])]
    {
        if let Some(chunk) = chunk {
            fake.in_chunks_of(chunk);
        }
        let mut opened = fake.open("a", None).await.unwrap().unwrap();
        let mut seen = Vec::new();
        loop {
            match opened.body.next().await {
                Ok(Some(chunk)) => seen.push(String::from_utf8(chunk.to_vec()).unwrap()),
                Ok(None) => break,
                Err(_) => seen.push("!".to_owned()),
            }
        }
        assert_eq!(seen, expected);
    }
    assert!(!format!("{fake:?}").contains('5'));
}

#[tokio::test]
async fn comprehend() {
    let fake = FakeClassifier::new(|text| {
        let (best, other) =
            if text.contains("casino") { ("gambling", "compliant") } else { ("compliant", "gambling") };
        let label = |name: &str, score| Score { name: name.to_owned(), score };
        Scores { mode: Mode::MultiClass, labels: vec![label(best, 0.9), label(other, 0.1)] }
    });
    let text = |text: &str, label: &str| (text.to_owned(), label.to_owned());
    let given = comprehend::contract::Given {
        endpoint_arn: "endpoint".to_owned(),
        missing_endpoint_arn: "missing".to_owned(),
        texts: vec![text("our casino", "gambling"), text("our shop", "compliant")],
        job: classification_job(),
    };
    let endpoint = EndpointState { units: 1, in_service: true, model_arn: Some("c".to_owned()) };
    fake.set_endpoint(&given.endpoint_arn, endpoint);
    let ended = async |id: String| fake.end(&id, comprehend::State::Completed, None);
    comprehend::contract::check(&fake, &given, ended).await.unwrap();
    assert_eq!(fake.classified(), ["our casino", "our shop"]);
    assert_eq!(fake.started().len(), 2);
}

#[tokio::test]
async fn email() {
    let fake = FakeEmail::default();
    let accepted = async |id: String| {
        let mail = fake.accepted().into_iter().find(|accepted| accepted.message_id == id)?.mail;
        Some((mail.to, mail.subject))
    };
    email::contract::check(&fake, &mail(), accepted).await.unwrap();
    assert_eq!((fake.accepted().len(), fake.handed_over().len(), fake.quota_calls()), (4, 9, 1));
}

#[tokio::test]
async fn sms() {
    let fake = FakeSms::default();
    fake.opt_out("+14255550199");
    let accepted = async |id: String| {
        let message = fake.accepted().into_iter().find(|accepted| accepted.message_id == id)?.message;
        Some((message.to, message.body))
    };
    sms::contract::check(&fake, &text_message(), "+14255550199", accepted).await.unwrap();
    assert_eq!((fake.accepted().len(), fake.handed_over().len()), (3, 6));
}

#[tokio::test]
async fn secrets() {
    let fake = FakeSecrets::default();
    fake.set("links", "hunter2");
    secrets::contract::check(&fake, "links", "hunter2").await.unwrap();
    assert_eq!(fake.reads(), ["links", "links", "missing"]);
}

#[tokio::test]
async fn redshift_data() {
    let fake = FakeRedshiftData::default();
    let column = |name: &str, type_name: &str| redshift_data::Column {
        name: name.to_owned(),
        type_name: type_name.to_owned(),
        nullable: true,
        precision: 0,
        scale: 0,
    };
    let rows = ResultSet {
        columns: vec![column("n", "int8"), column("t", "varchar")],
        rows: redshift_data::contract::rows(),
        page_rows: 2,
        ..ResultSet::default()
    };
    for (running, ending) in [
        (1, Some(Ending::Finished(Some(rows.clone())))),
        (1, Some(Ending::Finished(Some(rows.clone())))),
        (1, Some(Ending::Finished(Some(rows)))),
        (1, Some(Ending::Failed("division by zero".to_owned()))),
        (0, None),
        (1, Some(Ending::Finished(None))),
    ] {
        fake.script_next(Script { running, ending });
    }
    let given = redshift_data::contract::Given {
        warehouse: warehouse(),
        database: "dev".to_owned(),
        rows: "rows".to_owned(),
        failing: "failing".to_owned(),
        endless: "endless".to_owned(),
        batch: ["first".to_owned(), "second".to_owned()],
    };
    redshift_data::contract::check(&fake, &given).await.unwrap();
    assert_eq!(fake.submitted().len(), 6);
    assert_eq!(fake.cancelled().len(), 1);
}
