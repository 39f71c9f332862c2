//! Dates and times, as Python's `isoformat()` writes them.

use crate::machine::Pickle;
use crate::node::{Id, Node};

/// The text of a `datetime.datetime`, `date`, `time` or `timedelta`, if the arguments are as Python writes them.
pub(crate) fn text(pickle: &Pickle, name: &str, arguments: &[Id]) -> Option<String> {
    match (name, arguments) {
        ("datetime", [state]) => date_time(pickle.raw(*state)?),
        ("datetime", [state, zone]) => {
            Some(date_time(pickle.raw(*state)?)? + &offset(pickle, *zone).unwrap_or_default())
        }
        ("date", [state]) => date(pickle.raw(*state)?.get(..4)?),
        ("time", [state, ..]) => time(pickle.raw(*state)?.get(..6)?),
        ("timedelta", [days, seconds, microseconds]) => {
            let (days, seconds) = (pickle.int(*days)?, pickle.int(*seconds)?);
            let fraction = match pickle.int(*microseconds)? {
                0 => String::new(),
                microseconds => format!(".{microseconds:06}"),
            };
            let clock = format!("{}:{:02}:{:02}{fraction}", seconds / 3600, seconds / 60 % 60, seconds % 60);
            Some(match days {
                0 => clock,
                1 | -1 => format!("{days} day, {clock}"),
                days => format!("{days} days, {clock}"),
            })
        }
        _ => None,
    }
}

fn date_time(state: &[u8]) -> Option<String> {
    Some(format!("{}T{}", date(state.get(..4)?)?, time(state.get(4..10)?)?))
}

/// Year in two bytes, month (its upper bit says which of two equal hours is meant), day.
fn date(state: &[u8]) -> Option<String> {
    let [high, low, month, day] = *state else { return None };
    Some(format!("{:04}-{:02}-{:02}", u16::from_be_bytes([high, low]), month & 0x7f, day))
}

fn time(state: &[u8]) -> Option<String> {
    let [hour, minute, second, a, b, c] = *state else { return None };
    let clock = format!("{:02}:{minute:02}:{second:02}", hour & 0x7f);
    Some(match u32::from_be_bytes([0, a, b, c]) {
        0 => clock,
        microseconds => format!("{clock}.{microseconds:06}"),
    })
}

/// `+02:00` of a `datetime.timezone(timedelta)`.
fn offset(pickle: &Pickle, zone: Id) -> Option<String> {
    let Node::Object(zone) = pickle.node(zone) else { return None };
    let Node::Object(delta) = pickle.node(*pickle.tuple(zone.arguments).first()?) else { return None };
    let [days, seconds, _] = *pickle.tuple(delta.arguments) else { return None };
    let minutes = pickle.int(days)?.checked_mul(1440)?.checked_add(pickle.int(seconds)? / 60)?;
    let sign = if minutes < 0 { '-' } else { '+' };
    let minutes = minutes.unsigned_abs();
    Some(format!("{sign}{:02}:{:02}", minutes / 60, minutes % 60))
}
