//! Switches of libtorch that tch does not expose. They apply to the whole process.

use std::ffi::c_void;
use std::sync::Once;

// The symbols of libtorch 2.11; with another version the linker fails.
unsafe extern "C" {
    #[link_name = "_ZN2at13globalContextEv"]
    fn global_context() -> *mut c_void;
    #[link_name = "_ZN2at7Context26setDeterministicAlgorithmsEbb"]
    fn set_deterministic_algorithms(context: *mut c_void, on: bool, only_warn: bool);
    #[link_name = "_ZNK2at7Context23deterministicAlgorithmsEv"]
    fn deterministic_algorithms(context: *const c_void) -> bool;
    #[link_name = "_ZN2at7Context39setDeterministicFillUninitializedMemoryEb"]
    fn set_fill_new_memory(context: *mut c_void, on: bool);
    #[link_name = "_ZN2at7Context18setAllowTF32CuBLASEb"]
    fn set_allow_tf32(context: *mut c_void, on: bool);
    #[link_name = "_ZNK2at7Context15allowTF32CuBLASEv"]
    fn allow_tf32(context: *const c_void) -> bool;
}

/// cuBLAS adds in a fixed order only with a workspace of fixed size, which it reads from this variable.
const WORKSPACE: (&str, &str) = ("CUBLAS_WORKSPACE_CONFIG", ":4096:8");

/// Makes libtorch use algorithms that give the same bits every time, and fail for operations without one. The first
/// call must come before the first tensor and before other threads read the environment; later calls do nothing.
pub fn enable_deterministic_algorithms() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        // SAFETY: the threads of the pool wait for work and do not read the environment.
        unsafe { std::env::set_var(WORKSPACE.0, WORKSPACE.1) };
        // SAFETY: the context lives as long as the process, and the method takes it and plain booleans.
        unsafe { set_deterministic_algorithms(global_context(), true, false) };
        // Otherwise every new tensor is filled with NaN first, which only helps to debug.
        // SAFETY: as above.
        unsafe { set_fill_new_memory(global_context(), false) };
    });
}

/// Whether deterministic algorithms are enabled.
pub fn is_deterministic() -> bool {
    // SAFETY: as above.
    unsafe { deterministic_algorithms(global_context()) }
}

/// Lets a GPU multiply f32 matrices as TF32, with a mantissa of 10 instead of 23 bits, as cuDNN does by default. CPUs
/// ignore it.
pub fn allow_tf32_products() {
    // SAFETY: as above.
    unsafe { set_allow_tf32(global_context(), true) };
}

/// Whether TF32 products are allowed.
pub fn are_tf32_products_allowed() -> bool {
    // SAFETY: as above.
    unsafe { allow_tf32(global_context()) }
}
