//! Settings: the sidecar's and the header's.

use eventide_types::campaign::Channel;
use eventide_types::campaign::record::State;
use eventide_types::campaign::settings::Start;

use crate::support::{KEY, TABLE, World, three_rows};

const SIDECAR: &str = "campaigns/spring.campaign.json";

#[tokio::test]
async fn the_sidecar_holds_for_rows_that_say_nothing_else() {
    let mut world = World::new();
    world.fakes.campaigns.add(
        SIDECAR,
        r#"{"channel": "email", "subject": "Spring", "start": "paused", "window": {"from": "09:00", "to": "20:00"}}"#,
    );
    let event = world.upload(KEY, format!("id,to,text\n1,a@example.com,{TABLE}\n"));
    world.take(&event).await;
    let record = world.record().await;
    assert_eq!((record.settings.channel, record.paused), (Some(Channel::Email), true));
    assert!(record.settings.window.is_some());
    assert_eq!(world.documents().await, [format!("Spring {TABLE}")]);
}

#[tokio::test]
async fn without_a_sidecar_rows_say_it_all() {
    let mut world = World::new();
    let event = world.upload(KEY, three_rows());
    world.take(&event).await;
    let record = world.record().await;
    assert_eq!((record.settings.start, record.paused), (Start::Automatic, false));
}

#[tokio::test]
async fn a_header_says_more_than_the_sidecar_and_pauses_too() {
    let mut world = World::new();
    world.fakes.campaigns.add(SIDECAR, r#"{"subject": "Spring", "channel": "email"}"#);
    let file = format!(
        "{{\"campaign\": {{\"subject\": \"Summer\", \"start\": \"paused\"}}}}\n\
         {{\"id\": \"1\", \"to\": \"a@example.com\", \"text\": \"{TABLE}\"}}\n"
    );
    let event = world.upload("campaigns/spring.jsonl", file);
    world.take(&event).await;
    let record = world.record().await;
    assert_eq!(record.settings.subject.as_deref(), Some("Summer"));
    assert_eq!(record.settings.channel, Some(Channel::Email));
    assert!(record.paused, "nothing is to be sent before a person resumes it");
    assert_eq!(record.counts.rows, 1, "the header is no row");
    assert_eq!(world.documents().await, [format!("Summer {TABLE}")]);
}

#[tokio::test]
async fn a_bad_sidecar_fails_the_campaign_with_the_reason() {
    let long = format!("{{\"subject\": \"{}\"}}", "x".repeat(300_000));
    for (sidecar, expected) in [
        (r#"{"sendat": "2026-12-01T09:00:00Z"}"#, "sendat"),
        (r#"{"window": {"from": "9:00", "to": "20:00"}}"#, "window"),
        ("Ann", "expected"),
        (long.as_str(), "campaigns/spring.campaign.json"),
    ] {
        let mut world = World::new();
        world.fakes.campaigns.add(SIDECAR, sidecar.to_owned());
        let event = world.upload(KEY, three_rows());
        world.settle(&event).await;
        let record = world.record().await;
        assert_eq!(record.state, State::Failed);
        let reason = record.reason.unwrap();
        assert!(reason.contains(SIDECAR) && reason.contains(expected), "{reason}");
        assert_eq!(world.failures(), [("InvalidSettings".to_owned(), reason)]);
        assert_eq!(world.fakes.dead_letters.sent()[0].1, "Permanent.InvalidSettings");
        assert_eq!(world.sent(), (vec![], vec![]));
        // Mended, and the file uploaded again.
        world.fakes.campaigns.add(SIDECAR, "{}");
        let again = world.upload(KEY, three_rows());
        world.settle(&again).await;
        assert_eq!(world.record().await.state, State::Classifying);
    }
}
