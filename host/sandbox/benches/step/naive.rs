//! The same component in a plain host, as wasmtime's documentation shows it:
//! default configuration, an instance mapped on demand, a WASI context for each,
//! every path parsed anew.

use tokio::runtime::Runtime;
use tureen_message::{Message, Path};
use wasmtime::component::{Component, HasSelf, Linker, Resource, ResourceTable};
use wasmtime::{Config, Engine, Store, UpdateDeadline};
use wasmtime_wasi::{WasiCtx, WasiCtxView, WasiView};

mod bindings {
    #![allow(unreachable_pub, clippy::all, reason = "generated code")]

    wasmtime::component::bindgen!({
        path: "../../wit",
        inline: "
            package bench:naive;
            world naive {
                use tureen:plugin/configuring@0.1.0.{configuration};
                import tureen:plugin/types@0.1.0;
                export configure: func(settings: string, owner: string, role: string) -> configuration;
                export tureen:plugin/transformer-step@0.1.0;
            }
        ",
        imports: { default: trappable },
        exports: { default: async },
        require_store_data_send: true,
        with: { "tureen:plugin/types.message": tureen_message::Message },
    });
}

use bindings::tureen::plugin::{configuring, types};
use bindings::{Naive, NaivePre};

type Handle = Resource<Message>;
type Answer<T> = wasmtime::Result<Result<T, types::Problem>>;

struct Guest {
    table: ResourceTable,
    wasi: WasiCtx,
}

impl WasiView for Guest {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        WasiCtxView { ctx: &mut self.wasi, table: &mut self.table }
    }
}

pub(crate) struct Host {
    engine: Engine,
    linked: NaivePre<Guest>,
}

impl Host {
    pub(crate) fn new(component: &[u8]) -> Self {
        let mut config = Config::new();
        config.epoch_interruption(true);
        let engine = Engine::new(&config).unwrap();
        let mut linker = Linker::new(&engine);
        wasmtime_wasi::p2::add_to_linker_async(&mut linker).unwrap();
        Naive::add_to_linker::<_, HasSelf<Guest>>(&mut linker, |guest| guest).unwrap();
        let component = Component::from_binary(&engine, component).unwrap();
        let linked = NaivePre::new(linker.instantiate_pre(&component).unwrap()).unwrap();
        Self { engine, linked }
    }

    pub(crate) fn fresh(&self, reads: u32, times: u32) {
        runtime().block_on(async {
            let mut message = crate::tureen::message();
            for _ in 0..times {
                let (mut store, naive) = self.instance(reads).await;
                message = transform(&mut store, &naive, message).await;
            }
        });
    }

    pub(crate) fn reused(&self, reads: u32, times: u32) {
        runtime().block_on(async {
            let mut message = crate::tureen::message();
            let (mut store, naive) = self.instance(reads).await;
            for _ in 0..times {
                message = transform(&mut store, &naive, message).await;
            }
        });
    }

    async fn instance(&self, reads: u32) -> (Store<Guest>, Naive) {
        let guest = Guest { table: ResourceTable::new(), wasi: WasiCtx::builder().build() };
        let mut store = Store::new(&self.engine, guest);
        store.set_epoch_deadline(1);
        store.epoch_deadline_callback(|_| Ok(UpdateDeadline::Yield(1)));
        let naive = self.linked.instantiate_async(&mut store).await.unwrap();
        let settings = format!("{{\"Reads\": \"{reads}\"}}");
        let configured = naive.call_configure(&mut store, &settings, "", "").await.unwrap();
        assert!(configured.findings.is_empty());
        (store, naive)
    }
}

fn runtime() -> Runtime {
    tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap()
}

async fn transform(store: &mut Store<Guest>, naive: &Naive, message: Message) -> Message {
    let handle = store.data_mut().table.push(message).unwrap();
    let borrowed = Resource::new_borrow(handle.rep());
    let step = naive.tureen_plugin_transformer_step();
    let limit = std::time::Duration::from_secs(2);
    let asked = tokio::time::timeout(limit, step.call_transform(&mut *store, borrowed)).await;
    asked.unwrap().unwrap().unwrap();
    store.data_mut().table.delete(handle).unwrap()
}

impl configuring::Host for Guest {}
impl types::Host for Guest {}

impl types::HostMessage for Guest {
    fn text(&mut self, this: Handle, path: String) -> Answer<String> {
        let message = self.table.get(&this)?;
        let path = Path::parse(message.format(), &path).unwrap();
        Ok(Ok(message.text(&path).into_owned()))
    }

    fn set(&mut self, this: Handle, path: String, value: String) -> Answer<()> {
        let message = self.table.get_mut(&this)?;
        let path = Path::parse(message.format(), &path).unwrap();
        // What it changes is kept only when the step succeeds.
        let mut draft = message.clone();
        draft.set(&path, &value).unwrap();
        *message = draft;
        Ok(Ok(()))
    }

    fn drop(&mut self, this: Handle) -> wasmtime::Result<()> {
        self.table.delete(this)?;
        Ok(())
    }

    fn parse(&mut self, _: String, _: Vec<u8>) -> Answer<Handle> {
        unused()
    }
    fn format(&mut self, _: Handle) -> wasmtime::Result<String> {
        unused()
    }
    fn get(&mut self, _: Handle, _: String) -> Answer<types::Value> {
        unused()
    }
    fn structure(&mut self, _: Handle, _: String) -> Answer<Option<String>> {
        unused()
    }
    fn count(&mut self, _: Handle, _: String) -> Answer<u32> {
        unused()
    }
    fn find(&mut self, _: Handle, _: String) -> Answer<Vec<String>> {
        unused()
    }
    fn set_null(&mut self, _: Handle, _: String) -> Answer<()> {
        unused()
    }
    fn set_structure(&mut self, _: Handle, _: String, _: String) -> Answer<()> {
        unused()
    }
    fn append(&mut self, _: Handle, _: String) -> Answer<()> {
        unused()
    }
    fn insert(&mut self, _: Handle, _: String, _: String) -> Answer<()> {
        unused()
    }
    fn remove(&mut self, _: Handle, _: String) -> Answer<u32> {
        unused()
    }
    fn check(&mut self, _: Handle) -> wasmtime::Result<Vec<types::Problem>> {
        unused()
    }
    fn bytes(&mut self, _: Handle) -> wasmtime::Result<Vec<u8>> {
        unused()
    }
    fn replace(&mut self, _: Handle, _: Vec<u8>) -> Answer<()> {
        unused()
    }
}

fn unused<T>() -> wasmtime::Result<T> {
    Err(wasmtime::Error::msg("the measured plugin does not call it"))
}
