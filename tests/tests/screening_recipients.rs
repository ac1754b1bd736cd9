//! Recipients who do not want to be reached, cannot be, or not now.

#![expect(clippy::indexing_slicing, reason = "a test fails by panicking")]

use eventide_testing::eventually;
use eventide_tests::Campaigns;
use eventide_tests::campaigns::texts::{LUNCH, SHOES, csv};
use eventide_tests::system::PATIENCE;
use http::Method;
use serde_json::{Value, json};
use time::format_description::well_known::Rfc3339;
use time::{Duration, OffsetDateTime};

type Tested = Result<(), String>;

fn settings(more: &Value) -> Value {
    let mut settings = json!({ "variables": { "first_name": { "type": "name" } } });
    for (name, value) in more.as_object().into_iter().flatten() {
        settings[name] = value.clone();
    }
    settings
}

fn at(seconds: i64) -> Result<String, String> {
    let at = OffsetDateTime::now_utc() + Duration::seconds(seconds);
    at.format(&Rfc3339).map_err(|error| error.to_string())
}

#[tokio::test]
async fn who_does_not_want_messages_gets_none_and_the_report_says_why() -> Tested {
    let campaigns = Campaigns::start_with(&[
        ("ContactListName", "news"),
        ("CreateContactList", "true"),
        ("SmsMaxPrice", "0.05"),
    ])
    .await?;
    let cloud = campaigns.cloud();
    // Somebody answered STOP, somebody clicked on an unsubscribe link, somebody's mailbox bounced before.
    let stop = json!({ "from": "+14155550102", "body": "STOP" });
    cloud.control(Method::POST, "sms/inbound", Some(&stop)).await?;
    let contact = json!({ "EmailAddress": "uma@example.com", "UnsubscribeAll": true });
    cloud.rest("ses", Method::POST, "/v2/email/contact-lists/news/contacts", Some(&contact)).await?;
    let gone = json!({ "EmailAddress": "gus@example.com", "Reason": "BOUNCE" });
    cloud.rest("ses", Method::PUT, "/v2/email/suppression/addresses", Some(&gone)).await?;
    campaigns.plan("email", &json!({ "toContains": "carl@", "outcome": "complaint" })).await?;
    campaigns.plan("sms", &json!({ "toContains": "+14155550107", "outcome": "CARRIER_BLOCKED" })).await?;
    campaigns.settings("spring", &settings(&json!({}))).await?;
    let file = csv(&[
        ("1", "sms", "+14155550101", SHOES),
        ("2", "sms", "+14155550102", SHOES),
        ("3", "email", "ann@example.com", SHOES),
        ("4", "email", "uma@example.com", SHOES),
        ("5", "email", "gus@example.com", SHOES),
        ("6", "email", "carl@example.com", SHOES),
        ("7", "sms", "+14155550107", SHOES),
        // Dearer than the cap: see the prices in infra/local's README.
        ("8", "sms", "+4915112345678", SHOES),
    ]);
    campaigns.upload("spring.csv", file).await?;
    let screened = campaigns.await_event("Campaign Screened", "spring").await?;
    assert_eq!(screened["approved"], 8, "{screened}");
    let sent = campaigns.await_event("Campaign Sent", "spring").await?;
    assert_eq!(
        (&sent["accepted"], &sent["refused"], &sent["uncertain"]),
        (&json!(6), &json!(2), &json!(0)),
        "{sent}"
    );
    let figures = campaigns.await_figures("spring", "the providers' last words", |figures| {
        let (email, sms) = (&figures["delivery"]["email"], &figures["delivery"]["sms"]);
        let expected = (&json!(2), &json!(1), &json!(1));
        (&email["bounced"], &email["complained"], &email["delivered"]) == expected
            && (&sms["delivered"], &sms["failed"]) == (&json!(1), &json!(1))
    });
    let figures = figures.await?;
    assert_eq!(figures["refusals"], json!({ "opted_out": 1, "price_over_cap": 1 }), "{figures}");
    let lines = campaigns.report_lines("spring", "deliveries.jsonl").await?;
    let of = |id: &str| lines.iter().find(|line| line["id"] == id).cloned().unwrap_or_default();
    assert_eq!(
        [&of("4")["outcome"], &of("5")["outcome"], &of("6")["outcome"], &of("7")["outcome"]],
        ["bounced", "bounced", "complained", "failed"],
        "{lines:?}"
    );
    // Every email can be unsubscribed from with one click.
    let email = campaigns.sent().await?.into_iter().find(|message| message["channel"] == "email");
    let headers = email.ok_or("no email")?["headers"].to_string();
    assert!(headers.contains("List-Unsubscribe") && headers.contains("List-Unsubscribe-Post"), "{headers}");
    // A click afterwards: the recipient's next messages are held back, and this one is told as unsubscribed.
    let ann = campaigns.sent().await?.into_iter().find(|message| message["to"][0] == "ann@example.com");
    let message_id = ann.ok_or("no email to Ann")?["id"].clone();
    let click = json!({ "address": "ann@example.com", "list": "news", "messageId": message_id });
    cloud.control(Method::POST, "email/unsubscribe", Some(&click)).await?;
    let figures = campaigns.await_figures("spring", "the unsubscription", |figures| {
        figures["delivery"]["email"]["unsubscribed"] == 1
    });
    figures.await?;
    let reckoning = campaigns.reckon_sent("spring").await?;
    assert_eq!((reckoning.accepted, reckoning.refused, reckoning.uncertain), (6, 2, 0), "{reckoning:?}");
    assert_eq!(campaigns.stack().messages("FailedQueueUrl").await?, Vec::<Value>::new());
    Ok(())
}

#[tokio::test]
async fn nobody_is_reached_out_of_hours_too_early_or_too_late() -> Tested {
    let campaigns = Campaigns::start().await?;
    let now = OffsetDateTime::now_utc();
    // Two hours from now in UTC, but now in a zone that is three hours ahead.
    let hour = |ahead: i64| (now + Duration::hours(ahead)).hour();
    let window = json!({ "from": format!("{:02}:00", hour(2)), "to": format!("{:02}:00", hour(5)) });
    campaigns.settings("quiet", &settings(&json!({ "window": window }))).await?;
    let rows = format!(
        "id,channel,to,subject,text,time_zone,var.first_name\n\
         1,email,ann@example.com,News,\"{SHOES}\",Etc/UTC,Ann\n\
         2,email,bob@example.com,News,\"{SHOES}\",Etc/GMT-3,Bob\n\
         3,sms,+14155550103,,\"{SHOES}\",Etc/GMT-3,Cid\n\
         4,sms,+14155550104,,\"{SHOES}\",Etc/UTC,Dora\n\
         5,email,eve@example.com,News,\"{SHOES}\",,Eve\n\
         6,email,finn@example.com,News,\"{SHOES}\",Mars/Olympus,Finn\n"
    );
    campaigns.upload("quiet.csv", rows).await?;
    let screened = campaigns.await_event("Campaign Screened", "quiet").await?;
    assert_eq!((&screened["approved"], &screened["unparsed"]), (&json!(5), &json!(1)), "{screened}");
    eventually("the two who are awake", PATIENCE, || async {
        (campaigns.recipients().await.ok()? == ["+14155550103", "bob@example.com"]).then_some(())
    })
    .await?;
    campaigns.come_to_rest().await?;
    let opening =
        (now + Duration::hours(2)).replace_time(time::Time::MIDNIGHT) + Duration::hours(hour(2).into());
    let asleep = || async {
        let shards = campaigns.records("shard", "quiet").await?;
        let open: Vec<Value> = shards.into_iter().filter(|shard| shard["closed"] != json!(true)).collect();
        assert!(open.len() >= 2, "{open:?}");
        for shard in &open {
            let due_at = shard["dueAt"].as_str().and_then(|due| OffsetDateTime::parse(due, &Rfc3339).ok());
            assert_eq!(due_at, Some(opening), "{shard}");
        }
        Ok::<_, String>(())
    };
    asleep().await?;
    // Looked at before the time, it is put off again.
    campaigns.pass(6 * 3_600).await?;
    campaigns.sweep().await?;
    campaigns.come_to_rest().await?;
    assert_eq!(campaigns.recipients().await?, ["+14155550103", "bob@example.com"]);
    let reckoning = campaigns.reckon("quiet").await?;
    assert_eq!((reckoning.accepted, reckoning.pending), (2, 3), "{reckoning:?}");

    // Not before `sendAt`, but then.
    let soon = at(12)?;
    campaigns.settings("later", &settings(&json!({ "sendAt": soon }))).await?;
    campaigns.upload("later.csv", csv(&[("1", "sms", "+14155550111", SHOES)])).await?;
    campaigns.await_event("Campaign Screened", "later").await?;
    campaigns.come_to_rest().await?;
    campaigns.sweep().await?;
    let early = campaigns.recipients().await?;
    let is_early = at(0)? < soon;
    assert!(!is_early || !early.contains(&"+14155550111".to_owned()), "sent before {soon}");
    eventually("the time to send", PATIENCE, || async {
        campaigns.sweep().await.ok()?;
        campaigns.recipients().await.ok()?.contains(&"+14155550111".to_owned()).then_some(())
    })
    .await?;
    assert!(at(0)? >= soon, "sent before {soon}");
    campaigns.await_event("Campaign Sent", "later").await?;

    // Never after `sendUntil`.
    campaigns.settings("late", &settings(&json!({ "sendUntil": at(-60)? }))).await?;
    campaigns.upload("late.csv", csv(&[("1", "sms", "+14155550112", SHOES)])).await?;
    let sent = campaigns.await_event("Campaign Sent", "late").await?;
    assert_eq!(sent["accepted"], 0, "{sent}");
    let reckoning = campaigns.reckon("late").await?;
    assert_eq!((reckoning.accepted, reckoning.not_sent), (0, 1), "{reckoning:?}");
    assert_eq!(campaigns.stack().messages("FailedQueueUrl").await?, Vec::<Value>::new());
    Ok(())
}

/// A number tells its country at best: its recipient may be in any zone of it.
#[tokio::test]
async fn a_number_without_a_time_zone_waits_for_the_strictest_of_its_countrys() -> Tested {
    let campaigns = Campaigns::start().await?;
    let now = OffsetDateTime::now_utc();
    let hour = |ahead: i64| (now + Duration::hours(ahead)).hour();
    let window = |from: i64| json!({ "from": format!("{:02}:00", hour(from)), "to": format!("{:02}:00", hour(from + 16)) });
    // Open for an hour on the East coast of the United States, and closed for four more in Hawaii.
    campaigns.settings("coasts", &settings(&json!({ "window": window(-6) }))).await?;
    let rows = |to: &str| {
        format!(
            "id,channel,to,text,time_zone\n1,sms,{to}1,\"{LUNCH}\",Etc/GMT+5\n2,sms,{to}2,\"{LUNCH}\",\n\
             3,sms,{to}3,\"{LUNCH}\",Pacific/Honolulu\n"
        )
    };
    campaigns.upload("coasts.csv", rows("+1212555010")).await?;
    let screened = campaigns.await_event("Campaign Screened", "coasts").await?;
    assert_eq!((&screened["approved"], &screened["unparsed"]), (&json!(3), &json!(0)), "{screened}");
    eventually("who is surely awake", PATIENCE, || async {
        (campaigns.recipients().await.ok()? == ["+12125550101"]).then_some(())
    })
    .await?;
    campaigns.come_to_rest().await?;
    // Looked at before the time, it is put off again.
    campaigns.pass(5 * 3_600).await?;
    campaigns.sweep().await?;
    campaigns.come_to_rest().await?;
    assert_eq!(campaigns.recipients().await?, ["+12125550101"]);
    let opening = now.replace_time(time::Time::MIDNIGHT) + Duration::hours(i64::from(now.hour()) + 4);
    let shards = campaigns.records("shard", "coasts").await?;
    let open: Vec<&Value> = shards.iter().filter(|shard| shard["closed"] != json!(true)).collect();
    let mut zones: Vec<&str> = open.iter().filter_map(|shard| shard["zone"].as_str()).collect();
    zones.sort_unstable();
    assert_eq!(zones, ["+1", "Pacific/Honolulu"], "{shards:?}");
    for shard in open {
        let due_at = shard["dueAt"].as_str().and_then(|due| OffsetDateTime::parse(due, &Rfc3339).ok());
        assert_eq!(due_at, Some(opening), "{shard}");
    }
    assert_eq!(campaigns.reckon("coasts").await?.pending, 2);

    // Where it is open in all of them, nobody waits.
    campaigns.settings("everywhere", &settings(&json!({ "window": window(-11) }))).await?;
    campaigns.upload("everywhere.csv", rows("+1212555020")).await?;
    campaigns.await_event("Campaign Sent", "everywhere").await?;
    assert_eq!(campaigns.reckon_sent("everywhere").await?.accepted, 3);
    assert_eq!(campaigns.stack().messages("FailedQueueUrl").await?, Vec::<Value>::new());
    Ok(())
}

/// Whether the account says so, or Amazon SES only when it is asked to send.
#[tokio::test]
async fn when_the_quota_of_a_day_is_used_up_the_rest_waits_until_there_is_more() -> Tested {
    let campaigns = Campaigns::start().await?;
    campaigns.stand_in("email", &json!({ "max24HourSend": 5 })).await?;
    let to: Vec<_> =
        (0..12).map(|number| (number.to_string(), format!("ann.{number}@example.com"))).collect();
    let file: Vec<_> = to.iter().map(|(id, to)| (id.as_str(), "email", to.as_str(), LUNCH)).collect();
    let stopped = async |campaign: &str, sent: usize, of_it: u64| {
        eventually("all that the day allows", PATIENCE, || async {
            (campaigns.sent().await.ok()?.len() == sent).then_some(())
        })
        .await?;
        campaigns.come_to_rest().await?;
        // However often it is looked at.
        for _ in 0..2 {
            campaigns.pass(1_200).await?;
            campaigns.sweep().await?;
            campaigns.come_to_rest().await?;
        }
        assert_eq!(campaigns.sent().await?.len(), sent);
        let reckoning = campaigns.reckon(campaign).await?;
        assert_eq!((reckoning.accepted, reckoning.pending), (of_it, 12 - of_it), "{reckoning:?}");
        Ok::<_, String>(())
    };
    campaigns.upload("told.csv", csv(&file)).await?;
    stopped("told", 5, 5).await?;
    campaigns.stand_in("email", &json!({ "max24HourSend": 50 })).await?;
    campaigns.carry_on("told", "Campaign Sent").await?;
    let reckoning = campaigns.reckon_sent("told").await?;
    assert_eq!((reckoning.accepted, reckoning.refused, reckoning.uncertain), (12, 0, 0), "{reckoning:?}");

    // The function has just read that there are 50.
    campaigns.stand_in("email", &json!({ "max24HourSend": 16 })).await?;
    campaigns.upload("refused.csv", csv(&file)).await?;
    stopped("refused", 16, 4).await?;
    campaigns.stand_in("email", &json!({ "max24HourSend": 50 })).await?;
    campaigns.carry_on("refused", "Campaign Sent").await?;
    let reckoning = campaigns.reckon_sent("refused").await?;
    assert_eq!((reckoning.accepted, reckoning.refused, reckoning.uncertain), (12, 0, 0), "{reckoning:?}");
    assert_eq!(campaigns.stack().messages("FailedQueueUrl").await?, Vec::<Value>::new());
    Ok(())
}
