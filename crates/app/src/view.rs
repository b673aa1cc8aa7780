//! Reads within one snapshot of the mirror, each row once.

use std::cell::{OnceCell, RefCell};
use std::collections::{BTreeMap, HashMap, HashSet};
use std::rc::Rc;

use clara_domain::capture::Requirement;
use clara_domain::category::Category;
use clara_domain::mirror::Entity;
use clara_local::{OpState, Read};
use uuid::Uuid;

use crate::equipment::item::Item;
use crate::error::Result;
use crate::field::Record;

/// Rows as looked up; none where the mirror has none.
type Rows = HashMap<(Entity, Uuid), Option<Rc<Record>>>;

/// A look at the mirror at one point in time.
pub(crate) struct View<'r> {
    pub(crate) read: &'r Read<'r>,
    rows: RefCell<Rows>,
    requirements: OnceCell<Rc<BTreeMap<Category, Vec<Requirement>>>>,
    items: RefCell<HashMap<Uuid, Rc<Item>>>,
    unsent: OnceCell<HashSet<Uuid>>,
    sending: OnceCell<HashSet<Uuid>>,
}

impl<'r> View<'r> {
    pub(crate) fn new(read: &'r Read<'r>) -> View<'r> {
        View {
            read,
            rows: RefCell::default(),
            requirements: OnceCell::new(),
            items: RefCell::default(),
            unsent: OnceCell::new(),
            sending: OnceCell::new(),
        }
    }

    /// A row, deleted ones included: what refers to it still does.
    pub(crate) fn get(&self, entity: Entity, id: Uuid) -> Result<Option<Rc<Record>>> {
        if let Some(known) = self.rows.borrow().get(&(entity, id)) {
            return Ok(known.clone());
        }
        let row = self.read.row(entity, id)?.map(|row| Rc::new(Record::of(entity, &row)));
        self.rows.borrow_mut().insert((entity, id), row.clone());
        Ok(row)
    }

    /// The row that a column of another points to.
    pub(crate) fn follow(&self, from: &Record, column: &str, entity: Entity) -> Result<Option<Rc<Record>>> {
        match from.uuid(column) {
            Some(id) => self.get(entity, id),
            None => Ok(None),
        }
    }

    /// Rows that are not deleted, by a column that holds an id.
    pub(crate) fn by(&self, entity: Entity, column: &'static str, id: Uuid) -> Result<Vec<Rc<Record>>> {
        let rows = self.read.rows_by(entity, column, id)?;
        Ok(self.keep(entity, rows.iter()))
    }

    /// Every row that is not deleted. For tables of a few thousand rows at most.
    pub(crate) fn all(&self, entity: Entity) -> Result<Vec<Rc<Record>>> {
        let rows = self.read.all(entity)?;
        Ok(self.keep(entity, rows.iter()))
    }

    fn keep<'a>(&self, entity: Entity, rows: impl Iterator<Item = &'a clara_domain::row::Row>) -> Vec<Rc<Record>> {
        let mut known = self.rows.borrow_mut();
        rows.map(|row| {
            let record = Rc::new(Record::of(entity, row));
            known.insert((entity, row.id), Some(record.clone()));
            record
        })
        .filter(|record| !record.gone())
        .collect()
    }

    /// What must be captured, by category.
    pub(crate) fn requirements(&self) -> Result<Rc<BTreeMap<Category, Vec<Requirement>>>> {
        if let Some(known) = self.requirements.get() {
            return Ok(known.clone());
        }
        let mut by_category: BTreeMap<Category, Vec<Requirement>> = BTreeMap::new();
        for record in self.all(Entity::CaptureRequirements)? {
            let Some(category) = record.known("equipment_category") else { continue };
            by_category.entry(category).or_default().push(Requirement {
                field_key: record.word("field_key"),
                label: record.word("label"),
                weight: record.int("weight").unwrap_or(1),
                position: record.int("position").unwrap_or_default(),
                condition: record.json("condition").clone(),
                hint: record.text("hint"),
            });
        }
        Ok(self.requirements.get_or_init(|| Rc::new(by_category)).clone())
    }

    /// An installed item, judged once: many jobs are about the same items.
    pub(crate) fn item(&self, record: Rc<Record>) -> Result<Rc<Item>> {
        if let Some(known) = self.items.borrow().get(&record.id) {
            return Ok(known.clone());
        }
        let id = record.id;
        let item = Rc::new(Item::of(self, record)?);
        self.items.borrow_mut().insert(id, item.clone());
        Ok(item)
    }

    /// Whether something of a row, or of what hangs off it, is only on this laptop.
    pub(crate) fn unsent(&self, id: Uuid) -> Result<bool> {
        if let Some(known) = self.unsent.get() {
            return Ok(known.contains(&id));
        }
        let mut ids = HashSet::new();
        for operation in self.read.unsent_operations()? {
            if operation.entity == Entity::PerformanceMetrics {
                continue;
            }
            ids.extend([operation.row_id, operation.root_id]);
            let named = ["job_id", "equipment_id"].into_iter().filter_map(|column| operation.new.get(column)?.as_str());
            ids.extend(named.filter_map(|id| Uuid::parse_str(id).ok()));
        }
        Ok(self.unsent.get_or_init(|| ids).contains(&id))
    }

    /// Whether a row is on its way to the server now.
    pub(crate) fn sending(&self, id: Uuid) -> Result<bool> {
        if let Some(known) = self.sending.get() {
            return Ok(known.contains(&id));
        }
        let lines = self.read.outbox_in(OpState::InFlight)?;
        Ok(self.sending.get_or_init(|| lines.iter().map(|line| line.operation.row_id).collect()).contains(&id))
    }
}
