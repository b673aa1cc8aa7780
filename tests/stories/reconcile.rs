//! Every table is compared, because the laptop was away for too long; and sites come and go before and meanwhile.

use chrono::{DateTime, TimeDelta, Utc};
use clara_domain::mirror::Entity::{
    self, DataCaptureLogs, EquipmentInventory, InspectionRecords, JobEquipment, Jobs, Locations, Photos,
};
use clara_domain::mirror::TABLES;
use clara_domain::{EquipmentId, InspectionId, JobId};
use clara_sync::{Environment, Progress, Wish, sync_once};
use clara_tests::{Company, Device, assert_same, block_on, ids};
use serde_json::json;
use uuid::Uuid;

use crate::found;

/// A cursor of this age has outlived the tombstones.
const AWAY: TimeDelta = TimeDelta::days(171);

/// The world of a laptop, in which the office does something when a table comes to be compared.
struct Meanwhile<'c> {
    company: &'c Company,
    at: Entity,
    sql: Option<String>,
}

impl Environment for Meanwhile<'_> {
    fn now(&mut self) -> DateTime<Utc> {
        Utc::now() + AWAY
    }

    fn progress(&mut self, progress: Progress) {
        if matches!(progress, Progress::Checking { entity } if entity == self.at)
            && let Some(sql) = self.sql.take()
        {
            self.company.office(&sql);
        }
    }

    fn stopped(&mut self) -> bool {
        false
    }
}

fn give(job: Uuid, to: Uuid) -> String {
    format!("UPDATE jobs SET assigned_technician_id = '{to}' WHERE id = '{job}'")
}

/// Nothing of the school is to be seen; what is unsent there is sealed.
fn holds_nothing_of_the_school(device: &Device) {
    assert!(device.see(Locations, ids::SCHOOL).is_none());
    for table in [Jobs, EquipmentInventory, InspectionRecords, JobEquipment, DataCaptureLogs, Photos] {
        let left = device.rows(table).into_iter();
        let left = left.filter(|row| device.value(table, row.id, "location_id") == json!(ids::SCHOOL));
        assert_eq!(left.count(), 0, "of the school in {table}");
    }
}

fn begin(device: &mut Device) -> InspectionId {
    let id = InspectionId(Uuid::now_v7());
    let save = clara_local::DraftSave {
        id,
        job_id: JobId(ids::SCHOOL_JOB),
        equipment_id: EquipmentId(ids::item(4)),
        template_id: None,
        body: json!({"findings": "Half way"}),
    };
    device.save(|tx| tx.save_draft(save));
    id
}

fn is_sealed(device: &Device, draft: InspectionId) -> bool {
    device.mirror().read(|read| read.draft(draft)).unwrap().unwrap().sealed
}

#[test]
fn a_site_that_was_taken_away_while_nobody_could_tell_leaves_with_the_comparison_and_comes_back_with_another() {
    let company = found();
    let mut ana = Device::enroll(&company, ids::ANA);
    ana.sync();
    ana.sync();
    let draft = begin(&mut ana);
    let inspection = ana.inspect(ids::SCHOOL_JOB, ids::item(5), "Saved before the absence");
    company.office(&give(ids::SCHOOL_JOB, ids::BEN));
    // So long ago that no difference speaks of it.
    company.office("DELETE FROM sync.tombstone");
    ana.clock_error = AWAY;
    let report = ana.sync();
    assert!(report.repairs.is_some(), "both sides were compared");
    assert_eq!(report.receipts.get("parked"), Some(&1), "{:?}", report.receipts);
    holds_nothing_of_the_school(&ana);
    assert!(is_sealed(&ana, draft), "the draft is kept, and not shown");
    assert_same(&mut ana);

    company.office(&give(ids::SCHOOL_JOB, ids::ANA));
    let report = ana.sync();
    assert!(report.repairs.is_some(), "both sides were compared");
    assert!(ana.see(Locations, ids::SCHOOL).is_some());
    assert!(!is_sealed(&ana, draft), "the draft goes on where it was");
    assert!(ana.see(InspectionRecords, inspection).is_some(), "and what waits for a manager is seen again");
    // From here on differences tell again, of this site too.
    ana.clock_error = TimeDelta::zero();
    company.office(&give(ids::SCHOOL_JOB, ids::BEN));
    ana.sync();
    holds_nothing_of_the_school(&ana);
    assert!(is_sealed(&ana, draft));
    assert_same(&mut ana);
}

#[test]
fn a_site_that_comes_or_goes_in_the_middle_of_the_comparison_is_there_or_gone_at_its_end() {
    let company = found();
    let mut ana = Device::enroll(&company, ids::ANA);
    ana.sync();
    ana.sync();
    let draft = begin(&mut ana);
    let mut mine = true;
    for table in TABLES {
        let to = if mine { ids::BEN } else { ids::ANA };
        let mut world = Meanwhile { company: &company, at: table.entity, sql: Some(give(ids::SCHOOL_JOB, to)) };
        let mut mirror = ana.mirror().clone();
        let report = block_on(sync_once(&mut mirror, ana.central(), Wish::default(), &mut world));
        assert!(report.error.is_none() && report.repairs.is_some(), "{:?}", report.error);
        assert!(world.sql.is_none(), "it happened at {}", table.name);
        mine = !mine;
        if mine {
            assert!(ana.see(Locations, ids::SCHOOL).is_some(), "it came at {}", table.name);
        } else {
            holds_nothing_of_the_school(&ana);
        }
        assert_eq!(is_sealed(&ana, draft), !mine, "at {}", table.name);
        assert_same(&mut ana);
    }
}
