//! `ListInvestigations` and `ListIndicators`.

use serde_json::{Value, json};
use time::OffsetDateTime;

use super::indicator::KINDS;
use super::investigation::{Investigation, STATES, STATUSES};
use super::page::Cut;
use super::scenario::Severity;
use super::validate::{self, invalid};
use super::{Answer, Detective, put};
use crate::service::{Call, Reply};

/// `FilterCriteria`; the filters given must all hold.
#[derive(Debug, Default)]
struct Filter<'a> {
    severity: Option<&'a str>,
    status: Option<&'a str>,
    state: Option<&'a str>,
    entity_arn: Option<&'a str>,
    created: Option<(OffsetDateTime, OffsetDateTime)>,
}

impl<'a> Filter<'a> {
    fn read(body: &'a Value) -> Result<Self, Reply> {
        let Some(criteria) = validate::object(body, "FilterCriteria")? else {
            return Ok(Self::default());
        };
        let created = match validate::object(criteria, "CreatedTime")? {
            None => None,
            Some(range) => {
                let start = validate::timestamp(range, "StartInclusive")?;
                Some((start, validate::timestamp(range, "EndInclusive")?))
            }
        };
        Ok(Self {
            severity: value(criteria, "Severity", Some(Severity::ALL))?,
            status: value(criteria, "Status", Some(STATUSES))?,
            state: value(criteria, "State", Some(STATES))?,
            entity_arn: value(criteria, "EntityArn", None)?,
            created,
        })
    }

    fn passes(&self, investigation: &Investigation, now: OffsetDateTime) -> bool {
        let severity = investigation.severity(now).map(Severity::as_str);
        self.severity.is_none_or(|wanted| severity == Some(wanted))
            && self.status.is_none_or(|wanted| investigation.status(now) == wanted)
            && self.state.is_none_or(|wanted| investigation.state() == wanted)
            && self.entity_arn.is_none_or(|wanted| investigation.entity_arn == wanted)
            && self.created.is_none_or(|(start, end)| (start..=end).contains(&investigation.created))
    }
}

/// The `Value` (1 to 500 characters) of one string filter.
fn value<'a>(criteria: &'a Value, name: &str, allowed: Option<&[&str]>) -> Result<Option<&'a str>, Reply> {
    let Some(filter) = validate::object(criteria, name)? else {
        return Ok(None);
    };
    let found = validate::sized(filter, "Value", 500)?
        .ok_or_else(|| invalid(&format!("the filter `{name}` needs a `Value`")))?;
    match allowed {
        Some(allowed) if !allowed.contains(&found) => {
            Err(invalid(&format!("the filter `{name}` must be one of {}, not `{found}`", allowed.join(", "))))
        }
        _ => Ok(Some(found)),
    }
}

/// Sorts in place as `SortCriteria` asks: newest first without it.
fn sort(body: &Value, found: &mut [&Investigation], now: OffsetDateTime) -> Result<(), Reply> {
    let criteria = validate::object(body, "SortCriteria")?.unwrap_or(&Value::Null);
    let field = validate::one_of(criteria, "Field", &["SEVERITY", "STATUS", "CREATED_TIME"])?;
    let order = validate::one_of(criteria, "SortOrder", &["ASC", "DESC"])?;
    match field {
        Some("SEVERITY") => found.sort_by_key(|investigation| investigation.severity(now)),
        Some("STATUS") => found.sort_by_key(|investigation| investigation.status(now)),
        _ => found.sort_by_key(|investigation| investigation.created),
    }
    if order != Some("ASC") {
        found.reverse();
    }
    Ok(())
}

/// The arguments that a page token is bound to: all but those of the page itself.
fn question(operation: &str, body: &Value) -> String {
    let mut arguments = body.clone();
    if let Some(arguments) = arguments.as_object_mut() {
        arguments.remove("NextToken");
        arguments.remove("MaxResults");
    }
    format!("{operation} {arguments}")
}

impl Detective {
    pub(super) fn list_investigations(&self, call: &Call, body: &Value) -> Answer {
        let state = self.state();
        let now = self.clock.now();
        let graph = state.known_graph(call, body)?;
        let filter = Filter::read(body)?;
        let mut found: Vec<&Investigation> = state
            .investigations
            .iter()
            .filter(|investigation| investigation.graph_arn == graph && filter.passes(investigation, now))
            .collect();
        sort(body, &mut found, now)?;
        let cut = Cut {
            question: &question("ListInvestigations", body),
            token: validate::sized(body, "NextToken", 2048)?,
            max_results: validate::max_results(body, 100)?,
            page_size: state.settings.page_size,
            now,
        };
        let (found, next) = cut.page(found)?;
        let details: Vec<Value> = found.into_iter().map(|investigation| investigation.summary(now)).collect();
        let mut answer = json!({ "InvestigationDetails": details });
        put(&mut answer, "NextToken", next);
        Ok(answer)
    }

    pub(super) fn list_indicators(&self, call: &Call, body: &Value) -> Answer {
        let state = self.state();
        let now = self.clock.now();
        let investigation = state.investigation(call, body)?;
        let wanted = validate::one_of(body, "IndicatorType", KINDS)?;
        let done = investigation.status(now) == "SUCCESSFUL";
        let indicators: Vec<Value> = investigation
            .scenario
            .indicators
            .iter()
            .filter(|_| done)
            .map(|indicator| json!(indicator))
            .filter(|indicator| {
                wanted.is_none_or(|wanted| indicator.get("IndicatorType") == Some(&json!(wanted)))
            })
            .collect();
        let cut = Cut {
            question: &question("ListIndicators", body),
            token: validate::sized(body, "NextToken", 2048)?,
            max_results: validate::max_results(body, 100)?,
            page_size: state.settings.page_size,
            now,
        };
        let (indicators, next) = cut.page(indicators)?;
        let mut answer = json!({
            "GraphArn": investigation.graph_arn,
            "InvestigationId": investigation.id,
            "Indicators": indicators,
        });
        put(&mut answer, "NextToken", next);
        Ok(answer)
    }
}
