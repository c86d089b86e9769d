//! Counts the libtorch operators that a piece of code runs, for tests and measurements.
//!
//! The number of operators is the same on every machine and in every run, so a test can limit it; a limit on time
//! would make a test flaky. On a GPU, the CPU starts one operator after another, and a loop of small operators takes
//! the time of starting them.
//!
//! ```no_run
//! let ((), operators) = operators::count(|| { /* one training step */ });
//! assert_eq!(operators.top_level_of("aten::add_"), 0);
//! ```
//!
//! # What is counted
//!
//! Every call that reaches libtorch's dispatcher, on any thread of the process, under the name that
//! `at::RecordFunction` reports: the schema's name without the overload, such as `aten::add_`. A
//! call has one of three callers:
//!
//! - the program. Calls that no other operator made are [top-level](Operators::top_level).
//! - a [backward node](Operators::backward), which includes the storing of a gradient in its leaf.
//! - the [autograd engine](Operators::engine), between two nodes: it adds the gradients of a tensor
//!   with several uses, and sums the gradient of a tensor that was broadcast to its shape.
//!
//! `Tensor::backward` itself makes one top-level call, `aten::ones_like`, for the first gradient.
//!
//! # What is not counted
//!
//! - Queries that read a tensor's fields and skip the dispatcher: shape, stride, kind, device,
//!   `is_contiguous`, `data_ptr`, `requires_grad`, `set_requires_grad`, `grad`, `shallow_clone`.
//! - `contiguous` of a contiguous tensor, and so `copy_data` of a contiguous tensor on the CPU. On
//!   other devices `copy_data` shows up as `aten::to`. `Vec::try_from` always calls `aten::to`.
//! - `Tensor::from_blob`. `from_slice` shows up as `aten::zeros`, without the copy of the values.
//! - Operators that libtorch does not observe: `aten::size`, `aten::is_leaf`, `aten::output_nr`,
//!   `aten::_version`, `aten::is_complex`.
//! - Kernels that an operator calls directly, as a C++ function. [`Operators::of`] is therefore a
//!   lower bound of the nested work, and depends on the device; top-level counts do not.
//!
//! # Threads
//!
//! [`count`] counts all threads of the process, as `rayon` workers and autograd's device threads do
//! part of the work. Tests of one process run next to each other, and would count each other's
//! operators: use [`count_on_this_thread`] there. On the CPU, autograd runs on the thread that
//! calls it. An operator that is already running on another thread when counting starts is not
//! counted, and what it calls counts as top-level.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::ffi::{CStr, c_char};
use std::sync::{Mutex, MutexGuard, PoisonError};

// Links libtorch.
use torch_sys as _;

/// Locked while operators are counted.
static RUNNING: Mutex<()> = Mutex::new(());

/// The calls so far, while operators are counted.
static CALLS: Mutex<Option<Recorded>> = Mutex::new(None);

struct Recorded {
    on_all_threads: bool,
    calls: BTreeMap<String, Calls>,
}

thread_local! {
    /// True while this thread is inside [`count`] or [`count_on_this_thread`].
    static IS_COUNTING: Cell<bool> = const { Cell::new(false) };
}

type OnCall = extern "C" fn(*const c_char, u8, bool, bool);

unsafe extern "C" {
    fn ressenti_operators_start(on_call: OnCall) -> u64;
    fn ressenti_operators_stop(handle: u64);
}

/// Runs `work` and counts the operators that ran while it did, on all threads.
///
/// Calls from several threads run one after another. Counting ends when `work` returns or panics.
///
/// # Panics
///
/// When `work` counts operators on the same thread. If `work` waits for another thread that counts
/// operators, both wait forever.
pub fn count<T>(work: impl FnOnce() -> T) -> (T, Operators) {
    count_on(true, work)
}

/// [`count`], without the operators of other threads.
///
/// On a GPU, autograd runs the backward nodes on another thread, so they are not counted.
///
/// # Panics
///
/// As [`count`].
pub fn count_on_this_thread<T>(work: impl FnOnce() -> T) -> (T, Operators) {
    count_on(false, work)
}

fn count_on<T>(on_all_threads: bool, work: impl FnOnce() -> T) -> (T, Operators) {
    let _counting = Counting::start(on_all_threads);
    let value = work();
    let calls = lock_calls().take().map(|counted| counted.calls);
    let calls = calls.unwrap_or_default();
    (value, Operators { calls })
}

/// Counting is on while this exists.
struct Counting {
    handle: u64,
    _running: MutexGuard<'static, ()>,
}

impl Counting {
    fn start(on_all_threads: bool) -> Self {
        assert!(
            !IS_COUNTING.get(),
            "operators are already being counted on this thread"
        );
        let running = RUNNING.lock().unwrap_or_else(PoisonError::into_inner);
        IS_COUNTING.set(true);
        *lock_calls() = Some(Recorded {
            on_all_threads,
            calls: BTreeMap::new(),
        });
        Self {
            // SAFETY: `record_call` exists as long as the process, and any thread may call it.
            handle: unsafe { ressenti_operators_start(record_call) },
            _running: running,
        }
    }
}

impl Drop for Counting {
    fn drop(&mut self) {
        // SAFETY: the handle comes from `ressenti_operators_start` and is used once.
        unsafe { ressenti_operators_stop(self.handle) };
        lock_calls().take();
        IS_COUNTING.set(false);
    }
}

fn lock_calls() -> MutexGuard<'static, Option<Recorded>> {
    CALLS.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Adds one call. `caller` is a `Caller` of `record.cpp`; `direct` is false for calls that another
/// operator made.
extern "C" fn record_call(name: *const c_char, caller: u8, direct: bool, waits: bool) {
    let mut counted = lock_calls();
    // Another thread may report an operator after the end.
    let Some(counted) = counted.as_mut() else {
        return;
    };
    if !counted.on_all_threads && !IS_COUNTING.get() {
        return;
    }
    // SAFETY: `record.cpp` passes the name of an operator: it ends with a zero byte, and is neither
    // changed nor freed during this call.
    let name = unsafe { CStr::from_ptr(name) }.to_string_lossy();
    let calls = counted.calls.entry(name.into_owned()).or_default();
    calls.all += 1;
    calls.waiting += usize::from(waits);
    match (direct, caller) {
        (false, _) => {}
        (true, 0) => calls.top_level += 1,
        (true, 1) => calls.backward += 1,
        (true, _) => calls.engine += 1,
    }
}

/// Calls of one operator. Calls that are only in `all` were made by another operator.
#[derive(Clone, Copy, Debug, Default)]
struct Calls {
    all: usize,
    top_level: usize,
    backward: usize,
    engine: usize,
    /// Copies that make the host wait for a device.
    waiting: usize,
}

/// Calls of operators, by name.
#[derive(Clone, Debug, Default)]
pub struct Operators {
    calls: BTreeMap<String, Calls>,
}

impl Operators {
    /// Calls by the program: not by another operator, a backward node or the autograd engine.
    pub fn top_level(&self) -> usize {
        self.sum(|calls| calls.top_level)
    }

    /// Top-level calls of one operator, such as `aten::add_`.
    pub fn top_level_of(&self, name: &str) -> usize {
        self.calls.get(name).map_or(0, |calls| calls.top_level)
    }

    /// Calls by backward nodes, without those that another operator made.
    pub fn backward(&self) -> usize {
        self.sum(|calls| calls.backward)
    }

    /// Calls by the autograd engine between backward nodes, without those that another operator
    /// made.
    pub fn engine(&self) -> usize {
        self.sum(|calls| calls.engine)
    }

    /// Calls of one operator by any caller, at any depth.
    pub fn of(&self, name: &str) -> usize {
        self.calls.get(name).map_or(0, |calls| calls.all)
    }

    /// Calls by any caller, at any depth.
    pub fn total(&self) -> usize {
        self.sum(|calls| calls.all)
    }

    /// Rows of a table: the name, top-level calls, and all calls; most frequent first.
    pub fn table(&self) -> Vec<(String, usize, usize)> {
        let mut rows: Vec<_> = (self.calls.iter())
            .map(|(name, calls)| (name.clone(), calls.top_level, calls.all))
            .collect();
        // Rows of equal counts stay in the order of their names.
        rows.sort_by_key(|&(_, top_level, all)| std::cmp::Reverse((all, top_level)));
        rows
    }

    /// Calls that make the host wait for a device, by name.
    ///
    /// These are operators whose result the host reads, or whose result's shape depends on values,
    /// on whatever device they ran; and `aten::copy_` from a device to the host, or to a device
    /// with `non_blocking` off. `aten::to` and `aten::_to_copy` show up as the `aten::copy_` that
    /// they call. Do not add the counts up: `aten::item` calls `aten::_local_scalar_dense`, for
    /// example. Waits inside a kernel, without an operator, are not seen.
    pub fn synchronising(&self) -> Vec<(String, usize)> {
        let waiting = |(name, calls): (&String, &Calls)| {
            let waiting = match name.as_str() {
                "aten::copy_" => calls.waiting,
                "aten::item"
                | "aten::_local_scalar_dense"
                | "aten::is_nonzero"
                | "aten::nonzero"
                | "aten::equal"
                | "aten::masked_select" => calls.all,
                _ if name.starts_with("aten::unique") || name.starts_with("aten::_unique") => {
                    calls.all
                }
                _ => 0,
            };
            (waiting > 0).then(|| (name.clone(), waiting))
        };
        self.calls.iter().filter_map(waiting).collect()
    }

    fn sum(&self, field: impl Fn(&Calls) -> usize) -> usize {
        self.calls.values().map(field).sum()
    }
}
