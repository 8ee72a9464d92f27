//! A map in which nothing is lost because it is written twice.

use std::collections::BTreeMap;
use std::fmt;
use std::marker::PhantomData;

use serde::de::{Deserialize, Deserializer, Error, MapAccess, Visitor};

/// A map from any format. A key that is there twice is an error of that format, at its place; a section in which there
/// is nothing is empty.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Table<V>(pub(super) BTreeMap<String, V>);

impl<V> Default for Table<V> {
    fn default() -> Self {
        Self(BTreeMap::new())
    }
}

impl<'de, V: Deserialize<'de>> Deserialize<'de> for Table<V> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Entries(PhantomData))
    }
}

struct Entries<V>(PhantomData<V>);

impl<'de, V: Deserialize<'de>> Visitor<'de> for Entries<V> {
    type Value = Table<V>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a table")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Table<V>, A::Error> {
        let mut table = BTreeMap::new();
        while let Some(key) = entries.next_key::<String>()? {
            if table.contains_key(&key) {
                return Err(A::Error::custom(format!("`{}` is there twice", key.escape_debug())));
            }
            table.insert(key, entries.next_value()?);
        }
        Ok(Table(table))
    }

    fn visit_unit<E>(self) -> Result<Table<V>, E> {
        Ok(Table::default())
    }

    fn visit_none<E>(self) -> Result<Table<V>, E> {
        Ok(Table::default())
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Table<V>, D::Error> {
        deserializer.deserialize_any(self)
    }

    fn visit_newtype_struct<D: Deserializer<'de>>(self, deserializer: D) -> Result<Table<V>, D::Error> {
        deserializer.deserialize_any(self)
    }
}
