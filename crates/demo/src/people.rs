//! Who works for the demo company.

use clara_domain::category::Role;
use clara_domain::mirror::Entity;
use serde::Deserialize;
use serde_json::json;

use crate::Person;
use crate::book::{Book, embedded, id};

#[derive(Deserialize)]
struct Entry {
    login: String,
    full_name: String,
    role: Role,
    phone: String,
    certification_numbers: Vec<String>,
}

/// Adds everyone, and answers them with what the mirror does not carry.
pub(crate) fn add(book: &mut Book) -> Vec<Person> {
    let entries: Vec<Entry> = embedded("people.json", include_str!("../data/people.json"));
    entries
        .into_iter()
        .map(|entry| {
            let user_id = book.add(
                Entity::Users,
                &entry.login,
                json!({
                    "full_name": entry.full_name,
                    "role": entry.role,
                    "is_active": true,
                    "certification_numbers": entry.certification_numbers,
                }),
            );
            let name = entry.full_name.to_lowercase().replace(' ', ".");
            Person {
                user_id,
                full_name: entry.full_name,
                email: format!("{name}@lakeheadfire.example.com"),
                phone: entry.phone,
                role: entry.role,
                login: entry.login,
            }
        })
        .collect()
}

/// The id of the person with that login.
pub(crate) fn user(login: &str) -> uuid::Uuid {
    id(Entity::Users, login)
}
