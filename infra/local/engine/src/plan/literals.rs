//! Literals without a type take that of what they are compared with, as `currentflag = 'true'` does.
//!
//! Values of parameters are such literals, too.

use std::sync::Arc;

use datafusion::arrow::datatypes::DataType;
use datafusion::common::{DFSchema, ScalarValue};
use datafusion::error::Result as Planned;
use datafusion::execution::SessionStateDefaults;
use datafusion::logical_expr::planner::{ExprPlanner, PlannerResult, RawBinaryExpr};
use datafusion::logical_expr::{Expr, ExprSchemable};
use datafusion::sql::sqlparser::ast::BinaryOperator;

use crate::error::{Result, invalid_input, through};

/// The engine's planners, behind ours.
pub(super) fn planners() -> Vec<Arc<dyn ExprPlanner>> {
    let mut planners: Vec<Arc<dyn ExprPlanner>> = vec![Arc::new(Literals)];
    planners.extend(SessionStateDefaults::default_expr_planners());
    planners
}

#[derive(Debug)]
struct Literals;

impl ExprPlanner for Literals {
    fn plan_binary_op(
        &self,
        mut raw: RawBinaryExpr,
        schema: &DFSchema,
    ) -> Planned<PlannerResult<RawBinaryExpr>> {
        let compares = matches!(
            raw.op,
            BinaryOperator::Eq
                | BinaryOperator::NotEq
                | BinaryOperator::Lt
                | BinaryOperator::LtEq
                | BinaryOperator::Gt
                | BinaryOperator::GtEq
        );
        let computes = matches!(
            raw.op,
            BinaryOperator::Plus
                | BinaryOperator::Minus
                | BinaryOperator::Multiply
                | BinaryOperator::Divide
                | BinaryOperator::Modulo
        );
        if compares || computes {
            for (literal, other) in [(&raw.left, &raw.right), (&raw.right, &raw.left)]
                .map(|(literal, other)| (text(literal), other.get_type(schema)))
                .into_iter()
                .enumerate()
                .filter_map(|(side, (literal, kind))| Some(((side, literal?), kind.ok()?)))
                .collect::<Vec<_>>()
            {
                let (side, literal) = literal;
                if computes && !other.is_numeric() {
                    continue;
                }
                if let Some(typed) = typed(&literal, &other).map_err(through)? {
                    let expression = Expr::Literal(typed, None);
                    *(if side == 0 { &mut raw.left } else { &mut raw.right }) = expression;
                }
            }
        }
        Ok(PlannerResult::Original(raw))
    }
}

fn text(expression: &Expr) -> Option<String> {
    match expression {
        Expr::Literal(ScalarValue::Utf8(Some(text)), _) => Some(text.clone()),
        _ => None,
    }
}

/// A literal's value as another type; none, if it stays text.
fn typed(text: &str, kind: &DataType) -> Result<Option<ScalarValue>> {
    let trimmed = text.trim();
    let (wanted, name) = match kind {
        DataType::Boolean => {
            let value = boolean(trimmed).ok_or_else(|| invalid_input("boolean", text))?;
            return Ok(Some(ScalarValue::Boolean(Some(value))));
        }
        kind if kind.is_integer() => {
            let value: i64 = trimmed.parse().map_err(|_| invalid_input("integer", text))?;
            return Ok(Some(ScalarValue::Int64(Some(value))));
        }
        // All of the literal's digits count, not only as many as the column has.
        DataType::Decimal128(_, scale) => {
            let digits = trimmed.split_once('.').map_or(0, |(_, fraction)| fraction.len());
            let digits = i8::try_from(digits).unwrap_or(i8::MAX).max(*scale).min(37);
            (DataType::Decimal128(38, digits), "numeric")
        }
        DataType::Float32 | DataType::Float64 => (DataType::Float64, "double precision"),
        DataType::Date32 => (kind.clone(), "date"),
        DataType::Timestamp(..) => (kind.clone(), "timestamp"),
        DataType::Time64(_) => (kind.clone(), "time"),
        _ => return Ok(None),
    };
    let value = ScalarValue::Utf8(Some(trimmed.to_owned())).cast_to(&wanted);
    value.map(Some).map_err(|_| invalid_input(name, text))
}

/// Database Developer Guide, "Boolean type", "Valid literal values".
fn boolean(text: &str) -> Option<bool> {
    match text.to_ascii_lowercase().as_str() {
        "t" | "true" | "y" | "yes" | "1" => Some(true),
        "f" | "false" | "n" | "no" | "0" => Some(false),
        _ => None,
    }
}
