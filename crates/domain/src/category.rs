//! The enums of the central schema that the app decides by.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

macro_rules! words {
    ($($(#[$doc:meta])* $name:ident { $($(#[$vdoc:meta])* $variant:ident = $word:literal),+ $(,)? })+) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[cfg_attr(feature = "ts", derive(ts_rs::TS))]
        pub enum $name {
            $($(#[$vdoc])* #[serde(rename = $word)] $variant,)+
        }

        impl $name {
            /// Every value, in the order of the PostgreSQL type.
            pub const ALL: &[Self] = &[$(Self::$variant),+];

            /// The word in both databases.
            pub fn word(self) -> &'static str {
                match self { $(Self::$variant => $word),+ }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.word())
            }
        }

        impl FromStr for $name {
            type Err = UnknownWord;
            fn from_str(word: &str) -> Result<Self, UnknownWord> {
                Self::ALL.iter().copied().find(|value| value.word() == word)
                    .ok_or_else(|| UnknownWord(word.to_owned()))
            }
        }
    )+};
}

/// A word that the type does not have.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not one of the known words")]
pub struct UnknownWord(pub String);

words! {
    /// `equipment_category`
    Category {
        /// A fire pump.
        FirePump = "fire_pump",
        /// A backflow preventer.
        BackflowPreventer = "backflow_preventer",
        /// A sprinkler head, and its riser.
        SprinklerHead = "sprinkler_head",
        /// A portable fire extinguisher.
        FireExtinguisher = "fire_extinguisher",
        /// A fire alarm control panel.
        FireAlarmPanel = "fire_alarm_panel",
        /// A smoke detector.
        SmokeDetector = "smoke_detector",
        /// Heating, ventilation, air conditioning.
        Hvac = "hvac",
        /// A standpipe.
        Standpipe = "standpipe",
        /// Anything else.
        Other = "other",
    }
    /// `job_status`
    JobStatus {
        /// Not begun.
        Scheduled = "scheduled",
        /// Begun.
        InProgress = "in_progress",
        /// Done.
        Completed = "completed",
        /// Called off by the office.
        Cancelled = "cancelled",
    }
    /// `user_role`
    Role {
        /// Inspects.
        Technician = "technician",
        /// Reviews and decides.
        Manager = "manager",
        /// Sets up.
        Admin = "admin",
        /// Schedules.
        OfficeStaff = "office_staff",
    }
    /// How grave a deficiency is, gravest last; not a PostgreSQL type, it is stored in `deficiencies`.
    Severity {
        /// Worth doing.
        Recommendation = "recommendation",
        /// No material effect, must still be corrected.
        Noncritical = "noncritical",
        /// Material effect if not fixed.
        Critical = "critical",
        /// A system or a part of it is out of order.
        Impairment = "impairment",
    }
}
