//! The HumanResources sample: tables of the shape and size of AdventureWorks', with values of our own.

use std::sync::Arc;

use bytes::Bytes;
use datafusion::arrow::array::{
    ArrayRef, BooleanArray, Date32Array, Decimal128Array, Int16Array, Int32Array, RecordBatch, StringArray,
    TimestampMicrosecondArray,
};
use datafusion::parquet::arrow::ArrowWriter;
use datafusion::parquet::basic::Compression;
use datafusion::parquet::file::properties::WriterProperties;

const DAY: i64 = 86_400_000_000;
/// 2009-01-01, about when the first were hired.
const FIRST: i32 = 14_245;
/// 2014-06-30, when the data was taken.
const MODIFIED: i64 = 16_251 * DAY;
const EMPLOYEES: i32 = 290;
/// Rows of the histories: who changed pay, and who changed department.
const PAY_CHANGES: i32 = 26;
const MOVES: i32 = 6;

const DEPARTMENTS: [(&str, &str); 16] = [
    ("Engineering", "Research and Development"),
    ("Tool Design", "Research and Development"),
    ("Sales", "Sales and Marketing"),
    ("Marketing", "Sales and Marketing"),
    ("Purchasing", "Inventory Management"),
    ("Research and Development", "Research and Development"),
    ("Production", "Manufacturing"),
    ("Production Control", "Manufacturing"),
    ("Human Resources", "Executive General and Administration"),
    ("Finance", "Executive General and Administration"),
    ("Information Services", "Executive General and Administration"),
    ("Document Control", "Quality Assurance"),
    ("Quality Assurance", "Quality Assurance"),
    ("Facilities and Maintenance", "Executive General and Administration"),
    ("Shipping and Receiving", "Inventory Management"),
    ("Executive", "Executive General and Administration"),
];
const SHIFTS: [(&str, &str, &str); 3] =
    [("Day", "07:00:00", "15:00:00"), ("Evening", "15:00:00", "23:00:00"), ("Night", "23:00:00", "07:00:00")];
const LEVELS: [&str; 4] = ["Specialist", "Technician", "Supervisor", "Manager"];

/// The tables' names and their Parquet files: `department` (16 rows), `shift` (3), `employee` (290),
/// `employeepayhistory` (316) and `employeedepartmenthistory` (296). The same seed gives the same rows.
///
/// # Errors
/// The Parquet writer's.
pub fn human_resources(seed: u64) -> Result<Vec<(&'static str, Bytes)>, String> {
    let staff = Staff::new(seed);
    let tables = [
        ("department", departments()),
        ("shift", shifts()),
        ("employee", staff.employees()),
        ("employeepayhistory", staff.pay()),
        ("employeedepartmenthistory", staff.departments()),
    ];
    tables.into_iter().map(|(name, columns)| Ok((name, parquet(columns)?))).collect()
}

type Columns = Vec<(&'static str, ArrayRef)>;

fn parquet(columns: Columns) -> Result<Bytes, String> {
    let batch = RecordBatch::try_from_iter(columns).map_err(|error| error.to_string())?;
    let properties = WriterProperties::builder().set_compression(Compression::SNAPPY).build();
    let writer = ArrowWriter::try_new(Vec::new(), batch.schema(), Some(properties));
    let mut writer = writer.map_err(|error| error.to_string())?;
    writer.write(&batch).map_err(|error| error.to_string())?;
    writer.into_inner().map(Bytes::from).map_err(|error| error.to_string())
}

/// One who works there, or did.
struct Employee {
    department: i16,
    shift: i16,
    /// In days since 1970.
    hired: i32,
    born: i32,
    level: usize,
    married: bool,
    female: bool,
    vacation: i16,
    sick: i16,
    current: bool,
    /// In ten-thousandths, as a numeric of scale 4 has it.
    rate: i128,
    raised: Option<(i32, i128)>,
    moved: Option<(i32, i16)>,
}

struct Staff(Vec<Employee>);

impl Staff {
    fn new(seed: u64) -> Self {
        let mut chance = Chance(seed);
        let raised = chance.some(PAY_CHANGES);
        let moved = chance.some(MOVES);
        let employee = |id: i32| {
            // More than half make what is sold, as in the sample.
            let department = if chance.below(10) < 6 { 7 } else { 1 + chance.below(16) };
            let hired = FIRST + i32::from(chance.below(1_500));
            let level = usize::from(
                [0, 0, 0, 1, 1, 1, 1, 2, 2, 3]
                    .get(usize::from(chance.below(10).unsigned_abs()))
                    .copied()
                    .unwrap_or(0u8),
            );
            let rate = 65_000
                + i128::from(chance.below(20_000)) * 20 * (1 + i128::try_from(level).unwrap_or_default());
            let later = |chance: &mut Chance| hired + 200 + i32::from(chance.below(300));
            Employee {
                department,
                shift: 1 + chance.below(if department == 7 { 3 } else { 2 }),
                hired,
                born: hired - 7_300 - i32::from(chance.below(14_000)),
                level,
                married: chance.below(2) == 0,
                female: chance.below(10) < 4,
                vacation: chance.below(100),
                sick: 20 + chance.below(61),
                current: chance.below(20) != 0,
                rate,
                raised: raised.contains(&id).then(|| (later(&mut chance), rate + rate / 10)),
                moved: moved.contains(&id).then(|| (later(&mut chance), 1 + department % 16)),
            }
        };
        Self((1..=EMPLOYEES).map(employee).collect())
    }

    fn numbered(&self) -> impl Iterator<Item = (i32, &Employee)> {
        (1..).zip(&self.0)
    }

    fn employees(&self) -> Columns {
        let all = || self.0.iter();
        let flag = |is: bool, yes: &'static str, no: &'static str| if is { yes } else { no };
        let title = |employee: &Employee| {
            let place = usize::try_from(employee.department - 1).unwrap_or_default();
            let department = DEPARTMENTS.get(place).map_or("", |(name, _)| name);
            format!("{department} {}", LEVELS.get(employee.level).copied().unwrap_or_default())
        };
        vec![
            ("businessentityid", ints(1..=EMPLOYEES)),
            (
                "nationalidnumber",
                texts((1..=EMPLOYEES).map(|id| format!("{:09}", i64::from(id) * 3_037_009 % 1_000_000_000))),
            ),
            ("loginid", texts((1..=EMPLOYEES).map(|id| format!("adventure-works\\employee{id}")))),
            ("jobtitle", texts(all().map(title))),
            ("birthdate", dates(all().map(|employee| Some(employee.born)))),
            ("maritalstatus", texts(all().map(|employee| flag(employee.married, "M", "S")))),
            ("gender", texts(all().map(|employee| flag(employee.female, "F", "M")))),
            ("hiredate", dates(all().map(|employee| Some(employee.hired)))),
            ("salariedflag", flags(all().map(|employee| employee.level > 1))),
            ("vacationhours", shorts(all().map(|employee| employee.vacation))),
            ("sickleavehours", shorts(all().map(|employee| employee.sick))),
            ("currentflag", flags(all().map(|employee| employee.current))),
            ("modifieddate", times(all().map(|_| MODIFIED))),
        ]
    }

    fn pay(&self) -> Columns {
        let mut rows = Vec::new();
        for (id, employee) in self.numbered() {
            rows.push((id, employee.hired, employee.rate));
            rows.extend(employee.raised.map(|(day, rate)| (id, day, rate)));
        }
        let rates = Decimal128Array::from_iter_values(rows.iter().map(|(_, _, rate)| *rate));
        // Ten digits are far more than the rates have.
        let rates: ArrayRef =
            Arc::new(rates.with_data_type(datafusion::arrow::datatypes::DataType::Decimal128(19, 4)));
        vec![
            ("businessentityid", ints(rows.iter().map(|(id, ..)| *id))),
            ("ratechangedate", times(rows.iter().map(|(_, day, _)| i64::from(*day) * DAY))),
            ("rate", rates),
            ("payfrequency", shorts(rows.iter().map(|(id, ..)| if id % 3 == 0 { 1 } else { 2 }))),
            ("modifieddate", times(rows.iter().map(|_| MODIFIED))),
        ]
    }

    fn departments(&self) -> Columns {
        let mut rows = Vec::new();
        for (id, employee) in self.numbered() {
            let end = employee.moved.map(|(day, _)| day);
            rows.push((id, employee.department, employee.shift, employee.hired, end));
            rows.extend(
                employee.moved.map(|(day, department)| (id, department, employee.shift, day + 1, None)),
            );
        }
        vec![
            ("businessentityid", ints(rows.iter().map(|row| row.0))),
            ("departmentid", shorts(rows.iter().map(|row| row.1))),
            ("shiftid", shorts(rows.iter().map(|row| row.2))),
            ("startdate", dates(rows.iter().map(|row| Some(row.3)))),
            ("enddate", dates(rows.iter().map(|row| row.4))),
            ("modifieddate", times(rows.iter().map(|_| MODIFIED))),
        ]
    }
}

fn departments() -> Columns {
    vec![
        ("departmentid", shorts(1..=16)),
        ("name", texts(DEPARTMENTS.iter().map(|(name, _)| *name))),
        ("groupname", texts(DEPARTMENTS.iter().map(|(_, group)| *group))),
        ("modifieddate", times(DEPARTMENTS.iter().map(|_| MODIFIED))),
    ]
}

fn shifts() -> Columns {
    vec![
        ("shiftid", shorts(1..=3)),
        ("name", texts(SHIFTS.iter().map(|(name, ..)| *name))),
        ("starttime", texts(SHIFTS.iter().map(|(_, start, _)| *start))),
        ("endtime", texts(SHIFTS.iter().map(|(.., end)| *end))),
        ("modifieddate", times(SHIFTS.iter().map(|_| MODIFIED))),
    ]
}

fn ints(values: impl IntoIterator<Item = i32>) -> ArrayRef {
    Arc::new(Int32Array::from_iter_values(values))
}

fn shorts(values: impl IntoIterator<Item = i16>) -> ArrayRef {
    Arc::new(Int16Array::from_iter_values(values))
}

fn texts<T: AsRef<str>>(values: impl IntoIterator<Item = T>) -> ArrayRef {
    Arc::new(StringArray::from_iter_values(values))
}

fn dates(values: impl IntoIterator<Item = Option<i32>>) -> ArrayRef {
    Arc::new(Date32Array::from_iter(values))
}

fn times(values: impl IntoIterator<Item = i64>) -> ArrayRef {
    Arc::new(TimestampMicrosecondArray::from_iter_values(values))
}

fn flags(values: impl IntoIterator<Item = bool>) -> ArrayRef {
    Arc::new(BooleanArray::from(values.into_iter().collect::<Vec<_>>()))
}

/// SplitMix64 (Steele, Lea and Flood, 2014): small, and the same everywhere.
struct Chance(u64);

impl Chance {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    /// From 0 to just below `end`.
    fn below(&mut self, end: i16) -> i16 {
        let end = u64::from(end.unsigned_abs().max(1));
        i16::try_from(self.next() % end).unwrap_or_default()
    }

    /// So many different employees.
    fn some(&mut self, count: i32) -> std::collections::BTreeSet<i32> {
        let mut some = std::collections::BTreeSet::new();
        while some.len() < usize::try_from(count).unwrap_or_default() {
            some.insert(1 + i32::from(self.below(290)));
        }
        some
    }
}
