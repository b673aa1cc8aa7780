//! A new laptop takes the catalogue: 100,000 models, until they are on its disk.

use clara_cluster::{Cut, Direction};
use clara_domain::mirror::Entity::EquipmentModels;
use clara_domain::mirror::TABLES;
use clara_sync::{Central, Replica};
use clara_tests::{Company, Device, block_on, ids};

use crate::floor::copy_models;
use crate::measure::{Book, Line, Times};

const RUNS: u32 = 3;
/// As the engine asks for them.
const PAGE_ROWS: u32 = 1_000;

pub fn part(book: &mut Book) {
    let company = Company::found();
    company.office(
        "INSERT INTO manufacturers (name) SELECT 'Maker ' || n FROM generate_series(1, 50) n;
         WITH maker AS (SELECT array_agg(id) AS ids FROM manufacturers)
         INSERT INTO equipment_models (manufacturer_id, model_number, product_name, equipment_category, electrical_specs,
             physical_specs, year_introduced, data_source)
         SELECT ids[1 + n % 50], 'MXZ-' || upper(substr(md5(n::text), 1, 6)) || n, 'Wall mounted heat pump', 'hvac',
             '{\"voltage\": 208.0, \"phase\": 1, \"amp_draw_nominal\": 17.8, \"amp_draw_max\": 20.0}',
             '{\"filter_size\": \"16x25x4\", \"weight_lbs\": 205.0}', 2000 + n % 25, 'Maker''s data sheet'
         FROM generate_series(1, 100000) n, maker;
         ANALYZE",
    );
    let folder = tempfile::tempdir().unwrap();
    let (mut ours, mut floor) = (Times::default(), Times::default());
    let mut has_floor = true;
    for _ in 0..RUNS {
        let mut ana = Device::enroll(&company, ids::ANA);
        book.memory_from_here();
        let report = ours.run(|| ana.sync());
        book.memory_to_here("first sync of 100,000 models", Some(150.0));
        assert!(report.rows > 100_000);
        drop(ana);
        has_floor &= floor.run(|| copy_models(&company, folder.path()));
    }
    let line = if has_floor {
        let meets = ours.median() <= 1.5 * floor.median();
        let is = "`psql COPY` into `sqlite3 .import`";
        Line::times("First sync of 100,000 models, durable and searchable", &ours, is, &floor).target("≤ 1.5×", meets)
    } else {
        book.note("sqlite3 is not installed: the first sync stands without its floor.");
        Line::new("First sync of 100,000 models, durable and searchable", ours.words())
    };
    book.line(line);
    store(book, &company);
    again(book, &company);
}

/// The same rows from memory: what it costs to store them encrypted, indexed and searchable, with no network in it.
fn store(book: &mut Book, company: &Company) {
    let mut ana = Device::enroll(company, ids::ANA);
    let device = ana.id;
    let hello = block_on(ana.central().hello(device)).unwrap();
    let mut pages = Vec::new();
    for table in TABLES {
        let mut after = None;
        loop {
            let page = block_on(ana.central().page(table.entity, after, PAGE_ROWS)).unwrap();
            after = page.rows.last().map(|row| row.id);
            let last = page.last;
            pages.push((table.entity, page));
            if last {
                break;
            }
        }
    }
    let mut mirror = ana.mirror().clone();
    let (mut rows, mut index) = (Times::default(), Times::default());
    rows.run(|| {
        mirror.begin_first_sync(&hello.snapshot).unwrap();
        for (entity, page) in &pages {
            mirror.apply_page(*entity, &page.rows, page.last).unwrap();
        }
    });
    index.run(|| {
        while mirror.index_catalogue().unwrap().is_some() {}
        mirror.end_first_sync().unwrap();
    });
    book.line(Line::new("of which storing the rows encrypted, while the server sends", rows.words()));
    book.line(Line::new("of which the index of the search, after the last row", index.words()));
}

/// How much comes a second time after the line was cut half-way and the program ended.
fn again(book: &mut Book, company: &Company) {
    let cut = Cut::start(company.port()).unwrap();
    let mut whole = Device::enroll_through(company, ids::ANA, cut.port());
    cut.count_anew();
    let rows = whole.sync().rows;
    let bytes = cut.count_anew().to_client;
    drop(whole);

    let mut ana = Device::enroll_through(company, ids::ANA, cut.port());
    cut.count_anew();
    cut.cut_after(Direction::ToClient, bytes / 2);
    let first = ana.try_sync();
    assert!(first.error.is_some(), "it was cut");
    cut.heal();
    ana.close();
    ana.open();
    ana.sync();
    let both = cut.traffic().to_client;
    assert_eq!(ana.rows(EquipmentModels).len() as u64, whole_models(company));
    let share = (both as f64 / bytes as f64 - 1.0) * 100.0;
    let line = Line::new("Bytes sent again after a first sync was killed half-way", format!("{share:.1} %"));
    book.line(line.target("≤ 2 %", share <= 2.0));
    book.note(format!("First sync: {:.1} MB from the server for {rows} rows. The floor has no index but the primary key, no encryption, and no search.", bytes as f64 / 1e6));
}

fn whole_models(company: &Company) -> u64 {
    company.office("SELECT count(*) FROM equipment_models").parse().unwrap()
}
