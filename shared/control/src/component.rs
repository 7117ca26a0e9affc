//! A component by its name, as `#[serde(with = "component")]`.

use serde::de::Error as _;
use serde::{Deserialize as _, Deserializer, Serializer};
use shared_handover::layout::Component;

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde calls it like this"
)]
pub(crate) fn serialize<S: Serializer>(component: &Component, to: S) -> Result<S::Ok, S::Error> {
    to.serialize_str(component.name())
}

pub(crate) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Component, D::Error> {
    let name = String::deserialize(from)?;
    Component::from_name(&name)
        .ok_or_else(|| D::Error::custom(format!("{name:?} is no component of this version")))
}
