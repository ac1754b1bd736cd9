//! `AVG` as Redshift has it: whole numbers of whole numbers, and the argument's scale of numerics (Database
//! Developer Guide, "AVG function"). What is behind the scale is cut off, which the guide does not say.

use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayRef, AsArray};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::{DataType, Decimal128Type, Field, FieldRef, Float64Type, Int64Type};
use datafusion::common::ScalarValue;
use datafusion::error::Result as Planned;
use datafusion::logical_expr::function::{AccumulatorArgs, StateFieldsArgs};
use datafusion::logical_expr::{Accumulator, AggregateUDFImpl, Signature, Volatility};

use crate::error::{error, through, unsupported};

const DIGITS: u8 = 38;

/// `AVG`
#[derive(Debug, PartialEq, Eq, Hash)]
pub(super) struct Average(Signature);

impl Average {
    pub(super) fn new() -> Self {
        Self(Signature::user_defined(Volatility::Immutable))
    }
}

impl AggregateUDFImpl for Average {
    fn name(&self) -> &'static str {
        "avg"
    }

    fn signature(&self) -> &Signature {
        &self.0
    }

    fn coerce_types(&self, types: &[DataType]) -> Planned<Vec<DataType>> {
        let [kind] = types else { return Err(through(error("function avg takes one argument"))) };
        Ok(vec![match kind {
            kind if kind.is_integer() => DataType::Int64,
            DataType::Decimal128(_, scale) => DataType::Decimal128(DIGITS, *scale),
            kind if kind.is_floating() || kind.is_null() => DataType::Float64,
            other => return Err(through(unsupported(format_args!("AVG of {other}")))),
        }])
    }

    fn return_type(&self, types: &[DataType]) -> Planned<DataType> {
        Ok(types.first().cloned().unwrap_or(DataType::Float64))
    }

    fn state_fields(&self, arguments: StateFieldsArgs<'_>) -> Planned<Vec<FieldRef>> {
        let sum = Sum::new(arguments.return_field.data_type()).value().data_type();
        let field =
            |part: &str, kind| Arc::new(Field::new(format!("{}[{part}]", arguments.name), kind, true));
        Ok(vec![field("sum", sum), field("count", DataType::Int64)])
    }

    fn accumulator(&self, arguments: AccumulatorArgs<'_>) -> Planned<Box<dyn Accumulator>> {
        if arguments.is_distinct {
            return Err(through(unsupported("AVG (DISTINCT …) beside other aggregates")));
        }
        let kind = arguments.return_field.data_type().clone();
        Ok(Box::new(Averaging { sum: Sum::new(&kind), kind, count: 0 }))
    }
}

#[derive(Debug)]
enum Sum {
    /// Of whole numbers, or of numerics in units of their last digit.
    Exact(i128, i8),
    Float(f64),
}

impl Sum {
    fn new(kind: &DataType) -> Self {
        match kind {
            DataType::Decimal128(_, scale) => Self::Exact(0, *scale),
            DataType::Int64 => Self::Exact(0, 0),
            _ => Self::Float(0.0),
        }
    }

    fn value(&self) -> ScalarValue {
        match self {
            Self::Exact(sum, scale) => ScalarValue::Decimal128(Some(*sum), DIGITS, *scale),
            Self::Float(sum) => ScalarValue::Float64(Some(*sum)),
        }
    }

    fn add(&mut self, values: &ArrayRef) -> Planned<()> {
        match self {
            Self::Exact(sum, scale) => {
                let values = cast(values, &DataType::Decimal128(DIGITS, *scale))?;
                for value in values.as_primitive::<Decimal128Type>().iter().flatten() {
                    *sum = sum.checked_add(value).ok_or_else(|| through(error("Numeric data overflow")))?;
                }
            }
            Self::Float(sum) => *sum += values.as_primitive::<Float64Type>().iter().flatten().sum::<f64>(),
        }
        Ok(())
    }
}

#[derive(Debug)]
struct Averaging {
    kind: DataType,
    sum: Sum,
    count: i64,
}

impl Accumulator for Averaging {
    fn update_batch(&mut self, values: &[ArrayRef]) -> Planned<()> {
        let Some(values) = values.first() else { return Ok(()) };
        self.count += i64::try_from(values.len() - values.null_count()).unwrap_or_default();
        self.sum.add(values)
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> Planned<()> {
        let [sums, counts] = states else { return Ok(()) };
        self.count += counts.as_primitive::<Int64Type>().iter().flatten().sum::<i64>();
        self.sum.add(sums)
    }

    fn state(&mut self) -> Planned<Vec<ScalarValue>> {
        Ok(vec![self.sum.value(), ScalarValue::Int64(Some(self.count))])
    }

    fn evaluate(&mut self) -> Planned<ScalarValue> {
        if self.count == 0 {
            return ScalarValue::try_from(&self.kind);
        }
        Ok(match (&self.sum, &self.kind) {
            (Sum::Exact(sum, _), DataType::Int64) => {
                ScalarValue::Int64(i64::try_from(sum / i128::from(self.count)).ok())
            }
            (Sum::Exact(sum, scale), _) => {
                ScalarValue::Decimal128(Some(sum / i128::from(self.count)), DIGITS, *scale)
            }
            (Sum::Float(sum), _) => ScalarValue::Float64(Some(sum / self.count as f64)),
        })
    }

    fn size(&self) -> usize {
        size_of_val(self)
    }
}
