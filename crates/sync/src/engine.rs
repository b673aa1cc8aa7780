//! One sync, from hello to the last photo. The order of the calls is the protocol; each phase is a file of its name.

use chrono::{DateTime, Utc};
use clara_domain::DeviceId;

use crate::audit::{catch_up, reconcile, refetch, run_audit};
use crate::central::{Central, CentralError, Hello, Pull, PullRequest};
use crate::first_sync::first_sync;
use crate::photos::send_photos;
use crate::plan::{Pulling, Refusal, Situation, plan, situation};
use crate::push::push_all;
use crate::replica::Replica;
use crate::report::{Progress, SyncError, SyncReport};

/// What the engine needs of the world. A simulator brings its own.
pub trait Environment: Send {
    /// The laptop's clock.
    fn now(&mut self) -> DateTime<Utc>;
    /// Called often; must return at once.
    fn progress(&mut self, progress: Progress);
    /// Asked between steps: end soon, leave everything consistent.
    fn stopped(&mut self) -> bool;
}

/// What this sync is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Wish {
    /// Compare both sides even if that was done today.
    pub audit: bool,
    /// Send photos; false on a metered network.
    pub photos: bool,
}

impl Default for Wish {
    fn default() -> Self {
        Self { audit: false, photos: true }
    }
}

/// Reconciles both ends once. What was done before an error stays done; nothing waits for the network inside a
/// transaction of the mirror.
pub async fn sync_once<R: Replica, C: Central>(
    replica: &mut R,
    central: &mut C,
    wish: Wish,
    env: &mut impl Environment,
) -> SyncReport {
    let mut report = SyncReport::default();
    if let Err(error) = sync(replica, central, wish, env, &mut report).await {
        report.error = Some(error);
    }
    if let Err(error) = replica.put_back(&report.waiting)
        && (report.error.is_none() || !report.waiting.is_empty())
    {
        // Of two reasons the one that does not pass by itself: somebody has to make room on the disk.
        report.error = Some(error.into());
    }
    report
}

async fn sync<R: Replica, C: Central>(
    replica: &mut R,
    central: &mut C,
    wish: Wish,
    env: &mut impl Environment,
    report: &mut SyncReport,
) -> Result<(), SyncError> {
    // What a killed program had sent may or may not have arrived: the same ids go again, and the ledger knows.
    replica.put_back_all()?;
    let device = replica.state()?.device;

    env.progress(Progress::Connecting);
    let mut early = None;
    let mut flooded = false;
    let state = replica.state()?;
    let hello = match &state.cursor {
        // Nothing to send: the pull carries its own hello, so a sync in which nothing happened is one call. What it
        // brings is used only if the two turn out to be in step.
        Some(cursor) if state.pending == 0 && !state.reconciling => {
            match central.pull(&PullRequest { device, cursor: cursor.clone() }).await {
                Ok(pull) => {
                    let hello = pull.hello.clone();
                    early = Some(pull);
                    hello
                }
                Err(CentralError::TooMuch) => {
                    flooded = true;
                    central.hello(device).await?
                }
                Err(error) => return Err(error.into()),
            }
        }
        _ => central.hello(device).await?,
    };
    let now = env.now();
    let found = situation(&state, &hello, now);
    let plan = plan(found, &state, wish.audit, now);
    report.hello = Some(hello.clone());
    report.clock_behind = hello.server_now - now;

    if let Pulling::Reconcile { replay: true } = plan.pull {
        report.replayed = replica.begin_reconcile(0)?;
    }
    if trusted(found) {
        replica.meet(&hello, now)?;
    }
    if plan.push {
        push_all(replica, central, device, env, report).await?;
    }
    match plan.pull {
        Pulling::Refused(refusal) => {
            if plan.photos && wish.photos {
                send_photos(replica, central, env, report).await?;
            }
            return Err(SyncError::Refused(refusal));
        }
        Pulling::FirstSync { begin } => {
            first_sync(replica, central, device, begin.then_some(&hello.snapshot), env, report).await?;
            pull(replica, central, device, report).await?;
        }
        Pulling::Delta => {
            let pulled = match early {
                Some(pulled) => apply(replica, &pulled, report),
                None if flooded => Err(CentralError::TooMuch.into()),
                None => pull(replica, central, device, report).await,
            };
            match pulled {
                // An import of the office, or a new site with its history: bit by bit, each bit stored before the next.
                Err(SyncError::Central(CentralError::TooMuch)) => {
                    catch_up(replica, central, device, &hello.snapshot, env, report).await?;
                }
                other => other?,
            }
            // A table that the program has learnt since the first sync: its rows are older than the cursor, and no
            // difference would bring them. What changes while they are fetched comes with the next pull.
            if !state.bookmarks.is_empty() {
                first_sync(replica, central, device, None, env, report).await?;
            }
        }
        Pulling::Reconcile { .. } => {
            reconcile(replica, central, device, &hello.snapshot, env, report).await?;
        }
    }
    refetch(replica, central, device, report).await?;
    if plan.audit {
        run_audit(replica, central, device, env, report).await?;
    }
    if plan.photos && wish.photos {
        let mut pushed = false;
        while send_photos(replica, central, env, report).await? {
            // Work saved meanwhile goes before the next photo.
            push_all(replica, central, device, env, report).await?;
            pushed = true;
        }
        if report.photos > 0 || pushed {
            // Shows the laptop that the server has them; only then may local copies be freed. And what became of the work.
            pull(replica, central, device, report).await?;
        }
    }
    Ok(())
}

/// Whether the server's identity is worth remembering. One that must not be pulled from is not.
fn trusted(found: Situation) -> bool {
    !matches!(
        found,
        Situation::NotRebased
            | Situation::AnotherDatabase
            | Situation::Standby
            | Situation::ProgramTooOld
            | Situation::DeviceUnknown
    )
}

/// Whether it is the server, and the role, that the plan was made for.
pub(crate) fn is_same(planned: &Hello, found: &Hello) -> bool {
    let of = |hello: &Hello| (hello.system_identifier.clone(), hello.incarnation, hello.epoch, hello.role.clone());
    of(planned) == of(found)
}

pub(crate) async fn pull<R: Replica, C: Central>(
    replica: &mut R,
    central: &mut C,
    device: DeviceId,
    report: &mut SyncReport,
) -> Result<(), SyncError> {
    let Some(cursor) = replica.state()?.cursor else {
        return Ok(());
    };
    let pulled = central.pull(&PullRequest { device, cursor }).await?;
    apply(replica, &pulled, report)
}

/// Whether a pull may be applied.
pub(crate) fn trust(pulled: &Pull, report: &SyncReport) -> Result<(), SyncError> {
    // A failover between two calls can put a standby in the server's place.
    if pulled.hello.in_recovery {
        return Err(SyncError::Refused(Refusal::Standby));
    }
    // Put back, or the person's role changed, since the plan was made: applied, this pull would leave nothing by which the
    // next sync could notice.
    if report.hello.as_ref().is_some_and(|planned| !is_same(planned, &pulled.hello)) {
        return Err(CentralError::Busy("it was put back or changed during this sync".to_owned()).into());
    }
    Ok(())
}

pub(crate) fn apply<R: Replica>(replica: &mut R, pulled: &Pull, report: &mut SyncReport) -> Result<(), SyncError> {
    trust(pulled, report)?;
    report.rows += pulled.rows.iter().map(|table| table.rows.len() as u64).sum::<u64>();
    report.changed.join(replica.apply_pull(pulled)?);
    Ok(())
}
