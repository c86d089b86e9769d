//! The compute capability of a GPU, from NVIDIA's driver. libtorch's own query is in its CUDA libraries, which the
//! programs must not link.

use std::ffi::{CStr, c_int, c_uint, c_void};

/// The driver library of every system with an NVIDIA GPU.
const DRIVER: &CStr = c"libcuda.so.1";

/// `CUDA_SUCCESS`.
const SUCCESS: c_int = 0;

/// `CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR` and `_MINOR`.
const ATTRIBUTES: [c_int; 2] = [75, 76];

type Init = unsafe extern "C" fn(c_uint) -> c_int;
type DeviceGet = unsafe extern "C" fn(*mut c_int, c_int) -> c_int;
type DeviceGetAttribute = unsafe extern "C" fn(*mut c_int, c_int, c_int) -> c_int;

/// Whether a GPU of this compute capability has instructions for bf16 products. The first was 8.0 (Ampere).
pub(crate) fn has_native_bf16((major, _minor): (i32, i32)) -> bool {
    major >= 8
}

/// The compute capability (major, minor) of a GPU, by its index among the visible ones.
///
/// # Errors
/// A message: there is no driver or no such GPU.
pub(crate) fn compute_capability(index: i32) -> Result<(i32, i32), String> {
    // SAFETY: the name is a C string. The driver is never unloaded, because libtorch uses it, too.
    let driver = unsafe { libc::dlopen(DRIVER.as_ptr(), libc::RTLD_NOW) };
    if driver.is_null() {
        return Err("no NVIDIA driver is installed".to_owned());
    }
    let (mut device, mut values) = (0, [0; 2]);
    // SAFETY: the signatures are those of the driver API (cuda.h), stable since CUDA 5, and the pointers are to integers
    // that live through the calls.
    unsafe {
        let init: Init = function(driver, c"cuInit")?;
        let get: DeviceGet = function(driver, c"cuDeviceGet")?;
        let attribute: DeviceGetAttribute = function(driver, c"cuDeviceGetAttribute")?;
        check("cuInit", init(0))?;
        check("cuDeviceGet", get(&raw mut device, index))?;
        for (value, number) in values.iter_mut().zip(ATTRIBUTES) {
            check("cuDeviceGetAttribute", attribute(value, number, device))?;
        }
    }
    Ok(values.into())
}

/// Loads a function of the driver.
///
/// # Safety
/// `F` is the type of a pointer to a function, and the function of this name has that type.
unsafe fn function<F>(driver: *mut c_void, name: &CStr) -> Result<F, String> {
    // SAFETY: the handle comes from `dlopen`, and the name is a C string.
    let address = unsafe { libc::dlsym(driver, name.as_ptr()) };
    if address.is_null() {
        return Err(format!("the driver has no `{}`", name.to_string_lossy()));
    }
    // SAFETY: as the caller guarantees; both are pointers.
    Ok(unsafe { std::mem::transmute_copy(&address) })
}

fn check(call: &str, result: c_int) -> Result<(), String> {
    match result {
        SUCCESS => Ok(()),
        code => Err(format!("`{call}` failed with error {code}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bf16_needs_compute_capability_8() {
        for (capability, expected) in [
            ((6, 1), false),
            ((7, 0), false),
            ((7, 5), false),
            ((8, 0), true),
            ((8, 9), true),
            ((9, 0), true),
            ((12, 0), true),
        ] {
            assert_eq!(has_native_bf16(capability), expected, "{capability:?}");
        }
    }

    /// The result depends on the machine, but the query must not crash on any machine.
    #[test]
    fn the_query_gives_a_capability_or_a_message() {
        match compute_capability(0) {
            Ok((major, minor)) => assert!(major >= 3 && minor >= 0, "{major}.{minor}"),
            Err(reason) => assert!(!reason.is_empty()),
        }
        assert!(compute_capability(9999).is_err());
    }
}
