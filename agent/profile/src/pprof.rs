//! The file format of pprof, as far as a CPU profile needs it:
//! <https://github.com/google/pprof/blob/main/proto/profile.proto>. Pure.

use std::collections::HashMap;
use std::path::Path;
use std::time::{Duration, SystemTime};

use prost::Message;

use crate::maps::Map;
use crate::stacks::Stacks;

/// The whole. Texts are numbers in `string_table`, everything else is named by its id, from 1 on.
#[derive(Clone, PartialEq, Message)]
pub struct Profile {
    /// What the values of a sample are.
    #[prost(message, repeated, tag = "1")]
    pub sample_type: Vec<ValueType>,
    /// Stacks.
    #[prost(message, repeated, tag = "2")]
    pub sample: Vec<Sample>,
    /// Where code was in memory.
    #[prost(message, repeated, tag = "3")]
    pub mapping: Vec<Mapping>,
    /// Addresses.
    #[prost(message, repeated, tag = "4")]
    pub location: Vec<Location>,
    /// Names of addresses.
    #[prost(message, repeated, tag = "5")]
    pub function: Vec<Function>,
    /// All texts. The first is empty.
    #[prost(string, repeated, tag = "6")]
    pub string_table: Vec<String>,
    /// When it began, in nanoseconds since 1970.
    #[prost(int64, tag = "9")]
    pub time_nanos: i64,
    /// How long it took.
    #[prost(int64, tag = "10")]
    pub duration_nanos: i64,
    /// What lies between two samples.
    #[prost(message, optional, tag = "11")]
    pub period_type: Option<ValueType>,
    /// How much of it.
    #[prost(int64, tag = "12")]
    pub period: i64,
}

/// What a value is.
#[derive(Clone, Copy, PartialEq, Eq, Message)]
pub struct ValueType {
    /// Its name.
    #[prost(int64, tag = "1")]
    pub r#type: i64,
    /// Its unit.
    #[prost(int64, tag = "2")]
    pub unit: i64,
}

/// A stack that was seen.
#[derive(Clone, PartialEq, Eq, Message)]
pub struct Sample {
    /// Its frames, innermost first.
    #[prost(uint64, repeated, tag = "1")]
    pub location_id: Vec<u64>,
    /// How often, and for how long.
    #[prost(int64, repeated, tag = "2")]
    pub value: Vec<i64>,
}

/// A piece of a file in memory.
#[derive(Clone, Copy, PartialEq, Eq, Message)]
pub struct Mapping {
    /// Which.
    #[prost(uint64, tag = "1")]
    pub id: u64,
    /// Its first address.
    #[prost(uint64, tag = "2")]
    pub memory_start: u64,
    /// The first address behind it.
    #[prost(uint64, tag = "3")]
    pub memory_limit: u64,
    /// Where it begins in the file.
    #[prost(uint64, tag = "4")]
    pub file_offset: u64,
    /// The file.
    #[prost(int64, tag = "5")]
    pub filename: i64,
    /// Which build of it.
    #[prost(int64, tag = "6")]
    pub build_id: i64,
}

/// An address.
#[derive(Clone, PartialEq, Eq, Message)]
pub struct Location {
    /// Which.
    #[prost(uint64, tag = "1")]
    pub id: u64,
    /// Where it is mapped from; 0 if unknown.
    #[prost(uint64, tag = "2")]
    pub mapping_id: u64,
    /// The address itself.
    #[prost(uint64, tag = "3")]
    pub address: u64,
    /// What it is called.
    #[prost(message, repeated, tag = "4")]
    pub line: Vec<Line>,
}

/// A place in a function.
#[derive(Clone, Copy, PartialEq, Eq, Message)]
pub struct Line {
    /// Which function.
    #[prost(uint64, tag = "1")]
    pub function_id: u64,
}

/// A function.
#[derive(Clone, Copy, PartialEq, Eq, Message)]
pub struct Function {
    /// Which.
    #[prost(uint64, tag = "1")]
    pub id: u64,
    /// Its name.
    #[prost(int64, tag = "2")]
    pub name: i64,
    /// Its name as the linker has it.
    #[prost(int64, tag = "3")]
    pub system_name: i64,
}

/// What a profile is made of.
pub(crate) struct Pieces<'a> {
    pub(crate) stacks: &'a Stacks,
    pub(crate) maps: &'a [Map],
    /// One for each of `maps`.
    pub(crate) build_ids: Vec<String>,
    pub(crate) since: SystemTime,
    pub(crate) took: Duration,
    pub(crate) period: Duration,
}

impl Pieces<'_> {
    /// The bytes of the profile, not compressed.
    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut texts = Texts::default();
        let mut kind = |name, unit| ValueType {
            r#type: texts.number(name),
            unit: texts.number(unit),
        };
        let (count, cpu) = (kind("samples", "count"), kind("cpu", "nanoseconds"));
        let mut places = Places::default();
        let period = nanos(self.period);
        let sample = self.stacks.iter().map(|(frames, count)| {
            let count = i64::try_from(count).unwrap_or(i64::MAX);
            Sample {
                location_id: places.of(frames),
                value: vec![count, count.saturating_mul(period)],
            }
        });
        let sample = sample.collect();
        let (location, function) = self.locations(&places, &mut texts);
        let since = self.since.duration_since(SystemTime::UNIX_EPOCH);
        let profile = Profile {
            sample_type: vec![count, cpu],
            sample,
            mapping: self.mappings(&mut texts),
            location,
            function,
            string_table: texts.all,
            time_nanos: nanos(since.unwrap_or_default()),
            duration_nanos: nanos(self.took),
            period_type: Some(cpu),
            period,
        };
        profile.encode_to_vec()
    }

    fn mappings(&self, texts: &mut Texts) -> Vec<Mapping> {
        let maps = (1..).zip(self.maps).zip(&self.build_ids);
        maps.map(|((id, map), build_id)| Mapping {
            id,
            memory_start: map.start,
            memory_limit: map.end,
            file_offset: map.offset,
            filename: texts.number(&map.file),
            build_id: texts.number(build_id),
        })
        .collect()
    }

    /// Names are there for viewers that look up none: file and address in it, as addr2line takes
    /// it. The mappings do not claim to have names, so pprof looks for better ones.
    fn locations(&self, places: &Places, texts: &mut Texts) -> (Vec<Location>, Vec<Function>) {
        let each = (1..).zip(&places.addresses).map(|(id, address)| {
            let held = |(_, map): &(u64, &Map)| (map.start..map.end).contains(address);
            let map = (1..).zip(self.maps).find(held);
            let name = match map {
                Some((_, map)) => format!("{}+{:#x}", short(&map.file), address - map.base),
                None => format!("{address:#x}"),
            };
            let name = texts.number(&name);
            let location = Location {
                id,
                mapping_id: map.map_or(0, |(id, _)| id),
                address: *address,
                line: vec![Line { function_id: id }],
            };
            let function = Function {
                id,
                name,
                system_name: name,
            };
            (location, function)
        });
        each.unzip()
    }
}

/// The last part of a path.
fn short(file: &str) -> std::borrow::Cow<'_, str> {
    let name = Path::new(file).file_name();
    name.map_or(file.into(), |name| name.to_string_lossy())
}

fn nanos(duration: Duration) -> i64 {
    i64::try_from(duration.as_nanos()).unwrap_or(i64::MAX)
}

/// Every address once; its id is its place, from 1 on.
#[derive(Default)]
struct Places {
    addresses: Vec<u64>,
    ids: HashMap<u64, u64>,
}

impl Places {
    fn of(&mut self, frames: &[usize]) -> Vec<u64> {
        let ids = frames.iter().map(|frame| {
            let address = *frame as u64;
            *self.ids.entry(address).or_insert_with(|| {
                self.addresses.push(address);
                self.addresses.len() as u64
            })
        });
        ids.collect()
    }
}

/// Every text once.
struct Texts {
    all: Vec<String>,
    numbers: HashMap<String, i64>,
}

impl Default for Texts {
    fn default() -> Self {
        Self {
            all: vec![String::new()],
            numbers: HashMap::from([(String::new(), 0)]),
        }
    }
}

impl Texts {
    fn number(&mut self, text: &str) -> i64 {
        if let Some(number) = self.numbers.get(text) {
            return *number;
        }
        let number = i64::try_from(self.all.len()).unwrap_or(i64::MAX);
        self.all.push(text.to_owned());
        self.numbers.insert(text.to_owned(), number);
        number
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stacks_are_written_with_their_files_and_times() {
        let mut stacks = Stacks::new();
        for frames in [&[0x5710, 0x5720][..], &[0x5710, 0x5720], &[0x99]] {
            stacks.add(frames);
        }
        let map = Map {
            start: 0x5700,
            end: 0x5800,
            offset: 0x100,
            base: 0x5600,
            file: "/opt/agent".to_owned(),
        };
        let pieces = Pieces {
            stacks: &stacks,
            maps: &[map],
            build_ids: vec!["ab12".to_owned()],
            since: SystemTime::UNIX_EPOCH + Duration::from_secs(7),
            took: Duration::from_secs(2),
            period: Duration::from_millis(10),
        };
        let profile = Profile::decode(&*pieces.encode()).expect("a profile");
        let text = |number: i64| profile.string_table[usize::try_from(number).unwrap()].as_str();
        assert_eq!(text(0), "");
        let kinds = profile.sample_type.iter();
        let kinds: Vec<_> = kinds
            .map(|kind| (text(kind.r#type), text(kind.unit)))
            .collect();
        assert_eq!(kinds, [("samples", "count"), ("cpu", "nanoseconds")]);
        let mapping = profile.mapping[0];
        assert_eq!(text(mapping.filename), "/opt/agent");
        assert_eq!(text(mapping.build_id), "ab12");
        assert_eq!((mapping.memory_start, mapping.file_offset), (0x5700, 0x100));
        let named = |sample: &Sample| {
            let locations = sample.location_id.iter();
            let names = locations.map(|id| {
                let place = profile
                    .location
                    .iter()
                    .find(|place| place.id == *id)
                    .unwrap();
                let function = place.line[0].function_id;
                let mut functions = profile.function.iter();
                let function = functions.find(|known| known.id == function).unwrap();
                (place.mapping_id, text(function.name))
            });
            (names.collect::<Vec<_>>(), sample.value.clone())
        };
        let mut samples: Vec<_> = profile.sample.iter().map(named).collect();
        samples.sort();
        let inner = vec![(1, "agent+0x110"), (1, "agent+0x120")];
        let ten = 10_000_000;
        let wanted = [(vec![(0, "0x99")], vec![1, ten]), (inner, vec![2, 2 * ten])];
        assert_eq!(samples, wanted);
        assert_eq!((profile.period, profile.time_nanos), (ten, 7_000_000_000));
        assert_eq!(profile.duration_nanos, 2_000_000_000);
    }
}
