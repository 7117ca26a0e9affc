//! Windows and blackouts over real time, with its leaps.
//!
//! A window is open when a clock on the wall of its zone shows a time within it. So an hour that a
//! day skips is no opening, and one that a day has twice opens twice; a window is never open at a
//! time that somebody who reads the file would not expect.

use jiff::civil::{Date, Time, Weekday};
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan as _, Zoned};

use crate::policy::{Blackout, Day, Window, zone};

/// How many days ahead an opening is looked for. A window of one day a week can fall into an hour
/// that its day skips, and opens two weeks after it closed then.
const AHEAD: i64 = 15;

impl Window {
    /// Whether it is open.
    pub(crate) fn is_open(&self, at: Timestamp) -> bool {
        zone(&self.zone).is_ok_and(|zone| self.shows(&at.to_zoned(zone)))
    }

    /// When it opens next, after `at`.
    pub(crate) fn next_opening(&self, at: Timestamp) -> Option<Timestamp> {
        let zone = zone(&self.zone).ok()?;
        let today = at.to_zoned(zone.clone()).date();
        let days = (0..=AHEAD).filter_map(|n| today.checked_add(n.days()).ok());
        let opens = days.flat_map(|day| both_times(&zone, day, self.from));
        // A leap of the clock can open a window too: in the middle of it, or for a second time.
        let end = today.checked_add((AHEAD + 1).days()).ok()?;
        let end = end.to_zoned(zone.clone()).ok()?.timestamp();
        let leaps = zone.following(at).map(|leap| leap.timestamp());
        let leaps: Vec<_> = leaps.take_while(|leap| *leap < end).collect();
        opens
            .chain(leaps)
            .filter(|open| *open > at && self.shows(&open.to_zoned(zone.clone())))
            .min()
    }

    fn shows(&self, wall: &Zoned) -> bool {
        let time = wall.time();
        if self.from < self.to {
            return self.opens_on(wall.weekday()) && self.from <= time && time < self.to;
        }
        let since_today = self.opens_on(wall.weekday()) && self.from <= time;
        since_today || (self.opens_on(wall.weekday().previous()) && time < self.to)
    }

    fn opens_on(&self, day: Weekday) -> bool {
        self.days.is_empty() || self.days.iter().any(|open| open.weekday() == day)
    }
}

impl Blackout {
    /// When it ends, if it lasts at `at`. The end of one up to the last day that there is lies
    /// beyond all time.
    pub(crate) fn lasts_until(&self, at: Timestamp) -> Option<Timestamp> {
        let zone = self.zone.as_deref().map_or(Ok(TimeZone::UTC), zone).ok()?;
        let last = self.to.unwrap_or(self.from);
        let today = at.to_zoned(zone.clone()).date();
        if today < self.from || last < today {
            return None;
        }
        let morning = last.tomorrow().and_then(|day| day.to_zoned(zone));
        Some(morning.map_or(Timestamp::MAX, |morning| morning.timestamp()))
    }
}

impl Day {
    const fn weekday(self) -> Weekday {
        match self {
            Self::Mon => Weekday::Monday,
            Self::Tue => Weekday::Tuesday,
            Self::Wed => Weekday::Wednesday,
            Self::Thu => Weekday::Thursday,
            Self::Fri => Weekday::Friday,
            Self::Sat => Weekday::Saturday,
            Self::Sun => Weekday::Sunday,
        }
    }
}

/// The moments at which a clock shows this: one, or two on the day it is put back. For a time that
/// the day skips they show others, which the caller looks at.
fn both_times(zone: &TimeZone, day: Date, time: Time) -> Vec<Timestamp> {
    let ambiguous = || zone.to_ambiguous_timestamp(day.to_datetime(time));
    [ambiguous().earlier(), ambiguous().later()]
        .into_iter()
        .flatten()
        .collect()
}
