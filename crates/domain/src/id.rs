use std::fmt;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident),+ $(,)?) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[cfg_attr(feature = "ts", derive(ts_rs::TS), ts(type = "string"))]
        #[serde(transparent)]
        pub struct $name(pub Uuid);

        impl $name {
            /// The plain UUID, for binding to a driver.
            pub fn uuid(self) -> Uuid {
                self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}({})", stringify!($name), self.0)
            }
        }

        impl From<Uuid> for $name {
            fn from(uuid: Uuid) -> Self {
                Self(uuid)
            }
        }

        impl std::str::FromStr for $name {
            type Err = uuid::Error;
            fn from_str(s: &str) -> Result<Self, Self::Err> {
                Uuid::parse_str(s).map(Self)
            }
        }
    )+};
}

ids! {
    /// One row of `users`: a person.
    UserId,
    /// One enrolled laptop profile.
    DeviceId,
    /// One operation of the outbox; a UUIDv7 made when the work was saved, and the key of the server's ledger.
    OpId,
    /// One row of `customers`.
    CustomerId,
    /// One row of `locations`: a site, the unit of scope.
    LocationId,
    /// One row of `equipment_inventory`: a thing installed at a site.
    EquipmentId,
    /// One row of `equipment_models`.
    ModelId,
    /// One row of `jobs`: a work order.
    JobId,
    /// One row of `inspection_records`, and of the draft it grew from.
    InspectionId,
    /// One row of `photos`.
    PhotoId,
    /// One row of `sync.conflict`.
    ConflictId,
}
