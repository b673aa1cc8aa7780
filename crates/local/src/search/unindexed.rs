//! Searching while the index is still to be built: every model is looked at. Slower, and the same hits.

use std::collections::BTreeSet;

use clara_domain::ModelId;
use uuid::Uuid;

use super::specs::{Candidate, Rank, SpecQuery, fits};
use crate::error::MirrorError;
use crate::fold::{fold, fold_words};
use crate::read::Read;
use crate::statement::{Key, uuid_at};

/// Candidates kept of those seen so far.
const KEPT: usize = 600;

/// What a person typed, as words: each is found whole, or as its parts.
struct Words(Vec<Vec<String>>);

impl Words {
    fn of(text: &str) -> Self {
        Self(text.split_whitespace().map(fold_words).filter(|words| !words.is_empty()).collect())
    }

    fn fit(&self, said: &[String]) -> bool {
        let begins = |word: &String| said.iter().any(|one| one.starts_with(word.as_str()));
        !self.0.is_empty()
            && self.0.iter().all(|words| {
                words
                    .split_first()
                    .is_some_and(|(whole, parts)| begins(whole) || (!parts.is_empty() && parts.iter().all(begins)))
            })
    }
}

impl Read<'_> {
    pub(super) fn without_index(&self, typed: &str, query: &SpecQuery<'_>) -> Result<Vec<Candidate>, MirrorError> {
        let words = Words::of(query.text);
        let in_care = self.models_in(None)?;
        let at_site = match query.site {
            Some(site) => self.models_in(Some(site.uuid()))?,
            None => BTreeSet::new(),
        };
        let mut found = Vec::new();
        let mut statement = self.connection.prepare_cached(
            "SELECT m.id, m.model_number, f.name, m.product_name, m.equipment_category
             FROM equipment_models m LEFT JOIN manufacturers f ON f.id = m.manufacturer_id
             WHERE m.model_number IS NOT NULL AND m.deleted_at IS NULL",
        )?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            let folded = fold(row.get_ref(1)?.as_str()?);
            let rank = match fits(typed, &folded) {
                Some(rank) => rank,
                None => {
                    let mut said = vec![folded.clone()];
                    for at in 2..5 {
                        said.extend(row.get_ref(at)?.as_str_or_null()?.into_iter().flat_map(fold_words));
                    }
                    if !words.fit(&said) {
                        continue;
                    }
                    Rank::Words
                }
            };
            let model_id = uuid_at(row, 0)?;
            let (at_site, in_care) = (at_site.contains(&model_id), in_care.contains(&model_id));
            found.push(Candidate { rank, folded, model_id, at_site, in_care });
            if found.len() > 4 * KEPT {
                found.sort_by(Candidate::order);
                found.truncate(KEPT);
            }
        }
        found.sort_by(Candidate::order);
        found.truncate(KEPT);
        // As with the index: words, and numbers with a slip, count only where nothing better was found.
        let enough = found.iter().filter(|c| c.rank < Rank::Words && !c.at_site).count() >= query.limit;
        if enough {
            found.retain(|candidate| candidate.rank < Rank::Words);
        }
        if found.iter().any(|candidate| candidate.rank == Rank::Exact) {
            found.retain(|candidate| candidate.rank != Rank::OneOff || candidate.at_site);
        }
        Ok(found)
    }

    pub(super) fn exact_without_index(&self, folded: &str) -> Result<Vec<ModelId>, MirrorError> {
        let mut statement = self.connection.prepare_cached(
            "SELECT id, model_number FROM equipment_models WHERE model_number IS NOT NULL AND deleted_at IS NULL",
        )?;
        let mut rows = statement.query([])?;
        let mut found = Vec::new();
        while let Some(row) = rows.next()? {
            if fold(row.get_ref(1)?.as_str()?) == folded {
                found.push(ModelId(uuid_at(row, 0)?));
            }
        }
        Ok(found)
    }

    /// The models installed at a site, or anywhere.
    fn models_in(&self, site: Option<Uuid>) -> Result<BTreeSet<Uuid>, MirrorError> {
        let mut statement = self.connection.prepare_cached(
            "SELECT DISTINCT equipment_model_id FROM equipment_inventory
             WHERE equipment_model_id IS NOT NULL AND deleted_at IS NULL AND (?1 IS NULL OR location_id = ?1)",
        )?;
        let ids = statement.query_map([site.map(Key::of)], |row| uuid_at(row, 0))?;
        Ok(ids.collect::<Result<_, _>>()?)
    }
}
