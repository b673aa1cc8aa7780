use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};

use clara_domain::{LocationId, ModelId};
use rusqlite::params;
use serde::Serialize;
use uuid::Uuid;

use super::{Built, built, word_expression};
use crate::error::MirrorError;
use crate::fold::{self, Match, fold, fold_words};
use crate::read::Read;
use crate::statement::{Key, uuid_at};

/// What is looked for.
#[derive(Debug, Clone, Copy)]
pub struct SpecQuery<'q> {
    /// As typed: a model number or a part of it, a maker, words of the product's name.
    pub text: &'q str,
    /// Which models.
    pub within: Within,
    /// The site the technician stands at.
    pub site: Option<LocationId>,
    /// At most so many.
    pub limit: usize,
}

/// Which models are looked through.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Within {
    /// The whole catalogue.
    All,
    /// Those installed at any site in the mirror.
    InOurCare,
    /// Those installed at the site.
    ThisSite,
}

/// How well a model fits, best first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Rank {
    /// The whole number, look-alikes forgiven.
    Exact,
    /// The number begins like that.
    Prefix,
    /// The number has it inside.
    Inside,
    /// One character is wrong, missing or too many.
    OneOff,
    /// By words.
    Words,
}

/// A model that fits.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SpecHit {
    /// Which.
    pub model_id: ModelId,
    /// Its number.
    pub model_number: String,
    /// Its maker.
    pub manufacturer: String,
    /// Its trade name.
    pub product_name: Option<String>,
    /// `equipment_category`.
    pub category: Option<String>,
    /// Not made any more since.
    pub year_discontinued: Option<i64>,
    /// The number of the model that replaces it.
    pub replaced_by: Option<String>,
    /// Items of it in the mirror.
    pub in_our_care: u32,
    /// Items of it at the site.
    pub on_this_site: u32,
    /// How it fits.
    pub rank: Rank,
    /// Where the typed number lies on the model number, and which characters were read as others.
    pub matched: Match,
}

/// What a search found.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Found {
    /// What was typed, folded: how it was read.
    pub read_as: String,
    /// The best of them.
    pub hits: Vec<SpecHit>,
    /// How many fit in all, up to a few hundred.
    pub all: u32,
    /// How many of these are in our care.
    pub in_our_care: u32,
    /// How many of these are at the site.
    pub this_site: u32,
}

/// Candidates looked at in each step: more cannot be read on a screen, and a step must end. What is installed at the site
/// is looked through completely, whatever this says.
const STEP: u32 = 150;
/// Neighbors compared character by character.
const NEIGHBORS: u32 = 2000;

pub(super) struct Candidate {
    pub(super) rank: Rank,
    pub(super) folded: String,
    pub(super) model_id: Uuid,
    pub(super) at_site: bool,
    pub(super) in_care: bool,
}

impl Candidate {
    /// Best first.
    pub(super) fn order(a: &Self, b: &Self) -> Ordering {
        let order = |c: &Self| (c.rank != Rank::Exact, !c.at_site, c.rank, !c.in_care, c.folded.len());
        order(a).cmp(&order(b)).then_with(|| a.folded.cmp(&b.folded))
    }
}

impl Read<'_> {
    /// Models that fit, best first: the exact number, then those installed at the site, then by how well they fit.
    ///
    /// # Errors
    /// Where the mirror cannot be read.
    pub fn search_specs(&self, query: &SpecQuery<'_>) -> Result<Found, MirrorError> {
        let typed = fold(query.text);
        let candidates = match built(self.connection)? {
            Built::Wholly => self.by_index(&typed, query)?,
            Built::Through(_) => self.without_index(&typed, query)?,
        };
        self.best(typed, candidates, query)
    }

    fn by_index(&self, typed: &str, query: &SpecQuery<'_>) -> Result<Vec<Candidate>, MirrorError> {
        let at_site = match query.site {
            Some(site) => self.installed(typed, Some(site))?,
            None => BTreeMap::new(),
        };
        let mut ranked: BTreeMap<i64, Rank> = BTreeMap::new();
        ranked.extend(at_site.iter().filter_map(|(n, rank)| Some((*n, (*rank)?))));
        if query.within == Within::InOurCare {
            ranked.extend(self.installed(typed, None)?.into_iter().filter_map(|(n, rank)| Some((n, rank?))));
        }
        if !typed.is_empty() {
            self.by_number(typed, query.limit, &mut ranked)?;
        }
        if ranked.len() < query.limit {
            self.by_words(query.text, &mut ranked)?;
        }
        ranked.into_iter().map(|(n, rank)| self.candidate(n, rank, at_site.contains_key(&n))).collect()
    }

    fn best(&self, typed: String, mut candidates: Vec<Candidate>, query: &SpecQuery<'_>) -> Result<Found, MirrorError> {
        let mut found = Found {
            read_as: typed,
            all: candidates.len() as u32,
            in_our_care: candidates.iter().filter(|c| c.in_care).count() as u32,
            this_site: candidates.iter().filter(|c| c.at_site).count() as u32,
            hits: Vec::new(),
        };
        candidates.retain(|candidate| match query.within {
            Within::All => true,
            Within::InOurCare => candidate.in_care,
            Within::ThisSite => candidate.at_site,
        });
        candidates.sort_by(Candidate::order);
        candidates.truncate(query.limit);
        for candidate in candidates {
            found.hits.extend(self.hit(&candidate, query)?);
        }
        Ok(found)
    }

    /// The models of exactly this number, case, blanks, dashes and look-alikes forgiven. One probe of an index.
    ///
    /// # Errors
    /// Where the mirror cannot be read.
    pub fn specs_exact(&self, number: &str) -> Result<Vec<ModelId>, MirrorError> {
        if matches!(built(self.connection)?, Built::Through(_)) {
            return self.exact_without_index(&fold(number));
        }
        let mut statement = self.connection.prepare_cached("SELECT model_id FROM spec_index WHERE folded = ?1")?;
        let ids = statement.query_map([fold(number)], |row| Ok(ModelId(uuid_at(row, 0)?)))?;
        Ok(ids.collect::<Result<_, _>>()?)
    }

    fn by_number(&self, typed: &str, limit: usize, ranked: &mut BTreeMap<i64, Rank>) -> Result<(), MirrorError> {
        let after = past(typed);
        let mut beginning = self.connection.prepare_cached(
            "SELECT n, folded FROM spec_index WHERE folded >= ?1 AND folded < ?2 ORDER BY folded LIMIT ?3",
        )?;
        let mut rows = beginning.query(params![typed, after, STEP])?;
        while let Some(row) = rows.next()? {
            let exact = row.get_ref(1)?.as_str()? == typed;
            ranked.insert(row.get(0)?, if exact { Rank::Exact } else { Rank::Prefix });
        }
        let length = typed.chars().count();
        if length >= 3 && ranked.len() < limit {
            let mut inside = self.connection.prepare_cached(
                "SELECT x.n, x.folded FROM spec_trigrams t JOIN spec_index x ON x.n = t.rowid
                 WHERE spec_trigrams MATCH ?1 LIMIT ?2",
            )?;
            let mut rows = inside.query(params![trigrams(typed), STEP])?;
            while let Some(row) = rows.next()? {
                if row.get_ref(1)?.as_str()?.contains(typed) {
                    ranked.entry(row.get(0)?).or_insert(Rank::Inside);
                }
            }
        }
        if length >= 4 && !ranked.values().any(|rank| *rank == Rank::Exact) && ranked.len() < limit {
            self.one_off(typed, length, ranked)?;
        }
        Ok(())
    }

    /// Where one character is wrong, the half of the number before it or the half after it is right.
    fn one_off(&self, typed: &str, length: usize, ranked: &mut BTreeMap<i64, Rank>) -> Result<(), MirrorError> {
        let head: String = typed.chars().take(length / 2).collect();
        let tail: String = typed.chars().rev().take(length - length / 2 - 1).collect();
        let mut look = |sql: &str, part: &str| -> Result<(), MirrorError> {
            let mut statement = self.connection.prepare_cached(sql)?;
            let mut rows = statement.query(params![part, past(part), length as i64 - 1, NEIGHBORS])?;
            while let Some(row) = rows.next()? {
                if near(typed, row.get_ref(1)?.as_str()?) {
                    ranked.entry(row.get(0)?).or_insert(Rank::OneOff);
                }
            }
            Ok(())
        };
        look(
            "SELECT n, folded FROM spec_index WHERE folded >= ?1 AND folded < ?2 AND length(folded) >= ?3 LIMIT ?4",
            &head,
        )?;
        look(
            "SELECT n, folded FROM spec_index WHERE backward >= ?1 AND backward < ?2
                 AND length(backward) BETWEEN ?3 AND ?3 + 2 LIMIT ?4",
            &tail,
        )
    }

    /// The models installed at a site, or anywhere, each with how the typed number fits it, if it does.
    fn installed(&self, typed: &str, site: Option<LocationId>) -> Result<BTreeMap<i64, Option<Rank>>, MirrorError> {
        let mut statement = self.connection.prepare_cached(if site.is_some() {
            "SELECT DISTINCT x.n, x.folded FROM equipment_inventory e JOIN spec_index x ON x.model_id = e.equipment_model_id
             WHERE e.location_id = ?1 AND e.deleted_at IS NULL"
        } else {
            "SELECT DISTINCT x.n, x.folded FROM equipment_inventory e JOIN spec_index x ON x.model_id = e.equipment_model_id
             WHERE ?1 IS NULL AND e.deleted_at IS NULL"
        })?;
        let mut rows = statement.query([site.map(|site| Key::of(site.uuid()))])?;
        let mut found = BTreeMap::new();
        while let Some(row) = rows.next()? {
            found.insert(row.get(0)?, fits(typed, row.get_ref(1)?.as_str()?));
        }
        Ok(found)
    }

    fn by_words(&self, text: &str, ranked: &mut BTreeMap<i64, Rank>) -> Result<(), MirrorError> {
        if self.by_number_among_words(text, ranked)? {
            return Ok(());
        }
        let Some(expression) = word_expression(text) else { return Ok(()) };
        let mut statement =
            self.connection.prepare_cached("SELECT rowid FROM spec_words WHERE spec_words MATCH ?1 LIMIT ?2")?;
        let mut rows = statement.query(params![expression, STEP])?;
        while let Some(row) = rows.next()? {
            ranked.entry(row.get(0)?).or_insert(Rank::Words);
        }
        Ok(())
    }

    /// "daikin ftxs12": a word with a digit in it is the beginning of a number, and rarer than any maker's name.
    fn by_number_among_words(&self, text: &str, ranked: &mut BTreeMap<i64, Rank>) -> Result<bool, MirrorError> {
        let words: Vec<&str> = text.split_whitespace().collect();
        let Some(number) = words
            .iter()
            .filter(|_| words.len() > 1)
            .find(|word| word.chars().any(|c| c.is_ascii_digit()) && fold(word).chars().count() >= 3)
        else {
            return Ok(false);
        };
        let others: BTreeSet<String> = words.iter().filter(|word| *word != number).map(|word| fold(word)).collect();
        let typed = fold(number);
        let mut statement = self.connection.prepare_cached(
            "SELECT x.n, f.name, m.product_name, m.equipment_category
             FROM (SELECT n, model_id FROM spec_index WHERE folded >= ?1 AND folded < ?2 ORDER BY folded LIMIT ?3) x
             JOIN equipment_models m ON m.id = x.model_id
             LEFT JOIN manufacturers f ON f.id = m.manufacturer_id",
        )?;
        let mut rows = statement.query(params![typed, past(&typed), STEP])?;
        let mut found = false;
        while let Some(row) = rows.next()? {
            let mut said = Vec::new();
            for at in 1..4 {
                said.extend(fold_words(&row.get::<_, Option<String>>(at)?.unwrap_or_default()));
            }
            if others.iter().all(|other| said.iter().any(|word| word.starts_with(other.as_str()))) {
                ranked.entry(row.get(0)?).or_insert(Rank::Words);
                found = true;
            }
        }
        Ok(found)
    }

    fn candidate(&self, n: i64, rank: Rank, at_site: bool) -> Result<Candidate, MirrorError> {
        let mut statement = self.connection.prepare_cached(
            "SELECT x.model_id, x.folded, EXISTS (SELECT 1 FROM equipment_inventory e
                 WHERE e.equipment_model_id = x.model_id AND e.deleted_at IS NULL)
             FROM spec_index x WHERE x.n = ?1",
        )?;
        Ok(statement.query_row([n], |row| {
            Ok(Candidate { rank, model_id: uuid_at(row, 0)?, folded: row.get(1)?, at_site, in_care: row.get(2)? })
        })?)
    }

    fn hit(&self, candidate: &Candidate, query: &SpecQuery<'_>) -> Result<Option<SpecHit>, MirrorError> {
        let mut statement = self.connection.prepare_cached(
            "SELECT m.model_number, f.name, m.product_name, m.equipment_category, m.year_discontinued, r.model_number,
                 (SELECT count(*) FROM equipment_inventory e WHERE e.equipment_model_id = m.id AND e.deleted_at IS NULL),
                 (SELECT count(*) FROM equipment_inventory e WHERE e.equipment_model_id = m.id AND e.deleted_at IS NULL
                      AND e.location_id = ?2)
             FROM equipment_models m
             LEFT JOIN manufacturers f ON f.id = m.manufacturer_id
             LEFT JOIN equipment_models r ON r.id = m.replacement_model_id
             WHERE m.id = ?1",
        )?;
        let mut rows =
            statement.query(params![Key::of(candidate.model_id), query.site.map(|site| Key::of(site.uuid()))])?;
        let Some(row) = rows.next()? else { return Ok(None) };
        let model_number: String = row.get::<_, Option<String>>(0)?.unwrap_or_default();
        let matched = match candidate.rank {
            Rank::Words => query.text.split_whitespace().find_map(|word| fold::lay(word, &model_number)),
            _ => fold::lay(query.text, &model_number),
        };
        Ok(Some(SpecHit {
            model_id: ModelId(candidate.model_id),
            manufacturer: row.get::<_, Option<String>>(1)?.unwrap_or_default(),
            product_name: row.get(2)?,
            category: row.get(3)?,
            year_discontinued: row.get(4)?,
            replaced_by: row.get(5)?,
            in_our_care: row.get(6)?,
            on_this_site: row.get(7)?,
            rank: candidate.rank,
            matched: matched.unwrap_or_default(),
            model_number,
        }))
    }
}

/// The first text after all that begin with `part`.
fn past(part: &str) -> String {
    format!("{part}\u{10ffff}")
}

/// All three characters in a row, each as a phrase of its own: the index keeps no positions.
fn trigrams(typed: &str) -> String {
    let chars: Vec<char> = typed.chars().collect();
    let parts: Vec<String> =
        chars.windows(3).map(|three| format!("\"{}\"", three.iter().collect::<String>())).collect();
    parts.join(" AND ")
}

/// How a typed number fits a folded one.
pub(super) fn fits(typed: &str, folded: &str) -> Option<Rank> {
    if typed.is_empty() {
        None
    } else if folded == typed {
        Some(Rank::Exact)
    } else if folded.starts_with(typed) {
        Some(Rank::Prefix)
    } else if typed.len() >= 3 && folded.contains(typed) {
        Some(Rank::Inside)
    } else {
        (typed.len() >= 4 && near(typed, folded)).then_some(Rank::OneOff)
    }
}

/// Whether one exchange, one character more or one less makes `typed` the number or the beginning of it.
fn near(typed: &str, folded: &str) -> bool {
    let (t, f) = (typed.as_bytes(), folded.as_bytes());
    let same = t.iter().zip(f).take_while(|(a, b)| a == b).count();
    let rest = |bytes: &'_ [u8], from: usize| -> usize { from.min(bytes.len()) };
    let begins = |from_f: usize, from_t: usize| {
        let (whole, part) = (f.get(rest(f, from_f)..), t.get(rest(t, from_t)..));
        whole.zip(part).is_some_and(|(whole, part)| whole.starts_with(part))
    };
    begins(same + 1, same + 1) || begins(same + 1, same) || begins(same, same + 1)
}
