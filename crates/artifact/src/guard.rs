//! Turning panics of libraries into errors.
//!
//! The parquet crate checks some values of a file with `assert!`, for example the offset of a column chunk, so one
//! flipped bit would end the program with a panic. Here such a panic becomes an error of a damaged file.

use std::any::Any;
use std::cell::Cell;
use std::error::Error;
use std::panic::{self, AssertUnwindSafe};
use std::sync::Once;

thread_local! {
    /// Whether this thread is inside [`catch_panics`].
    static IS_CATCHING: Cell<bool> = const { Cell::new(false) };
}

/// A panic of a library.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
struct PanicError {
    message: String,
}

/// Calls a library that may panic on damaged input, and returns a panic as an error, which `wrap` converts to the error
/// type of the library. Data that `read` was changing must not be used after a panic.
///
/// # Errors
/// An error or a panic of `read`.
pub fn catch_panics<T, E>(
    wrap: impl FnOnce(Box<dyn Error + Send + Sync>) -> E,
    read: impl FnOnce() -> Result<T, E>,
) -> Result<T, E> {
    silence_caught_panics();
    let before = IS_CATCHING.replace(true);
    let result = panic::catch_unwind(AssertUnwindSafe(read));
    IS_CATCHING.set(before);
    result.unwrap_or_else(|panic| {
        let message = message(&*panic);
        Err(wrap(Box::new(PanicError { message })))
    })
}

/// Replaces the panic hook, which would print panics that [`catch_panics`] turns into errors.
fn silence_caught_panics() {
    static INSTALLED: Once = Once::new();
    INSTALLED.call_once(|| {
        let hook = panic::take_hook();
        panic::set_hook(Box::new(move |panic| {
            if !IS_CATCHING.get() {
                hook(panic);
            }
        }));
    });
}

fn message(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().copied();
    let text = text.or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    text.unwrap_or("its content contradicts itself").to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_becomes_an_error() {
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
