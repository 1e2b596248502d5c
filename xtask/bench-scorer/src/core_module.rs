//! This crate's core module in wasmtime: passes run inside, one call each.

use picket_bench_scorer::Mode;
use wasmtime::error::Context as _;
use wasmtime::{Instance, InstancePre, Linker, Memory, Module, Store, TypedFunc};
use wasmtime::{Result, bail};

use crate::native::mode_of;
use crate::requests::Engine;
use crate::wasmtime_settings;

/// From nothing to the first score: instantiate, load, score one row.
const START: &str = "start";

/// An instance with the model loaded, and what it takes to make another.
pub(crate) struct CoreModule {
    pre: InstancePre<()>,
    artifact: Vec<u8>,
    first_row: Vec<u8>,
    guest: Guest,
}

/// One instance.
struct Guest {
    store: Store<()>,
    memory: Memory,
    run: TypedFunc<u32, u32>,
    output: TypedFunc<u32, u32>,
    output_len: TypedFunc<u32, u32>,
}

impl CoreModule {
    pub(crate) fn new(module: &[u8], artifact: &[u8], rows: &[u8]) -> Result<Self> {
        let engine = wasmtime_settings::engine()?;
        let module = Module::new(&engine, module)?;
        // An empty linker: the scorer asks its host for nothing.
        let pre = Linker::new(&engine).instantiate_pre(&module)?;
        let guest = Guest::new(&pre, artifact, rows)?;
        let mut this = Self {
            pre,
            artifact: artifact.to_vec(),
            first_row: Vec::new(),
            guest,
        };
        // Explanations are as wide as a row and its base.
        let n_explained = this.run("explain")?;
        let n_features = this.output("explain")?.len() / n_explained - 1;
        this.first_row = rows[..4 * n_features].to_vec();
        Ok(this)
    }
}

impl Guest {
    fn new(pre: &InstancePre<()>, artifact: &[u8], rows: &[u8]) -> Result<Self> {
        let mut store = wasmtime_settings::store(pre.module().engine());
        let instance = pre.instantiate(&mut store)?;
        let memory = instance
            .get_memory(&mut store, "memory")
            .context("the module exports no memory")?;
        for (name, bytes, n_items) in [
            ("reserve_artifact", artifact, artifact.len()),
            ("reserve_rows", rows, rows.len() / 4),
        ] {
            let at =
                number_to_number(&instance, &mut store, name)?.call(&mut store, n_items as u32)?;
            memory.write(&mut store, at as usize, bytes)?;
        }
        let prepare = instance.get_typed_func::<(), u32>(&mut store, "prepare")?;
        if prepare.call(&mut store, ())? != 1 {
            bail!("the module refuses artifact or rows");
        }
        Ok(Self {
            run: number_to_number(&instance, &mut store, "run")?,
            output: number_to_number(&instance, &mut store, "output")?,
            output_len: number_to_number(&instance, &mut store, "output_len")?,
            store,
            memory,
        })
    }
}

impl Engine for CoreModule {
    fn version(&self) -> String {
        wasmtime_settings::version()
    }

    fn modes(&self) -> Vec<&'static str> {
        let names = Mode::ALL.map(Mode::name);
        names.into_iter().chain([START]).collect()
    }

    fn run(&mut self, mode: &str) -> Result<usize> {
        if mode == START {
            let mut guest = Guest::new(&self.pre, &self.artifact, &self.first_row)?;
            guest.run.call(&mut guest.store, Mode::Single as u32)?;
            return Ok(1);
        }
        let code = mode_of(mode)? as u32;
        Ok(self.guest.run.call(&mut self.guest.store, code)? as usize)
    }

    fn output(&mut self, mode: &str) -> Result<Vec<f64>> {
        let code = mode_of(mode)? as u32;
        let Guest {
            store,
            memory,
            output,
            output_len,
            ..
        } = &mut self.guest;
        let at = output.call(&mut *store, code)? as usize;
        let n_numbers = output_len.call(&mut *store, code)? as usize;
        let bytes = memory
            .data(&*store)
            .get(at..at + 8 * n_numbers)
            .context("the output lies outside the memory")?;
        Ok(bytes
            .as_chunks()
            .0
            .iter()
            .map(|chunk| f64::from_le_bytes(*chunk))
            .collect())
    }
}

fn number_to_number(
    instance: &Instance,
    store: &mut Store<()>,
    name: &str,
) -> Result<TypedFunc<u32, u32>> {
    instance.get_typed_func(store, name)
}
