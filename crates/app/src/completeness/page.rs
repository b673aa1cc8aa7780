use std::collections::BTreeMap;

use clara_contract::completeness::{
    CategoryCompleteness, Completeness, CompletenessFilter, HeatCell, SiteCompleteness, TechnicianCompleteness, TopGap,
    TrendPoint,
};
use clara_domain::category::Category;
use clara_domain::mirror::Entity;
use clara_domain::{LocationId, UserId};
use uuid::Uuid;

use super::survey::{Figures, Survey, Tally, survey, words};
use crate::app::Core;
use crate::error::Result;
use crate::jobs::device::size;
use crate::view::View;

/// Logs below which a person gets no figure: a median of four says more about luck than about work.
const LOGS_AT_LEAST: usize = 5;
/// Gaps worth naming.
const TOP: usize = 10;

impl Core {
    /// The manager's page.
    pub(crate) fn completeness(&self, filter: CompletenessFilter) -> Result<Completeness> {
        let (now, today) = (self.now(), self.date());
        let as_of = self.status()?.last_success_at;
        self.open()?.read(|view| {
            let found = survey(view, &filter, now, today)?;
            let mut total = Figures::default();
            let mut by_site: Tally<Uuid> = Tally::new();
            let mut by_cell: Tally<(Category, i64, String, String)> = Tally::new();
            let mut items: BTreeMap<Category, u32> = BTreeMap::new();
            let requirements = view.requirements()?;
            for surveyed in &found.items {
                let category = surveyed.category;
                *items.entry(category).or_default() += 1;
                let required = requirements.get(&category).map(Vec::as_slice).unwrap_or_default();
                for field in &surveyed.fields {
                    let known = surveyed.known(field);
                    let place = required.iter().find(|r| r.field_key == field.field_key).map_or(0, |r| r.position);
                    total.add(field, known);
                    by_site.entry(surveyed.location).or_default().add(field, known);
                    let cell = (category, place, field.field_key.clone(), field.label.clone());
                    by_cell.entry(cell).or_default().add(field, known);
                }
            }
            Ok(Completeness {
                as_of: as_of.clone(),
                filter_words: words(view, &filter)?,
                total: total.count,
                unknown: total.unknown,
                percentage: total.percentage(),
                categories: categories(&items, &by_cell),
                sites: sites(view, &by_site)?,
                technicians: technicians(view, &found)?,
                trend: trend(&found),
                top_gaps: top_gaps(&by_cell),
                laptops: found.laptops,
            })
        })
    }
}

fn categories(
    items: &BTreeMap<Category, u32>,
    by_cell: &Tally<(Category, i64, String, String)>,
) -> Vec<CategoryCompleteness> {
    let cells = |category: Category| {
        by_cell
            .iter()
            .filter(|((of, ..), _)| *of == category)
            .map(|((_, _, field_key, label), figures)| HeatCell {
                field_key: field_key.clone(),
                label: label.clone(),
                count: figures.count,
                percentage: figures.percentage(),
            })
            .collect()
    };
    items
        .iter()
        .map(|(category, items)| CategoryCompleteness { category: *category, items: *items, cells: cells(*category) })
        .collect()
}

fn sites(view: &View<'_>, by_site: &Tally<Uuid>) -> Result<Vec<SiteCompleteness>> {
    let mut sites = Vec::new();
    for (location, figures) in by_site {
        let site = view.get(Entity::Locations, *location)?;
        sites.push(SiteCompleteness {
            location_id: LocationId(*location),
            name: site.map(|site| site.word("location_name")).unwrap_or_default(),
            count: figures.count,
            percentage: figures.percentage(),
        });
    }
    sites.sort_by(|a, b| b.count.missing.cmp(&a.count.missing).then_with(|| a.name.cmp(&b.name)));
    Ok(sites)
}

fn technicians(view: &View<'_>, found: &Survey) -> Result<Vec<TechnicianCompleteness>> {
    let mut by_user: BTreeMap<Uuid, Vec<f64>> = BTreeMap::new();
    for log in &found.logs {
        if let Some(user) = log.technician_id {
            by_user.entry(user.uuid()).or_default().push(log.completion_percentage);
        }
    }
    let mut technicians = Vec::new();
    for (user, mut figures) in by_user {
        figures.sort_by(f64::total_cmp);
        let enough = figures.len() >= LOGS_AT_LEAST;
        let record = view.get(Entity::Users, user)?;
        technicians.push(TechnicianCompleteness {
            user_id: UserId(user),
            name: record.map(|user| user.word("full_name")).unwrap_or_default(),
            logs: size(figures.len()),
            median: enough.then(|| quantile(&figures, 0.5)),
            quartiles: enough.then(|| (quantile(&figures, 0.25), quantile(&figures, 0.75))),
        });
    }
    // By name: an order by figure would be a ranking.
    technicians.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(technicians)
}

/// Between the two nearest of a sorted list.
fn quantile(sorted: &[f64], share: f64) -> f64 {
    let at = share * (sorted.len().saturating_sub(1)) as f64;
    let low = sorted.get(at.floor() as usize).copied().unwrap_or_default();
    let high = sorted.get(at.ceil() as usize).copied().unwrap_or(low);
    ((low + (high - low) * at.fract()) * 100.0).round() / 100.0
}

fn trend(found: &Survey) -> Vec<TrendPoint> {
    let mut months: BTreeMap<String, (f64, u32)> = BTreeMap::new();
    for log in &found.logs {
        if let Some(at) = &log.captured_at {
            let month = months.entry(at.chars().take(7).collect()).or_default();
            month.0 += log.completion_percentage;
            month.1 += 1;
        }
    }
    let point = |(month, (sum, logs)): (String, (f64, u32))| TrendPoint {
        month,
        percentage: (sum * 100.0 / f64::from(logs)).round() / 100.0,
        logs,
    };
    months.into_iter().map(point).collect()
}

fn top_gaps(by_cell: &Tally<(Category, i64, String, String)>) -> Vec<TopGap> {
    let mut gaps: Vec<TopGap> = by_cell
        .iter()
        .filter(|(_, figures)| figures.count.missing > 0)
        .map(|((category, _, field_key, label), figures)| TopGap {
            field_key: field_key.clone(),
            label: label.clone(),
            category: *category,
            missing: figures.count.missing,
        })
        .collect();
    gaps.sort_by_key(|gap| std::cmp::Reverse(gap.missing));
    gaps.truncate(TOP);
    gaps
}

#[cfg(test)]
mod tests {
    use super::quantile;

    #[test]
    fn quartiles_lie_between_the_two_nearest() {
        let five = [10.0, 20.0, 30.0, 40.0, 50.0];
        assert_eq!((quantile(&five, 0.25), quantile(&five, 0.5), quantile(&five, 0.75)), (20.0, 30.0, 40.0));
        assert_eq!(quantile(&[10.0, 20.0, 30.0, 41.0], 0.5), 25.0);
        assert_eq!(quantile(&[], 0.5), 0.0);
    }
}
