//! What the office does meanwhile.

use clara_domain::mirror::Entity;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::chance::Chance;
use crate::company;
use crate::fault::Fault;
use crate::server::{Server, fields};
use crate::story::Desk;

/// One of the first few rows, so that people meet, or any.
fn some(server: &Server, chance: &mut Chance, entity: Entity) -> Option<Uuid> {
    let ids: Vec<Uuid> = server.state.rows(entity, None).map(|(id, _)| id).collect();
    let few = ids.len().min(3);
    if chance.one_in(3) { chance.pick(&ids).copied() } else { chance.pick(&ids[..few]).copied() }
}

fn technician(chance: &mut Chance) -> Uuid {
    company::id(chance.pick(&company::PEOPLE[..3]).copied().unwrap_or(company::PEOPLE[0]))
}

/// Does it, if there is anything to do it on. Returns what it amounts to.
pub fn act(server: &mut Server, chance: &mut Chance, desk: Desk) -> Vec<Fault> {
    let word = format!("o{}", chance.below(1000));
    match desk {
        Desk::EditItem | Desk::EditJob | Desk::EditSite | Desk::SlowEdit => edit(server, chance, desk, &word),
        Desk::EditCatalogue => {
            let (entity, patch) = *chance
                .pick(&[
                    (Entity::CommonProblems, "solution"),
                    (Entity::EquipmentModels, "maintenance_notes"),
                    (Entity::Manufacturers, "website"),
                    (Entity::Users, "full_name"),
                ])
                .unwrap_or(&(Entity::CommonProblems, "solution"));
            let Some(id) = some(server, chance, entity) else { return Vec::new() };
            done(server.office_update(entity, id, &fields(json!({patch: word}))), Fault::OfficeEdit)
        }
        Desk::NewItem => {
            let (site, id) = (company::site(chance.below(5)), chance.uuid());
            let row = json!({"location_id": site, "status": "active", "components": {}, "metadata": {}, "notes": word});
            server.office_insert(Entity::EquipmentInventory, id, fields(row));
            vec![Fault::OfficeEdit]
        }
        Desk::NewJob => {
            let (site, id) = (company::site(chance.below(5)), chance.uuid());
            let row = json!({
                "job_number": format!("O-{}", id.as_u128() % 1_000_000_007), "customer_id": company::id(0x2000),
                "location_id": site, "assigned_technician_id": technician(chance), "job_type": "inspection",
                "job_status": "scheduled", "priority": "normal", "title": word, "checklist": [], "metadata": {},
                "scheduled_date": server.now.format("%Y-%m-%d").to_string(),
            });
            let before = granted(server);
            server.office_insert(Entity::Jobs, id, fields(row));
            access_faults(before, granted(server))
        }
        Desk::Reassign => {
            let Some(id) = some(server, chance, Entity::Jobs) else { return Vec::new() };
            let to = if chance.one_in(4) { Value::Null } else { json!(technician(chance)) };
            let before = granted(server);
            if !server.office_update(Entity::Jobs, id, &fields(json!({"assigned_technician_id": to}))) {
                return Vec::new();
            }
            let mut met = access_faults(before, granted(server));
            met.push(Fault::Reassign);
            met
        }
        Desk::SoftDelete => {
            let entity = *chance
                .pick(&[Entity::EquipmentInventory, Entity::Photos, Entity::Jobs, Entity::JobEquipment])
                .unwrap_or(&Entity::Photos);
            let Some(id) = some(server, chance, entity) else { return Vec::new() };
            let patch = fields(json!({"deleted_at": clara_local::timestamp(server.now)}));
            done(server.office_update(entity, id, &patch), Fault::OfficeDelete)
        }
        Desk::HardDelete => {
            let entity = *chance
                .pick(&[
                    Entity::Photos,
                    Entity::InspectionRecords,
                    Entity::JobEquipment,
                    Entity::DataCaptureLogs,
                    Entity::EquipmentInventory,
                    Entity::CommonProblems,
                ])
                .unwrap_or(&Entity::Photos);
            let Some(id) = some(server, chance, entity) else { return Vec::new() };
            done(server.office_delete(entity, id), Fault::OfficeDelete)
        }
        Desk::EndSlow => {
            let open: Vec<u64> = server.state.running.keys().copied().collect();
            if let Some(xid) = chance.pick(&open) {
                server.end_slow(*xid, !chance.one_in(6));
            }
            Vec::new()
        }
        Desk::Role => {
            let user = technician(chance);
            let role = if server.role(user) == "technician" { "manager" } else { "technician" };
            server.office_update(Entity::Users, user, &fields(json!({"role": role})));
            vec![if role == "manager" { Fault::Grant } else { Fault::Revoke }]
        }
        Desk::MoveJob => {
            let Some(id) = some(server, chance, Entity::Jobs) else { return Vec::new() };
            let to = company::site(chance.below(5));
            let before = granted(server);
            server.office_update(Entity::Jobs, id, &fields(json!({"location_id": to})));
            access_faults(before, granted(server))
        }
        Desk::ChangeCustomer => {
            let site = company::site(chance.below(5));
            let to = company::id(0x2000 + chance.below(2) as u128);
            done(server.office_update(Entity::Locations, site, &fields(json!({"customer_id": to}))), Fault::OfficeEdit)
        }
    }
}

fn done(did: bool, fault: Fault) -> Vec<Fault> {
    if did { vec![fault] } else { Vec::new() }
}

fn edit(server: &mut Server, chance: &mut Chance, desk: Desk, word: &str) -> Vec<Fault> {
    let (entity, patch) = match (desk, chance.below(4)) {
        (Desk::EditJob, 0) => (Entity::Jobs, json!({"title": word})),
        (Desk::EditJob, 1) => (Entity::Jobs, json!({"special_instructions": word, "priority": "urgent"})),
        (Desk::EditJob, _) => (Entity::Jobs, json!({"job_status": "in_progress"})),
        (Desk::EditSite, _) => (Entity::Locations, json!({"access_notes": format!("Ring once\n{word}")})),
        (Desk::SlowEdit, 0) => (Entity::Jobs, json!({"title": word})),
        (_, 0) => (Entity::EquipmentInventory, json!({"components": {"drive": word, "belt": "A32"}})),
        (_, 1) => (Entity::EquipmentInventory, json!({"notes": format!("Seen\n{word}")})),
        (_, _) => (Entity::EquipmentInventory, json!({"serial_number": word})),
    };
    let Some(id) = some(server, chance, entity) else { return Vec::new() };
    if desk == Desk::SlowEdit {
        // A program that forgets to commit is ended after a while.
        return done(server.begin_slow(entity, id, fields(patch)).is_some(), Fault::SlowWriter);
    }
    done(server.office_update(entity, id, &fields(patch)), Fault::OfficeEdit)
}

fn granted(server: &Server) -> usize {
    server.state.access.values().filter(|states| states.last().is_some_and(|(_, granted)| *granted)).count()
}

/// What a change of jobs meant for people's scope, roughly: that is enough to count by.
fn access_faults(before: usize, after: usize) -> Vec<Fault> {
    match after.cmp(&before) {
        std::cmp::Ordering::Greater => vec![Fault::Grant],
        std::cmp::Ordering::Less => vec![Fault::Revoke],
        std::cmp::Ordering::Equal => vec![Fault::Reassign],
    }
}
