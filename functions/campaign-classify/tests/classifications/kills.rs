//! The function is killed after each of its calls. Its messages come again, and the schedule does.

use std::time::Duration;

use eventide_clients::comprehend::State as JobState;
use eventide_types::campaign::ContentId;
use eventide_types::campaign::record::State;
use serde_json::Value;

use crate::at_once::endpoint;
use crate::support::{ENDPOINT, Outcome, UPLOAD, World, answer, archive, asked, contents, model};

/// Which way a campaign goes.
#[derive(Clone, Copy, Debug)]
enum Way {
    Event,
    Sweep,
    Failed,
    Endpoint,
}

fn texts() -> Vec<(ContentId, Vec<String>)> {
    contents(&["A table", "The casino", "A lamp"])
}

/// A message until it is done with, and what the function sent to itself.
async fn deliver(world: &World, message: Value) {
    let mut queue = vec![message];
    while let Some(message) = queue.pop() {
        while world.deliver(&message, 1).await != Some(false) {}
        let sent = world.fakes.classify_queue.take();
        queue.extend(sent.iter().map(|message| serde_json::from_str(&message.body).unwrap()));
    }
}

async fn goes(way: Way, last: usize) -> World {
    let mut world = World::with(&texts(), last).await;
    if let Way::Endpoint = way {
        world.settings.endpoint = Some(ENDPOINT.to_owned());
        world.fakes.classifier.set_endpoint(ENDPOINT, endpoint(1));
    }
    deliver(&world, asked(0)).await;
    if let Some(job) = world.record().await.job_id {
        let lines: Vec<String> =
            (0..).zip(texts()).map(|(line, (_, texts))| answer(line, &model(&texts[0]))).collect();
        let event = world.answered(&job, archive(&lines));
        match way {
            Way::Event => deliver(&world, event).await,
            Way::Failed => world.fakes.classifier.end(&job, JobState::Failed, Some("INTERNAL_ERROR")),
            Way::Sweep | Way::Endpoint => world.fakes.classifier.end(&job, JobState::Completed, None),
        }
    }
    for _ in 0..20 {
        if world.record().await.state == State::Failed || world.to_judge() > 0 {
            break;
        }
        world.clock.advance(Duration::from_secs(300));
        world.sweep_if_alive().await;
        let sent = world.fakes.classify_queue.take();
        for message in sent {
            deliver(&world, serde_json::from_str(&message.body).unwrap()).await;
        }
    }
    world
}

#[tokio::test]
async fn killed_after_any_call_it_comes_to_the_same() {
    for way in [Way::Event, Way::Sweep, Way::Failed, Way::Endpoint] {
        let reference = goes(way, 0).await;
        let (expected, calls): (Outcome, usize) = (reference.outcome().await, reference.calls.made());
        for position in 1..=calls {
            let world = goes(way, position).await;
            let about = format!("{way:?}, killed after call {position}");
            assert_eq!(world.outcome().await, expected, "{about}");
            assert_eq!(world.fakes.dead_letters.reasons(), [""; 0], "{about}");
            let tokens: Vec<String> =
                world.fakes.classifier.started().into_iter().map(|job| job.client_token).collect();
            assert!(tokens.iter().all(|token| *token == format!("eventide-{UPLOAD}")), "{about}: one job");
            match way {
                Way::Failed => {
                    let told = world.failures();
                    assert!((1..=2).contains(&told.len()), "{about}: {told:?}");
                    assert_eq!(world.to_judge(), 0, "{about}");
                }
                _ => {
                    assert_eq!(world.failures(), [], "{about}");
                    assert_eq!((world.to_judge(), world.scores().len()), (1, 3), "{about}");
                }
            }
            let asked = world.fakes.classifier.classified().len();
            // What was under way is asked for again, nothing else.
            assert!(asked <= reference.fakes.classifier.classified().len() + 2, "{about}: {asked}");
        }
        println!("{way:?}: {calls} kills");
    }
}
