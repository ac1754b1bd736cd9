//! What is screened is what the reader will read, in whichever form it comes.

use eventide_testing::LocalCloud;
use eventide_tests::Campaigns;
use eventide_tests::campaigns::texts::{CASINO, LUNCH, RANGE, SHOES, csv, gzip};
use http::Method;
use serde_json::{Value, json};

type Tested = Result<(), String>;

async fn verdict(campaigns: &Campaigns, campaign: &str, id: &str) -> Result<Value, String> {
    let verdicts = campaigns.report_lines(campaign, "verdicts.jsonl").await?;
    let found = verdicts.iter().find(|verdict| verdict["id"] == id);
    found.cloned().ok_or_else(|| format!("no verdict on `{id}` in {verdicts:?}"))
}

#[tokio::test]
async fn nothing_forbidden_rides_past_the_screen() -> Tested {
    let campaigns = Campaigns::start().await?;
    let settings = json!({ "variables": {
        "first_name": { "type": "name" }, "price": { "type": "number" }, "day": { "type": "date" },
        "link": { "type": "url", "hosts": ["example.com"] },
    } });
    campaigns.settings("smuggled", &settings).await?;
    let typed = "Hi {{first_name}}, our new running shoes are in store this weekend: soft, light and made to last. From \
                 {{price}} until {{day}}, see {{link}} and answer with STOP whenever you like.";
    let row = |id: &str, name: &str, price: &str, day: &str, link: &str| {
        json!({
            "id": id, "channel": "sms", "to": format!("+141555501{id}"), "text": typed,
            "variables": { "first_name": name, "price": price, "day": day, "link": link },
        })
    };
    let good = ("Ann", "$49.90", "2026-12-24", "https://shop.example.com/shoes");
    let free = "{{offer}}";
    let email = |id: &str, html: String| json!({ "id": id, "channel": "email", "to": format!("ann.{id}@example.com"), "subject": "News from us", "html": html });
    let rows = [
        row("01", good.0, good.1, good.2, good.3),
        // In a free variable it is screened as a part of the message.
        json!({ "id": "02", "channel": "sms", "to": "+14155550102", "text": free, "variables": { "offer": RANGE } }),
        json!({ "id": "03", "channel": "sms", "to": "+14155550103", "text": free, "variables": { "offer": LUNCH } }),
        // In a typed one it is not of the type.
        row("04", RANGE, good.1, good.2, good.3),
        row("05", "Casino Jackpot", good.1, good.2, good.3),
        row("06", good.0, "free beer", good.2, good.3),
        row("07", good.0, good.1, "tonight at the casino", good.3),
        row("08", good.0, good.1, good.2, "https://casino.example.net/"),
        row("09", good.0, good.1, good.2, "https://example.com.casino.net/"),
        // In HTML: in an alternative text, in a subject, in a comment that nobody sees, letter by letter.
        email("10", format!("<p>{LUNCH}</p>")),
        email("11", format!("<p>Look:</p><img src=\"https://example.com/a.png\" alt=\"{CASINO}\">")),
        json!({ "id": "12", "channel": "email", "to": "ann.12@example.com", "subject": CASINO, "html": "<p>Look</p>" }),
        email("13", format!("<!-- {CASINO} --><style>p {{ color: red }}</style><p>{LUNCH}</p>")),
        email("14", CASINO.chars().map(|letter| format!("<b>{letter}</b>\u{200b}")).collect()),
        email("15", format!("<p>{LUNCH}</p><p style=\"font-size:0\">{CASINO}</p>")),
    ];
    let file: String = rows.iter().map(|row| format!("{row}\n")).collect();
    campaigns.upload("smuggled.jsonl", file).await?;
    campaigns.await_event("Campaign Sent", "smuggled").await?;
    for (id, verdict_of, category) in [
        ("02", "rejected", "firearms"),
        ("11", "rejected", "gambling"),
        ("12", "rejected", "gambling"),
        ("14", "rejected", "gambling"),
    ] {
        let told = verdict(&campaigns, "smuggled", id).await?;
        assert_eq!((&told["verdict"], &told["category"]), (&json!(verdict_of), &json!(category)), "{told}");
    }
    assert_ne!(
        verdict(&campaigns, "smuggled", "15").await?["verdict"],
        "approved",
        "what is hidden counts, too"
    );
    for id in ["01", "03", "10", "13"] {
        assert_eq!(verdict(&campaigns, "smuggled", id).await?["verdict"], "approved", "{id}");
    }
    let unparsed = campaigns.report_lines("smuggled", "unparsed.jsonl").await?;
    let lines: Vec<u64> = unparsed.iter().filter_map(|row| row["line"].as_u64()).collect();
    assert_eq!(lines, [4, 5, 6, 7, 8, 9], "{unparsed:?}");
    let told = format!("{unparsed:?}").to_lowercase();
    assert!(!told.contains("casino") && !told.contains("bullets") && !told.contains("beer"), "{told}");
    assert_eq!(
        campaigns.recipients().await?,
        ["+14155550101", "+14155550103", "ann.10@example.com", "ann.13@example.com"]
    );
    let text = campaigns.sent().await?.into_iter().find(|message| message["to"] == "+14155550101");
    let text =
        text.or(campaigns.sent().await?.into_iter().find(|message| message["to"][0] == "+14155550101"));
    let text = text.ok_or("no message to Ann")?["text"].clone();
    assert!(text.as_str().is_some_and(|text| text.contains("From $49.90 until 2026-12-24")), "{text}");
    campaigns.reckon_sent("smuggled").await?;
    assert_eq!(campaigns.stack().messages("FailedQueueUrl").await?, Vec::<Value>::new());
    Ok(())
}

fn utf16(text: &str) -> Vec<u8> {
    [0xFF, 0xFE].into_iter().chain(text.encode_utf16().flat_map(u16::to_le_bytes)).collect()
}

#[tokio::test]
async fn files_come_in_every_form_and_broken_rows_stop_nobody() -> Tested {
    const GERMAN: &str = "Unsere neuen Laufschuhe sind da: weich, leicht und für viele Kilometer gemacht. Besuchen Sie uns am \
                          Wochenende in der Filiale.";
    let campaigns = Campaigns::start().await?;
    let header = json!({ "campaign": {
        "channel": "sms", "text": SHOES, "variables": { "first_name": { "type": "name" } },
    } });
    let lines = format!(
        "{header}\n{{\"id\": \"1\", \"to\": \"+14155550101\", \"variables\": {{\"first_name\": \"Zoë\"}}}}\n\
         {{\"id\": \"2\", \"to\": \"+14155550102\", \"variables\": {{\"first_name\": \"O'Neil\"}}}}\r\n\n\
         not json\n{{\"id\": \"3\", \"to\": \"+14155550103\"}}\n{{\"id\": \"4\", \"to\": \"nobody\", \"variables\": \
         {{\"first_name\": \"Ann\"}}}}\n{{\"id\": \"5\", \"to\": \"+14155550105\", \"channel\": \"fax\"}}\n"
    );
    campaigns.upload("lines.jsonl.gz", gzip(lines.as_bytes())?).await?;
    let long = "a".repeat(1_601);
    let rows = csv(&[
        ("1", "sms", "+14155550111", LUNCH),
        ("2", "sms", "+14155550112", &long),
        ("3", "sms", "+14155550113", GERMAN),
        ("4", "email", "not an address", LUNCH),
        ("5", "email", "ann@example.com", LUNCH),
        ("", "sms", "+14155550116", LUNCH),
    ]) + "7,sms,+14155550117\n8,sms,+14155550118,,\""
        + LUNCH
        + "\r\nSee you!\",Ann\r\n";
    campaigns.settings("bom", &json!({})).await?;
    campaigns.upload("bom.csv", format!("\u{feff}{rows}")).await?;
    campaigns
        .upload("wide.csv", utf16(&rows.replace("+1415555011", "+1415555012").replace("ann@", "eve@")))
        .await?;
    for id in ["lines", "bom", "wide"] {
        campaigns.await_event("Campaign Sent", id).await?;
    }
    let unparsed = campaigns.report_lines("lines", "unparsed.jsonl").await?;
    let places: Vec<u64> = unparsed.iter().filter_map(|row| row["line"].as_u64()).collect();
    assert_eq!(places, [5, 6, 7, 8], "{unparsed:?}");
    for id in ["bom", "wide"] {
        let unparsed = campaigns.report_lines(id, "unparsed.jsonl").await?;
        let places: Vec<u64> = unparsed.iter().filter_map(|row| row["line"].as_u64()).collect();
        assert_eq!(places, [3, 5, 7, 8], "{id}: {unparsed:?}");
        assert!(
            unparsed[0]["reason"]
                .as_str()
                .is_some_and(|reason| reason.contains("1600") || reason.contains("1,600")),
            "{unparsed:?}"
        );
        let foreign = verdict(&campaigns, id, "3").await?;
        assert_eq!(
            (&foreign["verdict"], &foreign["reason"]),
            (&json!("held"), &json!("wrong_language")),
            "{foreign}"
        );
        assert_eq!(campaigns.reckon_sent(id).await?.accepted, 3, "{id}");
        let page = campaigns.stack().object("ReportBucket", &format!("{id}/report.html")).await?;
        assert!(page.is_some_and(|page| !page.is_empty()), "{id}");
    }
    assert_eq!(
        campaigns.recipients().await?,
        [
            "+14155550101",
            "+14155550102",
            "+14155550111",
            "+14155550118",
            "+14155550121",
            "+14155550128",
            "ann@example.com",
            "eve@example.com"
        ]
    );
    let greeting =
        campaigns.sent().await?.into_iter().find(|message| message.to_string().contains("+14155550101"));
    assert!(
        greeting
            .is_some_and(|message| message["text"].as_str().is_some_and(|text| text.starts_with("Hi Zoë,")))
    );
    assert_eq!(campaigns.stack().messages("FailedQueueUrl").await?, Vec::<Value>::new());

    // What cannot be read at all fails as a whole, and says why; the folder's other objects are refused.
    for (name, body) in [("empty.csv", Vec::new()), ("cut.csv.gz", gzip(rows.as_bytes())?[..40].to_vec())] {
        campaigns.upload(name, body).await?;
        let id = name.split('.').next().unwrap_or_default();
        let failed = campaigns.await_event("Campaign Failed", id).await?;
        assert!(!failed["reason"].as_str().unwrap_or_default().is_empty(), "{failed}");
    }
    campaigns.upload("notes.txt", "hello").await?;
    assert_eq!(campaigns.failures(3).await?.iter().filter(|kind| *kind == "Permanent.InvalidKey").count(), 1);
    Ok(())
}

#[tokio::test]
async fn each_content_is_classified_once_by_each_classifier() -> Tested {
    let cloud = LocalCloud::start().await?;
    let starter = json!({ "version": "second" });
    let made = cloud.control(Method::POST, "comprehend/starter", Some(&starter)).await?;
    let second = made["classifierArn"].as_str().ok_or("no classifier")?.to_owned();
    let mut campaigns = Campaigns::start_on(cloud, &[]).await?;
    let settings = json!({ "variables": { "first_name": { "type": "name" } } });
    let rows: Vec<(String, String)> =
        (0..60).map(|number| (number.to_string(), format!("+1415555{:04}", 100 + number))).collect();
    let file = |offset: usize| {
        let texts = [SHOES, LUNCH, RANGE];
        let rows: Vec<_> = rows
            .iter()
            .enumerate()
            .map(|(number, (id, to))| (id.as_str(), "sms", to.as_str(), texts[(number + offset) % 3]))
            .collect();
        csv(&rows)
    };
    let documents =
        |jobs: &[Value]| jobs.iter().filter_map(|job| job["Documents"].as_u64()).collect::<Vec<_>>();
    campaigns.settings("first", &settings).await?;
    campaigns.upload("first.csv", file(0)).await?;
    let screened = campaigns.await_event("Campaign Screened", "first").await?;
    assert_eq!(
        (&screened["rows"], &screened["contents"], &screened["known"], &screened["documents"]),
        (&json!(60), &json!(3), &json!(0), &json!(3)),
        "{screened}"
    );
    campaigns.await_event("Campaign Sent", "first").await?;
    assert_eq!(documents(&campaigns.jobs().await?), [3]);

    // Another campaign, another order: nothing is new.
    campaigns.settings("second", &settings).await?;
    campaigns.upload("second.csv", file(1)).await?;
    let screened = campaigns.await_event("Campaign Screened", "second").await?;
    assert_eq!((&screened["known"], &screened["documents"]), (&json!(3), &json!(0)), "{screened}");
    campaigns.await_event("Campaign Sent", "second").await?;
    assert_eq!(documents(&campaigns.jobs().await?), [3]);

    // Another classifier knows nothing yet.
    campaigns = campaigns.redeploy(&[("ClassifierArn", &second)]).await?;
    campaigns.settings("third", &settings).await?;
    campaigns.upload("third.csv", file(2)).await?;
    let screened = campaigns.await_event("Campaign Screened", "third").await?;
    assert_eq!((&screened["known"], &screened["documents"]), (&json!(0), &json!(3)), "{screened}");
    campaigns.await_event("Campaign Sent", "third").await?;
    assert_eq!(documents(&campaigns.jobs().await?), [3, 3]);
    assert_eq!(campaigns.figures("third").await?["classifier"], second);
    for id in ["first", "second", "third"] {
        let reckoning = campaigns.reckon_sent(id).await?;
        assert_eq!((reckoning.accepted, reckoning.uncertain), (40, 0), "{id}: {reckoning:?}");
    }
    Ok(())
}
