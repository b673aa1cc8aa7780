use clara_domain::mirror::Entity;
use clara_local::Mirror;
use clara_local::search::{Found, Rank, SpecQuery, Within};
use clara_sync::Replica;
use serde_json::json;

use crate::desk::*;

const MODELS: [(u128, &str, &str); 6] = [
    (1, "FTXS12WVJU9", "Wall split"),
    (2, "FTXS15WVJU9", "Wall split"),
    (3, "RXS12LVJU", "Outdoor unit"),
    (4, "8AEF-10", "Horizontal split case pump"),
    (5, "909-QT 2 1/2", "Reduced pressure assembly"),
    (6, "BO1-S5", "Gauge"),
];

fn catalogue(desk: &Desk) -> Mirror {
    let mut mirror = desk.at_work();
    let makers = vec![row(Entity::Manufacturers, 0x3a, 1, json!({"name": "Daikin"}))];
    let models: Vec<_> = MODELS
        .iter()
        .map(|(n, number, name)| {
            row(Entity::EquipmentModels, 0x4000 + n, 1, json!({
                "manufacturer_id": id(0x3a), "model_number": number, "product_name": name, "equipment_category": "hvac",
            }))
        })
        .collect();
    let problems = vec![row(
        Entity::CommonProblems,
        0x5001,
        1,
        json!({
            "equipment_model_id": id(0x4001), "problem_description": "Compressor trips, code E-5",
            "symptoms": ["Low-pressure alarm"], "severity": "high", "frequency": "common",
        }),
    )];
    mirror
        .apply_pull(&pull(
            "110:110:",
            vec![
                (Entity::Manufacturers, makers),
                (Entity::EquipmentModels, models),
                (Entity::CommonProblems, problems),
            ],
        ))
        .unwrap();
    mirror
}

fn search(mirror: &Mirror, text: &str) -> Found {
    mirror
        .read(|r| r.search_specs(&SpecQuery { text, within: Within::All, site: Some(site(SITE)), limit: 20 }))
        .unwrap()
}

fn first(mirror: &Mirror, text: &str) -> (String, Rank) {
    let found = search(mirror, text);
    let hit = found.hits.first().unwrap_or_else(|| panic!("{text:?} finds nothing"));
    (hit.model_number.clone(), hit.rank)
}

#[test]
fn a_mangled_number_finds_its_model() {
    let desk = Desk::new();
    let mirror = catalogue(&desk);
    for (typed, number, rank) in [
        ("FTXS12WVJU9", "FTXS12WVJU9", Rank::Exact),
        ("ftx5-i2 wvju9", "FTXS12WVJU9", Rank::Exact),
        ("b o l 5 s", "BO1-S5", Rank::Exact),
        ("BAEF1O", "8AEF-10", Rank::Exact),
        ("909qt 21/2", "909-QT 2 1/2", Rank::Exact),
        ("ftxs12", "FTXS12WVJU9", Rank::Prefix),
        ("12wvju", "FTXS12WVJU9", Rank::Inside),
        ("FTKS12WVJU9", "FTXS12WVJU9", Rank::OneOff),
        ("FXS12WVJU9", "FTXS12WVJU9", Rank::OneOff),
        ("FTXXS12WVJU9", "FTXS12WVJU9", Rank::OneOff),
        ("FTXS12WVJ", "FTXS12WVJU9", Rank::Prefix),
        ("daikin ftxs12", "FTXS12WVJU9", Rank::Words),
        ("split case", "8AEF-10", Rank::Words),
        ("daik outd", "RXS12LVJU", Rank::Words),
    ] {
        assert_eq!(first(&mirror, typed), (number.to_owned(), rank), "{typed}");
    }
    for nothing in ["", " - ", "\"", "' OR 1=1 --", "* NEAR(", "ZZZZZZZZ"] {
        assert!(search(&mirror, nothing).hits.is_empty(), "{nothing:?}");
    }
    assert_eq!(mirror.read(|r| r.specs_exact("ftxs 15-wvju9")).unwrap()[0].uuid(), id(0x4002));
}

#[test]
fn what_hangs_on_this_site_comes_before_its_neighbors_in_the_catalogue() {
    let desk = Desk::new();
    let mut mirror = catalogue(&desk);
    assert_eq!(search(&mirror, "FTXS1").hits[0].model_number, "FTXS12WVJU9");
    let here =
        row(Entity::EquipmentInventory, 0xe7, 1, json!({"location_id": id(SITE), "equipment_model_id": id(0x4002)}));
    mirror.apply_pull(&pull("120:120:", vec![(Entity::EquipmentInventory, vec![here])])).unwrap();
    let found = search(&mirror, "FTXS1");
    assert_eq!(found.hits[0].model_number, "FTXS15WVJU9");
    assert_eq!((found.all, found.in_our_care, found.this_site), (2, 1, 1));
    assert_eq!(first(&mirror, "FTXS12WVJU9").0, "FTXS12WVJU9", "the exact number comes first all the same");
    let only = mirror
        .read(|r| {
            r.search_specs(&SpecQuery { text: "FTXS1", within: Within::ThisSite, site: Some(site(SITE)), limit: 20 })
        })
        .unwrap();
    assert_eq!(only.hits.len(), 1);
}

#[test]
fn the_letters_that_were_read_as_others_are_told() {
    let desk = Desk::new();
    let mirror = catalogue(&desk);
    let hit = search(&mirror, "ftx5i2").hits.remove(0);
    let read_as: Vec<_> = hit.matched.read_as.iter().map(|r| (r.at, r.typed, r.is)).collect();
    assert_eq!(read_as, [(3, Some('5'), 'S'), (4, Some('i'), '1')]);
    assert_eq!((hit.matched.start, hit.matched.end), (0, 6));
}

#[test]
fn the_index_follows_renames_and_deletions() {
    let desk = Desk::new();
    let mut mirror = catalogue(&desk);
    let renamed =
        row(Entity::EquipmentModels, 0x4001, 2, json!({"manufacturer_id": id(0x3a), "model_number": "NEW-777"}));
    let deleted = row(
        Entity::EquipmentModels,
        0x4002,
        2,
        json!({
            "manufacturer_id": id(0x3a), "model_number": "FTXS15WVJU9", "deleted_at": "2026-01-01T00:00:00.000000Z",
        }),
    );
    let maker = row(Entity::Manufacturers, 0x3a, 2, json!({"name": "Goodman"}));
    mirror
        .apply_pull(&pull(
            "120:120:",
            vec![(Entity::Manufacturers, vec![maker]), (Entity::EquipmentModels, vec![renamed, deleted])],
        ))
        .unwrap();
    assert_eq!(first(&mirror, "new777").0, "NEW-777");
    assert!(search(&mirror, "FTXS1").hits.is_empty());
    assert!(search(&mirror, "daikin").hits.is_empty());
    assert_eq!(search(&mirror, "goodman").hits.len(), 5);
    assert_eq!(mirror.read(|r| r.catalogue_size()).unwrap(), 5);
}

#[test]
fn a_problem_is_found_by_its_words_with_and_without_dashes() {
    let desk = Desk::new();
    let mirror = catalogue(&desk);
    for text in ["compressor trip", "E5", "e-5", "es", "low pressure", "lowpressure", "pressure", "PRESSURE comp"] {
        let hits = mirror.read(|r| r.search_problems(text, 10)).unwrap();
        assert_eq!(hits.len(), 1, "{text}");
        assert_eq!(hits[0].model_number.as_deref(), Some("FTXS12WVJU9"));
    }
    assert!(mirror.read(|r| r.search_problems("compressor boiler", 10)).unwrap().is_empty());
}

#[test]
fn while_the_index_is_still_to_be_built_the_same_models_are_found_and_a_cut_build_goes_on() {
    let desk = Desk::new();
    let mut mirror = desk.open();
    mirror.begin_first_sync(&cursor("100:100:")).unwrap();
    let makers = [row(Entity::Manufacturers, 0x3a, 1, json!({"name": "Daikin"}))];
    mirror.apply_page(Entity::Manufacturers, &makers, true).unwrap();
    let model = |n: u128, number: &str, name: &str| {
        row(
            Entity::EquipmentModels,
            0x4000 + n,
            1,
            json!({"manufacturer_id": id(0x3a), "model_number": number, "product_name": name, "equipment_category": "hvac"}),
        )
    };
    let models: Vec<_> = MODELS.iter().map(|(n, number, name)| model(*n, number, name)).collect();
    mirror.apply_page(Entity::EquipmentModels, &models, false).unwrap();
    // More than one step of building takes.
    let many: Vec<_> = (0..26_000).map(|n| model(0x1000 + n, &format!("QQ-{n:06}"), "Filler")).collect();
    let (some, rest) = many.split_at(13_000);
    mirror.apply_page(Entity::EquipmentModels, some, false).unwrap();
    let asked = ["ftx5-i2 wvju9", "ftxs12", "12wvju", "FTKS12WVJU9", "split case", "daikin ftxs12", "b o l 5 s"];
    let found = |mirror: &Mirror| asked.map(|text| first(mirror, text));
    let without = found(&mirror);
    let ready = |mirror: &Mirror| mirror.read(|r| r.sync_figures(now())).unwrap().search_ready;
    assert!(!ready(&mirror));
    assert_eq!(mirror.read(|r| r.specs_exact("ftxs 15-wvju9")).unwrap()[0].uuid(), id(0x4002));
    assert_eq!(mirror.index_catalogue().unwrap(), None, "not before the catalogue is whole");
    mirror.apply_page(Entity::EquipmentModels, rest, true).unwrap();

    assert_eq!(mirror.index_catalogue().unwrap(), Some(25_000));
    assert!(!ready(&mirror));
    assert_eq!(found(&mirror), without, "half an index is not asked");
    // Rows change while it is half built: one that it holds already, and one that it does not.
    let change = |n: u128, number: &str| row(Entity::EquipmentModels, n, 2, json!({"model_number": number}));
    let changes = [change(0x4000 + 0x1000, "CHANGED-1"), change(0x4000 + 0x1000 + 25_999, "CHANGED-2")];
    mirror.repair(Entity::EquipmentModels, &changes, &[id(0x4000 + 0x1001)]).unwrap();
    drop(mirror);

    let mut mirror = desk.open();
    assert!(ready(&mirror), "opening it again finished it");
    assert_eq!(mirror.index_catalogue().unwrap(), None);
    assert_eq!(found(&mirror), without, "with the index the same");
    assert_eq!(mirror.read(|r| r.catalogue_size()).unwrap(), 26_005, "none twice, none missing");
    assert_eq!(first(&mirror, "changed1"), ("CHANGED-1".to_owned(), Rank::Exact));
    assert_eq!(first(&mirror, "changed2"), ("CHANGED-2".to_owned(), Rank::Exact));
    for gone in ["QQ000000", "QQ000001", "QQ025999"] {
        assert!(search(&mirror, gone).hits.iter().all(|hit| hit.rank != Rank::Exact), "{gone}");
    }
    assert_eq!(first(&mirror, "QQ025998").1, Rank::Exact);
    mirror.end_first_sync().unwrap();
    assert_eq!(found(&mirror), without);
}
