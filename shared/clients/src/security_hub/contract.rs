//! What every [`SecurityHub`] does, checked against the fake and against the local cloud.

use std::collections::BTreeMap;

use eventide_kit::error::{Class, Error};

use super::{Current, FindingId, Note, OcsfId, SecurityHub, Update};

/// What must be in place before the contract is checked.
#[derive(Clone, Debug)]
pub struct Given {
    /// More than 100 active, new findings without notes and fields, at least two of them with the same `Id` and
    /// different `ProductArn`s.
    pub findings: Vec<FindingId>,
    /// An OCSF finding.
    pub ocsf: OcsfId,
}

/// Checks all of it.
///
/// # Errors
/// Whatever an operation that should succeed fails with.
///
/// # Panics
/// If the implementation breaks the contract.
pub async fn check<H: SecurityHub>(hub: &H, given: &Given) -> Result<(), Error> {
    assert!(given.findings.len() > 100, "too few findings to need more than one call");
    assert_eq!(hub.current(&[]).await?.found, []);
    shows_findings_as_they_stand(hub, given).await?;
    updates_only_what_it_is_given(hub, given).await?;
    reports_what_it_cannot_update(hub, given).await?;
    comments(hub, &given.ocsf).await
}

fn missing(of: &FindingId) -> FindingId {
    FindingId { id: format!("{}-missing", of.id), ..of.clone() }
}

async fn one<H: SecurityHub>(hub: &H, id: &FindingId) -> Result<Current, Error> {
    let mut found = hub.current(std::slice::from_ref(id)).await?.found;
    assert_eq!(found.len(), 1, "exactly the finding asked for");
    found.pop().ok_or_else(|| Error::permanent("Missing", "the finding should be there"))
}

async fn shows_findings_as_they_stand<H: SecurityHub>(hub: &H, given: &Given) -> Result<(), Error> {
    let mut asked = given.findings.clone();
    asked.extend(given.findings.first().cloned());
    asked.extend(given.findings.first().map(missing));
    let mut expected = given.findings.clone();
    expected.sort_unstable();
    let blank = given.findings.first().map(|id| FindingId { id: " ".to_owned(), ..id.clone() });
    for bad in [None, blank] {
        asked.extend(bad.clone());
        let read = hub.current(&asked).await?;
        let mut found: Vec<_> = read.found.into_iter().map(|finding| finding.id).collect();
        found.sort_unstable();
        assert_eq!(found, expected, "each once, without those that do not exist");
        let refused: Vec<_> = read.refused.iter().map(|refused| &refused.id).collect();
        assert_eq!(refused, bad.iter().collect::<Vec<_>>(), "only the bad one is refused");
        assert!(read.refused.iter().all(|refused| refused.error.class() == Class::Permanent));
    }

    for id in &given.findings {
        let same_id = given.findings.iter().any(|other| other.id == id.id && other != id);
        if same_id {
            let finding = one(hub, id).await?;
            assert_eq!((finding.note, finding.user_defined_fields), (None, BTreeMap::new()));
            return Ok(());
        }
    }
    Err(Error::permanent("BadFixture", "no two findings share an id"))
}

async fn updates_only_what_it_is_given<H: SecurityHub>(hub: &H, given: &Given) -> Result<(), Error> {
    let fields = |pairs: &[(&str, &str)]| -> BTreeMap<String, String> {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    };
    let everything = Update { note: Some("first".to_owned()), fields: fields(&[("a", "1"), ("b", "2")]) };
    let mut twice = given.findings.clone();
    twice.extend(given.findings.first().cloned());
    assert!(hub.update(&twice, &everything, "eventide").await?.is_empty(), "all are updated");
    for finding in hub.current(&given.findings).await?.found {
        assert_eq!(finding.user_defined_fields, everything.fields);
        assert_eq!(finding.note, Some(Note { text: "first".to_owned(), updated_by: "eventide".to_owned() }));
    }

    let Some(id) = given.findings.first() else { return Ok(()) };
    let ids = std::slice::from_ref(id);
    let only_fields = Update { note: None, fields: fields(&[("a", "3"), ("b", "2"), ("c", "4")]) };
    assert!(hub.update(ids, &only_fields, "somebody").await?.is_empty());
    let after = one(hub, id).await?;
    assert_eq!(after.note.map(|note| note.updated_by).as_deref(), Some("eventide"), "the note is left alone");
    assert_eq!(after.user_defined_fields, only_fields.fields);

    let only_note = Update { note: Some("ü".repeat(512)), fields: BTreeMap::new() };
    assert!(hub.update(ids, &only_note, "somebody").await?.is_empty(), "512 characters are allowed");
    let after = one(hub, id).await?;
    assert_eq!(after.note.map(|note| note.text), only_note.note);
    assert_eq!(after.user_defined_fields, only_fields.fields, "the fields are left alone");

    assert!(hub.update(ids, &Update::default(), "somebody").await?.is_empty(), "nothing to do");
    assert!(hub.update(&[], &only_note, "somebody").await?.is_empty(), "nothing to do it to");
    Ok(())
}

async fn reports_what_it_cannot_update<H: SecurityHub>(hub: &H, given: &Given) -> Result<(), Error> {
    let Some(id) = given.findings.first() else { return Ok(()) };
    let update = Update { note: Some("second".to_owned()), fields: BTreeMap::new() };
    let unprocessed = hub.update(&[missing(id), id.clone()], &update, "eventide").await?;
    let [only] = unprocessed.as_slice() else {
        return Err(Error::permanent(
            "Unprocessed",
            format!("one should be unprocessed, not {unprocessed:?}"),
        ));
    };
    assert_eq!((&only.id, only.error.class()), (&missing(id), Class::Permanent));
    assert_eq!(only.error.error_type(), "FindingNotFound");
    assert_eq!(one(hub, id).await?.note.map(|note| note.text).as_deref(), Some("second"));

    let too_long = Update { note: Some("x".repeat(513)), fields: BTreeMap::new() };
    let unprocessed = hub.update(&given.findings, &too_long, "eventide").await?;
    assert_eq!(unprocessed.len(), given.findings.len(), "a note of 513 characters is refused");
    assert!(unprocessed.iter().all(|finding| finding.error.class() == Class::Permanent));
    Ok(())
}

async fn comments<H: SecurityHub>(hub: &H, id: &OcsfId) -> Result<(), Error> {
    hub.comment_v2(id, "first").await?;
    hub.comment_v2(id, &"ü".repeat(512)).await?;
    let unknown = OcsfId {
        metadata_uid: id.metadata_uid.as_ref().map(|uid| format!("{uid}-missing")),
        finding_uid: format!("{}-missing", id.finding_uid),
        ..id.clone()
    };
    for (id, comment, what) in [
        (&unknown, "text", "a finding that does not exist"),
        (id, "", "an empty comment"),
        (id, &"x".repeat(513), "a comment of 513 characters"),
    ] {
        let refused = hub.comment_v2(id, comment).await;
        assert!(refused.is_err_and(|error| error.class() == Class::Permanent), "{what}");
    }
    Ok(())
}
