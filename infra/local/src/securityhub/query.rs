//! `GetFindings` and `GetFindingHistory`.

use std::cmp::Ordering;

use serde_json::{Value, json};

use super::Context;
use super::attributes::attribute;
use super::check::{self, Checked, Object};
use super::filter;
use super::page::page;
use super::path;
use super::refusal::Outcome;
use super::store::Region;
use super::update::key;

pub(super) fn get_findings(
    cx: &Context<'_>,
    region: &Region,
    input: &Object,
    page_size: usize,
) -> Outcome<Value> {
    let conditions =
        check::structure(input, "Filters")?.map(filter::filters).transpose()?.unwrap_or_default();
    let order = sort_criteria(input)?;
    let mut found: Vec<Value> = region
        .findings
        .values()
        .map(|finding| Value::Object(finding.asff.clone()))
        .filter(|finding| conditions.iter().all(|condition| condition.holds(finding, cx.now)))
        .collect();
    sort(&mut found, &order);
    Ok(page("Findings", found, input, page_size)?)
}

pub(super) fn finding_history(
    cx: &Context<'_>,
    region: &Region,
    input: &Object,
    page_size: usize,
) -> Outcome<Value> {
    let identifier =
        check::structure(input, "FindingIdentifier")?.ok_or_else(|| check::missing("FindingIdentifier"))?;
    let key = key(identifier)?;
    let start = check::timestamp(input, "StartTime")?;
    let end = check::timestamp(input, "EndTime")?.unwrap_or(cx.now);
    let records = region
        .findings
        .get(&key)
        .into_iter()
        .flat_map(|finding| &finding.history)
        .filter(|change| start.is_none_or(|start| change.at >= start) && change.at <= end)
        .map(|change| change.to_json(&key.id, &key.product_arn))
        .collect();
    Ok(page("Records", records, input, page_size)?)
}

/// `SortCriteria`: dotted paths, most significant first, and whether each descends.
pub(super) fn sort_criteria(input: &Object) -> Checked<Vec<(String, bool)>> {
    let mut order = Vec::new();
    for criterion in check::list(input, "SortCriteria", 0..=10)?.unwrap_or_default() {
        let criterion = check::object(criterion, "SortCriteria")?;
        let field = check::required_text(criterion, "Field", 512)?;
        let descends = check::word(criterion, "SortOrder", &["asc", "desc"])? == Some("desc");
        let path = attribute(field).map_or(field, |(_, path)| path);
        order.push((path.to_owned(), descends));
    }
    Ok(order)
}

/// Sorts findings; those without a value come first.
pub(super) fn sort(findings: &mut [Value], order: &[(String, bool)]) {
    findings.sort_by(|left, right| {
        order
            .iter()
            .map(|(path, descends)| {
                let ordering = compare(path::values(left, path).first(), path::values(right, path).first());
                if *descends { ordering.reverse() } else { ordering }
            })
            .find(|ordering| ordering.is_ne())
            .unwrap_or(Ordering::Equal)
    });
}

fn compare(left: Option<&&Value>, right: Option<&&Value>) -> Ordering {
    match (left, right) {
        (Some(left), Some(right)) => match (left.as_f64(), right.as_f64()) {
            (Some(left), Some(right)) => left.total_cmp(&right),
            _ => text(left).cmp(&text(right)),
        },
        (left, right) => left.is_some().cmp(&right.is_some()),
    }
}

fn text(value: &Value) -> String {
    value.as_str().map_or_else(|| json!(value).to_string(), str::to_owned)
}
