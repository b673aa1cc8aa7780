//! What happens in one run, step by step. Made from the seed before anything runs, so that a step can be left out
//! without changing the others: each carries its own chance, and looks for something to do it on when its turn comes.

use std::fmt;

use crate::chance::Chance;
use crate::fault::{CallFault, Plan, StepFault};

/// What a person does on a laptop.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "each is called what it does")]
pub enum Deed {
    EditItem,
    EditParts,
    NewItem,
    Inspect,
    Amend,
    Photo,
    Caption,
    DropPhoto,
    Tick,
    WorkJob,
    SiteNotes,
    LinkItem,
    LinkNotes,
    Metric,
    NewJob,
    PlanJob,
    DropRow,
    Resolve,
    Decide,
    TakeBack,
    SendAgain,
    HandOver,
    Draft,
    DropDraft,
    Poison,
}

/// What the office does on the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "each is called what it does")]
pub enum Desk {
    EditItem,
    EditJob,
    EditSite,
    EditCatalogue,
    NewItem,
    NewJob,
    Reassign,
    SoftDelete,
    HardDelete,
    SlowEdit,
    EndSlow,
    Role,
    MoveJob,
    ChangeCustomer,
}

/// What happens to the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "each is called what it does")]
pub enum Trouble {
    Backup,
    PutBack,
    MoveHouse,
    Rebase,
    Restart,
    Standby,
    Skew,
    LockOut,
    Ghosts,
}

/// One thing that happens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Act {
    /// On a laptop; perhaps the save does not go well.
    Deed(usize, Deed, Option<StepFault>),
    /// A laptop begins a sync.
    Sync(usize, Plan, bool),
    /// A laptop's program ends where it is, and is started again.
    Crash(usize),
    /// A laptop's clock jumps by so many days.
    Clock(usize, i64),
    /// A copy of a laptop's folder is made and goes on by itself.
    Clone(usize),
    /// In the office.
    Desk(Desk),
    /// To the server.
    Trouble(Trouble),
    /// A day ends: everybody who is at it comes to an end, access is looked at, refused laptops are enrolled anew.
    Night,
}

/// One step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// Minutes since the beginning.
    pub at: i64,
    /// What happens.
    pub act: Act,
    /// The choices left open.
    pub chance: u64,
}

/// A run, before it has run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Story {
    /// It came from.
    pub seed: u64,
    /// How many.
    pub laptops: usize,
    /// In order.
    pub steps: Vec<Step>,
}

/// The laptop of the manager; see [`crate::company::person`].
const MANAGERS: usize = 3;

const DEEDS: &[(Deed, usize)] = &[
    (Deed::EditItem, 14),
    (Deed::EditParts, 8),
    (Deed::NewItem, 6),
    (Deed::Inspect, 12),
    (Deed::Amend, 2),
    (Deed::Photo, 6),
    (Deed::Caption, 6),
    (Deed::DropPhoto, 4),
    (Deed::Tick, 5),
    (Deed::WorkJob, 6),
    (Deed::SiteNotes, 5),
    (Deed::LinkItem, 5),
    (Deed::LinkNotes, 5),
    (Deed::Metric, 4),
    (Deed::NewJob, 3),
    (Deed::PlanJob, 3),
    (Deed::DropRow, 4),
    (Deed::Resolve, 7),
    (Deed::Decide, 4),
    (Deed::TakeBack, 2),
    (Deed::SendAgain, 3),
    (Deed::HandOver, 6),
    (Deed::Draft, 3),
    (Deed::DropDraft, 1),
    (Deed::Poison, 5),
];

const DESK: &[(Desk, usize)] = &[
    (Desk::EditItem, 10),
    (Desk::EditJob, 6),
    (Desk::EditSite, 3),
    (Desk::EditCatalogue, 2),
    (Desk::NewItem, 2),
    (Desk::NewJob, 4),
    (Desk::Reassign, 10),
    (Desk::SoftDelete, 3),
    (Desk::HardDelete, 5),
    (Desk::SlowEdit, 8),
    (Desk::EndSlow, 8),
    (Desk::Role, 1),
    (Desk::MoveJob, 1),
    (Desk::ChangeCustomer, 1),
];

const TROUBLE: &[(Trouble, usize)] = &[
    (Trouble::Backup, 6),
    (Trouble::PutBack, 3),
    (Trouble::MoveHouse, 1),
    (Trouble::Rebase, 3),
    (Trouble::Restart, 2),
    (Trouble::Standby, 2),
    (Trouble::Skew, 3),
    (Trouble::LockOut, 2),
    (Trouble::Ghosts, 12),
];

fn weighted<T: Copy>(chance: &mut Chance, table: &[(T, usize)]) -> Option<T> {
    let total: usize = table.iter().map(|(_, weight)| weight).sum();
    let mut at = chance.below(total);
    for (what, weight) in table {
        if at < *weight {
            return Some(*what);
        }
        at -= weight;
    }
    None
}

impl Story {
    /// The story of a seed.
    pub fn of(seed: u64, laptops: usize, days: i64) -> Self {
        let mut chance = Chance::of(seed, 1);
        let mut steps = Vec::new();
        // Some months are calm and some are not.
        let roughness = 1 + chance.below(4) as u64;
        for day in 0..days {
            let mut today = Vec::new();
            for _ in 0..laptops * 4 + 4 {
                let at = day * 1440 + 420 + chance.below(600) as i64;
                if let Some(act) = act(&mut chance, laptops, roughness) {
                    today.push(Step { at, act, chance: chance.next() });
                }
            }
            today.sort_by_key(|step| step.at);
            steps.extend(today);
            steps.push(Step { at: day * 1440 + 1380, act: Act::Night, chance: chance.next() });
        }
        Self { seed, laptops, steps }
    }
}

fn act(chance: &mut Chance, laptops: usize, roughness: u64) -> Option<Act> {
    // A copy of a laptop, where there is one, is the one after the last.
    let laptop = chance.below(laptops + 1);
    Some(match chance.below(100) {
        0..58 => {
            let fault = chance.one_in(60 / roughness).then(|| match chance.below(4) {
                0 => StepFault::Before,
                1 => StepFault::After,
                2 => StepFault::Torn,
                _ => StepFault::DiskFull,
            });
            let deed = weighted(chance, DEEDS)?;
            // What only a manager does, the manager does, or the copy that there may be of that laptop.
            let managed = matches!(deed, Deed::NewJob | Deed::PlanJob | Deed::DropRow | Deed::Decide);
            let laptop = if managed && laptop < laptops && laptops > MANAGERS { MANAGERS } else { laptop };
            Act::Deed(laptop, deed, fault)
        }
        58..77 => Act::Sync(laptop, plan(chance, roughness), chance.one_in(12)),
        77..79 => Act::Crash(laptop),
        79 => match chance.below(6) {
            0 => Act::Clone(laptop),
            1 => Act::Clock(laptop, 365),
            2 => Act::Clock(laptop, -365),
            _ => Act::Clock(laptop, 0),
        },
        80..94 => Act::Desk(weighted(chance, DESK)?),
        _ => Act::Trouble(weighted(chance, TROUBLE)?),
    })
}

fn plan(chance: &mut Chance, roughness: u64) -> Plan {
    let mut plan = Plan::default();
    while chance.one_in(6 / roughness) && plan.calls.len() < 3 {
        let at = 1 + chance.below(9) as u32;
        let fault = match chance.below(10) {
            0 | 1 => CallFault::CutBefore,
            2 | 3 => CallFault::CutAfter,
            4 => CallFault::Busy,
            5 => CallFault::Duplicate,
            6 => CallFault::Late,
            7 | 8 => CallFault::Delay,
            _ => CallFault::Corrupt,
        };
        plan.calls.push((at, fault));
    }
    if chance.one_in(8 / roughness.min(3)) {
        let at = 1 + chance.below(22) as u32;
        let fault = match chance.below(4) {
            0 => StepFault::Before,
            1 => StepFault::After,
            2 => StepFault::Torn,
            _ => StepFault::DiskFull,
        };
        plan.steps.push((at, fault));
    }
    if chance.one_in(20) {
        plan.patience = Some(1 + chance.below(4) as u32);
    }
    plan
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (day, minute) = (self.at / 1440, self.at % 1440);
        write!(f, "day {day:2} {:02}:{:02}  ", minute / 60, minute % 60)?;
        match &self.act {
            Act::Deed(laptop, deed, None) => write!(f, "laptop {laptop}: {deed:?}"),
            Act::Deed(laptop, deed, Some(fault)) => write!(f, "laptop {laptop}: {deed:?}, and {fault:?}"),
            Act::Sync(laptop, plan, audit) => {
                write!(f, "laptop {laptop}: sync{}", if *audit { " with an audit" } else { "" })?;
                for (at, fault) in &plan.calls {
                    write!(f, ", {fault:?} at call {at}")?;
                }
                for (at, fault) in &plan.steps {
                    write!(f, ", {fault:?} at step {at}")?;
                }
                plan.patience.map_or(Ok(()), |patience| write!(f, ", stopped after {patience}"))
            }
            Act::Crash(laptop) => write!(f, "laptop {laptop}: crash"),
            Act::Clock(laptop, days) => write!(f, "laptop {laptop}: the clock is {days} days off"),
            Act::Clone(laptop) => write!(f, "laptop {laptop}: its folder is copied"),
            Act::Desk(desk) => write!(f, "office: {desk:?}"),
            Act::Trouble(trouble) => write!(f, "server: {trouble:?}"),
            Act::Night => f.write_str("night"),
        }
    }
}
