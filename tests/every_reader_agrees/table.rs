//! What each reader saw, as the document shows it.

use std::fmt::Write as _;

use crate::reader::Seen;
use crate::service::State;

pub struct Table {
    rows: Vec<Vec<String>>,
}

impl Table {
    pub fn of(readers: impl Iterator<Item = &'static str>) -> Self {
        let names = readers.map(str::to_owned);
        let header = ["state", "so"].map(str::to_owned).into_iter().chain(names).collect();
        Self { rows: vec![header] }
    }

    pub fn row(&mut self, state: &State, seen: Vec<Seen>) {
        let so = match (state.traffic, state.restart) {
            (true, _) => "traffic",
            (false, false) => "no traffic",
            (false, true) => "no traffic, a restart",
        };
        let cells =
            [state.name, so].map(str::to_owned).into_iter().chain(seen.into_iter().map(|seen| seen.words));
        self.rows.push(cells.collect());
    }

    /// Past the harness, which keeps what a passing test prints.
    pub fn print(&self) {
        let mut text = String::new();
        for (number, row) in self.rows.iter().enumerate() {
            writeln!(text, "| {} |", row.join(" | ")).unwrap();
            if number == 0 {
                writeln!(text, "|{}", "---|".repeat(row.len())).unwrap();
            }
        }
        drop(std::io::Write::write_all(&mut std::io::stderr(), text.as_bytes()));
    }

    /// That the document says the same, of every reader that was there.
    pub fn is_in(&self, document: &str) {
        let cells = |line: &str| {
            line.trim_matches('|').split('|').map(|cell| cell.trim().to_owned()).collect::<Vec<_>>()
        };
        let table = document.lines().skip_while(|line| !line.starts_with("| state |"));
        let mut documented = table.take_while(|line| line.starts_with('|')).map(cells);
        let header = documented.next().expect("the document has the table");
        let documented: Vec<_> = documented.skip(1).collect();
        assert_eq!(documented.len(), self.rows.len() - 1, "the document has every state");
        for (column, name) in self.rows[0].iter().enumerate() {
            let place = header.iter().position(|known| known == name);
            let place = place.unwrap_or_else(|| panic!("the document has {name}: {header:?}"));
            for (row, documented) in self.rows[1..].iter().zip(&documented) {
                assert_eq!(documented[place], row[column], "of {name} while {}", row[0]);
            }
        }
    }
}
