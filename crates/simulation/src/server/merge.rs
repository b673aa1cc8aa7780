//! Two people changed one row: three-way, by field, and whatever loses is recorded.

use clara_domain::ConflictId;
use clara_domain::mirror::Entity;
use clara_domain::operation::{ConflictNote, Operation, Side};
use clara_domain::row::Fields;
use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::change::Actor;
use super::document::{greater, items_by_key, keys, put_items, put_keys, union_of};
use super::policy::{Clash, Writer, rule};
use super::{Server, id_of};
use crate::control::Control;

/// What to write, and the clashes met.
#[derive(Debug, Default)]
pub(super) struct Merged {
    pub(super) patch: Fields,
    pub(super) notes: Vec<ConflictNote>,
}

pub(super) fn merges_by_key(column: &str) -> bool {
    matches!(column, "components" | "measurements" | "metadata" | "checklist")
}

impl Server {
    pub(super) fn merge(&mut self, xid: u64, op: &Operation, who: &Actor, current: &Fields) -> Merged {
        let mut merged = Merged::default();
        if self.is_broken(Control::LastWriterWins) {
            merged.patch = last_writer(op, current);
            return merged;
        }
        let site = id_of(current, "location_id").or((op.entity == Entity::Locations).then_some(op.row_id));
        for column in keys(&op.new) {
            let Some(rule) = rule(op.entity, &column) else { continue };
            if rule.updated_by == Writer::Server {
                continue;
            }
            let wanted = op.new.get(&column).cloned().unwrap_or(Value::Null);
            let base = op.base.get(&column).cloned().unwrap_or(Value::Null);
            let stands = current.get(&column).cloned().unwrap_or(Value::Null);
            if merges_by_key(&column) && (wanted.is_object() || wanted.is_array()) {
                let (server, base) = (items_by_key(Some(&stands)), items_by_key(Some(&base)));
                let wanted = items_by_key(Some(&wanted));
                let mut parts = Map::new();
                for part in keys(&wanted) {
                    let of = |document: &Map<String, Value>| document.get(&part).cloned().unwrap_or(Value::Null);
                    let (s, b, n) = (of(&server), of(&base), of(&wanted));
                    if s == n {
                        continue;
                    }
                    let value = if s == b {
                        n
                    } else {
                        let field = format!("{column}.{part}");
                        let (value, note) = self.clash(xid, op, who, site, &field, rule.clash, [&b, &s, &n]);
                        merged.notes.push(note);
                        value
                    };
                    if value != s {
                        parts.insert(part, value);
                    }
                }
                if !parts.is_empty() {
                    let whole = match column.as_str() {
                        "checklist" => put_items(Some(&stands), &parts),
                        _ => put_keys(&server, &parts),
                    };
                    merged.patch.insert(column, whole);
                }
            } else if stands == wanted {
            } else if stands == base {
                merged.patch.insert(column, wanted);
            } else {
                let (value, note) = self.clash(xid, op, who, site, &column, rule.clash, [&base, &stands, &wanted]);
                merged.notes.push(note);
                if value != stands {
                    merged.patch.insert(column, value);
                }
            }
        }
        merged
    }

    #[expect(clippy::too_many_arguments, reason = "the parts of one record")]
    fn clash(
        &mut self,
        xid: u64,
        op: &Operation,
        who: &Actor,
        site: Option<Uuid>,
        field: &str,
        rule: Clash,
        [base, server, client]: [&Value; 3],
    ) -> (Value, ConflictNote) {
        let other = self.last_author(op.row_id, field);
        let other_is_technician = other.is_some_and(|user| self.role(user) == "technician");
        let (mut value, mut chosen) = (client.clone(), Side::Client);
        match rule {
            Clash::Technician if who.sees_all && other_is_technician => chosen = Side::Server,
            Clash::Office if !who.sees_all && !other_is_technician => chosen = Side::Server,
            Clash::Union => value = union_of(server, client),
            Clash::Max if !server.is_null() && (client.is_null() || greater(server, client)) => chosen = Side::Server,
            Clash::Ask => chosen = Side::Server,
            _ => {}
        }
        if chosen == Side::Server {
            value = server.clone();
        }
        let note = self.record(xid, op, who, site, field, rule.word(), other, chosen, [base, server, client]);
        (value, note)
    }

    /// A deletion against an edit is a clash like any other; the edit is kept.
    pub(super) fn clash_with_delete(
        &mut self,
        xid: u64,
        op: &Operation,
        who: &Actor,
        site: Option<Uuid>,
        chosen: Side,
        [server, client]: [&Value; 2],
    ) -> ConflictNote {
        let other = self.last_author(op.row_id, "deleted_at");
        self.record(xid, op, who, site, "deleted_at", "keep", other, chosen, [&Value::Null, server, client])
    }

    #[expect(clippy::too_many_arguments, reason = "the parts of one record")]
    fn record(
        &mut self,
        xid: u64,
        op: &Operation,
        who: &Actor,
        site: Option<Uuid>,
        field: &str,
        policy: &str,
        other: Option<Uuid>,
        chosen: Side,
        [base, server, client]: [&Value; 3],
    ) -> ConflictNote {
        let (id, now) = (self.chance.uuid(), self.now);
        let chosen_word = if chosen == Side::Server { "server" } else { "client" };
        let row = super::fields(json!({
            "op_id": op.op_id, "location_id": site, "table_name": op.entity.name(), "row_id": op.row_id,
            "field": field, "base": base, "server": server, "client": client, "chosen": chosen_word,
            "policy": policy, "author_id": who.author, "server_author_id": other,
        }));
        self.state.insert(xid, now, Entity::Conflicts, id, row);
        ConflictNote {
            id: ConflictId(id),
            field: field.to_owned(),
            base: base.clone(),
            server: server.clone(),
            client: client.clone(),
            chosen,
        }
    }
}

/// What a server does that takes the last row it is given for the whole truth: columns the laptop did not change go back
/// to what it had seen of them, as far as the operation tells.
fn last_writer(op: &Operation, current: &Fields) -> Fields {
    let mut patch = Fields::new();
    for (column, value) in &op.new {
        let whole = match value {
            Value::Object(parts) if merges_by_key(column) => match column.as_str() {
                "checklist" => put_items(current.get(column), parts),
                _ => put_keys(&items_by_key(current.get(column)), parts),
            },
            other => other.clone(),
        };
        patch.insert(column.clone(), whole);
    }
    patch
}
