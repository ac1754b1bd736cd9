//! The function is killed after each of its calls: its message comes again, and it comes to the same.

use eventide_clients::campaigns::Scores as _;
use eventide_types::campaign::record::State;

use crate::support::{CLASSIFIER, KEY, NOW, World, scored, three_rows};

#[tokio::test]
async fn killed_after_any_call_it_comes_to_the_same() {
    for all_known in [false, true] {
        let mut reference = World::new();
        let event = reference.upload(KEY, three_rows());
        reference.take(&event).await;
        let known: Vec<_> =
            reference.contents().await.iter().map(|content| scored(content.content)).collect();
        if all_known {
            reference = World::new();
            reference.fakes.store.keep(CLASSIFIER, &known, NOW).await.unwrap();
            let event = reference.upload(KEY, three_rows());
            reference.take(&event).await;
        }
        let (expected, calls) = (reference.outcome().await, reference.calls.made());
        assert!(calls >= 10, "{calls}");
        let mut lost = 0;
        for position in 1..=calls {
            let mut world = World::with(position);
            if all_known {
                world.fakes.store.keep(CLASSIFIER, &known, NOW).await.unwrap();
            }
            let event = world.upload(KEY, three_rows());
            assert_eq!(world.deliver(&event, 1).await, None, "call {position} is the last");
            world.take(&event).await;
            assert_eq!(world.outcome().await, expected, "killed after call {position}");
            assert_eq!(world.failures(), []);
            let (to_classify, to_judge) = world.sent();
            let (sent, other) = if all_known { (to_judge, to_classify) } else { (to_classify, to_judge) };
            assert!(sent.len() <= 1 && other.is_empty(), "killed after call {position}: {sent:?}");
            if sent.is_empty() {
                // The sweep sends it: the record says when.
                assert!(expected.campaign.due_at.is_some());
                lost += 1;
            }
        }
        assert_eq!(lost, 1, "only between record and message");
    }
}

#[tokio::test]
async fn killed_after_any_call_a_failure_is_told_all_the_same() {
    let file = "id,channel,to,text\n1,sms,0151,Hello\n";
    let mut reference = World::new();
    let event = reference.upload(KEY, file);
    reference.settle(&event).await;
    for position in 1..=reference.calls.made() {
        let mut world = World::with(position);
        let event = world.upload(KEY, file);
        assert_eq!(world.deliver(&event, 1).await, None, "call {position} is the last");
        world.settle(&event).await;
        assert_eq!(world.outcome().await, reference.outcome().await, "killed after call {position}");
        assert_eq!(world.record().await.state, State::Failed);
        let told = world.failures();
        assert!((1..=2).contains(&told.len()), "killed after call {position}: {told:?}");
        assert!(told.iter().all(|failure| *failure == reference.failures()[0]));
    }
}
