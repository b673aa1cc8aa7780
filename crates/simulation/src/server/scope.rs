//! Who may see what. The same rule serves pulls, pages and audits, and the check that laptops hold nothing else.

use std::collections::BTreeSet;

use clara_domain::mirror::{Entity, Scope, Table};
use clara_sync::Cursor;
use serde_json::Value;
use uuid::Uuid;

use super::state::Body;
use super::{Server, id_of, is_null, text};

/// What one person may see at one snapshot.
#[derive(Debug, Clone)]
pub struct Sight {
    /// Nobody sees anything without a login.
    pub active: bool,
    /// The person.
    pub user: Uuid,
    /// Managers and the office.
    pub sees_all: bool,
    /// The sites in scope.
    pub sites: BTreeSet<Uuid>,
    /// Those of the customers that have one of them.
    pub customers: BTreeSet<Uuid>,
}

impl Server {
    /// What a person may see, now or at a snapshot.
    pub fn sight(&self, user: Uuid, at: Option<&Cursor>) -> Sight {
        let person = self.state.rows(Entity::Users, at).find(|(id, _)| *id == user).map(|(_, body)| &body.fields);
        let active =
            person.is_some_and(|row| row.get("is_active") == Some(&Value::Bool(true)) && is_null(row, "deleted_at"));
        let sees_all = active && text(person, "role").is_some_and(|role| role != "technician");
        let mut sites = BTreeSet::new();
        for ((_, site), states) in self.state.access.range((user, Uuid::nil())..=(user, Uuid::max())) {
            let seen = match at {
                None => states.last(),
                Some(cursor) => states.iter().rev().find(|(cx, _)| cursor.contains(*cx)),
            };
            if seen.is_some_and(|(_, granted)| *granted) {
                sites.insert(*site);
            }
        }
        let customers = self
            .state
            .rows(Entity::Locations, at)
            .filter(|(id, _)| sees_all || sites.contains(id))
            .filter_map(|(_, row)| id_of(&row.fields, "customer_id"))
            .collect();
        Sight { active, user, sees_all, sites, customers }
    }
}

impl Sight {
    /// Whether a site is in scope.
    pub fn site(&self, site: Option<Uuid>) -> bool {
        self.active && (self.sees_all || site.is_some_and(|site| self.sites.contains(&site)))
    }

    /// Whether a row may be seen.
    pub fn row(&self, table: &Table, id: Uuid, body: &Body) -> bool {
        if !self.active {
            return false;
        }
        let fields = &body.fields;
        match (table.scope, table.entity) {
            (_, Entity::Devices) => self.sees_all || id_of(fields, "user_id") == Some(self.user),
            (Scope::Global, _) => true,
            (Scope::Customer, _) => self.sees_all || self.customers.contains(&id),
            (Scope::Location, Entity::Conflicts | Entity::ParkedOperations)
                if id_of(fields, "author_id") == Some(self.user) =>
            {
                true
            }
            (Scope::Location, _) => self.site(body.site),
        }
    }
}
