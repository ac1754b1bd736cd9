//! Endpoints. Their status follows from the clock: nothing runs while one is created or updated.

use serde_json::{Map, Value, json};
use time::OffsetDateTime;

use super::clock::{later, timestamp};
use super::input::{CLASSIFIER, ENDPOINT, Input, NAME, ROLE, TOKEN};
use super::page::{Between, Cut, only_one};
use super::refusal::{Outcome, Refusal};
use super::settings::Settings;
use super::{Comprehend, Context, State, Token};

/// What an endpoint serves, and with how much.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Service {
    pub(super) model: String,
    pub(super) units: u32,
    pub(super) role: Option<String>,
}

/// An endpoint.
#[derive(Debug)]
pub(super) struct Endpoint {
    pub(super) arn: String,
    pub(super) region: String,
    pub(super) account: String,
    /// What it serves now; nothing while it is created.
    current: Option<Service>,
    /// What it is to serve from `due` on.
    desired: Service,
    due: OffsetDateTime,
    created: OffsetDateTime,
    modified: OffsetDateTime,
    allowance: Allowance,
    token: Option<Token>,
    /// Made by control, and kept by a reset.
    pub(super) starter: bool,
}

/// What may still be asked within the throughput. AWS says how much a unit does in a second, but not what
/// becomes of a document of more characters; here it is let through, and what follows waits until it is
/// worked off.
#[derive(Clone, Copy, Debug)]
struct Allowance {
    characters: f64,
    documents: f64,
    at: OffsetDateTime,
}

impl Allowance {
    fn full(units: u32, settings: &Settings, at: OffsetDateTime) -> Self {
        let units = f64::from(units);
        Self {
            characters: units * settings.unit_characters,
            // However slow an endpoint is, it takes a document at a time.
            documents: (units * settings.unit_documents).max(1.0),
            at,
        }
    }

    /// Takes a document of so many characters; whether there was room for it.
    fn take(&mut self, characters: usize, units: u32, settings: &Settings, now: OffsetDateTime) -> bool {
        let full = Self::full(units, settings, now);
        let worked = (now - self.at).as_seconds_f64().max(0.0) * f64::from(units);
        self.characters = (self.characters + worked * settings.unit_characters).min(full.characters);
        self.documents = (self.documents + worked * settings.unit_documents).min(full.documents);
        self.at = now;
        if self.characters <= 0.0 || self.documents < 1.0 {
            return false;
        }
        #[expect(clippy::cast_precision_loss, reason = "a number of characters")]
        let taken = characters as f64;
        self.characters -= taken;
        self.documents -= 1.0;
        true
    }
}

impl Endpoint {
    pub(super) fn new(
        cx: &Context,
        name: &str,
        service: Service,
        settings: &Settings,
        token: Option<Token>,
    ) -> Self {
        let (region, account) = (&cx.region, &cx.account);
        Self {
            arn: format!("arn:aws:comprehend:{region}:{account}:document-classifier-endpoint/{name}"),
            region: region.clone(),
            account: account.clone(),
            allowance: Allowance::full(service.units, settings, cx.now),
            current: None,
            desired: service,
            due: later(cx.now, settings.endpoint_seconds),
            created: cx.now,
            modified: cx.now,
            token,
            starter: false,
        }
    }

    /// Serves what was desired once that is due.
    pub(super) fn settle(&mut self, now: OffsetDateTime) {
        if now >= self.due && self.current.as_ref() != Some(&self.desired) {
            self.current = Some(self.desired.clone());
            self.modified = self.due;
        }
    }

    /// Is in service at once.
    pub(super) fn settle_now(&mut self, now: OffsetDateTime) {
        self.due = now;
        self.settle(now);
    }

    /// `EndpointStatus`
    fn status(&self) -> &'static str {
        match &self.current {
            None => "CREATING",
            Some(current) if *current == self.desired => "IN_SERVICE",
            Some(_) => "UPDATING",
        }
    }

    /// Whether it serves that model, or is to.
    pub(super) fn uses(&self, model: &str) -> bool {
        self.desired.model == model || self.current.as_ref().is_some_and(|current| current.model == model)
    }

    /// The model that answers a document of so many characters, if there is throughput for it.
    pub(super) fn ask(
        &mut self,
        characters: usize,
        settings: &Settings,
        now: OffsetDateTime,
    ) -> Outcome<String> {
        self.settle(now);
        let current = self.current.as_ref().ok_or_else(Refusal::unavailable)?;
        if settings.rates && !self.allowance.take(characters, current.units, settings, now) {
            return Err(Refusal::throttled());
        }
        Ok(current.model.clone())
    }

    /// `EndpointProperties`
    pub(super) fn described(&self) -> Value {
        let mut shown = Map::new();
        let mut put = |name: &str, value: Value| shown.insert(name.to_owned(), value);
        put("EndpointArn", json!(self.arn));
        put("Status", json!(self.status()));
        put("ModelArn", json!(self.current.as_ref().unwrap_or(&self.desired).model));
        put("DesiredModelArn", json!(self.desired.model));
        put("DesiredInferenceUnits", json!(self.desired.units));
        put("CreationTime", json!(timestamp(self.created)));
        put("LastModifiedTime", json!(timestamp(self.modified)));
        if let Some(current) = &self.current {
            put("CurrentInferenceUnits", json!(current.units));
        }
        if let Some(role) = self.current.as_ref().and_then(|current| current.role.as_ref()) {
            put("DataAccessRoleArn", json!(role));
        }
        if let Some(role) = &self.desired.role {
            put("DesiredDataAccessRoleArn", json!(role));
        }
        Value::Object(shown)
    }
}

impl State {
    /// An endpoint as it is now.
    pub(super) fn endpoint(&mut self, arn: &str, now: OffsetDateTime) -> Option<&mut Endpoint> {
        let found = self.endpoints.iter_mut().find(|known| known.arn == arn)?;
        found.settle(now);
        Some(found)
    }

    /// Refuses more inference units than an endpoint, or the account, may have. `but` is an endpoint whose
    /// units do not count.
    fn check_units(&self, cx: &Context, units: u32, but: Option<&str>) -> Outcome<()> {
        let (most, all) = (self.settings.max_endpoint_units, self.settings.max_account_units);
        let others = self.endpoints.iter().filter(|endpoint| {
            cx.is_home(&endpoint.region, &endpoint.account) && Some(endpoint.arn.as_str()) != but
        });
        let used: u32 = others.map(|endpoint| endpoint.desired.units).sum();
        if units > most || used.saturating_add(units) > all {
            return Err(Refusal::limit(format!(
                "At most {most} inference units per endpoint and {all} per account are allowed."
            )));
        }
        Ok(())
    }
}

impl Comprehend {
    pub(super) fn create_endpoint(&self, cx: &Context, body: &Value) -> Outcome<Value> {
        let input = Input::new(body)?;
        let name = input.required("EndpointName", (0, 40), NAME)?;
        let units = units(input)?.ok_or_else(|| input.missing("DesiredInferenceUnits"))?;
        let token = input.matching("ClientRequestToken", (1, 64), TOKEN)?;
        let role = input.matching("DataAccessRoleArn", (20, 2048), ROLE)?.map(str::to_owned);
        if input.has("FlywheelArn") {
            return Err(Refusal::not_covered("FlywheelArn"));
        }
        let model = input.matching("ModelArn", (0, 256), CLASSIFIER)?;
        let model = model.ok_or_else(|| Refusal::invalid("ModelArn must be given."))?;
        let token = token.map(|token| Token::new(cx, token, body));
        let mut state = self.state();
        if let Some(token) = &token {
            let known = state.endpoints.iter().find_map(|known| {
                let same = known.token.as_ref().filter(|known| known.is_same(token))?;
                Some((same, known))
            });
            if let Some((same, known)) = known {
                let answer = json!({ "EndpointArn": known.arn, "ModelArn": known.desired.model });
                return same.repeats(token).map(|()| answer);
            }
        }
        state.trained(model)?;
        let service = Service { model: model.to_owned(), units, role };
        let endpoint = Endpoint::new(cx, name, service, &state.settings, token);
        if state.endpoints.iter().any(|known| known.arn == endpoint.arn) {
            return Err(Refusal::name_in_use());
        }
        state.check_units(cx, units, None)?;
        let answer = json!({ "EndpointArn": endpoint.arn, "ModelArn": model });
        state.endpoints.push(endpoint);
        Ok(answer)
    }

    pub(super) fn describe_endpoint(&self, cx: &Context, input: Input<'_>) -> Outcome<Value> {
        let arn = input.required("EndpointArn", (0, 256), ENDPOINT)?;
        let mut state = self.state();
        let endpoint = state.endpoint(arn, cx.now).ok_or_else(Refusal::not_found)?;
        Ok(json!({ "EndpointProperties": endpoint.described() }))
    }

    pub(super) fn update_endpoint(&self, cx: &Context, input: Input<'_>) -> Outcome<Value> {
        let arn = input.required("EndpointArn", (0, 256), ENDPOINT)?;
        let units = units(input)?;
        let role = input.matching("DesiredDataAccessRoleArn", (20, 2048), ROLE)?;
        let model = input.matching("DesiredModelArn", (0, 256), CLASSIFIER)?;
        if input.has("FlywheelArn") {
            return Err(Refusal::not_covered("FlywheelArn"));
        }
        if units.is_none() && role.is_none() && model.is_none() {
            return Err(Refusal::invalid("Nothing to update is given."));
        }
        let mut state = self.state();
        if let Some(model) = model {
            state.trained(model)?;
        }
        let known = state.endpoint(arn, cx.now).ok_or_else(Refusal::not_found)?;
        if known.status() != "IN_SERVICE" {
            return Err(Refusal::unavailable());
        }
        if let Some(units) = units {
            state.check_units(cx, units, Some(arn))?;
        }
        let due = later(cx.now, state.settings.endpoint_seconds);
        let endpoint = state.endpoint(arn, cx.now).ok_or_else(Refusal::not_found)?;
        endpoint.due = due;
        let desired = &mut endpoint.desired;
        desired.units = units.unwrap_or(desired.units);
        if let Some(model) = model {
            model.clone_into(&mut desired.model);
        }
        if role.is_some() {
            desired.role = role.map(str::to_owned);
        }
        let model = desired.model.clone();
        endpoint.settle(cx.now);
        Ok(json!({ "DesiredModelArn": model }))
    }

    pub(super) fn delete_endpoint(&self, input: Input<'_>) -> Outcome<Value> {
        let arn = input.required("EndpointArn", (0, 256), ENDPOINT)?;
        let mut state = self.state();
        let before = state.endpoints.len();
        state.endpoints.retain(|endpoint| endpoint.arn != arn);
        if state.endpoints.len() == before { Err(Refusal::not_found()) } else { Ok(json!({})) }
    }

    pub(super) fn list_endpoints(&self, cx: &Context, input: Input<'_>) -> Outcome<Value> {
        let mut state = self.state();
        let cut = Cut::read(input, "ListEndpoints", state.settings.page_items)?;
        let (mut model, mut status, mut between) = (None, None, Between::default());
        if let Some(filter) = input.structure("Filter", "filter.")? {
            model = filter.matching("ModelArn", (0, 256), CLASSIFIER)?;
            status = filter.text("Status")?;
            between = Between::read(filter, "CreationTime")?;
            only_one(filter, &["ModelArn", "Status", "CreationTimeBefore", "CreationTimeAfter"])
                .map_err(|refusal| Refusal::invalid(refusal.message()))?;
        }
        state.endpoints.iter_mut().for_each(|endpoint| endpoint.settle(cx.now));
        let found = state.endpoints.iter().rev().filter(|endpoint| {
            cx.is_home(&endpoint.region, &endpoint.account)
                && model.is_none_or(|model| endpoint.uses(model))
                && status.is_none_or(|status| endpoint.status() == status)
                && between.holds(endpoint.created)
        });
        let listed = found.map(Endpoint::described).collect();
        Ok(cut.page("EndpointPropertiesList", listed))
    }
}

fn units(input: Input<'_>) -> Outcome<Option<u32>> {
    input.number("DesiredInferenceUnits", 1, u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(milliseconds: i64) -> OffsetDateTime {
        OffsetDateTime::UNIX_EPOCH + time::Duration::milliseconds(milliseconds)
    }

    #[test]
    fn documents_and_characters_are_limited_by_the_second() {
        let settings = Settings::default();
        let mut allowance = Allowance::full(1, &settings, at(0));
        let mut take =
            |characters: usize, milliseconds: i64| allowance.take(characters, 1, &settings, at(milliseconds));
        assert!(take(10, 0) && take(10, 0));
        assert!(!take(10, 0), "2 documents a second");
        assert!(!take(10, 400));
        assert!(take(10, 500), "and another after half of one");
        assert!(take(350, 2_000), "a large one is let through");
        assert!(!take(1, 4_400), "but has to be worked off: 100 characters a second");
        assert!(take(1, 4_600));
    }

    #[test]
    fn units_multiply_and_clocks_may_go_back() {
        let settings = Settings::default();
        let mut allowance = Allowance::full(3, &settings, at(10_000));
        let taken = (0..10).filter(|_| allowance.take(1, 3, &settings, at(0))).count();
        assert_eq!(taken, 6);
    }
}
