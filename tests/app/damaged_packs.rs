//! Packs with a byte too few or a byte that is another, at every place: what is before the damage is taken whole, the
//! rest is refused in words, and the undamaged pack afterwards makes up for all of it.

use std::fs::{File, OpenOptions};
use std::os::unix::fs::FileExt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

use clara_app::rescue::{Identity, Imported, Part, Reader, RescueError, Shown, import, show};
use clara_app::vault::{Keyring, Vault};
use clara_central::Server;
use clara_contract::session::Unlock;
use clara_domain::mirror::Entity::InspectionRecords;
use clara_domain::row::Fields;
use clara_domain::{OpId, PhotoId};
use clara_local::table::photos::PhotoNew;
use clara_local::{DataKey, Mirror};
use clara_tests::{Company, block_on, ids};
use serde::Serialize;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::Laptop;
use crate::rescue::{figure, made, with_a_safe, works_in_the_basement};

/// The seal works in pieces: so much of what was written, and sixteen bytes that prove it.
const PIECE: usize = 64 << 10;
const SEALED: usize = PIECE + 16;
/// What a frame takes beside its body.
const FRAME: usize = 37;

/// One thing in a pack and where it ends, in bytes before they were sealed.
#[derive(Debug)]
enum Thing {
    Header,
    Operation(OpId),
    Draft,
    /// Its own frame; its bytes follow.
    Photo(PhotoId),
    Bytes(usize),
}

/// An undamaged pack, taken apart with nothing but the lengths of its parts.
struct Whole {
    bytes: Vec<u8>,
    /// The key's fingerprint, in the one line that is outside the seal.
    fingerprint: std::ops::Range<usize>,
    /// The first sealed piece begins here.
    begins: usize,
    things: Vec<(Thing, usize)>,
    /// Operations about an inspection that is not completed, and their rows.
    of_drafts: Vec<(OpId, Uuid)>,
}

/// What can be had of a pack of which so many bytes are readable.
#[derive(Debug, Default, PartialEq)]
struct Had {
    header: bool,
    operations: Vec<OpId>,
    drafts: usize,
    photos: Vec<PhotoId>,
    lacking: Vec<PhotoId>,
    photo_bytes: usize,
}

impl Whole {
    fn take_apart(pack: &Path, identity: &Identity) -> Whole {
        let bytes = std::fs::read(pack).unwrap();
        let line = bytes.iter().position(|byte| *byte == b'\n').unwrap();
        let space = bytes[..line].iter().rposition(|byte| *byte == b' ').unwrap();
        let proof = bytes.windows(5).position(|five| five == b"\n--- ").unwrap() + 1;
        let nonce = proof + bytes[proof..].iter().position(|byte| *byte == b'\n').unwrap() + 1;
        let mut reader = Reader::open(pack, identity).unwrap();
        let (mut things, mut of_drafts, mut at, mut filled) = (Vec::new(), Vec::new(), 0, false);
        let mut drafts = Vec::new();
        while let Some(part) = reader.next_part().unwrap() {
            let (thing, length) = match part {
                Part::Header(header) => (Thing::Header, length(&header)),
                Part::Operation(operation) => {
                    let about = operation.operation.new.get("inspection_id").cloned();
                    let which = (operation.operation.op_id, operation.operation.row_id);
                    of_drafts.extend(about.map(|about| (which, about)));
                    (Thing::Operation(operation.operation.op_id), length(&operation))
                }
                Part::Draft(draft) => {
                    drafts.push(json!(draft.id));
                    (Thing::Draft, length(&draft))
                }
                Part::Photo(photo) => {
                    if !filled {
                        // What was typed ends with a piece of its own.
                        at += FRAME;
                        at = at.next_multiple_of(PIECE);
                        filled = true;
                    }
                    (Thing::Photo(photo.photo_id), length(&photo))
                }
                Part::Chunk(chunk) => (Thing::Bytes(chunk.len()), chunk.len()),
                Part::Lacking | Part::End(_) => continue,
            };
            at += FRAME + length;
            things.push((thing, at));
        }
        of_drafts.retain(|(_, about)| drafts.contains(about));
        let of_drafts = of_drafts.into_iter().map(|(which, _)| which).collect();
        Whole { bytes, fingerprint: space + 1..line, begins: nonce + 16, things, of_drafts }
    }

    /// How much of it can be read where the byte at this place is the first that is gone or changed.
    fn readable(&self, at: usize) -> usize {
        (at - self.begins) / SEALED * PIECE
    }

    fn had(&self, readable: usize) -> Had {
        let mut had = Had::default();
        let mut photo: Option<(PhotoId, bool)> = None;
        let put = |photo: Option<(PhotoId, bool)>, had: &mut Had| match photo {
            Some((id, true)) => had.photos.push(id),
            Some((id, false)) => had.lacking.push(id),
            None => {}
        };
        for (n, (thing, end)) in self.things.iter().enumerate() {
            if *end > readable {
                break;
            }
            match thing {
                Thing::Header => had.header = true,
                Thing::Operation(id) => had.operations.push(*id),
                Thing::Draft => had.drafts += 1,
                Thing::Photo(id) => {
                    put(photo.take(), &mut had);
                    photo = Some((*id, false));
                }
                Thing::Bytes(length) => {
                    had.photo_bytes += length;
                    let more = matches!(self.things.get(n + 1), Some((Thing::Bytes(_), _)));
                    photo = photo.map(|(id, _)| (id, !more));
                }
            }
        }
        put(photo, &mut had);
        had
    }

    fn pieces(&self) -> usize {
        (self.bytes.len() - self.begins).div_ceil(SEALED)
    }
}

fn length(value: &impl Serialize) -> usize {
    serde_json::to_vec(value).unwrap().len()
}

fn had_of(shown: &Shown, photo_bytes: usize) -> Had {
    Had {
        header: shown.header.is_some(),
        operations: shown.operations.iter().map(|one| one.operation.op_id).collect(),
        drafts: shown.drafts.len(),
        photos: shown.photos.iter().map(|photo| photo.photo_id).collect(),
        lacking: shown.photos_lacking.iter().map(|photo| photo.photo_id).collect(),
        photo_bytes,
    }
}

/// A day of work that fills several pieces of the seal: a draft with a photo of its own, long reports, many photos.
fn works_for_a_day(ana: &Laptop, photos: usize) {
    works_in_the_basement(ana);
    ana.app.close();
    let profile = ana.folder.path();
    let key = Vault::at(&profile.join("keys"), Keyring::Off).open(Some("riser room three")).unwrap();
    let key = DataKey::from_bytes(*key.bytes());
    let mirror = Mirror::open(&profile.join("mirror"), &key, chrono::Utc::now()).unwrap().mirror;
    let fields = |value: Value| -> Fields { serde_json::from_value(value).unwrap() };
    mirror
        .write(chrono::Utc::now(), |write| {
            for n in 0..48_u128 {
                let id = Uuid::now_v7();
                let record = json!({
                    "job_id": ids::ANAS_JOB, "equipment_id": ids::item(1 + n % 3), "inspector_id": ids::ANA,
                    "inspection_date": "2026-03-02", "inspection_type": "annual", "passed": true,
                    "findings": format!("Visit {n}: {}", "the packing weeps. ".repeat(200)),
                });
                write.insert(InspectionRecords, id, id, fields(record))?;
            }
            for n in 0..photos {
                let id = PhotoId(Uuid::now_v7());
                let about = json!({
                    "job_id": ids::ANAS_JOB, "equipment_id": ids::item(1), "mime": "image/jpeg", "width": 1, "height": 1,
                });
                // Of many lengths, so that the pieces of the seal end at other places of a photo each time.
                let bytes: Vec<u8> = (0..300 + n % 60 * 37).map(|at| (at * 7 + n * 13) as u8).collect();
                write.attach_photo(PhotoNew {
                    id,
                    root_id: id.uuid(),
                    fields: fields(about),
                    bytes: &bytes,
                    thumbnail: b"small",
                })?;
            }
            Ok::<_, clara_local::MirrorError>(())
        })
        .unwrap();
    drop(mirror);
    ana.app.unlock(Unlock { passphrase: "riser room three".into() }).unwrap();
}

/// The same pack with its first bytes alone, or with one bit of one byte changed, in place.
struct Bent<'a> {
    whole: &'a Whole,
    file: File,
    path: PathBuf,
}

impl<'a> Bent<'a> {
    fn of(whole: &'a Whole, folder: &Path) -> Bent<'a> {
        let path = folder.join("bent.clara-rescue");
        std::fs::write(&path, &whole.bytes).unwrap();
        Bent { whole, file: OpenOptions::new().write(true).open(&path).unwrap(), path }
    }

    /// Damages it for the length of `look`.
    fn with<T>(&self, cut: bool, at: usize, look: impl FnOnce(&Path) -> T) -> T {
        let bytes = &self.whole.bytes;
        if cut {
            self.file.set_len(at as u64).unwrap();
        } else {
            self.file.write_all_at(&[bytes[at] ^ 1 << (at % 8)], at as u64).unwrap();
        }
        let seen = look(&self.path);
        self.file.write_all_at(&bytes[at..], at as u64).unwrap();
        seen
    }
}

/// Whether this is all that may be had of a pack that is damaged at this place.
fn judged(whole: &Whole, cut: bool, at: usize, got: Result<(Had, bool), RescueError>) -> Result<(), String> {
    let outside = at < whole.begins;
    match got {
        Err(error) => {
            let in_words = match &error {
                RescueError::NotAPack | RescueError::Newer(_) | RescueError::OtherKey(_) | RescueError::Damaged => {
                    error.to_string().len() > 20
                }
                _ => false,
            };
            if outside && in_words { Ok(()) } else { Err(format!("refused with {error:?}")) }
        }
        // The line that anybody can read proves nothing and is not proven; what it is for is to name the key.
        Ok((had, true)) if !cut && whole.fingerprint.contains(&at) => {
            if had == whole.had(usize::MAX) {
                Ok(())
            } else {
                Err("another pack".into())
            }
        }
        Ok((_, true)) => Err("it says that it is whole".into()),
        Ok((had, false)) => {
            let expected = if outside { Had::default() } else { whole.had(whole.readable(at)) };
            if had == expected { Ok(()) } else { Err(format!("{had:?} instead of {expected:?}")) }
        }
    }
}

#[test]
fn a_pack_that_is_cut_or_changed_at_any_byte_shows_all_that_is_before_it_and_nothing_else() {
    let (company, identity) = with_a_safe();
    let ana = Laptop::of(&company, ids::ANA);
    works_for_a_day(&ana, 300);
    let whole = Whole::take_apart(&made(&ana), &identity);
    let bent = Bent::of(&whole, ana.folder.path());
    let look = |pack: &Path| {
        let mut bytes = 0;
        let shown = show(pack, &identity, |_, chunk| {
            bytes += chunk.len();
            Ok(())
        })?;
        Ok((had_of(&shown, bytes), shown.whole))
    };
    assert!(whole.pieces() > 6, "damage has many places to be: {}", whole.pieces());
    let all = whole.had(usize::MAX);
    assert_eq!(look(&bent.path).unwrap(), (all, true), "undamaged, and taken apart rightly");

    // Every byte outside the seal, those around every piece's border, and every so many bytes within.
    let length = whole.bytes.len();
    let borders = (0..whole.pieces()).flat_map(|n| {
        let border = whole.begins + n * SEALED;
        border.saturating_sub(2)..(border + 2).min(length)
    });
    let within = (0..400).map(|n| whole.begins + n * (length - whole.begins) / 400);
    let places: Vec<usize> = (0..whole.begins).chain(borders).chain(within).chain([length - 1]).collect();
    let (mut wrong, mut count) = (Vec::new(), 0);
    for cut in [true, false] {
        for at in &places {
            count += 1;
            let got = catch_unwind(AssertUnwindSafe(|| bent.with(cut, *at, look)));
            let verdict = got.map_or_else(|_| Err("panic".into()), |got| judged(&whole, cut, *at, got));
            wrong.extend(verdict.err().map(|why| format!("cut {cut} at {at} of {length}: {why}")));
        }
    }
    println!("{length} bytes in {} pieces: {:#?}", whole.pieces(), &wrong[..wrong.len().min(5)]);
    figure("a rescue pack is cut or changed at a byte, and shown", count, wrong.len());
}

/// All that the work of one laptop has left on the server, but for when.
fn left_on_the_server(company: &Company, database: &str) -> String {
    let sql = "SELECT jsonb_pretty(jsonb_build_array(
        (SELECT jsonb_agg(jsonb_build_array(o.op_id, o.device_id, o.seq, o.author, o.payload, o.outcome, o.rescued_by) ORDER BY o.op_id) FROM sync.op o),
        (SELECT jsonb_agg(to_jsonb(p) - '{created_at,updated_at,cx,row_ver}'::text[] ORDER BY p.id) FROM photos p),
        (SELECT jsonb_agg(jsonb_build_array(c.photo_id, c.number, md5(c.bytes)) ORDER BY c.photo_id, c.number) FROM sync.photo_chunk c),
        (SELECT jsonb_agg(jsonb_build_array(p.op_id, p.reason, p.decision) ORDER BY p.op_id) FROM sync.parked p),
        (SELECT jsonb_agg(to_jsonb(j) - '{created_at,updated_at,cx,row_ver}'::text[] ORDER BY j.id) FROM jobs j),
        (SELECT jsonb_agg(to_jsonb(e) - '{created_at,updated_at,cx,row_ver}'::text[] ORDER BY e.id) FROM equipment_inventory e),
        (SELECT jsonb_agg(to_jsonb(r) - '{created_at,updated_at,cx,row_ver}'::text[] ORDER BY r.id) FROM inspection_records r)))";
    company.cluster().psql(database, sql).unwrap().trim().to_owned()
}

/// What an import of a damaged pack may come to, and what is wrong with what it came to.
fn put_in_damaged(whole: &Whole, at: usize, office: &Server, pack: &Path, identity: &Identity) -> Vec<String> {
    let had = if at < whole.begins { Had::default() } else { whole.had(whole.readable(at)) };
    let report = match block_on(import(office, pack, identity)) {
        Err(RescueError::Damaged) if !had.header => return Vec::new(),
        Err(error) => return vec![format!("refused with {error:?}")],
        Ok(report) => report,
    };
    let mut wrong = Vec::new();
    if report.whole {
        wrong.push("it says that the pack was whole".to_owned());
    }
    let named: Vec<OpId> = report.operations.iter().map(|one| one.operation.op_id).collect();
    if named != had.operations {
        wrong.push(format!("{} operations instead of {}", named.len(), had.operations.len()));
    }
    for one in &report.operations {
        // Its author may still throw the draft away, and the photo with it, whether the draft can be read or not.
        let waits = whole.of_drafts.iter().any(|(operation, _)| *operation == one.operation.op_id);
        if one.receipt.is_some() == waits {
            wrong.push(format!("{:?} of a draft: {waits}, put in: {}", one.operation.entity, one.receipt.is_some()));
        }
    }
    let stored = report.photos.iter().filter(|photo| photo.outcome == Imported::Stored).map(|photo| photo.photo_id);
    let of_draft = |photo: &PhotoId| whole.of_drafts.iter().any(|(_, row)| *row == photo.uuid());
    let expected: Vec<PhotoId> = had.photos.iter().copied().filter(|photo| !of_draft(photo)).collect();
    if stored.clone().ne(expected.iter().copied()) {
        wrong.push(format!("{} photos are stored, {} were whole", stored.count(), expected.len()));
    }
    wrong
}

#[test]
fn a_damaged_pack_is_put_in_up_to_the_damage_and_the_undamaged_one_then_comes_to_the_same_as_alone() {
    let (company, identity) = with_a_safe();
    let ana = Laptop::of(&company, ids::ANA);
    works_for_a_day(&ana, 60);
    let pack = made(&ana);
    ana.app.close();
    let whole = Whole::take_apart(&pack, &identity);
    assert!(!whole.of_drafts.is_empty());
    let bent = Bent::of(&whole, ana.folder.path());

    // Each on a copy of the company as it was, so that no import makes up for what another did.
    let on_a_copy = |act: &mut dyn FnMut(&Server)| -> String {
        let database = format!("{}_copy", company.database());
        let sql = |sql: String| company.cluster().psql("postgres", &sql).unwrap();
        sql(format!("CREATE DATABASE {database} TEMPLATE {}", company.database()));
        act(&Server { database: database.clone(), ..company.admin() });
        let left = left_on_the_server(&company, &database);
        sql(format!("DROP DATABASE {database} WITH (FORCE)"));
        left
    };
    let alone = on_a_copy(&mut |office| {
        let report = block_on(import(office, &pack, &identity)).unwrap();
        assert!(report.whole);
    });
    let untouched = on_a_copy(&mut |_| {});
    assert_ne!(alone, untouched);

    let (mut wrong, mut count) = (Vec::new(), 0);
    for piece in 0..whole.pieces() {
        let cut = piece % 2 == 0;
        let length = (whole.bytes.len() - whole.begins - piece * SEALED).min(SEALED);
        let at = whole.begins + piece * SEALED + length * (piece + 1) / (whole.pieces() + 1);
        let left = on_a_copy(&mut |office| {
            count += 1;
            let got = catch_unwind(AssertUnwindSafe(|| {
                bent.with(cut, at, |pack| put_in_damaged(&whole, at, office, pack, &identity))
            }));
            let got = got.unwrap_or_else(|_| vec!["panic".to_owned()]);
            wrong.extend(got.into_iter().map(|why| format!("cut {cut} in piece {piece}: {why}")));
            let report = block_on(import(office, &pack, &identity)).unwrap();
            assert!(report.whole);
        });
        if left != alone {
            let other = left.lines().zip(alone.lines()).find(|(one, other)| one != other);
            wrong.push(format!(
                "cut {cut} in piece {piece}: the whole pack afterwards came to something else: {other:?}"
            ));
        }
    }
    println!("{wrong:#?}");
    figure("a rescue pack is put in damaged, and then undamaged", count, wrong.len());
}
