//! Events that come twice, too late or out of order, and files that are uploaded again.

use eventide_clients::s3::Operation as Object;
use eventide_kit::Error;
use eventide_types::campaign::record::{Decided, State};
use serde_json::json;

use crate::support::{KEY, NOW, World, three_rows};

#[tokio::test]
async fn a_repeat_changes_nothing() {
    let mut world = World::new();
    let event = world.upload(KEY, three_rows());
    world.take(&event).await;
    let before = world.outcome().await;
    for state in
        [State::Classifying, State::Judging, State::Sending, State::Sent, State::Cancelled, State::Failed]
    {
        world.change(|record| record.state = state).await;
        world.take(&event).await;
        assert_eq!(world.record().await.state, state);
    }
    world.change(|record| record.state = State::Classifying).await;
    assert_eq!(world.outcome().await, before);
    assert_eq!(world.sent().0.len(), 1);
}

#[tokio::test]
async fn two_messages_of_an_upload_do_not_write_over_each_other() {
    let mut world = World::new();
    let event = world.upload(KEY, three_rows());
    world.fakes.campaigns.fail_next(Object::Open, Error::environment("AccessDenied", "denied"));
    assert_eq!(world.deliver_as("one", &event, 1).await, Some(true));
    // While the first is at it, or comes back to it, the other has nothing to do; once it is dead, the other goes on.
    assert_eq!(world.deliver_as("two", &event, 1).await, Some(false));
    assert_eq!((world.record().await.state, world.fakes.work.keys().len()), (State::Screening, 0));
    world.clock.advance(std::time::Duration::from_secs(3_600));
    assert_eq!(world.deliver_as("two", &event, 1).await, Some(false));
    assert_eq!(world.record().await.state, State::Classifying);
    let before = world.outcome().await;
    assert_eq!(world.deliver_as("one", &event, 2).await, Some(false));
    assert_eq!((world.outcome().await, world.sent().0.len()), (before, 1));
}

#[tokio::test]
async fn an_id_is_that_of_one_key() {
    let mut world = World::new();
    let first = world.upload(KEY, three_rows());
    world.take(&first).await;
    let before = world.outcome().await;
    let other = world.upload("campaigns/spring.jsonl", "{}\n");
    world.take(&other).await;
    assert_eq!(world.outcome().await, before);
    assert_eq!(world.failures()[0].0, "IdInUse");
}

#[tokio::test]
async fn an_older_upload_comes_too_late() {
    let mut world = World::new();
    let older = world.upload(KEY, three_rows());
    let newer = world.upload(KEY, three_rows().replace("oak", "ash"));
    world.take(&newer).await;
    let before = world.outcome().await;
    world.take(&older).await;
    assert_eq!(world.outcome().await, before);
    assert!(world.documents().await[0].contains("ash table"));
    assert_eq!(world.sent().0.len(), 1);
}

#[tokio::test]
async fn a_newer_upload_takes_the_place_of_the_older_even_if_that_is_read_afterwards() {
    let mut world = World::new();
    let older = world.upload(KEY, three_rows());
    world.take(&older).await;
    let first = world.record().await;
    let newer = world.upload(KEY, three_rows().replace("oak", "ash"));
    world.take(&newer).await;
    let second = world.record().await;
    assert_ne!(first.upload, second.upload);
    assert!(second.revision > first.revision);
    assert_eq!(world.sent().0.len(), 2);
    // The event of the first comes again.
    world.take(&older).await;
    assert_eq!(world.record().await, second);
    assert_eq!(world.sent().0.len(), 2);
}

#[tokio::test]
async fn the_same_bytes_again_are_no_news_unless_the_campaign_failed() {
    let mut world = World::new();
    let first = world.upload(KEY, three_rows());
    world.take(&first).await;
    world.change(|record| record.state = State::Sent).await;
    let before = world.outcome().await;
    let again = world.upload(KEY, three_rows());
    world.take(&again).await;
    assert_eq!(world.outcome().await, before);

    world.change(|record| record.state = State::Failed).await;
    let again = world.upload(KEY, three_rows());
    world.take(&again).await;
    let record = world.record().await;
    assert_eq!(record.state, State::Classifying);
    assert_ne!(record.upload, before.campaign.upload);

    // Nor are they the same campaign with other settings.
    world.change(|record| record.state = State::Sent).await;
    world.fakes.campaigns.add("campaigns/spring.campaign.json", r#"{"start": "paused"}"#);
    let again = world.upload(KEY, three_rows());
    world.take(&again).await;
    let record = world.record().await;
    assert_eq!((record.state, record.paused), (State::Classifying, true));
}

#[tokio::test]
async fn what_a_person_paused_stays_paused() {
    let mut world = World::new();
    let first = world.upload(KEY, three_rows());
    world.take(&first).await;
    let by = Decided { action: "pause".to_owned(), by: "ann".to_owned(), reason: None, at: NOW };
    world
        .change(|record| {
            (record.state, record.paused, record.decided) = (State::Sending, true, Some(by.clone()));
        })
        .await;
    let second = world.upload(KEY, three_rows().replace("oak", "ash"));
    world.take(&second).await;
    let record = world.record().await;
    assert_eq!((record.state, record.paused, &record.decided), (State::Classifying, true, &Some(by)));
}

#[tokio::test]
async fn what_a_person_cancelled_stays_cancelled_and_that_is_told() {
    let mut world = World::new();
    let first = world.upload(KEY, three_rows());
    world.take(&first).await;
    world.change(|record| record.state = State::Cancelled).await;
    let before = world.outcome().await;
    let second = world.upload(KEY, three_rows().replace("oak", "ash"));
    world.take(&second).await;
    assert_eq!(world.outcome().await, before);
    assert_eq!(world.sent().0.len(), 1);
    let expected = ("Cancelled".to_owned(), "the campaign was cancelled, expected another id".to_owned());
    assert_eq!(world.failures(), [expected]);
    assert_ne!(world.fakes.event_bus.events()[0].detail["upload"], json!(before.campaign.upload));
}
