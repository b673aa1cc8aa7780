use clara_contract::specs::{FoundModel, SearchSpecs, SpecScope, SpecsFound};
use clara_domain::category::Category;
use clara_local::fold::Match;
use clara_local::search::{Rank, SpecHit, SpecQuery, Within};

use crate::app::Core;
use crate::error::Result;
use crate::jobs::device::size;

/// Models that are shown where no other number is asked for.
const LIMIT: u32 = 50;

impl Core {
    /// Models by what can be read of a number.
    pub(crate) fn search_specs(&self, request: SearchSpecs) -> Result<SpecsFound> {
        let first = self.status_of_catalogue()?;
        self.open()?.read(|view| {
            let found = view.read.search_specs(&SpecQuery {
                text: &request.text,
                within: match request.within {
                    SpecScope::All => Within::All,
                    SpecScope::InOurCare => Within::InOurCare,
                    SpecScope::ThisSite => Within::ThisSite,
                },
                site: request.location_id,
                limit: request.limit.unwrap_or(LIMIT) as usize,
            })?;
            Ok(SpecsFound {
                read_as: found.read_as,
                models: found.hits.into_iter().map(model).collect(),
                all: found.all,
                in_our_care: found.in_our_care,
                this_site: found.this_site,
                catalogue: view.read.catalogue_size()?,
                still_coming: first,
            })
        })
    }

    /// Percent of a first sync that is still under way.
    fn status_of_catalogue(&self) -> Result<Option<u32>> {
        let now = self.now();
        self.open()?.read(|view| {
            let figures = view.read.sync_figures(now)?;
            let first = figures.first_sync.filter(|first| !figures.mirrored && first.tables_done < first.tables);
            Ok(first.map(|first| first.tables_done * 100 / first.tables.max(1)))
        })
    }
}

fn model(hit: SpecHit) -> FoundModel {
    FoundModel {
        model_id: hit.model_id,
        matched: stretches(&hit.matched),
        model_number: hit.model_number,
        manufacturer: hit.manufacturer,
        product_name: hit.product_name,
        category: hit.category.and_then(|word| word.parse().ok()).unwrap_or(Category::Other),
        year_discontinued: hit.year_discontinued.and_then(|year| year.try_into().ok()),
        replaced_by: hit.replaced_by,
        in_our_care: hit.in_our_care,
        on_this_site: hit.on_this_site,
        one_off: hit.rank == Rank::OneOff,
    }
}

/// The matched part in stretches: letters as typed, and letters read as others.
fn stretches(matched: &Match) -> Vec<(u32, u32, bool)> {
    let mut stretches: Vec<(u32, u32, bool)> = Vec::new();
    for at in matched.start..matched.end {
        let other = matched.read_as.iter().any(|read| read.at == at);
        let at = size(at);
        match stretches.last_mut() {
            Some((_, end, kind)) if *kind == other => *end = at + 1,
            _ => stretches.push((at, at + 1, other)),
        }
    }
    stretches
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::stretches;
    use clara_local::fold::lay;

    #[test]
    fn letters_read_as_others_stand_apart() {
        let matched = lay("O10B", "010-B").unwrap();
        assert_eq!(stretches(&matched), [(0, 1, true), (1, 5, false)]);
    }
}
