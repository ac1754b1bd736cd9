//! What the Data API's service model would refuse. The SDK knows nothing of these limits.

use eventide_kit::error::Error;

use super::Statement;

/// Statements of a batch.
const MAX_STATEMENTS: usize = 40;
/// Characters of a statement's name.
const MAX_NAME: usize = 2_048;
/// Characters of a client token.
const MAX_TOKEN: usize = 64;
/// Seconds that a call can wait.
const MAX_WAIT: u8 = 30;

impl Statement {
    pub(super) fn check(&self) -> Result<(), Error> {
        check_wait(self.wait_seconds)?;
        if !(1..=MAX_STATEMENTS).contains(&self.sql.len()) {
            let message = format!("there are {} statements, expected 1 to {MAX_STATEMENTS}", self.sql.len());
            return Err(invalid(message));
        }
        if self.name.chars().count() > MAX_NAME {
            return Err(invalid(format!("the statement's name is longer than {MAX_NAME} characters")));
        }
        if !(1..=MAX_TOKEN).contains(&self.client_token.chars().count()) {
            return Err(invalid(format!("the client token has not 1 to {MAX_TOKEN} characters")));
        }
        if let Some((name, _)) = self.parameters.iter().find(|(_, value)| value.is_empty()) {
            return Err(invalid(format!("parameter `{name}` is empty, expected a character at least")));
        }
        let warehouse = &self.warehouse;
        if warehouse.cluster.is_some() == warehouse.workgroup.is_some() {
            return Err(invalid("expected either a cluster or a workgroup"));
        }
        Ok(())
    }
}

pub(super) fn check_wait(seconds: u8) -> Result<(), Error> {
    if seconds <= MAX_WAIT {
        return Ok(());
    }
    Err(invalid(format!("the wait is `{seconds}` seconds, expected 0 to {MAX_WAIT}")))
}

fn invalid(message: impl Into<String>) -> Error {
    Error::permanent("Validation", message)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::redshift_data::ResultFormat;
    use eventide_types::mart::definition::Warehouse;

    #[test]
    fn what_the_service_model_forbids_is_not_sent() {
        type Change = fn(&mut Statement);
        let good: [Change; 3] = [
            |_| (),
            |statement| statement.sql = vec!["SELECT 1".to_owned(); 40],
            |statement| statement.client_token = "ü".repeat(64),
        ];
        let bad: [Change; 9] = [
            |statement| statement.sql.clear(),
            |statement| statement.sql = vec!["SELECT 1".to_owned(); 41],
            |statement| statement.name = "n".repeat(2_049),
            |statement| statement.client_token.clear(),
            |statement| statement.client_token = "t".repeat(65),
            |statement| statement.parameters = vec![("p".to_owned(), String::new())],
            |statement| statement.wait_seconds = 31,
            |statement| statement.warehouse.workgroup = None,
            |statement| statement.warehouse.cluster = Some("c".to_owned()),
        ];
        for (changes, expected) in [(&good[..], true), (&bad[..], false)] {
            for (index, change) in changes.iter().enumerate() {
                let mut statement = Statement {
                    warehouse: Warehouse {
                        cluster: None,
                        workgroup: Some("w".to_owned()),
                        secret: None,
                        user: None,
                    },
                    database: "dev".to_owned(),
                    sql: vec!["SELECT 1".to_owned()],
                    parameters: Vec::new(),
                    name: "n".to_owned(),
                    client_token: "t".to_owned(),
                    result_format: ResultFormat::Json,
                    transaction: true,
                    wait_seconds: 30,
                };
                change(&mut statement);
                assert_eq!(statement.check().is_ok(), expected, "{index}");
            }
        }
    }
}
