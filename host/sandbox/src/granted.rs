//! The grants of one step as its instances use them.

use std::sync::Arc;

use tureen_message::Problem;
use tureen_template::{DataTable, Movement, Tables};
use wasmtime_wasi::filesystem::WasiFilesystemCtx;

use crate::grants::{Grants, opened};
use crate::linkers::Capabilities;

/// What the instances of one step may reach; shared by all of them.
#[derive(Default)]
pub(crate) struct Granted {
    pub(crate) grants: Grants,
    /// The granted directories, open; `None` where the plugin uses none.
    pub(crate) files: Option<WasiFilesystemCtx>,
    /// Keeps the random numbers of steps of one plugin apart.
    pub(crate) role: &'static str,
}

impl Granted {
    /// Opens what has to be open.
    ///
    /// # Errors
    /// A granted directory cannot be opened.
    pub(crate) fn new(
        grants: &Grants,
        capabilities: Capabilities,
        role: &'static str,
    ) -> Result<Self, String> {
        let files = capabilities.files.then(|| opened(&grants.directories)).transpose()?;
        Ok(Self { grants: grants.clone(), files, role })
    }

    /// Is the lookup table or data table granted?
    ///
    /// # Errors
    /// `table.not-granted`.
    pub(crate) fn table(&self, name: &str) -> Result<(), Problem> {
        if self.grants.tables.covers(name) {
            return Ok(());
        }
        let text = format!("the plugin is not granted the table {name:?} (tables, in tureen.toml)");
        Err(Problem::new("table.not-granted", text))
    }
}

/// The tables of a run as far as they are granted: what a guest's own requests
/// and its templates see.
pub(crate) struct GrantedTables<'a> {
    pub(crate) all: &'a (dyn Tables + Send + Sync),
    pub(crate) granted: &'a Granted,
}

impl Tables for GrantedTables<'_> {
    fn lookup(&self, table: &str, key: &str) -> Result<Option<String>, Problem> {
        self.granted.table(table)?;
        self.all.lookup(table, key)
    }

    fn has_lookup(&self, table: &str) -> bool {
        self.granted.table(table).is_ok() && self.all.has_lookup(table)
    }

    fn data_table(&self, name: &str) -> Option<&DataTable> {
        self.granted.table(name).ok()?;
        self.all.data_table(name)
    }

    fn move_row(&self, table: &DataTable, movement: Movement) -> Result<u32, Problem> {
        self.all.move_row(table, movement)
    }

    fn current_row(&self, table: &DataTable) -> Option<u32> {
        self.all.current_row(table)
    }
}

/// The same, in the place of a run's own tables: what a step sees that is called
/// inside the call of another one, and one in a worker process.
pub(crate) struct LentTables {
    pub(crate) all: Arc<dyn Tables + Send + Sync>,
    pub(crate) granted: Arc<Granted>,
}

impl LentTables {
    fn seen(&self) -> GrantedTables<'_> {
        GrantedTables { all: self.all.as_ref(), granted: &self.granted }
    }
}

impl Tables for LentTables {
    fn lookup(&self, table: &str, key: &str) -> Result<Option<String>, Problem> {
        self.seen().lookup(table, key)
    }

    fn has_lookup(&self, table: &str) -> bool {
        self.seen().has_lookup(table)
    }

    fn data_table(&self, name: &str) -> Option<&DataTable> {
        self.granted.table(name).ok()?;
        self.all.data_table(name)
    }

    fn move_row(&self, table: &DataTable, movement: Movement) -> Result<u32, Problem> {
        self.all.move_row(table, movement)
    }

    fn current_row(&self, table: &DataTable) -> Option<u32> {
        self.all.current_row(table)
    }
}
