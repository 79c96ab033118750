//! WASI as every guest gets it: there, because toolchains import it unasked, and empty.
//!
//! No environment, arguments, files or sockets. What is printed goes to the plugin's log. Clocks
//! stand at the batch's time and random numbers follow from its seed, so that a step stays a
//! function of its batch. Nothing can wait: a guest that sleeps traps, because the host would
//! otherwise sleep with it where no deadline reaches.

use std::{
    pin::Pin,
    sync::{Arc, Mutex, PoisonError},
};

use wasmtime::{
    StoreContextMut,
    component::{HasSelf, Linker, Resource},
};
use wasmtime_wasi::{
    WasiCtx, WasiCtxBuilder,
    cli::{IsTerminal, StdoutStream},
    p2::{self, DynPollable, OutputStream, Pollable, StreamError, StreamResult},
};

use crate::{
    bindings::Allocator,
    guest::{Guest, Level, Log},
};

/// The version under which the host's WASI is registered; a guest's `0.2.n` of any n finds it.
const WASI: &str = "0.2.12";

/// Everything that a guest may import.
pub(crate) fn add_to_linker(linker: &mut Linker<Guest>) -> wasmtime::Result<()> {
    p2::add_to_linker_sync(linker)?;
    Allocator::add_to_linker::<_, HasSelf<_>>(linker, |guest| guest)?;
    linker.allow_shadowing(true);
    add_clocks(linker)?;
    add_random(linker)?;
    linker.allow_shadowing(false);
    Ok(())
}

/// The context behind those parts of WASI that are not replaced.
pub(crate) fn context(log: &Log) -> WasiCtx {
    let printed = |level| Printed { log: log.clone(), level, line: Arc::default() };
    WasiCtxBuilder::new()
        .stdout(printed(Level::Info))
        .stderr(printed(Level::Warn))
        .allow_tcp(false)
        .allow_udp(false)
        .allow_ip_name_lookup(false)
        .build()
}

/// Random numbers that follow from a seed (splitmix64).
#[derive(Debug, Default)]
pub(crate) struct Chance(u64);

impl Chance {
    pub(crate) fn seeded(seed: u64) -> Self {
        Self(seed)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn bytes(&mut self, count: u64) -> wasmtime::Result<Vec<u8>> {
        /// Asked for at once; nobody seeds anything with more.
        const BYTES_MAX: u64 = 1 << 16;
        if count > BYTES_MAX {
            return Err(wasmtime::Error::msg(format!("more than {BYTES_MAX} random bytes at once")));
        }
        let mut bytes: Vec<u8> = Vec::new();
        while (bytes.len() as u64) < count {
            bytes.extend(self.next().to_le_bytes());
        }
        bytes.truncate(count as usize);
        Ok(bytes)
    }
}

fn add_clocks(linker: &mut Linker<Guest>) -> wasmtime::Result<()> {
    type Store<'a> = StoreContextMut<'a, Guest>;

    let mut monotonic = linker.instance(&format!("wasi:clocks/monotonic-clock@{WASI}"))?;
    monotonic
        .func_wrap("now", |store: Store<'_>, (): ()| Ok((store.data().now_ms.saturating_mul(1_000_000),)))?;
    monotonic.func_wrap("resolution", |_: Store<'_>, (): ()| Ok((1_000_000_u64,)))?;
    for wait in ["subscribe-instant", "subscribe-duration"] {
        monotonic.func_wrap(
            wait,
            |_: Store<'_>, (_until,): (u64,)| -> wasmtime::Result<(Resource<DynPollable>,)> {
                Err(wasmtime::Error::msg("a plugin cannot wait for time to pass: clocks stand during a call"))
            },
        )?;
    }
    let mut wall = linker.instance(&format!("wasi:clocks/wall-clock@{WASI}"))?;
    wall.func_wrap("now", |store: Store<'_>, (): ()| Ok((datetime(store.data().now_ms),)))?;
    wall.func_wrap("resolution", |_: Store<'_>, (): ()| Ok((datetime(1),)))?;
    Ok(())
}

fn datetime(milliseconds: u64) -> p2::bindings::clocks::wall_clock::Datetime {
    p2::bindings::clocks::wall_clock::Datetime {
        seconds: milliseconds / 1000,
        nanoseconds: (milliseconds % 1000) as u32 * 1_000_000,
    }
}

fn add_random(linker: &mut Linker<Guest>) -> wasmtime::Result<()> {
    type Store<'a> = StoreContextMut<'a, Guest>;

    for (interface, prefix) in [("random", "get-random"), ("insecure", "get-insecure-random")] {
        let mut random = linker.instance(&format!("wasi:random/{interface}@{WASI}"))?;
        random.func_wrap(&format!("{prefix}-bytes"), |mut store: Store<'_>, (count,): (u64,)| {
            Ok((store.data_mut().chance.bytes(count)?,))
        })?;
        random.func_wrap(&format!("{prefix}-u64"), |mut store: Store<'_>, (): ()| {
            Ok((store.data_mut().chance.next(),))
        })?;
    }
    let mut seed = linker.instance(&format!("wasi:random/insecure-seed@{WASI}"))?;
    seed.func_wrap("insecure-seed", |mut store: Store<'_>, (): ()| {
        let chance = &mut store.data_mut().chance;
        Ok(((chance.next(), chance.next()),))
    })?;
    Ok(())
}

/// What a guest prints: gathered to lines, written to its log.
struct Printed {
    log: Log,
    level: Level,
    line: Arc<Mutex<Vec<u8>>>,
}

impl IsTerminal for Printed {
    fn is_terminal(&self) -> bool {
        false
    }
}

impl StdoutStream for Printed {
    fn async_stream(&self) -> Box<dyn tokio::io::AsyncWrite + Send + Sync> {
        // Asked for by worlds with asynchronous functions only, which the linker does not have.
        Box::new(tokio::io::sink())
    }

    fn p2_stream(&self) -> Box<dyn OutputStream> {
        Box::new(PrintedStream { log: self.log.clone(), level: self.level, line: Arc::clone(&self.line) })
    }
}

struct PrintedStream {
    log: Log,
    level: Level,
    line: Arc<Mutex<Vec<u8>>>,
}

impl PrintedStream {
    /// A line that goes on for longer is cut here.
    const LINE_BYTES_MAX: usize = 4_096;
}

impl OutputStream for PrintedStream {
    fn write(&mut self, bytes: bytes::Bytes) -> StreamResult<()> {
        let mut line = self.line.lock().unwrap_or_else(PoisonError::into_inner);
        for byte in bytes {
            if byte != b'\n' {
                line.push(byte);
            }
            if byte == b'\n' || line.len() >= Self::LINE_BYTES_MAX {
                if !line.is_empty() {
                    self.log.write(self.level, &String::from_utf8_lossy(&line));
                }
                line.clear();
            }
        }
        Ok(())
    }

    fn flush(&mut self) -> StreamResult<()> {
        Ok(())
    }

    fn check_write(&mut self) -> Result<usize, StreamError> {
        Ok(Self::LINE_BYTES_MAX)
    }
}

impl Pollable for PrintedStream {
    fn ready<'a, 'b>(&'a mut self) -> Pin<Box<dyn Future<Output = ()> + Send + 'b>>
    where
        'a: 'b,
        Self: 'b,
    {
        Box::pin(std::future::ready(()))
    }
}
