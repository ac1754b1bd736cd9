//! Values as text.

use eventide_clients::redshift_data::Field;

/// A double as the shortest text that reads back as the same; what is no number, by Redshift's own names.
pub(super) fn number(double: f64) -> String {
    if double.is_nan() {
        "NaN".to_owned()
    } else if double.is_infinite() {
        if double > 0.0 { "Infinity".to_owned() } else { "-Infinity".to_owned() }
    } else {
        format!("{double:?}").trim_end_matches(".0").to_owned()
    }
}

/// Any value, nulls as nothing.
pub(super) fn plain(field: &Field) -> String {
    match field {
        Field::Null => String::new(),
        Field::Boolean(flag) => flag.to_string(),
        Field::Long(long) => long.to_string(),
        Field::Double(double) => number(*double),
        Field::Text(text) => text.clone(),
        Field::Blob(bytes) => hex::encode(bytes),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn doubles_read_back() {
        for (double, expected) in
            [(1.0, "1"), (0.1, "0.1"), (1e300, "1e300"), (-0.5, "-0.5"), (f64::NEG_INFINITY, "-Infinity")]
        {
            assert_eq!(number(double), expected);
            assert_eq!(number(double).replace("Infinity", "inf").parse::<f64>().unwrap(), double);
        }
    }
}
