//! Panics become exit 70 with the seed that shows them.

use std::cell::RefCell;
use std::panic::{AssertUnwindSafe, catch_unwind, set_hook, take_hook};

use super::exit::{Exit, Failure};

thread_local! {
    static LAST: RefCell<Option<String>> = const { RefCell::new(None) };
}

/// Does the work; a panic in it is an internal error that names its place and the seed.
pub(crate) fn guarded(seed: Option<u64>, work: impl FnOnce() -> Result<Exit, Failure>) -> Result<Exit, Failure> {
    let before = take_hook();
    set_hook(Box::new(|panic| LAST.with_borrow_mut(|last| *last = Some(panic.to_string()))));
    let ended = catch_unwind(AssertUnwindSafe(work));
    set_hook(before);
    ended.unwrap_or_else(|_| {
        let message = LAST.take().unwrap_or_else(|| "a panic in another thread".to_owned());
        Err(Failure::Internal { message, seed })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_becomes_an_internal_error_with_its_seed() {
        let failure = guarded(Some(7), || panic!("two leaders in term 3")).expect_err("it panicked");
        let told = failure.to_string();
        assert_eq!(failure.exit(), Exit::Internal);
        assert!(
            told.contains("two leaders in term 3") && told.contains("guard.rs") && told.contains("seed 7"),
            "{told}"
        );
        assert_eq!(guarded(None, || Ok(Exit::Refuted)), Ok(Exit::Refuted));
    }
}
