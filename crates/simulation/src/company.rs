//! The company that every run begins with: three technicians, a manager, five sites, a small catalogue.

use clara_domain::mirror::Entity;
use serde_json::json;
use uuid::Uuid;

use crate::server::{Server, fields};

/// Technicians first, the manager last.
pub const PEOPLE: [u128; 4] = [0xa1, 0xb1, 0xc1, 0xe1];
/// The manager.
pub const MANAGER: u128 = 0xe1;

/// An id of the company's.
pub fn id(number: u128) -> Uuid {
    // Spread over the buckets of the audit, as real ones are.
    let first = number.wrapping_mul(0x9e37_79b9) & 0xff;
    Uuid::from_u128((first << 120) | 0x0000_0000_4000_8000_0000_0000_0000 | number)
}

/// Site 0 to 4.
pub fn site(number: usize) -> Uuid {
    id(0x3000 + number as u128)
}

/// Whose laptop number so-and-so is.
pub fn person(laptop: usize) -> Uuid {
    // The fourth is the manager's; the first technician has a second laptop.
    id(PEOPLE[[0, 1, 2, 3, 0][laptop % 5]])
}

/// Fills an empty server.
pub fn found(server: &mut Server) {
    let mut put = |entity, number: u128, row| server.office_insert(entity, id(number), fields(row));
    for (number, name, role) in
        [(0xa1, "Ana", "technician"), (0xb1, "Ben", "technician"), (0xc1, "Cai", "technician"), (0xe1, "Mo", "manager")]
    {
        put(Entity::Users, number, json!({"full_name": name, "role": role, "is_active": true}));
    }
    put(Entity::Manufacturers, 0x1000, json!({"name": "Peerless Pump"}));
    for number in 0..2 {
        put(
            Entity::EquipmentModels,
            0x1100 + number,
            json!({"manufacturer_id": id(0x1000), "model_number": format!("4AEF1{number}"),
                   "equipment_category": "fire_pump"}),
        );
    }
    put(
        Entity::CommonProblems,
        0x1200,
        json!({"equipment_model_id": id(0x1100), "problem_description": "Packing leaks", "severity": "medium",
               "frequency": "common"}),
    );
    put(
        Entity::Templates,
        0x1300,
        json!({"template_key": "pump", "name": "Pump", "equipment_category": "fire_pump",
               "inspection_type": "annual", "revision": 1, "is_active": true}),
    );
    put(
        Entity::TemplateItems,
        0x1310,
        json!({"template_id": id(0x1300), "item_key": "psi", "position": 1, "label": "Net pressure",
               "item_type": "number", "is_required": true}),
    );
    put(
        Entity::CaptureRequirements,
        0x1400,
        json!({"equipment_category": "fire_pump", "field_key": "serial_number", "label": "Serial number",
               "weight": 3, "position": 1}),
    );
    for number in 0..2 {
        put(Entity::Customers, 0x2000 + number, json!({"company_name": format!("Customer {number}")}));
    }
    for number in 0..5_u128 {
        put(
            Entity::Locations,
            0x3000 + number,
            json!({"customer_id": id(0x2000 + number % 2), "location_name": format!("Site {number}"),
                   "address": format!("{number} Main Street"), "access_notes": "Ring twice"}),
        );
        for item in 0..2_u128 {
            put(
                Entity::EquipmentInventory,
                0x4000 + number * 16 + item,
                json!({"location_id": id(0x3000 + number), "equipment_model_id": id(0x1100), "status": "active",
                       "components": {"drive": "belt", "belt": "A32"}, "metadata": {}}),
            );
        }
    }
    jobs(server);
}

fn jobs(server: &mut Server) {
    let date = server.now.format("%Y-%m-%d").to_string();
    let whose = [0xa1, 0xb1, 0xc1, 0xa1, 0xb1, 0xc1];
    for (number, who) in whose.into_iter().enumerate() {
        let (site_number, job) = ([0, 1, 2, 3, 0, 1][number], 0x5000 + number as u128);
        let row = json!({
            "job_number": format!("J-{number}"), "customer_id": id(0x2000), "location_id": site(site_number),
            "assigned_technician_id": id(who), "job_type": "inspection", "job_status": "scheduled",
            "priority": "normal", "scheduled_date": date, "title": "Annual",
            "checklist": [{"key": "keys", "label": "Keys", "done": false}], "metadata": {},
        });
        server.office_insert(Entity::Jobs, id(job), fields(row));
        let link = json!({"job_id": id(job), "equipment_id": id(0x4000 + site_number as u128 * 16)});
        server.office_insert(Entity::JobEquipment, id(0x6000 + number as u128), fields(link));
        let record = json!({
            "job_id": id(job), "equipment_id": id(0x4000 + site_number as u128 * 16), "inspector_id": id(who),
            "inspection_date": "2026-01-10", "inspection_type": "annual", "passed": true, "findings": "Fine",
            "deficiencies": [], "measurements": {"psi": 100.5}, "photo_urls": [], "metadata": {},
        });
        server.office_insert(Entity::InspectionRecords, id(0x7000 + number as u128), fields(record));
    }
}
