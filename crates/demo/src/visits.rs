//! Which visits there were, and which are to come: regular ones from the programs, repairs that followed, and the
//! week around the day the demo is seen from.
//!
//! Visits are planned in days before that day, never by the calendar, so that the same visits with the same ids
//! exist whichever day it is.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{Datelike, Duration, NaiveDate};
use clara_domain::category::{Category, JobStatus};
use serde::Deserialize;

use crate::book::embedded;
use crate::chance;
use crate::sites::{Item, Site};

/// One visit to one site.
pub(crate) struct Visit<'a> {
    pub(crate) key: String,
    pub(crate) number: String,
    pub(crate) site: &'a Site,
    /// Before the day the demo is seen from; negative if still to come.
    pub(crate) days_ago: i64,
    /// Days to the next visit of its program.
    pub(crate) every: Option<i64>,
    pub(crate) technician: Option<String>,
    pub(crate) job_type: String,
    pub(crate) status: JobStatus,
    pub(crate) priority: String,
    /// Minutes past midnight.
    pub(crate) time: i64,
    pub(crate) started: Option<i64>,
    pub(crate) minutes: i64,
    pub(crate) title: String,
    pub(crate) description: String,
    pub(crate) special: Option<String>,
    pub(crate) checklist: Vec<(String, String, bool)>,
    pub(crate) tasks: Vec<Task<'a>>,
}

/// One item on a visit.
pub(crate) struct Task<'a> {
    pub(crate) item: &'a Item,
    /// `None`: on the job's list, with nothing to fill in.
    pub(crate) template: Option<&'static str>,
    pub(crate) done: bool,
    /// How many visits of the same program came after this one; `None` outside the programs.
    pub(crate) later: Option<usize>,
    pub(crate) outcome: Outcome,
}

/// What came of it.
#[derive(Clone)]
pub(crate) enum Outcome {
    /// Passed, or failed at something, as chance has it.
    Chance,
    /// Passed.
    Passed,
    /// Failed at this item of the template.
    Fault(String),
    /// Passed after a repair.
    Repaired { done: String, parts: Vec<String> },
}

#[derive(Deserialize)]
struct Program {
    key: String,
    title: String,
    every: i64,
    visits: usize,
    minutes: i64,
    sites: Option<Vec<String>>,
    #[serde(default)]
    phase_at: BTreeMap<String, i64>,
    description: String,
    checklist: Vec<(String, String)>,
}

#[derive(Deserialize)]
struct Repair {
    site: String,
    tag: String,
    days: i64,
    title: String,
    template: String,
    done: String,
    #[serde(rename = "replaced")]
    parts: Vec<String>,
    priority: Option<String>,
}

#[derive(Deserialize)]
struct Planned {
    key: String,
    number: String,
    site: String,
    tech: Option<String>,
    day: i64,
    time: String,
    started: Option<String>,
    minutes: i64,
    status: Option<JobStatus>,
    #[serde(rename = "type")]
    job_type: String,
    priority: Option<String>,
    program: Option<String>,
    #[serde(default)]
    also: Vec<String>,
    #[serde(default)]
    items: BTreeMap<String, String>,
    title: String,
    description: String,
    special: Option<String>,
    #[serde(default)]
    done: BTreeSet<String>,
    #[serde(default)]
    fault: BTreeMap<String, String>,
    repaired: Option<String>,
    #[serde(default)]
    ticked: usize,
}

/// The template keys that data files may name, so that a task can hold one without owning it.
const TEMPLATES: &[&str] = &[
    "fire_pump_run",
    "fire_pump_annual",
    "backflow_rp_annual",
    "backflow_dc_annual",
    "backflow_pvb_annual",
    "sprinkler_quarterly",
    "sprinkler_annual",
    "extinguisher_monthly",
    "extinguisher_annual",
    "alarm_panel_annual",
    "alarm_battery_semiannual",
    "smoke_functional_annual",
    "smoke_sensitivity",
    "hvac_cooling",
    "hvac_heating",
    "hvac_filters",
    "fan_service",
    "standpipe_annual",
    "standpipe_5y_flow",
    "emergency_light_annual",
    "kitchen_hood_semiannual",
];

fn template(key: &str) -> &'static str {
    match TEMPLATES.iter().find(|known| **known == key) {
        Some(known) => known,
        None => panic!("no visit uses a template called {key}"),
    }
}

/// The lowest job number in `week.json`.
const FIRST_OF_THE_WEEK: usize = 20815;

/// Every visit: past ones, then this week's.
pub(crate) fn all(sites: &[Site], today: NaiveDate) -> Vec<Visit<'_>> {
    let programs: Vec<Program> = embedded("programs.json", include_str!("../data/programs.json"));
    let mut past: Vec<(i64, Visit<'_>)> = programs.iter().flat_map(|program| regular(program, sites, today)).collect();
    past.extend(repairs(sites).map(|visit| (visit.days_ago, visit)));
    // By the planned distance and not by the date: a job keeps its number on every day.
    past.sort_by(|(a_days, a), (b_days, b)| b_days.cmp(a_days).then_with(|| a.key.cmp(&b.key)));
    let newest = past.len();
    let mut all: Vec<Visit<'_>> = Vec::new();
    for (index, (_, mut visit)) in past.into_iter().enumerate() {
        visit.number = format!("J-{}", FIRST_OF_THE_WEEK - (newest - index));
        all.push(visit);
    }
    all.extend(week(sites, &programs));
    all
}

/// What a program does with an item; `None` if nothing. `later` tells yearly visits from quarterly ones.
fn task(program: &str, item: &Item, later: usize, season: Season) -> Option<&'static str> {
    let key = match (program, item.category) {
        ("annual", Category::FirePump) => "fire_pump_annual",
        ("annual", Category::BackflowPreventer) => match item.component("type") {
            Some("DC" | "DCDA") => "backflow_dc_annual",
            Some("PVB" | "SVB") => "backflow_pvb_annual",
            _ => "backflow_rp_annual",
        },
        ("annual", Category::FireExtinguisher) => "extinguisher_annual",
        ("annual", Category::FireAlarmPanel) => "alarm_panel_annual",
        ("annual", Category::SmokeDetector) => "smoke_functional_annual",
        ("annual", Category::Standpipe) => "standpipe_annual",
        ("annual", Category::Other) => match item.component("kind") {
            Some("emergency_light" | "exit_sign") => "emergency_light_annual",
            _ => return None,
        },
        ("pump_run", Category::FirePump) => "fire_pump_run",
        ("sprinkler", Category::SprinklerHead) if later % 4 == 3 => "sprinkler_annual",
        ("sprinkler", Category::SprinklerHead) => "sprinkler_quarterly",
        ("hvac", Category::Hvac) if season == Season::Autumn && item.component("heat") == Some("gas") => "hvac_heating",
        ("hvac", Category::Hvac) if item.cools => "hvac_cooling",
        ("hvac", Category::Hvac) if item.component("drive") == Some("belt") => "fan_service",
        ("hvac", Category::Hvac) if item.model.is_some() => "hvac_filters",
        ("hvac", Category::Hvac) => "hvac_heating",
        ("filters", Category::Hvac) => "hvac_filters",
        ("extinguishers", Category::FireExtinguisher) => "extinguisher_monthly",
        ("batteries", Category::FireAlarmPanel) => "alarm_battery_semiannual",
        ("hoods", Category::Other) if item.component("kind") == Some("kitchen_hood") => "kitchen_hood_semiannual",
        _ => return None,
    };
    Some(key)
}

fn tasks<'a>(program: &str, site: &'a Site, later: usize, season: Season) -> Vec<Task<'a>> {
    let mut list = Vec::new();
    for item in &site.items {
        let Some(template) = task(program, item, later, season) else { continue };
        let mut add = |template| {
            list.push(Task {
                item,
                template: Some(template),
                done: true,
                later: Some(later),
                outcome: Outcome::Chance,
            });
        };
        add(template);
        // What comes round less often than once a year fell into the visit before last.
        match (template, item.tag.as_str()) {
            ("smoke_functional_annual", _) if later == 1 && item.component("kind") == Some("photo") => {
                add("smoke_sensitivity")
            }
            ("standpipe_annual", "SP-1") if later == 1 => add("standpipe_5y_flow"),
            _ => {}
        }
    }
    list
}

/// When units are serviced.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Season {
    Spring,
    Autumn,
}

/// The day of the service before which `later` others came, seen from `today`: in April and October, each site on
/// its own day.
fn service(today: NaiveDate, site: &str, later: usize) -> (NaiveDate, Season) {
    let shift = Duration::days(chance::pick(&format!("{site}/service"), 24) as i64);
    let mut days: Vec<(NaiveDate, Season)> = (today.year() - 4..=today.year())
        .flat_map(|year| {
            [(4, Season::Spring), (10, Season::Autumn)]
                .into_iter()
                .filter_map(move |(month, season)| Some((NaiveDate::from_ymd_opt(year, month, 2)? + shift, season)))
        })
        .filter(|(day, _)| *day < today)
        .collect();
    days.reverse();
    days.get(later).copied().unwrap_or((today, Season::Spring))
}

fn regular<'a>(program: &Program, sites: &'a [Site], today: NaiveDate) -> Vec<(i64, Visit<'a>)> {
    let wanted = |site: &&Site| program.sites.as_ref().is_none_or(|keys| keys.contains(&site.key));
    let mut visits = Vec::new();
    for site in sites.iter().filter(wanted) {
        let name = format!("{}/{}", program.key, site.key);
        let phase = program
            .phase_at
            .get(&site.key)
            .copied()
            .unwrap_or_else(|| 3 + (chance::share(&name) * (program.every - 6) as f64) as i64);
        for later in 0..program.visits {
            let planned = phase + program.every * later as i64;
            let (day, season) = service(today, &site.key, later);
            let days_ago = if program.key == "hvac" { (today - day).num_days() } else { planned };
            let tasks = tasks(&program.key, site, later, season);
            if tasks.is_empty() {
                continue;
            }
            let key = format!("{name}/{later}");
            visits.push((
                planned,
                Visit {
                    number: String::new(),
                    site,
                    days_ago,
                    every: Some(program.every),
                    technician: Some(technician(site, &key)),
                    job_type: if ["hvac", "filters", "batteries"].contains(&program.key.as_str()) {
                        "maintenance"
                    } else {
                        "inspection"
                    }
                    .into(),
                    status: JobStatus::Completed,
                    priority: "normal".into(),
                    time: [7 * 60 + 30, 9 * 60, 10 * 60 + 30, 13 * 60, 14 * 60 + 30]
                        [chance::pick(&format!("{key}/time"), 5)],
                    started: None,
                    minutes: program.minutes,
                    title: match program.key.as_str() {
                        "sprinkler" if later % 4 == 3 => "Sprinkler annual".into(),
                        "hvac" if tasks.iter().any(|t| t.template == Some("hvac_heating")) => "Heating service".into(),
                        "hvac" if season == Season::Spring => "Cooling service".into(),
                        _ => program.title.clone(),
                    },
                    description: program.description.clone(),
                    special: None,
                    checklist: checklist(&program.checklist, usize::MAX),
                    tasks,
                    key,
                },
            ));
        }
    }
    visits
}

fn repairs<'a>(sites: &'a [Site]) -> impl Iterator<Item = Visit<'a>> {
    let repairs: Vec<Repair> = embedded("repairs.json", include_str!("../data/repairs.json"));
    repairs.into_iter().map(|repair| {
        let site = named(sites, &repair.site);
        let key = format!("repair/{}/{}/{}", repair.site, repair.tag, repair.title);
        let outcome = Outcome::Repaired { done: repair.done, parts: repair.parts };
        let template = Some(template(&repair.template));
        Visit {
            number: String::new(),
            site,
            days_ago: repair.days,
            every: None,
            technician: Some(technician(site, &key)),
            job_type: "repair".into(),
            status: JobStatus::Completed,
            priority: repair.priority.unwrap_or_else(|| "high".into()),
            time: 8 * 60 + 30,
            started: None,
            minutes: 90,
            title: repair.title,
            description: "Reported by the customer.".into(),
            special: None,
            checklist: repair_checklist(usize::MAX),
            tasks: vec![Task { item: item(site, &repair.tag), template, done: true, later: None, outcome }],
            key,
        }
    })
}

fn week<'a>(sites: &'a [Site], programs: &[Program]) -> Vec<Visit<'a>> {
    let planned: Vec<Planned> = embedded("week.json", include_str!("../data/week.json"));
    planned.into_iter().map(|planned| this_week(planned, sites, programs)).collect()
}

fn this_week<'a>(planned: Planned, sites: &'a [Site], programs: &[Program]) -> Visit<'a> {
    let site = named(sites, &planned.site);
    let program = planned.program.as_ref().and_then(|key| programs.iter().find(|program| program.key == *key));
    let status = planned.status.unwrap_or(JobStatus::Scheduled);
    let mut list: Vec<Task<'a>> =
        planned.program.iter().flat_map(|program| tasks(program, site, 0, Season::Autumn)).collect();
    for (tag, key) in &planned.items {
        let template = Some(template(key));
        list.push(Task { item: item(site, tag), template, done: false, later: None, outcome: Outcome::Chance });
    }
    for key in &planned.also {
        for item in site.items.iter().filter(|item| item.category == Category::SprinklerHead) {
            let template = Some(template(key));
            list.push(Task { item, template, done: false, later: None, outcome: Outcome::Chance });
        }
    }
    if planned.program.as_deref() == Some("annual") {
        // Jockey pumps and controllers are on the list for their fields, not for a form.
        let listed: BTreeSet<&str> = list.iter().map(|task| task.item.tag.as_str()).collect();
        let kinds = ["jockey_pump", "pump_controller", "diesel_engine"];
        let more: Vec<&Item> = site
            .items
            .iter()
            .filter(|item| item.component("kind").is_some_and(|kind| kinds.contains(&kind)))
            .filter(|item| !listed.contains(item.tag.as_str()))
            .collect();
        list.extend(more.into_iter().map(|item| Task {
            item,
            template: None,
            done: false,
            later: None,
            outcome: Outcome::Chance,
        }));
    }
    for task in &mut list {
        task.done = planned.done.contains(&task.item.tag);
        task.later = None;
        task.outcome = match (&planned.repaired, planned.fault.get(&task.item.tag)) {
            (Some(done), _) => Outcome::Repaired { done: done.clone(), parts: Vec::new() },
            (None, Some(fault)) => Outcome::Fault(fault.clone()),
            (None, None) => Outcome::Passed,
        };
    }
    let ticked = if status == JobStatus::Completed { usize::MAX } else { planned.ticked };
    Visit {
        number: planned.number,
        site,
        days_ago: -planned.day,
        every: program.map(|program| program.every),
        technician: planned.tech,
        job_type: planned.job_type,
        status,
        priority: planned.priority.unwrap_or_else(|| "normal".into()),
        time: minutes(&planned.time),
        started: planned.started.as_deref().map(minutes),
        minutes: planned.minutes,
        title: planned.title,
        description: planned.description,
        special: planned.special,
        checklist: program.map_or_else(|| repair_checklist(ticked), |program| checklist(&program.checklist, ticked)),
        tasks: list,
        key: format!("week/{}", planned.key),
    }
}

fn named<'a>(sites: &'a [Site], key: &str) -> &'a Site {
    match sites.iter().find(|site| site.key == key) {
        Some(site) => site,
        None => panic!("no site is called {key}"),
    }
}

fn item<'a>(site: &'a Site, tag: &str) -> &'a Item {
    match site.items.iter().find(|item| item.tag == tag) {
        Some(item) => item,
        None => panic!("{} has no {tag}", site.key),
    }
}

/// Who goes there: the site's own technician, now and then the other one.
fn technician(site: &Site, visit: &str) -> String {
    let dana = ["harbor", "mercy", "lakeside", "ridgeway", "northfield", "district", "millrace"]
        .iter()
        .any(|start| site.key.starts_with(start));
    let swapped = chance::share(&format!("{visit}/technician")) < 0.12;
    if dana != swapped { "tech_dana" } else { "tech_kofi" }.to_owned()
}

fn checklist(lines: &[(String, String)], ticked: usize) -> Vec<(String, String, bool)> {
    lines.iter().enumerate().map(|(index, (key, label))| (key.clone(), label.clone(), index < ticked)).collect()
}

fn repair_checklist(ticked: usize) -> Vec<(String, String, bool)> {
    let lines =
        [("found", "Cause found"), ("fixed", "Fixed"), ("tested", "Tested again"), ("clean", "Place left clean")];
    checklist(&lines.map(|(key, label)| (key.to_owned(), label.to_owned())), ticked)
}

/// `HH:MM` in minutes past midnight.
fn minutes(time: &str) -> i64 {
    let parsed = time
        .split_once(':')
        .and_then(|(hours, minutes)| Some((hours.parse::<i64>().ok()?, minutes.parse::<i64>().ok()?)));
    match parsed {
        Some((hours, minutes)) => hours * 60 + minutes,
        None => panic!("{time} is no time of day"),
    }
}
