//! What End User Messaging remembers, per Region.

use std::collections::BTreeMap;

use serde_json::Value;
use time::OffsetDateTime;

use super::country::UNITED_STATES;
use crate::messages::ids;
use crate::messages::rate::Bucket;

/// The list of numbers and pools that name no other.
pub(super) const DEFAULT_LIST: &str = "Default";

/// The phone number that every Region has; reserved for fiction.
pub(super) const SEEDED_NUMBER: &str = "+12065550100";

/// The sender id that every Region has.
pub(super) const SEEDED_SENDER: &str = "EVENTIDE";

/// One Region of the account.
#[derive(Debug)]
pub(super) struct Region {
    /// By id.
    pub(super) numbers: BTreeMap<String, PhoneNumber>,
    /// By id and country.
    pub(super) senders: BTreeMap<(String, String), SenderId>,
    /// By id.
    pub(super) pools: BTreeMap<String, Pool>,
    pub(super) lists: BTreeMap<String, OptOutList>,
    pub(super) sets: BTreeMap<String, ConfigurationSet>,
    /// An override of the monthly limit.
    pub(super) spend_limit: Option<u64>,
    /// US dollars by year and month.
    pub(super) spent: BTreeMap<(i32, u8), f64>,
    /// By origination identity.
    pub(super) rates: BTreeMap<String, Bucket>,
}

#[derive(Clone, Debug)]
pub(super) struct PhoneNumber {
    pub(super) id: String,
    pub(super) number: String,
    pub(super) country: String,
    pub(super) message_type: String,
    pub(super) capabilities: Vec<String>,
    pub(super) number_type: String,
    pub(super) opt_out_list: String,
    pub(super) international: bool,
    pub(super) protected: bool,
    pub(super) pool: Option<String>,
    pub(super) created: OffsetDateTime,
}

#[derive(Clone, Debug)]
pub(super) struct SenderId {
    pub(super) id: String,
    pub(super) country: String,
    pub(super) message_types: Vec<String>,
    pub(super) protected: bool,
}

#[derive(Clone, Debug)]
pub(super) struct Pool {
    pub(super) id: String,
    pub(super) message_type: String,
    pub(super) opt_out_list: String,
    pub(super) protected: bool,
    /// Ids of phone numbers, and sender ids.
    pub(super) identities: Vec<String>,
    pub(super) created: OffsetDateTime,
}

#[derive(Clone, Default)]
pub(super) struct OptOutList {
    pub(super) created: Option<OffsetDateTime>,
    /// When, and whether the recipient did it.
    pub(super) numbers: BTreeMap<String, (OffsetDateTime, bool)>,
    /// When numbers were last taken off.
    pub(super) removed: BTreeMap<String, OffsetDateTime>,
}

impl std::fmt::Debug for OptOutList {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("OptOutList").field("numbers", &self.numbers.len()).finish_non_exhaustive()
    }
}

#[derive(Clone, Debug)]
pub(super) struct ConfigurationSet {
    pub(super) destinations: BTreeMap<String, Value>,
    pub(super) created: OffsetDateTime,
}

impl Region {
    pub(super) fn new(now: OffsetDateTime) -> Self {
        let number = PhoneNumber {
            id: format!("phone-{}", ids::digits_of("seeded number")),
            number: SEEDED_NUMBER.into(),
            country: UNITED_STATES.into(),
            message_type: "PROMOTIONAL".into(),
            capabilities: vec!["SMS".into()],
            number_type: "TOLL_FREE".into(),
            opt_out_list: DEFAULT_LIST.into(),
            international: true,
            protected: false,
            pool: Some(seeded_pool()),
            created: now,
        };
        let pool = Pool {
            id: seeded_pool(),
            message_type: number.message_type.clone(),
            opt_out_list: DEFAULT_LIST.into(),
            protected: false,
            identities: vec![number.id.clone()],
            created: now,
        };
        let senders = ["DE", "ES", "GB"].into_iter().map(|country| {
            let sender = SenderId {
                id: SEEDED_SENDER.into(),
                country: country.into(),
                message_types: vec!["TRANSACTIONAL".into(), "PROMOTIONAL".into()],
                protected: false,
            };
            ((SEEDED_SENDER.to_owned(), country.to_owned()), sender)
        });
        Self {
            numbers: BTreeMap::from([(number.id.clone(), number)]),
            senders: senders.collect(),
            pools: BTreeMap::from([(pool.id.clone(), pool)]),
            lists: BTreeMap::from([(
                DEFAULT_LIST.to_owned(),
                OptOutList { created: Some(now), ..OptOutList::default() },
            )]),
            sets: BTreeMap::new(),
            spend_limit: None,
            spent: BTreeMap::new(),
            rates: BTreeMap::new(),
        }
    }

    /// US dollars spent in the month of that time.
    pub(super) fn spent(&mut self, at: OffsetDateTime) -> &mut f64 {
        self.spent.entry((at.year(), at.month().into())).or_default()
    }
}

fn seeded_pool() -> String {
    format!("pool-{}", ids::digits_of("seeded pool"))
}

/// What follows the last `/` of an ARN, or the whole of a name or id.
pub(super) fn name_of(name_or_arn: &str) -> &str {
    if name_or_arn.starts_with("arn:") {
        name_or_arn.rsplit('/').next().unwrap_or(name_or_arn)
    } else {
        name_or_arn
    }
}
