//! The tables of the home as a worker has them: it asks the server, in the middle
//! of a call.
//!
//! A data table comes over once for a run that asks for it; the run's place in it
//! stays in the server.

use std::collections::BTreeSet;
use std::sync::{Mutex, OnceLock, PoisonError};

use tureen_message::Problem;
use tureen_template::{DataTable, Movement, Tables};

use super::frames;
use super::wire::{
    FromWorker, TableAnswer, TableQuestion, ToWorker, TravellingProblem, WholeTable,
};

/// The tables of one run.
#[derive(Default)]
pub(super) struct ServedTables {
    seen: Seen,
}

/// The data tables that came over, one behind the other: what was handed out stays
/// where it is.
#[derive(Default)]
struct Seen(OnceLock<Box<(String, Option<DataTable>, Seen)>>);

impl Seen {
    fn table(&self, wanted: &str) -> Option<&DataTable> {
        let mut place = self;
        loop {
            let entry = place.0.get_or_init(|| {
                let name = wanted.to_owned();
                let table = match ask(TableQuestion::Whole { table: name.clone() }) {
                    Some(TableAnswer::Whole(found)) => found.and_then(made),
                    _ => None,
                };
                Box::new((name, table, Self::default()))
            });
            let (name, table, next) = entry.as_ref();
            if name.to_lowercase() == wanted.to_lowercase() {
                return table.as_ref();
            }
            place = next;
        }
    }
}

fn made(found: WholeTable) -> Option<DataTable> {
    let WholeTable { name, fields, rows } = found;
    let row = |row: Vec<String>| row.into_iter().map(String::into_boxed_str).collect();
    DataTable::new(name, fields, rows.into_iter().map(row).collect()).ok()
}

impl Tables for ServedTables {
    fn lookup(&self, table: &str, key: &str) -> Result<Option<String>, Problem> {
        let (table, key) = (table.to_owned(), key.to_owned());
        match ask(TableQuestion::Lookup { table, key }) {
            Some(TableAnswer::Found(found)) => found.map_err(problem),
            _ => Err(unheard()),
        }
    }

    fn has_lookup(&self, table: &str) -> bool {
        let question = TableQuestion::HasLookup { table: table.to_owned() };
        matches!(ask(question), Some(TableAnswer::Has(true)))
    }

    fn data_table(&self, name: &str) -> Option<&DataTable> {
        self.seen.table(name)
    }

    fn move_row(&self, table: &DataTable, movement: Movement) -> Result<u32, Problem> {
        let to_random = movement == Movement::Random;
        match ask(TableQuestion::Move { table: table.name().to_owned(), to_random }) {
            Some(TableAnswer::Moved(moved)) => moved.map_err(problem),
            _ => Err(unheard()),
        }
    }

    fn current_row(&self, table: &DataTable) -> Option<u32> {
        match ask(TableQuestion::Row { table: table.name().to_owned() }) {
            Some(TableAnswer::Row(row)) => row,
            _ => None,
        }
    }
}

/// `None`: the server is gone, and with it who would want the answer.
fn ask(question: TableQuestion) -> Option<TableAnswer> {
    let socket = std::io::stdin();
    frames::send_waiting(&socket, &FromWorker::Ask(question)).ok()?;
    match frames::receive_waiting(&socket).ok().flatten()? {
        ToWorker::Answer(answer) => Some(answer),
        _ => None,
    }
}

fn problem(told: TravellingProblem) -> Problem {
    let TravellingProblem { code, text, place } = told;
    let problem = Problem::new(kept_for_ever(&code), text);
    match place {
        Some(place) => problem.at(place),
        None => problem,
    }
}

fn unheard() -> Problem {
    Problem::new("table.unavailable", "the server did not answer")
}

/// A text that the code of this program has a few of, such as a problem's code.
pub(super) fn kept_for_ever(text: &str) -> &'static str {
    static KEPT: Mutex<BTreeSet<&'static str>> = Mutex::new(BTreeSet::new());
    let mut kept = KEPT.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(known) = kept.get(text) {
        return known;
    }
    let known: &'static str = Box::leak(text.to_owned().into_boxed_str());
    kept.insert(known);
    known
}
