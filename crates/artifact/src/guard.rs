//! Reading with libraries that assert what a damaged file may deny.
//!
//! The parquet crate checks some claims of a file with `assert!` (the place of a column chunk, for
//! one), so that a flipped bit would end the program with a message for programmers. Here such a
//! panic becomes an error like any other damage.

use std::any::Any;
use std::cell::Cell;
use std::error::Error;
use std::panic::{self, AssertUnwindSafe};
use std::sync::Once;

thread_local! {
    /// Whether this thread is within [`catch_panics`].
    static GUARDED: Cell<bool> = const { Cell::new(false) };
}

/// A library panicked over what a file says.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
struct Panicked {
    message: String,
}

/// Calls a library that may panic on damaged input, and makes a panic an error: `wrap` puts it into
/// the library's own kind. What `read` was working on is not to be used after that.
///
/// # Errors
/// Those of `read`, and its panic.
pub fn catch_panics<T, E>(
    wrap: impl FnOnce(Box<dyn Error + Send + Sync>) -> E,
    read: impl FnOnce() -> Result<T, E>,
) -> Result<T, E> {
    silence_guarded_threads();
    let before = GUARDED.replace(true);
    let result = panic::catch_unwind(AssertUnwindSafe(read));
    GUARDED.set(before);
    result.unwrap_or_else(|panic| {
        let message = message(&*panic);
        Err(wrap(Box::new(Panicked { message })))
    })
}

/// The standard hook would print the panic; on threads within [`catch_panics`] nobody needs to see it.
fn silence_guarded_threads() {
    static SILENCED: Once = Once::new();
    SILENCED.call_once(|| {
        let hook = panic::take_hook();
        panic::set_hook(Box::new(move |panic| {
            if !GUARDED.get() {
                hook(panic);
            }
        }));
    });
}

fn message(panic: &(dyn Any + Send)) -> String {
    let text = panic
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    text.unwrap_or("its content contradicts itself").to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_is_an_error() {
        let check = |read: fn() -> Result<u8, Box<dyn Error + Send + Sync>>, expected: &str| {
            let found = catch_panics(|error| error, read);
            let found = found.map_or_else(|error| error.to_string(), |value| value.to_string());
            assert_eq!(found, expected);
        };
        check(|| Ok(7), "7");
        check(|| Err("damaged".into()), "damaged");
        check(|| panic!("start and length"), "start and length");
        check(|| panic!("at byte {}", 5), "at byte 5");
        check(|| panic::panic_any(5_u8), "its content contradicts itself");
    }
}
