//! Which contents are classified.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use eventide_clients::campaigns::{Operation, Scores as _};
use eventide_types::campaign::ContentId;
use eventide_types::campaign::record::State;
use eventide_types::campaign::verdict::{Reason, Verdict};
use serde_json::json;

use crate::support::{CLASSIFIER, KEY, LAMP, NOW, TABLE, World, scored, three_rows};

/// The contents of a file, as a first campaign would find them.
async fn ids(file: &str) -> Vec<ContentId> {
    let mut world = World::new();
    let event = world.upload(KEY, file.to_owned());
    world.take(&event).await;
    world.contents().await.iter().map(|content| content.content).collect()
}

#[tokio::test]
async fn what_an_earlier_campaign_had_classified_is_known() {
    let ids = ids(&three_rows()).await;
    let mut world = World::new();
    world.fakes.store.keep(CLASSIFIER, &[scored(ids[0])], NOW).await.unwrap();
    // Another version of the classifier is another word.
    world.fakes.store.keep("classifier-v0", &[scored(ids[1])], NOW).await.unwrap();
    let event = world.upload(KEY, three_rows());
    world.take(&event).await;
    let counts = world.record().await.counts;
    assert_eq!((counts.contents, counts.known, counts.documents), (2, 1, 1));
    assert_eq!(world.documents().await, [LAMP]);
    assert_eq!(
        world.work("scores-known.jsonl").await,
        serde_json::to_string(&scored(ids[0])).unwrap() + "\n"
    );
}

#[tokio::test]
async fn a_campaign_of_known_contents_is_judged_at_once() {
    let ids = ids(&three_rows()).await;
    let mut world = World::new();
    world.fakes.store.keep(CLASSIFIER, &[scored(ids[0]), scored(ids[1])], NOW).await.unwrap();
    let event = world.upload(KEY, three_rows());
    world.take(&event).await;
    let record = world.record().await;
    assert_eq!(record.state, State::Judging);
    assert!(record.due_at.is_some());
    assert_eq!(world.sent(), (vec![], vec![json!({"campaign": "spring", "upload": record.upload})]));
}

#[tokio::test]
async fn a_text_in_another_language_is_held_and_not_classified() {
    let german = "Besuchen Sie unseren Laden am Fluss und sehen Sie sich die neuen Tische und Lampen aus Eichenholz an";
    let file =
        format!("id,channel,to,text\n1,sms,+4915112345678,{german}\n2,sms,+4915112345679,\"{LAMP}\"\n");
    let mut world = World::new();
    let event = world.upload(KEY, file);
    world.take(&event).await;
    let contents = world.contents().await;
    let judged = contents[0].judged.clone().unwrap();
    assert_eq!((judged.verdict, judged.reason), (Verdict::Held, Reason::WrongLanguage));
    assert!(contents[1].judged.is_none());
    assert_eq!(world.documents().await, [LAMP]);
    assert_eq!(world.record().await.counts.documents, 1);
}

#[tokio::test]
async fn many_contents_are_looked_up_a_hundred_at_a_time_and_each_is_one_document() {
    let mut file = "id,channel,to,subject,text\n".to_owned();
    for row in 0..750 {
        writeln!(file, "{row},email,a{row}@example.com,Offer {},\"{TABLE}\"", row % 250).unwrap();
    }
    let mut world = World::new();
    let event = world.upload(KEY, file);
    world.take(&event).await;
    let counts = world.record().await.counts;
    assert_eq!((counts.rows, counts.contents, counts.documents), (750, 250, 250));
    assert_eq!(world.fakes.store.calls(Operation::Scores), 3);
    let documents = world.documents().await;
    assert_eq!(documents.len(), 250);
    assert_eq!(documents.iter().collect::<BTreeSet<_>>().len(), 250, "each once");
}

#[tokio::test]
async fn a_long_content_is_several_documents_of_one_id() {
    let sentence = format!("{TABLE}. ");
    let html = format!("<p>{}</p>", sentence.repeat(300));
    let mut world = World::new();
    let event = world.upload(KEY, format!("id,channel,to,subject,html\n1,email,a@example.com,News,{html}\n"));
    world.take(&event).await;
    let contents = world.contents().await;
    let parts = usize::try_from(contents[0].parts).unwrap();
    assert!(contents.len() == 1 && parts >= 3, "{parts}");
    let documents = world.documents().await;
    assert_eq!(documents.len(), parts);
    assert!(documents.iter().all(|document| document.len() <= 9_500 && document.ends_with('.')));
    let ids = world.work("document-ids.txt").await;
    assert_eq!(ids, format!("{}\n", contents[0].content).repeat(parts));
    assert_eq!(world.record().await.counts.documents, parts as u64);
}

#[tokio::test]
async fn free_text_in_a_variable_is_screened_and_a_name_is_not() {
    let mut world = World::new();
    world.fakes.campaigns.add(
        "campaigns/spring.campaign.json",
        r#"{"channel": "sms", "variables": {"first": {"type": "name"}}}"#,
    );
    let file = format!(
        "id,to,text,var.first,var.offer\n1,+4915112345678,\"Dear {{{{first}}}}, {{{{offer}}}}. {TABLE}\",Ann,come in\n\
         2,+4915112345679,\"Dear {{{{first}}}}, {{{{offer}}}}. {TABLE}\",Bob,come in\n\
         3,+4915112345670,\"Dear {{{{first}}}}, {{{{offer}}}}. {TABLE}\",Bob,win at our casino\n"
    );
    let event = world.upload(KEY, file);
    world.take(&event).await;
    let documents = world.documents().await;
    assert_eq!(documents.len(), 2, "{documents:?}");
    assert!(documents[1].contains("win at our casino"));
    assert!(documents.iter().all(|document| !document.contains("Bob") && !document.contains("Ann")));
}
