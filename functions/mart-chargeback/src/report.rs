//! The sums of a month. No I/O.

use std::collections::BTreeMap;

use eventide_clients::marts::Usage;

/// The columns.
const HEADER: &str = "month,team,mart,warehouse,purpose,statements,failed,seconds,rows,bytes\r\n";

/// The sums of a month's statements. Memory grows with the number of marts, not of statements.
#[derive(Debug, Default)]
pub struct Report(BTreeMap<Line, Sums>);

#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Line {
    owner: String,
    mart: String,
    warehouse: String,
    purpose: String,
}

#[derive(Debug, Default)]
struct Sums {
    statements: u64,
    failed: u64,
    milliseconds: u64,
    rows: u64,
    bytes: u64,
}

impl Report {
    /// Adds a statement.
    pub fn add(&mut self, usage: Usage) {
        let Usage { owner, mart, warehouse, purpose, outcome, milliseconds, rows, bytes, .. } = usage;
        let sums = self.0.entry(Line { owner, mart, warehouse, purpose }).or_default();
        sums.statements += 1;
        sums.failed += u64::from(outcome != "finished");
        sums.milliseconds = sums.milliseconds.saturating_add(milliseconds);
        sums.rows = sums.rows.saturating_add(rows);
        sums.bytes = sums.bytes.saturating_add(bytes);
    }

    /// How many lines the report has.
    pub fn lines(&self) -> usize {
        self.0.len()
    }

    /// How many statements it sums up.
    pub fn statements(&self) -> u64 {
        self.0.values().map(|sums| sums.statements).sum()
    }

    /// The report as CSV (RFC 4180), sorted by team and mart.
    pub fn csv(&self, month: &str) -> String {
        let mut csv = HEADER.to_owned();
        for (Line { owner, mart, warehouse, purpose }, sums) in &self.0 {
            let Sums { statements, failed, milliseconds, rows, bytes } = sums;
            let (whole, thousandths) = (milliseconds / 1_000, milliseconds % 1_000);
            // Names of teams and marts have no character that needs quotes; a workgroup may be named by an ARN, which
            // has none either.
            csv.push_str(&format!(
                "{month},{owner},{mart},{warehouse},{purpose},{statements},{failed},{whole}.{thousandths:03},{rows},{bytes}\r\n"
            ));
        }
        csv
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn usage(owner: &str, mart: &str, outcome: &str, milliseconds: u64) -> Usage {
        Usage {
            month: "2026-10".into(),
            statement_id: "s".into(),
            owner: owner.into(),
            mart: mart.into(),
            purpose: "query".into(),
            warehouse: "w".into(),
            outcome: outcome.into(),
            milliseconds,
            rows: 10,
            bytes: 100,
        }
    }

    #[test]
    fn statements_are_summed_by_team_and_mart() {
        let mut report = Report::default();
        for usage in [
            usage("sales", "b", "finished", 1_500),
            usage("sales", "a", "failed", 5),
            usage("sales", "b", "finished", 600),
            usage("hr", "c", "aborted", 0),
        ] {
            report.add(usage);
        }
        assert_eq!((report.lines(), report.statements()), (3, 4));
        assert_eq!(
            report.csv("2026-10"),
            "month,team,mart,warehouse,purpose,statements,failed,seconds,rows,bytes\r\n\
             2026-10,hr,c,w,query,1,1,0.000,10,100\r\n\
             2026-10,sales,a,w,query,1,1,0.005,10,100\r\n\
             2026-10,sales,b,w,query,2,0,2.100,20,200\r\n"
        );
    }
}
