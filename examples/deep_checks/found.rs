//! What is there to be asked, and what is not.

use health_builtins::Recommended;
use health_core::{Health, HealthBuilder};

use crate::table::{Absent, Row, Table};
use crate::variables::Place;

/// What has been found so far.
pub(crate) struct Found {
    builder: HealthBuilder,
    table: Table,
}

impl Default for Found {
    fn default() -> Self {
        // A person would rather wait for the last timeout than read that nothing is known yet. A probe would not.
        Self { builder: Health::builder().deadline("10s"), table: Table::default() }
    }
}

impl Found {
    /// Asks this, as the check itself recommends. What a green answer proved is said in a few words.
    #[track_caller]
    pub(crate) fn check<C>(mut self, group: &'static str, name: &str, check: C, proved: &'static str) -> Self
    where
        C: Recommended + 'static,
    {
        let spec = check.spec(name.to_owned()).group(group);
        self.builder = self.builder.check(spec, check);
        self.table.rows.push(Row { group, name: name.to_owned(), proved });
        self
    }

    /// Says where a server was found: never its URL, which may have a password in it.
    pub(crate) fn at(mut self, what: &'static str, place: &Place) -> Self {
        let variable = place.variable;
        let whence = match place.address {
            Some(address) => {
                format!("found at {address}; {variable} says where else, and with which account")
            }
            None => format!("as {variable} says"),
        };
        self.table.places.push((what, whence));
        self
    }

    /// Says something about a group.
    pub(crate) fn remark(mut self, group: &'static str, remark: &'static str) -> Self {
        self.table.remarks.push((group, remark));
        self
    }

    /// Says what is not asked, and what to do to have it asked: commands, and variables to set.
    pub(crate) fn absent(mut self, what: &'static str, what_to_do: &[&'static str]) -> Self {
        self.table.absent.push(Absent { what, what_to_do: what_to_do.to_vec() });
        self
    }

    /// What to build, and what to print.
    pub(crate) fn in_two(self) -> (HealthBuilder, Table) {
        (self.builder, self.table)
    }
}
