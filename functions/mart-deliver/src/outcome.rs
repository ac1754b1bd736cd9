//! Telling how a request ended: the manifest, the event, the record, what it cost.

use bytes::Bytes;
use eventide_clients::event_bus::{Event, EventBus as _};
use eventide_clients::marts::{Requests as _, Usage, Usages as _};
use eventide_clients::redshift_data::Described;
use eventide_clients::s3::Bucket as _;
use eventide_kit::{Error, Invocation, Unit};
use eventide_types::mart::delivery::{self, ColumnSchema, Failed, File, Manifest, Ready};
use eventide_types::mart::request::{Record, State};
use serde::Serialize;
use time::OffsetDateTime;

use crate::deliver::{Delivered, Failure, MartDeliver, Ports};

/// Files that an event names: it may have 1 MiB. The manifest names them all.
const MAX_KEYS: usize = 100;

impl<P: Ports> MartDeliver<P> {
    /// Writes the manifest, which is what makes a result one, and tells who waits; unless another message has been quicker
    /// meanwhile. (SQS delivers at least once, and the sweep sends messages of its own. Between the look at the record and
    /// its last move two can still tell the same.)
    pub(crate) async fn ready(
        &self,
        request: &mut Record,
        described: &Described,
        delivered: &Delivered,
        invocation: &Invocation,
    ) -> Result<(), Error> {
        let current = self.ports.requests().request(&request.token).await?;
        if current.is_none_or(|current| current.state.is_final()) {
            return Ok(());
        }
        let now = self.clock.now();
        let key = request.manifest_key();
        let manifest = manifest(request, described, delivered, self.ports.bucket().name(), now);
        let body = serde_json::to_vec_pretty(&manifest).map_err(|error| {
            Error::permanent("Unwritable", "the manifest cannot be written").with_source(error)
        })?;
        self.ports.bucket().put(&key, "application/json", Bytes::from(body)).await?;
        let ready = Ready {
            mart: request.request.mart.clone(),
            owner: request.owner.clone(),
            token: request.token.clone(),
            request_id: request.request.request_id.clone(),
            statement_id: described.id.clone(),
            bucket: self.ports.bucket().name().to_owned(),
            manifest: key,
            keys: delivered.files.iter().take(MAX_KEYS).map(|file| file.key.clone()).collect(),
            format: request.format,
            rows: delivered.rows,
            bytes: delivered.bytes,
        };
        self.tell(delivery::event::READY, &ready).await?;
        request.state = State::Delivered;
        request.updated_at = now;
        self.ports.requests().advance(request, &State::ON_ITS_WAY).await?;
        let dimensions = [("Mart", request.request.mart.as_str()), ("Owner", request.owner.as_str())];
        invocation.metrics.count("ResultsDelivered", 1, &dimensions);
        invocation.metrics.count("RowsDelivered", delivered.rows, &dimensions);
        let seconds = (now - request.accepted_at).as_seconds_f64();
        invocation.metrics.record("SecondsToDelivery", Unit::Seconds, seconds, &dimensions);
        tracing::info!(
            token = request.token,
            mart = request.request.mart,
            statement = described.id,
            rows = delivered.rows,
            bytes = delivered.bytes,
            seconds,
            "result delivered"
        );
        Ok(())
    }

    /// Tells that a request came to nothing, and why; unless it has come to something meanwhile, or nobody is to be
    /// told.
    pub(crate) async fn failed(
        &self,
        request: &mut Record,
        failure: Failure,
        invocation: &Invocation,
    ) -> Result<(), Error> {
        if request.inline || request.state.is_final() {
            return Ok(());
        }
        // Another message may have been quicker, and more successful.
        let Some(current) = self.ports.requests().request(&request.token).await? else { return Ok(()) };
        if current.state.is_final() {
            return Ok(());
        }
        let Failure { class, reason, warehouse_error } = failure;
        let failed = Failed {
            mart: request.request.mart.clone(),
            owner: Some(request.owner.clone()),
            token: Some(request.token.clone()),
            request_id: request.request.request_id.clone(),
            statement_id: request.statement_id.clone(),
            error_class: class.clone(),
            reason: reason.clone(),
            warehouse_error,
        };
        self.tell(delivery::event::FAILED, &failed).await?;
        request.state = State::Failed;
        request.reason = Some(reason);
        request.updated_at = self.clock.now();
        self.ports.requests().advance(request, &State::ON_ITS_WAY).await?;
        invocation.metrics.count("ResultsFailed", 1, &[("Mart", &request.request.mart), ("Reason", &class)]);
        tracing::warn!(
            token = request.token,
            mart = request.request.mart,
            error_type = class,
            "request failed"
        );
        Ok(())
    }

    async fn tell(&self, detail_type: &str, detail: &impl Serialize) -> Result<(), Error> {
        let event = Event::new(delivery::SOURCE, detail_type, detail)?;
        self.ports.event_bus().send(&event).await
    }

    /// Books what a statement cost, whatever came of it, and measures what was not booked before. The month is that of the
    /// request, which is the same in every delivery of the message. Of a result that the warehouse has `written`
    /// itself, the Data API knows neither rows nor bytes.
    pub(crate) async fn record_usage(
        &self,
        request: &Record,
        described: &Described,
        written: Option<&Delivered>,
        invocation: &Invocation,
    ) -> Result<(), Error> {
        let (mart, warehouse) = (&request.request.mart, request.warehouse.name());
        let usage = Usage::of(described, request.accepted_at, "query", &request.owner, mart, warehouse);
        let Some(mut usage) = usage else { return Ok(()) };
        if let Some(written) = written {
            (usage.rows, usage.bytes) = (written.rows, written.bytes);
        }
        let earlier = self.ports.usages().record(&usage).await?;
        let dimensions = [("Mart", usage.mart.as_str()), ("Owner", usage.owner.as_str())];
        if earlier.is_none() {
            invocation.metrics.count("Statements", 1, &dimensions);
            let seconds = std::time::Duration::from_nanos(described.nanoseconds).as_secs_f64();
            invocation.metrics.record("StatementSeconds", Unit::Seconds, seconds, &dimensions);
        }
        let measured = earlier.map_or((0, 0), |earlier| (earlier.rows, earlier.bytes));
        let rows = usage.rows.saturating_sub(measured.0);
        let bytes = usage.bytes.saturating_sub(measured.1);
        if rows > 0 {
            invocation.metrics.count("StatementRows", rows, &dimensions);
        }
        if bytes > 0 {
            #[expect(clippy::cast_precision_loss, reason = "a metric of a size")]
            invocation.metrics.record("StatementBytes", Unit::Bytes, bytes as f64, &dimensions);
        }
        Ok(())
    }
}

fn manifest(
    request: &Record,
    described: &Described,
    delivered: &Delivered,
    bucket: &str,
    now: OffsetDateTime,
) -> Manifest {
    let files = delivered.files.iter().map(|file| File {
        key: file.key.clone(),
        bytes: file.bytes,
        rows: Some(file.rows),
        sha256: file.sha256.clone(),
    });
    let columns = delivered.columns.iter().map(|column| ColumnSchema {
        name: column.name.clone(),
        type_name: column.type_name.clone(),
        nullable: column.nullable,
        precision: column.precision,
        scale: column.scale,
    });
    Manifest {
        mart: request.request.mart.clone(),
        version: request.version_id.clone(),
        request_id: request.request.request_id.clone(),
        token: request.token.clone(),
        statement_id: described.id.clone(),
        query_id: (described.query_id > 0).then_some(described.query_id),
        format: request.format,
        bucket: bucket.to_owned(),
        files: files.collect(),
        columns: columns.collect(),
        rows: delivered.rows,
        bytes: delivered.bytes,
        parameters: request.request.parameters.clone(),
        submitted_at: request.accepted_at,
        finished_at: None,
        delivered_at: now,
        duration_ms: described.nanoseconds / 1_000_000,
    }
}
