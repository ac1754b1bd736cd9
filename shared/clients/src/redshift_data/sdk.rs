use std::time::Duration;

use aws_sdk_redshiftdata::Client;
use aws_sdk_redshiftdata::config::timeout::TimeoutConfig;
use aws_sdk_redshiftdata::config::{Builder, Config};
use aws_sdk_redshiftdata::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_redshiftdata::operation::describe_statement::DescribeStatementOutput;
use aws_sdk_redshiftdata::types::{
    ExecutionMode, ResultFormatString, SqlParameter, StatementStatusString, StatusString,
};
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_types::SdkConfig;
use eventide_kit::error::Error;

use super::check::check_wait;
use super::lean::Lean;
use super::{Described, Page, RedshiftData, ResultFormat, Statement, Status};
use crate::errors::{self, failed};

/// For one attempt of a call, beside what the service was asked to wait.
const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(6);
/// For a call with all its attempts, as above.
const OPERATION_TIMEOUT: Duration = Duration::from_secs(20);
/// What a page of a large result may take longer.
const PAGE_SECONDS: u8 = 10;

/// [`RedshiftData`] through the AWS SDK.
#[derive(Clone, Debug)]
pub struct SdkRedshiftData {
    client: Client,
}

impl SdkRedshiftData {
    /// In the Region of `config`.
    pub fn new(config: &SdkConfig) -> Self {
        Self { client: Client::new(config) }
    }

    async fn execute(&self, statement: &Statement, sql: &str) -> Result<Described, Error> {
        const OPERATION: &str = "redshift-data:ExecuteStatement";
        let warehouse = statement.warehouse.clone();
        let request = self
            .client
            .execute_statement()
            .set_cluster_identifier(warehouse.cluster)
            .set_workgroup_name(warehouse.workgroup)
            .set_secret_arn(warehouse.secret)
            .set_db_user(warehouse.user)
            .database(&statement.database)
            .sql(sql)
            .set_parameters(parameters(statement, OPERATION)?)
            .statement_name(&statement.name)
            .client_token(&statement.client_token)
            .with_event(true)
            .result_format(format(statement.result_format))
            .set_wait_time_seconds(wait(statement.wait_seconds));
        let request = request.customize().config_override(patient(statement.wait_seconds));
        let output = request.send().await.map_err(|error| sorted(OPERATION, &error))?;
        submitted(OPERATION, output.id, output.status, output.has_result_set)
    }

    async fn execute_batch(&self, statement: &Statement) -> Result<Described, Error> {
        const OPERATION: &str = "redshift-data:BatchExecuteStatement";
        let warehouse = statement.warehouse.clone();
        let mode = if statement.transaction { ExecutionMode::Transaction } else { ExecutionMode::AutoCommit };
        let request = self
            .client
            .batch_execute_statement()
            .set_cluster_identifier(warehouse.cluster)
            .set_workgroup_name(warehouse.workgroup)
            .set_secret_arn(warehouse.secret)
            .set_db_user(warehouse.user)
            .database(&statement.database)
            .set_sqls(Some(statement.sql.clone()))
            .set_parameters(parameters(statement, OPERATION)?)
            .statement_name(&statement.name)
            .client_token(&statement.client_token)
            .with_event(true)
            .result_format(format(statement.result_format))
            .execution_mode(mode)
            .set_wait_time_seconds(wait(statement.wait_seconds));
        let request = request.customize().config_override(patient(statement.wait_seconds));
        let output = request.send().await.map_err(|error| sorted(OPERATION, &error))?;
        submitted(OPERATION, output.id, output.status, output.has_result_set)
    }
}

fn parameters(statement: &Statement, operation: &str) -> Result<Option<Vec<SqlParameter>>, Error> {
    let mut parameters = Vec::with_capacity(statement.parameters.len());
    for (name, value) in &statement.parameters {
        let parameter = SqlParameter::builder().name(name).value(value).build();
        parameters.push(parameter.map_err(|error| errors::request(operation, error))?);
    }
    // An empty list is refused (service model, `SqlParametersList`).
    Ok((!parameters.is_empty()).then_some(parameters))
}

fn format(format: ResultFormat) -> ResultFormatString {
    match format {
        ResultFormat::Json => ResultFormatString::Json,
        ResultFormat::Csv => ResultFormatString::Csv,
    }
}

/// 0 is below the service model's minimum.
fn wait(seconds: u8) -> Option<i32> {
    (seconds > 0).then_some(seconds.into())
}

/// Time-outs of a call that takes so many seconds longer than others.
fn patient(seconds: u8) -> Builder {
    let longer = Duration::from_secs(seconds.into());
    let timeouts = TimeoutConfig::builder()
        .operation_attempt_timeout(ATTEMPT_TIMEOUT + longer)
        .operation_timeout(OPERATION_TIMEOUT + longer)
        .build();
    Config::builder().timeout_config(timeouts)
}

fn submitted(
    operation: &str,
    id: Option<String>,
    status: Option<StatementStatusString>,
    has_result: Option<bool>,
) -> Result<Described, Error> {
    let id = id.ok_or_else(|| {
        Error::retryable("IncompleteAnswer", format!("`{operation}` did not say what it submitted"))
    })?;
    Ok(Described {
        id,
        // Without a status nothing was waited for.
        status: status.map_or(Status::Running, |status| named(status.as_str())),
        error: None,
        has_result: has_result.unwrap_or(false),
        rows: None,
        bytes: None,
        nanoseconds: 0,
        query_id: -1,
    })
}

fn described(output: DescribeStatementOutput) -> Described {
    // The service says -1 where there is nothing to count.
    let count = |count: i64| u64::try_from(count).ok();
    Described {
        id: output.id,
        status: named(output.status.as_ref().map_or("", StatusString::as_str)),
        error: output.error.filter(|error| !error.is_empty()),
        has_result: output.has_result_set.unwrap_or(false),
        rows: count(output.result_rows),
        bytes: count(output.result_size),
        nanoseconds: count(output.duration).unwrap_or(0),
        query_id: output.redshift_query_id,
    }
}

fn named(status: &str) -> Status {
    match status {
        "FINISHED" => Status::Finished,
        "FAILED" => Status::Failed,
        "ABORTED" => Status::Aborted,
        // `SUBMITTED`, `PICKED`, `STARTED`, and any that is new: it has not ended as far as known.
        _ => Status::Running,
    }
}

/// Errors that say to come back in a minute.
const BUSY: [&str; 3] = [
    "ActiveSessionsExceededException",
    "ActiveStatementsExceededException",
    "ActiveWaitingRequestsExceededException",
];

fn code<E: ProvideErrorMetadata>(error: &SdkError<E, HttpResponse>) -> Option<&str> {
    error.as_service_error().and_then(ProvideErrorMetadata::code)
}

fn sorted<E: ProvideErrorMetadata>(operation: &str, error: &SdkError<E, HttpResponse>) -> Error {
    match code(error) {
        Some(code) if BUSY.contains(&code) => {
            Error::retryable("WarehouseBusy", format!("`{operation}` was refused with `{code}`"))
        }
        // Those of `CancelStatement` and of the submitting operations that are not about the request.
        Some(code @ ("DatabaseConnectionException" | "QueryTimeoutException")) => {
            Error::retryable("ServerError", format!("`{operation}` failed with `{code}`"))
        }
        _ => failed(operation, error),
    }
}

fn is_unknown<E: ProvideErrorMetadata>(error: &SdkError<E, HttpResponse>) -> bool {
    code(error) == Some("ResourceNotFoundException")
}

impl RedshiftData for SdkRedshiftData {
    async fn submit(&self, statement: &Statement) -> Result<Described, Error> {
        statement.check()?;
        match statement.sql.as_slice() {
            [sql] => self.execute(statement, sql).await,
            _ => self.execute_batch(statement).await,
        }
    }

    async fn describe(&self, id: &str, wait_seconds: u8) -> Result<Option<Described>, Error> {
        check_wait(wait_seconds)?;
        let request = self.client.describe_statement().id(id).set_wait_time_seconds(wait(wait_seconds));
        match request.customize().config_override(patient(wait_seconds)).send().await {
            Ok(output) => Ok(Some(described(output))),
            Err(error) if is_unknown(&error) => Ok(None),
            Err(error) => Err(sorted("redshift-data:DescribeStatement", &error)),
        }
    }

    async fn cancel(&self, id: &str) -> Result<bool, Error> {
        const OPERATION: &str = "redshift-data:CancelStatement";
        match self.client.cancel_statement().id(id).send().await {
            Ok(output) => Ok(output.status.unwrap_or(true)),
            Err(error) if is_unknown(&error) => Ok(false),
            // One that has ended is refused as invalid, as is much else: only the statement itself tells which.
            Err(error) if code(&error) == Some("ValidationException") => match self.describe(id, 0).await? {
                Some(described) if !described.status.has_ended() => Err(sorted(OPERATION, &error)),
                _ => Ok(false),
            },
            Err(error) => Err(sorted(OPERATION, &error)),
        }
    }

    async fn page(&self, id: &str, format: ResultFormat, token: Option<&str>) -> Result<Page, Error> {
        let token = token.map(str::to_owned);
        let lean = Lean::new(format);
        let operation = match format {
            ResultFormat::Json => {
                const OPERATION: &str = "redshift-data:GetStatementResult";
                let request = self.client.get_statement_result().id(id).set_next_token(token).customize();
                let request = request.interceptor(lean.clone()).config_override(patient(PAGE_SECONDS));
                request.send().await.map_err(|error| sorted(OPERATION, &error))?;
                OPERATION
            }
            ResultFormat::Csv => {
                const OPERATION: &str = "redshift-data:GetStatementResultV2";
                let request = self.client.get_statement_result_v2().id(id).set_next_token(token).customize();
                let request = request.interceptor(lean.clone()).config_override(patient(PAGE_SECONDS));
                request.send().await.map_err(|error| sorted(OPERATION, &error))?;
                OPERATION
            }
        };
        lean.take().ok_or_else(|| Error::retryable("IncompleteAnswer", format!("`{operation}` gave no page")))
    }
}
