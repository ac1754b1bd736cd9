//! Functions that are killed after each of their calls, one after the other: nothing is sent twice, what is
//! approved is accepted or uncertain, and what is uncertain was on its way when the kill came.

#![expect(clippy::indexing_slicing, reason = "a test fails by panicking")]

use eventide_testing::eventually;
use eventide_tests::Campaigns;
use eventide_tests::campaigns::texts::{JACKETS, SHOES, csv, mixed};
use eventide_tests::system::PATIENCE;
use http::Method;
use serde_json::{Value, json};

type Tested = Result<(), String>;

/// More calls than any function makes for a small campaign.
const MOST_CALLS: usize = 120;

async fn start() -> Result<Campaigns, String> {
    let campaigns = Campaigns::start().await?;
    campaigns.comes_back_after(2).await?;
    Ok(campaigns)
}

/// Whether each fault that was asked for took place.
async fn killed(campaigns: &Campaigns) -> Result<usize, String> {
    let faults = campaigns.cloud().control(Method::GET, "faults", None).await?;
    let rules = faults["rules"].as_array().into_iter().flatten();
    Ok(rules.filter(|rule| rule["applied"].as_u64() > Some(0)).count())
}

async fn nothing_failed(campaigns: &Campaigns) -> Tested {
    assert_eq!(campaigns.stack().messages("FailedQueueUrl").await?, Vec::<Value>::new());
    Ok(())
}

/// Kills the sender of six messages after every so-many-th of its calls, from this one on, until one campaign
/// is sent without a kill.
async fn kill_senders(from: usize, step: usize) -> Tested {
    const MESSAGES: usize = 6;
    let campaigns = start().await?;
    // Screened beforehand, so that only the sending is left.
    let settings = json!({ "variables": { "first_name": { "type": "name" } }, "start": "paused" });
    for index in (from..MOST_CALLS).step_by(step) {
        let campaign = format!("killed-{index}");
        campaigns.settings(&campaign, &settings).await?;
        campaigns.upload(&format!("{campaign}.csv"), mixed(MESSAGES, SHOES)).await?;
        campaigns.await_event("Campaign Screened", &campaign).await?;
        campaigns.come_to_rest().await?;
        campaigns.stack().forget().await?;
        campaigns.stack().kill_after("campaign-send", index).await?;
        let resume = json!({ "campaign": campaign, "action": "resume", "by": "ann" });
        campaigns.direct(&resume).await?.map_err(|error| error.to_string())?;
        // Until the kill came, or no call is left for it.
        let ended = eventually("the kill", PATIENCE, || async {
            let is_killed = killed(&campaigns).await.ok()? > 0;
            let figures = campaigns.figures(&campaign).await.ok();
            let is_sent = figures.is_some_and(|figures| figures["state"] == "sent");
            (is_killed || (is_sent && campaigns.is_idle().await)).then_some(is_killed)
        });
        let is_killed = ended.await.map_err(|error| format!("{campaign}: {error}"))?;
        campaigns
            .carry_on(&campaign, "Campaign Sent")
            .await
            .map_err(|error| format!("{campaign}: {error}"))?;
        campaigns.drop_delayed().await.map_err(|error| format!("{campaign}: {error}"))?;
        let reckoning =
            campaigns.reckon_sent(&campaign).await.map_err(|error| format!("{campaign}: {error}"))?;
        assert_eq!(reckoning.accepted + reckoning.uncertain, MESSAGES as u64, "{campaign}: {reckoning:?}");
        if !is_killed {
            assert!(index > from && reckoning.uncertain == 0, "{campaign}: {reckoning:?}");
            return nothing_failed(&campaigns).await;
        }
    }
    Err(format!("the sender makes more than {MOST_CALLS} calls"))
}

#[tokio::test]
async fn a_killed_sender_sends_nothing_twice() -> Tested {
    kill_senders(0, 3).await
}

#[tokio::test]
async fn a_sender_killed_in_between_sends_nothing_twice() -> Tested {
    kill_senders(1, 3).await
}

#[tokio::test]
async fn a_sender_killed_elsewhere_sends_nothing_twice() -> Tested {
    kill_senders(2, 3).await
}

/// Kills four functions on the way of one campaign, each after as many of its calls, from so many on: after
/// every second one in both tests together.
async fn kill_the_others(from: usize) -> Tested {
    let campaigns = start().await?;
    let functions = ["campaign-screen", "campaign-classify", "campaign-judge", "campaign-report"];
    let mut all_killed = 0;
    // One campaign goes its way first, so that it is known how many calls that takes. Sweeps add to them, the more the
    // slower the machine is.
    let mut most_calls = 0;
    let rounds = std::iter::once(None).chain((from..MOST_CALLS).step_by(4).map(Some));
    for index in rounds {
        if index.is_some_and(|index| index > most_calls) {
            assert!(all_killed > 0, "nothing was killed");
            return nothing_failed(&campaigns).await;
        }
        let campaign = index.map_or("whole".to_owned(), |index| format!("killed-{index}"));
        // A content that is new each time, so that a job is needed.
        let text = format!("{SHOES} Branch {}.", index.map_or(0, |index| index + 1));
        campaigns.settings(&campaign, &json!({ "variables": { "first_name": { "type": "name" } } })).await?;
        campaigns.stack().forget().await?;
        for function in functions {
            if let Some(index) = index {
                campaigns.stack().kill_after(function, index).await?;
            }
        }
        campaigns.upload(&format!("{campaign}.csv"), mixed(2, &text)).await?;
        campaigns
            .carry_on(&campaign, "Campaign Sent")
            .await
            .map_err(|error| format!("{campaign}: {error}"))?;
        campaigns.drop_delayed().await.map_err(|error| format!("{campaign}: {error}"))?;
        if index.is_none() {
            for function in functions {
                most_calls = most_calls.max(campaigns.stack().calls(function).await?.len());
            }
        }
        all_killed += killed(&campaigns).await?;
        campaigns.stack().forget().await?;
        let reckoning =
            campaigns.reckon_sent(&campaign).await.map_err(|error| format!("{campaign}: {error}"))?;
        assert_eq!((reckoning.accepted, reckoning.uncertain), (2, 0), "{campaign}: {reckoning:?}");
        let jobs = campaigns.jobs().await?;
        let of_campaign = |job: &&Value| job.to_string().contains(&format!("/{campaign}/"));
        assert_eq!(
            jobs.iter().filter(of_campaign).count(),
            1,
            "{campaign}: one job, however often it is started"
        );
    }
    Err(format!("a function makes more than {MOST_CALLS} calls"))
}

#[tokio::test]
async fn what_is_killed_on_the_way_is_carried_on() -> Tested {
    kill_the_others(0).await
}

#[tokio::test]
async fn what_is_killed_in_between_is_carried_on() -> Tested {
    kill_the_others(2).await
}

#[tokio::test]
async fn a_killed_review_and_what_follows_it_are_carried_on() -> Tested {
    let campaigns = start().await?;
    // After every second call.
    for index in (0..MOST_CALLS).step_by(2) {
        let campaign = format!("killed-{index}");
        campaigns.settings(&campaign, &json!({ "variables": { "first_name": { "type": "name" } } })).await?;
        campaigns.upload(&format!("{campaign}.csv"), csv(&[("1", "sms", "+14155550101", JACKETS)])).await?;
        campaigns.await_event("Campaign Sent", &campaign).await?;
        campaigns.come_to_rest().await?;
        campaigns.forget_events("Campaign Sent", &campaign).await?;
        let held = campaigns.report_lines(&campaign, "review.jsonl").await?;
        campaigns.stack().forget().await?;
        for function in ["campaign-review", "campaign-judge"] {
            campaigns.stack().kill_after(function, index).await?;
        }
        let approve = json!({ "campaign": campaign, "action": "approve", "contents": [held[0]["content"]], "by": "ann" });
        campaigns.command(&approve).await?;
        campaigns
            .carry_on(&campaign, "Campaign Sent")
            .await
            .map_err(|error| format!("{campaign}: {error}"))?;
        campaigns.drop_delayed().await?;
        let killed = killed(&campaigns).await?;
        campaigns.stack().forget().await?;
        let reckoning =
            campaigns.reckon_sent(&campaign).await.map_err(|error| format!("{campaign}: {error}"))?;
        assert_eq!((reckoning.accepted, reckoning.uncertain), (1, 0), "{campaign}: {reckoning:?}");
        if killed == 0 {
            return nothing_failed(&campaigns).await;
        }
    }
    Err(format!("a function makes more than {MOST_CALLS} calls"))
}
