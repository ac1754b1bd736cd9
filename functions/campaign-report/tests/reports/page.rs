//! The page is text that anybody may have written, and nothing that a browser would run.

use eventide_types::campaign::Channel;
use eventide_types::campaign::record::{Decided, State};
use serde_json::json;

use crate::support::{NOW, World, done, messages, refused};

const HOSTILE: &str =
    "<script>alert('x')</script><img src=x onerror=alert(1)>\" onload=\"x\" &lt; </td></table>";

#[tokio::test]
async fn whatever_came_from_outside_is_escaped() {
    let world = World::new().await;
    world.contents(&[(1, HOSTILE)]);
    world.verdicts(&[(1, Channel::Email, "held", HOSTILE, Some(HOSTILE))]);
    world
        .fakes
        .reports
        .add("spring/unparsed.jsonl", json!({"line": 2, "reason": HOSTILE}).to_string() + "\n");
    let all = messages(Channel::Sms, 0..1);
    world.shard("first", &all).await;
    world.claimed(&all[0], refused(HOSTILE)).await;
    let decided = Decided {
        action: "pause".to_owned(),
        by: HOSTILE.to_owned(),
        reason: Some(HOSTILE.to_owned()),
        at: NOW,
    };
    world
        .change(|record| {
            (record.decided, record.reason, record.classifier) =
                (Some(decided), Some(HOSTILE.to_owned()), HOSTILE.to_owned());
        })
        .await;
    world.report().await;
    let page = world.text("report.html");
    for forbidden in ["<script", "<img", "onerror=alert(1)>\"", "\" onload=\"x\""] {
        assert!(!page.contains(forbidden), "{forbidden}");
    }
    // Text, category, reason, unparsed row, refusal, who, why, failure, classifier.
    let times = page.matches("&lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt;").count();
    assert!(times >= 9, "{times}");
    assert_eq!(page.matches("<table").count(), page.matches("</table>").count());
    assert_eq!(page.matches("<section").count(), page.matches("</section>").count());
}

#[tokio::test]
async fn the_page_loads_nothing_from_elsewhere_and_says_the_figures() {
    let world = World::new().await;
    world.contents(&[(1, "The casino"), (2, &"x".repeat(2_000))]);
    world.verdicts(&[
        (1, Channel::Email, "rejected", "restricted", Some("gambling")),
        (2, Channel::Sms, "held", "low_confidence", None),
    ]);
    let all = messages(Channel::Email, 0..3);
    world.shard("first", &all).await;
    world.claimed(&all[0], done()).await;
    world
        .change(|record| {
            record.counts.rows = 1_234_567;
            record.paused = true;
        })
        .await;
    world.report().await;
    let page = world.text("report.html");
    for expected in
        ["1,234,567", "The casino", "gambling", "low confidence", "paused", "Content-Security-Policy"]
    {
        assert!(page.contains(expected), "{expected}");
    }
    for forbidden in ["http://", "https://", "<script", "src=", "@import", "url("] {
        assert!(!page.contains(forbidden), "{forbidden}");
    }
    assert!(!page.contains(&"x".repeat(1_000)), "long texts are cut");
    assert_eq!(
        world.fakes.reports.content_type("spring/report.html").as_deref(),
        Some("text/html; charset=utf-8")
    );
    assert_eq!(world.fakes.reports.content_type("spring/report.json").as_deref(), Some("application/json"));
}

#[tokio::test]
async fn a_campaign_that_failed_has_a_report_that_says_why() {
    let world = World::new().await;
    world
        .change(|record| {
            (record.state, record.reason, record.screened_at) =
                (State::Failed, Some("the gzip data is corrupt".to_owned()), None);
        })
        .await;
    world.fakes.work.delete(&crate::support::WORK.contents());
    let figures = world.report().await;
    assert_eq!(
        (&figures["state"], &figures["reason"]),
        (&json!("failed"), &json!("the gzip data is corrupt"))
    );
    assert!(world.text("report.html").contains("the gzip data is corrupt"));
}

#[tokio::test]
async fn when_the_work_has_expired_the_report_stays_as_it_is() {
    let world = World::new().await;
    let all = messages(Channel::Email, 0..3);
    world.shard("first", &all).await;
    let before = world.report().await;
    for key in world.fakes.work.keys() {
        world.fakes.work.delete(&key);
    }
    world.clock.advance(std::time::Duration::from_secs(86_400));
    assert_eq!(world.report().await, before);
    assert_eq!(world.deliveries().len(), 3);
}
