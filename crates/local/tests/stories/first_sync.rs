use clara_domain::mirror::{Entity, TABLES};
use clara_sync::Replica;
use serde_json::json;

use crate::desk::*;

#[test]
fn a_first_sync_goes_on_where_it_was_cut() {
    let desk = Desk::new();
    let mut mirror = desk.open();
    mirror.begin_first_sync(&cursor("100:100:")).unwrap();
    let makers: Vec<_> =
        (1..=3).map(|n| row(Entity::Manufacturers, n, 1, json!({"name": format!("Maker {n}")}))).collect();
    mirror.apply_page(Entity::Manufacturers, &makers[..2], false).unwrap();
    drop(mirror);

    let mut mirror = desk.open();
    let state = mirror.state().unwrap();
    assert_eq!((state.cursor, state.first_sync_from), (None, Some(cursor("100:100:"))));
    assert_eq!(state.bookmarks.len(), TABLES.len());
    let order: Vec<_> = state.bookmarks.iter().map(|b| b.entity).collect();
    assert_eq!(order, TABLES.iter().map(|t| t.entity).collect::<Vec<_>>());
    let bookmark = state.bookmarks.into_iter().find(|b| b.entity == Entity::Manufacturers).unwrap();
    assert_eq!((bookmark.after, bookmark.rows, bookmark.done), (Some(id(2)), 2, false));
    mirror.apply_page(Entity::Manufacturers, &makers[2..], true).unwrap();
    mirror.apply_page(Entity::Users, &[], true).unwrap();
    mirror.end_first_sync().unwrap();
    let state = mirror.state().unwrap();
    assert_eq!((state.cursor, state.first_sync_from, state.bookmarks.len()), (Some(cursor("100:100:")), None, 0));
}

#[test]
fn the_laptop_remembers_whom_it_met_and_how_far_the_clocks_are_apart() {
    let desk = Desk::new();
    let mut mirror = desk.open();
    assert_eq!(mirror.state().unwrap().server, None);
    mirror.meet(&hello("100:100:"), later(-90)).unwrap();
    assert_eq!(mirror.state().unwrap().server.unwrap().epoch, id(0xee));
    assert_eq!(mirror.read(|r| r.sync_figures(now())).unwrap().clock_offset_ms, Some(90_000));
    add_pump(&mirror, 0xe9, "SN");
    assert_eq!(batch(&mut mirror)[0].clock_offset_ms, Some(90_000), "stated with every change, deciding nothing");
}
