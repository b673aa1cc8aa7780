//! The demo company, and the rules that every company starts with: embedded data turned into mirror rows.
//!
//! Nothing is read from anywhere and nothing depends on a clock: [`company`] takes the day it is to be seen from.
//! Ids are the same on every day, so that loading the demo again on another day moves its dates and adds no rows.

mod book;
mod catalog;
mod chance;
mod limits;
mod people;
mod plates;
mod png;
mod readings;
mod rules;
mod sites;
mod visits;
mod work;

use chrono::{FixedOffset, NaiveDate, Offset as _, Utc};
use clara_domain::category::Role;
use clara_domain::mirror::Entity;
use clara_domain::row::Row;
use uuid::Uuid;

use crate::book::Book;
use crate::readings::Readings;
use crate::rules::Requirements;
use crate::work::Desk;

/// The demo company's name.
pub const COMPANY: &str = "Lakehead Fire & Air";

/// A company with its people, sites, equipment, work and history.
#[derive(Debug, Clone, PartialEq)]
pub struct Company {
    /// Parents first, in the order of [`clara_domain::mirror::TABLES`]. The rows of [`rules`] are among them.
    pub rows: Vec<(Entity, Vec<Row>)>,
    /// Everyone in `users`, with what the mirror does not carry.
    pub people: Vec<Person>,
}

/// A row of `photos` in state `stored`, and the bytes that it tells of.
#[derive(Debug, Clone, PartialEq)]
pub struct Picture {
    /// The row; parents are among [`Company::rows`].
    pub row: Row,
    /// The file, a PNG of a few kilobytes: one chunk.
    pub bytes: Vec<u8>,
}

/// Somebody who works for the company.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Person {
    /// `users.id`
    pub user_id: Uuid,
    /// `users.full_name`
    pub full_name: String,
    /// `users.email`
    pub email: String,
    /// `users.phone`
    pub phone: String,
    /// `users.role`
    pub role: Role,
    /// The name of the person's login role, without the prefix that the central database may give it.
    pub login: String,
}

/// The demo company as it stands on the morning of `today`, its clocks set to UTC.
pub fn company(today: NaiveDate) -> Company {
    company_in(Utc.fix(), today)
}

/// The demo company with its wall clock in `zone`. "On site since 8:12" reads so where the laptop's clock is there too,
/// wherever that is.
pub fn company_in(zone: FixedOffset, today: NaiveDate) -> Company {
    let mut book = Book::new(zone);
    let people = people::add(&mut book);
    let (templates, requirements) = (rules::templates(), Requirements::new());
    rules::add(&mut book, &templates, &requirements);
    let catalog = catalog::add(&mut book);
    let sites = sites::add(&mut book, &catalog, today);
    let readings = Readings::new();
    let desk =
        Desk { catalog: &catalog, templates: &templates, requirements: &requirements, readings: &readings, today };
    for visit in visits::all(&sites, today) {
        desk.add(&mut book, &visit);
    }
    Company { rows: book.into_rows(), people }
}

/// Photos of the company's equipment, one for every item whose photo is not missing.
///
/// They are apart from [`company`]: a row that says `stored` belongs beside its bytes, and not every mirror of the demo
/// has a place for those.
pub fn pictures(today: NaiveDate) -> Vec<Picture> {
    pictures_in(Utc.fix(), today)
}

/// The same with the company's wall clock in `zone`.
pub fn pictures_in(zone: FixedOffset, today: NaiveDate) -> Vec<Picture> {
    let mut book = Book::new(zone);
    let catalog = catalog::add(&mut book);
    plates::all(&sites::add(&mut book, &catalog, today), today, zone)
}

/// The templates, their items and the capture requirements that every company starts with and may edit.
pub fn rules() -> Vec<(Entity, Vec<Row>)> {
    let mut book = Book::new(Utc.fix());
    rules::add(&mut book, &rules::templates(), &Requirements::new());
    book.into_rows()
}
