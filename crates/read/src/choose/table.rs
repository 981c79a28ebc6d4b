//! The chooser's rule as a table: facts -> choice and reason. Each rule has a row that fails
//! without it.

use crate::Reuse;
use crate::choose::facts::{Access, Cached, Costs, Facts, Probe, Reason};
use crate::choose::rule::choose;
use crate::pass::lane::Lane;

/// A 1 GiB file, of unknown residency, on a host that has everything: 1,000 scattered
/// ranges of 4 KiB.
const SCATTERED: Facts = Facts {
    cached: Cached::Unknown,
    access: Access::Random,
    reuse: Reuse::Unknown,
    known_ahead: 1000,
    block_bytes: 4096,
    depth: 64,
    size: 1 << 30,
    memory_bytes: 16 << 30,
    past_cache_bytes: 0,
    map: true,
    direct: true,
    dontcache: true,
    streams: false,
    gaps: false,
    ring: true,
    residency: true,
    costs: Costs { pread_ns: [1_500, 13_000, 200_000], map_ns: [700, 9_000, 300_000] },
};
const IN_ORDER: Facts = Facts { access: Access::Sequential, ..SCATTERED };
const WARM: Facts = Facts { cached: Cached::Yes, ..SCATTERED };
const ONE: Facts = Facts { known_ahead: 1, ..SCATTERED };
const ONE_IN_ORDER: Facts = Facts { access: Access::Sequential, ..ONE };
const BLIND: Facts = Facts { residency: false, ..SCATTERED };
const LARGER: Facts = Facts { size: 9 << 30, ..SCATTERED };
/// As many bytes as the file holds went past the cache.
const PAID: Facts = Facts { past_cache_bytes: 1 << 30, ..SCATTERED };

const DIRECT: Lane = Lane::Ring { direct: true };
const CACHED: Lane = Lane::Ring { direct: false };
const JOINED: usize = 1 << 20;

/// Facts, and what is chosen: for hits, for misses, when to ask, how far to join, and why.
type Row = (&'static str, Facts, (Lane, Lane, Probe, usize), Reason);

const fn each(hit: Lane, miss: Lane) -> (Lane, Lane, Probe, usize) {
    (hit, miss, Probe::Each, JOINED)
}

const fn sampled(hit: Lane, miss: Lane) -> (Lane, Lane, Probe, usize) {
    (hit, miss, Probe::Sampled, 0)
}

fn all_resident() -> Vec<Row> {
    let (map, call) = (Reason::Resident { map: true }, Reason::Resident { map: false });
    let copied = sampled(Lane::Map, DIRECT);
    // Only calls gain by being fewer.
    let called = (Lane::Preadv, DIRECT, Probe::Sampled, 64 << 10);
    let in_order = Facts { access: Access::Sequential, ..WARM };
    let once = |block_bytes| Facts { reuse: Reuse::Once, block_bytes, ..in_order };
    vec![
        ("resident", WARM, copied, map),
        ("no safe map", Facts { map: false, ..WARM }, called, call),
        ("at 1 MiB the call wins", Facts { block_bytes: 1 << 20, ..WARM }, called, call),
        ("at 64 KiB the map wins", Facts { block_bytes: 64 << 10, ..WARM }, copied, map),
        ("in order, once, from 64 KiB on", once(64 << 10), called, Reason::ResidentOnce),
        ("in order, once, smaller", once((64 << 10) - 1), copied, map),
        ("in order changes nothing", in_order, copied, map),
        ("one", Facts { known_ahead: 1, ..WARM }, sampled(Lane::Map, Lane::DirectRead), map),
        (
            "believed, but residency can no longer be asked for",
            Facts { residency: false, ..WARM },
            (CACHED, CACHED, Probe::Never, JOINED),
            Reason::NoResidency,
        ),
    ]
}

fn known_ahead() -> Vec<Row> {
    let cold = |direct| Reason::ColdKnown { direct };
    let no_direct = Facts { direct: false, ..SCATTERED };
    let no_ring = Facts { ring: false, ..SCATTERED };
    let neither = Facts { direct: false, ..no_ring };
    let once = Facts { reuse: Reuse::Once, ..neither };
    let gaps = Facts { gaps: true, ..IN_ORDER };
    let map = Lane::Map;
    vec![
        ("scattered", SCATTERED, each(map, DIRECT), cold(true)),
        ("not all", Facts { cached: Cached::NotAll, ..SCATTERED }, each(map, DIRECT), cold(true)),
        ("no direct reads", no_direct, each(map, CACHED), cold(false)),
        ("in order", IN_ORDER, each(map, DIRECT), Reason::Sequential { ring: true }),
        (
            "in order, no direct reads",
            Facts { direct: false, ..IN_ORDER },
            each(map, CACHED),
            cold(false),
        ),
        (
            "in order, small gaps",
            gaps,
            sampled(Lane::Read, Lane::Read),
            Reason::Sequential { ring: false },
        ),
        (
            "in order, small gaps, large blocks",
            Facts { block_bytes: 256 << 10, ..gaps },
            each(map, DIRECT),
            Reason::Sequential { ring: true },
        ),
        ("no ring", no_ring, each(map, Lane::DirectRead), Reason::ColdPool),
        ("no ring, no direct reads", neither, each(map, Lane::Read), Reason::ColdPool),
        ("the same, once", once, each(map, Lane::DontCache), Reason::ColdPool),
        (
            "the same without RWF_DONTCACHE",
            Facts { dontcache: false, ..once },
            each(map, Lane::Read),
            Reason::ColdPool,
        ),
        ("two are a list", Facts { known_ahead: 2, ..SCATTERED }, each(map, DIRECT), cold(true)),
    ]
}

fn reused_or_not() -> Vec<Row> {
    let cold = |direct| Reason::ColdKnown { direct };
    let (past, filled) = (each(Lane::Map, DIRECT), each(Lane::Map, CACHED));
    let again = Reuse::Again;
    let almost = Facts { past_cache_bytes: (1 << 30) - 1, ..SCATTERED };
    let no_direct = Facts { direct: false, ..LARGER };
    let half = Facts { size: 8 << 30, ..SCATTERED };
    vec![
        ("almost paid", almost, past, cold(true)),
        ("paid", PAID, filled, Reason::FillCache),
        ("paid, but once", Facts { reuse: Reuse::Once, ..PAID }, past, cold(true)),
        (
            "paid, but larger",
            Facts { size: 9 << 30, past_cache_bytes: 9 << 30, ..SCATTERED },
            past,
            Reason::LargerThanMemory,
        ),
        ("again", Facts { reuse: again, ..SCATTERED }, filled, cold(false)),
        ("half of memory still fits", Facts { reuse: again, ..half }, filled, cold(false)),
        ("larger", LARGER, past, Reason::LargerThanMemory),
        ("larger, again", Facts { reuse: again, ..LARGER }, past, Reason::LargerThanMemory),
        ("larger, once", Facts { reuse: Reuse::Once, ..LARGER }, past, cold(true)),
        ("larger, no direct reads", no_direct, filled, cold(false)),
        (
            "larger, no direct reads, one",
            Facts { known_ahead: 1, ..no_direct },
            each(Lane::Map, Lane::DontCache),
            Reason::ColdAlone { direct: false },
        ),
    ]
}

fn one_at_a_time() -> Vec<Row> {
    let alone = |direct| Reason::ColdAlone { direct };
    let in_order = Reason::Sequential { ring: false };
    let large = Facts { block_bytes: 256 << 10, ..ONE_IN_ORDER };
    let below = Facts { block_bytes: (256 << 10) - 1, ..ONE_IN_ORDER };
    let read = sampled(Lane::Read, Lane::Read);
    let direct = each(Lane::Map, Lane::DirectRead);
    let dropped = sampled(Lane::DontCache, Lane::DontCache);
    let once = Facts { reuse: Reuse::Once, ..ONE_IN_ORDER };
    let paid = Facts { known_ahead: 1, ..PAID };
    vec![
        ("one", ONE, direct, alone(true)),
        ("one needs no ring", Facts { ring: false, ..ONE }, direct, alone(true)),
        ("no direct", Facts { direct: false, ..ONE }, each(Lane::Map, Lane::Read), alone(false)),
        ("paid", paid, each(Lane::Map, Lane::Read), Reason::FillCache),
        ("in order", ONE_IN_ORDER, read, in_order),
        ("in order, just small", below, read, in_order),
        ("in order, large", large, direct, alone(true)),
        ("in order, large, streamed", Facts { streams: true, ..large }, read, in_order),
        ("in order, once", once, dropped, in_order),
        ("in order, larger", Facts { size: 9 << 30, ..ONE_IN_ORDER }, dropped, in_order),
        ("no RWF_DONTCACHE", Facts { dontcache: false, ..once }, read, in_order),
        (
            "in order, blind",
            Facts { residency: false, ..ONE_IN_ORDER },
            (Lane::Read, Lane::Read, Probe::Never, 0),
            in_order,
        ),
    ]
}

fn blind() -> Vec<Row> {
    let by = |lane| (lane, lane, Probe::Never, JOINED);
    let why = Reason::NoResidency;
    vec![
        ("blind", BLIND, by(CACHED), why),
        ("blind, no ring", Facts { ring: false, ..BLIND }, by(Lane::Read), why),
        ("blind, one", Facts { known_ahead: 1, ..BLIND }, by(Lane::Read), why),
    ]
}

fn check(rows: Vec<Row>) {
    for (row, facts, (hit, miss, probe, coalesce_bytes), reason) in rows {
        let plan = choose(&facts);
        let got = (plan.hit, plan.miss, plan.probe, plan.coalesce_bytes);
        assert_eq!(got, (hit, miss, probe, coalesce_bytes), "{row}: {facts:?}");
        assert_eq!(plan.reason, reason, "{row}: {facts:?}");
    }
}

#[test]
fn what_is_resident_is_copied_the_faster_way() {
    check(all_resident());
}

#[test]
fn what_is_known_ahead_is_queued() {
    check(known_ahead());
}

#[test]
fn the_page_cache_is_filled_where_that_pays() {
    check(reused_or_not());
}

#[test]
fn one_read_at_a_time_leaves_the_ring_alone() {
    check(one_at_a_time());
}

#[test]
fn where_residency_is_unknown_the_cache_decides() {
    check(blind());
}
