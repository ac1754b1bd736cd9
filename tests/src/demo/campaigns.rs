//! The third scene: a campaign goes in, is screened, looked at by a person, and exactly what is approved is sent, once.

use std::collections::BTreeMap;
use std::time::Instant;

use serde_json::{Value, json};

use super::text::{at, bold, judged, number, paragraph};
use crate::Campaigns;

const CAMPAIGN: &str = "spring";
/// Rows of one file: what marketers write, and what they should not. The seventh is the post's own example; the ninth has its offer in a
/// variable.
const FILE: &str = r#"id,channel,to,subject,text,var.first_name,var.offer
1,sms,+14155550101,,"Hi {{first_name}}, our new running shoes are in store this weekend: soft, light and made to last. Answer with STOP whenever you like.",Ann,
2,sms,+14155550102,,"Hi {{first_name}}, our new running shoes are in store this weekend: soft, light and made to last. Answer with STOP whenever you like.",Ben,
3,email,cid@example.com,New running shoes,"Hi {{first_name}}, our new running shoes are in store this weekend: soft, light and made to last. Answer with STOP whenever you like.",Cid,
4,email,dora@example.com,Lunch,"Try our new dumplings, soup and fruit salad at lunch. Children eat for a dollar on Wednesday.",,
5,sms,+14155550105,,"Hi {{first_name}}, our new spring jackets are here. See them in store this weekend.",Eve,
6,email,finn@example.com,Tonight,"Spin the wheel tonight: 50 free spins and a jackpot of $10,000 at our online casino. Bet now!",,
7,sms,+14155550107,,"Huge sale at Pine County Shooting Range 25% off for 6mm and 9mm bullets! Lazer add-ons on clearance too",,
8,sms,+14155550108,,"Craft beer festival: two pints for the price of one, whisky tasting from 8 pm.",,
9,sms,+14155550109,,"Hi {{first_name}}, {{offer}}",Ida,"huge sale at the shooting range: 25% off for 9mm bullets and rifles!"
10,sms,0151 234,,"Try our new dumplings, soup and fruit salad at lunch. Children eat for a dollar on Wednesday.",,
11,sms,+14155550111,,"Hi {{first_name}}, see you on Friday.",Bet at our casino,
"#;

/// Runs it all; what did not come out as expected.
///
/// # Errors
///
/// What kept it from running.
pub async fn run() -> Result<Vec<String>, String> {
    let start = Instant::now();
    println!(
        "Starting a local cloud, training a classifier, and deploying infra/compliance-screening.yaml …"
    );
    let campaigns = Campaigns::start().await?;
    println!("Deployed after {:.1} s.", start.elapsed().as_secs_f32());
    let mut different = Vec::new();

    let rows = FILE.lines().count() - 1;
    println!("\n{}", bold(&format!("A campaign of {rows} rows goes into the campaign bucket")));
    let settings = json!({ "variables": { "first_name": { "type": "name" } } });
    campaigns.settings(CAMPAIGN, &settings).await?;
    campaigns.upload(&format!("{CAMPAIGN}.csv"), FILE).await?;
    let screened = campaigns.await_event("Campaign Screened", CAMPAIGN).await?;
    println!(
        "  {:.1} s  screened: {} documents classified",
        start.elapsed().as_secs_f32(),
        number(&screened, "/documents")
    );
    verdicts(&campaigns).await?;
    for (count, expected) in [("approved", 4), ("held", 1), ("rejected", 4), ("unparsed", 2)] {
        let counted = number(&screened, &format!("/{count}"));
        if counted != expected {
            different.push(format!("{counted} messages are {count}, expected {expected}"));
        }
    }
    campaigns.await_event("Campaign Sent", CAMPAIGN).await?;

    println!("\n{}", bold("A person looks at what is held, and approves it"));
    let review = campaigns.report_lines(CAMPAIGN, "review.jsonl").await?;
    let held = review.first().ok_or("nothing is held")?;
    paragraph("  ", at(held, "/text"));
    println!("  {} ({:.2}), {} message", at(held, "/reason"), score(held), number(held, "/messages"));
    let command = json!({
        "campaign": CAMPAIGN, "action": "approve", "contents": [at(held, "/content")], "by": "ann", "reason": "jackets are fine",
    });
    campaigns.command(&command).await?;
    campaigns.await_event("Campaign Sent", CAMPAIGN).await?;

    println!("\n{}", bold("The same file is uploaded again, and the command comes twice"));
    campaigns.command(&command).await?;
    campaigns.upload(&format!("{CAMPAIGN}.csv"), FILE).await?;
    campaigns.come_to_rest().await?;
    println!("  nothing happens");

    println!("\n{}", bold("What was sent"));
    let sent = campaigns.sent().await?;
    for message in &sent {
        println!("  {:5} to {}", at(message, "/channel"), recipient(message));
        paragraph("        ", at(message, "/text"));
    }
    let expected = ["+14155550101", "+14155550102", "+14155550105", "cid@example.com", "dora@example.com"];
    if campaigns.recipients().await? != expected {
        different
            .push(format!("messages went to {:?}, expected {expected:?}", campaigns.recipients().await?));
    }

    println!("\n{}", bold("What became of it"));
    let delivered = |figures: &Value| {
        let delivered = |channel: &str| number(figures, &format!("/delivery/{channel}/delivered"));
        (delivered("sms"), delivered("email")) == (3, 2)
    };
    let figures = campaigns.await_figures(CAMPAIGN, "five delivered messages", delivered).await?;
    for channel in ["email", "sms"] {
        let of = |what: &str| number(&figures, &format!("/delivery/{channel}/{what}"));
        println!(
            "  {channel:5} {} accepted, {} delivered, {} uncertain",
            of("accepted"),
            of("delivered"),
            of("uncertain")
        );
    }
    let failed = campaigns.stack().messages("FailedQueueUrl").await?;
    if !failed.is_empty() {
        different.push(format!("the failed queue holds {} messages, expected none", failed.len()));
    }
    Ok(different)
}

/// Shows each row with what was decided about it, and why.
async fn verdicts(campaigns: &Campaigns) -> Result<(), String> {
    let mut told = BTreeMap::new();
    for verdict in campaigns.report_lines(CAMPAIGN, "verdicts.jsonl").await? {
        let (line, score) = (number(&verdict, "/line"), score(&verdict));
        let word = judged(at(&verdict, "/verdict"));
        told.insert(
            line,
            format!("{word}: {} {} {score:.2}", at(&verdict, "/reason"), at(&verdict, "/category")),
        );
    }
    for row in campaigns.report_lines(CAMPAIGN, "unparsed.jsonl").await? {
        told.insert(number(&row, "/line"), format!("not sent: {}", at(&row, "/reason")));
    }
    for (line, text) in told {
        println!("  row {:2}  {text}", line.saturating_sub(1));
    }
    Ok(())
}

fn recipient(message: &Value) -> &str {
    let to = message.get("to");
    to.and_then(|to| to.as_str().or_else(|| to.get(0)?.as_str())).unwrap_or_default()
}

fn score(value: &Value) -> f64 {
    value.get("score").and_then(Value::as_f64).unwrap_or_default()
}
