//! What the service model demands of a request's members.

use serde_json::{Map, Value};

use super::refusal::{Outcome, Refusal};

/// The request's members.
#[derive(Clone, Copy, Debug)]
pub(super) struct Input<'a>(&'a Map<String, Value>);

impl<'a> Input<'a> {
    pub(super) fn new(body: &'a Value) -> Outcome<Self> {
        body.as_object().map(Self).ok_or_else(|| Refusal::serialization("expected a JSON object"))
    }

    /// A member that is there; `null` counts as absent.
    fn get(self, member: &str) -> Option<&'a Value> {
        self.0.get(member).filter(|value| !value.is_null())
    }

    /// A text member, if there is one.
    pub(super) fn text(self, member: &str) -> Outcome<Option<&'a str>> {
        self.get(member).map(|value| as_text(value, member)).transpose()
    }

    /// A text member that must be there.
    pub(super) fn required(self, member: &str) -> Outcome<&'a str> {
        self.text(member)?.ok_or_else(|| missing(member))
    }

    /// A text member of `min` to `max` characters.
    pub(super) fn sized(self, member: &str, min: usize, max: usize) -> Outcome<Option<&'a str>> {
        let found = self.text(member)?;
        if let Some(found) = found {
            check_length(found, member, min, max)?;
        }
        Ok(found)
    }

    /// A text member of one of these values.
    pub(super) fn one_of(self, member: &str, values: &[&str]) -> Outcome<Option<&'a str>> {
        match self.text(member)? {
            Some(found) if !values.contains(&found) => {
                let constraint = format!("satisfy enum value set: [{}]", values.join(", "));
                Err(broken(&format!("'{found}'"), member, &constraint))
            }
            found => Ok(found),
        }
    }

    pub(super) fn boolean(self, member: &str) -> Outcome<Option<bool>> {
        let as_boolean = |value: &Value| {
            value.as_bool().ok_or_else(|| Refusal::serialization(format!("`{member}` must be a boolean")))
        };
        self.get(member).map(as_boolean).transpose()
    }

    /// A whole number from `min` to `max`.
    pub(super) fn number(self, member: &str, min: u32, max: u32) -> Outcome<Option<u32>> {
        let Some(value) = self.get(member) else { return Ok(None) };
        let number =
            value.as_i64().ok_or_else(|| Refusal::serialization(format!("`{member}` must be an integer")))?;
        match u32::try_from(number) {
            Ok(found) if (min..=max).contains(&found) => Ok(Some(found)),
            _ if number < i64::from(min) => Err(broken(
                &format!("'{number}'"),
                member,
                &format!("have value greater than or equal to {min}"),
            )),
            _ => Err(broken(
                &format!("'{number}'"),
                member,
                &format!("have value less than or equal to {max}"),
            )),
        }
    }

    /// `SqlList`: 1 to 40 statements.
    pub(super) fn statements(self) -> Outcome<Vec<&'a str>> {
        let list = self.list("Sqls")?.ok_or_else(|| missing("Sqls"))?;
        check_size(list.len(), "Sqls", 1, 40)?;
        list.iter().map(|sql| as_text(sql, "Sqls")).collect()
    }

    /// `SqlParametersList`: at least one, with names `[0-9a-zA-Z_]+` and values that are not empty.
    pub(super) fn parameters(self) -> Outcome<Vec<(String, String)>> {
        let Some(list) = self.list("Parameters")? else { return Ok(Vec::new()) };
        check_size(list.len(), "Parameters", 1, usize::MAX)?;
        let mut parameters: Vec<(String, String)> = Vec::new();
        for (index, parameter) in list.iter().enumerate() {
            let path = |member: &str| format!("parameters.{}.member.{member}", index + 1);
            let member = |name: &str| parameter.get(name).filter(|value| !value.is_null());
            let text = |name: &str| as_text(member(name).ok_or_else(|| missing(&path(name)))?, &path(name));
            let (name, value) = (text("name")?, text("value")?);
            if name.is_empty() || !name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_') {
                return Err(pattern(name, &path("name"), "[0-9a-zA-Z_]+"));
            }
            check_length(value, &path("value"), 1, usize::MAX)?;
            if parameters.iter().any(|(known, _)| known == name) {
                return Err(Refusal::invalid(format!("Parameter {name} is given more than once.")));
            }
            parameters.push((name.to_owned(), value.to_owned()));
        }
        Ok(parameters)
    }

    fn list(self, member: &str) -> Outcome<Option<&'a Vec<Value>>> {
        let as_list = |value: &'a Value| {
            value.as_array().ok_or_else(|| Refusal::serialization(format!("`{member}` must be a list")))
        };
        self.get(member).map(as_list).transpose()
    }

    /// `ClusterIdentifierString`
    pub(super) fn cluster(self) -> Outcome<Option<&'a str>> {
        let found = self.sized("ClusterIdentifier", 1, 63)?;
        found.map_or(Ok(None), |name| {
            if is_cluster(name) {
                return Ok(Some(name));
            }
            Err(pattern(name, "ClusterIdentifier", "[a-z][a-z0-9]*(-[a-z0-9]+)*"))
        })
    }

    /// `WorkgroupNameString`: a name or an ARN.
    pub(super) fn workgroup(self) -> Outcome<Option<&'a str>> {
        let found = self.sized("WorkgroupName", 3, 128)?;
        found.map_or(Ok(None), |name| {
            if is_workgroup(name) || workgroup_of_arn(name).is_some() {
                return Ok(Some(name));
            }
            Err(pattern(name, "WorkgroupName", "([a-z0-9-]{3,63}|arn:aws:redshift-serverless:…:workgroup/…)"))
        })
    }

    /// A `UUID`, if there is one.
    pub(super) fn uuid(self, member: &str) -> Outcome<Option<&'a str>> {
        let found = self.text(member)?;
        found.map_or(Ok(None), |id| if is_uuid(id) { Ok(Some(id)) } else { Err(bad_uuid(member)) })
    }

    /// `Id`, which must be there.
    pub(super) fn id(self) -> Outcome<&'a str> {
        self.uuid("Id")?.ok_or_else(|| missing("Id"))
    }

    /// `WaitTimeSeconds`
    pub(super) fn wait(self) -> Outcome<Option<u32>> {
        self.number("WaitTimeSeconds", 1, 30)
    }
}

fn as_text<'a>(value: &'a Value, member: &str) -> Outcome<&'a str> {
    value.as_str().ok_or_else(|| Refusal::serialization(format!("`{member}` must be a string")))
}

fn check_length(text: &str, member: &str, min: usize, max: usize) -> Outcome<()> {
    match text.chars().count() {
        length if length < min => {
            Err(broken(&format!("'{text}'"), member, &format!("have length greater than or equal to {min}")))
        }
        length if length > max => {
            Err(broken("(not shown)", member, &format!("have length less than or equal to {max}")))
        }
        _ => Ok(()),
    }
}

fn check_size(size: usize, member: &str, min: usize, max: usize) -> Outcome<()> {
    match size {
        size if size < min => {
            Err(broken("'[]'", member, &format!("have length greater than or equal to {min}")))
        }
        size if size > max => {
            Err(broken("(not shown)", member, &format!("have length less than or equal to {max}")))
        }
        _ => Ok(()),
    }
}

fn missing(member: &str) -> Refusal {
    broken("null", member, "not be null")
}

fn pattern(value: &str, member: &str, pattern: &str) -> Refusal {
    broken(&format!("'{value}'"), member, &format!("satisfy regular expression pattern: {pattern}"))
}

fn bad_uuid(member: &str) -> Refusal {
    let member = lower_first(member);
    Refusal::invalid(format!(
        r"{member} must satisfy regex pattern: ^[a-z0-9]{{8}}(-[a-z0-9]{{4}}){{3}}-[a-z0-9]{{12}}(:\d+)?$"
    ))
}

fn broken(value: &str, member: &str, constraint: &str) -> Refusal {
    let member = lower_first(member);
    Refusal::invalid(format!(
        "1 validation error detected: Value {value} at '{member}' failed to satisfy constraint: \
         Member must {constraint}"
    ))
}

fn lower_first(member: &str) -> String {
    let (head, tail) = member.split_at_checked(1).unwrap_or((member, ""));
    format!("{}{tail}", head.to_lowercase())
}

fn is_lower_or_digit(byte: u8) -> bool {
    byte.is_ascii_lowercase() || byte.is_ascii_digit()
}

/// `[a-z][a-z0-9]*(-[a-z0-9]+)*`
pub(super) fn is_cluster(name: &str) -> bool {
    name.starts_with(|first: char| first.is_ascii_lowercase())
        && name.split('-').all(|part| !part.is_empty() && part.bytes().all(is_lower_or_digit))
}

/// `[a-z0-9-]{3,63}`
pub(super) fn is_workgroup(name: &str) -> bool {
    (3..=63).contains(&name.len()) && name.bytes().all(|byte| is_lower_or_digit(byte) || byte == b'-')
}

/// What follows `workgroup/` in the ARN of a serverless workgroup.
pub(super) fn workgroup_of_arn(arn: &str) -> Option<&str> {
    let parts: Vec<&str> = arn.splitn(6, ':').collect();
    let [prefix, partition, service, region, account, resource] = parts.as_slice() else { return None };
    let id = resource.strip_prefix("workgroup/")?;
    let sound = *prefix == "arn"
        && partition.starts_with("aws")
        && *service == "redshift-serverless"
        && !region.is_empty()
        && account.len() == 12
        && account.bytes().all(|byte| byte.is_ascii_digit())
        && !id.is_empty();
    sound.then_some(id)
}

/// `[a-z0-9]{8}(-[a-z0-9]{4}){3}-[a-z0-9]{12}(:\d{0,2})?`
fn is_uuid(text: &str) -> bool {
    let (id, number) = text.split_once(':').unwrap_or((text, ""));
    let groups: Vec<&str> = id.split('-').collect();
    groups.iter().map(|group| group.len()).eq([8, 4, 4, 4, 12])
        && groups.iter().all(|group| group.bytes().all(is_lower_or_digit))
        && number.len() <= 2
        && number.bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn names_and_ids_are_those_of_the_model() {
        for (name, cluster, workgroup) in [
            ("eventide-cluster", true, true),
            ("a", true, false),
            ("1abc", false, true),
            ("a--b", false, true),
            ("Upper", false, false),
            ("trailing-", false, true),
            ("", false, false),
        ] {
            assert_eq!((is_cluster(name), is_workgroup(name)), (cluster, workgroup), "{name}");
        }
        let id = "d9b6c0c9-0747-4bf4-b142-e8883122f766";
        let arn = format!("arn:aws:redshift-serverless:us-east-1:111122223333:workgroup/{id}");
        assert_eq!(workgroup_of_arn(&arn), Some(id));
        assert_eq!(workgroup_of_arn("arn:aws:redshift:us-east-1:111122223333:cluster:c"), None);
        for (text, good) in [
            (id.to_owned(), true),
            (format!("{id}:2"), true),
            (format!("{id}:222"), false),
            (format!("{id}x"), false),
            (id.to_uppercase(), false),
            ("1".into(), false),
        ] {
            assert_eq!(is_uuid(&text), good, "{text}");
        }
    }

    #[test]
    fn parameters_are_checked() {
        let parameter = |name: &str, value: &str| json!({ "name": name, "value": value });
        for (list, good) in [
            (json!([parameter("a_1", "x")]), true),
            (json!(null), true),
            (json!([]), false),
            (json!([parameter("a", "")]), false),
            (json!([parameter("a b", "x")]), false),
            (json!([parameter("", "x")]), false),
            (json!([{ "name": "a" }]), false),
            (json!([{ "name": "a", "value": 1 }]), false),
            (json!([parameter("a", "x"), parameter("a", "y")]), false),
        ] {
            let body = json!({ "Parameters": list });
            assert_eq!(Input::new(&body).unwrap().parameters().is_ok(), good, "{body}");
        }
    }
}
