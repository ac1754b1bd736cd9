//! Names of columns that have to differ.

use std::collections::BTreeSet;

use eventide_clients::redshift_data::Column;

/// The columns' labels, a number added to those that are there already: SQL allows equal ones, JSON objects and
/// Parquet schemas do not.
pub(crate) fn distinct(columns: &[Column]) -> Vec<String> {
    let labels: BTreeSet<&str> = columns.iter().map(|column| column.name.as_str()).collect();
    let mut taken = BTreeSet::new();
    columns
        .iter()
        .map(|column| {
            if taken.insert(column.name.clone()) {
                return column.name.clone();
            }
            let numbered = (2_u32..).map(|number| format!("{}_{number}", column.name));
            let free =
                numbered.into_iter().find(|name| !labels.contains(name.as_str()) && !taken.contains(name));
            let name = free.unwrap_or_default();
            taken.insert(name.clone());
            name
        })
        .collect()
}

#[cfg(test)]
pub(crate) fn column(name: &str, type_name: &str, precision: i32, scale: i32) -> Column {
    Column { name: name.into(), type_name: type_name.into(), nullable: true, precision, scale }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_labels_are_numbered_and_no_label_is_taken_from_another_column() {
        let columns: Vec<_> =
            ["a", "a", "a_2", "a", "b"].iter().map(|name| column(name, "int4", 0, 0)).collect();
        assert_eq!(distinct(&columns), ["a", "a_3", "a_2", "a_4", "b"]);
    }
}
