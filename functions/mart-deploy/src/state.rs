//! Where a file stands, in the words of its deployment's record.

use crate::run::Step;

/// Where a file stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// Its relation is being made.
    Building,
    /// What was made is being looked at.
    Checking,
    /// It is being put before users; a datashare is being made.
    Swapping,
    /// It is in force, and what was before it is being dropped.
    Dropping,
    /// It is in force, and there is nothing left to do.
    InForce,
    /// It was refused; what was in force before still is.
    Rejected,
    /// It was deleted, and what was its is being dropped.
    Withdrawing,
    /// It was deleted, and nothing is left of it.
    Withdrawn,
}

impl State {
    const ALL: [Self; 8] = [
        Self::Building,
        Self::Checking,
        Self::Swapping,
        Self::Dropping,
        Self::InForce,
        Self::Rejected,
        Self::Withdrawing,
        Self::Withdrawn,
    ];

    /// The state as it is recorded.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Building => "building",
            Self::Checking => "checking",
            Self::Swapping => "swapping",
            Self::Dropping => "dropping",
            Self::InForce => "in-force",
            Self::Rejected => "rejected",
            Self::Withdrawing => "withdrawing",
            Self::Withdrawn => "withdrawn",
        }
    }

    /// Reads a state.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == text)
    }

    /// The states from which one version of a file may come into this one; from it itself it may, too. A slow delivery of
    /// an earlier message must not take a file back: the end of the later step's statement, which is told once, would
    /// find a file that does not wait for it.
    pub fn before(self) -> Vec<&'static str> {
        Self::ALL.into_iter().filter(|state| state.rank() < self.rank()).map(Self::as_str).collect()
    }

    fn rank(self) -> u8 {
        match self {
            Self::Building | Self::Withdrawing => 0,
            Self::Checking => 1,
            Self::Swapping => 2,
            Self::Dropping => 3,
            Self::InForce | Self::Rejected | Self::Withdrawn => 4,
        }
    }

    /// Whether a later version of the file has to wait: statements are under way that change what is in force.
    pub fn holds(self) -> bool {
        matches!(self, Self::Swapping | Self::Dropping | Self::Withdrawing)
    }

    /// Whether the end of a statement of this step has anything to say to a file in this state. It also has if the next
    /// step was recorded but may not have been submitted.
    pub fn heeds(self, step: Step) -> bool {
        match step {
            Step::Build => matches!(self, Self::Building | Self::Checking),
            Step::Check => matches!(self, Self::Checking | Self::Swapping | Self::Dropping),
            Step::Swap | Step::Share => matches!(self, Self::Swapping | Self::Dropping),
            Step::Drop => self == Self::Dropping,
            Step::Withdraw => self == Self::Withdrawing,
            Step::Tidy => false,
        }
    }
}
