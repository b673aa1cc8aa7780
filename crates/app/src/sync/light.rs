//! What the sync thread knows and the mirror does not.

use clara_contract::Failure;
use clara_contract::sync::{Activity, Net, PhotoProgress};
use clara_domain::mirror::Entity;

/// The network, as last seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum NetSeen {
    #[default]
    Unknown,
    Online,
    NotReachable,
    Refused,
}

impl From<NetSeen> for Net {
    fn from(seen: NetSeen) -> Net {
        match seen {
            NetSeen::Unknown => Net::Unknown,
            NetSeen::Online => Net::Online,
            NetSeen::NotReachable => Net::NotReachable,
            NetSeen::Refused => Net::Refused,
        }
    }
}

/// What goes on now.
#[derive(Debug, Clone)]
pub(crate) struct Light {
    pub(crate) net: NetSeen,
    pub(crate) activity: Activity,
    pub(crate) sending: u32,
    pub(crate) photo: Option<PhotoProgress>,
    /// The person stopped them. For as long as the program runs: forgotten photos are worse than a second press.
    pub(crate) photos_held: bool,
    pub(crate) receiving: Option<(Entity, u64)>,
    pub(crate) last_problem: Option<Failure>,
    /// A page of the store is damaged; it is rebuilt when the app is opened again.
    pub(crate) damaged: bool,
}

impl Default for Light {
    fn default() -> Self {
        Light {
            net: NetSeen::Unknown,
            activity: Activity::Idle,
            sending: 0,
            photo: None,
            photos_held: false,
            receiving: None,
            last_problem: None,
            damaged: false,
        }
    }
}
