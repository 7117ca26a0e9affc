//! How times and digests are spelled in a document, for serde.

pub(crate) mod rfc3339 {
    use jiff::Timestamp;
    use serde::de::Error as _;
    use serde::{Deserialize as _, Deserializer, Serializer};

    pub(crate) fn serialize<S: Serializer>(time: &Timestamp, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(time)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Timestamp, D::Error> {
        String::deserialize(from)?.parse().map_err(D::Error::custom)
    }
}

pub(crate) mod hex_digest {
    use serde::de::Error as _;
    use serde::{Deserialize as _, Deserializer, Serializer};
    use shared_slots::Digest;

    pub(crate) fn serialize<S: Serializer>(digest: &Digest, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(digest)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Digest, D::Error> {
        String::deserialize(from)?.parse().map_err(D::Error::custom)
    }
}

pub(crate) mod hex_digests {
    use serde::de::Error as _;
    use serde::{Deserialize as _, Deserializer, Serializer};
    use shared_slots::Digest;

    pub(crate) fn serialize<S: Serializer>(all: &[Digest], to: S) -> Result<S::Ok, S::Error> {
        to.collect_seq(all.iter().map(ToString::to_string))
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<Digest>, D::Error> {
        let all = Vec::<String>::deserialize(from)?;
        let parsed: Result<_, _> = all.iter().map(|text| text.parse()).collect();
        parsed.map_err(D::Error::custom)
    }
}
