//! The order of commits is not the order in which numbers were given out.

use std::collections::BTreeMap;

use clara_domain::mirror::Entity;
use clara_sync::{Central, Cursor, PullRequest};
use clara_tests::{Company, Device, block_on, ids};
use uuid::Uuid;

use crate::chance::Chance;
use crate::figure::{figure, scaled};
use crate::found;
use crate::office::Office;

/// Somebody who follows the table by pulls alone.
struct Reader {
    cursor: Cursor,
    versions: BTreeMap<Uuid, i64>,
}

impl Reader {
    fn pull(&mut self, device: &mut Device) {
        let request = PullRequest { device: device.id, cursor: self.cursor.clone() };
        let pull = block_on(device.central().pull(&request)).unwrap();
        for table in pull.rows.into_iter().filter(|table| table.entity == Entity::EquipmentInventory) {
            for row in table.rows {
                self.versions.insert(row.id, row.row_ver);
            }
        }
        self.cursor = pull.hello.snapshot;
    }
}

/// The cursors that others use, over the same commits: the highest number seen, and the highest time seen.
#[derive(Default)]
struct Naive {
    number: i64,
    time: String,
    by_number: u64,
    by_time: u64,
}

impl Naive {
    fn pull(&mut self, office: &mut Office) {
        for row in office.run(&format!("SELECT id FROM naive WHERE id > {} ORDER BY id", self.number)) {
            self.number = row.parse().unwrap();
            self.by_number += 1;
        }
        let since = if self.time.is_empty() { "-infinity" } else { &self.time };
        for row in office.run(&format!("SELECT at FROM naive WHERE at > '{since}' ORDER BY at")) {
            self.by_time += 1;
            self.time = row;
        }
    }
}

fn committed(company: &Company) -> BTreeMap<Uuid, i64> {
    company
        .office(&format!("SELECT id || ' ' || row_ver FROM equipment_inventory WHERE location_id = '{}'", ids::TOWER))
        .lines()
        .map(|line| {
            let (id, version) = line.split_once(' ').unwrap();
            (id.parse().unwrap(), version.parse().unwrap())
        })
        .collect()
}

/// Row 10: two writers and a reader take their steps in every kind of order. The laptop's cursor never misses a row;
/// a cursor by number and one by time, which follow the same commits, do.
#[test]
fn writers_that_commit_out_of_order_hide_no_row_from_the_cursor_and_do_from_naive_ones() {
    let company = found();
    let mut ana = Device::enroll(&company, ids::ANA);
    ana.sync();
    company.office("CREATE TABLE naive (id bigserial PRIMARY KEY, at timestamptz NOT NULL DEFAULT now())");
    let mut writers = [Office::of(&company), Office::of(&company)];
    let mut watcher = Office::of(&company);
    let device = ana.id;
    let hello = block_on(ana.central().hello(device)).unwrap();
    let mut reader = Reader { cursor: hello.snapshot, versions: committed(&company) };
    let mut naive = Naive::default();
    let mut chance = Chance::new(10);
    let mut expected = reader.versions.clone();
    let interleavings = scaled(10_000, 200_000);
    let (mut missed, mut pulls, mut commits, mut followed) = (0, 0, 0, 0);
    for round in 0..interleavings {
        // The naive ones cost more than what they show: every tenth round is theirs too.
        let naive_looks = round % 10 == 0;
        // Each writer begins, writes its row, and commits or not; between any two steps the reader may look.
        let (mut steps, mut versions) = ([0_u8; 2], [0_i64; 2]);
        while steps != [3, 3] {
            let who = usize::try_from(chance.below(9) / 4).unwrap();
            if who == 2 {
                reader.pull(&mut ana);
                pulls += 1;
                if naive_looks {
                    naive.pull(&mut watcher);
                }
                continue;
            }
            let (writer, item) = (&mut writers[who], ids::item(1 + who as u128));
            match steps[who] {
                0 => drop(writer.run("BEGIN")),
                1 => {
                    let insert = if naive_looks { "INSERT INTO naive DEFAULT VALUES;" } else { "" };
                    let rows = writer.run(&format!(
                        "{insert} UPDATE equipment_inventory SET notes = '{round}' WHERE id = '{item}' RETURNING row_ver"
                    ));
                    versions[who] = rows[0].parse().unwrap();
                }
                2 if chance.below(12) == 0 => drop(writer.run("ROLLBACK")),
                2 => {
                    writer.run("COMMIT");
                    expected.insert(item, versions[who]);
                    commits += 1;
                    followed += u64::from(naive_looks);
                }
                _ => continue,
            }
            steps[who] += 1;
        }
        reader.pull(&mut ana);
        pulls += 1;
        if naive_looks {
            naive.pull(&mut watcher);
        }
        missed += expected.iter().filter(|(id, version)| reader.versions.get(id) != Some(version)).count() as u64;
    }
    assert_eq!(expected, committed(&company), "the test knows what was committed");
    let (by_number, by_time) = (followed - naive.by_number, followed - naive.by_time);
    println!(
        "    {interleavings} interleavings, {pulls} pulls, {commits} commits, of which the naive ones followed {followed}"
    );
    println!("    lost by number: {by_number}; by time: {by_time}");
    assert!(by_number > 0 && by_time > 0, "the naive cursors must lose rows, or this test shows nothing");
    figure(
        "writers_that_commit_out_of_order_hide_no_row_from_the_cursor_and_do_from_naive_ones",
        interleavings,
        missed,
    );
}
