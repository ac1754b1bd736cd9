//! A campaign goes in, and exactly its approved messages come out: through the real template, with the starter classifier.

use eventide_tests::Campaigns;
use serde_json::json;

type Tested = Result<(), String>;

const GOOD: &str = "Hi {{first_name}}, our new running shoes are in store this weekend: soft, light and made to last. Answer \
                    with STOP whenever you like.";
const BAD: &str =
    "Huge sale at Pine County Shooting Range 25% off for 6mm and 9mm bullets! Lazer add-ons on clearance too";

#[tokio::test]
async fn only_approved_messages_are_sent_and_each_of_them_once() -> Tested {
    let campaigns = Campaigns::start().await?;
    campaigns
        .settings(
            "spring",
            &json!({ "variables": { "first_name": { "type": "name" } }, "subject": "Running shoes" }),
        )
        .await?;
    let rows = format!(
        "id,channel,to,subject,text,var.first_name\n\
         1,sms,+14155550101,,\"{GOOD}\",Ann\n\
         2,email,bob@example.com,New running shoes,\"{GOOD}\",Bob\n\
         3,sms,+14155550103,,\"{BAD}\",Cid\n\
         4,email,dora@example.com,,\"{BAD}\",Dora\n\
         5,sms,0151,,\"{GOOD}\",Eve\n"
    );
    campaigns.upload("spring.csv", rows.clone()).await?;
    let screened = campaigns.await_event("Campaign Screened", "spring").await?;
    assert_eq!(
        (
            &screened["rows"],
            &screened["unparsed"],
            &screened["approved"],
            &screened["rejected"],
            &screened["held"]
        ),
        (&json!(5), &json!(1), &json!(2), &json!(2), &json!(0)),
        "{screened}"
    );
    let sent = campaigns.await_event("Campaign Sent", "spring").await?;
    assert_eq!((&sent["accepted"], &sent["refused"], &sent["uncertain"]), (&json!(2), &json!(0), &json!(0)));
    assert_eq!(campaigns.recipients().await?, ["+14155550101", "bob@example.com"]);

    let verdicts = campaigns.report_lines("spring", "verdicts.jsonl").await?;
    let rejected = verdicts.iter().find(|verdict| verdict["id"] == "3").ok_or("no verdict on 3")?;
    assert_eq!(
        (&rejected["verdict"], &rejected["category"]),
        (&json!("rejected"), &json!("firearms")),
        "{rejected}"
    );
    let unparsed = campaigns.report_lines("spring", "unparsed.jsonl").await?;
    assert_eq!(unparsed[0]["line"], 6, "{unparsed:?}");

    // The providers' news reach the report.
    let figures = campaigns
        .await_figures("spring", "both being delivered", |figures| {
            figures["delivery"]["sms"]["delivered"] == 1 && figures["delivery"]["email"]["delivered"] == 1
        })
        .await?;
    assert_eq!(figures["state"], "sent");

    // The same file again, and another file that has the same messages in it.
    campaigns.upload("spring.csv", rows.clone()).await?;
    campaigns.upload("spring.csv", format!("{rows}6,email,finn@example.com,,\"{GOOD}\",Finn\n")).await?;
    let screened = campaigns.await_event("Campaign Screened", "spring").await?;
    assert_eq!(
        (&screened["rows"], &screened["contents"], &screened["known"]),
        (&json!(6), &json!(5), &json!(4))
    );
    campaigns.await_event("Campaign Sent", "spring").await?;
    campaigns.come_to_rest().await?;
    assert_eq!(campaigns.recipients().await?, ["+14155550101", "bob@example.com", "finn@example.com"]);
    assert_eq!(campaigns.stack().messages("FailedQueueUrl").await?, Vec::<serde_json::Value>::new());
    Ok(())
}
