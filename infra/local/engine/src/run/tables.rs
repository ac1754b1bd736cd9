//! Tables, small ones: what `CREATE TABLE` and `INSERT` make.

use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayRef, AsArray, RecordBatch, new_null_array};
use datafusion::arrow::compute::{CastOptions, cast_with_options};
use datafusion::arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use datafusion::common::DFSchema;
use datafusion::logical_expr::planner::TypePlanner;
use datafusion::sql::sqlparser::ast::{DataType as SqlType, ExactNumberInfo, Query};

use super::Run;
use crate::catalog::{ADMIN, Body, Id, Rows, Stored};
use crate::error::{Result, error, translate, translated, unsupported};
use crate::parse::{Name, NewColumn, Privilege};
use crate::result::labelled;
use crate::types::{self, Types};
use crate::values;

impl Run<'_> {
    pub(super) fn create_table(
        &mut self,
        name: &Name,
        temporary: bool,
        if_not_exists: bool,
        columns: &[NewColumn],
    ) -> Result<()> {
        let mut fields: Vec<Field> = Vec::with_capacity(columns.len());
        for column in columns {
            if fields.iter().any(|field| *field.name() == column.name) {
                return Err(error(format_args!("column \"{}\" duplicated", column.name)));
            }
            let kind = field_of(&column.kind)?;
            fields.push(kind.with_name(&column.name).with_nullable(!column.not_null));
        }
        let rows = Rows { schema: Arc::new(Schema::new(fields)), batches: Vec::new() };
        self.new_table(name, temporary, if_not_exists).map(|id| self.keep(name, id, rows))
    }

    pub(super) async fn create_table_as(
        &mut self,
        name: &Name,
        temporary: bool,
        if_not_exists: bool,
        columns: &[String],
        query: &Query,
    ) -> Result<()> {
        let place = self.new_table(name, temporary, if_not_exists)?;
        if matches!(place, Place::Taken) {
            return Ok(());
        }
        let plan = self.planned(query).await?;
        let schema = stored_as(plan.logical.schema())?;
        let named = schema.fields().iter().enumerate().map(|(place, field)| {
            let name = columns.get(place).unwrap_or(field.name());
            field.as_ref().clone().with_name(name)
        });
        let schema: SchemaRef = Arc::new(Schema::new(named.collect::<Vec<_>>()));
        let rows = self.rows(&plan, schema).await?;
        self.keep(name, place, rows);
        Ok(())
    }

    /// `INSERT`. Returns how many rows.
    pub(super) async fn insert(&mut self, name: &Name, columns: &[String], query: &Query) -> Result<i64> {
        let temporary = self.own.temporary.get(&name.name).filter(|_| name.schema.is_none()).cloned();
        if temporary.is_none() {
            self.change().await;
        }
        let id = self.id(name);
        let stored = match &temporary {
            Some(stored) => Arc::clone(stored),
            None => {
                let stored = Arc::clone(self.catalog.known(&id, name)?);
                self.access().relation(&id, &stored, Privilege::Insert)?;
                stored
            }
        };
        let Body::Table(rows) = &stored.body else {
            return Err(error(format_args!("cannot insert into a view \"{}\"", id.name)));
        };
        let plan = self.planned(query).await?;
        let given = plan.logical.schema().fields().len();
        let targets = targets(&rows.schema, columns, given)?;
        let partial: Vec<Field> = targets
            .iter()
            .filter_map(|place| rows.schema.fields().get(*place))
            .map(|field| field.as_ref().clone())
            .collect();
        let new = self.rows(&plan, Arc::new(Schema::new(partial))).await?;
        let mut all = rows.clone();
        let mut count = 0;
        for batch in new.batches {
            count += i64::try_from(batch.num_rows()).unwrap_or_default();
            all.batches.push(widened(&batch, &targets, &rows.schema)?);
        }
        if temporary.is_some() {
            self.own
                .temporary
                .insert(name.name.clone(), Arc::new(Stored { body: Body::Table(all), ..(*stored).clone() }));
        } else {
            Arc::make_mut(&mut self.catalog).replace(&id, Body::Table(all));
        }
        Ok(count)
    }

    fn new_table(&self, name: &Name, temporary: bool, if_not_exists: bool) -> Result<Place> {
        if temporary {
            if name.schema.is_some() {
                return Err(error("cannot create temporary relation in non-temporary schema"));
            }
            return match self.own.temporary.contains_key(&name.name) {
                true if if_not_exists => Ok(Place::Taken),
                true => Err(error(format_args!("relation \"{}\" already exists", name.name))),
                false => Ok(Place::Temporary),
            };
        }
        let id = self.id(name);
        if if_not_exists && self.catalog.get(&id).is_some() {
            return Ok(Place::Taken);
        }
        self.room(&id, name, None)?;
        Ok(Place::At(id))
    }

    fn keep(&mut self, name: &Name, place: Place, rows: Rows) {
        match place {
            Place::Taken => {}
            Place::At(id) => self.put(id, false, Body::Table(rows)),
            Place::Temporary => {
                let stored = Stored { oid: 0, owner: ADMIN.to_owned(), body: Body::Table(rows) };
                self.own.temporary.insert(name.name.clone(), Arc::new(stored));
            }
        }
    }
}

/// Where a new table goes.
enum Place {
    /// There is one already, and that is as well.
    Taken,
    Temporary,
    At(Id),
}

/// The places of the columns that are inserted.
fn targets(schema: &Schema, columns: &[String], given: usize) -> Result<Vec<usize>> {
    let targets: Vec<usize> = if columns.is_empty() {
        (0..given.min(schema.fields().len())).collect()
    } else {
        let find = |name: &String| {
            schema
                .index_of(name)
                .map_err(|_| error(format_args!("column \"{name}\" of relation does not exist")))
        };
        columns.iter().map(find).collect::<Result<_>>()?
    };
    if given > targets.len() {
        return Err(error("INSERT has more expressions than target columns"));
    }
    if given < targets.len() {
        return Err(error("INSERT has more target columns than expressions"));
    }
    Ok(targets)
}

/// Rows of some columns with nulls for the others.
fn widened(batch: &RecordBatch, targets: &[usize], schema: &SchemaRef) -> Result<RecordBatch> {
    let mut columns: Vec<ArrayRef> = Vec::with_capacity(schema.fields().len());
    for (place, field) in schema.fields().iter().enumerate() {
        let given = targets.iter().position(|target| *target == place);
        let column = match given.and_then(|given| batch.columns().get(given)) {
            Some(column) => Arc::clone(column),
            None => new_null_array(field.data_type(), batch.num_rows()),
        };
        if !field.is_nullable() && column.null_count() > 0 {
            return Err(error(format_args!(
                "null value in column \"{}\" violates not-null constraint",
                field.name()
            )));
        }
        columns.push(column);
    }
    RecordBatch::try_new(Arc::clone(schema), columns).map_err(error)
}

/// How a query's rows are stored: types that have a text, all columns nullable and of different names.
pub(super) fn stored_as(schema: &DFSchema) -> Result<SchemaRef> {
    let labelled = labelled(schema);
    let mut fields: Vec<Field> = Vec::with_capacity(labelled.fields().len());
    for field in labelled.fields() {
        if fields.iter().any(|other| other.name() == field.name()) {
            return Err(error(format_args!("column \"{}\" duplicated", field.name())));
        }
        let kind = values::kept_as(field.data_type());
        fields.push(field.as_ref().clone().with_data_type(kind).with_nullable(true));
    }
    Ok(Arc::new(Schema::new(fields)))
}

/// A batch in a table's types.
pub(super) fn fitted(batch: &RecordBatch, schema: &SchemaRef) -> Result<RecordBatch> {
    let options = CastOptions { safe: false, ..CastOptions::default() };
    let mut columns = Vec::with_capacity(batch.num_columns());
    for (column, field) in batch.columns().iter().zip(schema.fields()) {
        let column = cast_with_options(column, field.data_type(), &options)
            .map_err(|failure| translate(&failure.into()))?;
        fits(&column, field)?;
        columns.push(column);
    }
    // Nulls are looked for where all columns are known.
    let fields = schema.fields().iter().map(|field| field.as_ref().clone().with_nullable(true));
    let nullable = Arc::new(Schema::new(fields.collect::<Vec<_>>()));
    let schema =
        if columns.iter().any(|column| column.null_count() > 0) { nullable } else { Arc::clone(schema) };
    RecordBatch::try_new(schema, columns).map_err(error)
}

/// Character types have a length, in bytes.
fn fits(column: &ArrayRef, field: &Field) -> Result<()> {
    let (name, length, _) = types::described(field);
    if column.data_type() != &DataType::Utf8 || !field.metadata().contains_key(types::KEY) || name == "super"
    {
        return Ok(());
    }
    let length = usize::try_from(length).unwrap_or(usize::MAX);
    let too_long =
        column.as_string::<i32>().iter().flatten().any(|text| text.trim_end_matches(' ').len() > length);
    if too_long {
        let kind = if name == "bpchar" { "character" } else { "character varying" };
        return Err(error(format_args!("value too long for type {kind}({length})")));
    }
    Ok(())
}

/// A column's type.
fn field_of(kind: &SqlType) -> Result<Field> {
    if let Some(field) = translated(Types.plan_type_field(kind))? {
        return Ok(field.as_ref().clone());
    }
    let plain = match kind {
        SqlType::Boolean | SqlType::Bool => DataType::Boolean,
        SqlType::SmallInt(_) | SqlType::Int2(_) => DataType::Int16,
        SqlType::Int(_) | SqlType::Integer(_) | SqlType::Int4(_) => DataType::Int32,
        SqlType::BigInt(_) | SqlType::Int8(_) => DataType::Int64,
        SqlType::Real | SqlType::Float4 => DataType::Float32,
        SqlType::DoublePrecision | SqlType::Float8 | SqlType::Float(_) | SqlType::Double(_) => {
            DataType::Float64
        }
        SqlType::Date => DataType::Date32,
        SqlType::Decimal(info) | SqlType::Numeric(info) | SqlType::Dec(info) => {
            let (precision, scale) = match info {
                ExactNumberInfo::None => (18, 0),
                ExactNumberInfo::Precision(precision) => (*precision, 0),
                ExactNumberInfo::PrecisionAndScale(precision, scale) => (*precision, *scale),
            };
            let precision = u8::try_from(precision).ok().filter(|precision| (1..=38).contains(precision));
            let scale = i8::try_from(scale).ok().filter(|scale| *scale >= 0);
            match precision.zip(scale) {
                Some((precision, scale)) if scale.unsigned_abs() <= precision => {
                    DataType::Decimal128(precision, scale)
                }
                _ => {
                    return Err(error(format_args!(
                        "invalid precision or scale of {kind}, expected at most 38 digits"
                    )));
                }
            }
        }
        other => return Err(unsupported(format_args!("type {other}"))),
    };
    Ok(Field::new("", plain, true))
}
