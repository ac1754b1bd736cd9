//! What providers tell of SMS in events that do not have the message's context.

use eventide_tests::Campaigns;
use eventide_tests::campaigns::texts::{LUNCH, csv};
use http::Method;
use serde_json::{Value, json};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

type Tested = Result<(), String>;

/// The event of a message that somebody asked for so many milliseconds ago.
fn of_somebody(message_id: &str, ago: i128) -> Result<String, String> {
    let now = OffsetDateTime::now_utc();
    let requested_at = u64::try_from(now.unix_timestamp_nanos() / 1_000_000 - ago);
    Ok(json!({
        "version": "0", "id": message_id, "source": "aws.sms-voice", "region": "us-east-1", "resources": [],
        "detail-type": "Text Message Delivery Status Updated", "account": "111122223333",
        "time": now.format(&Rfc3339).map_err(|error| error.to_string())?,
        "detail": {
            "eventType": "TEXT_DELIVERED", "eventVersion": "1.0", "isFinal": true, "messageId": message_id,
            "messageRequestTimestamp": requested_at.map_err(|error| error.to_string())?,
            "messageType": "TRANSACTIONAL", "messageStatus": "DELIVERED",
        },
    })
    .to_string())
}

#[tokio::test]
async fn news_without_context_are_known_by_the_messages_id() -> Tested {
    let campaigns = Campaigns::start().await?;
    // An event may be quicker than campaign-send's record of the sending.
    campaigns.comes_back_after(2).await?;
    campaigns.stand_in("sms", &json!({ "contextInEvents": false })).await?;
    campaigns.plan("sms", &json!({ "toContains": "+14155550102", "outcome": "CARRIER_BLOCKED" })).await?;
    let lost = json!({
        "match": { "service": "sms-voice", "body_contains": "+14155550103" }, "effect": { "type": "lost_response" },
    });
    campaigns.stack().fault(&lost).await?;
    let to = ["+14155550100", "+14155550101", "+14155550102", "+14155550103"];
    let rows: Vec<_> =
        ["0", "1", "2", "3"].into_iter().zip(to).map(|(id, to)| (id, "sms", to, LUNCH)).collect();
    campaigns.upload("spring.csv", csv(&rows)).await?;
    campaigns.await_event("Campaign Sent", "spring").await?;
    // Of other applications: long after it was sent, and just now.
    for (id, ago) in [("somebody-1", 3_600_000), ("somebody-2", 0)] {
        campaigns.stack().send_message("TrackQueueUrl", &of_somebody(id, ago)?).await?;
    }
    let figures = campaigns.await_figures("spring", "the provider's last words", |figures| {
        let sms = &figures["delivery"]["sms"];
        (&sms["delivered"], &sms["failed"]) == (&json!(2), &json!(1))
    });
    let sms = figures.await?["delivery"]["sms"].clone();
    // Of the lost answer nobody has the id: its events settle nothing, and a person has to.
    assert_eq!((&sms["accepted"], &sms["uncertain"]), (&json!(3), &json!(1)), "{sms}");
    campaigns.come_to_rest().await?;
    assert_eq!(campaigns.recipients().await?, to);
    assert_eq!(campaigns.reckon_sent("spring").await?.uncertain, 1);
    let events = campaigns.cloud().control(Method::GET, "sms/events", None).await?;
    assert!(!events.to_string().contains("eventide-entry"), "the events did name the entry: {events}");
    // What is nobody's is dropped, and nobody has to look at it.
    assert_eq!(campaigns.stack().messages("FailedQueueUrl").await?, Vec::<Value>::new());
    let logs = campaigns.stack().logs("TrackFunction").await?;
    assert!(logs.iter().any(|line| line.contains("NewsOfNobody")), "it is counted: {logs:?}");
    Ok(())
}
