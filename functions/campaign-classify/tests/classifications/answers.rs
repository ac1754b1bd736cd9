//! What a job answered is joined with the contents that it is about.

use std::collections::BTreeMap;

use eventide_types::campaign::ContentId;
use eventide_types::campaign::record::State;
use eventide_types::campaign::verdict::{Mode, Scored};
use serde_json::json;

use crate::support::{CLASSIFIER, WORK, World, answer, archive, asked, contents, id, model, part};

/// Delivers these answers of the upload's job.
async fn answered(contents: &[(ContentId, Vec<String>)], lines: &[String]) -> World {
    let world = World::new(contents).await;
    let job = world.started().await;
    let event = world.answered(&job, archive(lines));
    world.take(&event).await;
    assert_eq!(world.record().await.state, State::Judging);
    assert_eq!(world.to_judge(), 1);
    world
}

#[tokio::test]
async fn answers_of_both_kinds_of_model_become_scores() {
    let texts = contents(&["A table", "The casino", "A lamp"]);
    for mode in [Mode::MultiClass, Mode::MultiLabel] {
        let parts = [
            part(mode, &[("compliant", 0.75), ("gambling", 0.25)]),
            part(mode, &[("gambling", 0.5)]),
            part(mode, &[]),
        ];
        let lines: Vec<String> = (0..).zip(&parts).map(|(line, part)| answer(line, part)).collect();
        let world = answered(&texts, &lines).await;
        let expected: BTreeMap<_, _> =
            (1..).zip(&parts).map(|(number, part)| (id(number), vec![part.clone()])).collect();
        assert_eq!(world.scores(), expected);
        // Kept for other campaigns, under this version of the classifier.
        let kept: BTreeMap<_, _> = world
            .fakes
            .store
            .all_scores()
            .into_iter()
            .map(|(classifier, Scored { content, parts })| {
                assert_eq!(classifier, CLASSIFIER);
                (content, parts)
            })
            .collect();
        assert_eq!(kept, expected);
        // A repeat of the event changes nothing.
        let job = world.record().await.job_id.unwrap();
        let again = world.answered(&job, archive(&[]));
        world.take(&again).await;
        assert_eq!((world.scores(), world.to_judge()), (expected, 1));
    }
}

#[tokio::test]
async fn answers_may_come_in_any_order_be_missing_be_errors_or_come_twice() {
    let texts = contents(&["A table", "The casino", "A lamp", "A chair", "A door"]);
    let error =
        json!({"File": "input.txt", "Line": "2", "ErrorCode": "INTERNAL_SERVER_ERROR", "ErrorMessage": "x"});
    let lines = [
        answer(4, &model("A door")),
        error.to_string() + "\n",
        "\n".to_owned(),
        answer(0, &model("A table")),
        answer(99, &model("nothing of ours")),
        answer(1, &model("The casino")),
        // The first answer counts.
        answer(1, &model("A table")),
    ];
    let world = answered(&texts, &lines).await;
    let expected = BTreeMap::from([
        (id(1), vec![model("A table")]),
        (id(2), vec![model("The casino")]),
        (id(5), vec![model("A door")]),
    ]);
    assert_eq!(world.scores(), expected, "contents 3 and 4 have no score, so that they are held");
    assert_eq!(world.fakes.store.all_scores().len(), 3);
}

#[tokio::test]
async fn a_content_of_several_documents_needs_all_of_them() {
    let long =
        |number: u8| (id(number), vec!["A table".to_owned(), "The casino".to_owned(), "A lamp".to_owned()]);
    let texts = [long(1), (id(2), vec!["A chair".to_owned()]), long(3), long(4)];
    let mut lines: Vec<String> = Vec::new();
    for line in [9, 2, 0, 1, 3, 4, 6, 7, 8] {
        let text = ["A table", "The casino", "A lamp"][if line < 3 { line } else { (line + 2) % 3 }];
        lines.push(answer(line, &model(if line == 3 { "A chair" } else { text })));
    }
    // Line 5, of content 3, is missing; of content 4 all are there.
    let world = answered(&texts, &lines).await;
    let whole = vec![model("A table"), model("The casino"), model("A lamp")];
    let expected = BTreeMap::from([(id(1), whole.clone()), (id(2), vec![model("A chair")]), (id(4), whole)]);
    assert_eq!(world.scores(), expected);
}

#[tokio::test]
async fn more_answers_than_are_kept_at_a_time_come_through_in_any_chunks() {
    let content =
        |number: u32| (ContentId(u128::from(number).to_be_bytes()), vec![format!("Offer {number}")]);
    let contents: Vec<_> = (0..350).map(content).collect();
    let lines: Vec<String> = (0..350).map(|line| answer(line, &model("A table"))).collect();
    for chunk in [1, 1_000, 1_000_000] {
        let world = World::new(&contents).await;
        let job = world.started().await;
        world.fakes.work.in_chunks_of(chunk);
        let event = world.answered(&job, archive(&lines));
        world.take(&event).await;
        assert_eq!(world.scores().len(), 350);
        assert_eq!(world.fakes.store.all_scores().len(), 350);
    }
}

#[tokio::test]
async fn answers_of_another_job_and_other_objects_are_left_alone() {
    let world = World::new(&contents(&["A table"])).await;
    world.started().await;
    let other = world.answered("ffffffffffffffffffffffffffffffff", archive(&[answer(0, &model("A table"))]));
    world.take(&other).await;
    for key in [WORK.documents(), "work/spring/output/output.tar.gz".to_owned(), "elsewhere".to_owned()] {
        let event = json!({"detail": {"bucket": {"name": "work"}, "object": {"key": key, "size": 1}}});
        world.take(&event).await;
    }
    assert_eq!(world.record().await.state, State::Classifying);
    assert_eq!((world.scores().len(), world.to_judge()), (0, 0));
}

#[tokio::test]
async fn answers_may_come_before_the_job_is_written_down() {
    let world = World::new(&contents(&["A table"])).await;
    let event = world.answered("00000000000000000000000000000001", archive(&[answer(0, &model("A table"))]));
    world.take(&event).await;
    assert_eq!(world.record().await.state, State::Judging);
    world.take(&asked(0)).await;
    assert!(world.fakes.classifier.started().is_empty(), "it is classified already");
}

#[tokio::test]
async fn an_archive_that_cannot_be_read_fails_the_campaign() {
    let whole = archive(&[answer(0, &model("A table"))]);
    for broken in [
        b"Ann".to_vec(),
        whole[..whole.len() / 2].to_vec(),
        archive(&["Ann\n".to_owned()]),
        archive(&["{}\n".to_owned()]),
    ] {
        let world = World::new(&contents(&["A table"])).await;
        let job = world.started().await;
        let event = world.answered(&job, broken);
        assert_eq!(world.deliver(&event, 1).await, Some(false));
        let record = world.record().await;
        assert_eq!((record.state, record.due_at), (State::Failed, None));
        let failures = world.failures();
        assert_eq!((failures.len(), &failures[0].1), (1, &record.reason.unwrap()));
        assert_eq!(world.fakes.dead_letters.sent().len(), 1);
        assert_eq!((world.scores().len(), world.to_judge()), (0, 0), "nothing of it is judged");
        assert!(world.fakes.work.uploads().is_empty());
    }
}

#[tokio::test]
async fn an_archive_that_is_not_there_yet_is_tried_again() {
    let world = World::new(&contents(&["A table"])).await;
    let job = world.started().await;
    let event = world.answered(&job, archive(&[answer(0, &model("A table"))]));
    let key = event["detail"]["object"]["key"].as_str().unwrap().to_owned();
    let body = world.fakes.work.body(&key).unwrap();
    world.fakes.work.delete(&key);
    assert_eq!(world.deliver(&event, 1).await, Some(true));
    assert_eq!(world.failures(), []);
    world.fakes.work.add(&key, body);
    world.take(&event).await;
    assert_eq!(world.scores().len(), 1);
}
