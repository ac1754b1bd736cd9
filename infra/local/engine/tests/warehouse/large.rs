//! A million rows.

use eventide_local_engine::Value;

use crate::support::{admin, place};

#[tokio::test]
async fn a_million_rows_are_paged_in_order() {
    let place = place();
    let sql = "select g.n, g.n % 7 as seventh, 'row ' || g.n::varchar as label, (g.n * 1.25)::numeric(12, 2) as amount \
               from generate_series(1, 1000000) as g(n)";
    let outcome = place.run_as(&admin(), sql).await.unwrap();
    let result = outcome.result.unwrap();
    assert_eq!((outcome.rows, result.row_count()), (1_000_000, 1_000_000));
    for start in [0, 1, 8_191, 8_192, 499_999, 999_998] {
        let rows = result.rows(start, 2);
        assert_eq!(rows.len(), 2);
        let n = i64::try_from(start).unwrap() + 1;
        let hundredths = n * 125;
        let amount = format!("{}.{:02}", hundredths / 100, hundredths % 100);
        let expected =
            [Value::Long(n), Value::Long(n % 7), Value::Text(format!("row {n}")), Value::Text(amount)];
        assert_eq!(rows[0], expected);
    }
    assert_eq!(result.rows(999_999, 5).len(), 1);
    assert!(result.rows(1_000_000, 5).is_empty());
    // Both numbers, the label and the amount.
    let digits: u64 = (1..=1_000_000u64).map(|n| u64::from(n.ilog10()) + 1).sum();
    let amounts: u64 = (1..=1_000_000u64).map(|n| u64::from((n * 125 / 100).max(1).ilog10()) + 4).sum();
    assert_eq!(result.size(), 16_000_000 + 4_000_000 + digits + amounts);
}
