//! `BatchUpdateFindingsV2` and `GetFindingsV2`: findings in OCSF.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use time::OffsetDateTime;

use super::Context;
use super::attributes::Kind;
use super::check::{self, Checked, Object};
use super::filter::{self, Asker, Condition};
use super::ocsf;
use super::outbox::{self, Subject};
use super::page::page;
use super::query::{sort, sort_criteria};
use super::refusal::Outcome;
use super::settings::Injections;
use super::store::{FindingKey, Region};

/// Which finding an item of a request means, and how the answer names it.
struct Wanted {
    named: (&'static str, Value),
    key: Option<FindingKey>,
}

pub(super) fn batch_update(
    cx: &Context<'_>,
    injections: &mut Injections,
    region: &mut Region,
    input: &Object,
    events: &mut Vec<Subject>,
) -> Outcome<Value> {
    let wanted = wanted(region, input)?;
    check::text(input, "Comment", 512)?;
    one_of(input, "SeverityId", &[0, 1, 2, 3, 4, 5, 6, 99])?;
    one_of(input, "StatusId", &[0, 1, 2, 3, 4, 5, 99])?;
    if ["Comment", "SeverityId", "StatusId"].iter().all(|key| check::member(input, key).is_none()) {
        return Err("invalid parameter: one of Comment, SeverityId and StatusId is required"
            .to_owned()
            .into());
    }
    let (mut processed, mut unprocessed) = (Vec::new(), Vec::new());
    let mut seen = BTreeSet::new();
    for Wanted { named: (name, value), key } in wanted {
        let failure = match &key {
            None => Some(("ResourceNotFoundException".to_owned(), "the finding does not exist".to_owned())),
            Some(key) if !seen.insert(key.clone()) => Some((
                "ValidationException".to_owned(),
                "the finding is named twice in the request".to_owned(),
            )),
            Some(key) => injections.hit(&key.id),
        };
        let mut item = json!({ name: value });
        if let (Some((code, message)), Some(fields)) = (&failure, item.as_object_mut()) {
            fields.insert("ErrorCode".into(), code.as_str().into());
            fields.insert("ErrorMessage".into(), message.as_str().into());
            unprocessed.push(item);
            continue;
        }
        if let Some(finding) = key.and_then(|key| region.findings.get_mut(&key)) {
            ocsf::set(&mut finding.ocsf, input);
            events.push(outbox::imported_v2(&finding.ocsf.uid, &ocsf::finding(&finding.ocsf, cx.region)));
        }
        processed.push(item);
    }
    Ok(json!({ "ProcessedFindings": processed, "UnprocessedFindings": unprocessed }))
}

fn wanted(region: &Region, input: &Object) -> Checked<Vec<Wanted>> {
    let uids = check::list(input, "MetadataUids", 1..=100)?;
    let identifiers = check::list(input, "FindingIdentifiers", 1..=100)?;
    let find = |matches: &dyn Fn(&FindingKey, &super::store::Finding) -> bool| {
        region.findings.iter().find(|(key, finding)| matches(key, finding)).map(|(key, _)| key.clone())
    };
    match (uids, identifiers) {
        (Some(uids), None) => uids
            .iter()
            .map(|uid| {
                let uid = check::a_text(uid, "MetadataUids", 2048)?;
                let key = find(&|_, finding| finding.ocsf.uid == uid);
                Ok(Wanted { named: ("MetadataUid", json!(uid)), key })
            })
            .collect(),
        (None, Some(identifiers)) => identifiers
            .iter()
            .map(|identifier| {
                let given = check::object(identifier, "FindingIdentifiers")?;
                let account = check::required_text(given, "CloudAccountUid", 2048)?;
                let uid = check::required_text(given, "FindingInfoUid", 2048)?;
                let product = check::required_text(given, "MetadataProductUid", 2048)?;
                let key = find(&|key, finding| {
                    key.id == uid
                        && ocsf::product_uid(&key.product_arn) == product
                        && finding.asff.get("AwsAccountId").and_then(Value::as_str) == Some(account)
                });
                Ok(Wanted { named: ("FindingIdentifier", identifier.clone()), key })
            })
            .collect(),
        _ => Err("invalid parameter: either MetadataUids or FindingIdentifiers is required".into()),
    }
}

fn one_of(input: &Object, key: &str, allowed: &[i64]) -> Checked<()> {
    match check::integer(input, key, 0..=99)? {
        Some(id) if !allowed.contains(&id) => {
            Err(format!("invalid parameter `{key}`: `{id}` is none of {allowed:?}"))
        }
        _ => Ok(()),
    }
}

pub(super) fn get_findings(
    cx: &Context<'_>,
    region: &Region,
    input: &Object,
    page_size: usize,
) -> Outcome<Value> {
    let filters = match check::structure(input, "Filters")? {
        Some(filters) => Composite::parse(filters, "CompositeFilters", "CompositeOperator")?,
        None => Composite::default(),
    };
    let order = sort_criteria(input)?;
    let mut found: Vec<Value> = region
        .findings
        .values()
        .map(|finding| ocsf::finding(&finding.ocsf, cx.region))
        .filter(|finding| filters.holds(finding, cx.now))
        .collect();
    sort(&mut found, &order);
    Ok(page("Findings", found, input, page_size)?)
}

/// Conditions joined by AND or OR, nested.
#[derive(Debug, Default)]
struct Composite {
    any: bool,
    conditions: Vec<Condition>,
    nested: Vec<Composite>,
}

impl Composite {
    fn parse(given: &Object, nested: &str, operator: &str) -> Checked<Self> {
        let any = check::word(given, operator, &["AND", "OR"])? == Some("OR");
        let nested = check::list(given, nested, 0..=10)?
            .unwrap_or_default()
            .iter()
            .map(|item| {
                Self::parse(check::object(item, "CompositeFilters")?, "NestedCompositeFilters", "Operator")
            })
            .collect::<Checked<Vec<_>>>()?;
        let mut conditions: Vec<Condition> = Vec::new();
        for (list, kind) in [
            ("StringFilters", Kind::Text),
            ("DateFilters", Kind::Date),
            ("BooleanFilters", Kind::Flag),
            ("NumberFilters", Kind::Number),
            ("MapFilters", Kind::Map),
            ("IpFilters", Kind::Ip),
        ] {
            for item in check::list(given, list, 0..=20)?.unwrap_or_default() {
                let item = check::object(item, list)?;
                let path = check::required_text(item, "FieldName", 256)?;
                let filter = check::member(item, "Filter").ok_or_else(|| check::missing("Filter"))?;
                let test = filter::test(filter, kind, path, Asker::GetFindingsV2)?;
                match conditions.iter_mut().find(|condition| condition.path == path) {
                    Some(condition) => condition.tests.push(test),
                    None => conditions.push(Condition { path: path.to_owned(), tests: vec![test] }),
                }
            }
        }
        for condition in &conditions {
            filter::agree(&condition.tests, &condition.path)?;
        }
        Ok(Self { any, conditions, nested })
    }

    fn holds(&self, finding: &Value, now: OffsetDateTime) -> bool {
        let mut verdicts = self
            .conditions
            .iter()
            .map(|condition| condition.holds(finding, now))
            .chain(self.nested.iter().map(|nested| nested.holds(finding, now)))
            .peekable();
        if self.any && verdicts.peek().is_some() {
            verdicts.any(|holds| holds)
        } else {
            verdicts.all(|holds| holds)
        }
    }
}
