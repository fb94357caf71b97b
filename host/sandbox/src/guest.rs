//! What a store holds: the run of the current call, the meters, the handles.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Instant;

use tureen_message::{Message, Problem};
use tureen_template::{Direction, SettingId, Tables};
use wasmtime::component::{Resource, ResourceTable};
use wasmtime_wasi::{WasiCtx, WasiCtxView, WasiView};
use wasmtime_wasi_http::WasiHttpCtx;

use crate::exchange::{LogLevel, LogLine, Run, Target};
use crate::failure::Failure;
use crate::granted::{Granted, GrantedTables, LentTables};
use crate::grants::{ClockPrecision, TableGrant};
use crate::imports::network::Network;
use crate::limits::{Exceeded, Limits, MemoryBudget, Meter};
use crate::path_memory::PathMemory;
use crate::step::Step;
use crate::texts::Texts;
use crate::wasi::{self, Randomness};

/// What a guest's `message` handle stands for.
#[expect(unreachable_pub, reason = "the generated bindings name it in public items")]
pub enum MessageHandle {
    /// The message that the step works on.
    Target,
    /// Another message of the run, read-only.
    Of(SettingId, Direction),
    /// One that the guest made.
    Own(Box<Message>),
}

/// The steps that a `CustomTransformerAction` may call, by type name.
pub(crate) type CustomTransformers = HashMap<String, Arc<Step>>;

/// The data of one store.
pub(crate) struct Guest {
    pub(crate) plugin: Arc<str>,
    pub(crate) limits: Arc<Limits>,
    pub(crate) meter: Meter,
    pub(crate) table: ResourceTable,
    /// The handle of the message that a call works on, in all calls. A guest only
    /// borrows it for the call: the component model ends one that keeps it.
    pub(crate) target: Resource<MessageHandle>,
    pub(crate) granted: Arc<Granted>,
    /// Made when the guest first asks for it: most never do.
    wasi: Option<Wasi>,
    pub(crate) custom: Arc<CustomTransformers>,
    /// Boxed: it is large, and goes in and out with every call.
    pub(crate) call: Option<Box<Call>>,
    pub(crate) paths: PathMemory,
    pub(crate) texts: Arc<Texts>,
    pub(crate) network: Network,
    wasi_http: Option<WasiHttpCtx>,
    /// Bytes of the messages that the guest made and still holds.
    pub(crate) own_bytes: usize,
}

/// The clocks, environment and random numbers of a guest that asked for some.
struct Wasi {
    context: WasiCtx,
    randomness: Randomness,
}

/// The state of one call; there is none while an instance is idle.
pub(crate) struct Call {
    pub(crate) run: Box<Run>,
    pub(crate) target: Target,
    /// The changed target; becomes the message when the step answers `ok`.
    pub(crate) draft: Option<Message>,
    pub(crate) parameters: Vec<(String, String)>,
    pub(crate) setting: SettingId,
    pub(crate) deadline: Instant,
    pub(crate) calls_left: u32,
    pub(crate) log_lines_left: u32,
    pub(crate) log_bytes_left: usize,
    pub(crate) log_cut: u32,
    pub(crate) notifications_left: u32,
    /// How the run's clock was read before this call.
    coarse_before: bool,
    /// Why a custom transformer that this step called failed: when the step
    /// gives up because of it, this is what happened.
    pub(crate) nested: Option<Failure>,
}

impl Guest {
    pub(crate) fn new(
        plugin: Arc<str>,
        limits: Arc<Limits>,
        granted: Arc<Granted>,
        custom: Arc<CustomTransformers>,
        texts: Arc<Texts>,
        network: Network,
        memory: Arc<MemoryBudget>,
    ) -> Result<Self, String> {
        let mut table = ResourceTable::new();
        table.set_max_capacity(limits.handles);
        let target = table.push(MessageHandle::Target);
        let target = target.map_err(|_| "no message handle is allowed (handles)".to_owned())?;
        Ok(Self {
            plugin,
            meter: Meter::new(&limits, memory),
            table,
            target,
            granted,
            wasi: None,
            custom,
            call: None,
            paths: PathMemory::default(),
            texts,
            wasi_http: None,
            network,
            own_bytes: 0,
            limits,
        })
    }

    /// Takes one host call off the budget; the run must be there.
    pub(crate) fn enter(&mut self) -> wasmtime::Result<&mut Call> {
        let allowed = self.limits.host_calls;
        let call = self.call.as_deref_mut().ok_or_else(outside_a_call)?;
        match call.calls_left.checked_sub(1) {
            Some(left) => call.calls_left = left,
            None => return Err(Exceeded::HostCalls { allowed }.into()),
        }
        Ok(call)
    }

    pub(crate) fn begin(
        &mut self,
        mut run: Box<Run>,
        target: Target,
        setting: SettingId,
        parameters: Vec<(String, String)>,
        deadline: Instant,
    ) {
        if let Some(wasi) = &self.wasi {
            wasi.randomness.begin(&run.facts, setting);
        }
        let coarse_before = run.variables.reads_clock_coarsely();
        let coarse = self.granted.grants.clock == ClockPrecision::Coarse;
        run.variables.read_clock_coarsely(coarse_before || coarse);
        self.network.begin(deadline);
        self.call = Some(Box::new(Call {
            run,
            target,
            draft: None,
            parameters,
            setting,
            deadline,
            calls_left: self.limits.host_calls,
            log_lines_left: self.limits.log_lines,
            log_bytes_left: self.limits.log_bytes,
            log_cut: 0,
            notifications_left: self.limits.notifications,
            coarse_before,
            nested: None,
        }));
    }

    /// The context for requests of `wasi:http`, with the requests themselves.
    pub(crate) fn requests(&mut self) -> (&mut WasiHttpCtx, &mut ResourceTable, &mut Network) {
        let Self { wasi_http, table, network, limits, .. } = self;
        (wasi_http.get_or_insert_with(|| wasi_http_of(limits)), table, network)
    }
}

pub(crate) fn outside_a_call() -> wasmtime::Error {
    wasmtime::Error::msg("an import was called outside of a step's call (from configure?)")
}

impl Call {
    /// The message behind a handle that is not the guest's own.
    pub(crate) fn message(&self, handle: &MessageHandle) -> Option<&Message> {
        let (setting, direction) = match handle {
            MessageHandle::Target => match &self.draft {
                Some(draft) => return Some(draft),
                None => (self.target.setting, self.target.direction),
            },
            // The step's own message, named by its id: what it has written so far.
            MessageHandle::Of(setting, direction)
                if self.draft.is_some()
                    && *setting == self.target.setting
                    && *direction == self.target.direction =>
            {
                return self.draft.as_ref();
            }
            MessageHandle::Of(setting, direction) => (*setting, *direction),
            MessageHandle::Own(_) => return None,
        };
        self.run.exchange.message(setting, direction).ok().flatten()
    }

    /// The target for writing: copied once, at the first write.
    pub(crate) fn draft(&mut self) -> Result<&mut Message, Problem> {
        if !self.target.writable {
            return Err(Problem::new(
                "edit.read-only",
                "this step may read the message, not change it",
            ));
        }
        if self.draft.is_none() {
            let current = self.run.exchange.message(self.target.setting, self.target.direction);
            let copy = current.ok().flatten().cloned();
            self.draft =
                Some(copy.ok_or_else(|| {
                    Problem::new("edit.no-message", "there is no message to change")
                })?);
        }
        self.draft.as_mut().ok_or_else(|| Problem::new("edit.no-message", "there is no message"))
    }

    pub(crate) fn log(&mut self, plugin: &str, level: LogLevel, text: String) {
        let fits = self.log_bytes_left.checked_sub(text.len());
        match (self.log_lines_left.checked_sub(1), fits) {
            (Some(lines), Some(bytes)) => {
                self.log_lines_left = lines;
                self.log_bytes_left = bytes;
                self.run.log.push(LogLine { plugin: plugin.to_owned(), level, text });
            }
            _ => self.log_cut = self.log_cut.saturating_add(1),
        }
    }

    /// The run's tables as far as they are granted.
    pub(crate) fn tables<'a>(&'a self, granted: &'a Granted) -> GrantedTables<'a> {
        GrantedTables { all: self.run.tables.as_ref(), granted }
    }

    /// Leaves only the granted tables in the run, for a step that is called inside this
    /// call: there it is those that both are granted. Answers with what is to be put
    /// back after it.
    pub(crate) fn narrow_tables(
        &mut self,
        granted: &Arc<Granted>,
    ) -> Option<Arc<dyn Tables + Send + Sync>> {
        if granted.grants.tables == TableGrant::All {
            return None;
        }
        let narrow = LentTables { all: Arc::clone(&self.run.tables), granted: Arc::clone(granted) };
        Some(std::mem::replace(&mut self.run.tables, Arc::new(narrow)))
    }

    /// Ends the call: gives the run back, with a line on what the log lost.
    pub(crate) fn end(mut self: Box<Self>, plugin: &str, keep_draft: bool) -> Box<Run> {
        if keep_draft && let Some(draft) = self.draft.take() {
            self.run.exchange.put(self.target.setting, self.target.direction, draft);
        }
        if self.log_cut > 0 {
            let text = format!("{} log lines were cut: over the limit of one call", self.log_cut);
            self.run.log.push(LogLine { plugin: plugin.to_owned(), level: LogLevel::Warn, text });
        }
        self.run.variables.read_clock_coarsely(self.coarse_before);
        self.run
    }
}

impl Wasi {
    /// As the guest sees it in its current call, or before the first one.
    fn new(plugin: &Arc<str>, granted: &Granted, call: Option<&Call>) -> Self {
        let randomness = Randomness::new(Arc::clone(plugin), granted.role);
        if let Some(call) = call {
            randomness.begin(&call.run.facts, call.setting);
        }
        let mut context = wasi::context(&granted.grants, &randomness);
        if let Some(files) = &granted.files {
            *context.filesystem() = files.clone();
        }
        Self { context, randomness }
    }
}

fn wasi_http_of(limits: &Limits) -> WasiHttpCtx {
    let mut context = WasiHttpCtx::new();
    context.set_field_size_limit(limits.network.header_bytes);
    context
}

impl WasiView for Guest {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        let Self { granted, plugin, call, table, wasi, .. } = self;
        let wasi = wasi.get_or_insert_with(|| Wasi::new(plugin, granted, call.as_deref()));
        WasiCtxView { ctx: &mut wasi.context, table }
    }
}
