//! Decisions of people become rows to train with.

use eventide_types::campaign::Channel;

use crate::support::World;

const HELD: &str = "held";

#[tokio::test]
async fn decisions_are_rows_of_label_and_text() {
    let world = World::new().await;
    world.contents(&[
        (1, "A \"fine\" offer, and more"),
        (2, "The casino"),
        (3, "Another, by label"),
        (4, "=HYPERLINK(\"x\")"),
        (5, "Not decided"),
        (6, "Rejected against a compliant label"),
        (7, "Rejected without any label"),
    ]);
    let approved = |content| (content, Channel::Email, "approved", "person_approved", Some("gambling"));
    let rejected = |content, category| (content, Channel::Email, "rejected", "person_rejected", category);
    world.verdicts(&[
        approved(1),
        approved(1),
        rejected(2, Some("gambling")),
        rejected(3, Some("gambling")),
        approved(4),
        (5, Channel::Email, HELD, "low_confidence", Some("compliant")),
        rejected(6, Some("fine")),
        rejected(7, None),
    ]);
    world.decided(1, true, None).await;
    world.decided(2, false, None).await;
    world.decided(3, false, Some("tobacco")).await;
    world.decided(4, true, Some("fine")).await;
    world.decided(6, false, None).await;
    world.decided(7, false, None).await;
    world.report().await;
    let expected = "compliant,\"A \"\"fine\"\" offer, and more\"\ngambling,The casino\ntobacco,\"Another, by label\"\n\
                    fine,\"=HYPERLINK(\"\"x\"\")\"\n";
    assert_eq!(world.text("training.csv"), expected);
}

#[tokio::test]
async fn without_decisions_there_is_no_such_file() {
    let world = World::new().await;
    world.contents(&[(1, "An offer")]);
    world.verdicts(&[(1, Channel::Email, HELD, "low_confidence", None)]);
    world.report().await;
    assert!(world.body("training.csv").is_none());
    assert!(world.body("report.html").is_some());
}
