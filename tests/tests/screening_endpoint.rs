//! The other path: few contents through an endpoint, in its own time; and models of the other kind.

#![expect(clippy::indexing_slicing, reason = "a test fails by panicking")]

use std::fmt::Write as _;

use eventide_testing::LocalCloud;
use eventide_tests::Campaigns;
use eventide_tests::campaigns::texts::{CASINO, LUNCH, RANGE, SHOES, csv};
use http::Method;
use serde_json::{Value, json};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

type Tested = Result<(), String>;

fn named() -> Value {
    json!({ "variables": { "first_name": { "type": "name" } } })
}

/// The answered calls of the endpoint: when each was made, in seconds.
async fn answered(campaigns: &Campaigns) -> Result<Vec<f64>, String> {
    let path = "journal?service=comprehend&operation=ClassifyDocument";
    let journal = campaigns.cloud().control(Method::GET, path, None).await?;
    let entries = journal["entries"].as_array().into_iter().flatten();
    let answered = entries.filter(|entry| entry["status"] == 200);
    let times = answered.filter_map(|entry| {
        let time = OffsetDateTime::parse(entry["time"].as_str()?, &Rfc3339).ok()?;
        Some((time - OffsetDateTime::UNIX_EPOCH).as_seconds_f64())
    });
    Ok(times.collect())
}

/// SMS of as many contents, each of them one of its own, and one that is to be rejected.
fn contents(count: usize, offset: usize) -> String {
    let mut file = csv(&[]);
    for number in 0..count {
        let _ = writeln!(
            file,
            "{number},sms,+1415555{:04},,\"{LUNCH} Table {}.\",Ann",
            100 + number,
            offset + number
        );
    }
    let _ = writeln!(file, "bad,sms,+14155550199,,\"{RANGE}\",Ann");
    file
}

#[tokio::test]
async fn few_contents_go_through_the_endpoint_in_its_own_time() -> Tested {
    let cloud = LocalCloud::start().await?;
    let starter = json!({ "endpoint": { "units": 1 } });
    let made = cloud.control(Method::POST, "comprehend/starter", Some(&starter)).await?;
    let endpoint = made["endpointArn"].as_str().ok_or("no endpoint")?.to_owned();
    let campaigns = Campaigns::start_on(cloud, &[("EndpointArn", &endpoint), ("SyncDocuments", "6")]).await?;
    campaigns.comes_back_after(2).await?;

    // Six texts of about a hundred characters: one second each.
    campaigns.settings("few", &named()).await?;
    campaigns.upload("few.csv", contents(5, 0)).await?;
    let screened = campaigns.await_event("Campaign Screened", "few").await?;
    assert_eq!(
        (&screened["documents"], &screened["approved"], &screened["rejected"]),
        (&json!(6), &json!(5), &json!(1)),
        "{screened}"
    );
    campaigns.await_event("Campaign Sent", "few").await?;
    assert_eq!(campaigns.jobs().await?, Vec::<Value>::new(), "no job is needed");
    let times = answered(&campaigns).await?;
    assert_eq!(times.len(), 6, "each content once");
    let took = times.last().copied().unwrap_or_default() - times[0];
    assert!((3.0..60.0).contains(&took), "a unit takes 100 characters a second, six texts took {took} s");
    let reckoning = campaigns.reckon_sent("few").await?;
    assert_eq!((reckoning.accepted, reckoning.uncertain), (5, 0), "{reckoning:?}");

    // Others use the endpoint, too: it throttles, and is asked again later.
    campaigns.stack().forget().await?;
    let throttled = json!({
        "match": { "service": "comprehend", "operation": "ClassifyDocument" }, "skip": 1, "times": 9,
        "effect": { "type": "throttle" },
    });
    campaigns.stack().fault(&throttled).await?;
    campaigns.settings("throttled", &named()).await?;
    campaigns.upload("throttled.csv", contents(2, 100)).await?;
    let screened = campaigns.await_event("Campaign Screened", "throttled").await?;
    assert_eq!(
        (&screened["approved"], &screened["rejected"], &screened["known"]),
        (&json!(2), &json!(1), &json!(1)),
        "{screened}"
    );
    campaigns.stack().await_fault().await?;
    campaigns.await_event("Campaign Sent", "throttled").await?;
    assert_eq!(campaigns.reckon_sent("throttled").await?.accepted, 2);

    // More than that is a job's.
    campaigns.stack().forget().await?;
    campaigns.settings("many", &named()).await?;
    campaigns.upload("many.csv", contents(7, 200)).await?;
    let screened = campaigns.await_event("Campaign Screened", "many").await?;
    assert_eq!((&screened["approved"], &screened["documents"]), (&json!(7), &json!(7)), "{screened}");
    campaigns.await_event("Campaign Sent", "many").await?;
    assert_eq!((campaigns.jobs().await?.len(), answered(&campaigns).await?.len()), (1, 0));
    assert_eq!(campaigns.stack().messages("FailedQueueUrl").await?, Vec::<Value>::new());
    Ok(())
}

#[tokio::test]
async fn a_multi_label_model_approves_only_what_nothing_speaks_against() -> Tested {
    let cloud = LocalCloud::start().await?;
    let starter = json!({ "name": "eventide-labels", "version": "m1", "multiLabel": true });
    let made = cloud.control(Method::POST, "comprehend/starter", Some(&starter)).await?;
    let classifier = made["classifierArn"].as_str().ok_or("no classifier")?.to_owned();
    let campaigns =
        Campaigns::start_on(cloud, &[("ClassifierArn", &classifier), ("ApproveAt", "0.7")]).await?;
    campaigns.settings("labels", &named()).await?;
    let file = csv(&[
        ("1", "sms", "+14155550101", LUNCH),
        ("2", "sms", "+14155550102", RANGE),
        ("3", "sms", "+14155550103", CASINO),
        ("4", "email", "ann@example.com", SHOES),
    ]);
    campaigns.upload("labels.csv", file).await?;
    campaigns.await_event("Campaign Sent", "labels").await?;
    let verdicts = campaigns.report_lines("labels", "verdicts.jsonl").await?;
    let of = |id: &str| verdicts.iter().find(|verdict| verdict["id"] == id).cloned().unwrap_or_default();
    assert_eq!(of("1")["verdict"], "approved", "{verdicts:?}");
    for (id, category) in [("2", "firearms"), ("3", "gambling")] {
        assert_eq!(
            (&of(id)["verdict"], &of(id)["category"]),
            (&json!("rejected"), &json!(category)),
            "{verdicts:?}"
        );
    }
    let reckoning = campaigns.reckon_sent("labels").await?;
    assert_eq!((reckoning.accepted, reckoning.uncertain), (reckoning.approved, 0), "{reckoning:?}");
    assert!(campaigns.recipients().await?.contains(&"+14155550101".to_owned()));
    Ok(())
}
