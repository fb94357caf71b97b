//! Engines whose code differs never take each other's.

use std::path::Path;

use super::*;
use crate::cache::CACHE_BYTES_DEFAULT;
use crate::engine::compiling_engine;

/// An engine that could run the same components, with code of another kind.
fn other_engine() -> wasmtime::Engine {
    let mut config = wasmtime::Config::new();
    config.epoch_interruption(false);
    wasmtime::Engine::new(&config).unwrap()
}

fn store(engine: &wasmtime::Engine, directory: &Path) -> Arc<CodeStore> {
    let cache = CacheOptions { directory: directory.to_owned(), bytes: CACHE_BYTES_DEFAULT };
    let options = CodeOptions { cache: Some(cache), ..CodeOptions::default() };
    Arc::new(CodeStore::new(engine, options))
}

const EMPTY: &[u8] = b"\0asm\x0d\0\x01\0";

#[test]
fn the_compiler_s_engine_makes_what_the_server_s_engine_takes() {
    let options = crate::EngineOptions { calls: 2, idle: 2, activities: 2, ..Default::default() };
    let server = crate::Engine::new(&options).unwrap();
    let compiler = compiling_engine().unwrap();
    assert_eq!(Fingerprint::of(&server.wasmtime), Fingerprint::of(&compiler));
    assert_ne!(Fingerprint::of(&other_engine()), Fingerprint::of(&compiler));
}

#[tokio::test(flavor = "multi_thread")]
async fn two_engines_share_a_directory_and_never_their_code() {
    let place = tempfile::tempdir().unwrap();
    let directory = place.path().join("compiled");
    let (ours, others) = (compiling_engine().unwrap(), other_engine());
    let (our_store, other_store) = (store(&ours, &directory), store(&others, &directory));
    let digest = [7; 32];
    let (key, other_key) =
        (our_store.key_of_component(&digest), other_store.key_of_component(&digest));
    assert_ne!(key, other_key);
    let loaded = our_store.load::<()>(&ours, key, EMPTY.into(), Product::Component).await;
    our_store.keep(loaded.ok().and_then(|it| it.new).unwrap(), &()).await;
    assert!(our_store.cached::<()>(&ours, key).await.is_some());
    assert!(other_store.cached::<()>(&others, other_key).await.is_none());
    // Even under the same key the other engine does not take it.
    assert!(other_store.cached::<()>(&others, key).await.is_none());
    assert_eq!(other_store.counts().refused, 1);
}
