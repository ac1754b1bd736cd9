//! What every [`RedshiftData`] does, checked against the fake and against the local cloud.

use eventide_kit::error::{Class, Error};
use eventide_types::mart::definition::Warehouse;

use super::{Described, Field, RedshiftData, ResultFormat, Rows, Statement, Status};

/// An id that no statement has.
const UNKNOWN: &str = "ffffffff-ffff-4fff-8fff-ffffffffffff";

/// What must be in place before the contract is checked.
#[derive(Clone, Debug)]
pub struct Given {
    /// Where the statements run.
    pub warehouse: Warehouse,
    /// In which database.
    pub database: String,
    /// SQL with the parameter `:n`, whose result is [`rows`] and needs more than one page. The first three statements
    /// are of it.
    pub rows: String,
    /// SQL that fails. The fourth statement.
    pub failing: String,
    /// SQL that does not end within the check. The fifth statement.
    pub endless: String,
    /// Two statements without rows. The sixth and last.
    pub batch: [String; 2],
}

/// The rows of [`Given::rows`]: a whole number, and a text that is null in the second row.
pub fn rows() -> Vec<Vec<Field>> {
    let text = |text: &str| Field::Text(text.to_owned());
    vec![
        vec![Field::Long(1), text("a,b")],
        vec![Field::Long(2), Field::Null],
        vec![Field::Long(3), text("say \"ü\"")],
    ]
}

/// [`rows`] as CSV, without the header.
const CSV: &str = "1,\"a,b\"\r\n2,\r\n3,\"say \"\"ü\"\"\"\r\n";

/// Checks all of it.
///
/// # Errors
/// Whatever an operation that should succeed fails with.
///
/// # Panics
/// If the implementation breaks the contract.
pub async fn check<D: RedshiftData>(data: &D, given: &Given) -> Result<(), Error> {
    results_come_in_pages(data, given).await?;
    a_token_runs_once(data, given).await?;
    failures_are_told(data, given).await?;
    a_running_statement_is_cancelled_once(data, given).await?;
    batches_have_no_rows(data, given).await?;
    unknown_statements_are_none(data).await
}

fn statement(given: &Given, sql: &str, token: &str) -> Statement {
    Statement {
        warehouse: given.warehouse.clone(),
        database: given.database.clone(),
        sql: vec![sql.to_owned()],
        parameters: Vec::new(),
        name: format!("eventide/query/contract/{token}"),
        client_token: token.to_owned(),
        result_format: ResultFormat::Json,
        transaction: true,
        wait_seconds: 0,
    }
}

fn with_rows(given: &Given, token: &str, result_format: ResultFormat) -> Statement {
    let parameters = vec![("n".to_owned(), "3".to_owned())];
    Statement { parameters, result_format, ..statement(given, &given.rows, token) }
}

async fn ended<D: RedshiftData>(data: &D, id: &str) -> Result<Described, Error> {
    let described = data.describe(id, 30).await?;
    let described = described.ok_or_else(|| Error::permanent("Lost", "the statement should be there"))?;
    assert!(described.status.has_ended(), "{described:?}");
    Ok(described)
}

fn refused<T>(result: Result<T, Error>) -> String {
    result.err().map(|error| error.qualified_type()).unwrap_or_default()
}

async fn results_come_in_pages<D: RedshiftData>(data: &D, given: &Given) -> Result<(), Error> {
    for (format, other, token) in
        [(ResultFormat::Json, ResultFormat::Csv, "json"), (ResultFormat::Csv, ResultFormat::Json, "csv")]
    {
        let id = data.submit(&with_rows(given, token, format)).await?.id;
        let described = ended(data, &id).await?;
        assert_eq!(described.status, Status::Finished);
        assert!(described.has_result && described.error.is_none());
        assert_eq!(described.rows, Some(3));

        let (mut fields, mut csv) = (Vec::new(), String::new());
        let (mut pages, mut token) = (0, None);
        loop {
            let page = data.page(&id, format, token.as_deref()).await?;
            let columns: Vec<_> = page.columns.iter().map(|column| column.name.as_str()).collect();
            assert_eq!(columns, ["n", "t"]);
            assert_eq!(page.total_rows, 3);
            match page.rows {
                Rows::Fields(rows) => fields.extend(rows),
                Rows::Csv(records) => csv.push_str(&records.concat()),
            }
            pages += 1;
            token = page.next_token;
            if token.is_none() {
                break;
            }
        }
        assert!(pages > 1, "the result should need more than one page");
        match format {
            ResultFormat::Json => assert!(fields == rows() && csv.is_empty()),
            ResultFormat::Csv => assert!(csv == format!("n,t\r\n{CSV}") && fields.is_empty()),
        }
        assert_eq!(refused(data.page(&id, other, None).await), "Permanent.Validation");
    }
    Ok(())
}

async fn a_token_runs_once<D: RedshiftData>(data: &D, given: &Given) -> Result<(), Error> {
    let first = with_rows(given, "once", ResultFormat::Json);
    let id = data.submit(&first).await?.id;
    let waiting = Statement { wait_seconds: 30, ..first.clone() };
    let repeated = data.submit(&waiting).await?;
    assert_eq!((repeated.id, repeated.status), (id, Status::Finished));
    let other = Statement { sql: vec!["SELECT 2 AS n".to_owned()], parameters: Vec::new(), ..first };
    assert_eq!(refused(data.submit(&other).await), "Permanent.Validation");
    Ok(())
}

async fn failures_are_told<D: RedshiftData>(data: &D, given: &Given) -> Result<(), Error> {
    let id = data.submit(&statement(given, &given.failing, "failing")).await?.id;
    let described = ended(data, &id).await?;
    assert_eq!(described.status, Status::Failed);
    assert!(described.error.is_some_and(|error| !error.is_empty()));
    assert!(!described.has_result);
    assert_eq!(refused(data.page(&id, ResultFormat::Json, None).await), "Permanent.ResourceNotFound");
    assert!(!data.cancel(&id).await?, "it has ended");

    let empty = Statement { parameters: vec![("n".to_owned(), String::new())], ..statement(given, "", "e") };
    assert_eq!(refused(data.submit(&empty).await), "Permanent.Validation");
    Ok(())
}

async fn a_running_statement_is_cancelled_once<D: RedshiftData>(
    data: &D,
    given: &Given,
) -> Result<(), Error> {
    let endless = Statement { wait_seconds: 1, ..statement(given, &given.endless, "endless") };
    let submitted = data.submit(&endless).await?;
    assert_eq!(submitted.status, Status::Running);
    let described = data.describe(&submitted.id, 1).await?;
    assert_eq!(described.map(|described| described.status), Some(Status::Running));
    assert!(data.cancel(&submitted.id).await?);
    assert_eq!(ended(data, &submitted.id).await?.status, Status::Aborted);
    assert!(!data.cancel(&submitted.id).await?, "it is cancelled already");
    Ok(())
}

async fn batches_have_no_rows<D: RedshiftData>(data: &D, given: &Given) -> Result<(), Error> {
    let batch = Statement { sql: given.batch.to_vec(), ..statement(given, "", "batch") };
    let id = data.submit(&batch).await?.id;
    let described = ended(data, &id).await?;
    assert_eq!((described.status, described.has_result), (Status::Finished, false));
    assert_eq!(described.rows, None);
    Ok(())
}

async fn unknown_statements_are_none<D: RedshiftData>(data: &D) -> Result<(), Error> {
    assert_eq!(data.describe(UNKNOWN, 0).await?, None);
    assert!(!data.cancel(UNKNOWN).await?);
    let page = data.page(UNKNOWN, ResultFormat::Csv, None).await;
    assert_eq!(page.err().map(|error| error.class()), Some(Class::Permanent));
    Ok(())
}
